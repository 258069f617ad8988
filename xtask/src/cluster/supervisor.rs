//! The background process that owns the servers.

use std::os::unix::net::{UnixListener, UnixStream};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use control_plane::{ControlPlane, Options};

use super::place::{ClusterDir, Lock};
use super::protocol::{self, Answer, Request, Up};

enum Event {
    Started(Result<Box<ControlPlane>>),
    Asked(Request, UnixStream),
}

pub(super) fn run(cluster_dir: &ClusterDir, stay: Duration) -> Result<ExitCode> {
    // A new session, so that closing the terminal does not end this process. The call fails
    // for the leader of a process group, which is already separate from the others.
    let _ = rustix::process::setsid();
    let Lock::Taken(lock) = cluster_dir.lock_for_supervisor()? else {
        bail!("another supervisor is running");
    };
    let listener = cluster_dir.listen()?;
    let (sender, events) = mpsc::channel();
    thread::spawn({
        let sender = sender.clone();
        move || accept(&listener, &sender)
    });
    let options = Options {
        dir: Some(cluster_dir.control_plane()),
        // The certificates must not expire before the servers stop.
        certificate_lifetime: stay + Duration::from_secs(24 * 60 * 60),
        ..Options::default()
    };
    thread::spawn(move || {
        let _ = sender.send(Event::Started(ControlPlane::start(options).map(Box::new)));
    });

    let started = Instant::now();
    let mut control_plane = None;
    loop {
        let remaining = stay.saturating_sub(started.elapsed());
        match events.recv_timeout(remaining) {
            Ok(Event::Started(result)) => {
                control_plane = Some(result.inspect_err(|_| cluster_dir.remove_socket())?);
            }
            Ok(Event::Asked(Request::Status, stream)) => {
                let answer = status(control_plane.as_deref(), started, remaining);
                // The client may have disconnected in the meantime.
                let _ = protocol::send(&stream, &answer);
            }
            Ok(Event::Asked(Request::Down, stream)) => {
                end(cluster_dir, control_plane, &events);
                let _ = protocol::send(&stream, &Answer::Down);
                drop(lock);
                return Ok(ExitCode::SUCCESS);
            }
            Err(RecvTimeoutError::Timeout) => {
                eprintln!("the time limit has been reached");
                end(cluster_dir, control_plane, &events);
                return Ok(ExitCode::SUCCESS);
            }
            Err(RecvTimeoutError::Disconnected) => {
                bail!("the thread that accepts requests has ended")
            }
        }
    }
}

/// Stops the servers and removes the socket. A start in progress cannot be
/// interrupted, so this waits until it is done. After `PATIENCE` it gives up
/// waiting, and the servers end with this process.
fn end(
    cluster_dir: &ClusterDir,
    mut control_plane: Option<Box<ControlPlane>>,
    events: &Receiver<Event>,
) {
    const PATIENCE: Duration = Duration::from_secs(30);
    cluster_dir.remove_socket();
    let started = Instant::now();
    while control_plane.is_none() {
        match events.recv_timeout(PATIENCE.saturating_sub(started.elapsed())) {
            Ok(Event::Started(Ok(value))) => control_plane = Some(value),
            Ok(Event::Asked(..)) => {}
            Ok(Event::Started(Err(_))) | Err(_) => return,
        }
    }
}

fn status(control_plane: Option<&ControlPlane>, started: Instant, remaining: Duration) -> Answer {
    let supervisor = std::process::id();
    match control_plane {
        None => Answer::Starting { supervisor },
        Some(control_plane) => Answer::Up(Box::new(Up {
            version: control_plane.version().to_owned(),
            address: control_plane.address(),
            kubeconfig: control_plane.kubeconfig().to_owned(),
            supervisor,
            api_server: control_plane.api_server_pid(),
            etcd: control_plane.etcd_pid(),
            uptime: started.elapsed(),
            remaining,
        })),
    }
}

fn accept(listener: &UnixListener, events: &Sender<Event>) {
    for stream in listener.incoming() {
        let request = stream.context("could not accept").and_then(|stream| {
            // A client that sends nothing must not block the others for long.
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            Ok(Event::Asked(protocol::receive(&stream)?, stream))
        });
        match request {
            Ok(event) => {
                if events.send(event).is_err() {
                    return;
                }
            }
            Err(error) => eprintln!("a request failed: {error:#}"),
        }
    }
}
