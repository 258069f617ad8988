//! What the figures show, in words.

use crate::history::At;
use crate::report::timeline::events::{Line, Weight};
use crate::report::timeline::format::{Escaped, end};
use crate::report::timeline::incident::Incident;
use crate::report::timeline::model::Model;
use crate::report::timeline::span::number;

/// The events around a violation.
pub(super) fn events(
    incident: &Incident<'_>,
    lines: &[Line],
    left_out: usize,
    open: bool,
) -> String {
    let mut rows = String::new();
    for line in lines {
        let weight = match line.weight {
            Weight::Usual => "usual",
            Weight::Term => "strong",
            Weight::Trouble => "trouble",
        };
        let within = if incident.time.contains(line.at) { " within" } else { "" };
        rows += &row(
            &format!(" class=\"{weight}{within}\""),
            &[&number(line.at), &line.who, line.what, &line.text],
        );
    }
    let left_out = match left_out {
        0 => String::new(),
        _ => format!("<p class=\"dim\">{left_out} events that matter less are left out.</p>\n"),
    };
    let open = if open { " open" } else { "" };
    format!(include_str!("events.html"), open = open, rows = rows, left_out = left_out)
}

/// Every term.
pub(super) fn terms(model: &Model<'_>) -> String {
    let mut rows = String::new();
    let at = |at: Option<At>| at.map_or_else(|| "never".to_owned(), number);
    for term in &model.terms {
        let of_term = model.incidents.iter().filter(|one| one.violation.terms.contains(&term.term));
        let violated: Vec<&str> = of_term.map(|one| one.violation.rule).collect();
        let (class, violated) = match violated.as_slice() {
            [] => ("", None),
            rules => (" class=\"within\"", Some(format!("✕ {}", rules.join(", ")))),
        };
        let lost = term.lost.then(|| "hit by a record loss".to_owned());
        let notes: Vec<String> = lost.into_iter().chain(violated).collect();
        rows += &row(
            class,
            &[
                &model.key(term.key),
                &model.node(term.node),
                &format!("#{}", term.token),
                &at(term.granted.map(|(_, to)| to)),
                &number(term.elected_at),
                &number(term.valid_until),
                &at(term.cancelled_at),
                &at(term.stopped_at),
                term.cancelled_at.map_or("", |_| end(term)),
                &notes.join("; "),
            ],
        );
    }
    format!(include_str!("terms.html"), rows = rows)
}

fn row(class: &str, cells: &[&str]) -> String {
    let mut row = format!("<tr{class}>");
    for cell in cells {
        row += &format!("<td>{}</td>", Escaped(cell));
    }
    row + "</tr>\n"
}
