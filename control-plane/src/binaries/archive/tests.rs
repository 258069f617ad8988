//! The download, from a server on loopback that serves an archive made by the test. The servers of
//! GitHub are never asked: a test must not depend on them.

// The servers block, each in a thread of its own.
#![allow(clippy::disallowed_methods)]

use std::fs;
use std::io::{BufRead as _, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha512};

use super::*;
use crate::binaries::{ETCD, KUBE_APISERVER};

/// The archive at a port of loopback where nothing listens.
pub(in crate::binaries) fn out_of_reach() -> Archive {
    let [address] = crate::ports::free().unwrap();
    archive(&format!("http://{address}"), b"")
}

/// The archive at a server that has it.
pub(in crate::binaries) fn in_reach() -> Archive {
    let content = complete();
    archive(&serve(Answer::Whole(content.clone())), &content)
}

fn archive(base: &str, pinned: &[u8]) -> Archive {
    Archive {
        url: url(base, "linux-amd64"),
        sha512: Some(download::hexadecimal(&Sha512::digest(pinned))),
        // The environment of the test may name one, which has no way to its loopback.
        proxy: None,
        limits: Limits {
            connect: Duration::from_secs(2),
            answer: Duration::from_millis(300),
            read: Duration::from_millis(300),
            speed: 1_000_000,
            total: Duration::from_secs(20),
            size: 1_000_000,
        },
    }
}

/// What a server does with each request.
enum Answer {
    Whole(Vec<u8>),
    /// The head announces the second number of bytes.
    Announced(Vec<u8>, usize),
    Status(&'static str),
    /// To `/moved` of the same server, and with that path whole.
    Redirect(Vec<u8>),
    RedirectForever,
    Nothing,
    /// A part of the body, and then nothing more.
    Stall,
    /// The head, and then a byte every 50 ms.
    Drip,
    /// Without a length, and without an end.
    Endless,
}

/// Starts a server and returns its URL. It ends with the process.
fn serve(answer: Answer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let path = request_path(&stream);
            // A client that gives up closes the connection.
            let _ = respond(&answer, &path, &mut stream);
        }
    });
    base
}

fn request_path(stream: &TcpStream) -> String {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    lines.find(String::is_empty);
    first.split(' ').nth(1).unwrap_or_default().to_owned()
}

fn respond(answer: &Answer, path: &str, stream: &mut TcpStream) -> std::io::Result<()> {
    let head = |stream: &mut TcpStream, status: &str, more: &str| {
        write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\n{more}\r\n")
    };
    let whole = |stream: &mut TcpStream, content: &[u8], length: usize| {
        head(stream, "200 OK", &format!("Content-Length: {length}\r\n"))?;
        stream.write_all(content)
    };
    match answer {
        Answer::Whole(content) => {
            assert!(path.starts_with("/envtest-v") && path.ends_with("-linux-amd64.tar.gz"));
            whole(stream, content, content.len())
        }
        Answer::Announced(content, length) => whole(stream, content, *length),
        Answer::Status(status) => head(stream, status, "Content-Length: 0\r\n"),
        Answer::Redirect(content) if path == "/moved" => whole(stream, content, content.len()),
        Answer::Redirect(_) | Answer::RedirectForever => {
            head(stream, "302 Found", "Location: /moved\r\nContent-Length: 0\r\n")
        }
        Answer::Nothing => {
            // Until the client has closed its end.
            BufReader::new(stream).lines().for_each(drop);
            Ok(())
        }
        Answer::Stall => {
            whole(stream, &[0; 1000], 900_000)?;
            BufReader::new(stream).lines().for_each(drop);
            Ok(())
        }
        Answer::Drip => {
            head(stream, "200 OK", "Content-Length: 900000\r\n")?;
            loop {
                stream.write_all(b"x")?;
                thread::sleep(Duration::from_millis(50));
            }
        }
        Answer::Endless => {
            head(stream, "200 OK", "")?;
            loop {
                stream.write_all(&[0; 8192])?;
            }
        }
    }
}

