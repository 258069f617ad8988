//! What a server with TLS and its clients show each other.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use control_plane::pki::{self, Authority, IdentityFiles};

/// No test takes that long.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// What a client needs, as PEM: a server with TLS speaks to nobody without.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// The certificate of the authority that vouches for the server.
    pub authority: String,
    /// The certificate of a client.
    pub certificate: String,
    /// The private key of it.
    pub key: String,
}

/// The same for the server, in files.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) authority: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Makes both.
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
