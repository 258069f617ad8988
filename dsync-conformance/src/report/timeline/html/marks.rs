//! The marks of the figures. Each has a shape of its own, so that no meaning depends on colour alone.

/// The shapes, once per file.
pub(super) const DEFINITIONS: &str = include_str!("marks.svg");

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
