//! The events around a violation, in words.

use std::collections::BTreeMap;
use std::time::Duration;

use super::format::{cause, outcome, plain};
use super::incident::Incident;
use super::model::Model;
use super::request::Fate;
use crate::history::{At, Event, LockCall, LockReturn, Outcome, Verb};

/// One event.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) at: At,
    pub(super) who: String,
    /// One word, such as `sent`.
    pub(super) what: &'static str,
    pub(super) text: String,
    pub(super) weight: Weight,
}

/// How much an event matters to a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    Usual,
    /// Terms begin and end.
    Term,
    /// Something was made to go wrong, or went wrong.
    Trouble,
}

/// The events around an incident, and how many were left out so that there are at most `most`.
pub(super) fn around(
    model: &Model<'_>,
    incident: &Incident<'_>,
    most: usize,
) -> (Vec<Line>, usize) {
    let margin = model.history.timing.renew_period.max(Duration::from_millis(100));
    // The last renewal of a term that should have been over is where its story begins.
    let terms = incident.violation.terms.iter().filter_map(|term| model.term(*term));
    let sent = terms.map(|term| term.sent).filter(|sent| *sent < incident.from).min();
    let from = sent.unwrap_or(incident.from).min(incident.from.saturating_sub(margin));
    let from = from.max(incident.view.0.min(incident.from));
    let to = (incident.to.min(incident.view.1) + margin / 2).min(model.end);
    let lines = all(model, incident, from, to);
    if lines.len() <= most {
        return (lines, 0);
    }
    // What matters most goes first, and then what is nearest.
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by_key(|index| {
        let line = &lines[*index];
        (line.weight == Weight::Usual, line.at.abs_diff(incident.violation.at), *index)
    });
    order.truncate(most);
    order.sort_unstable();
    let left_out = lines.len() - order.len();
    (order.into_iter().map(|index| lines[index].clone()).collect(), left_out)
}

fn all(model: &Model<'_>, incident: &Incident<'_>, from: At, to: At) -> Vec<Line> {
    let mut calls: BTreeMap<u64, (Verb, usize)> = BTreeMap::new();
    let mut lines = Vec::new();
    for entry in &model.history.entries {
        if let Event::Called { call, key, verb, .. } = &entry.event {
            calls.insert(*call, (*verb, *key));
        }
        if entry.at < from || entry.at > to || !concerns(model, incident, entry.node, &entry.event)
        {
            continue;
        }
        if let Some((who, what, text, weight)) = say(model, &calls, entry.node, &entry.event) {
            lines.push(Line { at: entry.at, who, what, text: plain(&text), weight });
        }
    }
    lines
}

/// Whether an event belongs to the story: it is of a node that took part, or it changed the record.
fn concerns(
    model: &Model<'_>,
    incident: &Incident<'_>,
    node: Option<usize>,
    event: &Event,
) -> bool {
    let of_key = |key: usize| incident.is_about(key);
    let of_term = |term: u64| model.term(term).is_none_or(|term| of_key(term.key));
    match event {
        Event::Stored { key, outcome, .. } => {
            let writes = matches!(outcome, Outcome::Won(_) | Outcome::Kept | Outcome::Released);
            of_key(*key) && (writes || incident.concerns(node))
        }
        Event::RecordLoss { key, .. } => key.is_none_or(of_key),
        Event::Called { key, .. }
        | Event::Register { key, .. }
        | Event::Trouble { key, .. }
        | Event::LockCalled { key, .. } => of_key(*key) && incident.concerns(node),
        Event::Elected { term, .. }
        | Event::Cancelled { term, .. }
        | Event::BodyStarted { term, .. }
        | Event::BodyStopped { term, .. }
        | Event::Releasing { term, .. } => of_term(*term) && incident.concerns(node),
        _ => incident.concerns(node),
    }
}

