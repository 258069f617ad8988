//! A candidate of a key: its terms, its work, its requests.

use std::time::Duration;

use super::layout::Lane;
use super::svg::Svg;
use crate::history::{At, Event, Term};
use crate::report::timeline::format::{end, outcome};
use crate::report::timeline::model::Model;
use crate::report::timeline::request::{Fate, Request};
use crate::report::timeline::span::{Span, length, seconds};

/// How many bodies of a term are shown one below the other.
const ROWS: usize = 3;

pub(super) fn draw(model: &Model<'_>, key: usize, node: usize, lane: &Lane, svg: &mut Svg) {
    let Lane { y, height, .. } = *lane;
    let name = model.node(node);
    for (_, down) in model.down.iter().filter(|(of, _)| *of == node) {
        let (killed, started) = (seconds(down.from), seconds(down.to));
        let title = format!("{name} was killed at {killed}, and started again at {started}");
        svg.bar("down", *down, y, height, &title);
        svg.inside("note", *down, y + 44.0, "no process");
    }
    for wait in model.waits.iter().filter(|wait| wait.node == node && wait.key == key) {
        let title = format!("Asks for the lock from {}", wait.time);
        svg.bar("wait", wait.time, y + 11.0, 4.0, &title);
    }
    for term in model.terms_of(key, node) {
        draw_term(model, term, y, svg);
    }
    for request in model.requests.values().filter(|one| one.node == node && one.key == key) {
        draw_request(model, request, y + 44.0, svg);
    }
    writes(model, key, node, y + 35.0, svg);
    for asleep in model.asleep(node) {
        let title = format!("{name} stands still from {asleep}");
        svg.bar("asleep", asleep, y + 1.0, height - 2.0, &title);
        svg.inside("note", asleep, y + 48.0, "paused");
    }
    // Above the hatching, so that it can be read.
    for term in model.terms_of(key, node) {
        svg.inside("token", model.seen(term), y + 17.0, &format!("#{}", term.token));
    }
}

fn draw_term(model: &Model<'_>, term: &Term, y: f64, svg: &mut Svg) {
    let title = describe(model, term);
    let colour = term.node % 8;
    let seen = model.seen(term);
    let granted = term.granted.map_or(term.elected_at, |(from, _)| from);
    let valid = Span::new(granted, term.valid_until);
    svg.bar(&format!("valid n{colour}"), valid, y + 3.0, 20.0, &title);
    let guilty = model.incidents.iter().any(|one| one.violation.terms.contains(&term.term));
    let guilty = if guilty { " guilty" } else { "" };
    svg.bar(&format!("term n{colour}{guilty}"), seen, y + 6.0, 14.0, &title);
    if let Some(late) = model.late(term) {
        let (deadline, over) = (seconds(term.deadline), seconds(late.to));
        let title = format!(
            "Past its renew deadline at {deadline}, and user code was not told before {over}\n\
             {title}"
        );
        svg.bar("late", late, y + 6.0, 14.0, &title);
    }
    if let Some(rest) = model.rest(term) {
        let goes_on = length(rest.length());
        let title = format!("Cancelled, and its work goes on for {goes_on}\n{title}");
        svg.bar(&format!("rest n{colour}"), rest, y + 6.0, 14.0, &title);
    }
    if term.cancelled_at.is_some() {
        svg.across("end", seen.to, y + 3.0, y + 23.0, &title);
    }
    if term.lost {
        let title = "A record loss hit this term: the rules of exclusion do not judge it";
        svg.bar("hit", seen, y + 1.0, 2.0, title);
    }
    for body in model.bodies.iter().filter(|body| body.term == term.term && body.row < ROWS) {
        let row = u32::try_from(body.row).unwrap_or_default();
        let title = format!("Work of term #{} from {}", term.token, body.time);
        let top = y + 25.0 + 4.0 * f64::from(row);
        svg.bar(&format!("body n{colour}"), body.time, top, 3.0, &title);
    }
}

