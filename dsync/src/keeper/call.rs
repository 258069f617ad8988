//! One driver call: its place in the queue, its time limit, and how it is reported.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use super::request_limit::{Gate, Pass};
use super::services::Services;
use crate::driver::{Driver, Key, Lease, Verb};
use crate::env::BoxFuture;
use crate::monitor::MonitorEvent;
use crate::tenure::{Answer, Call, Request};
use crate::{Error, ErrorKind, Result};

/// Performs `call`, which takes no longer than its timeout.
///
/// 1. The clock starts before the call queues at the gate, so that the timeout bounds the whole
///    call. A limit that started at the sending could pass the deadline that the call is for.
/// 2. The call queues, is sent, and `sent` records that it was.
/// 3. The answer wins over the limit if both are ready: after a stall of the runtime both are, and
///    an answer that is thrown away would turn a known outcome into an unknown one.
/// 4. At the limit the future of the driver is dropped. A call that was not sent yet is a definite
///    error; one that was sent may still be applied, so the error is ambiguous.
/// 5. A panic of the driver is an ambiguous error as well. It must not end the keeper, which is
///    what releases the lease.
pub(super) fn perform(services: &Arc<Services>, key: &Key, call: Call) -> BoxFuture<Answer> {
    // The future owns what it needs: the keeper keeps it beside its own fields and polls it in
    // turn.
    let services = Arc::clone(services);
    let key = key.clone();
    Box::pin(async move {
        let started = services.env.now();
        let limit = services.env.sleep_until(started + call.timeout);
        // Shared by the work and the limit, which run in one task, so the order of memory accesses
        // does not matter.
        let sent = AtomicBool::new(false);
        // Both are taken from the request before the work moves it.
        let verb = call.request.verb();
        let fail = failure_of(&call.request);
        let work = async {
            // The pass is kept until the driver has answered, and given back when the future is
            // dropped, so a driver that hangs occupies a place no longer than its timeout.
            let _pass = turn(&services.gate, verb, &sent).await;
            send(&*services.driver, &key, call.request).await
        };
        let answer = tokio::select! {
            biased;
            answer = CatchPanic(pin!(work)) => answer.unwrap_or_else(|| fail(panicked())),
            () = limit => {
                let text = format!("no answer within {:?}", call.timeout);
                // A write that was never sent must not count as ambiguous: the core would read the
                // record to settle it, which adds a request to a store that is overloaded already.
                fail(if sent.load(Ordering::Relaxed) {
                    Error::ambiguous(ErrorKind::Timeout, text)
                } else {
                    let text = format!("{text}: not sent, too many requests are in flight");
                    Error::definite(ErrorKind::Timeout, text)
                })
            }
        };
        // From here on every error names the verb, the driver and the key.
        let answer = locate(answer, services.driver.name(), &key);
        // The monitor runs before the tenure sees the answer, which is why it must not block.
        services.report(|| {
            let took = services.env.now().since(started);
            MonitorEvent::Request { key, verb, took, error: error_of(&answer).cloned() }
        });
        answer
    })
}

/// Reads a record outside any tenure.
pub(super) async fn read(
    services: &Arc<Services>,
    key: &Key,
    timeout: Duration,
) -> Result<Option<Lease>> {
    match perform(services, key, Call { request: Request::Read, timeout }).await {
        Answer::Read(result) => result,
        // `perform` answers a read with a read, so this is not reached.
        _ => Ok(None),
    }
}

/// Waits for a place at the gate, and records in `sent` that the request is sent from here on.
async fn turn<'a>(gate: &'a Gate, verb: Verb, sent: &AtomicBool) -> Pass<'a> {
    // A renewal may use the reserved places, since its term ends without it. Everything else can
    // wait: a late read or attempt costs time and no term.
    let pass = gate.enter(verb == Verb::Renew).await;
    sent.store(true, Ordering::Relaxed);
    pass
}

/// Sends the request. This is the only place where the core calls a verb of the driver.
async fn send(driver: &dyn Driver, key: &Key, request: Request) -> Answer {
    match request {
        Request::Read => Answer::Read(driver.read(key).await),
        Request::Acquire(claim) => Answer::Acquire(driver.acquire(key, &claim).await),
        Request::Renew(lease) => Answer::Renew(driver.renew(key, &lease).await),
        Request::Release(lease) => Answer::Release(driver.release(key, &lease).await),
    }
}

/// Returns how an error is put into the answer to `request`. It is looked up before the request is
/// moved into the call, which may fail without giving it back.
fn failure_of(request: &Request) -> fn(Error) -> Answer {
    match request {
        Request::Read => |error| Answer::Read(Err(error)),
        Request::Acquire(_) => |error| Answer::Acquire(Err(error)),
        Request::Renew(_) => |error| Answer::Renew(Err(error)),
        Request::Release(_) => |error| Answer::Release(Err(error)),
    }
}

/// The error of a driver that panicked. It is ambiguous: the request may have been sent before.
fn panicked() -> Error {
    Error::ambiguous(ErrorKind::Internal, "the driver panicked; the panic message says where")
}

/// Adds to an error where it happened.
fn locate(answer: Answer, driver: &'static str, key: &Key) -> Answer {
    fn at<T>(result: Result<T>, verb: Verb, driver: &'static str, key: &Key) -> Result<T> {
        result.map_err(|error| error.during(verb, driver, key))
    }
    match answer {
        Answer::Read(result) => Answer::Read(at(result, Verb::Read, driver, key)),
        Answer::Acquire(result) => Answer::Acquire(at(result, Verb::Acquire, driver, key)),
        Answer::Renew(result) => Answer::Renew(at(result, Verb::Renew, driver, key)),
        Answer::Release(result) => Answer::Release(at(result, Verb::Release, driver, key)),
    }
}

fn error_of(answer: &Answer) -> Option<&Error> {
    match answer {
        Answer::Read(result) => result.as_ref().err(),
        Answer::Acquire(result) => result.as_ref().err(),
        Answer::Renew(result) => result.as_ref().err(),
        Answer::Release(result) => result.as_ref().err(),
    }
}

/// Completes with `None` if the future panics.
///
/// The future is not polled again after a panic, only dropped, so no broken state of the driver's
/// future is observed. The driver itself is used again: a driver with a poisoned lock fails its
/// next calls, and the term ends at its deadline.
struct CatchPanic<'a, F>(Pin<&'a mut F>);

impl<F: Future> Future for CatchPanic<'_, F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Some),
            Err(_) => Poll::Ready(None),
        }
    }
}
