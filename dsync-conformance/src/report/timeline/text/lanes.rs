//! The lanes of the timeline for a terminal.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::history::{At, Term};
use crate::report::timeline::model::Model;
use crate::report::timeline::store::HoldEnd;

/// How many columns the names of lanes have.
pub(super) const LABEL: usize = 12;
/// How many columns show time.
pub(super) const COLUMNS: usize = 98;

/// A piece of time over a number of columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Canvas {
    from: At,
    to: At,
}

/// One line of it.
struct Lane<'a> {
    canvas: &'a Canvas,
    cells: Vec<char>,
}

impl Canvas {
    pub(super) fn new(from: At, to: At) -> Self {
        Self { from, to: to.max(from + Duration::from_millis(1)) }
    }

    fn length(&self) -> Duration {
        self.to.saturating_sub(self.from)
    }

    /// How long a column is.
    pub(super) fn column(&self) -> Duration {
        self.length() / u32::try_from(COLUMNS).unwrap_or(u32::MAX)
    }

    pub(super) fn contains(&self, at: At) -> bool {
        at >= self.from && at <= self.to
    }

    /// The column of an instant; what is outside is at the edge.
    fn at(&self, at: At) -> usize {
        let passed = at.saturating_sub(self.from).as_nanos();
        let column = passed * COLUMNS as u128 / self.length().as_nanos().max(1);
        usize::try_from(column).unwrap_or(COLUMNS).min(COLUMNS - 1)
    }

    /// Whether any of `from..=to` is shown.
    fn shows(&self, from: At, to: At) -> bool {
        from <= self.to && to >= self.from
    }

    fn lane(&self) -> Lane<'_> {
        Lane { canvas: self, cells: vec![' '; COLUMNS] }
    }

    /// Seconds every fourteen columns.
    pub(super) fn axis(&self) -> String {
        const STEP: usize = 14;
        let mut lane = self.lane();
        for index in 0..COLUMNS / STEP {
            let column = index * STEP;
            let at = self.from + self.column() * u32::try_from(column).unwrap_or_default();
            lane.put(column, '|');
            lane.write(column + 1, &format!("{:.2}", at.as_secs_f64()), COLUMNS);
        }
        lane.finish()
    }
}

impl Lane<'_> {
    fn put(&mut self, column: usize, char: char) {
        if let Some(cell) = self.cells.get_mut(column) {
            *cell = char;
        }
    }

    fn mark(&mut self, at: At, char: char) {
        if self.canvas.contains(at) {
            self.put(self.canvas.at(at), char);
        }
    }

    fn fill(&mut self, from: At, to: At, char: char) {
        if self.canvas.shows(from, to) {
            let (from, to) = (self.canvas.at(from), self.canvas.at(to));
            self.cells[from..=to].fill(char);
        }
    }

    /// Writes `text` if it fits before `end`.
    fn write(&mut self, column: usize, text: &str, end: usize) {
        if column + text.chars().count() <= end.min(COLUMNS) {
            for (index, char) in text.chars().enumerate() {
                self.put(column + index, char);
            }
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
        lane.fill(incident.from, incident.to, '!');
    }
    if let Some(first) = model.incidents.first() {
        let column = canvas.at(first.from);
        let text = format!(" {} ", first.violation.rule);
        let end = canvas.at(first.to);
        if end > column + text.len() + 2 {
            lane.write(usize::midpoint(column, end) - text.len() / 2, &text, end);
        }
    }
    lane.finish()
}

/// Who held the key, as the store saw it.
pub(super) fn store(model: &Model<'_>, canvas: &Canvas, key: usize) -> String {
    let mut lane = canvas.lane();
    let mut holds: Vec<_> = model.holds.iter().filter(|hold| hold.key == key).collect();
    holds.sort_by_key(|hold| hold.from);
    for hold in &holds {
        if !canvas.shows(hold.from, hold.to) {
            continue;
        }
        lane.fill(hold.from, hold.to, '-');
        let end = match hold.end {
            HoldEnd::Released => 'r',
            HoldEnd::Expired => 'e',
            HoldEnd::Forgotten | HoldEnd::Replaced | HoldEnd::Open => '-',
        };
        lane.mark(hold.to, end);
        lane.mark(hold.from, 'G');
        let (begin, end) = (canvas.at(hold.from) + 1, canvas.at(hold.to));
        lane.write(begin, &format!("#{}", hold.token), end);
    }
    for loss in model.losses.iter().filter(|loss| loss.key.is_none_or(|of| of == key)) {
        lane.mark(loss.at, 'X');
    }
    lane.finish()
}

