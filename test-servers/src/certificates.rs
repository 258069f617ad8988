//! The certificates of a server with TLS and its clients.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use control_plane::pki::{self, Authority, IdentityFiles};

/// How long they are valid. No test takes that long.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// What a client needs to connect to a server with TLS, as PEM.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// The certificate of the authority that has signed that of the server.
    pub authority: String,
    /// The certificate of a client.
    pub certificate: String,
    /// The private key of that certificate.
    pub key: String,
}

/// The same for the server, in files.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) authority: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Makes those of the clients and, in `folder`, those of the server.
pub(crate) fn make(folder: &Path) -> Result<(Certificates, Files)> {
    let authority = Authority::new("dsync-test-ca", LIFETIME)?;
    let client = authority.client("dsync-test", &[])?;
    let IdentityFiles { certificate, key } = authority.server("server")?.write(folder, "server")?;
    let files = Files { authority: folder.join("authority.crt"), certificate, key };
    pki::write(&files.authority, authority.certificate())?;
    let authority = authority.certificate().to_owned();
    let certificates = Certificates { authority, certificate: client.certificate, key: client.key };
    Ok((certificates, files))
}
