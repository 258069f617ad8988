//! etcd, in which the API server stores its data.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::child_guard::ChildGuard;
use crate::pki::{self, Authority, Identity, IdentityFiles};

/// The certificates with which etcd and its clients authenticate each other. Their authority is separate
/// from that of the API server, so a user of the API server cannot connect to etcd.
#[derive(Debug)]
pub(crate) struct Certificates {
    authority: PathBuf,
    server: IdentityFiles,
    client: IdentityFiles,
}

impl Certificates {
    pub(crate) fn make(dir: &Path, lifetime: Duration) -> Result<Self> {
        let authority = Authority::new("dsync-etcd-ca", lifetime)?;
        let path = dir.join("etcd-ca.crt");
        pki::write(&path, authority.certificate())?;
        let client: Identity = authority.client("kube-apiserver", &[])?;
        Ok(Self {
            authority: path,
            server: authority.server("etcd")?.write(dir, "etcd")?,
            client: client.write(dir, "etcd-client")?,
        })
    }

    /// Returns the flags with which the API server connects to etcd.
    pub(crate) fn client_flags(&self) -> [String; 3] {
        [
            format!("--etcd-cafile={}", self.authority.display()),
            format!("--etcd-certfile={}", self.client.certificate.display()),
            format!("--etcd-keyfile={}", self.client.key.display()),
        ]
    }
}

/// Starts etcd without waiting until it is ready: the API server does that.
pub(crate) fn start(
    program: &Path,
    dir: &Path,
    certificates: &Certificates,
    clients: SocketAddr,
    peers: SocketAddr,
) -> Result<ChildGuard> {
    let authority = certificates.authority.display();
    let (certificate, key) =
        (certificates.server.certificate.display(), certificates.server.key.display());
    let args = [
        "--name=etcd".to_owned(),
        format!("--data-dir={}", dir.join("etcd").display()),
        format!("--listen-client-urls=https://{clients}"),
        format!("--advertise-client-urls=https://{clients}"),
        format!("--listen-peer-urls=https://{peers}"),
        format!("--initial-advertise-peer-urls=https://{peers}"),
        format!("--initial-cluster=etcd=https://{peers}"),
        "--client-cert-auth".to_owned(),
        format!("--trusted-ca-file={authority}"),
        format!("--cert-file={certificate}"),
        format!("--key-file={key}"),
        "--peer-client-cert-auth".to_owned(),
        format!("--peer-trusted-ca-file={authority}"),
        format!("--peer-cert-file={certificate}"),
        format!("--peer-key-file={key}"),
        // The data need not survive a power failure, and most of the time of a write is spent on the
        // sync.
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
    ];
    ChildGuard::start("etcd", program, &args, &log(dir)).context("could not start etcd")
}

/// Returns the path of the log of etcd.
pub(crate) fn log(dir: &Path) -> PathBuf {
    dir.join("etcd.log")
}
