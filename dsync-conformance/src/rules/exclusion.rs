use super::need::Need;
use super::rule::{Kind, Rule, Section};

/// Exclusion and order: the promise of dsync.
pub(super) const SECTION: Section = Section {
    number: 2,
    title: "Exclusion and order",
    about: "What candidates see of the terms of one key. 2.02 is the promise that dsync is made \
            for. For a term that a record loss hits, 2.02 and 2.03 are not judged; the other \
            rules are.",
    rules: &[
        Rule::required(
            "2.01",
            "elected_and_cancelled_alternate",
            "For each candidate of a key, the events that user code sees are elected, cancelled, \
             elected, cancelled, … in strict alternation: a term is never begun while the last one \
             of the same candidate goes on, and none is cancelled that was not begun. No clock is \
             needed to judge it.",
        ),
        Rule::required(
            "2.02",
            "cancelled_before_re_elected",
            "Over all candidates of a key, a term is cancelled, and its work has stopped, before \
             the next one is granted, to another candidate or to the same. For a term T and the \
             next term N of the key: if the node of T was not paused, cancelled_at(T) <= \
             stopped_at(T) <= granted_at(N), as seen and not as computed, so that a core that \
             never cancels fails; if it was paused, valid_until(T) <= granted_at(N).",
        ),
        Rule::required(
            "2.03",
            "one_valid_term_at_a_time",
            "At no instant do two terms of a key exist that have been granted and whose \
             valid_until lies ahead.",
        ),
        Rule::required(
            "2.04",
            "cancellation_is_heard_in_time",
            "User code of an election learns that its term is over by s + renew_deadline plus the \
             precision of the run, with s as in valid_until, not counting time in which its node \
             was paused or blocked. That also holds while a call of the driver hangs, while a \
             renewal is in flight, and while user code takes its time to stop.",
        ),
        Rule::required(
            "2.05",
            "old_term_stays_over_after_a_pause",
            "After its node was paused for longer than the term had left, the term is never \
             reported active, beginning with the first question after the pause, and no body of it \
             is polled after its hard deadline.",
        ),
        Rule::required(
            "2.06",
            "late_answer_revives_nothing",
            "A term that is over stays over. An answer of the store that arrives after \
             valid_until, a success included, never makes it active again, and none of its bodies \
             is polled after the hard deadline.",
        ),
        Rule::required(
            "2.07",
            "work_ends_before_the_release",
            "When a term is given up voluntarily (`resign`, `stop`, `unlock`, `shutdown`, a dropped \
             handle, a body that returned or panicked), its token is cancelled and its last body is \
             gone before the release is sent.",
        ),
        Rule::required(
            "2.08",
            "lost_record_ends_the_term",
            "A term whose record an operator or another writer deleted, emptied or overwrote is \
             cancelled within one renew period and two request timeouts, while the store answers; \
             else by s + renew_deadline, as every term.",
        )
        .needing(Need::Operator),
        Rule::required(
            "2.09",
            "bodies_are_gone_by_the_hard_deadline",
            "Every body of a term has returned or has been dropped by the hard deadline plus the \
             precision of the run, not counting time in which its node was paused or blocked. A \
             poll that is in progress may end first; nothing is polled after it.",
        ),
        Rule::required(
            "2.10",
            "holds_with_drifting_clocks",
            "2.02 holds while the clocks of nodes run faster or slower than that of the store by up \
             to the declared rate (1 % by default), are off by any amount, and while machines are \
             suspended.",
        )
        .of_kind(Kind::Capability)
        .needing(Need::ClockRate),
        Rule::required(
            "2.11",
            "effects_exclude_each_other",
            "What the work of a term causes elsewhere happens before the next term is granted, \
             however long a process is stopped in the middle of it.",
        )
        .never_tested(
            "nothing can promise it: a process can be stopped between its last look at the clock \
             and the write that it sends, and a request can travel for any time. The resource \
             itself has to refuse what comes late, by fencing tokens: see 3.05",
        ),
    ],
};
