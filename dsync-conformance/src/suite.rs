//! The suite: one named test for each rule, against one store.

mod absent;
mod outcomes;
mod results;
mod runner;
mod spinning;
mod subject;
mod summary;
mod trials;

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use dsync::driver::Capabilities;
use dsync::{Driver, Result};

pub use self::absent::{REQUIRE_VARIABLE, run_if_available};
pub use self::outcomes::OUTCOMES_VARIABLE;
use self::subject::Subject;
use crate::context::Setup;
use crate::harness::{Connector, Stores};
use crate::rule_tests::stress::{self, Findings, Plan};
use crate::{Harness, Rule, rules};

/// Makes the suite for a driver.
///
/// `connect` makes a driver with a connection of its own. The suite calls it for every connection
/// that a test needs; all of them must reach the same store.
///
/// ```no_run
/// # #[derive(Debug)] struct MyDriver;
/// # impl MyDriver {
/// #     async fn connect(_: &str) -> dsync::Result<dsync_mock::MockDriver> {
/// #         Ok(dsync_mock::MockDriver::new())
/// #     }
/// # }
/// fn main() -> std::process::ExitCode {
///     dsync_conformance::suite("my-driver", || async { MyDriver::connect("…").await }).run()
/// }
/// ```
pub fn suite<F, Fut, D>(name: impl Into<String>, connect: F) -> Suite
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<D>> + Send + 'static,
    D: Driver,
{
    Suite::new(name, Connector::new(connect))
}

/// Makes the suite for a store with a full [`Harness`], which makes more rules testable.
pub fn suite_of(name: impl Into<String>, harness: impl Harness) -> Suite {
    Suite::new(name, harness)
}

/// The environment variable that names the directory for the report.
pub const REPORT_VARIABLE: &str = "DSYNC_CONFORMANCE_REPORT";

/// The environment variable that sets how many seconds random schedules run in real time. The
/// default is 60.
pub const LENGTH_VARIABLE: &str = "DSYNC_CONFORMANCE_FOR";

/// The environment variable that sets how many random schedules run at the same time in real time.
/// The default is 8. More of them find more, if the machine and the server keep up.
pub const WORLDS_VARIABLE: &str = "DSYNC_CONFORMANCE_WORLDS";

/// The environment variable that sets the random seed of the schedules. The default is 1.
pub const SEED_VARIABLE: &str = "DSYNC_CONFORMANCE_SEED";

fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// The tests of all rules for one store, and how to run them.
///
/// [`run`](Self::run) is the `main` of a test target with `harness = false`. It understands the
/// arguments of `cargo test` (filters, `--list`, `--exact`, `--test-threads`) and works under
/// nextest.
#[derive(Clone)]
pub struct Suite {
    name: String,
    stores: Stores,
    setup: Setup,
    only: Option<Vec<String>>,
    report: Option<PathBuf>,
    findings: Arc<OnceLock<Findings>>,
    subject: Arc<OnceLock<Subject>>,
}

impl Suite {
    /// Makes a suite for one store, which all tests share. They run at the same time, each with
    /// names of its own.
    pub fn new(name: impl Into<String>, harness: impl Harness) -> Self {
        let harness: Arc<dyn Harness> = Arc::new(harness);
        Self::over(name, Arc::new(move || Arc::clone(&harness)))
    }

    /// Makes a suite that builds a new store for each test.
    ///
    /// A store in memory needs this, because each test has a clock of its own. The suite calls `make`
    /// within the tokio runtime of the test.
    pub fn with_store_per_test<H, F>(name: impl Into<String>, make: F) -> Self
    where
        H: Harness,
        F: Fn() -> H + Send + Sync + 'static,
    {
        Self::over(name, Arc::new(move || Arc::new(make())))
    }

    fn over(name: impl Into<String>, stores: Stores) -> Self {
        Self {
            name: name.into(),
            stores,
            setup: Setup {
                in_memory: false,
                lease: None,
                namespaces: ["default".to_owned(), "dsync-conformance".to_owned()],
            },
            only: None,
            report: None,
            findings: Arc::default(),
            subject: Arc::default(),
        }
    }

    /// Runs the tests in virtual time: when all tasks wait, the clock jumps to the next timer.
    ///
    /// Use it only for a store in memory that reads tokio's clock and does no I/O, together with
    /// [`with_store_per_test`](Self::with_store_per_test).
    #[must_use]
    pub fn in_memory(mut self) -> Self {
        self.setup.in_memory = true;
        self
    }

    /// Sets the lease duration of the tests. The default is 600 ms or the shortest duration that the
    /// driver accepts, whichever is longer. Set a longer one for a server that is slow but correct.
    #[must_use]
    pub fn with_lease(mut self, duration: Duration) -> Self {
        self.setup.lease = Some(duration);
        self
    }

    /// Runs only the rules with these ids.
    #[must_use]
    pub fn only(mut self, ids: &[&str]) -> Self {
        self.only = Some(ids.iter().map(|&id| id.to_owned()).collect());
        self
    }

    /// Writes the report to a file in this directory, even without
    /// [`DSYNC_CONFORMANCE_REPORT`](REPORT_VARIABLE).
    #[must_use]
    pub fn with_report(mut self, directory: impl Into<PathBuf>) -> Self {
        self.report = Some(directory.into());
        self
    }

    /// Sets the namespaces of the tests: one for all names, and a second one that must not share
    /// records with the first.
    ///
    /// The default is `default` and `dsync-conformance`. If namespaces are objects of the store, both
    /// must exist.
    #[must_use]
    pub fn with_namespaces(mut self, first: impl Into<String>, other: impl Into<String>) -> Self {
        self.setup.namespaces = [first.into(), other.into()];
        self
    }

    /// Returns what random schedules found. The first call runs them and blocks its thread.
    fn stress(&self, capabilities: &Capabilities, lease: Duration) -> &Findings {
        self.findings.get_or_init(|| {
            let plan = Plan {
                in_memory: self.setup.in_memory,
                lease,
                length: Duration::from_secs(from_environment(LENGTH_VARIABLE, 60)),
                seed: from_environment(SEED_VARIABLE, 1),
                clusters: from_environment(WORLDS_VARIABLE, 8).clamp(1, 1000),
            };
            let (stores, capabilities) = (Arc::clone(&self.stores), capabilities.clone());
            // The schedules run in runtimes of their own, and the caller may be within a runtime,
            // where another one must not be started.
            let findings = std::thread::spawn(move || stress::run(&stores, &capabilities, plan));
            findings.join().unwrap_or_default()
        })
    }

    /// The rules that are run.
    fn rules(&self) -> impl Iterator<Item = &'static Rule> + '_ {
        rules::RULES.iter().filter(|rule| {
            self.only.as_ref().is_none_or(|only| only.iter().any(|id| id == rule.id))
        })
    }
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite")
            .field("name", &self.name)
            .field("setup", &self.setup)
            .finish_non_exhaustive()
    }
}
