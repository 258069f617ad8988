//! The order of the places, with folders made for it and an environment that's
//! a function, so that nothing of the real one matters.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;

use super::*;

#[derive(Default)]
struct Fake {
    variables: HashMap<&'static str, OsString>,
}

impl Fake {
    fn with(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.variables.insert(name, value.into());
        self
    }

    fn find(&self) -> Result<Binaries> {
        find_in(&|name| self.variables.get(name).cloned(), |_| {})
    }

    fn error(&self) -> String {
        format!("{:#}", self.find().unwrap_err())
    }
}

fn put(dir: &Path, name: &str, script: &str) {
    fs::create_dir_all(dir).unwrap();
    let path = dir.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn put_both(dir: &Path) -> Binaries {
    put(dir, KUBE_APISERVER, "");
    put(dir, ETCD, "");
    Binaries { kube_apiserver: dir.join(KUBE_APISERVER), etcd: dir.join(ETCD) }
}

fn put_cached(dir: &Path) -> Binaries {
    let cache = Cache::locate(&|name| (name == "DSYNC_CACHE_DIR").then(|| dir.into())).unwrap();
    assert_eq!(cache.binaries(), None);
    for (name, version) in [(KUBE_APISERVER, KUBERNETES_VERSION), (ETCD, ETCD_VERSION)] {
        let platform = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
        put(&cache.path().join(format!("{name}-{version}-{platform}")), name, "");
    }
    cache.binaries().unwrap()
}

#[test]
fn assets_come_first_then_path_then_the_cache() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name| dir.path().join(name);
    let (assets, path) = (put_both(&at("assets")), put_both(&at("path")));
    let cached = put_cached(&at("cache"));

    let mut fake = Fake::default().with("DSYNC_CACHE_DIR", at("cache")).with("PATH", at("empty"));
    assert_eq!(fake.find().unwrap(), cached);
    fake = fake.with("PATH", std::env::join_paths([at("empty"), at("path")]).unwrap());
    assert_eq!(fake.find().unwrap(), path);
    fake = fake.with(ASSETS, at("assets"));
    assert_eq!(fake.find().unwrap(), assets);
}

#[test]
fn assets_without_the_programs_are_an_error_and_not_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    put_both(&dir.path().join("path"));
    let assets = dir.path().join("assets");
    put(&assets, KUBE_APISERVER, "");
    let fake = Fake::default().with("PATH", dir.path().join("path")).with(ASSETS, &assets);
    let error = fake.error();
    assert!(error.contains(assets.join(ETCD).to_str().unwrap()), "{error}");
}

#[test]
fn one_program_on_path_does_not_do() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), ETCD, "");
    let fake = Fake::default().with("PATH", dir.path()).with("HOME", dir.path().join("home"));
    let error = fake.error();
    assert!(error.contains("no Go toolchain"), "{error}");
    assert!(error.contains("setup-envtest"), "{error}");
    assert!(error.contains(ASSETS), "{error}");
}

#[test]
fn a_program_that_cannot_be_run_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let binaries = put_both(dir.path());
    fs::set_permissions(&binaries.etcd, fs::Permissions::from_mode(0o644)).unwrap();
    let fake = Fake::default().with("PATH", dir.path()).with("HOME", dir.path().join("home"));
    fake.find().unwrap_err();
}

#[test]
fn an_old_go_is_named() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "go", "echo go version go1.21.3 linux/amd64");
    let fake = Fake::default().with("PATH", dir.path()).with("HOME", dir.path().join("home"));
    let error = fake.error();
    assert!(error.contains("go1.21.3"), "{error}");
    assert!(error.contains("go1.26 or newer"), "{error}");
}

#[test]
fn go_builds_both_and_the_next_time_they_are_there() {
    let dir = tempfile::tempdir().unwrap();
    // Stands in for a toolchain: writes something to the file after -o.
    put(
        dir.path(),
        "go",
        r#"[ "$1" = version ] && { echo go version go1.26.8 linux/amd64; exit; }
while [ "$1" != -o ]; do shift; done
echo "some/package" >&2
echo > "$2"
/bin/chmod +x "$2""#,
    );
    let fake = Fake::default().with("PATH", dir.path()).with("XDG_CACHE_HOME", dir.path());
    let built = fake.find().unwrap();
    assert!(built.etcd.starts_with(dir.path().join("dsync")));
    assert!(is_program(&built.etcd) && is_program(&built.kube_apiserver));
    fs::remove_file(dir.path().join("go")).unwrap();
    assert_eq!(fake.find().unwrap(), built);
}

#[test]
fn a_failed_build_shows_what_go_said_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    put(
        dir.path(),
        "go",
        r#"[ "$1" = version ] && { echo go version go1.26.8 linux/amd64; exit; }
echo "go: no such module" >&2; exit 1"#,
    );
    let fake = Fake::default().with("PATH", dir.path()).with("XDG_CACHE_HOME", dir.path());
    let error = fake.error();
    assert!(error.contains("go: no such module"), "{error}");
    assert!(error.contains("control-plane/go/etcd"), "{error}");
    fake.find().unwrap_err();
}
