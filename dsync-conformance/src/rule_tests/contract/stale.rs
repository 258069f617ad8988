//! 1.02: what is stale never applies, and is a value, not an error.

use std::sync::Arc;

use dsync::driver::{Acquired, Claim, Key, KeyKind, Lease, Released, Renewed, Version};
use tokio::time::sleep;

use crate::context::{Case, Outcome, Peer, WonLease, is_free, shown};

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    for kind in [KeyKind::Election, KeyKind::Lock] {
        let stage = Stage { peers: case.peers().await?, case: Arc::clone(&case) };
        stage.live_record(kind).await?;
        stage.after_release(kind).await?;
        stage.after_a_successor(kind).await?;
        if case.is_observer() {
            stage.stale_take_over(kind).await?;
            stage.own_older_version(kind).await?;
        } else {
            stage.take_over_is_ignored(kind).await?;
        }
    }
    Ok(())
}

/// Two rivals and a witness.
struct Stage {
    case: Arc<Case>,
    peers: [Peer; 3],
}

impl Stage {
    /// `claim` must be refused, and nothing may change.
    async fn refused(&self, key: &Key, claim: &Claim, why: &str) -> Outcome {
        let [_, rival, witness] = &self.peers;
        self.case.count();
        let before = witness.read(key).await?;
        let acquired = rival.acquire(key, claim).await?;
        if let Acquired::Won(_) = acquired {
            let with = match &claim.take_over {
                None => String::new(),
                Some(version) => format!(" with take_over at version {version}"),
            };
            return Err(self.case.fail(format!(
                "acquire{with} won although {why} (it was {}); the write must be conditioned on \
                 the version (Driver::acquire)",
                shown(before.as_ref())
            )));
        }
        self.unchanged(key, before.as_ref(), "an acquire that was answered `Held`").await
    }

    /// The write of `lease` must be refused, and nothing may change.
    async fn refused_writes(&self, key: &Key, lease: &Lease, why: &str) -> Outcome {
        let [holder, rival, witness] = &self.peers;
        let name = shown(Some(lease));
        for peer in [holder, rival] {
            self.case.count();
            let before = witness.read(key).await?;
            if let Renewed::Kept(_) = peer.renew(key, lease).await? {
                let advice = if before.is_none() {
                    "renew never re-creates a record"
                } else {
                    "renew extends a record only if it is still the caller's"
                };
                return Err(self.case.fail(format!(
                    "renew of a lease {name} answered `Kept` although {why} (it was {}); {advice} \
                     (Driver::renew)",
                    shown(before.as_ref())
                )));
            }
            self.unchanged(key, before.as_ref(), &format!("a refused renew of a lease {name}"))
                .await?;
            if peer.release(key, lease).await? == Released::Freed {
                return Err(self.case.fail(format!(
                    "release of a lease {name} answered `Released` although {why} (it was {}); a \
                     release must be conditioned on the holder (Driver::release)",
                    shown(before.as_ref())
                )));
            }
            self.unchanged(key, before.as_ref(), &format!("a refused release of a lease {name}"))
                .await?;
        }
        Ok(())
    }

    async fn unchanged(&self, key: &Key, before: Option<&Lease>, what: &str) -> Outcome {
        let after = self.peers[2].read(key).await?;
        let same = match (before, &after) {
            (None, None) => true,
            (Some(before), Some(after)) => {
                before.holder == after.holder && before.version == after.version
            }
            _ => false,
        };
        if same {
            return Ok(());
        }
        Err(self.case.fail(format!(
            "{what} changed the record of {key} from {} to {}; what is refused must write nothing",
            shown(before),
            shown(after.as_ref())
        )))
    }

    async fn live_record(&self, kind: KeyKind) -> Outcome {
        let [holder, ..] = &self.peers;
        let key = self.case.key(kind);
        let won = holder.win(&key, &self.case.claim("holder"), "it has never been used").await?;
        self.refused(&key, &self.case.claim("rival"), "the record is held").await?;
        let kept = holder.keep(&key, &won).await?;
        self.refused(&key, &self.case.claim("rival"), "the record was just renewed").await?;
        // Before its duration has run, even for the same instance with another nonce.
        self.refused(&key, &self.case.claim("holder"), "the record is held").await?;
        holder.free(&key, &kept).await
    }

    /// A lease that was given up can be neither renewed nor released, and is not re-created.
    async fn after_release(&self, kind: KeyKind) -> Outcome {
        let [holder, ..] = &self.peers;
        let key = self.case.key(kind);
        let won = holder.win(&key, &self.case.claim("holder"), "it has never been used").await?;
        holder.free(&key, &won).await?;
        self.refused_writes(&key, &won.lease, "the lease was released").await
    }

