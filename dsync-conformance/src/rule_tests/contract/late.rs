//! 1.08: a dead holder's lease ends in time.

use std::sync::Arc;
use std::time::Duration;

use dsync::driver::{Acquired, KeyKind};
use tokio::task::JoinSet;

use super::expiry::{Scene, Seen, play, scenes};
use crate::context::{Case, Outcome};

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    if case.is_observer() {
        taken_over_at_once(&case).await?;
    }
    let mut playing = JoinSet::new();
    for scene in scenes(&case) {
        let case = Arc::clone(&case);
        playing.spawn(async move {
            let limit = 3 * case.longest(scene.duration) + Case::PATIENCE;
            judge(&case, scene, play(&case, scene, limit).await?)
        });
    }
    while let Some(scene) = playing.join_next().await {
        scene.map_err(|error| case.fail(format!("panicked: {error}")))??;
    }
    Ok(())
}

/// How much longer than the store it may take until another candidate notices and has won.
fn noticing(case: &Case, duration: Duration) -> Duration {
    let timing = case.timing();
    if case.is_observer() {
        3 * timing.retry_period() + 2 * timing.request_timeout()
    } else {
        duration / 30
    }
}

fn judge(case: &Case, scene: Scene, seen: Option<Seen>) -> Outcome {
    let Scene { kind, death, duration } = scene;
    let kind = match kind {
        KeyKind::Election => "election",
        KeyKind::Lock => "lock",
    };
    let bound = case.longest(duration) + noticing(case, duration);
    let Some(seen) = seen else {
        return Err(case.fail(format!(
            "the lease of a {kind} was for {duration:?} ({death:?}), and no other candidate could take it \
             in more than three times that; {}",
            advice(case)
        )));
    };
    // An observer counts from when it first saw the record.
    let from = if case.is_observer() { seen.watched_from } else { seen.answered };
    case.in_time(from, seen.free_at, from + bound, |late| {
        format!(
            "the lease of a {kind} was for {duration:?} ({death:?}), and it took {:?} until \
             another candidate had it, {late:?} more than the bound of {bound:?} = duration, \
             granularity, `max_expiry_lag` and what this machine may add; {}",
            seen.free_at.saturating_duration_since(from),
            advice(case)
        )
    })
}

fn advice(case: &Case) -> &'static str {
    if case.is_observer() {
        "the pulse must stand still once it is not renewed, and a take_over at the version that the \
         record is at must win (Driver::acquire)"
    } else {
        "declare how much later a dead lease may still look alive (Capabilities::max_expiry_lag), \
         or write the claim's duration"
    }
}

/// A record at the version that is given is taken over, however young it is: when it is dead is
/// for the core to say.
async fn taken_over_at_once(case: &Case) -> Outcome {
    let [dead, rival] = case.peers().await?;
    for kind in [KeyKind::Election, KeyKind::Lock] {
        case.count();
        let key = case.key(kind);
        let won = dead.win(&key, &case.claim("dead"), "it has never been used").await?;
        let seen = rival.read(&key).await?.map_or(won.lease.version.clone(), |lease| lease.version);
        let claim = case.claim("rival").with_take_over(Some(seen.clone()));
        if let Acquired::Held(record) = rival.acquire(&key, &claim).await? {
            return Err(case.fail(format!(
                "acquire with take_over at version {seen}, which a read has just shown, answered \
                 `Held` ({record:?}). With `Expiry::Observer` the core says when a holder is \
                 dead, and the driver takes over a record that is at that version \
                 (Driver::acquire)"
            )));
        }
    }
    Ok(())
}
