//! The lanes of the timeline for a terminal.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::history::{At, Term};
use crate::report::timeline::model::Model;
use crate::report::timeline::span::Span;
use crate::report::timeline::store::HoldEnd;

/// How many columns the names of lanes have.
pub(super) const LABEL: usize = 12;
/// How many columns show time.
pub(super) const COLUMNS: usize = 98;

/// One line, in which each column is a piece of the time that is shown.
struct Lane {
    shown: Span,
    cells: Vec<char>,
}

/// How long a column is.
pub(super) fn column(shown: Span) -> Duration {
    shown.length() / u32::try_from(COLUMNS).unwrap_or(u32::MAX)
}

/// Seconds every fourteen columns.
pub(super) fn axis(shown: Span) -> String {
    let mut lane = Lane::new(shown);
    for index in (0..COLUMNS).step_by(14) {
        let at = shown.from + column(shown) * u32::try_from(index).unwrap_or_default();
        lane.write(index, &format!("|{:.2}", at.as_secs_f64()), COLUMNS);
    }
    lane.finish()
}

impl Lane {
    fn new(shown: Span) -> Self {
        Self { shown, cells: vec![' '; COLUMNS] }
    }

    /// The column of an instant, which is the first or the last one for an instant outside.
    fn column(&self, at: At) -> usize {
        let passed = at.saturating_sub(self.shown.from).as_nanos();
        let column = passed * COLUMNS as u128 / self.shown.length().as_nanos().max(1);
        usize::try_from(column).unwrap_or(COLUMNS).min(COLUMNS - 1)
    }

    fn mark(&mut self, at: At, char: char) {
        if self.shown.contains(at) {
            let column = self.column(at);
            self.cells[column] = char;
        }
    }

    fn fill(&mut self, time: Span, char: char) {
        if self.shown.meets(time) {
            let columns = self.column(time.from)..=self.column(time.to);
            self.cells[columns].fill(char);
        }
    }

    /// Writes `text` if it fits before `end`.
    fn write(&mut self, column: usize, text: &str, end: usize) {
        if column + text.chars().count() <= end.min(COLUMNS) {
            let cells = self.cells[column..].iter_mut();
            cells.zip(text.chars()).for_each(|(cell, char)| *cell = char);
        }
    }

    fn finish(self) -> String {
        self.cells.into_iter().collect()
    }
}

/// Where rules were violated.
pub(super) fn violated(model: &Model<'_>, shown: Span) -> String {
    let mut lane = Lane::new(shown);
    for incident in &model.incidents {
        lane.fill(incident.time, '!');
    }
    if let Some(first) = model.incidents.first() {
        let (begin, end) = (lane.column(first.time.from), lane.column(first.time.to));
        let text = format!(" {} ", first.violation.rule);
        if end > begin + text.len() + 2 {
            lane.write(usize::midpoint(begin, end) - text.len() / 2, &text, end);
        }
    }
    lane.finish()
}

/// Who held the key, as the store saw it.
pub(super) fn store(model: &Model<'_>, shown: Span, key: usize) -> String {
    let mut lane = Lane::new(shown);
    let holds = model.holds.iter().filter(|hold| hold.key == key);
    for hold in holds.filter(|hold| shown.meets(hold.time)) {
        lane.fill(hold.time, '-');
        match hold.end {
            HoldEnd::Released => lane.mark(hold.time.to, 'r'),
            HoldEnd::Expired => lane.mark(hold.time.to, 'e'),
            HoldEnd::Forgotten | HoldEnd::Replaced | HoldEnd::Open => {}
        }
        lane.mark(hold.time.from, 'G');
        let (begin, end) = (lane.column(hold.time.from) + 1, lane.column(hold.time.to));
        lane.write(begin, &format!("#{}", hold.token), end);
    }
    for loss in model.losses.iter().filter(|loss| loss.key.is_none_or(|of| of == key)) {
        lane.mark(loss.from, 'X');
    }
    lane.finish()
}

/// The terms of a candidate.
pub(super) fn candidate(model: &Model<'_>, shown: Span, key: usize, node: usize) -> String {
    let mut lane = Lane::new(shown);
    for wait in model.waits.iter().filter(|wait| wait.node == node && wait.key == key) {
        lane.fill(wait.time, 'w');
    }
    for (_, down) in model.down.iter().filter(|(of, _)| *of == node) {
        lane.fill(*down, 'x');
    }
    for term in model.terms_of(key, node) {
        draw(&mut lane, model, term);
    }
    for asleep in model.asleep(node) {
        lane.fill(asleep, 'z');
    }
    // Edges and tokens are what a reader looks for: nothing covers them.
    for term in model.terms_of(key, node) {
        edges(&mut lane, model, term);
    }
    lane.finish()
}

fn draw(lane: &mut Lane, model: &Model<'_>, term: &Term) {
    if let Some((granted, _)) = term.granted
        && granted < term.elected_at
    {
        lane.fill(Span::new(granted, term.elected_at), ':');
    }
    if let Some(rest) = model.rest(term) {
        lane.fill(rest, '~');
    }
    lane.fill(model.seen(term), '=');
    if let Some(late) = model.late(term) {
        lane.fill(late, '!');
    }
}

fn edges(lane: &mut Lane, model: &Model<'_>, term: &Term) {
    let (shown, seen) = (lane.shown, model.seen(term));
    if !shown.meets(seen) {
        return;
    }
    lane.mark(seen.from, '[');
    if term.cancelled_at.is_some() {
        lane.mark(seen.to, ')');
    }
    let text = format!("#{}", term.token);
    let begin = lane.column(seen.from) + usize::from(shown.contains(seen.from));
    let end = lane.column(seen.to);
    let room = end.saturating_sub(begin + text.len());
    lane.write(begin + (room / 2).min(4), &text, end);
}

/// A letter for each kind, one of its own where there is one left.
pub(super) fn letters<'a>(kinds: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, char> {
    let mut letters: BTreeMap<&str, char> = BTreeMap::new();
    for kind in kinds {
        let own = kind.chars().flat_map(|char| [char, char.to_ascii_uppercase()]);
        let mut all = own.chain('a'..='z').chain('A'..='Z').chain('0'..='9');
        let is_free =
            |char: &char| char.is_ascii_alphanumeric() && !letters.values().any(|own| own == char);
        let letter = all.find(is_free).unwrap_or('?');
        letters.insert(kind, letter);
    }
    letters
}

/// The faults of a node, or of the store. `None`: none of them is shown.
pub(super) fn faults(
    model: &Model<'_>,
    shown: Span,
    node: Option<usize>,
    letters: &BTreeMap<&str, char>,
) -> Option<String> {
    let mut lane = Lane::new(shown);
    let faults = model.faults.iter().filter(|fault| fault.node == node);
    for fault in faults.filter(|fault| shown.contains(fault.at)) {
        let letter = letters.get(fault.kind).copied().unwrap_or('?');
        let is_free = lane.cells[lane.column(fault.at)] == ' ';
        lane.mark(fault.at, if is_free { letter } else { '*' });
    }
    let is_empty = lane.cells.iter().all(|cell| *cell == ' ');
    (!is_empty).then(|| lane.finish())
}
