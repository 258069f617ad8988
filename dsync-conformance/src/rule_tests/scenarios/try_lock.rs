//! 5.03: `try_lock` waits for the store, and never for the holder.

use std::sync::Arc;

use dsync::Lock;
use dsync::driver::KeyKind;
use tokio::time::timeout;

use super::common::{ok, unhurried, unhurried_dsync};
use crate::context::{Case, Outcome, key_of};
use crate::tasks::now;

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    let (owner, rival) =
        (unhurried_dsync(&case, "owner").await?, unhurried_dsync(&case, "rival").await?);
    let resource = case.resource();
    let (first, second) = (
        ok(&case, "lock", owner.lock_of(&resource))?,
        ok(&case, "lock", rival.lock_of(&resource))?,
    );
    for _ in 0..case.rounds(9) {
        let guard = tried(&case, &first, true, "it was free").await?;
        tried(&case, &second, false, "another holds it").await?;
        tried(&case, &first, false, "it is held, and not re-entrant").await?;
        if let Some(guard) = guard {
            ok(&case, "unlock", guard.unlock().await)?;
        }
    }
    // A holder that died: how long its lease still lasts is nothing to wait for.
    let resource = case.resource();
    let peer = case.peer().await?;
    let mut claim = case.claim("dead");
    claim.duration = unhurried(&case).lease_duration();
    peer.win(&key_of(KeyKind::Lock, &resource), &claim, "it has never been used").await?;
    let lock = ok(&case, "lock", rival.lock_of(&resource))?;
    tried(&case, &lock, false, "a dead process holds it").await.map(drop)
}

async fn tried(
    case: &Case,
    lock: &Lock,
    expected: bool,
    why: &str,
) -> Outcome<Option<dsync::LockGuard>> {
    case.count();
    let timing = unhurried(case);
    let bound = 2 * timing.request_timeout() + case.slack();
    let from = now();
    let Ok(guard) = timeout(2 * timing.lease_duration() + Case::PATIENCE, lock.try_lock()).await
    else {
        return Err(case.fail(format!("try_lock did not return although {why}")));
    };
    let guard = ok(case, "try_lock", guard)?;
    case.in_time(from, now(), from + bound, |late| {
        format!(
            "try_lock took {:?} ({why}), {late:?} more than two requests may take: it must not \
             wait for a holder",
            now().saturating_duration_since(from)
        )
    })?;
    if guard.is_some() != expected {
        let what = if expected { "nothing" } else { "the lock" };
        return Err(case.fail(format!("try_lock got {what} although {why}")));
    }
    Ok(guard)
}
