//! The control plane for real. The programs it runs are found or built; see
//! `control_plane::binaries`.

// Waits for other processes, which takes a real clock; and the helpers are as
// much of the test as the functions marked so.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use control_plane::{ControlPlane, Options};
use rustix::process::{Pid, test_kill_process};
use serde_json::json;

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases";

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "not so in time: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn is_gone(pid: u32) -> bool {
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    test_kill_process(pid) == Err(rustix::io::Errno::SRCH)
}

/// One test for all of it, as starting takes seconds.
#[test]
fn starts_grants_what_rbac_says_and_survives_restarts() {
    let mut control_plane = ControlPlane::start(Options::default()).unwrap();
    let dir = control_plane.dir().to_owned();
    assert!(control_plane.version().starts_with("v1."), "{}", control_plane.version());
    assert!(control_plane.kubeconfig().starts_with(&dir));

    // The administrator may do everything, and someone else nothing.
    let admin = control_plane.admin().clone();
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "kept"}, "spec": {"holderIdentity": "me"},
    });
    assert_eq!(admin.post(LEASES, &lease).unwrap().status, 201);
    let nobody = control_plane.client_for("no,body", &["first", "second"]).unwrap();
    let refused = nobody.get(LEASES).unwrap();
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert!(refused.body.contains("no,body"), "{}", refused.body);
    let path = control_plane.kubeconfig_for("no,body", &[]).unwrap();
    let kubeconfig = std::fs::read_to_string(path).unwrap();
    assert!(kubeconfig.contains(&control_plane.address().to_string()));

    // Each of its groups counts, not only the first.
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "second"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin",
        },
        "subjects": [
            {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "second"},
        ],
    });
    let bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    admin.post(bindings, &binding).unwrap().json().unwrap();
    until("the binding has come into effect", || nobody.get(LEASES).unwrap().status == 200);

    // A crash loses nothing, and the port stays the same.
    let (address, pid) = (control_plane.address(), control_plane.api_server_pid().unwrap());
    control_plane.kill_api_server().unwrap();
    assert!(is_gone(pid));
    assert_eq!(control_plane.api_server_pid(), None);
    admin.get("/version").unwrap_err();
    control_plane.kill_api_server().unwrap_err();
    // The port may even be someone else's for a while.
    let squatter = TcpListener::bind(address).unwrap();
    control_plane.start_api_server_without_waiting().unwrap();
    until("it has failed for the port", || control_plane.api_server_pid().is_none());
    drop(squatter);
    control_plane.wait_until_ready().unwrap();
    assert_eq!(control_plane.address(), address);
    let kept = admin.get(&format!("{LEASES}/kept")).unwrap().json().unwrap();
    assert_eq!(kept["spec"]["holderIdentity"], "me");

    // A paused one holds its answers back until it's resumed.
    control_plane.pause_api_server().unwrap();
    thread::scope(|scope| {
        let asked = scope.spawn(|| admin.get("/version").unwrap().status);
        let state = format!("/proc/{}/stat", control_plane.api_server_pid().unwrap());
        until("it is stopped", || std::fs::read_to_string(&state).unwrap().contains(") T "));
        control_plane.resume_api_server().unwrap();
        assert_eq!(asked.join().unwrap(), 200);
    });

    let pids = [control_plane.api_server_pid().unwrap(), control_plane.etcd_pid().unwrap()];
    drop(control_plane);
    assert!(pids.into_iter().all(is_gone));
    assert!(!dir.exists() || std::env::var_os("DSYNC_KEEP_CLUSTER").is_some());
}

#[test]
fn the_servers_end_with_an_owner_that_is_killed() {
    let mut owner = Command::new(env!("CARGO_BIN_EXE_hold"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(owner.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let pids: Vec<u32> = line.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert_eq!(pids.len(), 2, "{line:?}");
    assert!(!pids.iter().copied().any(is_gone));

    owner.kill().unwrap(); // SIGKILL: nothing of its own runs any more.
    owner.wait().unwrap();
    until("both servers are gone", || pids.iter().copied().all(is_gone));
}
