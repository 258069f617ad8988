//! Whether an error that a driver calls definite is one.

use std::time::Duration;

use dsync::Error;
use dsync::driver::{Key, Lease};
use tokio::time::sleep;

use crate::context::{Case, Outcome, Peer, shown};

/// A definite error must not have been applied, now or a little later.
pub(super) async fn judge(
    case: &Case,
    witness: &Peer,
    key: &Key,
    verb: &str,
    error: &Error,
    is_applied: impl Fn(Option<&Lease>) -> bool,
) -> Outcome {
    if error.is_ambiguous() {
        return Ok(());
    }
    for wait in [Duration::ZERO, Case::SETTLING] {
        sleep(wait).await;
        let record = witness.read(key).await?;
        if is_applied(record.as_ref()) {
            return Err(case.fail(format!(
                "{verb} answered a definite error ({error}), but it was applied: a read shows {}. \
                 What a driver cannot prove definite is ambiguous: Error::ambiguous (Driver: \
                 Unknown outcomes)",
                shown(record.as_ref())
            )));
        }
    }
    Ok(())
}
