//! 3.02: a term has one token.

use std::sync::Arc;

use dsync::driver::{KeyKind, Lease};
use dsync::{Dsync, FencingToken};
use tokio::time::sleep;

use super::common::ok;
use super::deaf::Deaf;
use crate::context::{Case, Outcome, Peer, WonLease};
use crate::harness::Via;

/// More than any term here needs.
const RENEWALS: u32 = 4;

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    for kind in [KeyKind::Election, KeyKind::Lock] {
        shown_within_a_term(&case, kind).await?;
    }
    terms(&case).await
}

/// What the driver shows while a lease is renewed is lower than any later acquisition's: the core
/// takes it for the token of an attempt whose answer was lost.
async fn shown_within_a_term(case: &Case, kind: KeyKind) -> Outcome {
    let [owner, rival]: [Peer; 2] = case.peers().await?;
    let key = case.key(kind);
    let mut won = owner.win(&key, &case.claim("owner"), "it has never been used").await?;
    let granted = won.lease.fencing_token;
    let mut highest = granted;
    let look = |lease: &Lease, by: &str| {
        case.count();
        if lease.fencing_token >= granted {
            return Ok(lease.fencing_token);
        }
        Err(case.fail(format!(
            "{by} shows token {} within a term that was granted {granted}; it is never lower than \
             any token that was granted (Lease::fencing_token)",
            lease.fencing_token
        )))
    };
    for _ in 0..RENEWALS {
        won = owner.keep(&key, &won).await?;
        highest = highest.max(look(&won.lease, "the answer to a renew")?);
        for peer in [&owner, &rival] {
            if let Some(lease) = peer.read(&key).await? {
                highest = highest.max(look(&lease, "a read")?);
            }
        }
    }
    owner.free(&key, &won).await?;
    let next: WonLease = rival.win(&key, &case.claim("rival"), "it was released").await?;
    if next.lease.fencing_token <= highest {
        return Err(case.fail(format!(
            "a term that was granted token {granted} showed {highest} after {RENEWALS} renewals, \
             and the next acquisition was granted {}. A renewal must not raise the token unless \
             the next acquisition gets a higher one: a term that is settled by a read would \
             outrank its successor (Lease::fencing_token)",
            next.lease.fencing_token
        )));
    }
    rival.free(&key, &next).await
}

/// What users see.
async fn terms(case: &Case) -> Outcome {
    let plain = case.dsync("plain").await?;
    let deaf = Deaf::new(case.driver(Via::Direct).await?);
    let deaf = case.dsync_over(deaf, "deaf", |config| config)?;
    let mut highest = FencingToken::ZERO;
    let resource = case.resource();
    // The second one learns of its acquisition by a read.
    for dsync in [&plain, &deaf, &plain] {
        let election = ok(case, "election", dsync.election_of(&resource))?;
        let term = ok(case, "elected", election.elected().await)?;
        let token = term.fencing_token();
        for _ in 0..RENEWALS {
            sleep(case.timing().renew_period()).await;
            case.count();
            let now = election.term().map(|term| term.fencing_token());
            if term.is_active() && (term.fencing_token() != token || now != Some(token)) {
                return Err(case.fail(format!("the token of a term changed: {token} to {now:?}")));
            }
        }
        if token <= highest {
            return Err(case.fail(format!(
                "a term of {} has token {token}, after one with {highest}",
                dsync.instance()
            )));
        }
        highest = token;
        ok(case, "stop", election.stop().await)?;
    }
    guards(case, &[plain, deaf]).await
}

async fn guards(case: &Case, handles: &[Dsync]) -> Outcome {
    let resource = case.resource();
    let mut highest = FencingToken::ZERO;
    for dsync in handles {
        let guard = ok(case, "lock", ok(case, "lock", dsync.lock_of(&resource))?.lock().await)?;
        let token = guard.fencing_token();
        for _ in 0..RENEWALS {
            sleep(case.timing().renew_period()).await;
            case.count();
            if guard.fencing_token() != token {
                return Err(case.fail(format!("the token of a guard changed from {token}")));
            }
        }
        if token <= highest {
            return Err(case.fail(format!("a guard has token {token}, after one with {highest}")));
        }
        highest = token;
        ok(case, "unlock", guard.unlock().await)?;
    }
    Ok(())
}
