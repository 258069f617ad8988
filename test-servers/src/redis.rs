//! A Redis server.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use control_plane::folder::Folder;
use control_plane::{ports, wait};

use crate::certificates::{self, Files};
use crate::program::{Kind, Program, on_path};
use crate::running::Running;
use crate::server::{Member, start_all};
use crate::way::non_empty;
use crate::{Server, Way};

/// The variable with the URL of a server that runs already.
pub const REDIS_VARIABLE: &str = "DSYNC_TEST_REDIS";

/// The variable that names the image for containers.
pub const IMAGE_VARIABLE: &str = "DSYNC_TEST_REDIS_IMAGE";

/// After how long without an answer a node of a cluster takes another one for dead.
const NODE_TIMEOUT: Duration = Duration::from_millis(500);

const KIND: Kind = Kind {
    name: "redis-server",
    variable: IMAGE_VARIABLE,
    image: "redis:7",
    local: program,
    advice: "no Redis server found for the tests. Provide one of:\n  \
             - the URL of a server that runs: DSYNC_TEST_REDIS=redis://host:port\n  \
             - a Docker engine that has the image of DSYNC_TEST_REDIS_IMAGE, or can pull redis:7\n  \
             - redis-server on PATH (Debian's package is redis-server)",
};

/// How a Redis server is to be set up.
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    /// More arguments for its command line. A server that is named by a URL does not get them.
    pub arguments: Vec<String>,
    /// Whether it uses TLS and requires certificates of clients.
    pub has_tls: bool,
    /// Whether it is a sentinel, of the master `service` at this address.
    pub sentinel_of: Option<(String, SocketAddr)>,
    /// Whether it is a node of a cluster, of which it is the only one until it meets others.
    pub is_cluster_node: bool,
    /// Whether it keeps every write on disk, so that a restart loses nothing.
    pub persistent: bool,
}

/// Returns the Redis server of `DSYNC_TEST_REDIS`, or [starts one](redis_own).
///
/// # Errors
///
/// If there is no server, with what to provide; or if it does not start, with the end of its log.
pub fn redis(options: &RedisOptions) -> Result<Server> {
    let forced = Way::forced()?;
    let url = non_empty(REDIS_VARIABLE).filter(|_| forced.is_none_or(|way| way == Way::Url));
    if let Some(url) = url {
        let rest = url.strip_prefix("redis://").unwrap_or_default();
        let place = rest.rsplit('@').next().unwrap_or_default().split('/').next();
        let address = place.and_then(|place| place.parse().ok());
        return Ok(Server {
            way: Way::Url,
            url,
            version: String::new(),
            address,
            members: Vec::new(),
            certificates: None,
        });
    }
    if forced == Some(Way::Url) {
        bail!("{REDIS_VARIABLE} is not set: redis://host:port of a server to test on");
    }
    redis_own(options)
}

/// Starts a Redis server: in a container if a Docker engine answers and has the image, else the
/// `redis-server` on PATH.
///
/// # Errors
///
/// As [`redis`].
pub fn redis_own(options: &RedisOptions) -> Result<Server> {
    let program = KIND.program()?;
    let (way, version) = (program.way(), program.version("v=")?);
    let folder = Folder::fresh()?;
    let [address, bus] = ports::free()?;
    let mut options = options.clone();
    if options.is_cluster_node {
        let port = bus.port().to_string();
        let timeout = NODE_TIMEOUT.as_millis().to_string();
        let settings = [("enabled", "yes"), ("port", &port), ("node-timeout", &timeout)];
        let settings =
            settings.map(|(name, value)| [format!("--cluster-{name}"), value.to_owned()]);
        options.arguments.extend(settings.into_iter().flatten());
    }
    let tls = options.has_tls.then(|| certificates::make(folder.path())).transpose()?;
    let (certificates, files) = tls.unzip();
    if let Some(Files { authority, certificate, key }) = files {
        let port = address.port().to_string();
        let files = [("cert", certificate), ("key", key), ("ca-cert", authority)]
            .map(|(name, file)| [format!("--tls-{name}-file"), file.display().to_string()]);
        options.arguments.extend(["--tls-port".to_owned(), port]);
        options.arguments.extend(files.into_iter().flatten());
        options.arguments.extend(["--tls-auth-clients", "yes"].map(str::to_owned));
    }
    let (scheme, has_tls) = if options.has_tls { ("rediss", true) } else { ("redis", false) };
    let run = move |fresh: bool| run(&program, folder.path(), address, &options, fresh);
    let members = vec![Member::new(run, move |running| wait_for(running, address, has_tls))];
    start_all(&members)?;
    let url = format!("{scheme}://{address}");
    Ok(Server { way, url, version, address: Some(address), members, certificates })
}

/// Returns the `redis-server` on PATH.
///
/// # Errors
///
/// If there is none.
pub fn program() -> Result<PathBuf> {
    on_path("redis-server").context("PATH has no redis-server")
}

/// The options that a sentinel knows as well.
const KNOWN_TO_SENTINELS: [&str; 3] = ["--bind", "--port", "--dir"];

fn run(
    program: &Program,
    folder: &Path,
    address: SocketAddr,
    options: &RedisOptions,
    fresh: bool,
) -> Result<Running> {
    let data = folder.join("data");
    if fresh && data.exists() {
        fs::remove_dir_all(&data).with_context(|| format!("failed to clear {}", data.display()))?;
    }
    fs::create_dir_all(&data).with_context(|| format!("failed to make {}", data.display()))?;
    let mut arguments = Vec::new();
    if let Some((service, master)) = &options.sentinel_of {
        let file = data.join("sentinel.conf");
        let text = format!(
            "sentinel monitor {service} {} {} 1\n\
             sentinel down-after-milliseconds {service} 500\n\
             sentinel failover-timeout {service} 2000\n",
            master.ip(),
            master.port()
        );
        fs::write(&file, text).with_context(|| format!("failed to write {}", file.display()))?;
        arguments.extend([file.display().to_string(), "--sentinel".to_owned()]);
    }
    arguments.extend(
        [
            ("--bind", address.ip().to_string()),
            ("--port", if options.has_tls { 0 } else { address.port() }.to_string()),
            ("--dir", data.display().to_string()),
            ("--save", String::new()),
            ("--appendonly", if options.persistent { "yes" } else { "no" }.to_owned()),
            ("--appendfsync", "always".to_owned()),
        ]
        .into_iter()
        .filter(|(name, _)| options.sentinel_of.is_none() || KNOWN_TO_SENTINELS.contains(name))
        .flat_map(|(name, value)| [name.to_owned(), value]),
    );
    arguments.extend(options.arguments.iter().cloned());
    program.start(&arguments, folder, &folder.join("redis.log"))
}

fn wait_for(running: &Running, address: SocketAddr, has_tls: bool) -> Result<()> {
    wait::until("redis-server to answer", Duration::from_secs(30), || {
        running.check()?;
        Ok(match ping(address) {
            // The request is not TLS, so the server closes the connection.
            Err(error) if has_tls && error.kind() != ErrorKind::ConnectionRefused => {
                wait::Look::Done(())
            }
            Ok(answer) if answer.starts_with("+PONG") || answer.starts_with("-NOAUTH") => {
                wait::Look::Done(())
            }
            Ok(answer) => wait::Look::NotYet(answer),
            Err(error) => wait::Look::NotYet(error.to_string()),
        })
    })
}

/// Sends a `PING` and returns the answer.
fn ping(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 64];
    let length = stream.read(&mut answer)?;
    if length == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
}
