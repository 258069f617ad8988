//! The archive with both programs that the Kubernetes project publishes for Go's envtest.
//!
//! It is what `setup-envtest` of controller-runtime installs: one `tar.gz` per release and platform,
//! attached to a release of `kubernetes-sigs/controller-tools`. The release and the checksums are
//! pinned here, so a server, a mirror or a proxy cannot choose what runs.

mod download;
mod unpack;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use ureq::{Agent, Proxy};

use super::Binaries;
use super::cache::Edition;
use crate::environment::{Environment, non_empty};

/// What the pinned archive contains.
pub(super) const EDITION: Edition = Edition { kubernetes: "1.37.0", etcd: "3.7.0" };

/// The variable that names a mirror of the releases.
pub(super) const URL: &str = "DSYNC_ENVTEST_URL";
const RELEASES: &str = "https://github.com/kubernetes-sigs/controller-tools/releases/download";

/// The SHA-512 of the archive of [`EDITION`] for each platform, as listed in
/// <https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml>.
/// Another release needs all of them, and the version of etcd, which
/// `hack/envtest/_matrix/vX.Y.Z.yaml` in the same repository names.
const PINS: [(&str, &str); 4] = [
    (
        "linux-amd64",
        "1d1c453633b72c161a5d5a886cde7ac850be1a2ac796a9e1d4ffacacc6486829\
         5bdd2d57aa66cd0c158f5ce510f5dfe3fbc61ac21bd3dcfb875bd70658aa663a",
    ),
    (
        "linux-arm64",
        "ae6a670502988200b0131c943758cfd3d3a58cf4e6247ef7f0e6a6467f1cd9a3\
         33c802e86101f0446b1b92a0e327387224e1e44fe1a4693da0929c6e529cfe9a",
    ),
    (
        "darwin-amd64",
        "19a2a5376a8aa57a7b25ec5198834db29bf2ba0d6ff572d7f45ba683b13fb14c\
         3ebec8069e92db66c39f1c7a9cff1bc2be879e2aacdc9fa8b8a7e861959bdf7b",
    ),
    (
        "darwin-arm64",
        "fb38cfacdd71b5e97a4d4cceac861af5f55069cf783f0e49cf181bfc32eb3e55\
         7c2091a534dc5d38f1b92c5ba142bc1979f215a5385b3630ea6a661be6fa161b",
    ),
];

/// How long a server may take, and how much it may send.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// For the lookup of the server's name, and once more for the connection including TLS. Their sum
    /// is what a closed network costs, so both are short.
    connect: Duration,
    /// For the head of the answer, once per redirect.
    answer: Duration,
    /// For each read of the body: a server that sends nothing is given up after this.
    read: Duration,
    /// The least speed in bytes per second, averaged over the time since the first byte. It is not
    /// applied during the first `read`.
    speed: u64,
    /// For everything. A build with Go takes about as long.
    total: Duration,
    /// The size of the archive in bytes.
    size: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_millis(2500),
            answer: Duration::from_secs(10),
            read: Duration::from_secs(15),
            speed: 128 * 1024,
            total: Duration::from_secs(300),
            size: 256 * 1024 * 1024,
        }
    }
}

/// The archive for one platform, at its server.
#[derive(Debug)]
pub(super) struct Archive {
    url: String,
    /// `None` where no archive is published for the platform.
    sha512: Option<String>,
    proxy: Option<Proxy>,
    limits: Limits,
}

impl Archive {
    /// Returns the pinned archive for the platform of this process.
    ///
    /// # Errors
    /// When `DSYNC_ENVTEST_URL` is set, but is not an HTTP URL.
    pub(super) fn of_this_platform(environment: Environment<'_>) -> Result<Self> {
        let base = match non_empty(environment, URL) {
            None => RELEASES.to_owned(),
            Some(value) => match value.to_str() {
                // Without TLS, too: the checksum decides and not the server.
                Some(url) if url.starts_with("https://") || url.starts_with("http://") => {
                    url.trim_end_matches('/').to_owned()
                }
                _ => bail!(
                    "{URL} must start with http:// or https://, and is \"{}\"",
                    value.display()
                ),
            },
        };
        let platform = platform(std::env::consts::OS, std::env::consts::ARCH);
        let pin = PINS.iter().find(|(name, _)| *name == platform);
        Ok(Self {
            url: url(&base, &platform),
            sha512: pin.map(|(_, sha512)| (*sha512).to_owned()),
            // HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in either case. TLS is checked against
            // Mozilla's root certificates, so a proxy that decrypts it is refused.
            proxy: Proxy::try_from_env(),
            limits: Limits::default(),
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Asks the server whether it has the archive, without downloading it.
    pub(super) fn probe(&self) -> Result<()> {
        self.pinned()?;
        // A GET whose body is not read: the storage behind GitHub signs its URLs for GET alone.
        let limit = self.limits.connect * 3;
        let agent = self.agent(limit);
        agent.get(&self.url).call().with_context(|| format!("{} is out of reach", self.url))?;
        Ok(())
    }

    /// Downloads the archive and unpacks both programs to `places`. Nothing is unpacked before the
    /// checksum has been verified. `dir` takes the archive in the meantime.
    pub(super) fn fetch(&self, dir: &Path, places: &Binaries, report: fn(&str)) -> Result<()> {
        let sha512 = self.pinned()?;
        let archive = download::verified(self, sha512, dir, report)?;
        unpack::both(archive, places).with_context(|| format!("could not unpack {}", self.url))
    }

    fn pinned(&self) -> Result<&str> {
        self.sha512.as_deref().ok_or_else(|| {
            let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
            anyhow!("no envtest archive is published for {os} on {arch}")
        })
    }

    fn agent(&self, total: Duration) -> Agent {
        Agent::config_builder()
            .proxy(self.proxy.clone())
            .timeout_resolve(Some(self.limits.connect))
            .timeout_connect(Some(self.limits.connect))
            .timeout_recv_response(Some(self.limits.answer))
            .timeout_per_read(Some(self.limits.read))
            .timeout_global(Some(total))
            .build()
            .into()
    }
}

fn url(base: &str, platform: &str) -> String {
    let version = EDITION.kubernetes;
    format!("{base}/envtest-v{version}/envtest-v{version}-{platform}.tar.gz")
}

/// Returns the name of a platform as Go spells it.
fn platform(os: &str, arch: &str) -> String {
    let os = if os == "macos" { "darwin" } else { os };
    let arch = match arch {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{os}-{arch}")
}

#[cfg(test)]
pub(super) mod tests;
