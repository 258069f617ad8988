//! The suite as a test program.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Completion, Failed, FormatSetting, Trial};

use super::results::RuleResult;
use super::{Suite, outcomes, runner, summary};
use crate::rule_tests::stress::speaks_of;
use crate::{Rule, Verdict, candidate};

type Results = Arc<Mutex<Vec<RuleResult>>>;

/// Most tests wait for leases to expire, so more of them run at a time than there are cores.
const THREADS: usize = 12;

impl Suite {
    /// Runs the suite as a test program: reads the arguments of the process, prints what
    /// `cargo test` prints, and returns failure if a rule is violated.
    #[must_use]
    pub fn run(&self) -> ExitCode {
        run(std::slice::from_ref(self))
    }

    /// Runs several suites as one test program, for a driver with several forms or several servers.
    /// The names of the tests begin with the names of their suites.
    #[must_use]
    pub fn run_all(suites: impl IntoIterator<Item = Self>) -> ExitCode {
        run(&suites.into_iter().collect::<Vec<_>>())
    }
}

fn run(suites: &[Suite]) -> ExitCode {
    if let Some(code) = as_candidate(suites) {
        return code;
    }
    let mut arguments = Arguments::from_args();
    if arguments.test_threads.is_none() && suites.iter().any(|suite| !suite.setup.in_memory) {
        arguments.test_threads = Some(THREADS);
    }
    let silent = arguments.format == Some(FormatSetting::Json);
    let results: Vec<Results> = suites.iter().map(|_| Results::default()).collect();
    let mut trials = Vec::new();
    for (suite, results) in suites.iter().zip(&results) {
        let prefix = if suites.len() > 1 { format!("{}::", suite.name) } else { String::new() };
        for rule in suite.rules() {
            let name = format!("{prefix}{}", name(rule));
            trials.push(trial(name, suite.clone(), rule, Arc::clone(results)));
        }
    }
    if !arguments.list {
        let wanted = |name: &str| arguments.filter.as_ref().is_none_or(|text| name.contains(text));
        for suite in suites.iter().filter(|suite| !suite.setup.in_memory) {
            if suite.rules().any(|rule| speaks_of(rule) && wanted(&name(rule))) {
                // Before all others: the server has its trouble meanwhile, and they must not.
                runner::stress(suite, silent);
            }
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    for (suite, results) in suites.iter().zip(&results) {
        let results = std::mem::take(&mut *results.lock().unwrap_or_else(PoisonError::into_inner));
        if results.is_empty() {
            continue;
        }
        match summary::finish(suite, &results) {
            Ok(text) if silent || text.is_empty() => {}
            // The reader may have closed the pipe, as `head` does.
            Ok(text) => drop(io::stdout().write_all(text.as_bytes())),
            Err(error) => {
                drop(writeln!(io::stderr(), "the results could not be written: {error}"));
                return ExitCode::FAILURE;
            }
        }
    }
    conclusion.exit_code()
}

/// Runs as a candidate until it ends, if this process was started as one.
fn as_candidate(suites: &[Suite]) -> Option<ExitCode> {
    std::env::var_os(candidate::VARIABLE)?;
    // In virtual time there are no processes, and its harness may need a runtime.
    let suites = suites.iter().filter(|suite| !suite.setup.in_memory);
    let harness =
        suites.map(|suite| (suite.stores)()).find(|harness| candidate::is_for(&**harness));
    if let Some(harness) = harness {
        return candidate::run_if_asked(&*harness);
    }
    drop(writeln!(io::stderr(), "this candidate has no harness (Harness::environment)"));
    Some(ExitCode::FAILURE)
}

/// Such as `required::2_02_cancelled_before_re_elected`.
fn name(rule: &Rule) -> String {
    format!("{}::{}_{}", rule.kind.word(), rule.id.replace('.', "_"), rule.name)
}

fn trial(name: String, suite: Suite, rule: &'static Rule, results: Results) -> Trial {
    Trial::ignorable_test(name.clone(), move || {
        let result = runner::one(&suite, rule);
        let verdict = result.verdict.clone();
        outcomes::record(&name, &verdict);
        results.lock().unwrap_or_else(PoisonError::into_inner).push(result);
        match verdict {
            Verdict::Pass | Verdict::Partial(_) => Ok(Completion::Completed),
            Verdict::Fail(why) => Err(Failed::from(format!("{why}\nThe rule: {}", rule.text))),
            Verdict::Invalid(why) => Err(Failed::from(format!("the run proves nothing: {why}"))),
            Verdict::Skip(why) | Verdict::Untested(why) => Ok(Completion::ignored_with(why)),
            Verdict::Inconclusive(why) => {
                Ok(Completion::ignored_with(format!("inconclusive: {why}")))
            }
        }
    })
}
