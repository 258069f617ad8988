//! The options of a control plane.

use std::path::PathBuf;
use std::time::Duration;

/// How to start a control plane. The default suits tests.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder for its data, certificates, kubeconfig and logs. It is created if it is missing, and
    /// removed at the end. The default is a new folder under the target folder of the workspace, so
    /// that several control planes can run at once.
    pub dir: Option<PathBuf>,
    /// How long each server may take to become ready.
    pub start_timeout: Duration,
    /// How long the certificates are valid. They cannot be renewed, so this bounds the lifetime of the
    /// control plane.
    pub certificate_lifetime: Duration,
    /// Receives the progress messages, one line each. The default prints them to stderr.
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
