//! 1.10: a dropped future leaves what an ambiguous error allows, and a connection that works.

use std::future::poll_fn;
use std::sync::Arc;

use dsync::driver::{Acquired, Key, KeyKind, Lease, Released, Renewed};
use tokio::time::{sleep, timeout};

use crate::context::{Case, Outcome, Peer, WonLease, is_free, shown};
use crate::rule_tests::cuts::{Cut, MOST_POLLS};
use crate::tasks::now;

/// The call that is cut short.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Read,
    Acquire,
    Renew,
    Release,
    Watch,
}

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    let peers: [Peer; 2] = case.peers().await?;
    let bystander = Bystander::begin(&case, &peers).await?;
    for kind in [KeyKind::Election, KeyKind::Lock] {
        for victim in [Victim::Read, Victim::Acquire, Victim::Renew, Victim::Release, Victim::Watch]
        {
            // Cuts the call before its first poll, then after one poll, and so on, until it finishes
            // before the cut: that covers every await of the driver.
            for polls in 0..MOST_POLLS {
                case.count();
                let key = case.key(kind);
                let won =
                    peers[0].win(&key, &case.claim("owner"), "it has never been used").await?;
                let is_over = cut(&case, &peers[0], &key, &won, victim, polls).await;
                bystander.check(&case, &peers[0], victim, polls).await?;
                check(&case, &peers, &key, &won, victim, polls).await?;
                if is_over {
                    break;
                }
            }
        }
    }
    peers[1].free(&bystander.held, &bystander.won).await
}

/// Whether the call was over by then.
async fn cut(
    case: &Case,
    peer: &Peer,
    key: &Key,
    won: &WonLease,
    victim: Victim,
    polls: usize,
) -> bool {
    let driver = peer.driver();
    match victim {
        Victim::Read => Cut::after(polls, driver.read(key)).await.is_some(),
        Victim::Acquire => {
            let claim = case.claim("rival");
            Cut::after(polls, driver.acquire(key, &claim)).await.is_some()
        }
        Victim::Renew => Cut::after(polls, driver.renew(key, &won.lease)).await.is_some(),
        Victim::Release => Cut::after(polls, driver.release(key, &won.lease)).await.is_some(),
        Victim::Watch => {
            let mut watch = driver.watch(key);
            let first = poll_fn(|context| watch.as_mut().poll_next(context));
            // A watch may have nothing to say.
            let cut = timeout(Case::SETTLING, Cut::after(polls, first)).await;
            cut.map_or(true, |item| item.is_some())
        }
    }
}

/// The key that was called for must be in a state that the call, applied or not, leads to.
async fn check(
    case: &Case,
    [owner, witness]: &[Peer; 2],
    key: &Key,
    won: &WonLease,
    victim: Victim,
    polls: usize,
) -> Outcome {
    let wrong = |read: Option<&Lease>| {
        case.fail(format!(
            "{victim:?} of a lease of {} was dropped after {polls} polls, and a read shows {}. A \
             dropped call is either applied or not, now or later (Driver: Cancel safety)",
            won.holder,
            shown(read)
        ))
    };
    let until = now() + Case::SETTLING;
    let mut is_still_held = true;
    loop {
        let read = witness.read(key).await?;
        let is_held = read.as_ref().is_some_and(|lease| lease.is_held_by(&won.holder));
        match victim {
            Victim::Release if is_free(read.as_ref()) => is_still_held = false,
            _ if is_held && is_still_held => {}
            _ => return Err(wrong(read.as_ref())),
        }
        if !is_still_held || now() >= until {
            break;
        }
        sleep(Case::SETTLING / 4).await;
    }
    if is_still_held {
        give_up(case, owner, witness, key, won).await
    } else {
        witness.win(key, &case.claim("next"), "a dropped release was applied").await.map(drop)
    }
}

/// The owner goes on with what is read, as the core does.
async fn give_up(case: &Case, owner: &Peer, witness: &Peer, key: &Key, won: &WonLease) -> Outcome {
    for _ in 0..5 {
        let Some(lease) = witness.read(key).await? else { return Ok(()) };
        if !lease.is_held_by(&won.holder) {
            return Ok(());
        }
        match owner.renew(key, &lease).await? {
            Renewed::Kept(kept) => {
                if owner.release(key, &kept).await? == Released::Freed {
                    return Ok(());
                }
            }
            // The dropped call may land right now.
            Renewed::Conflict => {}
            Renewed::Lost(_) => return Err(case.fail(lost(won))),
        }
    }
    Err(case.fail(format!(
        "after a dropped call the lease of {} could not be renewed and released in five tries \
         with what was read",
        won.holder
    )))
}

fn lost(won: &WonLease) -> String {
    format!(
        "after a dropped call the lease of {} reads as held, but its renewal answers `Lost`",
        won.holder
    )
}

/// Another key, which must not notice anything: no call may get the answer to a dropped one.
struct Bystander {
    held: Key,
    won: WonLease,
}

impl Bystander {
    async fn begin(case: &Case, [_, witness]: &[Peer; 2]) -> Outcome<Self> {
        let held = case.key(KeyKind::Lock);
        let won = witness.win(&held, &case.claim("bystander"), "it has never been used").await?;
        Ok(Self { held, won })
    }

    async fn check(&self, case: &Case, peer: &Peer, victim: Victim, polls: usize) -> Outcome {
        let wrong = |what: String| {
            case.fail(format!(
                "after {victim:?} was dropped after {polls} polls, {what}. A call must never get \
                 the answer to another one"
            ))
        };
        let read = peer.read(&self.held).await?;
        if !read.as_ref().is_some_and(|lease| lease.is_held_by(&self.won.holder)) {
            return Err(wrong(format!(
                "a read of another key, which {} holds, shows {}",
                self.won.holder,
                shown(read.as_ref())
            )));
        }
        if let Acquired::Won(lease) = peer.acquire(&self.held, &case.claim("rival")).await? {
            return Err(wrong(format!(
                "an acquire of another key, which {} holds, won {}",
                self.won.holder,
                shown(Some(&lease))
            )));
        }
        let free = case.key(KeyKind::Lock);
        let won = peer.win(&free, &case.claim("other"), "it has never been used").await?;
        peer.free(&free, &won).await
    }
}
