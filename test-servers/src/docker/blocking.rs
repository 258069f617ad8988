//! Blocking calls of asynchronous code.

use std::sync::{LazyLock, mpsc};

use anyhow::{Context as _, Result, anyhow};
use tokio::runtime::{Builder, Runtime};

/// Runs the calls of all threads. `testcontainers` removes a container inside the drop of its value,
/// which takes a runtime of several threads.
static RUNTIME: LazyLock<std::io::Result<Runtime>> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).enable_all().build());

/// Runs `future` and waits for its result.
///
/// # Errors
///
/// If the future panics, or the process can start no threads.
pub(super) fn wait<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> Result<T> {
    let runtime =
        RUNTIME.as_ref().map_err(|error| anyhow!("failed to start a runtime: {error}"))?;
    let (sender, receiver) = mpsc::channel();
    runtime.spawn(async move {
        let _ = sender.send(future.await);
    });
    // `Runtime::block_on` would panic on a thread that drives another runtime, and tests drop their
    // servers on such threads.
    receiver.recv().context("a call to the Docker engine panicked")
}
