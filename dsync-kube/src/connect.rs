//! Where the address and the credentials of the API server come from.

use std::env;
use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dsync::{Error, ErrorKind, Result};
use kube::Client;
use kube::config::{Config, KubeConfigOptions, Kubeconfig, KubeconfigError};

use crate::classify::causes;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A source that can be read again when the credentials have expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file that the user named.
    File(PathBuf),
    /// The files named in `KUBECONFIG`.
    Variable,
    /// The service account of the pod.
    Pod,
    /// `~/.kube/config`.
    Home,
}

impl Source {
    /// The first that is there: a named file, `KUBECONFIG`, the pod, the home directory.
    pub(crate) fn find(path: Option<&Path>) -> Self {
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        match path {
            Some(path) => Self::File(path.to_owned()),
            None if is_set("KUBECONFIG") => Self::Variable,
            None if is_set("KUBERNETES_SERVICE_HOST") => Self::Pod,
            None => Self::Home,
        }
    }

    /// Reads it and makes a client of our own, which shares no rate limit with the program.
    ///
    /// Nothing is sent to the API server, but a credential plugin may be run.
    pub(crate) async fn open(&self) -> Result<(Client, String)> {
        let config = self.read().await?;
        let server = config.cluster_url.to_string();
        let server = server.trim_end_matches('/').to_owned();
        // A credential plugin is a child process that is waited for. The task also turns a panic
        // into an error: rustls panics if the program has two crypto providers and chose none.
        let built = tokio::task::spawn_blocking(move || Client::try_from(config)).await;
        match built {
            Ok(Ok(client)) => Ok((client, server)),
            Ok(Err(error)) => {
                let kind = match error {
                    kube::Error::Auth(_) => ErrorKind::Unauthenticated,
                    _ => ErrorKind::Invalid,
                };
                Err(self.error(kind, &causes(&error)).with_source(error))
            }
            Err(panic) => Err(self
                .error(
                    ErrorKind::Invalid,
                    "the TLS client cannot be made; if the program has more than one rustls crypto \
                 provider, call `install_default` on one of them first",
                )
                .with_source(panic)),
        }
    }

    async fn read(&self) -> Result<Config> {
        let kubeconfig = match self {
            Self::Pod => {
                return Config::incluster().map(ours).map_err(|error| {
                    self.error(ErrorKind::Invalid, &causes(&error)).with_source(error)
                });
            }
            Self::File(path) => Kubeconfig::read_from(path),
            Self::Variable | Self::Home => Kubeconfig::read(),
        };
        let kubeconfig = kubeconfig.map_err(|error| self.kubeconfig_error(error))?;
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
        config.map(ours).map_err(|error| self.kubeconfig_error(error))
    }

    fn kubeconfig_error(&self, error: KubeconfigError) -> Error {
        let text = match &error {
            KubeconfigError::FindPath if *self == Self::Home => NOWHERE.to_owned(),
            KubeconfigError::ReadConfig(cause, _)
                if *self == Self::Home && cause.kind() == IoErrorKind::NotFound =>
            {
                NOWHERE.to_owned()
            }
            KubeconfigError::ReadConfig(cause, path) => {
                format!("cannot read {}: {cause}", path.display())
            }
            KubeconfigError::CurrentContextNotSet => {
                "there is no `current-context` in it; choose one with `kubectl config use-context`"
                    .to_owned()
            }
            KubeconfigError::LoadContext(name) => {
                format!("its `current-context` is \"{name}\", and there is no such context in it")
            }
            KubeconfigError::LoadClusterOfContext(name) => {
                format!("its context names cluster \"{name}\", and there is no such cluster in it")
            }
            other => causes(other),
        };
        self.error(ErrorKind::Invalid, &text).with_source(error)
    }

    fn error(&self, kind: ErrorKind, text: &str) -> Error {
        let place = match self {
            Self::File(path) => format!("kubeconfig {}", path.display()),
            Self::Variable => {
                let value = env::var_os("KUBECONFIG").unwrap_or_default();
                format!("kubeconfig {} (from KUBECONFIG)", value.display())
            }
            Self::Pod => "the service account of this pod".to_owned(),
            Self::Home => "kubeconfig ~/.kube/config".to_owned(),
        };
        Error::definite(kind, format!("{place}: {text}"))
    }
}

const NOWHERE: &str = "there is no such file, and nothing else says where the API server is: set \
                       KUBE_CONFIG_PATH or KUBECONFIG to a kubeconfig, or run in a pod with a \
                       service account, or put a kubeconfig there";

/// The core bounds every request and decides on each retry. A retry below it could answer for a
/// first try that was applied.
fn ours(mut config: Config) -> Config {
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = None;
    config.default_retry = false;
    config
}

#[cfg(test)]
mod tests;
