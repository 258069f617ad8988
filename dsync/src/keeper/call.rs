//! One driver call: its place in the queue, its time limit, and how it is reported.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use super::gate::{Gate, Pass};
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
/// 3. The answer wins over the limit if both are ready, since it tells more.
/// 4. At the limit the future of the driver is dropped. A call that was not sent yet is a definite
///    error; one that was sent may still be applied, so the error is ambiguous.
/// 5. A panic of the driver is an ambiguous error as well. It must not end the keeper, which is
///    what releases the lease.
pub(super) fn perform(services: &Arc<Services>, key: &Key, call: Call) -> BoxFuture<Answer> {
    let services = Arc::clone(services);
    let key = key.clone();
    Box::pin(async move {
        let started = services.env.now();
        let limit = services.env.sleep_until(started + call.timeout);
        let sent = AtomicBool::new(false);
        let verb = call.request.verb();
        let fail = failure_of(&call.request);
        let work = async {
            let _pass = turn(&services.gate, verb, &sent).await;
            send(&*services.driver, &key, call.request).await
        };
        let answer = tokio::select! {
            biased;
            answer = CatchPanic(pin!(work)) => answer.unwrap_or_else(|| fail(panicked())),
            () = limit => {
                let text = format!("no answer within {:?}", call.timeout);
                fail(if sent.load(Ordering::Relaxed) {
                    Error::ambiguous(ErrorKind::Timeout, text)
                } else {
                    let text = format!("{text}: the request was not sent, because too many others are in flight");
                    Error::definite(ErrorKind::Timeout, text)
                })
            }
        };
        let answer = locate(answer, services.driver.name(), &key);
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
        _ => Ok(None),
    }
}

/// Waits for a place at the gate, and records in `sent` that the request is sent from here on.
async fn turn<'a>(gate: &'a Gate, verb: Verb, sent: &AtomicBool) -> Pass<'a> {
    let pass = gate.enter(verb == Verb::Renew).await;
    sent.store(true, Ordering::Relaxed);
    pass
}

async fn send(driver: &dyn Driver, key: &Key, request: Request) -> Answer {
    match request {
        Request::Read => Answer::Read(driver.read(key).await),
        Request::Acquire(claim) => Answer::Acquire(driver.acquire(key, &claim).await),
        Request::Renew(lease) => Answer::Renew(driver.renew(key, &lease).await),
        Request::Release(lease) => Answer::Release(driver.release(key, &lease).await),
    }
}

fn failure_of(request: &Request) -> fn(Error) -> Answer {
    match request {
        Request::Read => |error| Answer::Read(Err(error)),
        Request::Acquire(_) => |error| Answer::Acquire(Err(error)),
        Request::Renew(_) => |error| Answer::Renew(Err(error)),
        Request::Release(_) => |error| Answer::Release(Err(error)),
    }
}

fn panicked() -> Error {
    Error::ambiguous(ErrorKind::Internal, "the driver panicked; the panic message says where")
}

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
