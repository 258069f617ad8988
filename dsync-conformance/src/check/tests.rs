//! The two checkers of 2.02 against each other, on random histories.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::history::{KeyInfo, NodeInfo, Term, Timing};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

prop_compose! {
    /// A term of one of three nodes and two keys, somewhere in a second, with nothing made sure.
    fn term(name: u64)(
        node in 0..3_usize,
        key in 0..2_usize,
        granted in prop::option::weighted(0.9, (0..1000_u64, 0..30_u64)),
        valid in 0..400_u64,
        cancelled in prop::option::weighted(0.9, 0..400_u64),
        stopped in prop::option::weighted(0.9, 0..100_u64),
        lost in prop::bool::weighted(0.1),
    ) -> Term {
        let begun = ms(granted.map_or(500, |(from, _)| from));
        let cancelled_at = cancelled.map(|after| begun + ms(after));
        Term {
            term: name,
            node,
            key,
            token: name,
            granted: granted.map(|(from, wide)| (ms(from), ms(from + wide))),
            elected_at: begun,
            cancelled_at,
            cause: None,
            killed: false,
            stopped_at: cancelled_at.zip(stopped).map(|(at, after)| at + ms(after)),
            sent: begun,
            valid_until: cancelled_at.map_or(begun + ms(valid), |at| at.min(begun + ms(valid))),
            deadline: begun + ms(valid),
            hard_deadline: begun + ms(valid + 50),
            lost,
        }
    }
}

fn terms() -> impl Strategy<Value = Vec<Term>> {
    (0..8_u64).prop_flat_map(|count| (1..=count).map(term).collect::<Vec<_>>())
}

fn history(asleep: Vec<(u64, u64)>) -> History {
    let node = |(from, length): (u64, u64)| NodeInfo {
        asleep: vec![(ms(from), Some(ms(from + length)))],
        ..NodeInfo::default()
    };
    let key = |is_lock| KeyInfo { name: "key".to_owned(), is_lock };
    History {
        keys: vec![key(false), key(true)],
        nodes: asleep.into_iter().map(node).collect(),
        ended_at: ms(10_000),
        timing: Timing::default(),
        ..History::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn both_checkers_of_exclusion_agree(
        terms in terms(),
        asleep in prop::collection::vec((0..1000_u64, 1..300_u64), 3),
    ) {
        let history = history(asleep);
        let mut first: Vec<(u64, u64)> = overlaps(&history, &terms, Precision::VIRTUAL)
            .iter()
            .map(|violation| (violation.terms[0], violation.terms[1]))
            .collect();
        let mut second = overlaps_by_pairs(&history, &terms);
        first.sort_unstable();
        second.sort_unstable();
        prop_assert_eq!(first, second);
    }
}
