//! What is said after the last test.

use std::fmt::Write;
use std::path::PathBuf;
use std::{env, io};

use super::results::{self, RuleResult};
use super::{REPORT_VARIABLE, Suite};
use crate::Verdict;

/// Writes the results where they are wanted. What to print, empty if nothing.
pub(super) fn finish(suite: &Suite, results: &[RuleResult]) -> io::Result<String> {
    let mut text = String::new();
    let mut results = results.to_vec();
    results.sort_by_key(|result| result.id);
    for result in &results {
        if let Verdict::Partial(why) = &result.verdict {
            say(&mut text, &format!("partial {} {}: {why}", suite.name, result.id));
        }
        for line in &result.detail {
            say(&mut text, &format!("hint    {} {}: {line}", suite.name, result.id));
        }
    }
    let wanted = env::var_os(REPORT_VARIABLE).filter(|value| !value.is_empty());
    if let Some(directory) = suite.report.clone().or(wanted.map(PathBuf::from)) {
        let path = results::write(&directory, suite, &results)?;
        say(&mut text, &format!("results: {}", path.display()));
    }
    Ok(text)
}

fn say(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}
