//! A candidate of a key: its terms, its work, its requests.

use std::fmt::Write;

use super::svg::Svg;
use crate::history::{At, Event, Term};
use crate::report::timeline::events;
use crate::report::timeline::format::{cause, interval, outcome, seconds, span};
use crate::report::timeline::model::Model;
use crate::report::timeline::request::{Fate, Request};

/// How many bodies of a term are shown one below the other.
const ROWS: usize = 3;

pub(super) fn draw(
    model: &Model<'_>,
    (key, node): (usize, usize),
    (y, height): (f64, f64),
    svg: &mut Svg<'_>,
) {
    for (_, from, to) in model.down.iter().filter(|(of, _, _)| *of == node) {
        let title = format!(
            "{} was killed at {}, and started again at {}",
            model.node(node),
            seconds(*from),
            seconds(*to)
        );
        svg.bar(format_args!("down"), (*from, *to), y, height, &title);
        svg.inside("note", (*from, *to), y + 44.0, "no process");
    }
    for wait in model.waits.iter().filter(|wait| wait.node == node && wait.key == key) {
        let title = format!("Asks for the lock from {}", interval(wait.from, wait.to));
        svg.bar(format_args!("wait"), (wait.from, wait.to), y + 11.0, 4.0, &title);
    }
    let terms = model.terms.iter().filter(|term| term.node == node && term.key == key);
    for term in terms.clone() {
        draw_term(model, term, y, svg);
    }
    for request in model.requests.iter().filter(|one| one.node == node && one.key == key) {
        draw_request(model, request, y + 44.0, svg);
    }
    writes(model, (key, node), y + 32.0, svg);
    for (from, to) in model.asleep(node) {
        let title = format!("{} stands still from {}", model.node(node), interval(from, to));
        svg.bar(format_args!("asleep"), (from, to), y + 1.0, height - 2.0, &title);
        svg.inside("note", (from, to), y + 48.0, "paused");
    }
    // Above the hatching, so that it can be read.
    for term in terms {
        let over = term.cancelled_at.unwrap_or(model.end);
        svg.inside("token", (term.elected_at, over), y + 17.0, &format!("#{}", term.token));
    }
}

fn draw_term(model: &Model<'_>, term: &Term, y: f64, svg: &mut Svg<'_>) {
    let title = describe(model, term);
    let colour = term.node % 8;
    let granted = term.granted.map_or(term.elected_at, |(from, _)| from);
    let over = term.cancelled_at.unwrap_or(model.end);
    let gone = model.end_of(term);
    svg.bar(format_args!("valid n{colour}"), (granted, term.valid_until), y + 3.0, 20.0, &title);
    let guilty = model.incidents.iter().any(|one| one.violation.terms.contains(&term.term));
    let class = if guilty { " guilty" } else { "" };
    svg.bar(format_args!("term n{colour}{class}"), (term.elected_at, over), y + 6.0, 14.0, &title);
    if over > term.deadline {
        let from = term.deadline.max(term.elected_at);
        let late = format!(
            "Past its renew deadline at {}, and user code was not told before {}\n{title}",
            seconds(term.deadline),
            seconds(over)
        );
        svg.bar(format_args!("late"), (from, over), y + 6.0, 14.0, &late);
    }
    if gone > over {
        let rest = format!(
            "Cancelled, and its work goes on for {}\n{title}",
            span(gone.saturating_sub(over))
        );
        svg.bar(format_args!("rest n{colour}"), (over, gone), y + 6.0, 14.0, &rest);
    }
    if term.cancelled_at.is_some() {
        svg.across("end", over, y + 3.0, y + 23.0, &title);
    }
    if term.lost {
        let lost = "A record loss hit this term: the rules of exclusion do not judge it";
        svg.bar(format_args!("hit"), (term.elected_at, over), y + 1.0, 2.0, lost);
    }
    for body in model.bodies.iter().filter(|body| body.term == term.term && body.row < ROWS) {
        let row = u32::try_from(body.row).unwrap_or_default();
        let title = format!("Work of term #{} from {}", term.token, interval(body.from, body.to));
        let top = y + 25.0 + 4.0 * f64::from(row);
        svg.bar(format_args!("body n{colour}"), (body.from, body.to), top, 3.0, &title);
    }
}

