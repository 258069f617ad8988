//! Schedules at random.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;

use super::{Action, KeyName, Node, Schedule, Step, Store, Way, Work};
use crate::history::Verb;

/// How large schedules are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// How many nodes.
    pub nodes: usize,
    /// How long faults go on, in milliseconds.
    pub length_ms: u64,
    /// How many steps at least.
    pub least_steps: usize,
    /// How many steps at most.
    pub most_steps: usize,
}

impl Default for Shape {
    /// Four nodes, two minutes, at least a hundred faults.
    fn default() -> Self {
        Self { nodes: 4, length_ms: 120_000, least_steps: 130, most_steps: 160 }
    }
}

/// Schedules of this shape on this kind of store.
///
/// A third of them have no record loss, since that hides what happens beside it; in a third, all
/// clocks run evenly.
pub fn schedules(shape: Shape, store: Store) -> BoxedStrategy<Schedule> {
    let calm = prop_oneof![1 => Just(0_u64), 1 => 1..=20_u64];
    let leases = prop_oneof![Just(2_000_u64), Just(3_000), Just(6_000)];
    let plan = (any::<u64>(), leases, calm, 0..3_u8, 0..3_u8);
    plan.prop_flat_map(move |(seed, lease_ms, latency_ms, losses, drifts)| {
        let nodes = vec(node(drifts != 0), shape.nodes);
        let action = action(shape.nodes, lease_ms, losses == 0);
        let steps = vec((0..=shape.length_ms, action), shape.least_steps..=shape.most_steps);
        (nodes, steps).prop_map(move |(nodes, steps)| {
            let mut steps: Vec<_> =
                steps.into_iter().map(|(at_ms, action)| Step { at_ms, action }).collect();
            steps.sort_by_key(|step| step.at_ms);
            if drifts == 0 {
                steps.retain(|step| !matches!(step.action, Action::Drift { .. }));
            }
            Schedule {
                format: Schedule::FORMAT,
                about: String::new(),
                seed,
                store,
                lease_ms,
                latency_ms,
                length_ms: shape.length_ms,
                nodes,
                steps,
            }
        })
    })
    .boxed()
}

fn node(drifts: bool) -> impl Strategy<Value = Node> {
    let drift = if drifts { drift().boxed() } else { Just(0).boxed() };
    let work = prop_oneof![
        3 => Just(Work::Prompt),
        2 => Just(Work::Stubborn),
        1 => Just(Work::Brief),
        2 => Just(Work::Guarded),
    ];
    (0..10_000_000_u64, drift, work).prop_map(|(clock_ms, drift_ppm, work)| Node {
        clock_ms,
        drift_ppm,
        work,
    })
}

/// Up to the declared bound of one percent.
fn drift() -> impl Strategy<Value = i64> {
    prop_oneof![2 => Just(0_i64), 1 => -10_000..=10_000_i64, 1 => Just(10_000), 1 => Just(-10_000)]
}

/// Short, or around what matters for a lease, or much longer.
fn span(lease: u64) -> impl Strategy<Value = u64> + Clone {
    prop_oneof![
        3 => 1..=lease / 4,
        3 => lease / 2..=lease * 3 / 2,
        1 => lease * 3 / 2..=lease * 4,
    ]
}

fn verb() -> impl Strategy<Value = Option<Verb>> {
    prop_oneof![
        2 => Just(None),
        2 => Just(Some(Verb::Acquire)),
        2 => Just(Some(Verb::Renew)),
        1 => Just(Some(Verb::Release)),
        1 => Just(Some(Verb::Read)),
    ]
}

fn key() -> impl Strategy<Value = KeyName> {
    prop_oneof![3 => Just(KeyName::Election), 1 => Just(KeyName::Lock)]
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![Just(Way::Requests), Just(Way::Answers), Just(Way::Both)]
}

fn action(nodes: usize, lease: u64, losses: bool) -> impl Strategy<Value = Action> {
    let users = users(nodes, lease);
    let machines = machines(nodes, lease);
    let messages = messages(nodes, lease);
    let store = store(lease, losses);
    prop_oneof![3 => users, 2 => machines, 9 => messages, 1 => store]
}

