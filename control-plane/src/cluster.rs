//! The control plane: both servers, from start to removal.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::process::Signal;
use serde_json::json;

use crate::binaries::{self, Binaries};
use crate::child_guard::ChildGuard;
use crate::client::Client;
use crate::folder::Folder;
use crate::wait::{self, Look};
use crate::{Options, api_server, etcd, kubeconfig, log_tail, ports};

/// A running kube-apiserver with its etcd.
///
/// Dropping it kills both and removes their folder, unless `DSYNC_KEEP_CLUSTER` is set.
#[derive(Debug)]
pub struct ControlPlane {
    // Fields are dropped in this order: the servers before what they use.
    api_server: Option<ChildGuard>,
    etcd: ChildGuard,
    places: Places,
    admin: Client,
    kubeconfig: PathBuf,
    version: String,
    start_timeout: Duration,
    /// The byte at which the log of the API server's latest run starts.
    log_from: u64,
    kubeconfigs: AtomicUsize,
    folder: Folder,
}

/// What stays the same when a server is started again.
#[derive(Debug)]
struct Places {
    binaries: Binaries,
    address: SocketAddr,
    etcd: SocketAddr,
    certificates: api_server::Certificates,
    etcd_certificates: etcd::Certificates,
}

impl Places {
    fn start_api_server(&self, dir: &Path) -> Result<ChildGuard> {
        api_server::start(
            &self.binaries.kube_apiserver,
            dir,
            &self.certificates,
            self.address,
            self.etcd,
            &self.etcd_certificates,
        )
    }
}

impl ControlPlane {
    /// Starts the servers and waits until they accept requests.
    ///
    /// # Errors
    /// When the programs cannot be obtained (see [`binaries::find`]), or a server does not become ready.
    /// The error contains the end of its log.
    pub fn start(options: Options) -> Result<Self> {
        const ATTEMPTS: usize = 5;
        let Options { dir, start_timeout, certificate_lifetime, report } = options;
        let binaries = binaries::find(report)?;
        let folder = match dir {
            Some(dir) => Folder::at(&dir)?,
            None => Folder::fresh()?,
        };
        let pki = folder.path().join("pki");
        fs::create_dir(&pki).with_context(|| format!("could not create {}", pki.display()))?;
        let certificates = api_server::Certificates::make(&pki, certificate_lifetime)?;
        let identity = certificates.authority.client("dsync-admin", &["system:masters"])?;
        let mut places = Places {
            binaries,
            // Chosen below, and again if another process takes one first.
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            etcd: SocketAddr::from(([127, 0, 0, 1], 0)),
            certificates,
            etcd_certificates: etcd::Certificates::make(&pki, certificate_lifetime)?,
        };

        for attempt in 1.. {
            let [address, etcd, peers] = ports::free()?;
            (places.address, places.etcd) = (address, etcd);
            let authority = places.certificates.authority.certificate();
            let admin = Client::new(address, authority, &identity)?;
            match Self::try_start(&places, folder.path(), peers, &admin, start_timeout) {
                Ok((etcd, api_server)) => {
                    let kubeconfig = folder.path().join("kubeconfig");
                    kubeconfig::write(&kubeconfig, address, authority, "dsync-admin", &identity)?;
                    let version = ask_version(&admin)?;
                    report(&format!("kube-apiserver {version} is ready at https://{address}"));
                    return Ok(Self {
                        api_server: Some(api_server),
                        etcd,
                        places,
                        admin,
                        kubeconfig,
                        version,
                        start_timeout,
                        log_from: 0,
                        kubeconfigs: AtomicUsize::new(1),
                        folder,
                    });
                }
                Err(_) if attempt < ATTEMPTS && port_was_taken(folder.path()) => {
                    report("another process took a port; trying others");
                    discard_attempt(folder.path())?;
                }
                Err(error) => return Err(error),
            }
        }
        bail!("no free ports");
    }

