//! Merging several parts into one report.

use super::{Report, ReportError, SCHEMA};

impl Report {
    /// Merges several parts into one report: tiers, forms of the driver, the self-test. The figures
    /// of parts of the same tier are added up, and of two verdicts the worse one counts.
    ///
    /// # Errors
    ///
    /// If there is no part, if one has an earlier schema, or if parts are of different drivers,
    /// servers, commits, or versions of the suite.
    pub fn merge(parts: impl IntoIterator<Item = Self>) -> Result<Self, ReportError> {
        let mut parts = parts.into_iter();
        let Some(mut merged) = parts.next() else {
            return Err(ReportError("no part to make a report of: nothing was run".to_owned()));
        };
        merged.is_present()?;
        for part in parts {
            part.is_present()?;
            merged.take(part)?;
        }
        merged.settle();
        Ok(merged)
    }

    /// Turns the part into one of the driver of this name. If it had another name, that becomes the
    /// name of its form.
    #[must_use]
    pub fn of_driver(mut self, name: &str) -> Self {
        if self.driver.name != name {
            let form = std::mem::replace(&mut self.driver.name, name.to_owned());
            let unnamed = self.driver.forms.iter_mut().filter(|form| form.name.is_empty());
            unnamed.for_each(|unnamed| unnamed.name.clone_from(&form));
        }
        self
    }

    /// A part without a commit and a digest cannot become a report that has them.
    fn is_present(&self) -> Result<(), ReportError> {
        if self.schema == SCHEMA {
            return Ok(());
        }
        let schema = self.schema;
        Err(ReportError(format!("a part has schema {schema} instead of {SCHEMA}: run it again")))
    }

    fn take(&mut self, part: Self) -> Result<(), ReportError> {
        same("suites", &self.suite.version, &part.suite.version)?;
        same("versions of the rules", &self.suite.rules, &part.suite.rules)?;
        self.source.add(&part.source)?;
        same("drivers", &self.driver.name, &part.driver.name)?;
        if let (Some(known), Some(other)) = (&self.driver.version, &part.driver.version) {
            same("versions of the driver", known, other)?;
        }
        if let (Some(known), Some(other)) = (&self.server, &part.server) {
            same("servers", known, other)?;
        }
        self.server = self.server.take().or(part.server);
        self.date = self.date.take().max(part.date);
        for command in part.reproduce {
            if !self.reproduce.contains(&command) {
                self.reproduce.push(command);
            }
        }
        self.driver.add(part.driver);
        self.harness.add(part.harness);
        for (tier, run) in &part.tiers {
            self.tiers.entry(*tier).or_default().add(run);
        }
        for rule in part.rules {
            for (tier, judgement) in rule.tiers {
                self.judge(tier, &rule.id, judgement);
            }
        }
        self.kills.extend(part.kills);
        Ok(())
    }
}

fn same<T: PartialEq + std::fmt::Display>(what: &str, a: &T, b: &T) -> Result<(), ReportError> {
    if a == b {
        return Ok(());
    }
    Err(ReportError(format!(
        "the parts are of two {what}, {a} and {b}: make a report of each, or run the older part \
         again"
    )))
}
