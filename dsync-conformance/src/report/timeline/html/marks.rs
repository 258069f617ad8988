//! The marks of the figures. Each has a shape of its own, so that nothing is told by colour alone.

/// The shapes, once per file.
pub(super) const DEFINITIONS: &str = "\
<svg width=\"0\" height=\"0\" class=\"marks\" aria-hidden=\"true\"><defs>
<pattern id=\"hatch\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\" \
patternTransform=\"rotate(45)\"><line class=\"hatch\" x1=\"0\" x2=\"0\" y1=\"0\" y2=\"7\"/></pattern>
<pattern id=\"late\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" \
patternTransform=\"rotate(-45)\"><rect class=\"late-ground\" width=\"5\" height=\"5\"/><line class=\"late\" x1=\"0\" x2=\"0\" y1=\"0\" y2=\"5\"/></pattern>
<g id=\"m-applied\"><path d=\"M0-5V5\"/></g>
<g id=\"m-won\"><path d=\"M0-6V6M-3.5-2.5L0-6.5L3.5-2.5\"/></g>
<g id=\"m-lost\"><path d=\"M0-5V5\"/><circle class=\"hollow\" r=\"4\"/></g>
<g id=\"m-adopted\"><path class=\"solid\" d=\"M-4-4L4 0L-4 4Z\"/></g>
<g id=\"m-refused\"><path d=\"M-2.5-2.5L2.5 2.5M-2.5 2.5L2.5-2.5\"/></g>
<g id=\"m-unanswered\"><path d=\"M-3-2L0 3L3-2Z\"/></g>
<g id=\"m-read\"><circle class=\"solid\" r=\"1.2\"/></g>
<g id=\"m-write\"><path class=\"solid\" d=\"M0-3L3 0L0 3L-3 0Z\"/></g>
<g id=\"m-write-refused\"><path class=\"hollow\" d=\"M0-4L4 0L0 4L-4 0Z\"/><path d=\"M-5 5L5-5\"/></g>
<g id=\"m-grant\"><path class=\"solid\" d=\"M-1-8H1V8H-1Z\"/><path class=\"solid\" d=\"M1-8L6-5L1-2Z\"/></g>
<g id=\"m-release\"><path d=\"M0-8V8\"/><path class=\"hollow\" d=\"M0 2L-6 5L0 8Z\"/></g>
<g id=\"m-expired\"><path class=\"dotted\" d=\"M0-8V8\"/></g>
<g id=\"m-replaced\"><path d=\"M-4-4L4 4M-4 4L4-4\"/></g>
<g id=\"m-loss\"><circle class=\"solid\" r=\"7\"/><path class=\"on\" d=\"M-3-3L3 3M-3 3L3-3\"/></g>
<g id=\"f-lost\"><circle class=\"plate\" r=\"6\"/><path d=\"M-2.5-2.5L2.5 2.5M-2.5 2.5L2.5-2.5\"/></g>
<g id=\"f-answer\"><circle class=\"plate\" r=\"6\"/><path d=\"M3 0H-3M-1-2L-3 0L-1 2\"/></g>
<g id=\"f-slow\"><circle class=\"plate\" r=\"6\"/><path d=\"M0-3.5V0L2.5 1.5\"/></g>
<g id=\"f-twice\"><circle class=\"plate\" r=\"6\"/><path d=\"M-1.5-3V3M1.5-3V3\"/></g>
<g id=\"f-cut\"><circle class=\"plate\" r=\"6\"/><path d=\"M-4 0H-1.5M1.5 0H4M-1.5-2.5V2.5M1.5-2.5V2.5\"/></g>
<g id=\"f-refused\"><circle class=\"plate\" r=\"6\"/><path d=\"M-3.5 0H3.5\"/></g>
<g id=\"f-watch\"><circle class=\"plate\" r=\"6\"/><path d=\"M-4 0Q0-4 4 0Q0 4-4 0\"/><circle class=\"solid\" r=\"1.2\"/></g>
<g id=\"f-pause\"><rect class=\"plate\" x=\"-6\" y=\"-6\" width=\"12\" height=\"12\"/><path d=\"M-1.8-3V3M1.8-3V3\"/></g>
<g id=\"f-suspend\"><rect class=\"plate\" x=\"-6\" y=\"-6\" width=\"12\" height=\"12\"/><path d=\"M-2.5-2.5H2.5L-2.5 2.5H2.5\"/></g>
<g id=\"f-kill\"><rect class=\"plate\" x=\"-6\" y=\"-6\" width=\"12\" height=\"12\"/><path d=\"M-3-3L3 3M-3 3L3-3\"/></g>
<g id=\"f-clock\"><rect class=\"plate\" x=\"-6\" y=\"-6\" width=\"12\" height=\"12\"/><circle r=\"3.2\"/><path d=\"M0-2V0H1.6\"/></g>
<g id=\"f-panic\"><rect class=\"plate\" x=\"-6\" y=\"-6\" width=\"12\" height=\"12\"/><path d=\"M0-3.5V1M0 2.6V3.4\"/></g>
<g id=\"f-store\"><path class=\"plate\" d=\"M0-7.5L7 5H-7Z\"/><path d=\"M0-3V1.5M0 2.7V3.6\"/></g>
<g id=\"f-other\"><path class=\"plate\" d=\"M0-7L7 0L0 7L-7 0Z\"/><path d=\"M0-3V1M0 2.5V3.3\"/></g>
</defs></svg>
";

/// The mark of a kind of fault. Circles are for messages, squares for nodes, triangles for the
/// store.
pub(super) fn of_fault(kind: &str) -> &'static str {
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
