//! The store in memory keeps every rule, in each of its forms.

use std::process::ExitCode;

use dsync::driver::WatchScope;
use dsync_conformance::{MockHarness, Suite};
use dsync_mock::MockDriver;

fn main() -> ExitCode {
    let suite = |name: &str, store: fn() -> MockDriver| {
        Suite::with_store_per_test(name, move || MockHarness::new(store())).in_memory()
    };
    Suite::run_all([
        suite("backend", MockDriver::new),
        suite("observer", MockDriver::observer),
        suite("releases", || MockDriver::new().with_watch(WatchScope::Releases)),
        suite("silent", || MockDriver::observer().with_watch(WatchScope::Nothing)),
    ])
}
