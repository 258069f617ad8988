//! Parts of an SVG whose x axis is time. Positions on it are shares of the width, so that a figure
//! is zoomed by making it wider, and texts and marks keep their size.

use std::fmt::{self, Write};
use std::time::Duration;

use crate::history::At;
use crate::report::timeline::format::Escaped;

/// How wide a figure is on most screens, in pixels: what has no room there is shown when the
/// figure is zoomed.
const WIDTH: f64 = 1150.0;

/// An SVG in the making.
#[derive(Debug)]
pub(super) struct Svg<'a> {
    pub(super) out: &'a mut String,
    from: At,
    to: At,
}

impl<'a> Svg<'a> {
    pub(super) fn new(out: &'a mut String, from: At, to: At) -> Self {
        Self { out, from, to: to.max(from + Duration::from_millis(1)) }
    }

    pub(super) fn put(&mut self, text: fmt::Arguments<'_>) {
        let _ = self.out.write_fmt(text);
    }

    /// The position of an instant, in percent.
    pub(super) fn x(&self, at: At) -> f64 {
        let whole = self.to.saturating_sub(self.from).as_secs_f64();
        let passed = at.as_secs_f64() - self.from.as_secs_f64();
        100.0 * (passed / whole).clamp(0.0, 1.0)
    }

    pub(super) fn contains(&self, at: At) -> bool {
        at >= self.from && at <= self.to
    }

    /// Whether any of `from..=to` is shown.
    pub(super) fn shows(&self, from: At, to: At) -> bool {
        from <= self.to && to >= self.from
    }

    /// How many pixels a time takes when the figure is not zoomed.
    pub(super) fn pixels(&self, from: At, to: At) -> f64 {
        (self.x(to) - self.x(from)) * WIDTH / 100.0
    }

    /// A bar; nothing if it is not in sight.
    pub(super) fn bar(
        &mut self,
        class: fmt::Arguments<'_>,
        (from, to): (At, At),
        y: f64,
        height: f64,
        title: &str,
    ) {
        if !self.shows(from, to) {
            return;
        }
        let (x, width) = (self.x(from), self.x(to) - self.x(from));
        let title = Escaped(title);
        self.put(format_args!(
            "<rect class=\"{class}\" x=\"{x:.4}%\" width=\"{width:.4}%\" y=\"{y}\" \
             height=\"{height}\">"
        ));
        if !title.0.is_empty() {
            self.put(format_args!("<title>{title}</title>"));
        }
        self.put(format_args!("</rect>\n"));
    }

    /// A mark of those in [`super::marks`].
    pub(super) fn mark(&mut self, mark: &str, class: &str, at: At, y: f64, title: &str) {
        if self.contains(at) {
            let (x, title) = (self.x(at), Escaped(title));
            self.put(format_args!(
                "<use href=\"#{mark}\" class=\"{class}\" x=\"{x:.4}%\" y=\"{y}\">\
                 <title>{title}</title></use>\n"
            ));
        }
    }

    /// A line along the time axis.
    pub(super) fn along(&mut self, class: &str, (from, to): (At, At), y: f64) {
        if self.shows(from, to) {
            let (begin, end) = (self.x(from), self.x(to));
            self.put(format_args!(
                "<line class=\"{class}\" x1=\"{begin:.4}%\" x2=\"{end:.4}%\" y1=\"{y}\" \
                 y2=\"{y}\"/>\n"
            ));
        }
    }

    /// A line across the time axis.
    pub(super) fn across(&mut self, class: &str, at: At, top: f64, bottom: f64, title: &str) {
        if !self.contains(at) {
            return;
        }
        let (x, title) = (self.x(at), Escaped(title));
        self.put(format_args!(
            "<line class=\"{class}\" x1=\"{x:.4}%\" x2=\"{x:.4}%\" y1=\"{top}\" y2=\"{bottom}\">"
        ));
        if !title.0.is_empty() {
            self.put(format_args!("<title>{title}</title>"));
        }
        self.put(format_args!("</line>\n"));
    }

    /// A text in the middle of a time, shown at a zoom at which it has room.
    pub(super) fn inside(&mut self, class: &str, (from, to): (At, At), y: f64, text: &str) {
        if !self.shows(from, to) {
            return;
        }
        let middle = f64::midpoint(self.x(from), self.x(to));
        let needed = 7.0 * f64::from(u32::try_from(text.chars().count()).unwrap_or(99)) + 4.0;
        let Some(zoom) = zoom_for(needed, self.pixels(from, to)) else { return };
        let text = Escaped(text);
        self.put(format_args!(
            "<text class=\"{class}{zoom}\" x=\"{middle:.4}%\" y=\"{y}\" \
             text-anchor=\"middle\">{text}</text>\n"
        ));
    }

    /// A text that begins at an instant, or ends there if it is far to the right.
    pub(super) fn beside(&mut self, class: &str, at: At, y: f64, text: &str) {
        if self.contains(at) {
            let x = self.x(at);
            let (anchor, shift) = if x > 85.0 { ("end", -5) } else { ("start", 5) };
            let text = Escaped(text);
            self.put(format_args!(
                "<text class=\"{class}\" x=\"{x:.4}%\" dx=\"{shift}\" y=\"{y}\" \
                 text-anchor=\"{anchor}\">{text}</text>\n"
            ));
        }
    }
}

/// The class of what needs a zoom to have room. `None`: no zoom is enough.
fn zoom_for(needed: f64, has: f64) -> Option<&'static str> {
    const CLASSES: [(f64, &str); 7] = [
        (1.0, ""),
        (2.0, " m2"),
        (4.0, " m4"),
        (8.0, " m8"),
        (16.0, " m16"),
        (32.0, " m32"),
        (64.0, " m64"),
    ];
    CLASSES.iter().find(|(zoom, _)| has * zoom >= needed).map(|(_, class)| *class)
}
