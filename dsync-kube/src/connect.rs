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
    /// The file that the caller named.
    File(PathBuf),
    /// The files named in `KUBECONFIG`.
    Variable,
    /// The service account of the pod.
    Pod,
    /// `~/.kube/config`.
    Home,
}

impl Source {
    /// Returns the first that exists: a named file, `KUBECONFIG`, the pod, the home directory.
    pub(crate) fn find(path: Option<&Path>) -> Self {
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        match path {
            Some(path) => Self::File(path.to_owned()),
            None if is_set("KUBECONFIG") => Self::Variable,
            None if is_set("KUBERNETES_SERVICE_HOST") => Self::Pod,
            None => Self::Home,
        }
    }

    /// Reads the source and creates a client, which shares no rate limit with the program. Returns
    /// it with the URL of the server.
    ///
    /// Nothing is sent to the API server, but a credential plugin may be run.
    pub(crate) async fn open(&self) -> Result<(Client, String)> {
        let config = self.read().await?;
        let server = config.cluster_url.to_string();
        let server = server.trim_end_matches('/').to_owned();
        // A blocking task, because `kube` waits for the child process of a credential plugin. It
        // also turns a panic into an error: rustls panics if the program contains two crypto
        // providers and has chosen none.
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
                    "the TLS client cannot be created; if the program contains more than one rustls \
                     crypto provider, call `install_default` on one of them first",
                )
                .with_source(panic)),
        }
    }

    async fn read(&self) -> Result<Config> {
        let kubeconfig = match self {
            Self::Pod => {
                return Config::incluster().map(without_retries).map_err(|error| {
                    self.error(ErrorKind::Invalid, &causes(&error)).with_source(error)
                });
            }
            Self::File(path) => Kubeconfig::read_from(path),
            Self::Variable | Self::Home => Kubeconfig::read(),
        };
        let kubeconfig = kubeconfig.map_err(|error| self.kubeconfig_error(error))?;
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
        config.map(without_retries).map_err(|error| self.kubeconfig_error(error))
    }

    fn kubeconfig_error(&self, error: KubeconfigError) -> Error {
        let text = match &error {
            KubeconfigError::FindPath if *self == Self::Home => return nothing_found(error),
            KubeconfigError::ReadConfig(cause, _)
                if *self == Self::Home && cause.kind() == IoErrorKind::NotFound =>
            {
                return nothing_found(error);
            }
            KubeconfigError::ReadConfig(cause, path) => {
                format!("cannot read {}: {cause}", path.display())
            }
            KubeconfigError::CurrentContextNotSet => {
                "it has no `current-context`; choose one with `kubectl config use-context`"
                    .to_owned()
            }
            KubeconfigError::LoadContext(name) => {
                format!(
                    "its `current-context` is \"{name}\", and there is no such context in the file"
                )
            }
            KubeconfigError::LoadClusterOfContext(name) => {
                format!(
                    "its context names cluster \"{name}\", and there is no such cluster in the file"
                )
            }
            other => causes(other),
        };
        self.error(ErrorKind::Invalid, &text).with_source(error)
    }

    fn error(&self, kind: ErrorKind, text: &str) -> Error {
        let origin = match self {
            Self::File(path) => format!("kubeconfig {}", path.display()),
            Self::Variable => {
                let value = env::var_os("KUBECONFIG").unwrap_or_default();
                format!("kubeconfig {} (from KUBECONFIG)", value.display())
            }
            Self::Pod => "the service account of this pod".to_owned(),
            Self::Home => "kubeconfig ~/.kube/config".to_owned(),
        };
        Error::definite(kind, format!("{origin}: {text}"))
    }
}

fn nothing_found(error: KubeconfigError) -> Error {
    let message = "no Kubernetes configuration found: ~/.kube/config does not exist, KUBE_CONFIG_PATH \
                   and KUBECONFIG are unset, and this is not a pod with a service account";
    Error::definite(ErrorKind::Invalid, message).with_source(error)
}

/// The core limits every request and decides on every retry. If the client retried, the answer to
/// its second attempt could hide that the first one was applied.
fn without_retries(mut config: Config) -> Config {
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = None;
    config.default_retry = false;
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn fails(text: Option<&str>) -> Error {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        if let Some(text) = text {
            std::fs::write(&path, text).unwrap();
        }
        let error = Source::find(Some(&path)).open().await.map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(!error.is_ambiguous());
        assert!(error.to_string().contains("config.yaml"), "{error} should name the file");
        error
    }

    #[tokio::test]
    async fn a_wrong_kubeconfig_says_what_is_wrong() {
        let context = "contexts: [{name: a, context: {cluster: c, user: u}}]\n";
        let cases = [
            (None, "cannot read"),
            (Some("{"), "YAML"),
            (Some(""), "no `current-context`"),
            (Some("current-context: a\n"), "\"a\", and there is no such context"),
            (
                Some(&*format!("current-context: a\n{context}")),
                "cluster \"c\", and there is no such cluster",
            ),
            (
                Some(&*format!(
                    "current-context: a\n{context}clusters: [{{name: c, cluster: {{}}}}]\n"
                )),
                "url",
            ),
        ]
        .map(|(text, says)| (text.map(ToOwned::to_owned), says));
        for (text, says) in cases {
            let error = fails(text.as_deref()).await;
            assert!(error.to_string().contains(says), "{error} should say {says}");
        }
    }

    #[tokio::test]
    async fn nothing_is_sent_and_nothing_retries_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        let text = "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n\
                clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1/'}}]\n";
        std::fs::write(&path, text).unwrap();
        let source = Source::find(Some(&path));
        let config = source.read().await.unwrap();
        assert!(!config.default_retry);
        assert_eq!(config.connect_timeout, Some(CONNECT_TIMEOUT));
        assert_eq!(config.read_timeout, None);
        let (_, server) = source.open().await.unwrap();
        assert_eq!(server, "http://127.0.0.1:1");
    }
}