fn describe(model: &Model<'_>, term: &Term) -> String {
    let or = |text: Option<String>, otherwise: &str| text.unwrap_or_else(|| otherwise.to_owned());
    let granted = term.granted.map(|(_, to)| format!("granted {}", seconds(to)));
    let cancelled = term.cancelled_at.map(|at| format!("cancelled {}: {}", seconds(at), end(term)));
    let stopped = term.stopped_at.map(|at| format!("its work had stopped by {}", seconds(at)));
    format!(
        "Term #{} of {} ({})\n{}\nelected {}\n{}\n{}\nlast renewal sent {}\nvalid until {}{}",
        term.token,
        model.node(term.node),
        model.key(term.key),
        or(granted, "never seen to be granted"),
        seconds(term.elected_at),
        or(cancelled, "never cancelled"),
        or(stopped, "its work never stopped"),
        seconds(term.sent),
        seconds(term.valid_until),
        if term.lost { "\nhit by a record loss" } else { "" }
    )
}

fn draw_request(model: &Model<'_>, request: &Request<'_>, y: f64, svg: &mut Svg) {
    let (fate, at) = (request.fate(), request.at());
    let answered = request.answered.map_or(at, |(answered, _)| answered);
    let way = Span::new(request.called, answered.max(at).max(request.called));
    if !svg.shown.meets(way) {
        return;
    }
    if way.length() >= Duration::from_millis(2) {
        svg.along("way", way, y);
    }
    let (mark, class) = match fate {
        Fate::Applied if request.won().is_some() => ("m-won", "applied"),
        Fate::Applied => ("m-applied", "applied"),
        Fate::AnswerLost => ("m-lost", "untold"),
        Fate::Refused => ("m-refused", "refused"),
        Fate::Unanswered => ("m-unanswered", "refused"),
        Fate::Read => ("m-read", "read"),
    };
    svg.mark(mark, class, at, y, &describe_request(model, request));
    if fate == Fate::AnswerLost
        && let Some(term) = adopted(model, request)
    {
        svg.along("adopted", Span::new(at, term.elected_at), y - 7.0);
        let title = format!(
            "Adopted: user code of {} was elected at {} with the token #{} that this request had \
             won",
            model.node(term.node),
            seconds(term.elected_at),
            term.token
        );
        svg.mark("m-adopted", "untold", term.elected_at, y - 7.0, &title);
    }
}

/// The term of an acquisition whose answer was lost.
fn adopted<'m>(model: &'m Model<'_>, request: &Request<'_>) -> Option<&'m Term> {
    let token = request.won()?;
    let mut terms = model.terms_of(request.key, request.node);
    terms.find(|term| term.token == token && term.elected_at >= request.at())
}

fn describe_request(model: &Model<'_>, request: &Request<'_>) -> String {
    let (key, node) = (model.key(request.key), model.node(request.node));
    let (verb, fate, called) = (request.verb, request.fate().words(), seconds(request.called));
    let mut text = format!("{verb} of {key} ({node}): {fate}\nsent {called}");
    for (at, came) in &request.stored {
        text += &format!("\nstore {}: {}", seconds(*at), outcome(*came));
    }
    text += &match request.answered {
        Some((at, came)) => format!("\nanswered {}: {}", seconds(at), outcome(came)),
        None => "\nnever answered".to_owned(),
    };
    if let Some(holder) = request.holder {
        text += &format!("\nas {}", holder.as_str());
    }
    if !request.met.is_empty() {
        text += &format!("\nmet: {}", request.met.join(", ").replace('_', " "));
    }
    text
}

/// Writes to the register that tokens guard.
fn writes(model: &Model<'_>, key: usize, node: usize, y: f64, svg: &mut Svg) {
    // Within a pixel they are one mark, or a busy term is nothing but marks.
    let mut last: Option<(At, bool)> = None;
    for entry in model.history.entries.iter().filter(|entry| entry.node == Some(node)) {
        let Event::Register { key: of, token, accepted } = entry.event else { continue };
        let is_same = |(at, same)| same == accepted && svg.pixels(Span::new(at, entry.at)) < 0.3;
        if of != key || last.is_some_and(is_same) {
            continue;
        }
        last = Some((entry.at, accepted));
        let (mark, class, how) = if accepted {
            ("m-write", "write", "accepted")
        } else {
            ("m-write-refused", "refused", "refused")
        };
        let at = seconds(entry.at);
        let title = format!("{at}: write to the register with token #{token}: {how}");
        svg.mark(mark, class, entry.at, y, &title);
    }
}
