//! An etcd cluster.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use control_plane::folder::Folder;
use control_plane::leash::Leash;
use control_plane::{Options, binaries, ports, wait};

use crate::program::on_path;
use crate::server::{Own, start_all};
use crate::way::non_empty;
use crate::{Server, Way};

/// The variable that names a cluster that runs already.
pub const ETCD_VARIABLE: &str = "DSYNC_TEST_ETCD";

/// What is asked of an etcd cluster.
#[derive(Clone, Debug)]
pub struct EtcdOptions {
    /// How many members it has.
    pub members: usize,
    /// More arguments of their command line. Only a cluster that is started here gets them.
    pub arguments: Vec<String>,
}

impl Default for EtcdOptions {
    fn default() -> Self {
        Self { members: 1, arguments: Vec::new() }
    }
}

/// An etcd cluster: the one of `DSYNC_TEST_ETCD`, or one of its own.
///
/// # Errors
///
/// If there is none, with what to provide; or if it does not start, with the end of its log.
pub fn etcd(options: &EtcdOptions) -> Result<Server> {
    let forced = Way::forced()?;
    let url = non_empty(ETCD_VARIABLE).filter(|_| forced.is_none_or(|way| way == Way::Url));
    if let Some(url) = url {
        let rest = url.strip_prefix("etcd://").unwrap_or_default();
        let place = rest.rsplit('@').next().unwrap_or_default().split([',', '/']).next();
        let address = place.and_then(|place| place.parse().ok());
        let members = Vec::new();
        return Ok(Server { way: Way::Url, url, version: String::new(), address, members });
    }
    if forced == Some(Way::Url) {
        bail!("{ETCD_VARIABLE} is not set: etcd://host:port of a cluster to test on");
    }
    etcd_binary(options)
}

/// An etcd cluster of its own, from an `etcd` on PATH or that of the control plane.
///
/// # Errors
///
/// As [`etcd`].
pub fn etcd_binary(options: &EtcdOptions) -> Result<Server> {
    let program = on_path("etcd").map_or_else(of_control_plane, Ok)?;
    let version = version(&program)?;
    let folder = Arc::new(Folder::fresh()?);
    let mut places = Vec::new();
    for _ in 0..options.members {
        let [clients, peers] = ports::free()?;
        places.push(Place { clients, peers });
    }
    let members: Vec<Own> = (0..places.len())
        .map(|number| {
            let (program, folder) = (program.clone(), Arc::clone(&folder));
            let (places, arguments) = (places.clone(), options.arguments.clone());
            let clients = places[number].clients;
            let run = move |fresh| run(&program, folder.path(), number, &places, &arguments, fresh);
            Own::new(run, move |leash| wait_for(leash, clients))
        })
        .collect();
    start_all(&members)?;
    let clients: Vec<_> = places.iter().map(|place| place.clients.to_string()).collect();
    let url = format!("etcd://{}", clients.join(","));
    let address = places.first().map(|place| place.clients);
    Ok(Server { way: Way::Binary, url, version, address, members })
}

fn of_control_plane() -> Result<PathBuf> {
    // It says where it looks, which is worth knowing once.
    static FOUND: Mutex<Option<PathBuf>> = Mutex::new(None);
    let mut known = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(program) = &*known {
        return Ok(program.clone());
    }
    let found = binaries::find(Options::default().report).with_context(|| {
        format!(
            "no etcd to test on. One of these is enough:\n  \
             - name a cluster that runs: {ETCD_VARIABLE}=etcd://host:port\n  \
             - put etcd on PATH (Debian's package is etcd-server)\n  \
             - have the servers of the control plane, as below"
        )
    })?;
    Ok(known.insert(found.etcd).clone())
}

/// Where a member listens.
#[derive(Clone, Copy, Debug)]
struct Place {
    clients: SocketAddr,
    peers: SocketAddr,
}

fn run(
    program: &Path,
    folder: &Path,
    number: usize,
    places: &[Place],
    arguments: &[String],
    fresh: bool,
) -> Result<Leash> {
    let data = folder.join(format!("member-{number}"));
    if fresh && data.exists() {
        fs::remove_dir_all(&data).with_context(|| format!("failed to clear {}", data.display()))?;
    }
    let Place { clients, peers } = places[number];
    let cluster: Vec<_> = places
        .iter()
        .enumerate()
        .map(|(number, place)| format!("m{number}=http://{}", place.peers))
        .collect();
    let mut all = vec![
        format!("--name=m{number}"),
        format!("--data-dir={}", data.display()),
        format!("--listen-client-urls=http://{clients}"),
        format!("--advertise-client-urls=http://{clients}"),
        format!("--listen-peer-urls=http://{peers}"),
        format!("--initial-advertise-peer-urls=http://{peers}"),
        format!("--initial-cluster={}", cluster.join(",")),
        // The data need not outlive a power cut, and syncing is most of the time that a write takes.
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
    ];
    all.extend(arguments.iter().cloned());
    Leash::start("etcd", program, &all, &log(folder, number))
}

fn log(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("etcd-{number}.log"))
}

fn wait_for(leash: &Leash, address: SocketAddr) -> Result<()> {
    wait::until("etcd to answer", Duration::from_secs(30), || {
        leash.check()?;
        Ok(match health(address) {
            // With users, nobody may ask; that is an answer as well.
            Ok(answer) if answer.contains("\"health\":\"true\"") => wait::Look::Done(()),
            Ok(answer) => wait::Look::NotYet(answer),
            Err(error) => wait::Look::NotYet(error.to_string()),
        })
    })
}

fn health(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// `etcd Version: 3.7.3`
fn version(program: &Path) -> Result<String> {
    let output = Command::new(program)
        .arg("--version")
        .output()
        .with_context(|| format!("failed to run {}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.lines().find_map(|line| line.strip_prefix("etcd Version: "));
    version
        .map(|version| version.trim().to_owned())
        .ok_or_else(|| anyhow!("{} tells {text:?} for its version", program.display()))
}
