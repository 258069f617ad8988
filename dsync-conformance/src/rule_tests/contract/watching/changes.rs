//! A watch of every change.

use dsync::driver::{Holder, Key, KeyKind, Lease};

use super::listener::Listener;
use crate::context::{Case, Outcome, Peer, WonLease, is_free};

pub(super) async fn test(case: &Case) -> Outcome {
    let peers: [Peer; 2] = case.peers().await?;
    for kind in [KeyKind::Election, KeyKind::Lock] {
        // On a connection of its own, and on the one that writes.
        for watcher in &peers {
            each_change(case, &peers[0], watcher, kind).await?;
            bursts(case, &peers[0], watcher, kind).await?;
        }
        while_it_changes(case, &peers, kind).await?;
        started_again(case, &peers, kind).await?;
        several(case, &peers, kind).await?;
        edited(case, &peers, kind).await?;
    }
    Ok(())
}

fn held_by(holder: &Holder) -> impl Fn(Option<&Lease>) -> bool {
    move |record| record.is_some_and(|lease| lease.is_held_by(holder))
}

async fn take(case: &Case, owner: &Peer, key: &Key) -> Outcome<WonLease> {
    owner.win(key, &case.claim("owner"), "it was released or never used").await
}

async fn each_change(case: &Case, owner: &Peer, watcher: &Peer, kind: KeyKind) -> Outcome {
    let key = case.key(kind);
    let mut listener = Listener::new(case, watcher, &key);
    listener.begin().await?;
    for _ in 0..case.rounds(6) {
        let won = take(case, owner, &key).await?;
        listener.shows("an acquisition", held_by(&won.holder)).await?;
        let won = owner.keep(&key, &won).await?;
        if case.is_observer() {
            let renewed =
                |record: Option<&Lease>| record.is_some_and(|r| r.version == won.lease.version);
            listener.shows("a renewal", renewed).await?;
        }
        owner.free(&key, &won).await?;
        listener.shows("a release", is_free).await?;
    }
    let won = owner.win(&key, &case.brief_claim("owner"), "it was released").await?;
    listener.shows("an acquisition", held_by(&won.holder)).await?;
    if case.is_observer() { owner.free(&key, &won).await } else { Ok(()) }?;
    // A store that lets leases expire says when one has.
    let what = if case.is_observer() { "a release" } else { "that a lease has run out" };
    listener.shows(what, is_free).await
}

/// Many changes while the watch is not polled: the last state is shown.
async fn bursts(case: &Case, owner: &Peer, watcher: &Peer, kind: KeyKind) -> Outcome {
    let key = case.key(kind);
    let mut listener = Listener::new(case, watcher, &key);
    listener.begin().await?;
    for length in [1, 2, 7] {
        let mut won = take(case, owner, &key).await?;
        for _ in 0..case.rounds(length) {
            owner.free(&key, &won).await?;
            won = take(case, owner, &key).await?;
        }
        let what = "the acquisition at the end of many changes";
        listener.settles(what, held_by(&won.holder)).await?;
        owner.free(&key, &won).await?;
        for _ in 0..case.rounds(length) {
            let won = take(case, owner, &key).await?;
            owner.free(&key, &won).await?;
        }
        listener.settles("the release at the end of many changes", is_free).await?;
    }
    Ok(())
}

/// A watch that starts while the record changes.
async fn while_it_changes(case: &Case, [owner, watcher]: &[Peer; 2], kind: KeyKind) -> Outcome {
    for _ in 0..case.rounds(6) {
        let key = case.key(kind);
        let writing = async {
            let mut won = take(case, owner, &key).await?;
            for _ in 0..3 {
                tokio::task::yield_now().await;
                owner.free(&key, &won).await?;
                tokio::task::yield_now().await;
                won = take(case, owner, &key).await?;
            }
            Ok::<_, crate::Verdict>(won)
        };
        let mut listener = Listener::new(case, watcher, &key);
        let (won, begun) = tokio::join!(writing, listener.begin());
        begun?;
        let won = won?;
        // Nothing is owed to who has just heard it, so the last word is another.
        let won = {
            owner.free(&key, &won).await?;
            take(case, owner, &key).await?
        };
        listener.settles("the last acquisition", held_by(&won.holder)).await?;
        owner.free(&key, &won).await?;
    }
    Ok(())
}

/// What changed while there was no watch is shown by the next one, and one of two goes on when
/// the other is dropped.
async fn started_again(case: &Case, [owner, watcher]: &[Peer; 2], kind: KeyKind) -> Outcome {
    let key = case.key(kind);
    let mut listener = Listener::new(case, watcher, &key);
    let mut other = Listener::new(case, watcher, &key);
    listener.begin().await?;
    other.begin().await?;
    for _ in 0..case.rounds(5) {
        let won = take(case, owner, &key).await?;
        listener.restart();
        listener.begin().await?;
        owner.free(&key, &won).await?;
        listener.settles("a release after the watch was started again", is_free).await?;
        listener.restart();
        let won = take(case, owner, &key).await?;
        let what = "an acquisition after the watch was started again";
        listener.settles(what, held_by(&won.holder)).await?;
        let what = "an acquisition, in a watch beside one that was dropped";
        other.settles(what, held_by(&won.holder)).await?;
        owner.free(&key, &won).await?;
        other.settles("a release, in a watch beside one that was dropped", is_free).await?;
        listener.drain(Case::SETTLING).await?;
    }
    Ok(())
}

/// Several keys on one connection: each watch shows its own.
async fn several(case: &Case, [owner, watcher]: &[Peer; 2], kind: KeyKind) -> Outcome {
    let keys: Vec<Key> = (0..4).map(|_| case.key(kind)).collect();
    let mut listeners = Vec::new();
    for key in &keys {
        let mut listener = Listener::new(case, watcher, key);
        listener.begin().await?;
        listeners.push(listener);
    }
    let mut all_won = Vec::new();
    for key in &keys {
        all_won.push(take(case, owner, key).await?);
    }
    for (listener, won) in listeners.iter_mut().zip(&all_won) {
        listener.settles("the acquisition of its own key", held_by(&won.holder)).await?;
    }
    for ((listener, won), key) in listeners.iter_mut().zip(&all_won).zip(&keys) {
        if owner.read(key).await?.is_some_and(|lease| lease.is_held_by(&won.holder)) {
            owner.free(key, won).await?;
        }
        listener.settles("the release of its own key", is_free).await?;
    }
    Ok(())
}

/// What an operator does is shown as well.
async fn edited(case: &Case, [owner, watcher]: &[Peer; 2], kind: KeyKind) -> Outcome {
    let Some(operator) = case.operator() else {
        case.missing("what an operator does to a watched record (Harness::operator)");
        return Ok(());
    };
    let wrong = |error| case.fail(format!("the operator could not do it: {error}"));
    let key = case.key(kind);
    let mut listener = Listener::new(case, watcher, &key);
    listener.begin().await?;
    let won = take(case, owner, &key).await?;
    listener.shows("an acquisition", held_by(&won.holder)).await?;
    operator.delete(&key).await.map_err(wrong)?;
    listener.shows("an operator's deletion of the record", is_free).await?;
    let won = take(case, owner, &key).await?;
    listener.shows("an acquisition", held_by(&won.holder)).await?;
    operator.overwrite(&key, "another-program", case.long()).await.map_err(wrong)?;
    let foreign = Holder::from_wire("another-program");
    listener.shows("another program's holder", held_by(&foreign)).await
}
