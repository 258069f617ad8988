//! The control plane with the real servers; `control_plane::binaries` says where they come from. Without
//! them, the tests are shown as ignored, and fail with `DSYNC_REQUIRE=all`.

// The tests wait for other processes, which takes a real clock, and their helpers may unwrap as they do.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use control_plane::{ControlPlane, Options, binaries};
use rustix::process::{Pid, test_kill_process};
use serde_json::json;
use test_servers::trials::{self, Test};

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases";

const TESTS: &[Test] = &[
    (
        "it_starts_grants_what_rbac_says_and_survives_restarts",
        starts_grants_what_rbac_says_and_survives_restarts,
    ),
    ("the_servers_end_with_an_owner_that_is_killed", the_servers_end_with_an_owner_that_is_killed),
];

fn main() -> ExitCode {
    trials::run(TESTS, || binaries::find(Options::default().report).map(drop))
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "not within 30 s: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn is_gone(pid: u32) -> bool {
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    test_kill_process(pid) == Err(rustix::io::Errno::SRCH)
}

/// One test for all of it, because a start takes seconds.
fn starts_grants_what_rbac_says_and_survives_restarts() {
    let mut control_plane = ControlPlane::start(Options::default()).unwrap();
    let dir = control_plane.dir().to_owned();
    assert!(control_plane.version().starts_with("v1."), "{}", control_plane.version());
    assert!(control_plane.kubeconfig().starts_with(&dir));

    // The administrator has all permissions, and another user has none.
    let admin = control_plane.admin().clone();
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "kept"}, "spec": {"holderIdentity": "holder-1"},
    });
    assert_eq!(admin.post(LEASES, &lease).unwrap().status, 201);
    let user = control_plane.client_for("any,user", &["first", "second"]).unwrap();
    let refused = user.get(LEASES).unwrap();
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert!(refused.body.contains("any,user"), "{}", refused.body);
    let path = control_plane.kubeconfig_for("any,user", &[]).unwrap();
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
    until("the binding has come into effect", || user.get(LEASES).unwrap().status == 200);

    // A crash loses nothing, and the port stays the same.
    let (address, pid) = (control_plane.address(), control_plane.api_server_pid().unwrap());
    control_plane.kill_api_server().unwrap();
    assert!(is_gone(pid));
    assert_eq!(control_plane.api_server_pid(), None);
    admin.get("/version").unwrap_err();
    control_plane.kill_api_server().unwrap_err();
    // Another process may use the port for a while.
    let other = TcpListener::bind(address).unwrap();
    control_plane.start_api_server_without_waiting().unwrap();
    until("it has failed for the port", || control_plane.api_server_pid().is_none());
    drop(other);
    control_plane.wait_until_ready().unwrap();
    assert_eq!(control_plane.address(), address);
    let kept = admin.get(&format!("{LEASES}/kept")).unwrap().json().unwrap();
    assert_eq!(kept["spec"]["holderIdentity"], "holder-1");

    // A paused server answers once it is resumed.
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

    owner.kill().unwrap(); // SIGKILL: the owner cannot clean up.
    owner.wait().unwrap();
    until("both servers are gone", || pids.iter().copied().all(is_gone));
}
