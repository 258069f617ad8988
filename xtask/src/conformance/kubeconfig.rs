//! The current context of a kubeconfig.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

/// A current context, and the file that defines it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Current {
    pub(super) file: PathBuf,
    pub(super) context: String,
    pub(super) server: String,
}

impl fmt::Display for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, context, server } = self;
        write!(f, "context {context}, server {server} ({})", file.display())
    }
}

/// The fields that are needed; a kubeconfig has many more.
#[derive(Deserialize)]
struct Kubeconfig {
    #[serde(rename = "current-context", default)]
    current_context: String,
    #[serde(default)]
    contexts: Vec<NamedContext>,
    #[serde(default)]
    clusters: Vec<NamedCluster>,
}

#[derive(Deserialize)]
struct NamedContext {
    name: String,
    context: Context,
}

#[derive(Deserialize)]
struct Context {
    cluster: String,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: String,
    cluster: Cluster,
}

#[derive(Deserialize)]
struct Cluster {
    server: String,
}

/// Returns the current context of `KUBECONFIG`, or of `~/.kube/config`.
pub(super) fn current() -> Result<Current> {
    let variable = std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty());
    let file = match variable {
        Some(value) => {
            let mut files = std::env::split_paths(&value).filter(|file| file.exists());
            let first = files.next();
            if files.next().is_some() {
                bail!(
                    "KUBECONFIG names several files: merge them with \
                     `kubectl config view --flatten --minify`, and name the result"
                );
            }
            first.with_context(|| {
                format!("KUBECONFIG: the file {} does not exist", value.display())
            })?
        }
        None => match std::env::home_dir() {
            Some(home) => home.join(".kube/config"),
            None => bail!("the home directory is unknown: set KUBECONFIG to a kubeconfig"),
        },
    };
    let text = std::fs::read_to_string(&file).with_context(|| {
        format!("{}: set KUBECONFIG to a kubeconfig, or use --cluster local", file.display())
    })?;
    read(&text, &file)
}

fn read(text: &str, file: &Path) -> Result<Current> {
    let shown = file.display();
    let config: Kubeconfig = serde_saphyr::from_str(text)
        .map_err(|error| anyhow::anyhow!("{shown} is not a kubeconfig: {error}"))?;
    let context = config.current_context;
    if context.is_empty() {
        bail!("{shown} has no current context: choose one with `kubectl config use-context`");
    }
    let named = config.contexts.into_iter().find(|named| named.name == context);
    let named = named
        .with_context(|| format!("{shown}: there is no context {context}, its current one"))?;
    let of = named.context.cluster;
    let cluster = config.clusters.into_iter().find(|named| named.name == of);
    let cluster = cluster
        .with_context(|| format!("{shown}: there is no cluster {of}, which {context} names"))?;
    Ok(Current { file: file.to_owned(), context, server: cluster.cluster.server })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "
apiVersion: v1
kind: Config
current-context: \"prod\"
preferences: {}
clusters:
- name: far
  cluster: { server: 'https://10.0.0.1:6443', certificate-authority-data: QUJD }
- cluster:
    server: https://127.0.0.1:1234
  name: near
contexts:
- {name: test, context: {cluster: near, user: me}}
- context:
    cluster: far
    namespace: default
    user: me
  name: prod
users: []
";

    fn refusal(text: &str) -> String {
        read(text, Path::new("/k")).unwrap_err().to_string()
    }

    #[test]
    fn the_current_context_leads_to_its_server() {
        let current = read(TWO, Path::new("/k")).unwrap();
        assert_eq!(current.to_string(), "context prod, server https://10.0.0.1:6443 (/k)");
        let json = r#"{"current-context": "a", "contexts": [{"name": "a", "context":
            {"cluster": "c"}}], "clusters": [{"name": "c", "cluster": {"server": "s"}}]}"#;
        assert_eq!(read(json, Path::new("/k")).unwrap().server, "s");
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(refusal("kind: Config").contains("no current context"));
        assert!(refusal(&TWO.replace("\"prod\"", "gone")).contains("no context gone"));
        assert!(refusal(&TWO.replace("cluster: far", "cluster: away")).contains("no cluster away"));
        assert!(refusal("- a list").contains("/k is not a kubeconfig"));
    }
}
