//! The table of drivers, made of published reports.

use super::markdown::{Table, count};
use super::{Report, Run};

/// A published report, as a row of the table of drivers.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// The report.
    pub report: Report,
    /// Where it is shown.
    pub link: String,
    /// How the code that it tested compares with the code that there is now.
    pub age: Age,
}

/// How the code that a report tested compares with the code that there is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Core, driver and suite are the same.
    Current,
    /// They have changed since, or the report does not say which they were.
    Stale,
    /// There is no history to compare with.
    Unknown,
}

impl Age {
    /// The word that stands for it in the table; empty for [`Current`](Self::Current).
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Current => "",
            Self::Stale => "**stale**",
            Self::Unknown => "unknown",
        }
    }
}

/// A table of published reports in Markdown, a row for each. Without any it is one line that says
/// so.
#[must_use]
pub fn drivers(published: &[Published]) -> String {
    if published.is_empty() {
        return "No report has been published yet.\n".to_owned();
    }
    let heads = ["driver", "store", "verdict", "rules", "schedules", "faults", "hand-overs"];
    let mut table = Table::new(heads.into_iter().chain(["smallest margin", "code", "report"]));
    for Published { report, link, age } in published {
        let version = report.driver.version.as_deref().unwrap_or_default();
        let sum = |figure: fn(&Run) -> u64| count(report.tiers.values().map(figure).sum());
        let margins = report.tiers.values().filter_map(|run| run.smallest_margin_ms);
        table.row([
            format!("{} {version}", report.driver.name),
            report.server.as_ref().map_or("not given".to_owned(), ToString::to_string),
            report.conclusion.verdict.to_string(),
            report.counts(),
            sum(|run| run.schedules),
            sum(Run::all_faults),
            sum(|run| run.hand_overs),
            margins.reduce(f64::min).map_or(String::new(), |margin| format!("{margin} ms")),
            code(report, *age),
            format!("[{}]({link})", report.date.as_deref().unwrap_or("report")),
        ]);
    }
    table.render()
}

/// The commit of a report, and whether it is stale.
fn code(report: &Report, age: Age) -> String {
    let source = &report.source;
    let commit = match (source.short(), source.clean) {
        (None, _) => "no commit recorded".to_owned(),
        (Some(commit), Some(true)) => format!("`{commit}`"),
        (Some(commit), _) => format!("`{commit}` with changes"),
    };
    match age {
        Age::Current => commit,
        Age::Stale | Age::Unknown => format!("{}: {commit}", age.word()),
    }
}
