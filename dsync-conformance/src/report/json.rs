//! Reports as JSON.

use serde::Deserialize;

use super::{Report, ReportError, SCHEMA, seal};

/// The oldest schema that is still read. Its reports have neither a commit nor a digest.
const OLDEST: u32 = 1;

impl Report {
    /// The report as JSON, indented and always in the same order, with the digest of its content.
    ///
    /// # Errors
    ///
    /// If a number in it is infinite or not a number, or if it was read from an earlier schema.
    pub fn to_json(&self) -> Result<String, ReportError> {
        if self.schema != SCHEMA {
            return Err(ReportError(format!(
                "a report of schema {} cannot be written: make it again, by the commands that stand \
                 under `reproduce`",
                self.schema
            )));
        }
        let mut settled = self.clone();
        settled.settle();
        Ok(seal::seal(&settled.content()?))
    }

    /// Everything but the digest.
    pub(super) fn content(&self) -> Result<String, ReportError> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| ReportError(format!("the report cannot be JSON: {error}")))?;
        Ok(text + "\n")
    }

    /// Reads what [`to_json`](Self::to_json) wrote, and compares it with its digest, byte by byte.
    /// A report of schema 1 has no digest, so [`is_sealed`](Self::is_sealed) is `false` for it.
    ///
    /// # Errors
    ///
    /// If it is no report, one of a schema that this version of the suite does not know, or not as
    /// its run wrote it.
    pub fn from_json(text: &str) -> Result<Self, ReportError> {
        #[derive(Deserialize)]
        struct Head {
            schema: u32,
            digest: Option<String>,
        }

        let head: Head = serde_json::from_str(text).map_err(|error| {
            ReportError(format!(
                "this is no report of dsync-conformance: {error}; a report begins with \
                 `\"schema\": {SCHEMA}`"
            ))
        })?;
        let schema = head.schema;
        if schema > SCHEMA {
            return Err(ReportError(format!(
                "the report has schema {schema}, and this version of dsync-conformance knows \
                 {SCHEMA} at most: read it with the version that wrote it, or a newer one"
            )));
        }
        if schema < OLDEST {
            return Err(ReportError(format!(
                "the report has schema {schema}, and this version of dsync-conformance knows \
                 {OLDEST} to {SCHEMA}: make it again, by the commands that stand under `reproduce`"
            )));
        }
        let mut report: Self = serde_json::from_str(text)
            .map_err(|error| ReportError(format!("a report, but a broken one: {error}")))?;
        if report.is_sealed() {
            // Before it is settled: this version may have rules that the report's did not have.
            unbroken(text, head.digest.as_deref(), &report.content()?)?;
        }
        report.settle();
        Ok(report)
    }

    /// Whether the report came with a digest, and is as its run wrote it.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.schema > OLDEST
    }
}

/// Whether `text` is what was written for `content`.
fn unbroken(text: &str, digest: Option<&str>, content: &str) -> Result<(), ReportError> {
    const MEND: &str = "put the file that the run wrote in its place, or run it again by the \
                        commands under `reproduce`";
    let actual = seal::digest(content);
    match digest {
        None => Err(ReportError(format!("the report has lost its digest: {MEND}"))),
        Some(digest) if digest != actual => Err(ReportError(format!(
            "the report is not as its run wrote it: it names the digest {digest}, but its content \
             has {actual}: {MEND}"
        ))),
        Some(_) if seal::seal(content) != text => Err(ReportError(format!(
            "the report is not as its run wrote it: its content is, but its text was formatted \
             again or added to: {MEND}"
        ))),
        Some(_) => Ok(()),
    }
}
