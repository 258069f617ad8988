//! Opens the driver that a URL names.

use std::sync::Arc;

use dsync::{Config, Driver, Error, ErrorKind, Result};
use dsync_etcd::{EtcdDriver, EtcdOptions};
use dsync_kube::KubeDriver;
use dsync_mock::MockDriver;
use dsync_redis::RedisDriver;

pub(crate) const USAGE: &str = "\
mock://, kube://NAMESPACE?scope=SCOPE, redis://HOST:PORT, redis+sentinel://HOST:PORT,…/SERVICE, \
redis+cluster://HOST:PORT,…, rediss for TLS, etcd://HOST:PORT,… or etcds://HOST:PORT,…";

/// Returns the driver that `url` names, and `config` with the settings of the URL.
pub(crate) async fn open(url: &str, config: Config) -> Result<(Arc<dyn Driver>, Config)> {
    let (scheme, rest) = url.split_once("://").unwrap_or((url, ""));
    Ok(match scheme {
        "mock" => (Arc::new(MockDriver::new()), config),
        _ if scheme.starts_with("redis") => (Arc::new(RedisDriver::open(url)?), config),
        "etcd" | "etcds" => (Arc::new(EtcdDriver::open(EtcdOptions::from_url(url)?)?), config),
        "kube" => {
            let config = kube_config(rest, config)?;
            (Arc::new(KubeDriver::connect(&config).await?), config)
        }
        _ => {
            // The URL can contain a password, so only its scheme is shown.
            let message = format!("unknown backend {scheme:?}; use one of {USAGE}");
            return Err(Error::definite(ErrorKind::Invalid, message));
        }
    })
}

/// Applies `NAMESPACE?scope=SCOPE`, both of which are optional.
fn kube_config(rest: &str, mut config: Config) -> Result<Config> {
    let (namespace, query) = rest.split_once('?').unwrap_or((rest, ""));
    let namespace = namespace.trim_end_matches('/');
    if !namespace.is_empty() {
        config = config.with_namespace(namespace);
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let Some(("scope", scope)) = pair.split_once('=') else {
            let message = format!("unknown parameter {pair:?} of kube://…; use scope=SCOPE");
            return Err(Error::definite(ErrorKind::Invalid, message));
        };
        config = config.with_scope(scope);
    }
    Ok(config)
}
