//! Stopping and starting the nodes of a kind cluster with docker, which a script replaces here.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs, reason = "tests")]

#[path = "conformance/client.rs"]
mod client;
#[path = "conformance/docker.rs"]
mod docker;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use dsync_conformance::harness::ServerControl as _;

use docker::Docker;

/// Records its arguments, lists two nodes of the cluster `dsync`, and fails to unpause.
const SCRIPT: &str = r#"#!/bin/sh
echo "$*" >> "$(dirname "$0")/calls"
case "$*" in
    ps*cluster=dsync\ *role=control-plane) echo dsync-control-plane2; echo dsync-control-plane ;;
    ps*) ;;
    unpause*) echo "Error response from daemon: $2 is not paused" >&2; exit 1 ;;
esac
"#;

fn stand_in(dir: &Path) -> PathBuf {
    let program = dir.join("docker");
    fs::write(&program, SCRIPT).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

fn calls(dir: &Path) -> Vec<String> {
    fs::read_to_string(dir.join("calls")).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn one_node_is_killed_and_paused() {
    let dir = tempfile::tempdir().unwrap();
    let program = stand_in(dir.path());
    let docker = Docker::of_cluster(&program, "dsync", Path::new("unused")).unwrap();
    assert_eq!(docker.nodes(), 2);
    docker.pause().await.unwrap();
    docker.kill().await.unwrap();
    let calls = calls(dir.path());
    assert_eq!(
        calls[0],
        "ps --format {{.Names}} --filter label=io.x-k8s.kind.cluster=dsync --filter \
         label=io.x-k8s.kind.role=control-plane"
    );
    assert_eq!(calls[1..], ["pause dsync-control-plane2", "kill dsync-control-plane2"]);
}

#[tokio::test]
async fn a_command_that_fails_is_shown_with_what_it_says() {
    let dir = tempfile::tempdir().unwrap();
    let program = stand_in(dir.path());
    let docker = Docker::of_cluster(&program, "dsync", Path::new("unused")).unwrap();
    let error = docker.resume().await.unwrap_err().to_string();
    assert!(error.contains("docker unpause dsync-control-plane2"), "{error}");
    assert!(error.contains("is not paused"), "{error}");
}

#[test]
fn a_cluster_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let program = stand_in(dir.path());
    let error = Docker::of_cluster(&program, "other", Path::new("unused")).unwrap_err();
    assert!(error.to_string().contains("named other"), "{error:#}");
    let missing = dir.path().join("missing");
    let error = Docker::of_cluster(&missing, "dsync", Path::new("unused")).unwrap_err();
    assert!(format!("{error:#}").contains("is docker installed?"), "{error:#}");
}
