//! Two processes of the `election` example.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dsync::{FenceGate, FencingToken};
use rustix::process::{Pid, Signal, kill_process};

use crate::test_server::{L, TestServer, scope};

/// A process, and the lines that it has printed.
struct Process {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Process {
    fn start(server: &TestServer, pod: &str, scope: &str) -> Self {
        let mut child = Command::new(example())
            .env("KUBE_CONFIG_PATH", server.kubeconfig())
            .env("KUBE_NAMESPACE", "default")
            .env("KUBE_LEASE_SCOPE", scope)
            .env("KUBE_POD_NAME", pod)
            .env("LEASE_SECONDS", L.as_secs().to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example election is built with the tests");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (output, sink) = (child.stdout.take().unwrap(), Arc::clone(&lines));
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                sink.lock().unwrap().push(line);
            }
        });
        Self { child, lines }
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Waits for a line with `what` at or after line number `from`. Returns its number, its time in
    /// microseconds, and the line.
    fn wait_for(&self, what: &str, from: usize, limit: Duration) -> (usize, u64, String) {
        let start = Instant::now();
        loop {
            let lines = self.lines();
            let found = lines.iter().enumerate().skip(from).find(|(_, line)| line.contains(what));
            if let Some((number, line)) = found {
                let time = line.split(' ').next().and_then(|time| time.parse().ok());
                return (number, time.expect("a line begins with its time"), line.clone());
            }
            assert!(start.elapsed() < limit, "no {what:?} within {limit:?}: {lines:#?}");
            std::thread::yield_now();
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn example() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.ancestors().nth(2).unwrap().join("examples").join("election")
}

fn token(line: &str) -> FencingToken {
    FencingToken::new(line.rsplit_once("token=").unwrap().1.parse().unwrap())
}

const SOON: Duration = Duration::from_secs(20);

fn pair(server: &TestServer, scope: &str) -> (Process, Process) {
    let a = Process::start(server, "pod-a", scope);
    a.wait_for("elected", 0, SOON);
    let b = Process::start(server, "pod-b", scope);
    b.wait_for("leader=pod-a", 0, SOON);
    (a, b)
}

pub(crate) fn killed(server: Arc<TestServer>) {
    let (a, b) = pair(&server, &scope("killed"));
    a.signal(Signal::KILL);
    let killed = Instant::now();
    b.wait_for("elected", 0, SOON);
    println!("kill -9: the other leads after {:?}, lease {L:?}", killed.elapsed());
    assert!(killed.elapsed() <= L + Duration::from_secs(1), "{:?}", killed.elapsed());
}

pub(crate) fn hand_offs(server: Arc<TestServer>) {
    let scope = scope("hand-offs");
    let mut leader = Process::start(&server, "pod-0", &scope);
    leader.wait_for("elected", 0, SOON);
    let mut micros = Vec::new();
    for number in 1..=50 {
        let next = Process::start(&server, &format!("pod-{number}"), &scope);
        next.wait_for("leader=pod-", 0, SOON);
        leader.signal(Signal::TERM);
        let (_, elected, _) = next.wait_for("elected", 0, SOON);
        // The body prints that it has stopped just before the release is sent.
        let (_, stopped, _) = leader.wait_for("stopped", 0, SOON);
        assert!(stopped <= elected, "hand-off {number}: the body ended after the next election");
        assert!(leader.child.wait().unwrap().success(), "it ends cleanly");
        if elected - stopped > 1_000_000 {
            let (of, by) = (leader.lines(), next.lines());
            println!("hand-off {number} waited for the lease: {of:#?}\n{by:#?}");
        }
        micros.push(elected - stopped);
        leader = next;
    }
    micros.sort_unstable();
    let at = |percent: usize| micros[(micros.len() - 1) * percent / 100] / 1000;
    println!(
        "50 hand-offs by SIGTERM, end of the body to the next election: min {} ms, median {} ms, \
         p90 {} ms, max {} ms",
        at(0),
        at(50),
        at(90),
        at(100)
    );
    assert!(at(50) <= 100, "median {} ms", at(50));
}

pub(crate) fn stopped(server: Arc<TestServer>) {
    let (a, b) = pair(&server, &scope("stopped"));
    let old = token(&a.wait_for("elected", 0, SOON).2);
    a.signal(Signal::STOP);
    let (_, elected, line) = b.wait_for("elected", 0, SOON);
    let new = token(&line);
    std::thread::park_timeout(Duration::from_millis(100));
    let before = a.lines().len();
    a.signal(Signal::CONT);
    let (_, _, first) = a.wait_for("is_leader=", before, SOON);
    assert!(first.contains("is_leader=false"), "the first check after SIGCONT: {first}");
    a.wait_for("leader=pod-b", before, SOON);
    for line in &a.lines()[before..] {
        assert!(!line.contains("refreshed"), "its body ran at {line}, b was elected at {elected}");
    }
    assert!(new > old);
    let gate = FenceGate::new();
    gate.admit(new).unwrap();
    assert_eq!(gate.admit(old).unwrap_err().highest, new);
}
