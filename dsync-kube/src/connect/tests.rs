use super::*;

async fn fails(text: Option<&str>) -> Error {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yaml");
    if let Some(text) = text {
        std::fs::write(&path, text).unwrap();
    }
    let error = Source::find(Some(&path)).open().await.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(!error.is_ambiguous());
    assert!(error.to_string().contains("config.yaml"), "{error} should name the file");
    error
}

#[tokio::test]
async fn a_wrong_kubeconfig_says_what_is_wrong() {
    let context = "contexts: [{name: a, context: {cluster: c, user: u}}]\n";
    let cases = [
        (None, "cannot read"),
        (Some("{"), "YAML"),
        (Some(""), "no `current-context`"),
        (Some("current-context: a\n"), "\"a\", and there is no such context"),
        (
            Some(&*format!("current-context: a\n{context}")),
            "cluster \"c\", and there is no such cluster",
        ),
        (
            Some(&*format!(
                "current-context: a\n{context}clusters: [{{name: c, cluster: {{}}}}]\n"
            )),
            "url",
        ),
    ]
    .map(|(text, says)| (text.map(ToOwned::to_owned), says));
    for (text, says) in cases {
        let error = fails(text.as_deref()).await;
        assert!(error.to_string().contains(says), "{error} should say {says}");
    }
}

#[tokio::test]
async fn nothing_is_sent_and_nothing_retries_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let text = "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n\
                clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1/'}}]\n";
    std::fs::write(&path, text).unwrap();
    let source = Source::find(Some(&path));
    let config = source.read().await.unwrap();
    assert!(!config.default_retry);
    assert_eq!(config.connect_timeout, Some(CONNECT_TIMEOUT));
    assert_eq!(config.read_timeout, None);
    let (_, server) = source.open().await.unwrap();
    assert_eq!(server, "http://127.0.0.1:1");
}
