//! Writes that go wrong on the way to the store, and how the driver classifies the error.

use std::time::Duration;

use dsync::Result;
use dsync::driver::{Acquired, Key, KeyKind, Lease, Released, Renewed};
use tokio::time::{sleep, timeout};

use super::definite::judge;
use crate::context::{Case, Outcome, Peer, WonLease, is_free, shown};
use crate::harness::{Mishap, Wire, Write};
use crate::proxy::{Direction, Fault, Proxy};

/// The instance whose writes go wrong.
const WRITER: &str = "writer";
/// How long a call may hang. The core gives up on one as well, and treats it as ambiguous.
const LIMIT: Duration = Duration::from_secs(2);

/// Returns how many writes failed, or `None` if the harness can make no write fail.
pub(super) async fn test(case: &Case) -> Outcome<Option<u32>> {
    if let Some(proxy) = case.proxy().await? {
        return through(case, &proxy).await.map(Some);
    }
    match case.wire() {
        Some(wire) => over(case, &*wire).await.map(Some),
        None => Ok(None),
    }
}

/// Breaks connections to a server.
async fn through(case: &Case, proxy: &Proxy) -> Outcome<u32> {
    let witness = case.peer().await?;
    let mut errors = 0;
    // The connection breaks at the next request, or at its answer: then the request has arrived.
    let no_request = Fault::CutAfter { direction: Direction::Requests, bytes: 0 };
    for fault in [no_request, Fault::LoseAnswer] {
        for kind in [KeyKind::Election, KeyKind::Lock] {
            for write in Write::ALL {
                for _ in 0..3 {
                    case.count();
                    let writer = case.peer_via(proxy).await?;
                    // Makes sure that a driver that connects lazily is connected.
                    writer.read(&case.key(kind)).await?;
                    let attempt = Attempt::begin(case, writer, &witness, kind, write).await?;
                    proxy.set(fault);
                    let answer = attempt.send().await;
                    proxy.heal();
                    errors += u32::from(attempt.judge(answer).await? != Seen::Acknowledged);
                }
            }
        }
    }
    Ok(errors)
}

/// Disturbs single writes to a store in memory.
async fn over(case: &Case, wire: &dyn Wire) -> Outcome<u32> {
    let witness = case.peer().await?;
    let mut errors = 0;
    let mishaps = [
        Mishap::Refused,
        Mishap::RequestBroken,
        Mishap::RequestLost,
        Mishap::AnswerBroken,
        Mishap::AnswerLost,
        // It lands after the driver may have given up, and before the last look at the record.
        Mishap::Late(Case::SETTLING / 2),
    ];
    for mishap in mishaps {
        let mut has_landed = false;
        for kind in [KeyKind::Election, KeyKind::Lock] {
            for write in Write::ALL {
                case.count();
                let writer = case.peer().await?;
                let attempt = Attempt::begin(case, writer, &witness, kind, write).await?;
                wire.disturb(WRITER, write, mishap);
                let answer = attempt.send().await;
                wire.heal(WRITER);
                let seen = attempt.judge(answer).await?;
                errors += u32::from(seen != Seen::Acknowledged);
                has_landed |= seen == Seen::Applied;
            }
        }
        // Without it the fault was not made, and the errors prove nothing.
        if mishap.is_applied() && !has_landed {
            case.missing(format!(
                "no write was applied without its caller's knowledge, although Wire::disturb was \
                 asked for {mishap:?}"
            ));
        }
    }
    Ok(errors)
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// The driver answered without an error.
    Acknowledged,
    /// The call failed or hung, and a read shows the write.
    Applied,
    /// The call failed or hung, and no read shows the write.
    Absent,
}

/// What the driver answered: whether the write was applied, an error, or nothing in [`LIMIT`].
type Answer = Option<Result<bool>>;

/// One write on a key of its own.
struct Attempt<'a> {
    case: &'a Case,
    writer: Peer,
    witness: &'a Peer,
    key: Key,
    write: Write,
    /// The claim that an acquire sends, or that won the lease to renew or release.
    claim: dsync::driver::Claim,
    won: Option<WonLease>,
    before: Option<Lease>,
}

impl<'a> Attempt<'a> {
    /// Wins the lease that is to be renewed or released.
    async fn begin(
        case: &'a Case,
        writer: Peer,
        witness: &'a Peer,
        kind: KeyKind,
        write: Write,
    ) -> Outcome<Self> {
        let (key, claim) = (case.key(kind), case.claim(WRITER));
        let won = match write {
            Write::Acquire => None,
            _ => Some(writer.win(&key, &claim, "it has never been used").await?),
        };
        let before = witness.read(&key).await?;
        Ok(Self { case, writer, witness, key, write, claim, won, before })
    }

    async fn send(&self) -> Answer {
        let (driver, key) = (self.writer.driver(), &self.key);
        let call = async {
            Ok(match (self.write, &self.won) {
                (Write::Renew, Some(WonLease { lease, .. })) => {
                    matches!(driver.renew(key, lease).await?, Renewed::Kept(_))
                }
                (Write::Release, Some(WonLease { lease, .. })) => {
                    driver.release(key, lease).await? == Released::Freed
                }
                _ => matches!(driver.acquire(key, &self.claim).await?, Acquired::Won(_)),
            })
        };
        timeout(LIMIT, call).await.ok()
    }

    fn is_applied(&self, record: Option<&Lease>) -> bool {
        match self.write {
            Write::Acquire => record.is_some_and(|lease| lease.is_held_by(&self.claim.holder)),
            Write::Renew => match (record, &self.before) {
                (Some(now), Some(before)) => {
                    now.version != before.version || now.pulse != before.pulse
                }
                _ => false,
            },
            Write::Release => is_free(record),
        }
    }

    /// Compares the answer with what reads show.
    async fn judge(&self, answer: Answer) -> Outcome<Seen> {
        let Self { case, witness, key, write, .. } = self;
        match answer {
            // A call that hangs is for the core to give up, and counts as ambiguous.
            None => {}
            Some(Err(error)) => {
                let is_applied = |record: Option<&Lease>| self.is_applied(record);
                judge(case, witness, key, &format!("{write:?}"), &error, is_applied).await?;
            }
            Some(Ok(says_so)) => {
                let record = witness.read(key).await?;
                // A renewal need not show where the store itself lets leases expire.
                let shows = *write != Write::Renew || case.is_observer();
                if says_so && shows && !self.is_applied(record.as_ref()) {
                    return Err(self.untrue(&shown(record.as_ref())));
                }
                return Ok(Seen::Acknowledged);
            }
        }
        if !case.is_in_memory() {
            return Ok(Seen::Absent);
        }
        // What is still in flight has landed by then.
        sleep(Case::SETTLING).await;
        let is_applied = self.is_applied(witness.read(key).await?.as_ref());
        Ok(if is_applied { Seen::Applied } else { Seen::Absent })
    }

    fn untrue(&self, found: &str) -> crate::Verdict {
        self.case.fail(format!(
            "{:?} of {} was answered as if it had been applied, although the connection broke; a \
             read shows {found}",
            self.write, self.key
        ))
    }
}
