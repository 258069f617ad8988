//! The table of drivers, made of published reports.

use super::markdown::{Table, count};
use super::{Report, Run};

/// A table of published reports in Markdown, a row for each report and the link to where it is
/// shown. Without any it is one line that says so.
#[must_use]
pub fn drivers(published: &[(Report, String)]) -> String {
    if published.is_empty() {
        return "No report has been published yet.\n".to_owned();
    }
    let heads = ["driver", "store", "verdict", "rules", "schedules", "faults", "hand-overs"];
    let mut table = Table::new(heads.into_iter().chain(["smallest margin", "report"]));
    for (report, link) in published {
        let version = report.driver.version.as_deref().unwrap_or_default();
        let sum = |figure: fn(&Run) -> u64| count(report.tiers.values().map(figure).sum());
        let margins = report.tiers.values().filter_map(|run| run.smallest_margin_ms);
        table.row([
            format!("{} {version}", report.driver.name),
            report.server.as_ref().map_or("not told".to_owned(), ToString::to_string),
            report.conclusion.verdict.to_string(),
            report.counts(),
            sum(|run| run.schedules),
            sum(Run::all_faults),
            sum(|run| run.hand_overs),
            margins.reduce(f64::min).map_or(String::new(), |margin| format!("{margin} ms")),
            format!("[{}]({link})", report.date.as_deref().unwrap_or("report")),
        ]);
    }
    table.render()
}