/// An archive with the layout of a published one.
fn complete() -> Vec<u8> {
    tar_gz(&[
        ("controller-tools/envtest/kube-apiserver", b"the server"),
        ("controller-tools/envtest/etcd", b"the store"),
        ("controller-tools/envtest/kubectl", b"not wanted"),
    ])
}

fn tar_gz(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        // Written raw: the crate refuses to make a path with "..".
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

struct Fixture {
    dir: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn places(&self) -> Binaries {
        let at = |name: &str| self.dir.path().join(format!("{name}-1")).join(name);
        Binaries { kube_apiserver: at(KUBE_APISERVER), etcd: at(ETCD) }
    }

    fn fetch(&self, archive: &Archive) -> Result<()> {
        archive.fetch(self.dir.path(), &self.places(), |_| {})
    }

    /// The error of a download that fails, after which nothing may be left under a final name.
    fn error(&self, archive: &Archive) -> String {
        let error = format!("{:#}", self.fetch(archive).unwrap_err());
        assert!(!self.places().kube_apiserver.exists() && !self.places().etcd.exists());
        assert!(error.contains(archive.url()), "{error}");
        assert!(!error.contains('\n'), "more than one line: {error}");
        error
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.dir.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files
    }
}

#[test]
fn both_programs_are_unpacked_and_nothing_else() {
    let fixture = Fixture::new();
    let archive = in_reach();
    archive.probe().unwrap();
    fixture.fetch(&archive).unwrap();
    let Binaries { kube_apiserver, etcd } = fixture.places();
    assert_eq!(fs::read(&kube_apiserver).unwrap(), b"the server");
    assert_eq!(fs::read(&etcd).unwrap(), b"the store");
    for program in [&kube_apiserver, &etcd] {
        assert_eq!(program.metadata().unwrap().permissions().mode() & 0o777, 0o755);
    }
    let mut files = fixture.files();
    files.sort();
    assert_eq!(files, [etcd, kube_apiserver]);
}

#[test]
fn a_redirect_is_followed_but_not_forever() {
    let content = complete();
    let fixture = Fixture::new();
    let error = fixture.error(&archive(&serve(Answer::RedirectForever), &content));
    assert!(error.contains("redirect"), "{error}");
    fixture.fetch(&archive(&serve(Answer::Redirect(content.clone())), &content)).unwrap();
    assert!(fixture.places().etcd.exists());
}

#[test]
fn a_wrong_checksum_is_called_so_and_nothing_is_unpacked() {
    let fixture = Fixture::new();
    let content = complete();
    let base = serve(Answer::Whole(content.clone()));
    let mut damaged = content.clone();
    damaged[100] ^= 1;
    for (served, pinned) in [(base, &b"another"[..]), (serve(Answer::Whole(damaged)), &content)] {
        let error = fixture.error(&archive(&served, pinned));
        assert!(error.starts_with("CHECKSUM MISMATCH"), "{error}");
        assert_eq!(fixture.files(), Vec::<PathBuf>::new());
    }
}

#[test]
fn a_refusal_is_named_by_its_status() {
    let fixture = Fixture::new();
    for (status, number) in
        [("404 Not Found", "404"), ("403 Forbidden", "403"), ("503 Service Unavailable", "503")]
    {
        let archive = archive(&serve(Answer::Status(status)), b"");
        let error = fixture.error(&archive);
        assert!(error.contains(number), "{error}");
        let error = format!("{:#}", archive.probe().unwrap_err());
        assert!(error.contains(number), "{error}");
    }
}

#[test]
fn a_truncated_archive_is_an_error() {
    let fixture = Fixture::new();
    let content = complete();
    let half = content[..content.len() / 2].to_owned();
    let archive = archive(&serve(Answer::Announced(half, content.len())), &content);
    let error = fixture.error(&archive);
    assert!(error.contains("broke off after"), "{error}");
}

#[test]
fn a_server_that_hangs_drips_or_never_ends_is_given_up() {
    let fixture = Fixture::new();
    for (answer, expected) in [
        (Answer::Nothing, "timeout"),
        (Answer::Stall, "broke off after 1000 bytes: timeout"),
        (Answer::Announced(vec![0; 1000], 2_000_000), "1000000 are the limit"),
        (Answer::Drip, "too slow"),
        (Answer::Endless, "more than 1000000 bytes"),
    ] {
        let started = Instant::now();
        let error = fixture.error(&archive(&serve(answer), b""));
        assert!(error.contains(expected), "{error}");
        assert!(
            started.elapsed() < Duration::from_secs(15),
            "{error} after {:?}",
            started.elapsed()
        );
    }
}

#[test]
fn a_server_that_accepts_and_never_answers_does_not_hold_up_the_probe() {
    // The kernel completes the connection, and nothing accepts it. With TLS the handshake is part of the
    // connection, so the limit of that one applies.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for scheme in ["http", "https"] {
        let mut archive = archive(&format!("{scheme}://{}", listener.local_addr().unwrap()), b"");
        archive.limits.connect = Duration::from_millis(300);
        let error = format!("{:#}", archive.probe().unwrap_err());
        assert!(error.contains("timeout"), "{error}");
    }
}

