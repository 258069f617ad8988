//! The order of the places, with folders made for the test, an environment that is a function and a
//! server on loopback, so that nothing of the real ones matters.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::sync::Mutex;

use super::*;

struct Fake {
    variables: HashMap<&'static str, OsString>,
    archive: Archive,
}

impl Default for Fake {
    fn default() -> Self {
        Self { variables: HashMap::new(), archive: archive::tests::out_of_reach() }
    }
}

impl Fake {
    fn with(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.variables.insert(name, value.into());
        self
    }

    fn with_archive(mut self, archive: Archive) -> Self {
        self.archive = archive;
        self
    }

    fn find(&self) -> Result<Binaries> {
        find_in(&|name| self.variables.get(name).cloned(), &self.archive, |_| {})
    }

    fn plan(&self) -> Plan {
        plan::plan_in(&|name| self.variables.get(name).cloned(), &self.archive).unwrap()
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
fn the_archive_comes_before_a_build_and_then_from_the_cache() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "go", "exit 1");
    let variables = |fake: Fake| fake.with("PATH", dir.path()).with("DSYNC_CACHE_DIR", dir.path());
    let fake = variables(Fake::default().with_archive(archive::tests::in_reach()));
    assert_eq!(fake.plan(), Plan::Download(fake.archive.url().to_owned()));
    let binaries = fake.find().unwrap();
    assert!(is_program(&binaries.etcd) && is_program(&binaries.kube_apiserver));
    assert!(binaries.etcd.starts_with(dir.path()));
    let later = variables(Fake::default());
    assert_eq!(later.find().unwrap(), binaries);
    assert_eq!(later.plan(), Plan::Found(binaries));
}

#[test]
fn a_plan_says_what_is_missing_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let fake = Fake::default().with("PATH", dir.path()).with("HOME", &home);
    let Plan::Missing(reason) = fake.plan() else { panic!("{:?}", fake.plan()) };
    assert!(reason.contains("no Go toolchain"), "{reason}");
    assert!(reason.contains(fake.archive.url()), "{reason}");
    put(dir.path(), "go", "echo go version go1.12.17 linux/amd64");
    let Plan::Missing(reason) = fake.plan() else { panic!("{:?}", fake.plan()) };
    assert!(reason.contains("go1.12.17"), "{reason}");
    put(dir.path(), "go", "echo go version go1.19.8 linux/amd64");
    assert_eq!(fake.plan(), Plan::Build("go1.19.8".to_owned()));
    assert!(!home.exists());
}

#[test]
fn each_place_is_reported() {
    // Static, because `report` is a plain function.
    static REPORTED: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "go", BUILDS);
    let fake = Fake::default().with("PATH", dir.path()).with("DSYNC_CACHE_DIR", dir.path());
    let environment = |name: &str| fake.variables.get(name).cloned();
    find_in(&environment, &fake.archive, |line| REPORTED.lock().unwrap().push(line.to_owned()))
        .unwrap();
    let reported = REPORTED.lock().unwrap();
    let expected = [
        format!("{ASSETS} is not set; PATH has neither"),
        format!("the cache {} does not have both", dir.path().join("control-plane").display()),
        format!("downloading {}", fake.archive.url()),
        format!("could not download {}", fake.archive.url()),
        "building them with go1.26.8".to_owned(),
        "built ".to_owned(),
        "built ".to_owned(),
    ];
    assert_eq!(reported.len(), expected.len(), "{reported:?}");
    for (line, start) in reported.iter().zip(expected) {
        assert!(line.starts_with(&start), "{line:?} instead of {start:?}");
    }
}

#[test]
fn one_program_on_path_does_not_do() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), ETCD, "");
    let fake = Fake::default().with("PATH", dir.path()).with("HOME", dir.path().join("home"));
    let error = fake.error();
    assert!(error.contains("no Go toolchain"), "{error}");
    assert!(error.contains("apt-get install golang-go"), "{error}");
    assert!(error.contains(fake.archive.url()), "{error}");
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
fn a_go_that_is_too_old_to_download_another_is_named() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "go", "echo go version go1.12.17 linux/amd64");
    let fake = Fake::default().with("PATH", dir.path()).with("HOME", dir.path().join("home"));
    let error = fake.error();
    assert!(error.contains("go1.12.17"), "{error}");
    assert!(error.contains("go1.13 or newer"), "{error}");
}

/// A stand-in for a toolchain: it writes something to the file after `-o`.
const BUILDS: &str = r#"[ "$1" = version ] && { echo go version go1.26.8 linux/amd64; exit; }
while [ "$1" != -o ]; do shift; done
echo "some/package" >&2
echo > "$2"
/bin/chmod +x "$2""#;

#[test]
fn an_old_go_downloads_a_newer_one_which_builds() {
    let dir = tempfile::tempdir().unwrap();
    let module = dir.path().join("golang.org/toolchain");
    put(&module.join("bin"), "go", BUILDS);
    put(&module.join("pkg/tool/linux_amd64"), "compile", "");
    // As in the module cache: they are read-only and not executable.
    for program in ["bin/go", "pkg/tool/linux_amd64/compile"] {
        fs::set_permissions(module.join(program), fs::Permissions::from_mode(0o444)).unwrap();
    }
    let path = dir.path().join("path");
    let script = format!(
        r#"[ "$1" = version ] && {{ echo go version go1.19.8 linux/amd64; exit; }}
[ "$*" = "mod download -json golang.org/toolchain@v0.0.1-go1.26.8.linux-amd64" ] || exit 1
echo '{{"Dir": "{}"}}'"#,
        module.display()
    );
    put(&path, "go", &script);
    let fake = Fake::default().with("PATH", &path).with("XDG_CACHE_HOME", dir.path());
    let built = fake.find().unwrap();
    assert!(is_program(&built.etcd) && is_program(&built.kube_apiserver));
    assert!(is_program(&module.join("pkg/tool/linux_amd64/compile")));
}

#[test]
fn an_old_go_that_cannot_download_says_why() {
    let dir = tempfile::tempdir().unwrap();
    put(
        dir.path(),
        "go",
        r#"[ "$1" = version ] && { echo go version go1.19.8 linux/amd64; exit; }
echo '{"Error": "module lookup disabled by GOPROXY=off"}'; exit 1"#,
    );
    let fake = Fake::default().with("PATH", dir.path()).with("XDG_CACHE_HOME", dir.path());
    let error = fake.error();
    assert!(error.contains("GOPROXY=off"), "{error}");
    assert!(error.contains("golang.org/toolchain@v0.0.1-go1.26.8.linux-amd64"), "{error}");
}

#[test]
fn go_builds_both_and_the_next_time_they_are_there() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "go", BUILDS);
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
