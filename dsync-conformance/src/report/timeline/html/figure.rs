//! One figure: names of lanes on the left, time to the right.

use std::collections::BTreeMap;
use std::time::Duration;

use super::layout::{Lane, LaneKind, TOP, lanes};
use super::svg::Svg;
use super::{candidate, faults, store};
use crate::check::Violation;
use crate::history::At;
use crate::report::timeline::format::{Escaped, plain};
use crate::report::timeline::model::Model;
use crate::report::timeline::span::{Span, seconds};

/// Flags that are nearer than this, in percent of the width, are one flag.
const SAME: f64 = 0.05;

/// A picture of a piece of the run.
#[derive(Debug)]
pub(super) struct Figure<'a> {
    pub(super) model: &'a Model<'a>,
    pub(super) shown: Span,
    pub(super) keys: Vec<usize>,
    /// Unique in the file.
    pub(super) name: String,
    pub(super) title: String,
    pub(super) description: String,
}

impl Figure<'_> {
    pub(super) fn draw(&self) -> String {
        let model = self.model;
        let (lanes, height) = lanes(model, &self.keys);
        let mut svg = Svg::new(self.shown);
        for lane in &lanes {
            ground(lane, &mut svg);
        }
        self.axis(height, &mut svg);
        self.violated(height, &mut svg);
        for lane in &lanes {
            match lane.kind {
                LaneKind::Group => {}
                LaneKind::Store(key) => store::draw(model, key, lane, &mut svg),
                LaneKind::Candidate { key, node } => {
                    candidate::draw(model, key, node, lane, &mut svg);
                }
                LaneKind::Faults(node) => faults::draw(model, node, lane, &mut svg),
            }
        }
        self.losses(&lanes, &mut svg);
        let has_violation = model.incidents.iter().any(|one| self.shown.contains(one.time.from));
        let next = "<button type=\"button\" data-zoom=\"next\">Next violation</button>";
        format!(
            include_str!("figure.html"),
            next = if has_violation { next } else { "" },
            name = self.name,
            from = self.shown.from.as_secs_f64(),
            to = self.shown.to.as_secs_f64(),
            names = names(&lanes),
            title = Escaped(&self.title),
            height = height,
            description = Escaped(&self.description),
            time = svg.out,
        )
    }

    /// Seconds, finer where the figure is zoomed.
    fn axis(&self, height: f64, svg: &mut Svg) {
        let Span { from, to } = self.shown;
        let mut coarser: Vec<Duration> = Vec::new();
        for (zoom, class) in [(1, ""), (4, " m4"), (16, " m16"), (64, " m64")] {
            let step = step(self.shown.length() / (10 * zoom));
            let first = from.as_nanos().div_ceil(step.as_nanos().max(1));
            let mut at = step * u32::try_from(first).unwrap_or(u32::MAX);
            while at <= to {
                if !coarser.iter().any(|coarse| is_multiple(at, *coarse)) {
                    svg.across(&format!("grid{class}"), at, TOP - 4.0, height, "");
                    let x = svg.x(at);
                    let (anchor, shift) = match x {
                        x if x > 98.5 => ("end", -2),
                        x if x < 0.5 => ("start", 2),
                        _ => ("middle", 0),
                    };
                    let text = label(at, step);
                    svg.text(&format!("tick{class}"), (x, Some(shift)), 33.0, anchor, &text);
                }
                at += step;
            }
            coarser.push(step);
        }
        if let Some(healed) = self.model.history.healed_at.filter(|at| svg.shown.contains(*at)) {
            let title = format!(
                "{}: every fault is over; from here on the run demands progress",
                seconds(healed)
            );
            svg.across("healed", healed, TOP - 18.0, height, &title);
            let x = svg.x(healed);
            let (anchor, shift) = if x > 85.0 { ("end", -5) } else { ("start", 5) };
            svg.text("healed", (x, Some(shift)), 20.0, anchor, "faults are over");
        }
    }

    /// Where rules were violated, behind everything else.
    fn violated(&self, height: f64, svg: &mut Svg) {
        // One incident often violates several rules: they share a bar and a flag.
        let mut shared: BTreeMap<Span, Vec<&Violation>> = BTreeMap::new();
        for incident in self.model.incidents.iter().filter(|one| svg.shown.meets(one.time)) {
            shared.entry(incident.time).or_default().push(incident.violation);
        }
        let mut flags: Vec<(f64, Vec<&str>)> = Vec::new();
        for (time, violations) in shared {
            let x = svg.x(time.from);
            if flags.last().is_none_or(|(last, _)| x - last > SAME) {
                flags.push((x, Vec::new()));
            }
            let mut title = time.to_string();
            for Violation { rule, message, .. } in violations {
                title += &format!("\nRule {rule} is violated: {message}");
                if let Some((_, rules)) = flags.last_mut()
                    && !rules.contains(rule)
                {
                    rules.push(rule);
                }
            }
            svg.bar("bad", time, 16.0, height - 16.0, &title);
        }
        let mut last: Option<f64> = None;
        for (x, rules) in flags {
            // Names side by side have no room, so each is shown when the figure is zoomed enough.
            let class = match last.replace(x).map(|last| x - last) {
                Some(distance) if distance < 0.7 => "flag m64",
                Some(distance) if distance < 5.0 => "flag m8",
                _ => "flag",
            };
            let anchor = if x > 90.0 { "end" } else { "start" };
            svg.text(class, (x, None), 12.0, anchor, &format!("✕ {}", rules.join(", ")));
        }
    }

    /// Lines where the store lost records, across the lanes of the keys that were hit.
    fn losses(&self, lanes: &[Lane], svg: &mut Svg) {
        for loss in &self.model.losses {
            let title = format!(
                "{}: record loss, {}\nThe store forgot the record, so terms that it hits are \
                 not judged by the rules of exclusion.",
                seconds(loss.from),
                loss.kind.replace('_', " ")
            );
            for key in self.keys.iter().filter(|key| loss.key.is_none_or(|hit| hit == **key)) {
                let mut of_key = lanes.iter().filter(|lane| match lane.kind {
                    LaneKind::Store(of) | LaneKind::Candidate { key: of, .. } => of == *key,
                    LaneKind::Group | LaneKind::Faults(_) => false,
                });
                let Some(first) = of_key.next() else { continue };
                let last = of_key.next_back().unwrap_or(first);
                svg.across("loss", loss.from, first.y, last.y + last.height, &title);
                svg.mark("m-loss", "loss", loss.from, first.y + 10.0, &title);
            }
        }
    }
}

