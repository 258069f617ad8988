//! An etcd cluster.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use control_plane::folder::Folder;
use control_plane::{Options, binaries, ports, wait};

use crate::certificates::{self, Files};
use crate::program::{Kind, Program, on_path};
use crate::running::Running;
use crate::server::{Member, start_all};
use crate::way::non_empty;
use crate::{Server, Way};

/// The variable with the URL of a cluster that runs already.
pub const ETCD_VARIABLE: &str = "DSYNC_TEST_ETCD";

/// The variable that names the image for containers.
pub const IMAGE_VARIABLE: &str = "DSYNC_TEST_ETCD_IMAGE";

const KIND: Kind = Kind {
    name: "etcd",
    variable: IMAGE_VARIABLE,
    image: "quay.io/coreos/etcd:v3.7.3",
    local: program,
    advice: "no etcd found for the tests. Provide one of:\n  \
             - the URL of a cluster that runs: DSYNC_TEST_ETCD=etcd://host:port\n  \
             - a Docker engine that has the image of DSYNC_TEST_ETCD_IMAGE, or can pull one\n  \
             - etcd on PATH (Debian's package is etcd-server)\n  \
             - the servers of the control plane, as below",
};

/// How an etcd cluster is to be set up.
#[derive(Clone, Debug)]
pub struct EtcdOptions {
    /// The number of its members.
    pub members: usize,
    /// Whether they use TLS and require certificates of clients.
    pub has_tls: bool,
    /// More arguments for their command lines. A cluster that is named by a URL does not get them.
    pub arguments: Vec<String>,
}

impl Default for EtcdOptions {
    fn default() -> Self {
        Self { members: 1, has_tls: false, arguments: Vec::new() }
    }
}

/// Returns the etcd cluster of `DSYNC_TEST_ETCD`, or [starts one](etcd_own).
///
/// # Errors
///
/// If there is no cluster, with what to provide; or if it does not start, with the end of its log.
pub fn etcd(options: &EtcdOptions) -> Result<Server> {
    let forced = Way::forced()?;
    let url = non_empty(ETCD_VARIABLE).filter(|_| forced.is_none_or(|way| way == Way::Url));
    if let Some(url) = url {
        let rest = url.strip_prefix("etcd://").unwrap_or_default();
        let place = rest.rsplit('@').next().unwrap_or_default().split([',', '/']).next();
        let address = place.and_then(|place| place.parse().ok());
        let members = Vec::new();
        let (version, certificates) = (String::new(), None);
        return Ok(Server { way: Way::Url, url, version, address, members, certificates });
    }
    if forced == Some(Way::Url) {
        bail!("{ETCD_VARIABLE} is not set: etcd://host:port of a cluster to test on");
    }
    etcd_own(options)
}

/// Starts an etcd cluster: in containers if a Docker engine answers and has the image, else of the
/// `etcd` on PATH or that of the control plane.
///
/// # Errors
///
/// As [`etcd`].
pub fn etcd_own(options: &EtcdOptions) -> Result<Server> {
    let program = KIND.program()?;
    let (way, version) = (program.way(), program.version("etcd Version: ")?);
    let folder = Arc::new(Folder::fresh()?);
    let mut places = Vec::new();
    for _ in 0..options.members {
        let [clients, peers, health] = ports::free()?;
        places.push(Place { clients, peers, health });
    }
    let tls = options.has_tls.then(|| certificates::make(folder.path())).transpose()?;
    let (certificates, files) = tls.unzip();
    let mut arguments = options.arguments.clone();
    if let Some(Files { authority, certificate, key }) = files {
        arguments.extend(
            [("cert-file", certificate), ("key-file", key), ("trusted-ca-file", authority)]
                .map(|(name, file)| format!("--{name}={}", file.display())),
        );
        arguments.push("--client-cert-auth".to_owned());
    }
    let (scheme, transport) = if options.has_tls { ("etcds", "https") } else { ("etcd", "http") };
    let members: Vec<Member> = (0..places.len())
        .map(|number| {
            let (program, folder) = (program.clone(), Arc::clone(&folder));
            let (places, arguments) = (places.clone(), arguments.clone());
            let health = places[number].health;
            let run = move |fresh| {
                run(&program, folder.path(), number, &places, transport, &arguments, fresh)
            };
            Member::new(run, move |running| wait_for(running, health))
        })
        .collect();
    start_all(&members)?;
    let clients: Vec<_> = places.iter().map(|place| place.clients.to_string()).collect();
    let url = format!("{scheme}://{}", clients.join(","));
    let address = places.first().map(|place| place.clients);
    Ok(Server { way, url, version, address, members, certificates })
}

/// Returns the `etcd` on PATH, else that of the control plane.
///
/// # Errors
///
/// If there is none and none can be built.
pub fn program() -> Result<PathBuf> {
    // The search prints where it looks. Once is enough.
    static FOUND: Mutex<Option<PathBuf>> = Mutex::new(None);
    if let Some(program) = on_path("etcd") {
        return Ok(program);
    }
    let mut known = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(program) = &*known {
        return Ok(program.clone());
    }
    Ok(known.insert(binaries::find(Options::default().report)?.etcd).clone())
}

/// Where a member listens.
#[derive(Clone, Copy, Debug)]
struct Place {
    clients: SocketAddr,
    peers: SocketAddr,
    /// Reports its health, in plain text.
    health: SocketAddr,
}

fn run(
    program: &Program,
    folder: &Path,
    number: usize,
    places: &[Place],
    transport: &str,
    arguments: &[String],
    fresh: bool,
) -> Result<Running> {
    let data = folder.join(format!("member-{number}"));
    if fresh && data.exists() {
        fs::remove_dir_all(&data).with_context(|| format!("failed to clear {}", data.display()))?;
    }
    let Place { clients, peers, health } = places[number];
    let cluster: Vec<_> = places
        .iter()
        .enumerate()
        .map(|(number, place)| format!("m{number}=http://{}", place.peers))
        .collect();
    let mut all = vec![
        format!("--name=m{number}"),
        format!("--data-dir={}", data.display()),
        format!("--listen-client-urls={transport}://{clients}"),
        format!("--advertise-client-urls={transport}://{clients}"),
        format!("--listen-metrics-urls=http://{health}"),
        format!("--listen-peer-urls=http://{peers}"),
        format!("--initial-advertise-peer-urls=http://{peers}"),
        format!("--initial-cluster={}", cluster.join(",")),
        // The data need not outlive a power cut, and syncing is most of the time that a write takes.
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
    ];
    all.extend(arguments.iter().cloned());
    program.start(&all, folder, &folder.join(format!("etcd-{number}.log")))
}

fn wait_for(running: &Running, address: SocketAddr) -> Result<()> {
    wait::until("etcd to answer", Duration::from_secs(30), || {
        running.check()?;
        Ok(match health(address) {
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
