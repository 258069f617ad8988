//! 1.14: every legal name works, and each has a record of its own.

use std::sync::Arc;

use dsync::Resource;
use dsync::driver::{Acquired, Key, KeyKind};

use crate::Verdict;
use crate::context::{Case, Outcome, Peer, WonLease, key_of, shown};

/// The longest label, and the longest name of a key.
const LABEL: usize = 63;
const NAME: usize = 253;

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    let peers: [Peer; 2] = case.peers().await?;
    let mut keys = names(&case)?;
    keys.extend(long_keys(&case));
    let other = other_namespace(&case, &peers[0]).await?;
    keys.extend(other);
    let mut held: Vec<(Key, WonLease)> = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        case.count();
        let claim = case.claim(&format!("holder-{index}"));
        held.push((key.clone(), take(&case, &peers[0], key, &claim, &held).await?));
    }
    for (key, won) in &held {
        let read = peers[1].read(key).await?;
        if !read.as_ref().is_some_and(|lease| lease.is_held_by(&won.holder)) {
            return Err(shared(&case, key, &won.holder.to_string(), &shown(read.as_ref())));
        }
    }
    released_apart(&case, &peers, &held).await
}

fn shared(case: &Case, key: &Key, expected: &str, found: &str) -> Verdict {
    case.fail(format!(
        "{key} ({:?}) was acquired by {expected}, but it reads as {found}: it shares a record with \
         another of the names that were tried. Namespace, kind and the whole name are the key (Key)",
        key.kind()
    ))
}

async fn take(
    case: &Case,
    peer: &Peer,
    key: &Key,
    claim: &dsync::driver::Claim,
    held: &[(Key, WonLease)],
) -> Outcome<WonLease> {
    let sent = crate::tasks::now();
    let acquired = peer.driver().acquire(key, claim).await.map_err(|error| {
        case.fail(format!(
            "acquire of {key}, a legal name of {} characters, answered an error: {error}",
            key.name().len()
        ))
    })?;
    let answered = crate::tasks::now();
    match acquired {
        Acquired::Won(lease) => {
            Ok(WonLease { holder: claim.holder.clone(), lease, sent, answered })
        }
        Acquired::Held(_) => {
            let read = peer.read(key).await?;
            let by = read.as_ref().and_then(|lease| lease.holder.clone());
            let with = by.and_then(|by| held.iter().find(|(_, won)| won.holder == by));
            Err(case.fail(format!(
                "{key} ({:?}, {} characters) was never used, but acquire answered `Held`: it {}. \
                 Namespace, kind and the whole name are the key (Key)",
                key.kind(),
                key.name().len(),
                with.map_or_else(
                    || format!("reads as {}", shown(read.as_ref())),
                    |(other, _)| format!("shares a record with {other} ({:?})", other.kind())
                )
            )))
        }
    }
}

/// Releasing one leaves every other alone.
async fn released_apart(
    case: &Case,
    [owner, witness]: &[Peer; 2],
    held: &[(Key, WonLease)],
) -> Outcome {
    for (index, (key, won)) in held.iter().enumerate() {
        owner.free(key, won).await?;
        // The neighbours are the names that are most like it.
        for (other, won) in held.iter().skip(index + 1).take(3) {
            let read = witness.read(other).await?;
            if !read.as_ref().is_some_and(|lease| lease.is_held_by(&won.holder)) {
                return Err(case.fail(format!(
                    "the release of {key} changed {other}: it reads as {}",
                    shown(read.as_ref())
                )));
            }
        }
    }
    Ok(())
}

/// Names that a driver may join, cut or escape so that two become one.
fn names(case: &Case) -> Outcome<Vec<Key>> {
    let scope = case.scope();
    let long = |end: &str| format!("{}{end}", "n".repeat(LABEL - end.len()));
    let pairs: Vec<(String, String)> = vec![
        (scope.clone(), "a".to_owned()),
        (scope.clone(), "a-b".to_owned()),
        (format!("{scope}-a"), "b".to_owned()),
        (scope.clone(), "a--b".to_owned()),
        (scope.clone(), "0".to_owned()),
        (scope.clone(), "1-2-3".to_owned()),
        (scope.clone(), "election".to_owned()),
        (scope.clone(), "lock".to_owned()),
        (scope.clone(), long("1")),
        (scope.clone(), long("2")),
        (scope.clone(), "n".repeat(LABEL - 1)),
        (padded(&scope, "1"), long("1")),
        (padded(&scope, "2"), long("1")),
        (padded(&scope, "1"), long("2")),
    ];
    let mut keys = Vec::new();
    for (scope, name) in pairs {
        let resource =
            Resource::new(name).with_scope(scope).with_namespace(case.namespaces().0.to_owned());
        resource.validate().map_err(|error| case.fail(format!("{error}")))?;
        for kind in [KeyKind::Election, KeyKind::Lock] {
            keys.push(key_of(kind, &resource));
        }
    }
    Ok(keys)
}

fn padded(scope: &str, end: &str) -> String {
    let fill = LABEL.saturating_sub(scope.len() + end.len() + 1);
    format!("{scope}-{}{end}", "s".repeat(fill))
}

/// As long as a key may be: names of several labels, which differ in the last character.
fn long_keys(case: &Case) -> Vec<Key> {
    let mut stem = case.scope();
    while stem.len() < NAME - LABEL - 1 {
        stem = format!("{stem}.{}", "k".repeat(LABEL));
    }
    let rest = NAME - 2 - stem.len();
    let stem = format!("{stem}.{}", "k".repeat(rest));
    let key = |end: &str| Key::new(KeyKind::Lock, case.namespaces().0, format!("{stem}{end}"));
    vec![key("1"), key("2")]
}

/// The same names in another namespace, if there is one.
async fn other_namespace(case: &Case, peer: &Peer) -> Outcome<Vec<Key>> {
    let (_, other) = case.namespaces();
    let resource = Resource::new("a").with_scope(case.scope()).with_namespace(other);
    let keys = [KeyKind::Election, KeyKind::Lock].map(|kind| key_of(kind, &resource));
    // A read would not show it: a namespace that is not there may read as empty.
    let probe = Resource::new("probe").with_scope(case.scope()).with_namespace(other);
    let probe = key_of(KeyKind::Lock, &probe);
    match peer.driver().acquire(&probe, &case.claim("probe")).await {
        Ok(Acquired::Won(lease)) => {
            peer.release(&probe, &lease).await?;
            Ok(keys.to_vec())
        }
        Ok(Acquired::Held(_)) => Err(case.fail(format!("{probe} was never used, but is held"))),
        Err(error) => {
            case.missing(format!(
                "a second namespace: {other:?} cannot be used ({error}); name one that exists \
                 (Suite::with_namespaces)"
            ));
            Ok(Vec::new())
        }
    }
}
