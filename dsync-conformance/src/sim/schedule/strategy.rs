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
    /// The lease duration in milliseconds; `None`: 2, 3 or 6 seconds.
    pub lease_ms: Option<u64>,
}

impl Default for Shape {
    /// Four nodes, two minutes, at least a hundred faults.
    fn default() -> Self {
        Self { nodes: 4, length_ms: 120_000, least_steps: 130, most_steps: 160, lease_ms: None }
    }
}

/// Schedules of this shape on this kind of store.
///
/// A third of them have record loss, which hides what happens beside it; in a third, all clocks
/// run evenly.
pub fn schedules(shape: Shape, store: Store) -> BoxedStrategy<Schedule> {
    let latency = prop_oneof![1 => Just(0_u64), 1 => 1..=20_u64];
    let leases = prop_oneof![Just(2_000_u64), Just(3_000), Just(6_000)];
    let plan = (any::<u64>(), leases, latency, 0..3_u8, 0..3_u8);
    let count = shape.least_steps..=shape.most_steps;
    let steps = (count, vec(burst(shape), shape.most_steps / 3));
    // Times are made in thousandths of a lease duration, so that one strategy does for all.
    (plan, vec(node(), shape.nodes), steps)
        .prop_map(move |(plan, mut nodes, (count, bursts))| {
            let (seed, lease_ms, latency_ms, losses, drifts) = plan;
            let lease_ms = shape.lease_ms.unwrap_or(lease_ms);
            let mut steps = Vec::new();
            for (from, burst) in bursts {
                for (after, mut action) in burst {
                    let skipped = (losses != 0 && action.is_record_loss())
                        || (drifts == 0 && matches!(action, Action::Drift { .. }));
                    if skipped || steps.len() >= count {
                        continue;
                    }
                    for duration in action.durations() {
                        *duration = (*duration * lease_ms / 1000).max(1);
                    }
                    let at_ms = (from + after * lease_ms / 1000).min(shape.length_ms);
                    steps.push(Step { at_ms, action });
                }
            }
            steps.sort_by_key(|step| step.at_ms);
            if drifts == 0 {
                for node in &mut nodes {
                    node.drift_ppm = 0;
                }
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
        .boxed()
}

/// Trouble seldom comes alone: a few steps within a lease duration, often on one node. What takes
/// three faults at the right moment to go wrong is met far sooner that way.
fn burst(shape: Shape) -> impl Strategy<Value = (u64, Vec<(u64, Action)>)> {
    let steps = vec((0..=1000_u64, action(shape.nodes)), 3..=5);
    let node = prop_oneof![1 => Just(None), 2 => (0..shape.nodes).prop_map(Some)];
    (0..=shape.length_ms, node, steps).prop_map(move |(from, node, mut steps)| {
        if let Some(node) = node {
            for (_, action) in &mut steps {
                *action = action.with_node(node);
            }
        }
        (from, steps)
    })
}

fn node() -> impl Strategy<Value = Node> {
    let work = prop_oneof![
        3 => Just(Work::Prompt),
        2 => Just(Work::Stubborn),
        1 => Just(Work::Brief),
        2 => Just(Work::Guarded),
    ];
    (0..10_000_000_u64, drift(), work).prop_map(|(clock_ms, drift_ppm, work)| Node {
        clock_ms,
        drift_ppm,
        work,
    })
}

// The strategies of parts are boxed: a tree of values then holds pointers to its branches, and is
// not as large as all of them together.

/// Up to the declared bound of one percent.
fn drift() -> impl Strategy<Value = i64> {
    prop_oneof![2 => Just(0_i64), 1 => -10_000..=10_000_i64, 1 => Just(10_000), 1 => Just(-10_000)]
}

/// Short, or around what matters for a lease, or much longer.
fn span() -> BoxedStrategy<u64> {
    prop_oneof![3 => 1..=250_u64, 3 => 500..=1500_u64, 1 => 1500..=4000_u64].boxed()
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

fn action(nodes: usize) -> BoxedStrategy<Action> {
    let (users, machines, messages) = (users(nodes), machines(nodes), messages(nodes));
    prop_oneof![3 => users, 2 => machines, 9 => messages, 1 => store()].boxed()
}

fn users(nodes: usize) -> BoxedStrategy<Action> {
    let node = 0..nodes;
    let (hold, wait) = (1..=2000_u64, span());
    prop_oneof![
        2 => node.clone().prop_map(|node| Action::Resign { node }),
        1 => (node.clone(), span()).prop_map(|(node, for_ms)| Action::Stop { node, for_ms }),
        1 => (node.clone(), span()).prop_map(|(node, for_ms)| Action::DropHandles { node, for_ms }),
        3 => (node.clone(), wait, hold.clone())
            .prop_map(|(node, wait_ms, hold_ms)| Action::Lock { node, wait_ms, hold_ms }),
        1 => (node, hold).prop_map(|(node, hold_ms)| Action::TryLock { node, hold_ms }),
    ]
    .boxed()
}

fn machines(nodes: usize) -> BoxedStrategy<Action> {
    let node = 0..nodes;
    prop_oneof![
        3 => (node.clone(), span()).prop_map(|(node, for_ms)| Action::Pause { node, for_ms }),
        2 => (node.clone(), span())
            .prop_map(|(node, for_ms)| Action::Suspend { node, for_ms }),
        1 => (node.clone(), span()).prop_map(|(node, for_ms)| Action::Kill { node, for_ms }),
        1 => (node.clone(), drift()).prop_map(|(node, ppm)| Action::Drift { node, ppm }),
        1 => node.prop_map(|node| Action::Panic { node }),
    ]
    .boxed()
}

fn messages(nodes: usize) -> BoxedStrategy<Action> {
    let node = move || 0..nodes;
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
    prop_oneof![3 => whole.boxed(), 5 => one.boxed(), 2 => watches.boxed()].boxed()
}

fn store() -> BoxedStrategy<Action> {
    prop_oneof![
        4 => span().prop_map(|for_ms| Action::Restart { for_ms }),
        6 => key().prop_map(|key| Action::Touch { key }),
        2 => Just(Action::Forget),
        2 => key().prop_map(|key| Action::LoseLastWrite { key }),
        2 => key().prop_map(|key| Action::Delete { key }),
        2 => key().prop_map(|key| Action::Empty { key }),
        2 => (key(), 1..=2000_u64).prop_map(|(key, lease_ms)| Action::Overwrite { key, lease_ms }),
    ]
    .boxed()
}
