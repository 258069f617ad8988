//! A watch whose connection breaks.

use dsync::driver::{KeyKind, WatchScope};

use super::listener::Listener;
use crate::context::{Case, Outcome, is_free};
use crate::proxy::Fault;

pub(super) async fn test(case: &Case) -> Outcome {
    let Some(proxy) = case.proxy().await? else {
        if !case.is_in_memory() {
            case.missing("a watch whose connection breaks (Harness::address)");
        }
        return Ok(());
    };
    let owner = case.peer().await?;
    let watcher = case.peer_via(&proxy).await?;
    for kind in [KeyKind::Election, KeyKind::Lock] {
        let key = case.key(kind);
        let mut listener = Listener::new(case, &watcher, &key);
        listener.begin().await?;
        for _ in 0..3 {
            let won = owner.win(&key, &case.claim("owner"), "it was released").await?;
            if case.watches() == WatchScope::Releases {
                // It says when it works again; what was released before that is found by a read.
                proxy.set(Fault::Reset);
                listener.recovers().await?;
                owner.free(&key, &won).await?;
                listener.shows("a release after its connection was broken", is_free).await?;
                continue;
            }
            let is_held = |record: Option<&dsync::driver::Lease>| {
                record.is_some_and(|lease| lease.is_held_by(&won.holder))
            };
            listener.shows("an acquisition", is_held).await?;
            proxy.set(Fault::Reset);
            owner.free(&key, &won).await?;
            listener.settles("a release while its connection was broken", is_free).await?;
        }
    }
    Ok(())
}
