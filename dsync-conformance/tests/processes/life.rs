//! One or two candidates.

use std::process::{ExitCode, Stdio};
use std::time::Duration;

use dsync_conformance::candidate::{
    Candidate, CandidateEvent, Message, Orders, VARIABLE, Work, now,
};
use dsync_conformance::history::{Outcome, Verb};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::block_on;
use crate::driver::{STORE, StoreHarness};
use crate::store::Store;

const L: Duration = Duration::from_secs(1);
/// Long enough for anything that happens at all.
const LIMIT: Duration = Duration::from_secs(30);

fn orders(instance: &str) -> Orders {
    Orders {
        instance: instance.to_owned(),
        namespace: "default".to_owned(),
        scope: "life".to_owned(),
        name: "task".to_owned(),
        lease_ms: 1000,
        work: Work::Campaign,
    }
}

/// A candidate, and all that it has said.
struct Observed {
    candidate: Candidate,
    messages: Vec<Message>,
}

impl Observed {
    fn start(harness: &StoreHarness, instance: &str) -> Self {
        Self {
            candidate: Candidate::spawn(harness, &orders(instance)).unwrap(),
            messages: Vec::new(),
        }
    }

    /// The first thing that it says from `from` on for which `wanted` has an answer.
    async fn wait<T>(
        &mut self,
        from: Duration,
        wanted: impl Fn(&CandidateEvent) -> Option<T>,
    ) -> (Duration, T) {
        let mut seen = 0;
        loop {
            while let Some(message) = self.messages.get(seen) {
                seen += 1;
                if message.at >= from
                    && let Some(found) = wanted(&message.event)
                {
                    return (message.at, found);
                }
            }
            let next = timeout(LIMIT, self.candidate.next()).await;
            let next = next.unwrap_or_else(|_| panic!("not in time: {:#?}", self.messages));
            self.messages
                .push(next.unwrap_or_else(|| panic!("it has ended: {:#?}", self.messages)));
        }
    }

    async fn elected(&mut self) -> (Duration, (u64, u64)) {
        self.wait(Duration::ZERO, |what| match what {
            CandidateEvent::Elected { term, token, .. } => Some((*term, *token)),
            _ => None,
        })
        .await
    }

    /// Everything that it says to its end.
    async fn rest(&mut self) {
        while let Some(message) = timeout(LIMIT, self.candidate.next()).await.expect("it ends") {
            self.messages.push(message);
        }
    }

    /// When the last write that succeeded was sent.
    fn sent(&self) -> Duration {
        let sent = self.messages.iter().filter_map(|message| match message.event {
            CandidateEvent::Answered {
                verb: Verb::Acquire | Verb::Renew,
                sent,
                outcome: Outcome::Won(_) | Outcome::Kept,
                ..
            } => Some(sent),
            _ => None,
        });
        sent.max().unwrap()
    }

    /// When its acquire was sent and when it was answered.
    fn granted(&self) -> (Duration, Duration) {
        let grant = self.messages.iter().find_map(|message| match message.event {
            CandidateEvent::Answered { sent, outcome: Outcome::Won(_), .. } => {
                Some((sent, message.at))
            }
            _ => None,
        });
        grant.unwrap()
    }
}

pub(crate) fn hands_over() {
    block_on(async {
        let store = Store::start(false).await;
        let harness = StoreHarness { address: store.address };
        let mut first = Observed::start(&harness, "a");
        let (_, (term, token)) = first.elected().await;
        let mut second = Observed::start(&harness, "b");
        second
            .wait(Duration::ZERO, |what| matches!(what, CandidateEvent::Campaigns).then_some(()))
            .await;
        let status = timeout(LIMIT, first.candidate.stop()).await.unwrap().unwrap();
        assert!(status.success(), "{status}");
        first.rest().await;
        let order: Vec<_> = first
            .messages
            .iter()
            .filter_map(|message| match message.event {
                CandidateEvent::BodyStarted { term: of, .. } if of == term => Some("body"),
                CandidateEvent::Cancelled { term: of, .. } if of == term => Some("cancelled"),
                CandidateEvent::BodyStopped { term: of, .. } if of == term => Some("body gone"),
                CandidateEvent::Releasing { term: of, cancelled: true, bodies: 0 }
                    if of == term =>
                {
                    Some("releasing")
                }
                CandidateEvent::Answered { outcome: Outcome::Released, .. } => Some("released"),
                CandidateEvent::Stopped => Some("stopped"),
                _ => None,
            })
            .collect();
        assert_eq!(order[0], "body");
        // The body may learn of the end before other waiters do.
        assert!(
            order[1..3].contains(&"cancelled") && order[1..3].contains(&"body gone"),
            "{order:?}"
        );
        assert_eq!(&order[3..], ["releasing", "released", "stopped"]);
        let (_, (_, next)) = second.elected().await;
        assert!(next > token);
    });
}

