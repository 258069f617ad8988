use super::need::Need;
use super::rule::{Rule, Section};

/// What is left behind, and what is said.
pub(super) const SECTION: Section = Section {
    number: 6,
    title: "Hygiene",
    about: "What is left behind, and what is said of trouble.",
    rules: &[
        Rule::required(
            "6.01",
            "no_task_is_left",
            "After the last handle, the driver and their `Dsync` are gone, no task of dsync's is \
             left, and none of them has panicked.",
        ),
        Rule::required(
            "6.02",
            "nothing_is_left_in_the_store",
            "After a release no lease and no connection is left at the store; of a lock no record \
             either, but for a documented counter with an expiry; of an election at most a record \
             without a holder.",
        )
        .needing(Need::Operator),
        Rule::required(
            "6.03",
            "shutdown_is_bounded",
            "`Dsync::shutdown` returns within the drain timeout and two request timeouts, regardless \
             of what the store and user code do, as long as user code does not block its thread.",
        ),
        Rule::required(
            "6.04",
            "trouble_is_told_once",
            "Trouble of a campaign is reported at once, once for each change, and again when it is \
             over, with a text that says what to do. A permanent error ends a campaign and never a \
             term that is held. Nothing is retried without a wait.",
        ),
    ],
};