/// The names of the lanes, which stay in sight when the figure is scrolled.
fn names(lanes: &[Lane]) -> String {
    let mut names = String::new();
    for lane in lanes {
        let name = plain(&lane.name);
        let mut short: String = name.chars().take(16).collect();
        if short.len() < name.len() {
            short.pop();
            short.push('…');
        }
        let middle = lane.y + lane.height / 2.0;
        if let LaneKind::Candidate { node, .. } | LaneKind::Faults(Some(node)) = lane.kind {
            names += &format!(
                "<rect class=\"n{}\" x=\"8\" y=\"{}\" width=\"5\" height=\"11\"/>\n",
                node % 8,
                middle - 5.0
            );
        }
        let (class, x, y) = match lane.kind {
            LaneKind::Group => ("head", 8, lane.y + lane.height - 7.0),
            _ => ("lane", 19, middle + 4.0),
        };
        let (name, short) = (Escaped(&name), Escaped(&short));
        names += &format!(
            "<text x=\"{x}\" y=\"{y}\" class=\"{class}\">{short}<title>{name}</title></text>\n"
        );
    }
    names
}

/// What lies behind a lane.
fn ground(lane: &Lane, svg: &mut Svg) {
    let class = match lane.kind {
        LaneKind::Group => return,
        LaneKind::Store(_) => "ground store",
        LaneKind::Candidate { node, .. } if node % 2 == 0 => "ground",
        LaneKind::Candidate { .. } => "ground odd",
        LaneKind::Faults(_) => "ground faults",
    };
    svg.out += &format!(
        "<rect class=\"{class}\" x=\"0\" width=\"100%\" y=\"{}\" height=\"{}\"/>\n",
        lane.y, lane.height
    );
}

/// The next larger round duration.
fn step(least: Duration) -> Duration {
    let mut unit = Duration::from_millis(1);
    loop {
        for factor in [1, 2, 5] {
            if unit * factor >= least {
                return unit * factor;
            }
        }
        unit *= 10;
    }
}

fn is_multiple(at: At, step: Duration) -> bool {
    at.as_millis().checked_rem(step.as_millis()) == Some(0)
}

/// An instant with as many digits as its step needs.
fn label(at: At, step: Duration) -> String {
    let digits = match step.as_millis() {
        ..10 => 3,
        10..100 => 2,
        100..1000 => 1,
        _ => 0,
    };
    format!("{:.digits$}", at.as_secs_f64())
}
