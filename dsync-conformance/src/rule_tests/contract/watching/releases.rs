//! A watch of releases only.

use dsync::driver::{Key, KeyKind};

use super::listener::Listener;
use crate::context::{Case, Outcome, Peer, WonLease, is_free};

pub(super) async fn test(case: &Case) -> Outcome {
    let peers: [Peer; 2] = case.peers().await?;
    for kind in [KeyKind::Election, KeyKind::Lock] {
        // On a connection of its own, and on the one that writes.
        for watcher in &peers {
            each_release(case, &peers[0], watcher, kind).await?;
            started_again(case, &peers[0], watcher, kind).await?;
        }
        several(case, &peers, kind).await?;
    }
    Ok(())
}

async fn take(case: &Case, owner: &Peer, key: &Key) -> Outcome<WonLease> {
    owner.win(key, &case.claim("owner"), "it was released or never used").await
}

async fn each_release(case: &Case, owner: &Peer, watcher: &Peer, kind: KeyKind) -> Outcome {
    let key = case.key(kind);
    let mut listener = Listener::new(case, watcher, &key);
    listener.begin().await?;
    for _ in 0..case.rounds(10) {
        let won = take(case, owner, &key).await?;
        let won = owner.keep(&key, &won).await?;
        owner.free(&key, &won).await?;
        listener.shows("a release", is_free).await?;
    }
    // Many while the watch is not polled, and then one more.
    for _ in 0..case.rounds(10) {
        let won = take(case, owner, &key).await?;
        owner.free(&key, &won).await?;
    }
    let won = take(case, owner, &key).await?;
    listener.drain(Case::SETTLING).await?;
    owner.free(&key, &won).await?;
    listener.shows("the release at the end of many", is_free).await
}

/// Once a new watch says that it is alive, it misses nothing more.
async fn started_again(case: &Case, owner: &Peer, watcher: &Peer, kind: KeyKind) -> Outcome {
    let key = case.key(kind);
    let mut listener = Listener::new(case, watcher, &key);
    let mut other = Listener::new(case, watcher, &key);
    listener.begin().await?;
    other.begin().await?;
    for _ in 0..case.rounds(6) {
        let won = take(case, owner, &key).await?;
        listener.restart();
        listener.begin().await?;
        owner.free(&key, &won).await?;
        listener.shows("a release after the watch was started again", is_free).await?;
        other.shows("a release, in a watch beside one that was dropped", is_free).await?;
    }
    Ok(())
}

/// Several keys on one connection: each watch shows its own.
async fn several(case: &Case, [owner, watcher]: &[Peer; 2], kind: KeyKind) -> Outcome {
    let mut all = Vec::new();
    for _ in 0..4 {
        let key = case.key(kind);
        let mut listener = Listener::new(case, watcher, &key);
        listener.begin().await?;
        all.push((take(case, owner, &key).await?, key, listener));
    }
    for (won, key, listener) in &mut all {
        owner.free(key, won).await?;
        listener.shows("the release of its own key", is_free).await?;
    }
    Ok(())
}
