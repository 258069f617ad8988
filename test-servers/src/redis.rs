//! A Redis server.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use control_plane::folder::Folder;
use control_plane::leash::Leash;
use control_plane::{ports, wait};

use crate::program::on_path;
use crate::server::{Own, start_all};
use crate::way::non_empty;
use crate::{Server, Way};

/// The variable that names a server that runs already.
pub const REDIS_VARIABLE: &str = "DSYNC_TEST_REDIS";

/// What is asked of a Redis server.
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    /// More arguments of its command line. Only a server that is started here gets them.
    pub arguments: Vec<String>,
    /// Whether it is a sentinel, of the master `service` at this address.
    pub sentinel_of: Option<(String, SocketAddr)>,
    /// Whether it keeps every write on disk, so that a restart loses nothing.
    pub persistent: bool,
}

/// A Redis server: the one of `DSYNC_TEST_REDIS`, or a `redis-server` on PATH.
///
/// # Errors
///
/// If there is none, with what to provide; or if it does not start, with the end of its log.
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
        });
    }
    if forced == Some(Way::Url) {
        bail!("{REDIS_VARIABLE} is not set: redis://host:port of a server to test on");
    }
    redis_binary(options)
}

/// A Redis server from a `redis-server` on PATH.
///
/// # Errors
///
/// As [`redis`].
pub fn redis_binary(options: &RedisOptions) -> Result<Server> {
    let program = on_path("redis-server").with_context(|| {
        format!(
            "no Redis to test on. One of these is enough:\n  \
             - name a server that runs: {REDIS_VARIABLE}=redis://host:port\n  \
             - put redis-server on PATH (Debian's package is redis-server)"
        )
    })?;
    let version = version(&program)?;
    let folder = Folder::fresh()?;
    let [address] = ports::free()?;
    let options = options.clone();
    let run = move |fresh: bool| run(&program, folder.path(), address, &options, fresh);
    let members = vec![Own::new(run, move |leash| wait_for(leash, address))];
    start_all(&members)?;
    let url = format!("redis://{address}");
    Ok(Server { way: Way::Binary, url, version, address: Some(address), members })
}

/// The options that a sentinel has as well.
const KNOWN_TO_SENTINELS: [&str; 3] = ["--bind", "--port", "--dir"];

fn run(
    program: &Path,
    folder: &Path,
    address: SocketAddr,
    options: &RedisOptions,
    fresh: bool,
) -> Result<Leash> {
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
            ("--port", address.port().to_string()),
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
    Leash::start("redis-server", program, &arguments, &log(folder))
}

fn wait_for(leash: &Leash, address: SocketAddr) -> Result<()> {
    wait::until("redis-server to answer", Duration::from_secs(30), || {
        leash.check()?;
        Ok(match ping(address) {
            Ok(answer) if answer.starts_with("+PONG") || answer.starts_with("-NOAUTH") => {
                wait::Look::Done(())
            }
            Ok(answer) => wait::Look::NotYet(answer),
            Err(error) => wait::Look::NotYet(error.to_string()),
        })
    })
}

fn log(folder: &Path) -> PathBuf {
    folder.join("redis.log")
}

/// What the server says to a `PING`.
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

/// `Redis server v=7.0.15 sha=…`
fn version(program: &Path) -> Result<String> {
    let output = Command::new(program)
        .arg("--version")
        .output()
        .with_context(|| format!("failed to run {}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split_whitespace().find_map(|word| word.strip_prefix("v="));
    version
        .map(str::to_owned)
        .ok_or_else(|| anyhow!("{} tells {text:?} for its version", program.display()))
}
