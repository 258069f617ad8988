//! The faults of a node, or of the store.

use super::layout::Lane;
use super::svg::Svg;
use crate::history::At;
use crate::report::timeline::model::Model;
use crate::report::timeline::span::{Span, length, seconds};

pub(super) fn draw(model: &Model<'_>, node: Option<usize>, lane: &Lane, svg: &mut Svg) {
    // Icons that would lie upon each other go into another row.
    let mut rows: [Option<At>; 2] = [None, None];
    for fault in model.faults.iter().filter(|fault| fault.node == node) {
        let is_free =
            |last: &Option<At>| last.is_none_or(|at| svg.pixels(Span::new(at, fault.at)) >= 13.0);
        let row = rows.iter().position(is_free).unwrap_or(1);
        rows[row] = Some(fault.at);
        let middle = lane.y + if row == 0 { 8.0 } else { lane.height - 8.0 };
        let mut title = format!("{}: {}", seconds(fault.at), fault.words);
        if let Some(lasts) = fault.lasts {
            let to = fault.at + lasts;
            svg.bar("fault", Span::new(fault.at, to), middle - 2.0, 4.0, "");
            title += &format!("\nfor {}, to {}", length(lasts), seconds(to));
        }
        svg.mark(mark(fault.kind), "fault", fault.at, middle, &title);
    }
}

/// The mark of a kind of fault. Each kind has a shape of its own, so that no meaning depends on
/// colour alone: circles are for messages, squares for nodes, triangles for the store.
fn mark(kind: &str) -> &'static str {
    match kind {
        "pause" => "f-pause",
        "suspend" => "f-suspend",
        "kill" => "f-kill",
        "drift" | "clock_jump" => "f-clock",
        "panic" => "f-panic",
        "lose_request" | "lost_request" => "f-lost",
        "lose_answer" | "lost_answer" => "f-answer",
        "slow_requests" | "slow_answers" | "late" | "late_write" => "f-slow",
        "duplicate" => "f-twice",
        "cut" => "f-cut",
        "fail" | "failed" | "conflicts" | "conflict" | "throttle" | "throttled"
        | "unauthenticated" => "f-refused",
        "close_watches" | "compact_watches" | "lag_watches" | "stale_reads" => "f-watch",
        "restart" | "forget" | "lose_last_write" | "delete" | "empty" | "overwrite" | "touch" => {
            "f-store"
        }
        _ => "f-other",
    }
}
