//! The events around a violation, in words.

use std::time::Duration;

use super::fault;
use super::format::{cause, outcome, plain};
use super::incident::Incident;
use super::model::Model;
use super::request::is_write;
use super::span::{Span, seconds};
use crate::history::{At, Entry, Event, LockCall, LockReturn, Outcome};

/// One event.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) at: At,
    pub(super) who: String,
    /// The kind of the event in a word or two, such as `sent`.
    pub(super) what: &'static str,
    pub(super) text: String,
    pub(super) weight: Weight,
}

/// How much an event matters to a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    Usual,
    /// A term begins or ends.
    Term,
    /// A fault, or an error.
    Trouble,
}

/// The events around an incident, and how many were left out so that there are at most `most`.
pub(super) fn around(
    model: &Model<'_>,
    incident: &Incident<'_>,
    most: usize,
) -> (Vec<Line>, usize) {
    let Span { from, to } = incident.time;
    let margin = model.history.timing.renew_period.max(Duration::from_millis(100));
    // A term that lasted too long is understood from its last renewal on.
    let terms = incident.violation.terms.iter().filter_map(|term| model.term(*term));
    let sent = terms.map(|term| term.sent).filter(|sent| *sent < from).min();
    let begin = sent.unwrap_or(from).min(from.saturating_sub(margin));
    let begin = begin.max(incident.view.from.min(from));
    let end = (to.min(incident.view.to) + margin / 2).min(model.end);
    let shown = Span::new(begin, end);

    let entries = model.history.entries.iter().filter(|entry| shown.contains(entry.at));
    let entries = entries.filter(|entry| concerns(model, incident, entry));
    let mut lines: Vec<Line> = entries.filter_map(|entry| line(model, entry)).collect();
    let left_out = lines.len().saturating_sub(most);
    if left_out > 0 {
        // The most important lines and then the nearest ones stay, in the order of time.
        let mut order: Vec<(usize, Line)> = lines.into_iter().enumerate().collect();
        order.sort_by_key(|(_, line)| {
            (line.weight == Weight::Usual, line.at.abs_diff(incident.violation.at))
        });
        order.truncate(most);
        order.sort_by_key(|(index, _)| *index);
        lines = order.into_iter().map(|(_, line)| line).collect();
    }
    (lines, left_out)
}

/// Whether an event belongs to an incident: its node took part, or it changed the record.
fn concerns(model: &Model<'_>, incident: &Incident<'_>, entry: &Entry) -> bool {
    let key = match &entry.event {
        Event::RecordLoss { key, .. } => *key,
        Event::Stored { key, .. }
        | Event::Called { key, .. }
        | Event::Register { key, .. }
        | Event::Trouble { key, .. }
        | Event::LockCalled { key, .. } => Some(*key),
        Event::Elected { term, .. }
        | Event::Cancelled { term, .. }
        | Event::BodyStarted { term, .. }
        | Event::BodyStopped { term, .. }
        | Event::Releasing { term, .. } => model.term(*term).map(|term| term.key),
        _ => None,
    };
    let changes_record = match entry.event {
        Event::Stored { outcome, .. } => is_write(outcome),
        Event::RecordLoss { .. } => true,
        _ => false,
    };
    key.is_none_or(|key| incident.is_about(key))
        && (changes_record || incident.concerns(entry.node))
}

/// An event in words. `None`: the event is not listed.
fn line(model: &Model<'_>, entry: &Entry) -> Option<Line> {
    let event = &entry.event;
    let ((what, text), weight) = match trouble(model, event) {
        Some(said) => (said, Weight::Trouble),
        None => (usual(model, entry)?, weight(event)),
    };
    let at_store = matches!(event, Event::Stored { .. } | Event::RecordLoss { .. });
    let who = model.who(entry.node.filter(|_| !at_store));
    Some(Line { at: entry.at, who, what, text: plain(&text), weight })
}

fn weight(event: &Event) -> Weight {
    match event {
        Event::Stored { outcome: Outcome::Won(_) | Outcome::Released, .. }
        | Event::Elected { .. }
        | Event::Cancelled { .. }
        | Event::BodyStopped { .. } => Weight::Term,
        _ => Weight::Usual,
    }
}

/// What candidates, their terms and their calls did.
fn usual(model: &Model<'_>, entry: &Entry) -> Option<(&'static str, String)> {
    let key = |key: &usize| model.key(*key);
    let token = |term: &u64| match model.term(*term) {
        Some(term) => format!("#{}", term.token),
        None => String::new(),
    };
    let said = match &entry.event {
        Event::Called { key: of, verb, holder: None, .. } => {
            ("sent", format!("{verb} {}", key(of)))
        }
        Event::Called { key: of, verb, holder: Some(holder), .. } => {
            ("sent", format!("{verb} {}, as {}", key(of), holder.as_str()))
        }
        Event::Stored { key: of, verb, sent, outcome: came, .. } => {
            let what = if is_write(*came) { "applied" } else { "answers" };
            let (of, who, sent) = (key(of), model.who(entry.node), seconds(*sent));
            (what, format!("{verb} {of} of {who}, sent {sent}: {}", outcome(*came)))
        }
        Event::Answered { call, outcome: came, .. } => {
            // A call that begins a watch is not among the requests.
            let request = model.requests.get(call)?;
            let (verb, of) = (request.verb, key(&request.key));
            ("answered", format!("{verb} {of}: {}", outcome(*came)))
        }
        Event::Elected { key: of, token, .. } => {
            ("elected", format!("{} with token #{token}", key(of)))
        }
        Event::Cancelled { term, cause: why } => {
            ("cancelled", format!("the term {}: {}", token(term), cause(*why)))
        }
        Event::BodyStarted { term, .. } => ("body", format!("a body of {} starts", token(term))),
        Event::BodyStopped { term, .. } => ("body", format!("a body of {} is gone", token(term))),
        Event::Releasing { term, cancelled, bodies } => {
            let (term, not) = (token(term), if *cancelled { "" } else { "not " });
            let text = format!("release of {term}, which is {not}cancelled, {bodies} bodies left");
            ("releases", text)
        }
        Event::Register { key: of, token, accepted } => {
            let (of, how) = (key(of), if *accepted { "accepted" } else { "refused" });
            ("writes", format!("write to the register of {of} with #{token}: {how}"))
        }
        Event::LockCalled { key: of, what, .. } => {
            let call = match what {
                LockCall::Lock { waits: true } => "lock".to_owned(),
                LockCall::Lock { waits: false } => "try_lock".to_owned(),
                LockCall::Unlock(token) => format!("unlock of #{token}"),
                LockCall::Drop(token) => format!("drop of the guard #{token}"),
            };
            ("calls", format!("{call} {}", key(of)))
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
            ("gets", text)
        }
        Event::Asked { term, active: true } => ("asked", format!("{} is active", token(term))),
        Event::Trouble { key: of, error } => {
            ("trouble", format!("{}: {}", key(of), error.as_deref().unwrap_or("over")))
        }
        _ => return None,
    };
    Some(said)
}

/// What went wrong, and what happened to nodes.
fn trouble(model: &Model<'_>, event: &Event) -> Option<(&'static str, String)> {
    let said = match event {
        Event::Fault { kind, text } => ("fault", fault::words(kind, text)),
        Event::Took { kind } => ("fault", format!("{kind} takes effect")),
        Event::RecordLoss { key, kind } => {
            let what = key.map_or_else(|| "everything".to_owned(), |key| model.key(key));
            ("record loss", format!("{what}: {}", kind.replace('_', " ")))
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
    Some(said)
}