    /// The old holder's lease is worth nothing once another candidate has the key, also if that is
    /// the same instance again, and also after several changes of hands.
    async fn after_a_successor(&self, kind: KeyKind) -> Outcome {
        let [holder, rival, _] = &self.peers;
        let key = self.case.key(kind);
        let first = holder.win(&key, &self.case.claim("holder"), "it has never been used").await?;
        holder.free(&key, &first).await?;
        let second = rival.win(&key, &self.case.claim("rival"), "it was released").await?;
        self.refused_writes(&key, &first.lease, "another candidate has acquired the key since")
            .await?;
        rival.free(&key, &second).await?;
        let third = holder.win(&key, &self.case.brief_claim("holder"), "it was released").await?;
        let why = "the same instance has acquired the key again since, with another nonce";
        self.refused_writes(&key, &first.lease, why).await?;
        let why = "another candidate has acquired the key since";
        self.refused_writes(&key, &second.lease, why).await?;
        let last = self.lapse(&key, &third).await?;
        let why = "the lease ran out and another candidate has acquired the key";
        self.refused_writes(&key, &third.lease, why).await?;
        rival.free(&key, &last).await
    }

    /// Another candidate takes the key of a dead holder.
    async fn lapse(&self, key: &Key, dead: &WonLease) -> Outcome<WonLease> {
        let [_, rival, _] = &self.peers;
        if self.case.is_observer() {
            let claim = self.case.claim("rival").with_take_over(Some(dead.lease.version.clone()));
            return rival.win(key, &claim, "the claim takes over the version it is at").await;
        }
        sleep(self.case.longest(self.case.lease)).await;
        let why = "its holder is gone but tries again";
        let found = rival.read(key).await?;
        if is_free(found.as_ref()) {
            self.refused_writes(key, &dead.lease, why).await?;
        }
        rival.win(key, &self.case.claim("rival"), "the lease has run out").await
    }

    /// Only the version that the record is at can be taken over.
    async fn stale_take_over(&self, kind: KeyKind) -> Outcome {
        let [holder, rival, witness] = &self.peers;
        let key = self.case.key(kind);
        let first = holder.win(&key, &self.case.claim("holder"), "it has never been used").await?;
        let second = holder.keep(&key, &first).await?;
        let claim =
            |version: &Version| self.case.claim("rival").with_take_over(Some(version.clone()));
        let stale = claim(&first.lease.version);
        let why = format!("the record is at version {}", second.lease.version);
        self.refused(&key, &stale, &why).await?;

        // Even if the key is free: the core relies on the attempt never being applied later.
        holder.free(&key, &second).await?;
        let left = witness.read(&key).await?;
        for won in [&first, &second] {
            if left.as_ref().is_none_or(|lease| lease.version != won.lease.version) {
                let why = format!("the record was released and is {}", shown(left.as_ref()));
                self.refused(&key, &claim(&won.lease.version), &why).await?;
            }
        }
        if let Some(vacant) = left {
            let why = "the claim takes over the version at which it is vacant";
            rival.win(&key, &claim(&vacant.version), why).await?;
        }
        Ok(())
    }

    /// Also the holder itself writes only at the version that the record is at.
    async fn own_older_version(&self, kind: KeyKind) -> Outcome {
        let [holder, ..] = &self.peers;
        let key = self.case.key(kind);
        let first = holder.win(&key, &self.case.claim("holder"), "it has never been used").await?;
        let second = holder.keep(&key, &first).await?;
        let why = format!("its holder has renewed it since, to version {}", second.lease.version);
        self.refused_writes(&key, &first.lease, &why).await?;
        if let Some(operator) = self.case.operator() {
            let touched = operator.touch(&key).await;
            if touched.map_err(|error| self.case.fail(format!("the operator: {error}")))? {
                let why = "the record has been edited since, so its version is another";
                self.refused_writes(&key, &second.lease, why).await?;
            }
        }
        Ok(())
    }

    /// A store that lets leases expire never takes a live one, regardless of the claim.
    async fn take_over_is_ignored(&self, kind: KeyKind) -> Outcome {
        let [holder, rival, _] = &self.peers;
        let key = self.case.key(kind);
        let won = holder.win(&key, &self.case.claim("holder"), "it has never been used").await?;
        let claim = self.case.claim("rival").with_take_over(Some(won.lease.version.clone()));
        let why = "the record is held, and a store with `Expiry::Backend` ignores `take_over`";
        self.refused(&key, &claim, why).await?;
        holder.free(&key, &won).await?;
        let why = "it was released, and a store with `Expiry::Backend` ignores `take_over`";
        rival.win(&key, &claim, why).await?;
        Ok(())
    }
}
