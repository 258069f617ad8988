//! What the figures show, in words.

use std::fmt::Write;

use crate::history::At;
use crate::report::timeline::events::{Line, Weight};
use crate::report::timeline::format::{Escaped, cause};
use crate::report::timeline::incident::Incident;
use crate::report::timeline::model::Model;

/// The events around a violation.
pub(super) fn events(
    incident: &Incident<'_>,
    lines: &[Line],
    left_out: usize,
    open: bool,
    out: &mut String,
) {
    let open = if open { " open" } else { "" };
    let _ = writeln!(
        out,
        "<details class=\"events\"{open}><summary>Events around it, of those who took part\
         </summary>\n<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">seconds</th>\
         <th scope=\"col\">who</th><th scope=\"col\">what</th><th scope=\"col\"></th></tr></thead>\
         \n<tbody>"
    );
    for line in lines {
        let within = line.at >= incident.from && line.at <= incident.to;
        let weight = match line.weight {
            Weight::Usual => "usual",
            Weight::Term => "strong",
            Weight::Trouble => "trouble",
        };
        let _ = writeln!(
            out,
            "<tr class=\"{weight}{}\"><td>{:.3}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            if within { " within" } else { "" },
            line.at.as_secs_f64(),
            Escaped(&line.who),
            line.what,
            Escaped(&line.text)
        );
    }
    out.push_str("</tbody></table></div>\n");
    if left_out > 0 {
        let _ =
            writeln!(out, "<p class=\"dim\">{left_out} events that matter less are left out.</p>");
    }
    out.push_str("</details>\n");
}

const TERM_HEADS: [&str; 10] = [
    "key",
    "node",
    "token",
    "granted",
    "elected",
    "valid until",
    "cancelled",
    "work stopped",
    "why",
    "",
];

fn heads(heads: &[&str], out: &mut String) {
    out.push_str("<thead><tr>");
    for head in heads {
        let _ = write!(out, "<th scope=\"col\">{head}</th>");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
}

/// Every term.
pub(super) fn terms(model: &Model<'_>, out: &mut String) {
    out.push_str("<details><summary>All terms as a table</summary>\n<div class=\"wide\"><table>\n");
    heads(&TERM_HEADS, out);
    let at = |at: Option<At>| {
        at.map_or_else(|| "never".to_owned(), |at| format!("{:.3}", at.as_secs_f64()))
    };
    for term in &model.terms {
        let why = if term.killed { "killed" } else { cause(term.cause) };
        let why = if term.cancelled_at.is_some() { why } else { "" };
        let violating: Vec<&str> = model
            .incidents
            .iter()
            .filter(|one| one.violation.terms.contains(&term.term))
            .map(|one| one.violation.rule)
            .collect();
        let mut notes = Vec::new();
        if term.lost {
            notes.push("hit by a record loss".to_owned());
        }
        if !violating.is_empty() {
            notes.push(format!("✕ {}", violating.join(", ")));
        }
        let class = if violating.is_empty() { "" } else { " class=\"within\"" };
        let _ = writeln!(
            out,
            "<tr{class}><td>{}</td><td>{}</td><td>#{}</td><td>{}</td><td>{:.3}</td><td>{:.3}</td>\
             <td>{}</td><td>{}</td><td>{why}</td><td>{}</td></tr>",
            Escaped(&model.key(term.key)),
            Escaped(&model.node(term.node)),
            term.token,
            at(term.granted.map(|(_, to)| to)),
            term.elected_at.as_secs_f64(),
            term.valid_until.as_secs_f64(),
            at(term.cancelled_at),
            at(term.stopped_at),
            Escaped(&notes.join("; "))
        );
    }
    out.push_str("</tbody></table></div></details>\n");
}
