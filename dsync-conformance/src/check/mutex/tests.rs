use std::time::Duration;

use dsync::EndCause;
use dsync::driver::Holder;
use proptest::prelude::*;

use super::*;
use crate::history::{
    At, Entry, Event, KeyInfo, LockCall, LockReturn, NodeInfo, Outcome, Timing, Verb,
};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn lock(token: u64, from: u64, to: u64) -> Op {
    Op { kind: OpKind::Lock, token, from: ms(from), to: Some(ms(to)) }
}

fn unlock(token: u64, from: u64, to: u64) -> Op {
    Op { kind: OpKind::Free, token, from: ms(from), to: Some(ms(to)) }
}

/// Dropped, or run out: some time from then on.
fn freed(token: u64, from: u64) -> Op {
    Op { kind: OpKind::Free, token, from: ms(from), to: None }
}

fn witness(ops: &[Op]) -> String {
    match linearize(ops, 1000) {
        Linearizable::No { witness, .. } => witness,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_after_the_other_is_right() {
    let ops = [lock(1, 0, 5), unlock(1, 10, 12), lock(2, 3, 12), freed(2, 20), lock(5, 1, 30)];
    assert_eq!(linearize(&ops, 1000), Linearizable::Yes);
}

#[test]
fn two_holders_at_once_are_wrong() {
    let ops = [lock(1, 0, 5), unlock(1, 10, 12), lock(2, 3, 8), unlock(2, 20, 22)];
    assert_eq!(
        witness(&ops),
        "the guard with token 2 was acquired between 0.003 s and 0.008 s, but the one with token 1 \
         was not free before 0.010 s: no order of events explains both"
    );
}

#[test]
fn a_guard_within_anothers_hold_is_wrong() {
    let ops = [lock(1, 0, 5), unlock(1, 50, 52), lock(2, 10, 12), unlock(2, 20, 22)];
    assert!(witness(&ops).contains("the one with token 1 was not free before 0.050 s"));
}

#[test]
fn a_token_that_does_not_grow_is_wrong() {
    let ops = [lock(2, 0, 5), unlock(2, 10, 12), lock(1, 13, 15)];
    assert!(witness(&ops).contains("the one with token 2 had been acquired before"));
    let ops = [lock(1, 0, 5), unlock(1, 10, 12), lock(1, 13, 15)];
    assert!(witness(&ops).contains("the one with token 1 had been acquired before"));
}

#[test]
fn an_unlock_of_what_another_holds_is_wrong() {
    // The first guard ran out, the second holds, and the first unlock succeeds.
    let ops = [lock(1, 0, 5), unlock(1, 30, 32), lock(2, 20, 25), freed(2, 90)];
    assert!(witness(&ops).contains("the one with token 1 was not free before 0.030 s"));
    // If it returns `Lost`, it has no effect, and all is well.
    let ops = [lock(1, 0, 5), freed(1, 10), lock(2, 20, 25), freed(2, 90)];
    assert_eq!(linearize(&ops, 1000), Linearizable::Yes);
}

#[test]
fn an_unlock_by_another_that_frees_the_lock_is_wrong() {
    // The second guard holds to 90, but the late release of the first let a third one in.
    let ops = [lock(1, 0, 5), freed(1, 10), lock(2, 20, 25), freed(2, 90), lock(3, 33, 35)];
    assert!(witness(&ops).contains("the one with token 2 was not free before 0.090 s"));
}

#[test]
fn a_guard_that_was_never_given_up_keeps_others_out() {
    assert!(witness(&[lock(1, 0, 5), lock(2, 90, 95)]).contains("never given up"));
}

#[test]
fn an_unlock_without_a_guard_is_wrong() {
    assert!(witness(&[unlock(4, 0, 5)]).contains("it was free"));
}

#[test]
fn the_search_gives_up_rather_than_to_say_yes() {
    let ops = [lock(1, 0, 5), unlock(1, 10, 12), lock(2, 13, 15)];
    assert_eq!(linearize(&ops, 2), Linearizable::Unknown);
    assert_eq!(linearize(&ops, 3), Linearizable::Yes);
}

#[test]
fn many_uses_of_a_lock_take_few_steps() {
    let uses = (1..=400).flat_map(|token| {
        [lock(token, 0, 10 * token), unlock(token, 10 * token + 1, 10 * token + 2)]
    });
    let ops: Vec<Op> = uses.collect();
    assert_eq!(linearize(&ops, 2000), Linearizable::Yes);
}

/// Every order that keeps what happened before something else before it, of every choice of what
/// never took effect: what the definition says, and nothing clever.
fn by_trying(ops: &[Op]) -> bool {
    fn permute(rest: &[Op], order: &mut Vec<Op>) -> bool {
        if rest.iter().all(|op| op.to.is_none()) && is_right(order) {
            return true;
        }
        (0..rest.len()).any(|index| {
            let mut left = rest.to_vec();
            order.push(left.remove(index));
            let found = permute(&left, order);
            order.pop();
            found
        })
    }
    fn is_right(order: &[Op]) -> bool {
        let in_time = (0..order.len()).all(|second| {
            // What comes later must not have returned before this was called.
            order[second..].iter().all(|late| late.to.is_none_or(|to| to >= order[second].from))
        });
        let (mut holder, mut highest) = (None, 0);
        let kept = order.iter().all(|op| match op.kind {
            OpKind::Lock => {
                let fits = holder.is_none() && op.token > highest;
                (holder, highest) = (Some(op.token), op.token);
                fits
            }
            OpKind::Free => holder.take() == Some(op.token),
        });
        in_time && kept
    }
    permute(ops, &mut Vec::new())
}

/// The guards in the order of their tokens, each as early as it can be. Another way to decide the
/// same for guards of which each is given up.
fn by_tokens(ops: &[Op]) -> bool {
    let mut locks: Vec<&Op> = ops.iter().filter(|op| op.kind == OpKind::Lock).collect();
    locks.sort_by_key(|op| op.token);
    let mut free_from = At::ZERO;
    locks.windows(2).all(|pair| pair[0].token != pair[1].token)
        && locks.iter().all(|lock| {
            let acquired = lock.from.max(free_from);
            let free = ops.iter().find(|op| op.kind == OpKind::Free && op.token == lock.token);
            let freed = free.map_or(Duration::MAX, |free| free.from.max(acquired));
            let in_time = free.and_then(|free| free.to).is_none_or(|to| freed <= to);
            free_from = freed;
            lock.to.is_none_or(|to| acquired <= to) && in_time
        })
}

fn op() -> impl Strategy<Value = Op> {
    let kind = prop_oneof![Just(OpKind::Lock), Just(OpKind::Free)];
    let took = prop::option::weighted(0.7, 0..8_u64);
    (kind, 1..4_u64, 0..20_u64, took).prop_map(|(kind, token, from, took)| Op {
        kind,
        token,
        from: ms(from),
        to: took.map(|took| ms(from + took)),
    })
}

/// What clients of a real mutex see: their calls begin before it acts, and return after.
fn simulated() -> impl Strategy<Value = Vec<Op>> {
    let guard = (1..3_u64, 0..5_u64, 0..5_u64, 0..6_u64, 0..5_u64, 0..5_u64, 0..4_u8);
    prop::collection::vec(guard, 0..4).prop_map(|guards| {
        let (mut now, mut token, mut ops) = (10, 0, Vec::new());
        for (grows, before, after, held, early, late, end) in guards {
            token += grows;
            ops.push(lock(token, now - before, now + after));
            // It is given up after it was there.
            let given_up = now + after + held;
            now = given_up + early;
            ops.push(match end {
                0 => freed(token, given_up),
                _ => unlock(token, given_up, now + late),
            });
        }
        ops
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn it_agrees_with_trying_everything(ops in prop::collection::vec(op(), 0..6)) {
        let found = linearize(&ops, 100_000);
        prop_assert_ne!(&found, &Linearizable::Unknown);
        prop_assert_eq!(found == Linearizable::Yes, by_trying(&ops), "{:?}", ops);
    }

    #[test]
    fn what_a_mutex_does_is_linearizable(ops in simulated()) {
        prop_assert_eq!(linearize(&ops, 100_000), Linearizable::Yes);
        prop_assert!(by_trying(&ops));
    }

    #[test]
    fn it_agrees_on_what_is_almost_a_mutex(
        ops in simulated(),
        which in any::<prop::sample::Index>(),
        by in 0..12_u64,
        token in 0..2_u64,
    ) {
        prop_assume!(!ops.is_empty());
        let mut ops = ops;
        let index = which.index(ops.len());
        let op = &mut ops[index];
        (op.from, op.to) = (op.from + ms(by), op.to.map(|to| to + ms(by)));
        op.token += token;
        prop_assert_eq!(linearize(&ops, 100_000) == Linearizable::Yes, by_trying(&ops), "{:?}", ops);
    }

    #[test]
    fn it_agrees_with_the_order_of_tokens(
        guards in prop::collection::vec((1..9_u64, 0..20_u64, 0..6_u64, 0..9_u64, any::<bool>()), 0..5)
    ) {
        let mut ops = Vec::new();
        for (token, from, took, held, is_known) in guards {
            if ops.iter().any(|op: &Op| op.token == token) {
                continue;
            }
            let given_up = from + took + held;
            ops.push(lock(token, from, from + took));
            ops.push(if is_known { unlock(token, given_up, given_up + 3) } else { freed(token, given_up) });
        }
        prop_assert_eq!(linearize(&ops, 100_000) == Linearizable::Yes, by_tokens(&ops), "{:?}", ops);
    }

    /// Why attempts without a guard are left out: they explain nothing.
    #[test]
    fn what_may_never_have_been_changes_nothing(
        ops in prop::collection::vec(op(), 0..5),
        attempts in prop::collection::vec((10..14_u64, 0..20_u64), 1..3),
    ) {
        let alone = linearize(&ops, 100_000) == Linearizable::Yes;
        let mut with = ops.clone();
        for (token, from) in attempts {
            with.push(Op { to: None, ..lock(token, from, from) });
            with.push(freed(token, from));
        }
        prop_assert_eq!(linearize(&with, 1_000_000) == Linearizable::Yes, alone);
    }
}

/// A history of one lock: each guard with the call that gives it up.
struct Uses {
    history: History,
    names: u64,
}

impl Uses {
    fn new() -> Self {
        let node = |name: &str| NodeInfo { name: name.to_owned(), ..NodeInfo::default() };
        let history = History {
            keys: vec![KeyInfo { name: "lock".to_owned(), is_lock: true }],
            nodes: vec![node("node-0"), node("node-1")],
            ended_at: ms(60_000),
            timing: Timing { lease: ms(3000), renew_deadline: ms(2000), ..Timing::default() },
            ..History::default()
        };
        Self { history, names: 0 }
    }

    fn note(&mut self, at: u64, node: usize, event: Event) {
        self.history.entries.push(Entry { at: ms(at), node: Some(node), event });
    }

    fn call(&mut self, node: usize, from: u64, what: LockCall, to: u64, gets: LockReturn) {
        self.names += 1;
        let op = self.names;
        self.note(from, node, Event::LockCalled { op, key: 0, what });
        self.note(to, node, Event::LockReturned { op, what: gets });
    }

    fn locked(&mut self, node: usize, token: u64, from: u64, to: u64) {
        self.call(node, from, LockCall::Lock { waits: true }, to, LockReturn::Locked(token));
        let holder = Some(Holder::from_wire(format!("node-{node}_{token}")));
        let (call, verb, outcome) = (1000 + token, Verb::Acquire, Outcome::Won(token));
        self.note(from, node, Event::Called { call, key: 0, verb, holder: holder.clone() });
        let stored = Event::Stored { call, key: 0, verb, holder, sent: ms(from), outcome };
        self.note(to, node, stored);
        self.note(to, node, Event::Elected { term: token, key: 0, token, candidate: token });
    }

    fn judge(mut self) -> (Ops, Vec<Violation>) {
        self.history.entries.sort_by_key(|entry| entry.at);
        let (terms, mut found) = (self.history.terms(), Vec::new());
        linearizable(&self.history, &terms, &mut found);
        (ops(&self.history, &terms, 0), found)
    }
}

#[test]
fn operations_follow_from_the_history() {
    let mut uses = Uses::new();
    uses.locked(0, 1, 0, 10);
    uses.call(0, 500, LockCall::Unlock(1), 520, LockReturn::Unlocked);
    uses.call(1, 100, LockCall::Lock { waits: false }, 110, LockReturn::NotLocked);
    uses.locked(1, 2, 400, 530);
    uses.call(1, 900, LockCall::Drop(2), 900, LockReturn::Unlocked);
    uses.call(0, 600, LockCall::Lock { waits: true }, 700, LockReturn::GaveUp);
    uses.locked(0, 3, 800, 950);
    uses.call(0, 9000, LockCall::Unlock(3), 9010, LockReturn::Lost);
    let (ops, found) = uses.judge();
    let expected = [
        lock(1, 0, 10),
        unlock(1, 500, 520),
        lock(2, 400, 530),
        freed(2, 900),
        lock(3, 800, 950),
        // It ran out 2 s after its acquire was sent, and its unlock came too late.
        freed(3, 2800),
    ];
    assert_eq!((ops.ops.as_slice(), found), (expected.as_slice(), Vec::new()));
}

#[test]
fn a_second_guard_beside_the_first_is_found_in_a_history() {
    let mut uses = Uses::new();
    uses.locked(0, 1, 0, 10);
    uses.locked(1, 2, 100, 120);
    let (_, found) = uses.judge();
    let [violation] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        (violation.rule, violation.at, violation.nodes.as_slice()),
        ("5.01", ms(120), &[0, 1][..])
    );
    assert!(violation.message.contains("token 1 was not free before 2.000 s"));
}

#[test]
fn an_unlock_that_frees_what_another_holds_is_found_in_a_history() {
    let mut uses = Uses::new();
    uses.locked(0, 1, 0, 10);
    uses.locked(1, 2, 2500, 2520);
    // It had run out, and another holder had taken over: this must be `Lost`.
    uses.call(0, 3000, LockCall::Unlock(1), 3010, LockReturn::Unlocked);
    let (_, found) = uses.judge();
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn guards_that_a_record_loss_hits_are_left_out_with_the_reason() {
    let mut uses = Uses::new();
    uses.locked(0, 1, 0, 10);
    uses.note(50, 0, Event::RecordLoss { key: Some(0), kind: "deleted" });
    uses.locked(1, 2, 100, 120);
    uses.note(130, 1, Event::Cancelled { term: 2, cause: Some(EndCause::Stopped) });
    let (ops, found) = uses.judge();
    assert_eq!(found, Vec::new());
    assert_eq!(ops.left_out.len(), 1);
    assert!(ops.left_out[0].0 == 1 && ops.left_out[0].1.contains("forgot"), "{ops:?}");
}
