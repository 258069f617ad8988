//! A fake Docker engine, which describes itself and does nothing else.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use tempfile::TempDir;

/// Answers on `socket` as long as the process lives.
pub(crate) struct Engine {
    pub(crate) socket: PathBuf,
    _folder: TempDir,
}

/// The answer to a request.
pub(crate) enum Reply {
    /// A status code and a body.
    Json(u16, String),
    /// None, and the connection stays open.
    Never,
}

impl Reply {
    pub(crate) fn version(version: &str, api: &str) -> Self {
        Self::Json(200, format!(r#"{{"Version":"{version}","ApiVersion":"{api}"}}"#))
    }

    pub(crate) fn info(system: &str, kernel: &str) -> Self {
        Self::Json(200, format!(r#"{{"OperatingSystem":"{system}","KernelVersion":"{kernel}"}}"#))
    }

    pub(crate) fn error(code: u16, message: &str) -> Self {
        Self::Json(code, format!(r#"{{"message":"{message}"}}"#))
    }
}

impl Engine {
    pub(crate) fn start(version: Reply, info: Reply) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let listener = UnixListener::bind(&socket).unwrap();
        let replies = Arc::new((version, info));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let replies = Arc::clone(&replies);
                thread::spawn(move || answer(&stream.unwrap(), &replies));
            }
        });
        Self { socket, _folder: folder }
    }
}

/// Answers one request, whose body is empty.
fn answer(stream: &UnixStream, (version, info): &(Reply, Reply)) {
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let request = lines.next().unwrap_or_default();
    while lines.next().is_some_and(|line| !line.is_empty()) {}
    let not_found = Reply::error(404, "page not found");
    let path = request.split(' ').nth(1).unwrap_or_default();
    let reply = match path.rsplit('/').next() {
        Some("version") => version,
        Some("info") => info,
        _ => &not_found,
    };
    match reply {
        Reply::Json(code, body) => {
            let length = body.len();
            let head =
                format!("HTTP/1.1 {code} -\r\nContent-Length: {length}\r\nConnection: close\r\n");
            let mut stream = stream;
            write!(stream, "{head}Content-Type: application/json\r\n\r\n{body}").unwrap();
        }
        // Until the client gives up.
        Reply::Never => drop(lines.next()),
    }
}
