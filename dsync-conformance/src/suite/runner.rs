//! Runs the tests of one rule: each attempt has a runtime of its own and ends with a verdict, even
//! if the test panics or hangs.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::Suite;
use super::results::RuleResult;
use super::spinning::Spinning;
use super::subject::Subject;
use crate::context::{Case, RuleTest};
use crate::rule_tests::rule_tests;
use crate::rule_tests::stress::speaks_of;
use crate::rules::Kind;
use crate::{Rule, Verdict};

/// A test that takes longer than this hangs. In virtual time it can wait for nothing else.
const LIMIT: Duration = Duration::from_secs(300);
/// How often a rule is tried again when the machine stood still. Nothing else is ever retried.
const ATTEMPTS: u32 = 3;
const THREADS: usize = 12;

impl Suite {
    /// Runs the rules without a test program and returns the verdict on each. It may be called from
    /// anywhere, including async code, and blocks its thread.
    #[must_use]
    pub fn verdicts(&self) -> Vec<(&'static Rule, Verdict)> {
        let results = all(self);
        results.into_iter().map(|(rule, result)| (rule, result.verdict)).collect()
    }
}

/// All rules of the suite, in the order of their ids.
fn all(suite: &Suite) -> Vec<(&'static Rule, RuleResult)> {
    let rules: Vec<_> = suite.rules().collect();
    let todo = Mutex::new(rules.iter().copied());
    let done = Mutex::new(BTreeMap::new());
    // Threads of their own, so that it can be called within a runtime.
    thread::scope(|scope| {
        for _ in 0..rules.len().min(if suite.setup.in_memory { 2 } else { THREADS }) {
            scope.spawn(|| {
                loop {
                    let next = todo.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(rule) = next else { break };
                    let result = one(suite, rule);
                    done.lock().unwrap_or_else(PoisonError::into_inner).insert(rule.id, result);
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    rules.into_iter().filter_map(|rule| Some((rule, done.remove(rule.id)?))).collect()
}

/// One rule, on this thread, which must not belong to a runtime.
pub(super) fn one(suite: &Suite, rule: &'static Rule) -> RuleResult {
    let started = crate::tasks::now();
    let mut result = RuleResult {
        id: rule.id,
        verdict: Verdict::Untested("there is no test of it here".to_owned()),
        cases: 0,
        detail: Vec::new(),
        took: Duration::ZERO,
    };
    if rule.kind == Kind::Untestable {
        let why = rule.untestable.unwrap_or("it cannot be tested");
        result.verdict = Verdict::Untested(why.to_owned());
    }
    for test in rule_tests(rule.id) {
        let verdict = judge(suite, rule, test, &mut result);
        if weight(&verdict) > weight(&result.verdict) {
            result.verdict = verdict;
        }
    }
    if let Some((verdict, cases)) = by_chance(suite, rule, &result.verdict) {
        result.cases += cases;
        if weight(&verdict) > weight(&result.verdict) {
            result.verdict = verdict;
        }
    }
    result.took = crate::tasks::now().saturating_duration_since(started);
    result
}

/// Remembers what the report states about the driver and its store.
fn know(suite: &Suite, case: &Case) {
    suite.subject.get_or_init(|| Subject::new(&case.capabilities, case.harness()));
}

/// Runs the random schedules of a suite, unless that was done.
pub(super) fn stress(suite: &Suite, silent: bool) {
    let Some(rule) = suite.rules().find(|rule| speaks_of(rule)) else { return };
    if !silent {
        // The reader may have closed the pipe, as `head` does.
        let text = format!("{}: random schedules, for a while\n", suite.name);
        drop(std::io::stdout().write_all(text.as_bytes()));
    }
    by_chance(suite, rule, &Verdict::Pass);
}

/// What random schedules say of a rule, and how many of them; `None`: nothing.
fn by_chance(suite: &Suite, rule: &'static Rule, sofar: &Verdict) -> Option<(Verdict, u64)> {
    // Schedules add nothing to a violation that a directed test has found.
    if !speaks_of(rule) || matches!(sofar, Verdict::Fail(_)) {
        return None;
    }
    if let Some(findings) = suite.findings.get() {
        return Some((findings.verdict(rule)?, findings.tally.schedules));
    }
    let runtime = runtime(suite.setup.in_memory).ok()?;
    let begin = async {
        let harness = (suite.stores)();
        Case::begin(harness, rule, &suite.setup).await
    };
    let case = match runtime.block_on(begin) {
        Ok(case) => case,
        Err(verdict) => return Some((verdict, 0)),
    };
    know(suite, &case);
    let findings = suite.stress(&case.capabilities, case.lease);
    Some((findings.verdict(rule)?, findings.tally.schedules))
}

/// What a rule comes to whose tests come to different things: the worst, and what was tested
/// counts more than what was not.
fn weight(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Untested(_) => 0,
        Verdict::Skip(_) => 1,
        Verdict::Pass => 2,
        Verdict::Partial(_) => 3,
        Verdict::Inconclusive(_) => 4,
        Verdict::Invalid(_) => 5,
        Verdict::Fail(_) => 6,
    }
}

/// The verdict of one test.
fn judge(suite: &Suite, rule: &'static Rule, test: RuleTest, result: &mut RuleResult) -> Verdict {
    let mut attempt = 1;
    loop {
        let (verdict, cases, detail) = try_once(suite, rule, test);
        result.cases += cases;
        result.detail.extend(detail);
        let Verdict::Inconclusive(why) = &verdict else { return verdict };
        result.detail.push(format!("attempt {attempt} was inconclusive: {why}"));
        if attempt == ATTEMPTS {
            return verdict;
        }
        attempt += 1;
    }
}

fn try_once(suite: &Suite, rule: &'static Rule, test: RuleTest) -> (Verdict, u64, Vec<String>) {
    let runtime = match runtime(suite.setup.in_memory) {
        Ok(runtime) => runtime,
        Err(error) => {
            return (Verdict::Invalid(format!("no tokio runtime: {error}")), 0, Vec::new());
        }
    };
    let run = AssertUnwindSafe(|| runtime.block_on(within(suite, rule, test)));
    let outcome = catch_unwind(run).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("a panic");
        (Verdict::Fail(format!("{}: panicked: {message}", rule.id)), 0, Vec::new())
    });
    // Tasks that a driver left behind must not delay the next test.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

fn runtime(virtual_time: bool) -> std::io::Result<Runtime> {
    if virtual_time {
        Builder::new_current_thread().enable_time().start_paused(true).build()
    } else {
        Builder::new_multi_thread().worker_threads(2).enable_all().build()
    }
}

async fn within(suite: &Suite, rule: &'static Rule, test: RuleTest) -> (Verdict, u64, Vec<String>) {
    let harness = (suite.stores)();
    let case = match Case::begin(harness, rule, &suite.setup).await {
        Ok(case) => Arc::new(case),
        Err(verdict) => return (verdict, 0, Vec::new()),
    };
    know(suite, &case);
    let run = tokio::time::timeout(LIMIT, test(Arc::clone(&case)));
    let hung = |_| Err(case.fail(format!("not done after {LIMIT:?}: something hangs")));
    let outcome = if suite.setup.in_memory {
        let mut spinning = Spinning::watch();
        tokio::select! {
            biased;
            why = spinning.noticed() => Err(case.fail(why)),
            outcome = run => outcome.unwrap_or_else(hung),
        }
    } else {
        run.await.unwrap_or_else(hung)
    };
    case.conclude(outcome)
}
