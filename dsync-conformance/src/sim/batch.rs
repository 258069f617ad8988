//! Many schedules, one after the other, on all cores.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use proptest::strategy::{BoxedStrategy, Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::{Tally, run};
use crate::check::Violation;
use crate::check::{Precision, check};
use crate::sim::rng::Rng;
use crate::sim::schedule::{Schedule, Shape, Store, schedules};

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

/// Makes schedules. To make one takes a fraction of the time that it takes to run it, once the
/// strategies are there.
struct Generator {
    strategies: Vec<BoxedStrategy<Schedule>>,
    seed: u64,
}

impl Generator {
    fn new(batch: &Batch) -> Self {
        let strategies = batch.stores.iter().map(|store| schedules(batch.shape, *store)).collect();
        Self { strategies, seed: batch.seed }
    }

    fn schedule(&self, number: u64) -> Option<Schedule> {
        let kinds = u64::try_from(self.strategies.len()).ok()?;
        let index = usize::try_from(number.checked_rem(kinds)?).ok()?;
        let seed = Rng::of([self.seed, number]).draw();
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let tree = self.strategies.get(index)?.new_tree(&mut runner).ok()?;
        Some(tree.current())
    }
}

impl Batch {
    /// The schedules of the batch, in their order; without stores there are none.
    pub fn schedules(&self) -> impl Iterator<Item = Schedule> + use<> {
        let generator = Generator::new(self);
        (0..self.most).map_while(move |number| generator.schedule(number))
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
                    let generator = Generator::new(self);
                    let mut tally = Tally::default();
                    let mut failure = None;
                    while !over.load(Ordering::Relaxed) {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= self.most || !goes_on(number) {
                            break;
                        }
                        let Some(schedule) = generator.schedule(number) else { break };
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