fn describe(model: &Model<'_>, term: &Term) -> String {
    let granted = term.granted.map_or_else(
        || "never seen to be granted".to_owned(),
        |(_, to)| format!("granted {}", seconds(to)),
    );
    let cancelled = term.cancelled_at.map_or_else(
        || "never cancelled".to_owned(),
        |at| {
            let why = if term.killed { "killed" } else { cause(term.cause) };
            format!("cancelled {}: {why}", seconds(at))
        },
    );
    let stopped = term.stopped_at.map_or_else(
        || "its work never stopped".to_owned(),
        |at| format!("its work had stopped by {}", seconds(at)),
    );
    format!(
        "Term #{} of {} ({})\n{granted}\nelected {}\n{cancelled}\n{stopped}\nlast renewal sent {}\n\
         valid until {}{}",
        term.token,
        model.node(term.node),
        model.key(term.key),
        seconds(term.elected_at),
        seconds(term.sent),
        seconds(term.valid_until),
        if term.lost { "\nhit by a record loss" } else { "" }
    )
}

fn draw_request(model: &Model<'_>, request: &Request, y: f64, svg: &mut Svg<'_>) {
    let fate = request.fate();
    let at = request.at();
    let answered = request.answered.map(|(at, _)| at);
    let until = answered.into_iter().chain([at, request.called]).max().unwrap_or(at);
    if !svg.shows(request.called, until) {
        return;
    }
    if until.saturating_sub(request.called) >= std::time::Duration::from_millis(2) {
        svg.along("way", (request.called, until), y);
    }
    let (mark, class) = match fate {
        Fate::Applied if request.won().is_some() => ("m-won", "applied"),
        Fate::Applied => ("m-applied", "applied"),
        Fate::AnswerLost => ("m-lost", "untold"),
        Fate::Refused => ("m-refused", "refused"),
        Fate::Unanswered => ("m-unanswered", "refused"),
        Fate::Read => ("m-read", "read"),
    };
    svg.mark(mark, class, at, y, &describe_request(model, request, fate));
    if fate == Fate::AnswerLost
        && let Some(term) = adopted(model, request)
    {
        svg.along("adopted", (at, term.elected_at), y - 7.0);
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
fn adopted<'m>(model: &'m Model<'_>, request: &Request) -> Option<&'m Term> {
    let token = request.won()?;
    model.terms.iter().find(|term| {
        term.token == token
            && term.key == request.key
            && term.node == request.node
            && term.elected_at >= request.at()
    })
}

fn describe_request(model: &Model<'_>, request: &Request, fate: Fate) -> String {
    let mut text = format!(
        "{} of {} ({}): {}\nsent {}",
        request.verb,
        model.key(request.key),
        model.node(request.node),
        events::fate(fate),
        seconds(request.called)
    );
    for (_, at, came) in &request.stored {
        let _ = write!(text, "\nstore {}: {}", seconds(*at), outcome(*came));
    }
    let _ = match request.answered {
        Some((at, came)) => write!(text, "\nanswered {}: {}", seconds(at), outcome(came)),
        None => write!(text, "\nnever answered"),
    };
    if let Some(holder) = &request.holder {
        let _ = write!(text, "\nas {holder}");
    }
    if !request.met.is_empty() {
        let _ = write!(text, "\nmet: {}", request.met.join(", ").replace('_', " "));
    }
    text
}

/// Writes to the register that tokens guard.
fn writes(model: &Model<'_>, (key, node): (usize, usize), y: f64, svg: &mut Svg<'_>) {
    // Within a pixel they are one mark, or a busy term is nothing but marks.
    let mut last: Option<(At, bool)> = None;
    for entry in model.history.entries.iter().filter(|entry| entry.node == Some(node)) {
        let Event::Register { key: of, token, accepted } = entry.event else { continue };
        if of != key
            || last.is_some_and(|(at, same)| same == accepted && svg.pixels(at, entry.at) < 0.3)
        {
            continue;
        }
        last = Some((entry.at, accepted));
        let (mark, class, how) = if accepted {
            ("m-write", "write", "accepted")
        } else {
            ("m-write-refused", "refused", "refused")
        };
        let title =
            format!("{}: write to the register with token #{token}: {how}", seconds(entry.at));
        svg.mark(mark, class, entry.at, y + 3.0, &title);
    }
}
