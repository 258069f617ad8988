//! Mistakes that were once there, each by its story.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::*;
use crate::driver::{Holder, KeyKind, Nonce};
use crate::env::TokioEnv;

fn term() -> Term {
    let env: Arc<dyn Env> = Arc::new(TokioEnv::new().unwrap());
    let now = env.now();
    let grant = Grant {
        holder: Holder::new("me", Nonce::new(1)),
        token: FencingToken::new(1),
        valid_until: now + Duration::from_secs(10),
        hard_deadline: now + Duration::from_millis(14_700),
        slack: Duration::from_millis(35),
    };
    Term::begin(
        Key::new(KeyKind::Election, "default", "task"),
        &grant,
        env,
        1,
        Duration::from_secs(1),
    )
}

/// `lead()` has been given its term, and before it can register its body, another handle
/// resigns: the keeper cancels, finds no body, and sends the release.
#[tokio::test(start_paused = true)]
async fn a_body_that_comes_after_the_end_is_never_polled() {
    let term = term();
    let hard = term.0.clock.hard_deadline();
    // `Keeper::perform(Cancel)`, then `look_at_bodies`, which lets the tenure release.
    term.0.cancel(EndCause::Resigned);
    term.0.close_runs();
    assert_eq!(
        term.0.bodies.status(term.0.env.now(), hard, term.0.grace, term.0.slack),
        BodiesStatus::Stopped
    );
    // `Election::lead`, in another thread.
    let mut polled = false;
    {
        let mut body = pin!(Guarded::new(&term.0, DropPolicy::AtDeadline, async { polled = true }));
        poll_fn(|cx| {
            let _ = body.as_mut().poll(cx);
            Poll::Ready(())
        })
        .await;
    }
    assert!(!polled, "polled after the release was sent");
}

/// A term that is over, and that no keeper holds, remembers every body for ever.
#[tokio::test(start_paused = true)]
async fn a_term_that_is_over_remembers_no_bodies() {
    let term = term();
    term.0.cancel(EndCause::Lost);
    term.0.close_all();
    for _ in 0..1_000 {
        assert_eq!(term.run(async {}).await, None);
    }
    assert!(term.0.bodies.count() < 10, "{}", term.0.bodies.count());
}

/// The process was suspended past the hard deadline: everything is found out at once, and the
/// release was sent before the task that polls the body had run.
#[tokio::test(start_paused = true)]
async fn a_body_that_is_closed_late_can_still_be_dropped_before_the_release() {
    let term = term();
    let hard = term.0.clock.hard_deadline();
    let standing = || term.0.bodies.status(term.0.env.now(), hard, term.0.grace, term.0.slack);
    let mut body =
        Box::pin(Guarded::new(&term.0, DropPolicy::AtDeadline, std::future::pending::<()>()));
    let polled = poll_fn(|cx| Poll::Ready(body.as_mut().poll(cx))).await;
    assert!(polled.is_pending());
    tokio::time::advance(Duration::from_secs(20)).await;
    term.0.cancel(EndCause::Deadline);
    term.0.close_all();
    assert!(matches!(standing(), BodiesStatus::Running { look_at: Some(_) }), "{:?}", standing());
    // Its task runs late, or never: it is not polled again in any case.
    tokio::time::advance(term.0.slack).await;
    assert_eq!(standing(), BodiesStatus::Stopped);
    drop(body);
}
