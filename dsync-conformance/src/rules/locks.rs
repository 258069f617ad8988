use super::rule::{Kind, Rule, Section};

/// Locks.
pub(super) const SECTION: Section = Section {
    number: 5,
    title: "Locks",
    about: "What holds for `Lock` and `LockGuard`, which are terms as well: sections 2 and 3 hold \
            for them too.",
    rules: &[
        Rule::required(
            "5.01",
            "lock_is_a_linearizable_fenced_mutex",
            "What users of a lock see, from call to return, is what a mutex allows that is held by \
             one at a time and hands out tokens that increase. An operation whose outcome is not \
             known may take effect at any time after its call, or never. A hold ends at its \
             valid_until, released or not. Not judged for holds that a record loss hits.",
        ),
        Rule::required(
            "5.02",
            "dropped_guard_frees_the_lock",
            "After a guard was dropped, the lock is released; where the release cannot be sent, it \
             expires with its lease.",
        ),
        Rule::required(
            "5.03",
            "try_lock_does_not_wait_for_a_holder",
            "`try_lock` returns without waiting for another holder to release or to expire: within \
             the time of its own requests.",
        ),
        Rule::required(
            "5.04",
            "given_up_means_not_held",
            "A `lock` that timed out, or that was dropped while it waited, holds nothing. What its \
             requests may have left in the store is released, or expires within one lease duration, \
             and the next caller gets the lock.",
        ),
        Rule::required(
            "5.05",
            "no_waiter_is_forgotten",
            "While the store answers, every waiter of a lock that comes free again and again gets \
             it: no wake-up is lost, and no waiter waits for a lock that is free.",
        ),
        Rule::required(
            "5.06",
            "holder_hears_of_the_loss_in_time",
            "The holder of a lock learns that it is lost (`LockGuard::lost`, `is_held`) by s + \
             renew_deadline plus the precision of the run, with s as in valid_until, not counting \
             time in which its node was paused or blocked.",
        ),
        Rule::required(
            "5.07",
            "fairness_of_locks",
            "How often each of several waiters gets the lock, and how long it waits. Locks promise \
             no order: the histogram is for people.",
        )
        .of_kind(Kind::Stochastic),
    ],
};