    fn try_start(
        places: &Places,
        dir: &Path,
        peers: SocketAddr,
        admin: &Client,
        timeout: Duration,
    ) -> Result<(ChildGuard, ChildGuard)> {
        let etcd =
            etcd::start(&places.binaries.etcd, dir, &places.etcd_certificates, places.etcd, peers)?;
        let api_server = places.start_api_server(dir)?;
        wait_until_ready(admin, &etcd, &api_server, dir, timeout)?;
        wait_for_default_namespace(admin, timeout)?;
        Ok((etcd, api_server))
    }

    /// Returns the path of the administrator's kubeconfig. The administrator has all permissions.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Returns the version that the API server reports, such as `v1.37.2`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns the address of the API server. A restart keeps it.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.places.address
    }

    /// Returns the folder with the logs, the data and the certificates.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the pid of kube-apiserver, or `None` while it is not running.
    #[must_use]
    pub fn api_server_pid(&self) -> Option<u32> {
        self.api_server.as_ref().filter(|guard| guard.is_running()).map(ChildGuard::pid)
    }

    /// Returns the pid of etcd, or `None` if it has ended by itself.
    #[must_use]
    pub fn etcd_pid(&self) -> Option<u32> {
        Some(&self.etcd).filter(|guard| guard.is_running()).map(ChildGuard::pid)
    }

    /// Writes a kubeconfig for a user and returns its path. Each call writes a new file.
    ///
    /// The user has the permissions that RBAC grants to the name, to the groups and to
    /// `system:authenticated`. Without further bindings, that is almost none.
    ///
    /// # Errors
    /// When a name cannot be part of a certificate, or the file cannot be written.
    pub fn kubeconfig_for(&self, user: &str, groups: &[&str]) -> Result<PathBuf> {
        let authority = &self.places.certificates.authority;
        let identity = authority.client(user, groups)?;
        let number = self.kubeconfigs.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.path().join(kubeconfig::file_name(user, number));
        kubeconfig::write(&path, self.address(), authority.certificate(), user, &identity)?;
        Ok(path)
    }

    /// Returns a small client that acts as the administrator.
    #[must_use]
    pub fn admin(&self) -> &Client {
        &self.admin
    }

    /// Returns a small client that acts as a user; see [`kubeconfig_for`](Self::kubeconfig_for).
    ///
    /// # Errors
    /// When a name cannot be part of a certificate.
    pub fn client_for(&self, user: &str, groups: &[&str]) -> Result<Client> {
        let authority = &self.places.certificates.authority;
        Client::new(self.address(), authority.certificate(), &authority.client(user, groups)?)
    }

    /// Kills the API server with SIGKILL and waits until it has ended. Its data is in etcd, which keeps
    /// running.
    ///
    /// # Errors
    /// When the API server is not running.
    pub fn kill_api_server(&mut self) -> Result<()> {
        self.api_server.take().ok_or_else(not_running)?.kill()
    }

    /// Starts the API server again, on the same port and with the same data, and waits until it is ready.
    ///
    /// # Errors
    /// When it is already running, or does not become ready.
    pub fn start_api_server(&mut self) -> Result<()> {
        self.start_api_server_without_waiting()?;
        self.wait_until_ready()
    }

    /// Starts the API server again and returns without waiting until it is ready.
    ///
    /// # Errors
    /// When it is already running, or the program cannot be run.
    pub fn start_api_server_without_waiting(&mut self) -> Result<()> {
        if self.api_server_pid().is_some() {
            bail!("kube-apiserver is already running");
        }
        let dir = self.folder.path();
        self.log_from = fs::metadata(api_server::log(dir)).map_or(0, |meta| meta.len());
        self.api_server = Some(self.places.start_api_server(dir)?);
        Ok(())
    }

    /// Waits until the API server is ready.
    ///
    /// Another process can take the port while the API server is down. Such a use is usually short, so
    /// the start is repeated for up to 30 seconds.
    ///
    /// # Errors
    /// When it does not become ready. The error contains the end of its log.
    pub fn wait_until_ready(&mut self) -> Result<()> {
        const PATIENCE: Duration = Duration::from_secs(30);
        let started = Instant::now();
        loop {
            let api_server = self.api_server.as_ref().ok_or_else(not_running)?;
            let dir = self.folder.path();
            let log = api_server::log(dir);
            match wait_until_ready(&self.admin, &self.etcd, api_server, dir, self.start_timeout) {
                Err(_) if says_port_taken(&log, self.log_from) && started.elapsed() < PATIENCE => {
                    self.start_api_server_without_waiting()?;
                }
                result => return result,
            }
        }
    }

    /// Pauses the API server with SIGSTOP: connections stay open, and no request is answered.
    ///
    /// # Errors
    /// When the API server is not running.
    pub fn pause_api_server(&self) -> Result<()> {
        self.api_server.as_ref().ok_or_else(not_running)?.signal(Signal::STOP)
    }

    /// Resumes a paused API server with SIGCONT.
    ///
    /// # Errors
    /// When the API server is not running.
    pub fn resume_api_server(&self) -> Result<()> {
        self.api_server.as_ref().ok_or_else(not_running)?.signal(Signal::CONT)
    }
}

