//! Parts of an SVG whose x axis is time. Positions on it are shares of the width, so that a figure
//! is zoomed by making it wider, and texts and marks keep their size.

use crate::history::At;
use crate::report::timeline::format::Escaped;
use crate::report::timeline::span::Span;

/// How wide a figure is on most screens, in pixels: what has no room there is shown when the
/// figure is zoomed.
const WIDTH: f64 = 1150.0;

/// The content of an SVG. What lies outside of the time that it shows is left out.
#[derive(Debug)]
pub(super) struct Svg {
    pub(super) out: String,
    pub(super) shown: Span,
}

impl Svg {
    pub(super) fn new(shown: Span) -> Self {
        Self { out: String::new(), shown: shown.not_empty() }
    }

    /// The position of an instant, in percent.
    pub(super) fn x(&self, at: At) -> f64 {
        let passed = at.as_secs_f64() - self.shown.from.as_secs_f64();
        100.0 * (passed / self.shown.length().as_secs_f64()).clamp(0.0, 1.0)
    }

    /// How many pixels a time takes when the figure is not zoomed.
    pub(super) fn pixels(&self, time: Span) -> f64 {
        (self.x(time.to) - self.x(time.from)) * WIDTH / 100.0
    }

    /// A bar.
    pub(super) fn bar(&mut self, class: &str, time: Span, y: f64, height: f64, title: &str) {
        if self.shown.meets(time) {
            let (x, title) = (self.x(time.from), title_of(title));
            let width = self.x(time.to) - x;
            self.out += &format!(
                "<rect class=\"{class}\" x=\"{x:.4}%\" width=\"{width:.4}%\" y=\"{y}\" \
                 height=\"{height}\">{title}</rect>\n"
            );
        }
    }

    /// A mark of those in `marks.svg`.
    pub(super) fn mark(&mut self, mark: &str, class: &str, at: At, y: f64, title: &str) {
        if self.shown.contains(at) {
            let (x, title) = (self.x(at), title_of(title));
            self.out += &format!(
                "<use href=\"#{mark}\" class=\"{class}\" x=\"{x:.4}%\" y=\"{y}\">{title}</use>\n"
            );
        }
    }

    /// A line along the time axis.
    pub(super) fn along(&mut self, class: &str, time: Span, y: f64) {
        if self.shown.meets(time) {
            let (begin, end) = (self.x(time.from), self.x(time.to));
            self.out += &format!(
                "<line class=\"{class}\" x1=\"{begin:.4}%\" x2=\"{end:.4}%\" y1=\"{y}\" \
                 y2=\"{y}\"/>\n"
            );
        }
    }

    /// A line across the time axis.
    pub(super) fn across(&mut self, class: &str, at: At, top: f64, bottom: f64, title: &str) {
        if self.shown.contains(at) {
            let (x, title) = (self.x(at), title_of(title));
            self.out += &format!(
                "<line class=\"{class}\" x1=\"{x:.4}%\" x2=\"{x:.4}%\" y1=\"{top}\" \
                 y2=\"{bottom}\">{title}</line>\n"
            );
        }
    }

    /// A text at `x` percent, and at so many pixels to the right. `anchor` says which part of the
    /// text is there: its start, middle or end.
    pub(super) fn text(
        &mut self,
        class: &str,
        (x, shift): (f64, Option<i32>),
        y: f64,
        anchor: &str,
        text: &str,
    ) {
        let shift = shift.map_or_else(String::new, |shift| format!(" dx=\"{shift}\""));
        let text = Escaped(text);
        self.out += &format!(
            "<text class=\"{class}\" x=\"{x:.4}%\"{shift} y=\"{y}\" \
             text-anchor=\"{anchor}\">{text}</text>\n"
        );
    }

    /// A text in the middle of a time, shown at a zoom at which it has room.
    pub(super) fn inside(&mut self, class: &str, time: Span, y: f64, text: &str) {
        let needed = 7.0 * f64::from(u32::try_from(text.chars().count()).unwrap_or(99)) + 4.0;
        if self.shown.meets(time)
            && let Some(zoom) = zoom_for(needed, self.pixels(time))
        {
            let middle = f64::midpoint(self.x(time.from), self.x(time.to));
            self.text(&format!("{class}{zoom}"), (middle, None), y, "middle", text);
        }
    }
}

/// The title of an element, which has none if the text is empty.
fn title_of(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("<title>{}</title>", Escaped(text)) }
}

/// The class of what needs a zoom to have room. `None`: no zoom is enough.
fn zoom_for(needed: f64, has: f64) -> Option<String> {
    let mut zooms = [1, 2, 4, 8, 16, 32, 64].into_iter();
    let zoom = zooms.find(|zoom| has * f64::from(*zoom) >= needed)?;
    Some(if zoom == 1 { String::new() } else { format!(" m{zoom}") })
}
