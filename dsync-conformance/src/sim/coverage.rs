//! Whether a run was strong enough to mean anything.

use super::Tally;

/// Fewer schedules are an experiment, not a run.
const FEWEST: u64 = 500;

/// Every kind of fault that a run has to have met, on stores of all kinds.
const KINDS: &[&str] = &[
    "conflict",
    "cut_answers",
    "cut_requests",
    "deleted",
    "drift",
    "duplicate",
    "emptied",
    "failed",
    "forgotten",
    "kill",
    "last_write_lost",
    "late_write",
    "lost_answer",
    "lost_request",
    "overwritten",
    "panic",
    "pause",
    "slow_answer",
    "slow_request",
    "stale_read",
    "suspend",
    "throttled",
    "touched",
    "unauthenticated",
    "unavailable",
    "watch_closed",
    "watch_compacted",
    "watch_lagged",
];

impl Tally {
    /// What the run was too weak in, for a run of generated schedules. Empty: it is valid.
    #[must_use]
    pub fn gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        let mut floor = |what: &str, is: u64, least: u64| {
            if is < least {
                gaps.push(format!("{what}: {is}, at least {least} are needed"));
            }
        };
        let schedules = self.schedules;
        floor("schedules", schedules, FEWEST);
        floor("schedules that did not end early", schedules - self.broken, schedules);
        floor("hand-overs", self.hand_overs, schedules * 5);
        floor("writes that were applied without an answer", self.ambiguous_applied, schedules * 3);
        floor("schedules with clocks that drift", self.drifting, schedules / 4);
        floor("uses of the lock", self.locks, schedules * 4);
        floor("terms that ran out before the next grant", self.margins.values().sum(), schedules);
        floor("terms that no record loss hit", self.terms - self.lost_terms, schedules * 10);
        for kind in KINDS {
            let is = self.faults.get(*kind).copied().unwrap_or_default();
            floor(&format!("faults of kind {kind}"), is, schedules / 10);
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_run_proves_nothing() {
        let gaps = Tally::default().gaps();
        assert!(gaps.iter().any(|gap| gap.starts_with("schedules: 0")), "{gaps:?}");
    }

    #[test]
    fn a_run_in_which_nothing_goes_wrong_proves_nothing() {
        let tally = Tally { schedules: 10_000, terms: 500_000, ..Tally::default() };
        let gaps = tally.gaps();
        for what in ["hand-overs", "kind pause", "without an answer", "drift"] {
            assert!(gaps.iter().any(|gap| gap.contains(what)), "{what}: {gaps:?}");
        }
    }
}
