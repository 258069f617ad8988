use super::rule::{Kind, Rule, Section};

/// Progress once nothing goes wrong any more.
pub(super) const SECTION: Section = Section {
    number: 4,
    title: "Liveness",
    about: "What happens once the last fault has healed, while at least one candidate runs and the \
            store answers. Times are those of a machine that does not stand still; if it did, the \
            rule is inconclusive, not violated.",
    rules: &[
        Rule::required(
            "4.01",
            "somebody_is_elected",
            "A candidate is elected within one lease duration, the declared `max_expiry_lag`, a few \
             retry periods and one request timeout after the last fault healed.",
        ),
        Rule::required(
            "4.02",
            "released_lease_is_handed_over",
            "After a term ended voluntarily, while another candidate waits, the next term begins \
             within the hand-off bound: with a watch a small part of the lease duration, without \
             one about a retry period.",
        ),
        Rule::required(
            "4.03",
            "no_candidate_is_stuck",
            "No candidate is stuck for good after any sequence of faults: each one that is left \
             alone with the store is elected.",
        ),
        Rule::required(
            "4.04",
            "fairness_of_elections",
            "How the terms of an election are spread over equal candidates. Elections promise no \
             fairness: the histogram is for people.",
        )
        .of_kind(Kind::Stochastic),
        Rule::required(
            "4.05",
            "requests_are_bounded",
            "A candidate sends a bounded number of requests, however many compete and whichever \
             requests fail: no loop without a wait, and no storm on a conflict. At rest, one that follows \
             with a healthy watch sends next to nothing.",
        ),
        Rule::required(
            "4.06",
            "lost_candidate_is_elected_again",
            "A candidate that lost its term, for any reason, is elected again on the same handle \
             when its turn comes, and its callbacks run again, once for each term.",
        ),
    ],
};
