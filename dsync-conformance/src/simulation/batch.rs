//! Many schedules, one after the other, on all cores.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::{Tally, run};
use crate::check::{Precision, check};
use crate::schedule::{Schedule, Shape, Store, schedules};
use crate::violation::Violation;

/// Which schedules to run.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Where chance begins. Schedule `n` of a batch follows from it and `n` alone.
    pub seed: u64,
    /// How large schedules are.
    pub shape: Shape,
    /// The kinds of stores, in turn.
    pub stores: Vec<Store>,
    /// How many, at most.
    pub most: u64,
    /// How many at a time.
    pub threads: usize,
}

/// A schedule that violates a rule.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Which of the batch.
    pub number: u64,
    /// The schedule.
    pub schedule: Schedule,
    /// What it violates first.
    pub violation: Violation,
}

/// The schedule that follows from a seed.
///
/// # Panics
///
/// Never: the strategy rejects nothing.
#[must_use]
pub fn generate(shape: Shape, store: Store, seed: u64) -> Schedule {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    match schedules(shape, store).new_tree(&mut runner) {
        Ok(tree) => tree.current(),
        Err(reason) => panic!("no schedule for seed {seed}: {reason}"),
    }
}

impl Batch {
    /// The schedule of this number.
    #[must_use]
    pub fn schedule(&self, number: u64) -> Schedule {
        let kinds = self.stores.len().max(1) as u64;
        let store = usize::try_from(number % kinds).ok().and_then(|index| self.stores.get(index));
        let seed = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number);
        generate(self.shape, store.copied().unwrap_or(Store::Backend), seed)
    }

    /// Runs schedules until `most` have been run, `goes_on` says no, or one violates a rule that
    /// `counts`. `goes_on` is asked before each.
    pub fn run(
        &self,
        goes_on: impl Fn(u64) -> bool + Sync,
        counts: impl Fn(&Violation) -> bool + Sync,
    ) -> (Tally, Option<Failure>) {
        let next = AtomicU64::new(0);
        let over = AtomicBool::new(false);
        let result = Mutex::new((Tally::default(), None::<Failure>));
        thread::scope(|scope| {
            for _ in 0..self.threads.max(1) {
                scope.spawn(|| {
                    let mut tally = Tally::default();
                    let mut failure = None;
                    while !over.load(Ordering::Relaxed) {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= self.most || !goes_on(number) {
                            break;
                        }
                        let schedule = self.schedule(number);
                        let history = run(&schedule);
                        tally.count(&history);
                        let violations = check(&history, Precision::VIRTUAL);
                        if let Some(violation) = violations.into_iter().find(&counts) {
                            over.store(true, Ordering::Relaxed);
                            failure = Some(Failure { number, schedule, violation });
                        }
                    }
                    let mut result = result.lock().unwrap_or_else(PoisonError::into_inner);
                    result.0.add(&tally);
                    // The first of the batch, whichever thread was faster.
                    let first = result.1.take().into_iter().chain(failure);
                    result.1 = first.min_by_key(|failure| failure.number);
                });
            }
        });
        result.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
