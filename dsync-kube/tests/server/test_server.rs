//! The API server of the tests, and clients for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use control_plane::{ControlPlane, Options};
use dsync::{Config, Dsync, Timing};
use dsync_kube::KubeDriver;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;

/// The lease duration of the tests.
pub(crate) const L: Duration = Duration::from_secs(3);

pub(crate) struct TestServer {
    kubeconfig: PathBuf,
    own: Option<ControlPlane>,
    version: String,
}

impl TestServer {
    pub(crate) fn new() -> anyhow::Result<Arc<Self>> {
        if let Some(path) = std::env::var_os("DSYNC_TEST_KUBECONFIG") {
            let version = "the server of DSYNC_TEST_KUBECONFIG".to_owned();
            return Ok(Arc::new(Self { kubeconfig: path.into(), own: None, version }));
        }
        let own = ControlPlane::start(Options::default())?;
        let version = format!("kube-apiserver {}", own.version());
        Ok(Arc::new(Self { kubeconfig: own.kubeconfig().to_owned(), own: Some(own), version }))
    }

    pub(crate) fn describe(&self) -> String {
        let by = if self.own.is_some() { ", started by the tests" } else { "" };
        format!("{}{by}", self.version)
    }

    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    pub(crate) async fn driver(&self) -> KubeDriver {
        driver(&self.kubeconfig).await
    }

    pub(crate) async fn pod(&self, name: &str, scope: &str) -> Dsync {
        pod(&self.kubeconfig, name, scope).await
    }

    pub(crate) async fn leases(&self) -> Api<Lease> {
        let kubeconfig = kube::config::Kubeconfig::read_from(&self.kubeconfig).unwrap();
        let options = kube::config::KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
        let client = kube::Client::try_from(config).unwrap();
        Api::namespaced(client, "default")
    }
}

pub(crate) async fn driver(kubeconfig: &Path) -> KubeDriver {
    KubeDriver::connect(&Config::new("unused").with_kubeconfig(kubeconfig)).await.unwrap()
}

pub(crate) async fn pod(kubeconfig: &Path, name: &str, scope: &str) -> Dsync {
    let config = Config::new(name).with_scope(scope).with_timing(Timing::new(L));
    Dsync::new(driver(kubeconfig).await, config).unwrap()
}

/// A scope that no other test uses.
pub(crate) fn scope(test: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{test}-{}-{number}", std::process::id())
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// Waits until `condition` holds, for no longer than `limit`. How long it took.
pub(crate) async fn within(
    what: &str,
    limit: Duration,
    mut condition: impl FnMut() -> bool,
) -> Duration {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    start.elapsed()
}
