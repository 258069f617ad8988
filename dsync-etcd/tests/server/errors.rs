//! Errors of servers that cannot or must not serve a request.

use futures_util::StreamExt as _;
use std::time::Duration;

use dsync::driver::{Claim, Driver, Holder, Nonce, Renewed};
use dsync::{Error, ErrorKind};
use dsync_etcd::{EtcdDriver, EtcdOptions};
use etcd_client::{Client, Permission, PermissionType};
use test_servers::Server;

use crate::{block_on, claim, client, cluster, driver, endpoints, key, win};

/// Checks the kind, that the error is definite, and that the message contains `says`.
fn check(error: &Error, kind: ErrorKind, says: &str) {
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    assert!(!error.is_ambiguous(), "{text}");
    assert!(text.contains(says), "{text}");
    assert!(!text.contains("secret"), "a password in {text}");
}

async fn refusal(driver: &EtcdDriver) -> Error {
    driver.acquire(&key("x"), &claim(1)).await.unwrap_err()
}

fn as_user(server: &Server, name: &str, password: &str) -> EtcdDriver {
    let options = EtcdOptions::new(endpoints(server)).with_user(name, password);
    EtcdDriver::open(options).unwrap()
}

/// Creates a root, and a user `dsync` with the rights of the README, and turns authentication on.
async fn with_users(server: &Server) -> Client {
    let mut client = client(server).await;
    client.user_add("root", "root", None).await.unwrap();
    client.user_grant_role("root", "root").await.unwrap();
    client.role_add("dsync").await.unwrap();
    let all = Permission::new(PermissionType::Readwrite, "dsync/").with_prefix();
    client.role_grant_permission("dsync", all).await.unwrap();
    client.user_add("dsync", "secret", None).await.unwrap();
    client.user_grant_role("dsync", "dsync").await.unwrap();
    client.auth_enable().await.unwrap();
    let options = etcd_client::ConnectOptions::new().with_user("root", "root");
    Client::connect(endpoints(server), Some(options)).await.unwrap()
}

pub(crate) fn user() {
    block_on(async {
        let server = cluster(1, &[]);
        let _root = with_users(&server).await;
        check(&refusal(&driver(&server)).await, ErrorKind::Unauthenticated, "user");
        let wrong = as_user(&server, "dsync", "secret-too");
        check(&refusal(&wrong).await, ErrorKind::Unauthenticated, "wrong");
        let right = as_user(&server, "dsync", "secret");
        let lease = win(&right, &key("x"), 1).await;
        assert!(matches!(right.renew(&key("x"), &lease).await, Ok(Renewed::Kept(_))));
        right.release(&key("x"), &lease).await.unwrap();
        right.close().await;
    });
}

pub(crate) fn rights() {
    block_on(async {
        let server = cluster(1, &[]);
        let mut root = with_users(&server).await;
        root.role_revoke_permission("dsync", "dsync/", Some(all_below())).await.unwrap();
        let right = as_user(&server, "dsync", "secret");
        check(&refusal(&right).await, ErrorKind::Denied, "rights");
        let mut watch = right.watch(&key("x"));
        let item = futures_util::StreamExt::next(&mut watch).await.unwrap();
        assert_eq!(item.unwrap_err().kind(), ErrorKind::Denied);
    });
}

fn all_below() -> etcd_client::RoleRevokePermissionOptions {
    etcd_client::RoleRevokePermissionOptions::new().with_prefix()
}

pub(crate) fn unwanted() {
    block_on(async {
        let server = cluster(1, &[]);
        let error = refusal(&as_user(&server, "dsync", "secret")).await;
        check(&error, ErrorKind::Invalid, "leave user and password out");
    });
}

pub(crate) fn token() {
    block_on(async {
        let server = cluster(1, &["--auth-token-ttl=1"]);
        let _root = with_users(&server).await;
        let driver = as_user(&server, "dsync", "secret");
        let lease = win(&driver, &key("x"), 1).await;
        // Longer than a token lives. Polling for its expiry would use it, and that extends it.
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(matches!(driver.renew(&key("x"), &lease).await, Ok(Renewed::Kept(_))));
        tokio::time::sleep(Duration::from_secs(3)).await;
        driver.release(&key("x"), &lease).await.unwrap();
    });
}

pub(crate) fn space() {
    block_on(async {
        let server = cluster(1, &["--quota-backend-bytes=65536"]);
        let mut client = client(&server).await;
        let held = driver(&server);
        let lease = win(&held, &key("y"), 1).await;
        while client.put("filler", vec![0; 32 * 1024], None).await.is_ok() {}
        // The leader keeps its lease and can release it.
        assert!(matches!(held.renew(&key("y"), &lease).await, Ok(Renewed::Kept(_))));
        held.release(&key("y"), &lease).await.unwrap();
        check(&refusal(&driver(&server)).await, ErrorKind::Unavailable, "alarm disarm");
    });
}

pub(crate) fn tls() {
    block_on(async {
        let server = cluster(1, &[]);
        let url = server.url().replace("etcd://", "etcds://");
        let driver = EtcdDriver::open(EtcdOptions::from_url(&url).unwrap()).unwrap();
        check(&refusal(&driver).await, ErrorKind::Unavailable, "TLS");
    });
}

/// Without the authority or the client certificate, connections are refused.
pub(crate) fn certificates() {
    block_on(async {
        let options = test_servers::EtcdOptions { has_tls: true, ..Default::default() };
        let server = test_servers::etcd_own(&options).unwrap();
        let shown = server.certificates().unwrap();
        let options = || EtcdOptions::from_url(server.url()).unwrap();
        let anonymous = || options().with_authority(&shown.authority);
        let trusted = anonymous().with_certificate(&shown.certificate, &shown.key);
        let trusted = EtcdDriver::open(trusted).unwrap();
        let lease = win(&trusted, &key("x"), 1).await;
        let greeting = trusted.watch(&key("x")).next().await.unwrap();
        assert!(greeting.is_ok(), "{greeting:?}");
        trusted.release(&key("x"), &lease).await.unwrap();

        for options in [options(), anonymous()] {
            let stranger = EtcdDriver::open(options).unwrap();
            check(&refusal(&stranger).await, ErrorKind::Unavailable, "TLS");
        }
    });
}

pub(crate) fn refused() {
    block_on(async {
        let gone = cluster(1, &[]);
        let driver = driver(&gone);
        let endpoint = endpoints(&gone).remove(0);
        drop(gone);
        check(&refusal(&driver).await, ErrorKind::Unavailable, &endpoint);
    });
}

pub(crate) fn too_long() {
    block_on(async {
        let server = cluster(1, &[]);
        let claim = Claim::new(Holder::new("a", Nonce::new(1)), Duration::MAX);
        let error = driver(&server).acquire(&key("x"), &claim).await.unwrap_err();
        check(&error, ErrorKind::Invalid, "too long");
    });
}
