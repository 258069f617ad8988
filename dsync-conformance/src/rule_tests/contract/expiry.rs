//! Waits for the lease of a dead holder and notes when another candidate got it.

use std::time::Duration;

use dsync::driver::{Acquired, Key, KeyKind};
use dsync::{Config, Timing};
use tokio::time::{Instant, sleep, sleep_until};

use crate::Verdict;
use crate::context::{Case, Outcome, Peer, WonLease, is_free, key_of};
use crate::tasks::now;

/// How a holder died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    /// Right after its acquisition.
    Acquired,
    /// After some renewals.
    Renewed,
    /// As before, and then others try to meddle.
    Bothered,
}

/// What to wait for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene {
    pub(super) kind: KeyKind,
    pub(super) death: Death,
    /// How long the dead holder's lease is.
    pub(super) duration: Duration,
}

/// What was seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// The dead holder's last write.
    pub(super) sent: Instant,
    pub(super) answered: Instant,
    /// When the rivals began to look.
    pub(super) watched_from: Instant,
    /// When another candidate was known to have it, or saw it free.
    pub(super) free_at: Instant,
    /// Whether that was by a read.
    pub(super) by_read: bool,
}

/// The scenes for this store: each kind, each death, odd durations, the shortest lease.
pub(super) fn scenes(case: &Case) -> Vec<Scene> {
    let unit = case.capabilities.lease_granularity;
    let odd = case.lease + unit / 2 + Duration::from_millis(1);
    let mut scenes = Vec::new();
    for kind in [KeyKind::Election, KeyKind::Lock] {
        for death in [Death::Acquired, Death::Renewed, Death::Bothered] {
            scenes.push(Scene { kind, death, duration: case.lease });
        }
        for duration in [odd, 2 * case.lease, case.capabilities.min_lease] {
            scenes.push(Scene { kind, death: Death::Acquired, duration });
        }
    }
    scenes
}

/// Plays a scene. `limit`: when to give up, counted from the last answer; `None` then.
pub(super) async fn play(case: &Case, scene: Scene, limit: Duration) -> Outcome<Option<Seen>> {
    case.count();
    let resource = case.resource();
    let key = key_of(scene.kind, &resource);
    let holder = case.peer().await?;
    let mut claim = case.claim("dead");
    claim.duration = scene.duration;
    let why = "it has never been used";
    let before = meddler(case, &key, scene).await?;
    let won = holder.win(&key, &claim, why).await?;
    let won = die(&holder, &key, won, scene).await?;
    if let Some((rival, former)) = before {
        meddle(case, &rival, &key, &former, &won, scene).await?;
    }
    let seen = |watched_from, free_at, by_read| {
        let WonLease { sent, answered, .. } = won;
        Seen { sent, answered, watched_from, free_at, by_read }
    };
    let until = won.answered + limit;
    let watched_from = now();
    if case.is_observer() {
        // Observers recognise a dead holder by its silence, so it takes the core over the driver. Its
        // own lease duration is another one: that of the record counts.
        let timing = Timing::new(case.lease);
        let config = |config: Config| config.with_timing(timing.clone());
        let rival = case.dsync_with("rival", config).await?;
        let wins = async {
            match scene.kind {
                KeyKind::Lock => drop(rival.lock_of(&resource)?.lock().await?),
                KeyKind::Election => drop(rival.election_of(&resource)?.elected().await?),
            }
            Ok::<_, dsync::Error>(now())
        };
        let won = tokio::time::timeout_at(until.max(watched_from), wins).await;
        return match won {
            Err(_) => Ok(None),
            Ok(Ok(free_at)) => Ok(Some(seen(watched_from, free_at, false))),
            Ok(Err(error)) => Err(case.fail(format!("a rival could not wait: {error}"))),
        };
    }
    let rival = case.peer().await?;
    let tick = (scene.duration / 60).max(Duration::from_millis(1));
    while now() < until {
        if is_free(rival.read(&key).await?.as_ref()) {
            return Ok(Some(seen(watched_from, now(), true)));
        }
        if let Acquired::Won(_) = rival.acquire(&key, &case.claim("rival")).await? {
            return Ok(Some(seen(watched_from, now(), false)));
        }
        sleep(tick).await;
    }
    Ok(None)
}

/// The holder's last moments.
async fn die(peer: &Peer, key: &Key, won: WonLease, scene: Scene) -> Outcome<WonLease> {
    if scene.death == Death::Acquired {
        return Ok(won);
    }
    let first = won.sent;
    let mut won = won;
    for part in [3, 6] {
        sleep_until(first + scene.duration * part / 10).await;
        let kept = peer.keep(key, &won).await;
        if kept.is_err() && now() >= won.sent + scene.duration {
            let why = "the machine was too slow to renew a lease in time";
            return Err(Verdict::Inconclusive(why.to_owned()));
        }
        won = kept?;
    }
    Ok(won)
}

/// A former holder of the key.
async fn meddler(case: &Case, key: &Key, scene: Scene) -> Outcome<Option<(Peer, WonLease)>> {
    if scene.death != Death::Bothered {
        return Ok(None);
    }
    let rival = case.peer().await?;
    let former = rival.win(key, &case.claim("former"), "it has never been used").await?;
    rival.free(key, &former).await?;
    Ok(Some((rival, former)))
}

/// What it tries must not shorten the holder's lease.
async fn meddle(
    case: &Case,
    rival: &Peer,
    key: &Key,
    former: &WonLease,
    won: &WonLease,
    scene: Scene,
) -> Outcome {
    rival.release(key, &former.lease).await?;
    rival.renew(key, &former.lease).await?;
    let mut brief = case.claim("rival");
    brief.duration = case.capabilities.min_lease;
    let acquired = rival.acquire(key, &brief).await?;
    let after = now().saturating_duration_since(won.sent);
    if matches!(acquired, Acquired::Won(_)) && after < scene.duration {
        return Err(case.fail(format!(
            "another candidate acquired {key} {after:?} after it was renewed for {:?}",
            scene.duration
        )));
    }
    Ok(())
}