pub(crate) fn paused() {
    block_on(async {
        let store = Store::start(false).await;
        let harness = StoreHarness { address: store.address };
        let mut first = Observed::start(&harness, "a");
        let (_, (term, token)) = first.elected().await;
        // It has been asked and said yes.
        let active = |what: &CandidateEvent| match what {
            CandidateEvent::Asked { term: of, active } if *of == term => Some(*active),
            _ => None,
        };
        assert!(first.wait(Duration::ZERO, active).await.1);
        let mut second = Observed::start(&harness, "b");
        let paused = first.candidate.pause().unwrap();
        let (_, (_, next)) = second.elected().await;
        assert!(next > token);
        tokio::time::sleep(L / 4).await;
        let before = now();
        let after = first.candidate.resume().unwrap();
        assert!(before <= after);
        let (at, is_active) = first.wait(before, active).await;
        assert!(!is_active, "its first answer, {:?} after it went on", at.saturating_sub(before));
        let (_, from) = first
            .wait(before, |what| match what {
                CandidateEvent::StoodStill { from } => Some(*from),
                _ => None,
            })
            .await;
        assert!(from < before && from + L / 10 > paused, "{from:?} {paused:?} {before:?}");
        // Its body is never polled again.
        let stopped = |what: &CandidateEvent| match what {
            CandidateEvent::BodyStopped { term: of, .. } if *of == term => Some(()),
            _ => None,
        };
        first.wait(before, stopped).await;
        for message in &first.messages {
            let polled =
                matches!(message.event, CandidateEvent::BodyPolled { term: of, .. } if of == term);
            assert!(!polled || message.at < before, "{message:?}");
        }
        // It stopped while it had the lease, and the next was granted after that.
        let (_, granted) = second.granted();
        assert!(granted >= first.sent() + L, "{granted:?} {:?}", first.sent());
    });
}

pub(crate) fn killed() {
    block_on(async {
        let store = Store::start(false).await;
        let harness = StoreHarness { address: store.address };
        let mut first = Observed::start(&harness, "a");
        first.elected().await;
        let mut second = Observed::start(&harness, "b");
        second
            .wait(Duration::ZERO, |what| matches!(what, CandidateEvent::Campaigns).then_some(()))
            .await;
        let pid = first.candidate.id().unwrap();
        let before = first.candidate.kill().await.unwrap();
        assert!(!is_there(pid), "it is gone");
        first.rest().await;
        assert!(
            !first.messages.iter().any(|message| message.at > before + L),
            "it says nothing more"
        );
        assert!(
            !first.messages.iter().any(|message| matches!(message.event, CandidateEvent::Stopped))
        );
        second.elected().await;
        let (_, granted) = second.granted();
        assert!(granted >= first.sent() + L, "{granted:?} {:?}", first.sent());
        first.candidate.pause().unwrap_err();
    });
}

fn is_there(pid: u32) -> bool {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::test_kill_process(pid).is_ok()
}

pub(crate) fn orphaned() {
    block_on(async {
        let store = Store::start(false).await;
        let mut parent = Command::new(std::env::current_exe().unwrap())
            .env(STORE, store.address.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(parent.stdout.take().unwrap()).lines();
        let line = timeout(LIMIT, lines.next_line()).await.unwrap().unwrap().unwrap();
        let pids: Vec<u32> = line.split(' ').map(|pid| pid.parse().unwrap()).collect();
        assert_eq!(pids.len(), 2, "{line}");
        assert!(pids.iter().all(|pid| is_there(*pid)));
        parent.kill().await.unwrap();
        let start = now();
        while pids.iter().any(|pid| is_there(*pid)) {
            assert!(now() < start + LIMIT, "they outlive their parent: {pids:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}

/// A process with two candidates, one of them paused, that waits to be killed.
pub(crate) fn parent(harness: &StoreHarness) -> ExitCode {
    block_on(async {
        let mut first = Observed::start(harness, "a");
        first.elected().await;
        let second = Observed::start(harness, "b");
        first.candidate.pause().unwrap();
        println!("{} {}", first.candidate.id().unwrap(), second.candidate.id().unwrap());
        // Its parent is gone once its stdin is closed.
        let mut line = String::new();
        let _ = std::io::stdin().read_line(&mut line);
    });
    ExitCode::FAILURE
}

pub(crate) fn refused() {
    block_on(async {
        let store = Store::start(false).await;
        let output = Command::new(std::env::current_exe().unwrap())
            .env(STORE, store.address.to_string())
            .env(VARIABLE, "nonsense")
            .stdin(Stdio::piped())
            .output()
            .await
            .unwrap();
        assert!(!output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("cannot be one"), "{text}");
    });
}
