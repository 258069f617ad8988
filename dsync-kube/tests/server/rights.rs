use std::sync::Arc;
use std::time::{Duration, Instant};

use control_plane::{ControlPlane, Options};
use dsync::{Config, EndCause, ErrorKind};
use serde_json::json;

use crate::test_server::{self, L, TestServer, block_on, scope, within};

pub(crate) fn without_update(_: Arc<TestServer>) {
    let server = ControlPlane::start(Options::default()).unwrap();
    let rights = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "no-update"},
        "rules": [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
                   "verbs": ["get", "list", "watch", "create", "delete"]}],
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "no-update"},
        "subjects": [{"kind": "User", "name": "limited", "apiGroup": "rbac.authorization.k8s.io"}],
        "roleRef": {"kind": "Role", "name": "no-update", "apiGroup": "rbac.authorization.k8s.io"},
    });
    for (path, body) in [("roles", role), ("rolebindings", binding)] {
        let answer = server.admin().post(&format!("{rights}/{path}"), &body).unwrap();
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
    let kubeconfig = server.kubeconfig_for("limited", &[]).unwrap();
    block_on(async {
        let dsync = test_server::pod(&kubeconfig, "pod-a", &scope("rights")).await;
        let election = dsync.election("task").unwrap();
        // Creating is allowed, so it is elected, and the first renewal is denied.
        let term = election.elected().await.unwrap();
        let mut observer = election.observe();
        let start = Instant::now();
        let trouble = loop {
            let observed = observer.next().await.expect("not over yet");
            if let Some(trouble) = observed.trouble {
                break trouble;
            }
        };
        println!("after {:?}: {trouble}", start.elapsed());
        assert!(start.elapsed() < L / 2, "at the first renewal: {:?}", start.elapsed());
        assert_eq!(trouble.kind(), ErrorKind::Denied);
        let text = trouble.to_string();
        assert!(text.contains("update") && text.contains("leases") && text.contains("default"));
        term.ended().await;
        // Its own record has to expire first. Then acquiring is denied for four lease durations.
        let over = tokio::time::timeout(8 * L, election.stopped()).await.expect("it ends");
        println!("the campaign ended after {:?}", start.elapsed());
        assert_eq!(over.unwrap_err().kind(), ErrorKind::Denied);
        assert!(start.elapsed() >= 4 * L - L / 2, "{:?}", start.elapsed());
    });
}

pub(crate) fn missing_namespace(server: Arc<TestServer>) {
    block_on(async {
        let config = Config::new("pod-a")
            .with_namespace("nowhere")
            .with_scope(scope("missing"))
            .with_kubeconfig(server.kubeconfig());
        let dsync = dsync::Dsync::new(server.driver().await, &config).unwrap();
        let error = dsync.lock("thing").unwrap().try_lock().await.unwrap_err();
        assert!(error.to_string().contains("nowhere"), "{error}");
        assert!(error.is_retryable(), "it may be created later: {error}");
    });
}

pub(crate) fn restarts(_: Arc<TestServer>) {
    let mut server = ControlPlane::start(Options::default()).unwrap();
    let kubeconfig = server.kubeconfig().to_owned();
    let timing = dsync::Timing::new(Duration::from_secs(20));
    block_on(async {
        let connect = async |name: &str| {
            let config = Config::new(name).with_scope("restarts").with_timing(timing.clone());
            dsync::Dsync::new(test_server::driver(&kubeconfig).await, config).unwrap()
        };
        let (a, b) = (connect("pod-a").await, connect("pod-b").await);
        let leader = a.election("task").unwrap();
        let term = leader.elected().await.unwrap();
        let follower = b.election("task").unwrap();
        within("b follows", L, || follower.leader().is_some()).await;

        // Shorter than the renew deadline of 13.3 s: the term goes on.
        server.kill_api_server().unwrap();
        server.start_api_server().unwrap();
        let headroom = Duration::from_secs(9);
        within("renewed", Duration::from_secs(15), || term.remaining() > headroom).await;
        assert!(term.is_active());

        // Longer: the term ends in time, and a candidate is elected afterwards.
        let remaining = term.remaining();
        server.kill_api_server().unwrap();
        let start = Instant::now();
        term.ended().await;
        assert!(start.elapsed() <= remaining + Duration::from_millis(200));
        assert_eq!(term.cause(), Some(EndCause::Deadline));
        server.start_api_server_without_waiting().unwrap();
        let elected = async {
            tokio::select! { term = leader.elected() => term, term = follower.elected() => term }
        };
        let next = tokio::time::timeout(Duration::from_secs(60), elected).await.unwrap().unwrap();
        println!("elected {:?} after the server was gone", start.elapsed());
        assert!(next.fencing_token() > term.fencing_token());
    });
}