fn not_running() -> anyhow::Error {
    anyhow!("kube-apiserver is not running")
}

fn wait_until_ready(
    admin: &Client,
    etcd: &ChildGuard,
    api_server: &ChildGuard,
    dir: &Path,
    timeout: Duration,
) -> Result<()> {
    wait::until("kube-apiserver to be ready", timeout, || {
        etcd.check()?;
        api_server.check()?;
        Ok(match admin.get("/readyz") {
            Ok(answer) if answer.status == 200 => Look::Done(()),
            Ok(answer) => Look::NotYet(format!("{} {}", answer.status, answer.body.trim())),
            Err(error) => Look::NotYet(format!("{error:#}")),
        })
    })
    .map_err(|error| {
        if etcd.is_running() && api_server.is_running() {
            anyhow!("{error:#}; {}", log_tail::of(&api_server::log(dir)))
        } else {
            // The error already contains the log of the server that ended.
            error
        }
    })
}

/// Waits for the namespace `default`, which the API server creates shortly after it is ready. If it does
/// not, this function creates it: namespaced objects cannot be stored without one.
fn wait_for_default_namespace(admin: &Client, timeout: Duration) -> Result<()> {
    const ITS_OWN_TIME: Duration = Duration::from_secs(10);
    let look = || {
        let answer = admin.get("/api/v1/namespaces/default")?;
        Ok(match answer.status {
            200 => Look::Done(()),
            _ => Look::NotYet(answer.body),
        })
    };
    let what = "the namespace `default`";
    if wait::until(what, ITS_OWN_TIME.min(timeout), look).is_ok() {
        return Ok(());
    }
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}});
    // The namespace may exist by now, or the request may be refused: the next look shows which.
    admin.post("/api/v1/namespaces", &namespace)?;
    wait::until(what, timeout, look)
}

fn ask_version(admin: &Client) -> Result<String> {
    let version = admin.get("/version")?.json()?;
    match version["gitVersion"].as_str() {
        Some(text) => Ok(text.to_owned()),
        None => bail!("the API server's /version has no gitVersion: {version}"),
    }
}

fn port_was_taken(dir: &Path) -> bool {
    says_port_taken(&etcd::log(dir), 0) || says_port_taken(&api_server::log(dir), 0)
}

/// Returns whether the log, from the given byte on, says that a port was taken.
fn says_port_taken(log: &Path, from: u64) -> bool {
    let Ok(text) = fs::read(log) else { return false };
    let start = usize::try_from(from).unwrap_or(usize::MAX).min(text.len());
    String::from_utf8_lossy(&text[start..]).contains("address already in use")
}

/// Removes what a failed attempt wrote. The data of etcd contains the URLs with the old ports.
fn discard_attempt(dir: &Path) -> Result<()> {
    for path in [etcd::log(dir), api_server::log(dir)] {
        if path.exists() {
            fs::remove_file(&path)
                .with_context(|| format!("could not remove {}", path.display()))?;
        }
    }
    let data = dir.join("etcd");
    if data.exists() {
        fs::remove_dir_all(&data)
            .with_context(|| format!("could not remove {}", data.display()))?;
    }
    Ok(())
}
