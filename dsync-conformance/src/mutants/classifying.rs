//! Errors of writes, classified rightly and wrongly.

use std::future::Future;
use std::time::Duration;

use dsync::driver::{Key, Version};
use dsync::{Error, ErrorKind, Result};
use tokio::time::timeout;

use super::connection::MutantDriver;
use super::list::Mutant;

/// How long [`Mutant::ReadsToProveAFailure`] waits for an answer. A write that lands later must
/// still land while the rule looks.
const PATIENCE: Duration = Duration::from_millis(20);

/// The outcome of a write, as this driver reports it.
pub(super) async fn reported<T>(
    driver: &MutantDriver,
    key: &Key,
    write: impl Future<Output = Result<T>>,
) -> Result<T> {
    match driver.mutant {
        Mutant::EveryErrorIsDefinite => {
            write.await.map_err(|error| Error::definite(error.kind(), error.to_string()))
        }
        Mutant::ReadsToProveAFailure => {
            let version = || -> Option<Version> { Some(driver.inner.record(key)?.version) };
            let before = version();
            let Ok(answer) = timeout(PATIENCE, write).await else {
                let message = "no answer in time";
                return Err(if version() == before {
                    Error::definite(ErrorKind::Timeout, message)
                } else {
                    Error::ambiguous(ErrorKind::Timeout, message)
                });
            };
            answer
        }
        _ => write.await,
    }
}
