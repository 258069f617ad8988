//! The timeline as one HTML file.

mod candidate;
mod faults;
mod figure;
mod layout;
mod store;
mod svg;
mod tables;
mod verdict;

use self::figure::Figure;
use super::events;
use super::format::Escaped;
use super::incident::Incident;
use super::model::Model;
use super::span::{Span, length, seconds};
use crate::history::At;

/// At most so many violations get a figure of their own.
const FIGURES: usize = 3;
/// At most so many events are listed around each of them.
const EVENTS: usize = 120;

pub(super) fn render(model: &Model<'_>, title: &str, replay_command: &str) -> String {
    let mut story = verdict::draw(model);
    for (number, incident) in pictured(model).into_iter().enumerate() {
        story += &closer(model, incident, number);
    }
    story += &whole(model);
    let mut terms = tables::terms(model);
    if !replay_command.is_empty() {
        terms += &format!(include_str!("html/again.html"), command = Escaped(replay_command));
    }
    format!(
        include_str!("html/page.html"),
        title = Escaped(title),
        style = include_str!("html/style.css"),
        marks = include_str!("html/marks.svg"),
        facts = facts(model),
        story = story,
        legend = include_str!("html/legend.html"),
        terms = terms,
        script = include_str!("html/script.js"),
    )
}

/// The size of the run in one line.
fn facts(model: &Model<'_>) -> String {
    let count = |count: usize, one: &str, many: &str| {
        format!("<b>{count}</b> {}", if count == 1 { one } else { many })
    };
    let mut facts = vec![
        count(model.history.nodes.len(), "node", "nodes"),
        format!("<b>{}</b>", length(model.end)),
        format!("lease <b>{}</b>", length(model.history.timing.lease)),
        count(model.terms.len(), "term", "terms"),
        count(model.requests.len(), "request", "requests"),
        count(model.faults.len(), "fault", "faults"),
    ];
    if !model.losses.is_empty() {
        facts.push(count(model.losses.len(), "record loss", "record losses"));
    }
    let margins = model.gaps.iter().filter(|gap| gap.ran_out).map(|gap| gap.time.length());
    if let Some(margin) = margins.min() {
        facts.push(format!("smallest safety margin <b>{}</b>", length(margin)));
    }
    facts.join("<i> · </i>")
}

/// The violations that get a figure: each where no figure before shows it as well.
fn pictured<'m, 'a>(model: &'m Model<'a>) -> Vec<&'m Incident<'a>> {
    let mut shown: Vec<&Incident<'_>> = Vec::new();
    for incident in &model.incidents {
        let Span { from, to } = incident.time;
        let to = to.min(incident.view.to);
        let seen = shown.iter().any(|other| other.view.from <= from && to <= other.view.to);
        if !seen && shown.len() < FIGURES {
            shown.push(incident);
        }
    }
    shown
}

/// What happened around a violation.
fn closer(model: &Model<'_>, incident: &Incident<'_>, number: usize) -> String {
    let rule = incident.violation.rule;
    let keys = model.keys().into_iter().filter(|key| incident.is_about(*key));
    let figure = Figure {
        model,
        shown: incident.view,
        keys: keys.collect(),
        name: format!("closer-{number}"),
        title: format!("Around the violation of rule {rule}"),
        description: incident.violation.message.clone(),
    };
    let (lines, left_out) = events::around(model, incident, EVENTS);
    format!(
        include_str!("html/closer.html"),
        rule = Escaped(rule),
        from = seconds(incident.view.from),
        to = seconds(incident.view.to),
        figure = figure.draw(),
        events = tables::events(incident, &lines, left_out, number == 0),
    )
}

fn whole(model: &Model<'_>) -> String {
    let description = format!(
        "Nodes: {}. Length: {}. Terms: {}. Faults: {}. Violations: {}.",
        model.history.nodes.len(),
        length(model.end),
        model.terms.len(),
        model.faults.len(),
        model.incidents.len()
    );
    let figure = Figure {
        model,
        shown: Span::new(At::ZERO, model.end),
        keys: model.keys(),
        name: "whole".to_owned(),
        title: "The whole run".to_owned(),
        description,
    };
    format!("<section>\n<h2>The whole run</h2>\n{}</section>\n", figure.draw())
}
