//! What a caller may choose about a control plane.

use std::path::PathBuf;
use std::time::Duration;

/// How to start a control plane. The default suits tests.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder for its data, certificates, kubeconfig and logs; it's made if
    /// missing and removed at the end. By default a fresh one under the
    /// workspace's target folder, so that many can run at once.
    pub dir: Option<PathBuf>,
    /// How long each server may take until it's ready.
    pub start_timeout: Duration,
    /// How long the certificates are good for. There is no way to renew them, so
    /// this bounds the control plane's life.
    pub certificate_lifetime: Duration,
    /// Takes the messages about what's going on, one line each; by default they
    /// go to stderr.
    pub report: fn(&str),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            dir: None,
            start_timeout: Duration::from_secs(120),
            certificate_lifetime: Duration::from_secs(24 * 60 * 60),
            report: |line| eprintln!("control plane: {line}"),
        }
    }
}
