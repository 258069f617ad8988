use std::path::Path;
use std::sync::Arc;

use dsync::ErrorKind;
use dsync::driver::{Key, KeyKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Accepts the token `new` only, and keeps the first line and the token of each request.
async fn server() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let tokens = Arc::clone(&seen);
    #[expect(clippy::disallowed_methods, reason = "a server for one test")]
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut some = [0; 1024];
                let read = socket.read(&mut some).await.unwrap();
                request.extend_from_slice(&some[..read]);
            }
            let request = String::from_utf8(request).unwrap();
            let token = request.split("Bearer ").nth(1).unwrap().lines().next().unwrap();
            tokens.lock().unwrap().push(token.to_owned());
            let (status, body) = match token {
                "new" => ("200 OK", "{}"),
                _ => {
                    ("401 Unauthorized", r#"{"kind":"Status","code":401,"reason":"Unauthorized"}"#)
                }
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (port, seen)
}

fn write(path: &Path, port: u16, token: &str) {
    let text = format!(
        "current-context: a\ncontexts: [{{name: a, context: {{cluster: c, user: u}}}}]\n\
         clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{port}'}}}}]\n\
         users: [{{name: u, user: {{token: {token}}}}}]\n"
    );
    std::fs::write(path, text).unwrap();
}

#[tokio::test]
async fn refused_credentials_are_read_again_before_the_next_request() {
    let (port, tokens) = server().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    write(&path, port, "old");
    let session = Session::open(Source::find(Some(&path))).await.unwrap();
    let call = Call::get(&Key::new(KeyKind::Lock, "shop", "a")).unwrap();

    let error = session.error(&call, session.ask(&call).await.unwrap_err());
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unauthenticated, true));

    // The file is as it was, and then it is broken: errors, and no loop.
    session.ask(&call).await.unwrap_err();
    std::fs::write(&path, "{").unwrap();
    let error = session.error(&call, session.ask(&call).await.unwrap_err());
    assert!(error.to_string().contains("YAML") && !error.is_ambiguous(), "{error}");

    write(&path, port, "new");
    let (first, second) = tokio::join!(session.ask(&call), session.ask(&call));
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(session.any().1, 2, "two requests read them once");
    assert_eq!(*tokens.lock().unwrap(), ["old", "old", "new", "new"]);
}