type Said = (String, &'static str, String, Weight);

fn say(
    model: &Model<'_>,
    calls: &BTreeMap<u64, (Verb, usize)>,
    node: Option<usize>,
    event: &Event,
) -> Option<Said> {
    let who = model.who(node);
    let token =
        |term: u64| model.term(term).map_or_else(String::new, |term| format!("#{}", term.token));
    let said = match event {
        Event::Called { key, verb, holder, .. } => {
            let holder = holder.as_ref().map(|holder| format!(", as {}", holder.as_str()));
            let text = format!("{verb} {}{}", model.key(*key), holder.unwrap_or_default());
            (who, "sent", text, Weight::Usual)
        }
        Event::Stored { key, verb, sent, outcome: came, .. } => {
            let sent = super::format::seconds(*sent);
            let text =
                format!("{verb} {} of {who}, sent {sent}: {}", model.key(*key), outcome(*came));
            let (what, weight) = match came {
                Outcome::Won(_) | Outcome::Released => ("applied", Weight::Term),
                Outcome::Kept => ("applied", Weight::Usual),
                _ => ("answers", Weight::Usual),
            };
            ("store".to_owned(), what, text, weight)
        }
        Event::Answered { call, outcome: came, .. } => {
            let (verb, key) = calls.get(call)?;
            if *verb == Verb::Watch {
                return None;
            }
            let text = format!("{verb} {}: {}", model.key(*key), outcome(*came));
            (who, "answered", text, Weight::Usual)
        }
        Event::Elected { key, token, .. } => {
            (who, "elected", format!("{} with token #{token}", model.key(*key)), Weight::Term)
        }
        Event::Cancelled { term, cause: why } => {
            (who, "cancelled", format!("the term {}: {}", token(*term), cause(*why)), Weight::Term)
        }
        Event::BodyStarted { term, .. } => {
            (who, "body", format!("a body of {} starts", token(*term)), Weight::Usual)
        }
        Event::BodyStopped { term, .. } => {
            (who, "body", format!("a body of {} is gone", token(*term)), Weight::Term)
        }
        Event::Releasing { term, cancelled, bodies } => {
            let cancelled = if *cancelled { "cancelled" } else { "not cancelled" };
            let text =
                format!("release of {}, which is {cancelled}, {bodies} bodies left", token(*term));
            (who, "releases", text, Weight::Usual)
        }
        Event::Register { key, token, accepted } => {
            let accepted = if *accepted { "accepted" } else { "refused" };
            let text =
                format!("write to the register of {} with #{token}: {accepted}", model.key(*key));
            (who, "writes", text, Weight::Usual)
        }
        Event::LockCalled { key, what, .. } => {
            let call = match what {
                LockCall::Lock { waits: true } => "lock".to_owned(),
                LockCall::Lock { waits: false } => "try_lock".to_owned(),
                LockCall::Unlock(token) => format!("unlock of #{token}"),
                LockCall::Drop(token) => format!("drop of the guard #{token}"),
            };
            (who, "calls", format!("{call} {}", model.key(*key)), Weight::Usual)
        }
        Event::LockReturned { what, .. } => {
            let text = match what {
                LockReturn::Locked(token) => format!("locked, token #{token}"),
                LockReturn::NotLocked => "not locked".to_owned(),
                LockReturn::GaveUp => "gave up while waiting".to_owned(),
                LockReturn::Unlocked => "unlocked".to_owned(),
                LockReturn::Lost => "the guard was lost before".to_owned(),
                LockReturn::Unknown(error) => format!("not known: {error}"),
            };
            (who, "gets", text, Weight::Usual)
        }
        Event::Asked { term, active: true } => {
            (who, "asked", format!("{} is active", token(*term)), Weight::Usual)
        }
        Event::Trouble { key, error } => {
            let error = error.as_deref().unwrap_or("over");
            (who, "trouble", format!("{}: {error}", model.key(*key)), Weight::Usual)
        }
        _ => trouble(model, who, event)?,
    };
    Some(said)
}

/// What went wrong, and what happened to nodes.
fn trouble(model: &Model<'_>, who: String, event: &Event) -> Option<Said> {
    let (what, text) = match event {
        Event::Fault { kind, text } => ("fault", fault(kind, text)),
        Event::Took { kind } => ("fault", format!("{kind} takes effect")),
        Event::RecordLoss { key, kind } => {
            let what = key.map_or_else(|| "everything".to_owned(), |key| model.key(key));
            return Some((
                "store".to_owned(),
                "record loss",
                format!("{what}: {}", kind.replace('_', " ")),
                Weight::Trouble,
            ));
        }
        Event::Started => ("starts", "a process runs on the node".to_owned()),
        Event::Killed => ("killed", "nothing of it runs any more".to_owned()),
        Event::Paused => ("pauses", "the node stands still".to_owned()),
        Event::Resumed => ("resumes", "the node goes on".to_owned()),
        Event::Endless { what } => ("endless", (*what).to_owned()),
        Event::TaskPanicked => ("panics", "a task that nobody made panic".to_owned()),
        Event::Note(text) => ("note", text.clone()),
        _ => return None,
    };
    Some((who, what, text, Weight::Trouble))
}

/// A fault in words. Its text is that of a step of a schedule, as JSON, or something else.
pub(super) fn fault(kind: &str, text: &str) -> String {
    let Ok(serde_json::Value::Object(fields)) = serde_json::from_str(text) else {
        return format!("{kind}: {text}");
    };
    let mut words = vec![kind.replace('_', " ")];
    for (name, value) in &fields {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match name.strip_suffix("_ms") {
            _ if name == "do" || name == "node" => {}
            Some(name) => words.push(format!("{} {value} ms", name.replace('_', " "))),
            None => words.push(format!("{} {value}", name.replace('_', " "))),
        }
    }
    words.join(", ")
}

/// What a call came to, in words.
pub(super) fn fate(fate: Fate) -> &'static str {
    match fate {
        Fate::Applied => "applied",
        Fate::AnswerLost => "applied, but its caller was not told",
        Fate::Refused => "not applied",
        Fate::Unanswered => "no answer, not applied",
        Fate::Read => "answered",
    }
}
