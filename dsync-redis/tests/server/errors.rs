//! Errors of servers that cannot or must not serve a request.

use std::sync::Arc;
use std::time::Duration;

use dsync::driver::{Acquired, Claim, Driver, Holder, Key, KeyKind, Nonce, Renewed};
use dsync::{Error, ErrorKind, Resource};
use dsync_redis::RedisDriver;
use futures_util::StreamExt as _;
use redis::{ClientTlsConfig, TlsCertificates};
use test_servers::{Certificates, RedisOptions, redis_own};

use crate::clients::command;
use crate::{block_on, server};

fn key() -> Key {
    Resource::new("x").with_scope("default").key(KeyKind::Lock)
}

fn claim() -> Claim {
    Claim::new(Holder::new("a", Nonce::new(1)), Duration::from_secs(15))
}

fn driver(url: &str) -> RedisDriver {
    RedisDriver::open(url).unwrap()
}

async fn refusal(url: &str) -> Error {
    driver(url).acquire(&key(), &claim()).await.unwrap_err()
}

/// Checks the kind, that the error is definite, and that the message contains `says`.
fn check(error: &Error, kind: ErrorKind, says: &str) {
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    assert!(!error.is_ambiguous(), "{text}");
    assert!(text.contains(says), "{text}");
    assert!(!text.contains("secret"), "a password in {text}");
}

fn with(url: &str, credentials: &str) -> String {
    url.replace("redis://", &format!("redis://{credentials}@"))
}

pub(crate) fn password() {
    block_on(async {
        let server = server(&["--requirepass", "right"]);
        check(&refusal(server.url()).await, ErrorKind::Unauthenticated, "password");
        let wrong = with(server.url(), ":secret");
        check(&refusal(&wrong).await, ErrorKind::Unauthenticated, "password");
        let right = driver(&with(server.url(), ":right"));
        assert!(matches!(right.acquire(&key(), &claim()).await, Ok(Acquired::Won(_))));
    });
}

/// The rights that the README lists are sufficient, and each missing right is reported.
pub(crate) fn rights() {
    let readme = include_str!("../../README.md");
    let line = readme.lines().find(|line| line.starts_with("ACL SETUSER dsync")).unwrap();
    block_on(async {
        let server = server(&[]);
        command::<()>(server.url(), &line.split(' ').collect::<Vec<_>>()).await;
        let url = with(server.url(), "dsync:secret");
        let allowed = driver(&url);
        let Acquired::Won(lease) = allowed.acquire(&key(), &claim()).await.unwrap() else {
            panic!("not free")
        };
        assert!(allowed.read(&key()).await.unwrap().is_some());
        assert!(matches!(allowed.renew(&key(), &lease).await, Ok(Renewed::Kept(_))));
        let mut watch = allowed.watch(&key());
        let greeting = futures_util::StreamExt::next(&mut watch).await.unwrap();
        assert!(greeting.is_ok(), "{greeting:?}");
        allowed.release(&key(), &lease).await.unwrap();

        for verb in ["set", "evalsha", "time"] {
            command::<()>(server.url(), &["ACL", "SETUSER", "dsync", &format!("-{verb}")]).await;
            check(&refusal(&url).await, ErrorKind::Denied, "rights");
            assert_eq!(driver(server.url()).read(&key()).await.unwrap(), None, "{verb}");
            command::<()>(server.url(), &["ACL", "SETUSER", "dsync", &format!("+{verb}")]).await;
        }
        // Without the right to publish, nothing is released.
        let Acquired::Won(lease) = allowed.acquire(&key(), &claim()).await.unwrap() else {
            panic!("not free")
        };
        command::<()>(server.url(), &["ACL", "SETUSER", "dsync", "-publish"]).await;
        let error = driver(&url).release(&key(), &lease).await.unwrap_err();
        check(&error, ErrorKind::Denied, "rights");
        assert!(driver(server.url()).read(&key()).await.unwrap().is_some());
    });
}

pub(crate) fn replica() {
    block_on(async {
        let (master, replica) = (server(&[]), server(&[]));
        let address = master.address().unwrap();
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        command::<()>(replica.url(), &["REPLICAOF", &host, &port]).await;
        while !command::<String>(replica.url(), &["INFO", "replication"])
            .await
            .contains("status:up")
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        check(&refusal(replica.url()).await, ErrorKind::Unavailable, "master");
        // A replica may lag, so it does not answer reads either.
        let read = driver(replica.url()).read(&key()).await;
        check(&read.unwrap_err(), ErrorKind::Unavailable, "master");
    });
}

