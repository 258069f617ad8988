//! The file that tells clients where the API server is and who they are.

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
    // A JSON string is a YAML string, whatever is in it.
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

/// A file name for the user's kubeconfig: the name itself where it's plain, and
/// a number, as two users may differ only in what isn't.
pub(crate) fn file_name(user: &str, number: usize) -> String {
    let plain: String =
        user.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    format!("kubeconfig-{number}-{plain}")
}
