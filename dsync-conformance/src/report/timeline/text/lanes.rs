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

/// A period over a number of columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Canvas {
    shown: Span,
}

/// One line of a canvas.
struct Lane<'a> {
    canvas: &'a Canvas,
    cells: Vec<char>,
}

impl Canvas {
    pub(super) fn new(shown: Span) -> Self {
        Self { shown: shown.not_empty() }
    }

    /// How long a column is.
    pub(super) fn column(&self) -> Duration {
        self.shown.length() / u32::try_from(COLUMNS).unwrap_or(u32::MAX)
    }

    pub(super) fn contains(&self, at: At) -> bool {
        self.shown.contains(at)
    }

    /// The column of an instant, which is the first or the last one for an instant outside.
    fn at(&self, at: At) -> usize {
        let passed = at.saturating_sub(self.shown.from).as_nanos();
        let column = passed * COLUMNS as u128 / self.shown.length().as_nanos().max(1);
        usize::try_from(column).unwrap_or(COLUMNS).min(COLUMNS - 1)
    }

    fn lane(&self) -> Lane<'_> {
        Lane { canvas: self, cells: vec![' '; COLUMNS] }
    }

    /// Seconds every fourteen columns.
    pub(super) fn axis(&self) -> String {
        let mut lane = self.lane();
        for column in (0..COLUMNS).step_by(14) {
            let at = self.shown.from + self.column() * u32::try_from(column).unwrap_or_default();
            lane.write(column, &format!("|{:.2}", at.as_secs_f64()), COLUMNS);
        }
        lane.finish()
    }
}

impl Lane<'_> {
    fn mark(&mut self, at: At, char: char) {
        if self.canvas.contains(at) {
            self.cells[self.canvas.at(at)] = char;
        }
    }

    fn fill(&mut self, time: Span, char: char) {
        if self.canvas.shown.meets(time) {
            self.cells[self.canvas.at(time.from)..=self.canvas.at(time.to)].fill(char);
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
pub(super) fn violated(model: &Model<'_>, canvas: &Canvas) -> String {
    let mut lane = canvas.lane();
    for incident in &model.incidents {
        lane.fill(incident.time, '!');
    }
    if let Some(first) = model.incidents.first() {
        let (begin, end) = (canvas.at(first.time.from), canvas.at(first.time.to));
        let text = format!(" {} ", first.violation.rule);
        if end > begin + text.len() + 2 {
            lane.write(usize::midpoint(begin, end) - text.len() / 2, &text, end);
        }
    }
    lane.finish()
}

/// Who held the key, as the store saw it.
pub(super) fn store(model: &Model<'_>, canvas: &Canvas, key: usize) -> String {
    let mut lane = canvas.lane();
    let holds = model.holds.iter().filter(|hold| hold.key == key);
    for hold in holds.filter(|hold| canvas.shown.meets(hold.time)) {
        lane.fill(hold.time, '-');
        match hold.end {
            HoldEnd::Released => lane.mark(hold.time.to, 'r'),
            HoldEnd::Expired => lane.mark(hold.time.to, 'e'),
            HoldEnd::Forgotten | HoldEnd::Replaced | HoldEnd::Open => {}
        }
        lane.mark(hold.time.from, 'G');
        let (begin, end) = (canvas.at(hold.time.from) + 1, canvas.at(hold.time.to));
        lane.write(begin, &format!("#{}", hold.token), end);
    }
    for loss in model.losses.iter().filter(|loss| loss.key.is_none_or(|of| of == key)) {
        lane.mark(loss.from, 'X');
    }
    lane.finish()
}

/// The terms of a candidate.
pub(super) fn candidate(model: &Model<'_>, canvas: &Canvas, key: usize, node: usize) -> String {
    let mut lane = canvas.lane();
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

fn draw(lane: &mut Lane<'_>, model: &Model<'_>, term: &Term) {
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

fn edges(lane: &mut Lane<'_>, model: &Model<'_>, term: &Term) {
    let (canvas, seen) = (lane.canvas, model.seen(term));
    if !canvas.shown.meets(seen) {
        return;
    }
    lane.mark(seen.from, '[');
    if term.cancelled_at.is_some() {
        lane.mark(seen.to, ')');
    }
    let text = format!("#{}", term.token);
    let begin = canvas.at(seen.from) + usize::from(canvas.contains(seen.from));
    let end = canvas.at(seen.to);
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

/// The faults of a node, or of the store. `None`: the canvas shows none of them.
pub(super) fn faults(
    model: &Model<'_>,
    canvas: &Canvas,
    node: Option<usize>,
    letters: &BTreeMap<&str, char>,
) -> Option<String> {
    let mut lane = canvas.lane();
    let faults = model.faults.iter().filter(|fault| fault.node == node);
    for fault in faults.filter(|fault| canvas.contains(fault.at)) {
        let letter = letters.get(fault.kind).copied().unwrap_or('?');
        let cell = &mut lane.cells[canvas.at(fault.at)];
        *cell = if *cell == ' ' { letter } else { '*' };
    }
    let is_empty = lane.cells.iter().all(|cell| *cell == ' ');
    (!is_empty).then(|| lane.finish())
}
