//! What was made to go wrong.

use super::marks;
use super::svg::Svg;
use crate::history::At;
use crate::report::timeline::events;
use crate::report::timeline::format::{seconds, span};
use crate::report::timeline::model::Model;

pub(super) fn draw(
    model: &Model<'_>,
    node: Option<usize>,
    (y, height): (f64, f64),
    svg: &mut Svg<'_>,
) {
    // Icons that would lie upon each other go into another row.
    let mut rows: [Option<At>; 2] = [None, None];
    for fault in model.faults.iter().filter(|fault| fault.node == node) {
        let is_free = |last: &Option<At>| last.is_none_or(|at| svg.pixels(at, fault.at) >= 13.0);
        let row = rows.iter().position(is_free).unwrap_or(1);
        rows[row] = Some(fault.at);
        let middle = if row == 0 { y + 8.0 } else { y + height - 8.0 };
        let words = events::fault(fault.kind, fault.text);
        let title = match fault.lasts {
            Some(lasts) => {
                let to = fault.at + lasts;
                svg.bar(format_args!("fault"), (fault.at, to), middle - 2.0, 4.0, "");
                format!("{}: {words}\nfor {}, to {}", seconds(fault.at), span(lasts), seconds(to))
            }
            None => format!("{}: {words}", seconds(fault.at)),
        };
        svg.mark(marks::of_fault(fault.kind), "fault", fault.at, middle, &title);
    }
}
