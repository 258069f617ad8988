//! 1.05: no version repeats, and only the holder changes the pulse.

use std::collections::BTreeMap;
use std::sync::Arc;

use dsync::driver::{Acquired, Key, KeyKind, Lease, Version};

use crate::context::{Case, Outcome, Peer, WonLease, shown};

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    let peers: [Peer; 3] = case.peers().await?;
    for kind in [KeyKind::Election, KeyKind::Lock] {
        let key = case.key(kind);
        let mut seen = Seen { case: &case, versions: BTreeMap::new(), pulses: BTreeMap::new() };
        for round in 0..case.rounds(20) as usize {
            let (owner, reader) = (&peers[round % 3], &peers[(round + 1) % 3]);
            let why = "it was released, deleted, or never used";
            let won = owner.win(&key, &case.claim("owner"), why).await?;
            seen.acquired(&won.lease, round)?;
            as_answered(&case, reader, &key, &won.lease, "acquire").await?;
            let last = renewals(&mut seen, owner, reader, &key, won, round).await?;
            give_up(&case, owner, &key, &last, round).await?;
        }
        if case.is_observer() {
            pulse_is_the_holders(&case, &peers, kind).await?;
        }
    }
    if case.operator().is_none() {
        case.missing("a record that is deleted and edited (Harness::operator)");
    }
    Ok(())
}

/// Every version and every pulse, and where it was seen.
struct Seen<'a> {
    case: &'a Case,
    versions: BTreeMap<String, String>,
    pulses: BTreeMap<String, String>,
}

impl Seen<'_> {
    fn acquired(&mut self, lease: &Lease, round: usize) -> Outcome {
        self.case.count();
        let what = format!("acquisition {round}");
        self.version(&lease.version, &what)?;
        if self.case.is_observer() { self.pulse(lease, &what) } else { Ok(()) }
    }

    fn renewed(&mut self, lease: &Lease, what: &str) -> Outcome {
        self.case.count();
        if self.case.is_observer() {
            self.version(&lease.version, what)?;
            self.pulse(lease, what)?;
        }
        Ok(())
    }

    fn version(&mut self, version: &Version, what: &str) -> Outcome {
        let Some(before) = self.versions.insert(version.to_string(), what.to_owned()) else {
            return Ok(());
        };
        Err(self.case.fail(format!(
            "{what} of one key has version {version}, which {before} had before. The version must \
             differ for every acquisition, also after the record was deleted and created again, \
             and with `Expiry::Observer` for every renewal as well (Lease::version): a counter in \
             the record begins anew with the record, so take one of the store"
        )))
    }

    fn pulse(&mut self, lease: &Lease, what: &str) -> Outcome {
        let Some(before) = self.pulses.insert(lease.pulse.to_string(), what.to_owned()) else {
            return Ok(());
        };
        Err(self.case.fail(format!(
            "{what} of one key has pulse {}, which {before} had before. The pulse must change with \
             every acquire and renew, or a live holder is taken for dead (Lease::pulse)",
            lease.pulse
        )))
    }
}

async fn renewals(
    seen: &mut Seen<'_>,
    owner: &Peer,
    reader: &Peer,
    key: &Key,
    mut won: WonLease,
    round: usize,
) -> Outcome<WonLease> {
    for renewal in 0..3 {
        won = owner.keep(key, &won).await?;
        seen.renewed(&won.lease, &format!("renewal {renewal} of acquisition {round}"))?;
        as_answered(seen.case, reader, key, &won.lease, "renew").await?;
    }
    Ok(won)
}

/// Released, or deleted by the operator if the harness has one.
async fn give_up(case: &Case, owner: &Peer, key: &Key, won: &WonLease, round: usize) -> Outcome {
    match case.operator() {
        Some(operator) if round % 2 == 1 => operator
            .delete(key)
            .await
            .map_err(|error| case.fail(format!("the operator could not delete {key}: {error}"))),
        _ => owner.free(key, won).await,
    }
}

/// A read gives the version of the last write, or the core takes it for another write.
async fn as_answered(case: &Case, reader: &Peer, key: &Key, answer: &Lease, verb: &str) -> Outcome {
    let read = reader.read(key).await?;
    let same = read.as_ref().is_some_and(|read| {
        read.version == answer.version && (!case.is_observer() || read.pulse == answer.pulse)
    });
    if same {
        return Ok(());
    }
    Err(case.fail(format!(
        "{verb} was answered version {} and pulse {}, but a read right after it shows {} and pulse \
         {:?}, although no other writer has written",
        answer.version,
        answer.pulse,
        shown(read.as_ref()),
        read.as_ref().map(|lease| lease.pulse.as_str())
    )))
}

/// Only the holder's writes may change the pulse; any other change would keep a dead holder alive.
async fn pulse_is_the_holders(case: &Case, peers: &[Peer; 3], kind: KeyKind) -> Outcome {
    let [owner, rival, reader] = peers;
    let key = case.key(kind);
    let won = owner.win(&key, &case.claim("owner"), "it has never been used").await?;
    let stale = won.lease.clone();
    let won = owner.keep(&key, &won).await?;
    let same = async |what: &str| {
        case.count();
        let read = reader.read(&key).await?;
        let pulse = read.as_ref().map(|lease| lease.pulse.clone());
        if pulse.as_ref() == Some(&won.lease.pulse) {
            return Ok(());
        }
        Err(case.fail(format!(
            "the pulse changed from {} to {} by {what}. It must change with every acquire and \
             renew and with nothing else, or a dead leader is kept alive (Lease::pulse)",
            won.lease.pulse,
            pulse.map_or_else(|| "none".to_owned(), |pulse| pulse.to_string())
        )))
    };
    same("a read").await?;
    if let Acquired::Won(_) = rival.acquire(&key, &case.claim("rival")).await? {
        return Err(case.fail("an acquire without take_over won a held record"));
    }
    same("an acquire that was refused").await?;
    rival.renew(&key, &stale).await?;
    same("a renew at a stale version").await?;
    rival.release(&key, &stale).await?;
    same("a release at a stale version").await?;
    if let Some(operator) = case.operator() {
        let touched = operator.touch(&key).await;
        if touched.map_err(|error| case.fail(format!("the operator: {error}")))? {
            same("an operator's edit of something else, such as a label").await?;
        }
    }
    Ok(())
}
