//! What came of a run, for reports.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::{Verdict, rules};

/// How a rule was tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// In virtual time, against a store in memory.
    Virtual,
    /// In real time.
    Real,
}

/// What came of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleResult {
    /// The id of the rule.
    pub id: String,
    /// What came of it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// How it was tested.
    pub tier: Tier,
    /// How many cases were tried: races, calls that were cut short, states that were compared.
    pub cases: u64,
    /// What else the author of the driver may want to know, one thing per line.
    pub detail: Vec<String>,
    /// How long it took, in real time.
    pub took: Duration,
}

/// What came of a whole run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Results {
    /// The driver that was tested, by the name that the suite was given.
    pub driver: String,
    /// The server and its version, where the harness told.
    pub server: Option<String>,
    /// The version of the rules.
    pub rules_version: u32,
    /// Each rule that was run, in the order of ids.
    pub rules: Vec<RuleResult>,
}

/// Writes the results of a run. The one place to add other formats.
pub(super) fn write(
    directory: &Path,
    driver: &str,
    server: Option<String>,
    rules: &[RuleResult],
) -> io::Result<PathBuf> {
    let mut rules = rules.to_vec();
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    let rules_version = rules::VERSION;
    let results = Results { driver: driver.to_owned(), server, rules_version, rules };
    fs::create_dir_all(directory)?;
    let path = directory.join(format!("{driver}.json"));
    fs::write(&path, serde_json::to_vec_pretty(&results)?)?;
    Ok(path)
}
