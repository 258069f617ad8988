//! Reports as JSON.

use serde::Deserialize;

use super::{Report, ReportError, SCHEMA};

impl Report {
    /// The report as JSON, for people as well: indented, and always in the same order.
    ///
    /// # Errors
    ///
    /// If a number in it is infinite or not a number.
    pub fn to_json(&self) -> Result<String, ReportError> {
        let mut settled = self.clone();
        settled.settle();
        let text = serde_json::to_string_pretty(&settled)
            .map_err(|error| ReportError(format!("the report cannot be JSON: {error}")))?;
        Ok(text + "\n")
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    ///
    /// If it is no report, or one of a schema that this version of the suite does not know.
    pub fn from_json(text: &str) -> Result<Self, ReportError> {
        #[derive(Deserialize)]
        struct Versioned {
            schema: u32,
        }

        let versioned: Versioned = serde_json::from_str(text).map_err(|error| {
            ReportError(format!(
                "this is no report of dsync-conformance: {error}; a report begins with \
                 `\"schema\": {SCHEMA}`"
            ))
        })?;
        let schema = versioned.schema;
        if schema > SCHEMA {
            return Err(ReportError(format!(
                "the report has schema {schema}, and this version of dsync-conformance knows \
                 {SCHEMA} at most: read it with the version that wrote it, or a newer one"
            )));
        }
        if schema < SCHEMA {
            return Err(ReportError(format!(
                "the report has schema {schema}, and this version of dsync-conformance knows \
                 {SCHEMA} alone: make it again, by the commands that stand under `reproduce`"
            )));
        }
        let mut report: Self = serde_json::from_str(text)
            .map_err(|error| ReportError(format!("a report, but a broken one: {error}")))?;
        report.settle();
        Ok(report)
    }
}
