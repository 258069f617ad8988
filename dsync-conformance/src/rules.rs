//! Every rule, once: the names of tests, the documentation and the reports come from here.

use serde::{Deserialize, Serialize};

/// How a rule binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Every driver keeps it.
    Required,
    /// Whoever declares the capability keeps it.
    Capability,
    /// Reported, not judged.
    Stochastic,
    /// Nobody can test it.
    Untestable,
}

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Such as `"2.02"`. It never changes its meaning.
    pub id: &'static str,
    /// How it binds.
    pub kind: Kind,
    /// A few words in `snake_case`, for the name of its test.
    pub name: &'static str,
    /// The rule in whole sentences.
    pub text: &'static str,
}

/// The version of the rules: it grows when a rule is added or changed.
pub const VERSION: u32 = 1;

/// All rules in the order of their ids.
pub const RULES: &[Rule] = &[
    rule(
        "1.01",
        Kind::Required,
        "one_winner",
        "Of any number of concurrent acquisitions of a free key, exactly one wins.",
    ),
    rule(
        "1.02",
        Kind::Required,
        "stale_never_applies",
        "An acquisition, renewal or release at a stale version never applies, and is \
         answered with `Held`, `Lost`, `NotMine` or `Conflict`.",
    ),
    rule(
        "1.03",
        Kind::Required,
        "definite_means_not_applied",
        "A definite error means that the write was not applied and will not be; every \
         other error is ambiguous.",
    ),
    rule(
        "1.04",
        Kind::Required,
        "ambiguous_write_is_visible",
        "An ambiguous write that was applied is visible to a later read by its nonce; one \
         that lands late still carries that nonce.",
    ),
    rule(
        "1.05",
        Kind::Required,
        "versions_never_repeat",
        "The version differs for every acquisition, also across deletion and re-creation. \
         On observer stores the version and the pulse also change with every renewal, and \
         the pulse with nothing else.",
    ),
    rule(
        "1.06",
        Kind::Required,
        "reads_see_acknowledged_writes",
        "A read after an acknowledged write sees that write or something newer.",
    ),
    rule(
        "1.07",
        Kind::Required,
        "never_expires_early",
        "Nobody else can take a lease before its duration has run, counted from the start \
         of the holder's call.",
    ),
    rule(
        "1.08",
        Kind::Required,
        "expires_in_time",
        "Somebody else can take a dead holder's lease within its duration and \
         `max_expiry_lag`.",
    ),
    rule(
        "1.09",
        Kind::Required,
        "foreign_release_changes_nothing",
        "A release by anybody but the holder changes nothing.",
    ),
    rule(
        "1.10",
        Kind::Required,
        "dropped_calls_are_ambiguous",
        "Dropping any future of the driver leaves a state that rules 1.03 and 1.04 allow.",
    ),
    rule(
        "1.11",
        Kind::Capability,
        "watch_shows_the_last_state",
        "A watch never misses the last state, and a broken watch starts again from the \
         state that there is.",
    ),
    rule(
        "1.12",
        Kind::Required,
        "deleted_record_is_free",
        "A record that an operator deleted reads as free, not as an endless error.",
    ),
    rule(
        "1.13",
        Kind::Required,
        "silent_after_drop",
        "A driver sends nothing after it was closed or dropped.",
    ),
    rule(
        "1.14",
        Kind::Required,
        "names_are_kept_apart",
        "Every legal name of a resource works, the longest included, and no two resources \
         share a key.",
    ),
    rule(
        "2.01",
        Kind::Required,
        "strictly_alternating",
        "Each candidate is elected, cancelled, elected, and so on, strictly in turn.",
    ),
    rule(
        "2.02",
        Kind::Required,
        "cancelled_before_re_elected",
        "Over all candidates: a term is cancelled, and its work has stopped, before \
         anybody is elected again.",
    ),
    rule("2.03", Kind::Required, "one_valid_term", "At most one term is valid at any instant."),
    rule(
        "2.04",
        Kind::Required,
        "cancelled_in_time",
        "User code hears of the cancellation by its renew deadline, also when a call of \
         the driver hangs, a renewal is in flight, or user code blocks its own stop.",
    ),
    rule(
        "2.05",
        Kind::Required,
        "over_after_a_pause",
        "After a pause longer than the lease the old term is never reported active, nor \
         is its work polled again.",
    ),
    rule(
        "2.06",
        Kind::Required,
        "late_answers_revive_nothing",
        "An answer that comes after the renew deadline never revives a term.",
    ),
    rule(
        "2.07",
        Kind::Required,
        "cancelled_before_released",
        "On a voluntary release, the cancellation and the end of all work come before the \
         release is sent.",
    ),
    rule(
        "2.08",
        Kind::Required,
        "lost_record_ends_the_term",
        "A record that is lost to an operator or another writer ends the term within a \
         renew period and two request timeouts while the store answers, else by the renew \
         deadline.",
    ),
    rule("2.09", Kind::Required, "work_is_dropped", "Work is dropped by the hard deadline."),
    rule(
        "2.10",
        Kind::Capability,
        "holds_under_clock_drift",
        "Rule 2.02 holds while the clocks of the nodes drift up to the declared rate, are \
         set off at will, and are suspended up to the declared bound.",
    ),
    rule(
        "2.11",
        Kind::Untestable,
        "exclusion_of_effects",
        "Exclusion of effects under unbounded pauses: what was sent before a pause may \
         arrive after it. No lock can prevent that; see rule 3.05.",
    ),
    rule(
        "3.01",
        Kind::Required,
        "tokens_increase",
        "Fencing tokens strictly increase over the terms of a key.",
    ),
    rule(
        "3.02",
        Kind::Required,
        "token_constant_within_a_term",
        "The fencing token is constant within a term, across renewals.",
    ),
    rule(
        "3.03",
        Kind::Capability,
        "token_survives_delete",
        "Fencing tokens go on growing after the record was deleted.",
    ),
    rule(
        "3.04",
        Kind::Capability,
        "token_survives_restart",
        "Fencing tokens go on growing after a restart of the store.",
    ),
    rule(
        "3.05",
        Kind::Required,
        "fenced_register",
        "A register guarded by tokens, once it accepted a token, never accepts a lower \
         one, under all faults without record loss, unbounded pauses included.",
    ),
    rule(
        "4.01",
        Kind::Required,
        "elected_in_time",
        "After the last fault has healed somebody is elected within the lease duration, \
         the expiry lag, a few retries and a request timeout.",
    ),
    rule(
        "4.02",
        Kind::Required,
        "quick_hand_off",
        "After a voluntary release the next candidate is elected far below the lease \
         duration.",
    ),
    rule("4.03", Kind::Required, "nobody_is_stuck", "Any candidate that is left alone is elected."),
    rule(
        "4.04",
        Kind::Stochastic,
        "fairness_of_elections",
        "How evenly terms are spread over candidates.",
    ),
    rule(
        "4.05",
        Kind::Required,
        "bounded_requests",
        "A candidate that loses sends a bounded number of requests: no hot loop, no \
         storm.",
    ),
    rule(
        "4.06",
        Kind::Required,
        "elected_again",
        "A candidate that lost is elected again on the same handle, and its callbacks run \
         again.",
    ),
    rule("5.01", Kind::Required, "linearizable_lock", "A lock is linearizable as a fenced mutex."),
    rule(
        "5.02",
        Kind::Required,
        "dropped_guard_frees",
        "Dropping the guard frees the lock, or it expires.",
    ),
    rule(
        "5.03",
        Kind::Required,
        "try_lock_never_waits",
        "`try_lock` never waits for another holder.",
    ),
    rule(
        "5.04",
        Kind::Required,
        "gave_up_means_not_held",
        "Timed out or dropped while waiting means not held: what landed is released, or \
         expires within one duration.",
    ),
    rule("5.05", Kind::Required, "no_lost_wake_up", "No wake-up is lost among those who wait."),
    rule(
        "5.06",
        Kind::Required,
        "holder_hears_of_loss",
        "The holder hears of the loss by its renew deadline.",
    ),
    rule(
        "5.07",
        Kind::Stochastic,
        "fairness_of_locks",
        "How evenly a lock is spread over those who wait.",
    ),
    rule(
        "6.01",
        Kind::Required,
        "no_task_left",
        "No task is left after the last handle was dropped.",
    ),
    rule(
        "6.02",
        Kind::Required,
        "nothing_left_after_release",
        "No record, lease or connection is left after a release; a released election may \
         keep its record without a holder where the driver says so.",
    ),
    rule(
        "6.03",
        Kind::Required,
        "shutdown_within_its_bound",
        "A shutdown returns within its bound.",
    ),
    rule(
        "6.04",
        Kind::Required,
        "trouble_is_reported",
        "Trouble is reported at once and once per change, with what to do. A permanent \
         error ends a campaign, never a held term, and never becomes a hot loop.",
    ),
];

const fn rule(id: &'static str, kind: Kind, name: &'static str, text: &'static str) -> Rule {
    Rule { id, kind, name, text }
}
