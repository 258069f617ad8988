//! The API server.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::child_guard::ChildGuard;
use crate::etcd;
use crate::pki::{self, Authority, IdentityFiles};

/// The certificates with which the API server and its users authenticate each other.
#[derive(Debug)]
pub(crate) struct Certificates {
    pub(crate) authority: Authority,
    authority_file: PathBuf,
    server: IdentityFiles,
    tokens: IdentityFiles,
}

impl Certificates {
    pub(crate) fn make(dir: &Path, lifetime: Duration) -> Result<Self> {
        let authority = Authority::new("dsync-ca", lifetime)?;
        let authority_file = dir.join("ca.crt");
        pki::write(&authority_file, authority.certificate())?;
        let (private, public) = pki::key_pair()?;
        let tokens = IdentityFiles {
            certificate: dir.join("service-accounts.pub"),
            key: dir.join("service-accounts.key"),
        };
        pki::write(&tokens.key, &private)?;
        pki::write(&tokens.certificate, &public)?;
        let server = authority.server("kube-apiserver")?.write(dir, "kube-apiserver")?;
        Ok(Self { authority, authority_file, server, tokens })
    }
}

/// Starts the API server without waiting until it is ready.
pub(crate) fn start(
    program: &Path,
    dir: &Path,
    certificates: &Certificates,
    address: SocketAddr,
    etcd: SocketAddr,
    etcd_certificates: &etcd::Certificates,
) -> Result<ChildGuard> {
    let mut args = vec![
        format!("--bind-address={}", address.ip()),
        format!("--secure-port={}", address.port()),
        format!("--advertise-address={}", address.ip()),
        // A reconciler would publish the address for pods, and there are no pods.
        "--endpoint-reconciler-type=none".to_owned(),
        // The default is a folder of the system. Certificates that are missing would be written there.
        format!("--cert-dir={}", dir.display()),
        format!("--tls-cert-file={}", certificates.server.certificate.display()),
        format!("--tls-private-key-file={}", certificates.server.key.display()),
        format!("--client-ca-file={}", certificates.authority_file.display()),
        "--authorization-mode=RBAC".to_owned(),
        format!("--etcd-servers=https://{etcd}"),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local".to_owned(),
        format!("--service-account-key-file={}", certificates.tokens.certificate.display()),
        format!("--service-account-signing-key-file={}", certificates.tokens.key.display()),
        // The plugin rejects pods until a controller has created the service accounts, and no
        // controller runs here.
        "--disable-admission-plugins=ServiceAccount".to_owned(),
    ];
    args.extend(etcd_certificates.client_flags());
    ChildGuard::start("kube-apiserver", program, &args, &log(dir))
        .context("could not start kube-apiserver")
}

/// Returns the path of the log of the API server.
pub(crate) fn log(dir: &Path) -> PathBuf {
    dir.join("kube-apiserver.log")
}
