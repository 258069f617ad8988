//! 3.01, as far as the driver alone shows it: each acquisition of a key gets a higher token.

use std::sync::Arc;

use dsync::FencingToken;
use dsync::driver::{Key, KeyKind};
use tokio::time::sleep;

use crate::context::{Case, Outcome, Peer, WonLease};

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    for kind in [KeyKind::Election, KeyKind::Lock] {
        in_turn(&case, kind).await?;
        after_a_death(&case, kind).await?;
    }
    if case.capabilities.token_survives_loss {
        above_the_floor(&case).await?;
    }
    Ok(())
}

fn higher(case: &Case, key: &Key, before: FencingToken, won: &WonLease, what: &str) -> Outcome {
    case.count();
    let granted = won.lease.fencing_token;
    if granted > before {
        return Ok(());
    }
    Err(case.fail(format!(
        "an acquisition of {key} was granted token {granted}, but an earlier one had {before} \
         ({what}). The token must grow with every acquisition, by every candidate and over every \
         connection: let the store count, in the write that acquires (Lease::fencing_token)"
    )))
}

/// Many hand-overs, over connections that stay and over new ones, each of which knows nothing.
async fn in_turn(case: &Case, kind: KeyKind) -> Outcome {
    let lasting: [Peer; 2] = case.peers().await?;
    let key = case.key(kind);
    let mut highest = FencingToken::ZERO;
    for round in 0..case.rounds(24) {
        let new = case.peer().await?;
        let (peer, what) = match round % 3 {
            0 => (&lasting[0], "another connection had it"),
            1 => (&lasting[1], "another connection had it"),
            _ => (&new, "the connection is new"),
        };
        let won = peer.win(&key, &case.claim("owner"), "it was released").await?;
        higher(case, &key, highest, &won, what)?;
        highest = won.lease.fencing_token;
        let won = peer.keep(&key, &won).await?;
        peer.free(&key, &won).await?;
    }
    Ok(())
}

/// The dead holder's lease ran out, or was taken over.
async fn after_a_death(case: &Case, kind: KeyKind) -> Outcome {
    let [owner, rival] = case.peers().await?;
    let key = case.key(kind);
    let mut claim = case.claim("owner");
    claim.duration = case.capabilities.min_lease;
    let dead = owner.win(&key, &claim, "it has never been used").await?;
    let mut claim = case.claim("rival");
    if case.is_observer() {
        claim = claim.with_take_over(Some(dead.lease.version.clone()));
    } else {
        sleep(case.longest(case.capabilities.min_lease)).await;
    }
    let won = rival.win(&key, &claim, "its holder is dead").await?;
    higher(case, &key, dead.lease.fencing_token, &won, "its holder died")?;
    rival.free(&key, &won).await
}

/// A store that may have forgotten its counter goes on above what the claim has seen.
async fn above_the_floor(case: &Case) -> Outcome {
    let peer = case.peer().await?;
    let key = case.key(KeyKind::Lock);
    let won = peer.win(&key, &case.claim("owner"), "it has never been used").await?;
    peer.free(&key, &won).await?;
    let floor = FencingToken::new(won.lease.fencing_token.get() + 1000);
    let claim = case.claim("owner").with_token_floor(floor);
    let won = peer.win(&key, &claim, "it was released").await?;
    let what =
        "the claim's token_floor, which a driver that declares `token_survives_loss` exceeds";
    higher(case, &key, floor, &won, what)?;
    peer.free(&key, &won).await
}
