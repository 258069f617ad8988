//! A process that owns a server.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use test_servers::Server;

/// The kind of server that this process starts, whose address it prints, and which it holds until
/// its stdin ends.
const OWNER_OF: &str = "DSYNC_TEST_OWNER_OF";

/// Another process, with a server.
pub(crate) struct Owner {
    process: Child,
    pub(crate) address: SocketAddr,
}

/// Returns the kind of server that this process is to own.
pub(crate) fn asked_for() -> Option<String> {
    std::env::var(OWNER_OF).ok()
}

/// Owns a server until stdin ends.
pub(crate) fn run(start: fn() -> anyhow::Result<Server>) {
    let server = start().unwrap();
    println!("{}", server.address().unwrap());
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

impl Owner {
    pub(crate) fn start(name: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .env(OWNER_OF, name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { process, address: line.trim().parse().unwrap() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Lets it drop its server and end.
    pub(crate) fn end(mut self) {
        drop(self.process.stdin.take());
        assert!(self.process.wait().unwrap().success());
    }

    /// Kills it by SIGKILL, so that it drops nothing.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
