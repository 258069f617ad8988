//! The server, and drivers for it.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use control_plane::{ControlPlane, Options};
use dsync::driver::Driver;
use dsync::{Config, Error, ErrorKind, Result, async_trait};
use dsync_conformance::Harness;
use dsync_conformance::candidate;
use dsync_conformance::harness::{Operator, ServerControl, Via};
use dsync_kube::KubeDriver;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};

use crate::client::config;
use crate::control::ApiServerControl;
use crate::docker::Docker;

/// A server to test on.
#[derive(Clone)]
pub(crate) struct ServerHarness {
    kubeconfig: PathBuf,
    version: String,
    address: Option<SocketAddr>,
    control: Option<Arc<dyn ServerControl>>,
}

/// Names the kubeconfig of the server, for the tests and for candidate processes.
const KUBECONFIG: &str = "DSYNC_TEST_KUBECONFIG";

impl ServerHarness {
    /// The server of a candidate process, which its parent has found. It is not contacted here,
    /// because it may be down at the moment.
    pub(crate) fn of_candidate() -> Option<Self> {
        std::env::var_os(candidate::VARIABLE)?;
        let kubeconfig = std::env::var_os(KUBECONFIG)?.into();
        Some(Self { kubeconfig, version: String::new(), address: None, control: None })
    }

    pub(crate) fn find() -> anyhow::Result<Self> {
        let kind = std::env::var("DSYNC_TEST_KIND").ok().filter(|name| !name.is_empty());
        let Some(kubeconfig) = std::env::var_os(KUBECONFIG).map(PathBuf::from) else {
            let own = ControlPlane::start(Options::default())?;
            let kubeconfig = own.kubeconfig().to_owned();
            let version = format!("kube-apiserver {}", own.version());
            let address = Some(own.address());
            let control: Arc<dyn ServerControl> = Arc::new(ApiServerControl(Mutex::new(own)));
            return Ok(Self { kubeconfig, version, address, control: Some(control) });
        };
        let (address, version) = look(&kubeconfig)?;
        let (version, control) = match kind {
            Some(name) => {
                let docker = Docker::of_cluster(Path::new("docker"), &name, &kubeconfig)?;
                let nodes = docker.nodes();
                let version =
                    format!("kube-apiserver of kind with {nodes} control planes {version}");
                let control: Arc<dyn ServerControl> = Arc::new(docker);
                (version, Some(control))
            }
            None => (format!("kube-apiserver {version}"), None),
        };
        Ok(Self { kubeconfig, version, address, control })
    }

    pub(crate) fn describe(&self) -> &str {
        &self.version
    }

    /// The Leases of a namespace, for the operator.
    pub(crate) async fn leases(&self, namespace: &str) -> Result<Api<Lease>> {
        let config = config(&self.kubeconfig).await.map_err(|error| internal(&error))?;
        let client = Client::try_from(config).map_err(|error| internal(&error))?;
        Ok(Api::namespaced(client, namespace))
    }

    /// Deletes the Leases of elections, which stay without a holder.
    pub(crate) fn clean_up(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for namespace in ["default", "kube-system"] {
                let Ok(leases) = self.leases(namespace).await else { return };
                let Ok(all) = leases.list(&kube::api::ListParams::default()).await else { return };
                let names = all.items.into_iter().filter_map(|lease| lease.metadata.name);
                for name in names.filter(|name| is_of_suite(name)) {
                    // A Lease without a holder that cannot be deleted does no harm.
                    let _ = leases.delete(&name, &kube::api::DeleteParams::default()).await;
                }
            }
        });
    }
}

/// The lease duration of the tests. A request may take two fifteenths of it, and the nodes of a kind
/// cluster share one machine: its etcd is slow to agree.
pub(crate) fn lease() -> Duration {
    let is_kind = std::env::var_os("DSYNC_TEST_KIND").is_some();
    Duration::from_secs(if is_kind { 4 } else { 2 })
}

/// Returns whether a Lease has a name that the suite uses.
fn is_of_suite(name: &str) -> bool {
    let kind = name.contains(".election.") || name.contains(".lock.");
    kind && ["suite-", "storm-", "processes-"].iter().any(|scope| name.starts_with(scope))
}

/// Returns the address and the version of the server of a kubeconfig.
fn look(kubeconfig: &Path) -> anyhow::Result<(Option<SocketAddr>, String)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let config = config(kubeconfig).await.context("the kubeconfig cannot be used")?;
        let host = config.cluster_url.host().unwrap_or_default().trim_matches(['[', ']']);
        let port = config.cluster_url.port_u16().unwrap_or(443);
        let address = (host, port).to_socket_addrs().ok().and_then(|mut all| all.next());
        let version = Client::try_from(config)?.apiserver_version().await;
        let version = version.context("the server does not report its version")?;
        Ok((address, version.git_version))
    })
}

pub(crate) fn internal(error: &dyn fmt::Display) -> Error {
    Error::ambiguous(ErrorKind::Internal, error.to_string())
}

#[async_trait]
impl Harness for ServerHarness {
    async fn connect(&self, via: Via) -> Result<Arc<dyn Driver>> {
        let address = match via {
            Via::Direct => {
                let config = Config::new("unused").with_kubeconfig(&self.kubeconfig);
                return Ok(Arc::new(KubeDriver::connect(&config).await?));
            }
            Via::Proxy(address) => address,
        };
        let mut config = config(&self.kubeconfig).await.map_err(|error| internal(&error))?;
        // The certificate names the server, not the proxy.
        let host = config.cluster_url.host().map(str::to_owned);
        config.tls_server_name = config.tls_server_name.or(host);
        config.cluster_url =
            format!("https://{address}").parse().map_err(|error| internal(&error))?;
        let client = Client::try_from(config).map_err(|error| internal(&error))?;
        Ok(Arc::new(KubeDriver::new(client)))
    }

    fn server(&self) -> Option<String> {
        Some(self.version.clone())
    }

    fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    fn operator(&self) -> Option<Arc<dyn Operator>> {
        Some(Arc::new(self.clone()))
    }

    fn server_control(&self) -> Option<Arc<dyn ServerControl>> {
        self.control.clone()
    }

    fn environment(&self) -> Option<Vec<(String, String)>> {
        Some(vec![(KUBECONFIG.to_owned(), self.kubeconfig.to_str()?.to_owned())])
    }
}

impl fmt::Debug for ServerHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerHarness").field(&self.version).finish()
    }
}
