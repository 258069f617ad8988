//! The timeline for a terminal.

mod lanes;

use std::collections::BTreeMap;
use std::fmt::Write;

use self::lanes::{COLUMNS, LABEL};
use super::events;
use super::format::plain;
use super::incident::Incident;
use super::model::Model;
use super::span::{Span, length, number, seconds};
use crate::history::At;

/// At most so many violations are listed one by one.
const VIOLATIONS: usize = 10;
/// At most so many events around the first violation.
const EVENTS: usize = 60;

pub(super) fn render(model: &Model<'_>) -> String {
    let mut out = String::new();
    violations(model, &mut out);
    let first = model.incidents.first();
    let shown = first.map_or(Span::new(At::ZERO, model.end), |first| first.view);
    let (from, to, end) = (seconds(shown.from), seconds(shown.to), seconds(model.end));
    let shown = shown.not_empty();
    let column = length(lanes::column(shown));
    let _ = writeln!(out, "From {from} to {to} of a run of {end}; one column is {column}.\n");
    let _ = writeln!(out, "{:LABEL$}{}", "", lanes::axis(shown));
    if !model.incidents.is_empty() {
        let _ = writeln!(out, "{:<LABEL$}{}", "violated", lanes::violated(model, shown));
    }
    let keys = model.keys().into_iter();
    for key in keys.filter(|key| first.is_none_or(|first| first.is_about(*key))) {
        let _ = writeln!(out, "{}", label(&model.key(key)).trim_end());
        let _ = writeln!(out, "{}{}", label("  store"), lanes::store(model, shown, key));
        for node in 0..model.history.nodes.len() {
            let name = label(&format!("  {}", model.node(node)));
            let _ = writeln!(out, "{name}{}", lanes::candidate(model, shown, key, node));
        }
    }
    faults(model, shown, &mut out);
    out.push_str(include_str!("text/legend.txt"));
    if let Some(first) = first {
        list(model, first, &mut out);
    }
    // Lanes are filled with spaces to their end.
    out.lines().map(str::trim_end).fold(String::new(), |all, line| all + line + "\n")
}

/// A name in the width of the labels.
fn label(name: &str) -> String {
    let short: String = plain(name).chars().take(LABEL - 1).collect();
    format!("{short:<LABEL$}")
}

fn violations(model: &Model<'_>, out: &mut String) {
    if model.incidents.is_empty() {
        out.push_str("No rule is violated.\n\n");
        return;
    }
    for incident in model.incidents.iter().take(VIOLATIONS) {
        let rule = incident.violation.rule;
        let message = plain(&incident.violation.message);
        let head = format!("VIOLATED {rule} {}", incident.rule_name());
        out.push_str(&wrap(&head, LABEL + COLUMNS, ""));
        out.push_str(&wrap(&message, LABEL + COLUMNS, "    "));
    }
    let more = model.incidents.len().saturating_sub(VIOLATIONS);
    if more > 0 {
        let _ = writeln!(out, "and {more} more violations");
    }
    out.push('\n');
}

/// Lines of at most `width` columns, each indented.
fn wrap(text: &str, width: usize, indent: &str) -> String {
    let mut out = String::new();
    let mut line = indent.to_owned();
    for word in text.split_whitespace() {
        let fits = line.chars().count() + 1 + word.chars().count() <= width;
        if !fits && line.len() > indent.len() {
            out.push_str(&line);
            out.push('\n');
            indent.clone_into(&mut line);
        } else if line.len() > indent.len() {
            line.push(' ');
        }
        line.push_str(word);
    }
    out.push_str(&line);
    out.push('\n');
    out
}

/// A lane of letters for each node that had faults, and what the letters mean.
fn faults(model: &Model<'_>, shown: Span, out: &mut String) {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for fault in model.faults.iter().filter(|fault| shown.contains(fault.at)) {
        *kinds.entry(fault.kind).or_default() += 1;
    }
    if kinds.is_empty() {
        return;
    }
    let letters = lanes::letters(kinds.keys().copied());
    out.push_str("faults\n");
    for node in std::iter::once(None).chain((0..model.history.nodes.len()).map(Some)) {
        if let Some(lane) = lanes::faults(model, shown, node, &letters) {
            let _ = writeln!(out, "{}{lane}", label(&format!("  {}", model.who(node))));
        }
    }
    let parts = kinds.iter().map(|(kind, count)| {
        let letter = letters.get(kind).copied().unwrap_or('?');
        format!("{letter} {} ({count})", kind.replace('_', " "))
    });
    let parts: Vec<String> = parts.chain(["* several".to_owned()]).collect();
    out.push_str(&wrap(&parts.join(" "), LABEL + COLUMNS, "            "));
}

fn list(model: &Model<'_>, incident: &Incident<'_>, out: &mut String) {
    let (lines, left_out) = events::around(model, incident, EVENTS);
    let _ = writeln!(out, "\nevents around the violation of {}", incident.violation.rule);
    for line in &lines {
        let mark = if incident.time.contains(line.at) { '!' } else { ' ' };
        let (at, who) = (number(line.at), plain(&line.who));
        let text = format!("{mark} {at:>10}  {who:<10} {:<11} {}", line.what, line.text);
        out.extend(text.chars().take(LABEL + COLUMNS + 10));
        out.push('\n');
    }
    if left_out > 0 {
        let _ = writeln!(out, "  and {left_out} events that matter less");
    }
}
