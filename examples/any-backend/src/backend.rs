//! A driver by URL.

use std::sync::Arc;

use dsync::{Config, Driver, Error, ErrorKind, Result};
use dsync_etcd::{EtcdDriver, EtcdOptions};
use dsync_kube::KubeDriver;
use dsync_mock::MockDriver;
use dsync_redis::RedisDriver;

pub(crate) const USAGE: &str = "\
mock://, kube://NAMESPACE?scope=SCOPE, redis://HOST:PORT, redis+sentinel://HOST:PORT,…/SERVICE, \
redis+cluster://HOST:PORT,…, rediss for TLS, etcd://HOST:PORT,… or etcds://HOST:PORT,…";

/// The driver that `url` names, and `config` with what the URL says besides.
pub(crate) async fn open(url: &str, config: Config) -> Result<(Arc<dyn Driver>, Config)> {
    let (scheme, rest) = url.split_once("://").unwrap_or((url, ""));
    Ok(match scheme {
        "mock" => (Arc::new(MockDriver::new()), config),
        _ if scheme.starts_with("redis") => (Arc::new(RedisDriver::open(url)?), config),
        "etcd" | "etcds" => (Arc::new(EtcdDriver::open(EtcdOptions::from_url(url)?)?), config),
        "kube" => {
            let config = of_kube(rest, config)?;
            (Arc::new(KubeDriver::connect(&config).await?), config)
        }
        _ => {
            // Not shown as a whole: there may be a password in it.
            let message = format!("no backend {scheme:?}; there are {USAGE}");
            return Err(Error::definite(ErrorKind::Invalid, message));
        }
    })
}

/// `NAMESPACE?scope=SCOPE`, both of which may be left out.
fn of_kube(rest: &str, mut config: Config) -> Result<Config> {
    let (namespace, query) = rest.split_once('?').unwrap_or((rest, ""));
    let namespace = namespace.trim_end_matches('/');
    if !namespace.is_empty() {
        config = config.with_namespace(namespace);
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let Some(("scope", scope)) = pair.split_once('=') else {
            let message = format!("kube://… knows nothing of {pair:?}, but of scope=SCOPE");
            return Err(Error::definite(ErrorKind::Invalid, message));
        };
        config = config.with_scope(scope);
    }
    Ok(config)
}
