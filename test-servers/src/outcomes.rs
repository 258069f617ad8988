//! The outcomes of tests, for programs: with `DSYNC_TEST_OUTCOMES` each test appends a line of JSON
//! to that file, as those of the conformance suite do. A failed test also has `at`, the place in the
//! source that panicked.

use std::cell::Cell;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use serde_json::{Value, json};

const VARIABLE: &str = "DSYNC_TEST_OUTCOMES";

thread_local! {
    /// Where this thread has panicked last.
    static PANICKED_AT: Cell<Option<String>> = const { Cell::new(None) };
}

/// Runs a test and appends how it ended. A panic goes on.
pub(crate) fn record(name: &str, test: fn()) {
    if std::env::var_os(VARIABLE).is_none() {
        return test();
    }
    remember_places();
    let ended = panic::catch_unwind(AssertUnwindSafe(test));
    append(&match &ended {
        Ok(()) => json!({ "test": name, "outcome": "passed" }),
        Err(panic) => {
            let owned = panic.downcast_ref::<String>().map(String::as_str);
            let message = owned.or_else(|| panic.downcast_ref().copied()).unwrap_or("a panic");
            let at = PANICKED_AT.take();
            json!({ "test": name, "outcome": "failed", "message": message, "at": at })
        }
    });
    if let Err(panic) = ended {
        panic::resume_unwind(panic);
    }
}

/// Appends that a test could not run.
pub(crate) fn record_not_run(name: &str, why: &str) {
    append(&json!({ "test": name, "outcome": "not_run", "message": why }));
}

fn remember_places() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICKED_AT.set(info.location().map(ToString::to_string));
            before(info);
        }));
    });
}

fn append(line: &Value) {
    let Some(path) = std::env::var_os(VARIABLE) else { return };
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        // In one piece: tests end at the same time.
        file.write_all(format!("{line}\n").as_bytes())
    };
    if let Err(error) = write() {
        // The outcome is missing there, which its reader has to notice.
        eprintln!("{VARIABLE}: {}: {error}", path.display());
    }
}
