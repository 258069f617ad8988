//! Three candidates in one process, on a store in memory: the leader is killed, its successor is
//! cut off from the store, and the first comes back. Prints a timeline of terms and tokens.
//!
//! `cargo run --example failover`
//!
//! It ends by itself within 10 s, with exit code 1 if two terms ever overlapped or no candidate was
//! elected.
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a program that talks")]

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dsync::{Config, Dsync, Election, FenceGate, Result, Term, Timing};
use dsync_mock::{Cut, MockDriver};

/// What one term did, by the clock of this process.
struct Span {
    pod: &'static str,
    token: u64,
    from: Duration,
    to: Option<Duration>,
}

/// All terms, and a line for each thing that happens.
#[derive(Clone)]
struct Timeline {
    start: Instant,
    spans: Arc<Mutex<Vec<Span>>>,
    gate: Arc<FenceGate>,
}

impl Timeline {
    fn say(&self, who: &str, what: &str) {
        println!("{:>7.3} s  {who:<6}  {what}", self.start.elapsed().as_secs_f64());
    }

    /// The work of a term: it writes with its token until the term ends.
    async fn work(self, pod: &'static str, term: Term) {
        let token = term.fencing_token();
        let index = {
            let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
            self.say(pod, &format!("is elected, token {token}"));
            let from = self.start.elapsed();
            spans.push(Span { pod, token: token.get(), from, to: None });
            spans.len() - 1
        };
        // Dropped whenever the work ends, also when it is dropped itself.
        let _stopped = Stopped { timeline: self.clone(), pod, index };
        term.run(async {
            loop {
                if self.gate.admit(token).is_err() {
                    self.say(pod, "is refused at the gate: a later term has written");
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        self.say(pod, &format!("term {token} is over: {:?}", term.cause()));
    }

    /// Draws the terms, and returns whether two overlapped.
    fn draw(&self) -> bool {
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        let end = self.start.elapsed();
        println!("\nterms, one column per 100 ms:");
        for span in spans.iter() {
            let column = |at: Duration| usize::try_from(at.as_millis() / 100).unwrap_or(0);
            let (from, to) = (column(span.from), column(span.to.unwrap_or(end)));
            let bar = "#".repeat(to.saturating_sub(from).max(1));
            println!("  {:<6} token {:<3} {}{bar}", span.pod, span.token, " ".repeat(from));
        }
        spans.windows(2).any(|pair| {
            pair[0].to.is_none_or(|to| to > pair[1].from) || pair[0].token >= pair[1].token
        })
    }
}

struct Stopped {
    timeline: Timeline,
    pod: &'static str,
    index: usize,
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let mut spans = self.timeline.spans.lock().unwrap_or_else(PoisonError::into_inner);
        self.timeline.say(self.pod, "its work has stopped");
        spans[self.index].to = Some(self.timeline.start.elapsed());
    }
}

fn candidate(store: &MockDriver, pod: &'static str, timeline: &Timeline) -> Result<Election> {
    let config = Config::new(pod).with_timing(Timing::new(Duration::from_millis(1500)));
    let election = Dsync::new(store.client(pod), config)?.election("token-manager")?;
    let timeline = timeline.clone();
    election.when_elected(move |term| timeline.clone().work(pod, term));
    Ok(election)
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let timeline =
        Timeline { start: Instant::now(), spans: Arc::default(), gate: Arc::new(FenceGate::new()) };
    let store = MockDriver::observer();

    let a = candidate(&store, "pod-a", &timeline)?;
    a.elected().await?;
    let b = candidate(&store, "pod-b", &timeline)?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let c = candidate(&store, "pod-c", &timeline)?;
    tokio::time::sleep(Duration::from_millis(500)).await;

    // A process that dies says nothing: its requests stop, and its lease has to run out.
    timeline.say("pod-a", "is killed");
    store.partition("pod-a", Cut::Both);
    drop(a);
    let second = tokio::select! {
        term = b.elected() => (term?, "pod-b", &b, &c),
        term = c.elected() => (term?, "pod-c", &c, &b),
    };
    tokio::time::sleep(Duration::from_millis(500)).await;

    let (term, name, cut_off, other) = second;
    timeline.say(name, "is cut off from the store, and does not know it");
    store.partition(name, Cut::Both);
    term.ended().await;
    timeline.say(name, &format!("is_leader: {}", cut_off.is_leader()));
    other.elected().await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    store.heal(name);
    timeline.say(name, "can reach the store again");
    tokio::time::sleep(Duration::from_millis(300)).await;

    timeline.say(
        "all",
        "the leader resigns: its lease is released, so the next one is elected at once",
    );
    other.resign().await?;
    cut_off.elected().await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    other.stop().await?;
    cut_off.stop().await?;

    let wrong = timeline.draw();
    println!("{}", if wrong { "\nTWO TERMS OVERLAPPED" } else { "\nno two terms overlapped" });
    Ok(if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