#[test]
fn an_archive_without_a_program_leaves_neither() {
    let fixture = Fixture::new();
    let content = tar_gz(&[("controller-tools/envtest/etcd", b"the store")]);
    let error = fixture.error(&archive(&serve(Answer::Whole(content.clone())), &content));
    assert!(error.contains("contains no kube-apiserver"), "{error}");
}

#[test]
fn a_path_in_the_archive_does_not_choose_where_it_is_unpacked() {
    let fixture = Fixture::new();
    let content =
        tar_gz(&[("../../../kube-apiserver", b"the server"), ("/../etc/etcd", b"the store")]);
    fixture.fetch(&archive(&serve(Answer::Whole(content.clone())), &content)).unwrap();
    assert_eq!(fixture.files().len(), 2, "{:?}", fixture.files());
    assert_eq!(fs::read(fixture.places().etcd).unwrap(), b"the store");
}

#[test]
fn a_mirror_takes_the_place_of_github() {
    let with = |value: &'static str| Archive::of_this_platform(&move |_| Some(value.into()));
    let mirror = with("http://mirror.example/tools/").unwrap();
    assert!(mirror.url().starts_with("http://mirror.example/tools/envtest-v"), "{mirror:?}");
    assert!(with("").unwrap().url().starts_with("https://github.com/kubernetes-sigs/"));
    let error = with("mirror.example").unwrap_err().to_string();
    assert!(error.contains(URL) && error.contains("mirror.example"), "{error}");
}

#[test]
fn each_platform_has_a_pin_of_its_own() {
    let all: std::collections::BTreeSet<_> = PINS.iter().map(|(_, sha512)| sha512).collect();
    assert_eq!(all.len(), PINS.len());
    for (platform, sha512) in PINS {
        assert!(sha512.len() == 128 && sha512.bytes().all(|b| b.is_ascii_hexdigit()), "{platform}");
    }
    for (os, arch) in
        [("linux", "x86_64"), ("linux", "aarch64"), ("macos", "x86_64"), ("macos", "aarch64")]
    {
        let name = platform(os, arch);
        assert!(PINS.iter().any(|(platform, _)| *platform == name), "{name}");
    }
}

#[test]
fn a_platform_without_an_archive_is_named() {
    let mut archive = in_reach();
    archive.sha512 = None;
    let error = Fixture::new().fetch(&archive).unwrap_err().to_string();
    assert!(error.contains(std::env::consts::ARCH), "{error}");
    archive.probe().unwrap_err();
}

/// What was reported. Static, because `report` is a plain function.
static REPORTED: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[test]
fn the_download_is_reported_with_its_url() {
    let fixture = Fixture::new();
    let archive = in_reach();
    archive
        .fetch(fixture.dir.path(), &fixture.places(), |line| {
            REPORTED.lock().unwrap().push(line.to_owned());
        })
        .unwrap();
    let reported = REPORTED.lock().unwrap().join("\n");
    assert!(reported.contains(archive.url()), "{reported}");
}
