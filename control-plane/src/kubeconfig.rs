//! Kubeconfig files: the address of the API server and the credentials of a user.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::pki::{self, Identity};

/// Writes a kubeconfig that needs no other file, so that it can be copied.
pub(crate) fn write(
    path: &Path,
    server: SocketAddr,
    authority: &str,
    user: &str,
    identity: &Identity,
) -> Result<()> {
    // Any JSON string is also a valid YAML string.
    let user = serde_json::Value::from(user);
    let mut text = String::new();
    write!(
        text,
        "apiVersion: v1
kind: Config
current-context: dsync
clusters:
- name: dsync
  cluster:
    server: https://{server}
    certificate-authority-data: {authority}
contexts:
- name: dsync
  context:
    cluster: dsync
    user: {user}
users:
- name: {user}
  user:
    client-certificate-data: {certificate}
    client-key-data: {key}
",
        authority = STANDARD.encode(authority),
        certificate = STANDARD.encode(&identity.certificate),
        key = STANDARD.encode(&identity.key),
    )?;
    pki::write(path, &text)
}

/// Returns a file name for the kubeconfig of a user. The number keeps users apart whose names differ only
/// in characters that a file name should not have.
pub(crate) fn file_name(user: &str, number: usize) -> String {
    let plain: String =
        user.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    format!("kubeconfig-{number}-{plain}")
}
