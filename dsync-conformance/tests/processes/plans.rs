//! Several candidates, and a seed.

use std::sync::Arc;
use std::time::Duration;

use dsync::driver::Driver;
use dsync::{ErrorKind, Result, async_trait};
use dsync_conformance::Harness;
use dsync_conformance::candidate::Work;
use dsync_conformance::check::{Precision, check};
use dsync_conformance::harness::Via;
use dsync_conformance::history::{Event, History};
use dsync_conformance::process::{self, Plan};

use crate::block_on;
use crate::driver::StoreHarness;
use crate::store::Store;

const L: Duration = Duration::from_secs(1);

fn run(plan: &Plan, generous: bool) -> History {
    block_on(async {
        let store = Store::start(generous).await;
        process::run(&StoreHarness { address: store.address }, plan).await.unwrap()
    })
}

fn faults(history: &History, of: &str) -> usize {
    let is = |event: &Event| matches!(event, Event::Fault { kind, .. } if *kind == of);
    history.entries.iter().filter(|entry| is(&entry.event)).count()
}

fn judge(history: &History) {
    let violations = check(history, Precision::REAL);
    assert!(violations.is_empty(), "{violations:#?}");
    let terms = history.terms();
    let tokens: Vec<u64> = terms.iter().map(|term| term.token).collect();
    assert!(tokens.is_sorted_by(|a, b| a < b), "{tokens:?}");
    assert!(terms.iter().all(|term| term.granted.is_some()), "{terms:#?}");
    println!(
        "{} terms, {} entries, {} pauses, {} kills, {} stops, in {:?}",
        terms.len(),
        history.entries.len(),
        faults(history, "sigstop"),
        faults(history, "sigkill"),
        faults(history, "told_to_stop"),
        history.ended_at
    );
}

pub(crate) fn elections() {
    let history = run(&Plan::new(3, L).with_steps(8), false);
    judge(&history);
    assert!(faults(&history, "sigstop") > 0 && faults(&history, "sigkill") > 0);
    assert!(history.terms().len() >= 4, "{:#?}", history.terms());
    assert!(history.demands.iter().all(|demand| demand.took.is_some()));
}

pub(crate) fn locks() {
    let plan = Plan::new(5, L).with_steps(4).with_work(Work::Lock { hold_ms: 100 });
    let history = run(&plan, false);
    judge(&history);
    assert!(history.terms().len() >= 10);
}

pub(crate) fn generous() {
    let history = run(&Plan::new(3, L).with_steps(2), true);
    let violations = check(&history, Precision::REAL);
    assert!(violations.iter().any(|found| found.rule == "2.02"), "{violations:#?}");
}

#[derive(Debug)]
struct InMemory;

#[async_trait]
impl Harness for InMemory {
    async fn connect(&self, _: Via) -> Result<Arc<dyn Driver>> {
        Ok(Arc::new(dsync_mock::MockDriver::new()))
    }
}

pub(crate) fn in_memory() {
    let error = block_on(process::run(&InMemory, &Plan::new(1, L))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("environment"), "{error}");
}