pub(crate) fn memory() {
    block_on(async {
        let server = server(&[]);
        let holder = driver(server.url());
        let Acquired::Won(lease) = holder.acquire(&key(), &claim()).await.unwrap() else {
            panic!("not free")
        };
        command::<()>(server.url(), &["CONFIG", "SET", "maxmemory", "1"]).await;
        assert!(matches!(holder.renew(&key(), &lease).await, Ok(Renewed::Kept(_))));
        holder.release(&key(), &lease).await.unwrap();
        check(&refusal(server.url()).await, ErrorKind::Throttled, "maxmemory");
        assert_eq!(holder.read(&key()).await.unwrap(), None);
    });
}

/// A restart that loads slowly enough for requests to arrive while it is loading.
pub(crate) fn loading() {
    const FILL: &str = "for i = 1, 2000 do redis.call('SET', 'theirs:' .. i, i) end";
    block_on(async {
        let slowly =
            ["--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"];
        let server = Arc::new(server(&slowly));
        command::<()>(server.url(), &["EVAL", FILL, "0"]).await;
        command::<()>(server.url(), &["SAVE"]).await;
        server.kill(0).unwrap();
        let restarted = {
            let server = Arc::clone(&server);
            tokio::task::spawn_blocking(move || server.start(0))
        };
        let driver = driver(server.url());
        let mut has_reported = false;
        while let Err(error) = driver.acquire(&self::key(), &claim()).await {
            assert!(error.is_retryable() && !error.is_ambiguous(), "{error}");
            has_reported |= error.to_string().contains("loading its data");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(has_reported, "the request came after the server had loaded its data");
        restarted.await.unwrap().unwrap();
    });
}

pub(crate) fn wrong_type() {
    block_on(async {
        let server = server(&[]);
        let record = "dsync:lock:{default/default.lock.x}";
        command::<()>(server.url(), &["RPUSH", record, "theirs"]).await;
        check(&refusal(server.url()).await, ErrorKind::Unsupported, "another program");
    });
}

pub(crate) fn cluster() {
    block_on(async {
        let server = crate::cluster::node();
        check(&refusal(server.url()).await, ErrorKind::Unavailable, "slot");
    });
}

pub(crate) fn tls() {
    block_on(async {
        let server = server(&[]);
        let url = server.url().replace("redis://", "rediss://");
        let limit = Duration::from_secs(10);
        let error = tokio::time::timeout(limit, refusal(&url)).await.unwrap();
        check(&error, ErrorKind::Unavailable, "no connection");
    });
}

/// Without the authority or the client certificate, connections are refused.
pub(crate) fn certificates() {
    block_on(async {
        let options = RedisOptions { has_tls: true, ..RedisOptions::default() };
        let server = redis_own(&options).unwrap();
        let Certificates { authority, certificate, key } = server.certificates().unwrap().clone();
        let root_cert = Some(authority.into_bytes());
        let client =
            ClientTlsConfig { client_cert: certificate.into_bytes(), client_key: key.into_bytes() };
        let both = TlsCertificates { client_tls: Some(client), root_cert };
        let open = |certificates: &TlsCertificates| {
            RedisDriver::open_with_certificates(server.url(), certificates).unwrap()
        };
        let trusted = open(&both);
        let Acquired::Won(lease) = trusted.acquire(&self::key(), &claim()).await.unwrap() else {
            panic!("not free")
        };
        let greeting = trusted.watch(&self::key()).next().await.unwrap();
        assert!(greeting.is_ok(), "{greeting:?}");
        trusted.release(&self::key(), &lease).await.unwrap();

        check(&refusal(server.url()).await, ErrorKind::Unavailable, "UnknownIssuer");
        let anonymous = open(&TlsCertificates { client_tls: None, ..both.clone() });
        let error = anonymous.acquire(&self::key(), &claim()).await.unwrap_err();
        check(&error, ErrorKind::Unavailable, "CertificateRequired");

        let plain = server.url().replace("rediss://", "redis://");
        let error = RedisDriver::open_with_certificates(&plain, &both).unwrap_err();
        check(&error, ErrorKind::Invalid, "rediss");
    });
}

pub(crate) fn refused() {
    block_on(async {
        let gone = server(&[]);
        let url = gone.url().to_owned();
        drop(gone);
        let address = url.trim_start_matches("redis://");
        check(&refusal(&url).await, ErrorKind::Unavailable, address);
    });
}

pub(crate) fn url() {
    block_on(async {
        for url in [
            "",
            "nonsense",
            "http://localhost",
            "redis://:secret@host:notaport",
            "redis+sentinel://:secret@host",
        ] {
            let error = RedisDriver::open(url).unwrap_err();
            check(&error, ErrorKind::Invalid, "redis://");
        }
    });
}
