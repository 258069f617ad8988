//! The timeline as one HTML file.

mod candidate;
mod faults;
mod figure;
mod layout;
mod marks;
mod store;
mod svg;
mod tables;

use std::fmt::Write;

use self::figure::Figure;
use super::events;
use super::format::{Escaped, seconds, span};
use super::incident::Incident;
use super::model::{Gap, Model};
use crate::history::At;
use crate::rules;

/// At most so many violations are listed one by one.
const VIOLATIONS: usize = 20;
/// At most so many of them get a figure of their own.
const FIGURES: usize = 3;
/// At most so many events are listed around each of them.
const EVENTS: usize = 120;

pub(super) fn render(model: &Model<'_>, title: &str, replay_command: &str) -> String {
    let (mut top, mut story, mut terms) = (String::new(), String::new(), String::new());
    facts(model, &mut top);
    verdict(model, &mut story);
    for (number, incident) in pictured(model).iter().enumerate() {
        closer(model, incident, number, &mut story);
    }
    whole(model, &mut story);
    tables::terms(model, &mut terms);
    if !replay_command.is_empty() {
        let command = Escaped(replay_command);
        let _ = write!(
            terms,
            "<section>\n<h2>See it again</h2>\n<pre class=\"command\"><code>{command}</code></pre>\n\
             </section>\n"
        );
    }
    format!(
        include_str!("html/page.html"),
        title = Escaped(title),
        style = include_str!("html/style.css"),
        marks = marks::DEFINITIONS,
        facts = top,
        story = story,
        legend = include_str!("html/legend.html"),
        terms = terms,
        script = include_str!("html/script.js"),
    )
}

/// The size of the run in one line.
fn facts(model: &Model<'_>, out: &mut String) {
    let count = |count: usize, one: &str, many: &str| {
        format!("<b>{count}</b> {}", if count == 1 { one } else { many })
    };
    let mut facts = vec![
        count(model.history.nodes.len(), "node", "nodes"),
        format!("<b>{}</b>", span(model.end)),
        format!("lease <b>{}</b>", span(model.history.timing.lease)),
        count(model.terms.len(), "term", "terms"),
        count(model.requests.len(), "request", "requests"),
        count(model.faults.len(), "fault", "faults"),
    ];
    if !model.losses.is_empty() {
        facts.push(count(model.losses.len(), "record loss", "record losses"));
    }
    let margins = model.gaps.iter().filter(|gap| gap.ran_out);
    if let Some(margin) = margins.map(Gap::length).min() {
        facts.push(format!("smallest safety margin <b>{}</b>", span(margin)));
    }
    let _ = writeln!(out, "<p class=\"facts\">{}</p>", facts.join("<i> · </i>"));
}

/// What was violated, or that nothing was.
fn verdict(model: &Model<'_>, out: &mut String) {
    if model.incidents.is_empty() {
        out.push_str("<section class=\"verdict good\"><h2>✓ No rule is violated</h2></section>\n");
        return;
    }
    out.push_str("<section class=\"verdict bad\">\n");
    for (index, incident) in model.incidents.iter().take(VIOLATIONS).enumerate() {
        let id = incident.violation.rule;
        let rule = rules::rule(id);
        let name = rule.map_or("", |rule| rule.name).replace('_', " ");
        let message = Escaped(&incident.violation.message);
        let at = seconds(incident.violation.at);
        if index == 0 {
            let _ = write!(
                out,
                "<h2><span aria-hidden=\"true\">✕</span> Rule {} is violated: {}</h2>\n\
                 <p class=\"message\">{message}</p>\n",
                Escaped(id),
                Escaped(&name)
            );
            if let Some(rule) = rule {
                let _ = writeln!(
                    out,
                    "<details><summary>The rule in full</summary><p>{}</p></details>",
                    Escaped(rule.text)
                );
            }
            if model.incidents.len() > 1 {
                out.push_str("<ul>\n");
            }
        } else {
            let _ = writeln!(
                out,
                "<li><b>{}</b> {} <span class=\"dim\">at {at}</span><br>{message}</li>",
                Escaped(id),
                Escaped(&name)
            );
        }
    }
    if model.incidents.len() > 1 {
        let more = model.incidents.len().saturating_sub(VIOLATIONS);
        if more > 0 {
            let _ = writeln!(out, "<li>and {more} more</li>");
        }
        out.push_str("</ul>\n");
    }
    out.push_str("</section>\n");
}

/// The violations that get a figure: each where no figure before shows it as well.
fn pictured<'m, 'a>(model: &'m Model<'a>) -> Vec<&'m Incident<'a>> {
    let mut shown: Vec<&Incident<'_>> = Vec::new();
    for incident in &model.incidents {
        let seen = shown.iter().any(|other| {
            other.view.0 <= incident.from && incident.to.min(incident.view.1) <= other.view.1
        });
        if !seen && shown.len() < FIGURES {
            shown.push(incident);
        }
    }
    shown
}

/// What happened around a violation.
fn closer(model: &Model<'_>, incident: &Incident<'_>, number: usize, out: &mut String) {
    let (from, to) = incident.view;
    let _ = writeln!(
        out,
        "<section>\n<h2>Around the violation of {} <span class=\"dim\">{} to {}</span></h2>",
        Escaped(incident.violation.rule),
        seconds(from),
        seconds(to)
    );
    let figure = Figure {
        model,
        from,
        to,
        keys: model.keys().into_iter().filter(|key| incident.is_about(*key)).collect(),
        name: format!("closer-{number}"),
        title: format!("Around the violation of rule {}", incident.violation.rule),
        description: incident.violation.message.clone(),
    };
    figure.draw(out);
    let (lines, left_out) = events::around(model, incident, EVENTS);
    tables::events(incident, &lines, left_out, number == 0, out);
    out.push_str("</section>\n");
}

fn whole(model: &Model<'_>, out: &mut String) {
    out.push_str("<section>\n<h2>The whole run</h2>\n");
    let figure = Figure {
        model,
        from: At::ZERO,
        to: model.end,
        keys: model.keys(),
        name: "whole".to_owned(),
        title: "The whole run".to_owned(),
        description: format!(
            "Nodes: {}. Length: {}. Terms: {}. Faults: {}. Violations: {}.",
            model.history.nodes.len(),
            span(model.end),
            model.terms.len(),
            model.faults.len(),
            model.incidents.len()
        ),
    };
    figure.draw(out);
    out.push_str("</section>\n");
}