fn users(nodes: usize, lease: u64) -> impl Strategy<Value = Action> {
    let node = 0..nodes;
    let (hold, wait) = (1..=lease * 2, span(lease));
    prop_oneof![
        2 => node.clone().prop_map(|node| Action::Resign { node }),
        1 => (node.clone(), span(lease)).prop_map(|(node, for_ms)| Action::Stop { node, for_ms }),
        1 => (node.clone(), span(lease))
            .prop_map(|(node, for_ms)| Action::DropHandles { node, for_ms }),
        3 => (node.clone(), wait, hold.clone())
            .prop_map(|(node, wait_ms, hold_ms)| Action::Lock { node, wait_ms, hold_ms }),
        1 => (node, hold).prop_map(|(node, hold_ms)| Action::TryLock { node, hold_ms }),
    ]
}

fn machines(nodes: usize, lease: u64) -> impl Strategy<Value = Action> {
    let node = 0..nodes;
    prop_oneof![
        3 => (node.clone(), span(lease)).prop_map(|(node, for_ms)| Action::Pause { node, for_ms }),
        2 => (node.clone(), span(lease))
            .prop_map(|(node, for_ms)| Action::Suspend { node, for_ms }),
        1 => (node.clone(), span(lease)).prop_map(|(node, for_ms)| Action::Kill { node, for_ms }),
        1 => (node.clone(), drift()).prop_map(|(node, ppm)| Action::Drift { node, ppm }),
        1 => node.prop_map(|node| Action::Panic { node }),
    ]
}

fn messages(nodes: usize, lease: u64) -> impl Strategy<Value = Action> {
    let node = move || 0..nodes;
    let span = move || span(lease);
    let whole = prop_oneof![
        2 => (node(), way(), span())
            .prop_map(|(node, way, for_ms)| Action::Cut { node, way, for_ms }),
        1 => (node(), span(), span())
            .prop_map(|(node, by_ms, for_ms)| Action::SlowRequests { node, by_ms, for_ms }),
        1 => (node(), span(), span())
            .prop_map(|(node, by_ms, for_ms)| Action::SlowAnswers { node, by_ms, for_ms }),
        1 => (node(), span()).prop_map(|(node, for_ms)| Action::StaleReads { node, for_ms }),
        1 => (node(), span(), span()).prop_map(|(node, for_ms, retry_after_ms)| Action::Throttle {
            node,
            for_ms,
            retry_after_ms
        }),
        1 => (node(), span()).prop_map(|(node, for_ms)| Action::Unauthenticated { node, for_ms }),
    ];
    let one = prop_oneof![
        2 => (node(), verb(), any::<bool>())
            .prop_map(|(node, verb, told)| Action::LoseRequest { node, verb, told }),
        4 => (node(), verb(), any::<bool>())
            .prop_map(|(node, verb, told)| Action::LoseAnswer { node, verb, told }),
        2 => (node(), verb(), span())
            .prop_map(|(node, verb, by_ms)| Action::Late { node, verb, by_ms }),
        2 => (node(), verb(), span())
            .prop_map(|(node, verb, by_ms)| Action::Duplicate { node, verb, by_ms }),
        1 => node().prop_map(|node| Action::Fail { node }),
        1 => (node(), 1..6_u8).prop_map(|(node, count)| Action::Conflicts { node, count }),
    ];
    let watches = prop_oneof![
        1 => node().prop_map(|node| Action::CloseWatches { node }),
        1 => node().prop_map(|node| Action::CompactWatches { node }),
        2 => (node(), span(), span())
            .prop_map(|(node, by_ms, for_ms)| Action::LagWatches { node, by_ms, for_ms }),
    ];
    prop_oneof![3 => whole, 5 => one, 2 => watches]
}

fn store(lease: u64, losses: bool) -> BoxedStrategy<Action> {
    let kept = prop_oneof![
        2 => span(lease).prop_map(|for_ms| Action::Restart { for_ms }),
        3 => key().prop_map(|key| Action::Touch { key }),
    ];
    if !losses {
        return kept.boxed();
    }
    prop_oneof![
        3 => kept,
        1 => Just(Action::Forget),
        1 => key().prop_map(|key| Action::LoseLastWrite { key }),
        1 => key().prop_map(|key| Action::Delete { key }),
        1 => key().prop_map(|key| Action::Empty { key }),
        1 => (key(), 1..=lease * 2)
            .prop_map(|(key, lease_ms)| Action::Overwrite { key, lease_ms }),
    ]
    .boxed()
}