/// The terms of a candidate.
pub(super) fn candidate(model: &Model<'_>, canvas: &Canvas, key: usize, node: usize) -> String {
    let mut lane = canvas.lane();
    for wait in model.waits.iter().filter(|wait| wait.node == node && wait.key == key) {
        lane.fill(wait.from, wait.to, 'w');
    }
    for (_, from, to) in model.down.iter().filter(|(of, _, _)| *of == node) {
        lane.fill(*from, *to, 'x');
    }
    let terms = model.terms.iter().filter(|term| term.node == node && term.key == key);
    let terms: Vec<&Term> = terms.collect();
    for term in &terms {
        draw(&mut lane, model, term);
    }
    for (from, to) in model.asleep(node) {
        lane.fill(from, to, 'z');
    }
    // Edges and tokens are what a reader looks for: nothing covers them.
    for term in &terms {
        edges(&mut lane, model, term);
    }
    lane.finish()
}

fn draw(lane: &mut Lane<'_>, model: &Model<'_>, term: &Term) {
    let over = term.cancelled_at.unwrap_or(model.end);
    let gone = model.end_of(term);
    if let Some((granted, _)) = term.granted
        && granted < term.elected_at
    {
        lane.fill(granted, term.elected_at, ':');
    }
    if gone > over {
        lane.fill(over, gone, '~');
    }
    lane.fill(term.elected_at, over, '=');
    if over > term.deadline {
        lane.fill(term.deadline.max(term.elected_at), over, '!');
    }
}

fn edges(lane: &mut Lane<'_>, model: &Model<'_>, term: &Term) {
    let over = term.cancelled_at.unwrap_or(model.end);
    let canvas = lane.canvas;
    if !canvas.shows(term.elected_at, over) {
        return;
    }
    let (begin, end) = (canvas.at(term.elected_at), canvas.at(over));
    lane.mark(term.elected_at, '[');
    if term.cancelled_at.is_some() {
        lane.mark(over, ')');
    }
    let text = format!("#{}", term.token);
    let begin = if canvas.contains(term.elected_at) { begin + 1 } else { begin };
    let room = end.saturating_sub(begin);
    let column = begin + (room.saturating_sub(text.len()) / 2).min(4);
    lane.write(column, &text, end);
}

/// A letter for each kind, one of its own where there is one left.
pub(super) fn letters<'a>(kinds: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, char> {
    let mut letters: BTreeMap<&str, char> = BTreeMap::new();
    for kind in kinds {
        let own = kind.chars().flat_map(|char| [char, char.to_ascii_uppercase()]);
        let taken: Vec<char> = letters.values().copied().collect();
        let free = own.chain('a'..='z').chain('A'..='Z').chain('0'..='9');
        let mut free = free.filter(|char| char.is_ascii_alphanumeric() && !taken.contains(char));
        letters.insert(kind, free.next().unwrap_or('?'));
    }
    letters
}

/// The faults of a node, or of the store; `None`: there are none.
pub(super) fn faults(
    model: &Model<'_>,
    canvas: &Canvas,
    node: Option<usize>,
    letters: &BTreeMap<&str, char>,
) -> Option<String> {
    let mut lane = canvas.lane();
    let mut any = false;
    for fault in model.faults.iter().filter(|fault| fault.node == node) {
        if !canvas.contains(fault.at) {
            continue;
        }
        any = true;
        let column = canvas.at(fault.at);
        let letter = letters.get(fault.kind).copied().unwrap_or('?');
        lane.put(column, if lane.cells[column] == ' ' { letter } else { '*' });
    }
    any.then(|| lane.finish())
}
