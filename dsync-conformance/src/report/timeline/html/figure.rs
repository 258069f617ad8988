//! One figure: names of lanes on the left, time to the right.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use super::layout::{Lane, LaneKind, TOP};
use super::svg::Svg;
use super::{candidate, faults, store};
use crate::check::Violation;
use crate::history::At;
use crate::report::timeline::format::{Escaped, interval, plain, seconds};
use crate::report::timeline::model::Model;

/// What is nearer than this, in percent of the width, is one place to a reader.
const SAME: f64 = 0.05;

/// A piece of the run.
#[derive(Debug)]
pub(super) struct Figure<'a> {
    pub(super) model: &'a Model<'a>,
    pub(super) from: At,
    pub(super) to: At,
    pub(super) keys: Vec<usize>,
    /// Unique in the file.
    pub(super) name: String,
    pub(super) title: String,
    pub(super) description: String,
}

impl Figure<'_> {
    pub(super) fn draw(&self, out: &mut String) {
        let (lanes, height) = super::layout::lanes(self.model, &self.keys);
        let (mut names, mut time) = (String::new(), String::new());
        self.names(&lanes, height, &mut names);
        let mut svg = Svg::new(&mut time, self.from, self.to);
        for lane in &lanes {
            Self::ground(lane, &mut svg);
        }
        self.axis(height, &mut svg);
        self.violated(height, &mut svg);
        for lane in &lanes {
            match lane.kind {
                LaneKind::Group(_) => {}
                LaneKind::Store(key) => store::draw(self.model, key, lane.y, &mut svg),
                LaneKind::Candidate { key, node } => {
                    candidate::draw(self.model, (key, node), (lane.y, lane.height), &mut svg);
                }
                LaneKind::Faults(node) => {
                    faults::draw(self.model, node, (lane.y, lane.height), &mut svg);
                }
            }
        }
        self.losses(&lanes, &mut svg);
        let has_violation =
            self.model.incidents.iter().any(|one| self.from <= one.from && one.from <= self.to);
        let next = "<button type=\"button\" data-zoom=\"next\">Next violation</button>";
        let _ = write!(
            out,
            include_str!("figure.html"),
            next = if has_violation { next } else { "" },
            name = self.name,
            from = self.from.as_secs_f64(),
            to = self.to.as_secs_f64(),
            names = names,
            title = Escaped(&self.title),
            height = height,
            description = Escaped(&self.description),
            time = time,
        );
    }

    fn names(&self, lanes: &[Lane], height: f64, out: &mut String) {
        let _ = writeln!(out, "<svg class=\"names\" height=\"{height}\" aria-hidden=\"true\">");
        let _ = writeln!(out, "<text x=\"8\" y=\"33\" class=\"dim\">seconds</text>");
        for lane in lanes {
            let (class, text, swatch) = match &lane.kind {
                LaneKind::Group(name) => ("head", name.clone(), None),
                LaneKind::Store(_) => ("lane", "store".to_owned(), None),
                LaneKind::Candidate { node, .. } => ("lane", self.model.node(*node), Some(*node)),
                LaneKind::Faults(node) => ("lane", self.model.who(*node), *node),
            };
            let text = plain(&text);
            let short: String = if text.chars().count() > 16 {
                text.chars().take(15).chain(['…']).collect()
            } else {
                text.clone()
            };
            let middle = lane.y + lane.height / 2.0 + 4.0;
            if let Some(node) = swatch {
                let top = lane.y + lane.height / 2.0 - 5.0;
                let _ = writeln!(
                    out,
                    "<rect class=\"n{}\" x=\"8\" y=\"{top}\" width=\"5\" height=\"11\"/>",
                    node % 8
                );
            }
            let x = if class == "head" { 8 } else { 19 };
            let y = if class == "head" { lane.y + lane.height - 7.0 } else { middle };
            let _ = writeln!(
                out,
                "<text x=\"{x}\" y=\"{y}\" class=\"{class}\">{}<title>{}</title></text>",
                Escaped(&short),
                Escaped(&text)
            );
        }
        out.push_str("</svg>\n");
    }

    /// What lies behind a lane.
    fn ground(lane: &Lane, svg: &mut Svg<'_>) {
        let class = match &lane.kind {
            LaneKind::Group(_) => return,
            LaneKind::Store(_) => "ground store",
            LaneKind::Candidate { node, .. } if node % 2 == 0 => "ground",
            LaneKind::Candidate { .. } => "ground odd",
            LaneKind::Faults(_) => "ground faults",
        };
        svg.put(format_args!(
            "<rect class=\"{class}\" x=\"0\" width=\"100%\" y=\"{}\" height=\"{}\"/>\n",
            lane.y, lane.height
        ));
    }

    /// Seconds, finer where the figure is zoomed.
    fn axis(&self, height: f64, svg: &mut Svg<'_>) {
        let mut steps: Vec<(Duration, &str)> = Vec::new();
        for (zoom, class) in [(1, ""), (4, " m4"), (16, " m16"), (64, " m64")] {
            let step = step(self.to.saturating_sub(self.from) / (10 * zoom));
            if !steps.iter().any(|(other, _)| *other == step) {
                steps.push((step, class));
            }
        }
        for (index, (step, class)) in steps.iter().enumerate() {
            let first = self.from.as_nanos().div_ceil(step.as_nanos().max(1));
            let mut at = *step * u32::try_from(first).unwrap_or(u32::MAX);
            while at <= self.to {
                let drawn = steps[..index].iter().any(|(coarse, _)| is_multiple(at, *coarse));
                if !drawn {
                    let x = svg.x(at);
                    svg.across(&format!("grid{class}"), at, TOP - 4.0, height, "");
                    let text = label(at, *step);
                    let (anchor, shift) = match x {
                        x if x > 98.5 => ("end", -2),
                        x if x < 0.5 => ("start", 2),
                        _ => ("middle", 0),
                    };
                    svg.put(format_args!(
                        "<text class=\"tick{class}\" x=\"{x:.4}%\" dx=\"{shift}\" y=\"33\" \
                         text-anchor=\"{anchor}\">{text}</text>\n"
                    ));
                }
                at += *step;
            }
        }
        if let Some(healed) = self.model.history.healed_at.filter(|at| svg.contains(*at)) {
            let title = format!(
                "{}: every fault is over; from here on the run demands progress",
                seconds(healed)
            );
            svg.across("healed", healed, TOP - 18.0, height, &title);
            svg.beside("healed", healed, 20.0, "faults are over");
        }
    }

    /// Where rules were violated, behind everything else.
    fn violated(&self, height: f64, svg: &mut Svg<'_>) {
        // One incident often violates several rules: they share a bar and a name.
        let mut shared: BTreeMap<(At, At), Vec<&Violation>> = BTreeMap::new();
        for incident in &self.model.incidents {
            if svg.shows(incident.from, incident.to) {
                let together = shared.entry((incident.from, incident.to)).or_default();
                together.push(incident.violation);
            }
        }
        let mut flags: Vec<(f64, Vec<&str>)> = Vec::new();
        for ((from, to), violations) in shared {
            let mut title = interval(from, to);
            let x = svg.x(from);
            if flags.last().is_none_or(|(last, _)| x - last > SAME) {
                flags.push((x, Vec::new()));
            }
            for violation in violations {
                let _ =
                    write!(title, "\nRule {} is violated: {}", violation.rule, violation.message);
                if let Some((_, rules)) = flags.last_mut()
                    && !rules.contains(&violation.rule)
                {
                    rules.push(violation.rule);
                }
            }
            svg.bar(format_args!("bad"), (from, to), 16.0, height - 16.0, &title);
        }
        let mut last: Option<f64> = None;
        for (x, rules) in flags {
            // Names side by side have no room, so each is shown when the figure is zoomed enough.
            let class = match last.map(|last| x - last) {
                Some(distance) if distance < 0.7 => " m64",
                Some(distance) if distance < 5.0 => " m8",
                _ => "",
            };
            let anchor = if x > 90.0 { "end" } else { "start" };
            let rules = rules.join(", ");
            svg.put(format_args!(
                "<text class=\"flag{class}\" x=\"{x:.4}%\" y=\"12\" text-anchor=\"{anchor}\">✕ {}\
                 </text>\n",
                Escaped(&rules)
            ));
            last = Some(x);
        }
    }

    /// Lines where the store forgot something, across the lanes of the keys that were hit.
    fn losses(&self, lanes: &[Lane], svg: &mut Svg<'_>) {
        let of = |lane: &Lane| match lane.kind {
            LaneKind::Store(key) | LaneKind::Candidate { key, .. } => Some(key),
            _ => None,
        };
        for loss in &self.model.losses {
            for key in &self.keys {
                if loss.key.is_some_and(|only| only != *key) {
                    continue;
                }
                let mut of_key = lanes.iter().filter(|lane| of(lane) == Some(*key));
                let Some(first) = of_key.next() else { continue };
                let last = of_key.next_back().unwrap_or(first);
                let title = format!(
                    "{}: record loss, {}\nThe store forgot the record, so terms that it hits are \
                     not judged by the rules of exclusion.",
                    seconds(loss.at),
                    loss.kind.replace('_', " ")
                );
                svg.across("loss", loss.at, first.y, last.y + last.height, &title);
                svg.mark("m-loss", "loss", loss.at, first.y + 10.0, &title);
            }
        }
    }
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
    let seconds = at.as_secs_f64();
    match step.as_millis() {
        ..10 => format!("{seconds:.3}"),
        10..100 => format!("{seconds:.2}"),
        100..1000 => format!("{seconds:.1}"),
        _ => format!("{seconds:.0}"),
    }
}
