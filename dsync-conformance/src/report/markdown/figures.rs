//! The figures of a report.

use std::collections::BTreeSet;

use super::table::Table;
use crate::report::{Report, Run, Tier};

/// Rows of a table with a column for each tier.
type Row = (&'static str, fn(&Run) -> String);

const ROWS: &[Row] = &[
    ("where", places),
    ("seeds", |run| run.seeds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    ("real time", |run| time(run.wall_ms)),
    ("virtual time", |run| time(run.virtual_ms)),
    ("schedules", |run| count(run.schedules)),
    ("… with drifting clocks", |run| count(run.drifting)),
    ("calls of the driver", |run| count(run.operations)),
    ("requests at the server", |run| run.requests.map(count).unwrap_or_default()),
    ("faults", |run| count(run.all_faults())),
    ("terms", |run| count(run.terms)),
    ("hand-overs", |run| count(run.hand_overs)),
    ("uses of locks", |run| count(run.locks)),
    ("writes applied without an answer", |run| count(run.ambiguous_applied)),
    ("terms hit by record loss", |run| count(run.lost_terms)),
    ("possible violations", |run| count(run.uncertain)),
    ("smallest safety margin", |run| millis(run.smallest_margin_ms)),
    ("longest stall of the machine", |run| millis(run.longest_stall_ms)),
];

/// The table of what each tier ran.
pub(super) fn summary(report: &Report) -> Option<String> {
    if report.tiers.is_empty() {
        return None;
    }
    let mut table = Table::new(heads(report, ""));
    for (name, figure) in ROWS {
        let cells: Vec<String> = report.tiers.values().map(figure).collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            table.row(std::iter::once((*name).to_owned()).chain(cells));
        }
    }
    Some(format!("## Figures\n\n{}", table.render()))
}

/// The tables of faults, liveness, margins and candidates.
pub(super) fn details(report: &Report) -> Vec<String> {
    let tables = [
        titled("Faults", faults(report)),
        titled("Liveness", liveness(report)),
        titled("Safety margins", margins(report)),
        titled("Terms by candidate", candidates(report)),
    ];
    tables.into_iter().flatten().collect()
}

fn titled(title: &str, table: Option<String>) -> Option<String> {
    table.map(|table| format!("## {title}\n\n{table}"))
}

fn heads(report: &Report, first: &str) -> Vec<String> {
    let tiers = report.tiers.keys().map(Tier::to_string);
    std::iter::once(first.to_owned()).chain(tiers).collect()
}

/// A table with a row for each key that a tier has.
fn by_key<K: Ord + Clone + ToString>(
    report: &Report,
    first: &str,
    keys: impl Fn(&Run) -> Vec<K>,
    cell: impl Fn(&Run, &K) -> Option<String>,
    name: impl Fn(&K) -> String,
) -> Option<String> {
    let all: BTreeSet<K> = report.tiers.values().flat_map(keys).collect();
    let mut table = Table::new(heads(report, first));
    for key in &all {
        let cells = report.tiers.values().map(|run| cell(run, key).unwrap_or_default());
        table.row(std::iter::once(name(key)).chain(cells));
    }
    (!all.is_empty()).then(|| table.render())
}

fn faults(report: &Report) -> Option<String> {
    by_key(
        report,
        "kind",
        |run| run.faults.keys().cloned().collect(),
        |run, kind| run.faults.get(kind).copied().map(count),
        |kind| kind.replace('_', " "),
    )
}

fn liveness(report: &Report) -> Option<String> {
    by_key(
        report,
        "rule, worst case of its bound",
        |run| run.liveness.keys().cloned().collect(),
        |run, rule| {
            let worst = run.liveness.get(rule)?;
            let share = format!("{:.0} %", worst.share * 100.0);
            Some(match (worst.took_ms, worst.bound_ms) {
                (Some(took), Some(bound)) => format!("{share} ({took} of {bound} ms)"),
                _ => share,
            })
        },
        Clone::clone,
    )
}

fn margins(report: &Report) -> Option<String> {
    by_key(
        report,
        "of a lease, from the end of a term to the next grant",
        |run| run.margins.keys().copied().collect(),
        |run, tenths| run.margins.get(tenths).copied().map(count),
        |tenths| {
            let next = tenths + 1;
            format!("{}.{} to {}.{}", tenths / 10, tenths % 10, next / 10, next % 10)
        },
    )
}

fn candidates(report: &Report) -> Option<String> {
    by_key(
        report,
        "candidate",
        |run| run.terms_by_candidate.keys().cloned().collect(),
        |run, candidate| run.terms_by_candidate.get(candidate).copied().map(count),
        Clone::clone,
    )
}

fn places(run: &Run) -> String {
    let shown = run.environments.iter().map(|place| {
        format!("{} {}, {} cpus, {}", place.os, place.arch, place.cpus, place.profile)
    });
    shown.collect::<Vec<_>>().join("; ")
}

/// A number with its thousands apart.
pub(in crate::report) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn millis(value: Option<f64>) -> String {
    // To the microsecond.
    value.map(|value| format!("{} ms", (value * 1e3).round() / 1e3)).unwrap_or_default()
}

/// Milliseconds in the two largest units that fit; nothing for none.
fn time(ms: u64) -> String {
    let seconds = ms / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match () {
        () if ms == 0 => String::new(),
        () if seconds < 60 => format!("{seconds}.{} s", ms % 1000 / 100),
        () if hours == 0 => format!("{minutes} min {} s", seconds % 60),
        () if days == 0 => format!("{hours} h {} min", minutes % 60),
        () => format!("{days} days {} h", hours % 24),
    }
}
