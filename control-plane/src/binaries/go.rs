//! Building the programs from their published Go modules.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};

use super::{ETCD_VERSION, KUBERNETES_VERSION, on_path};
use crate::environment::Environment;

/// What the modules under `control-plane/go` ask for.
const OLDEST: (u32, u32) = (1, 26);
const REPORT_EVERY: Duration = Duration::from_secs(15);

/// A Go toolchain that's new enough.
pub(super) struct Toolchain {
    program: PathBuf,
    version: String,
}

/// What to build, and how it's called.
struct Target<'a> {
    /// The folder under `control-plane/go` with its go.mod.
    module: &'a str,
    /// The import path of the program.
    package: &'a str,
    version: &'a str,
    ldflags: String,
}

impl Toolchain {
    /// The one on `PATH`.
    pub(super) fn find(environment: Environment<'_>) -> Result<Self> {
        let program =
            on_path(environment, "go").ok_or_else(|| anyhow!("PATH has no Go toolchain"))?;
        let output = Command::new(&program)
            .arg("version")
            .env("GOTOOLCHAIN", "local")
            .output()
            .with_context(|| format!("could not run {} version", program.display()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let shown = program.display();
        let Some(version) = text.split_whitespace().find(|word| word.starts_with("go1.")) else {
            bail!("`{shown} version` tells no version, but {:?}", text.trim());
        };
        if !is_new_enough(version) {
            let (major, minor) = OLDEST;
            bail!("{shown} is {version}; it takes go{major}.{minor} or newer");
        }
        Ok(Self { version: version.to_owned(), program })
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    pub(super) fn build_etcd(&self, out: &Path, report: fn(&str)) -> Result<()> {
        let target = Target {
            module: "etcd",
            package: "go.etcd.io/etcd/server/v3",
            version: ETCD_VERSION,
            ldflags: "-s -w".to_owned(),
        };
        self.build(&target, out, report)
    }

    pub(super) fn build_kube_apiserver(&self, out: &Path, report: fn(&str)) -> Result<()> {
        // Its own build scripts set these; without them, it claims to be v0.0.0
        // and clients that look at the version take it for an ancient one.
        let mut numbers = KUBERNETES_VERSION.split('.');
        let (major, minor) =
            (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
        let package = "k8s.io/component-base/version";
        let ldflags = format!(
            "-s -w -X {package}.gitVersion=v{KUBERNETES_VERSION} \
             -X {package}.gitMajor={major} -X {package}.gitMinor={minor}"
        );
        let target = Target {
            module: "kube-apiserver",
            package: "k8s.io/kubernetes/cmd/kube-apiserver",
            version: KUBERNETES_VERSION,
            ldflags,
        };
        self.build(&target, out, report)
    }

    fn build(&self, target: &Target<'_>, out: &Path, report: fn(&str)) -> Result<()> {
        let name = target.module;
        let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("go").join(name);
        let what = format!("{name} {}", target.version);
        let started = Instant::now();
        let mut child = Command::new(&self.program)
            .args(["build", "-mod=readonly", "-trimpath", "-v", "-ldflags", &target.ldflags, "-o"])
            .arg(out)
            .arg(target.package)
            .current_dir(&module)
            .envs([
                ("GOFLAGS", "-mod=readonly"),
                ("GOTOOLCHAIN", "local"),
                ("GOWORK", "off"),
                ("CGO_ENABLED", "0"),
            ])
            .env_remove("GOOS")
            .env_remove("GOARCH")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not run {}", self.program.display()))?;
        let said = match child.stderr.take() {
            Some(stderr) => follow(&what, started, stderr, report),
            None => String::new(),
        };
        let status = child.wait().context("could not wait for the Go toolchain")?;
        if !status.success() {
            let dir = module.display();
            bail!("building {what} in {dir} failed ({status}); the last lines of it:\n{said}");
        }
        Ok(())
    }
}

/// Tells from time to time how far the build is, until it ends. Gives back the
/// last lines of its output.
fn follow(
    what: &str,
    started: Instant,
    output: impl Read + Send + 'static,
    report: fn(&str),
) -> String {
    const LAST: usize = 20;
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let mut next_report = started + REPORT_EVERY;
    let mut progress = Progress::default();
    let mut last = VecDeque::with_capacity(LAST);
    loop {
        match lines.recv_timeout(next_report.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                progress.saw(&line);
                if last.len() == LAST {
                    last.pop_front();
                }
                last.push_back(line);
            }
            Err(RecvTimeoutError::Timeout) => {
                let seconds = started.elapsed().as_secs();
                report(&format!("building {what}: {seconds} s, {}", progress.describe()));
                next_report = Instant::now() + REPORT_EVERY;
            }
            Err(RecvTimeoutError::Disconnected) => return Vec::from(last).join("\n"),
        }
    }
}

/// What `go build -v` told: a line for each download and for each package.
#[derive(Default)]
struct Progress {
    downloads: usize,
    packages: usize,
    package: String,
}

impl Progress {
    fn saw(&mut self, line: &str) {
        if line.starts_with("go: downloading ") {
            self.downloads += 1;
        } else if !line.contains(char::is_whitespace) {
            self.packages += 1;
            line.clone_into(&mut self.package);
        }
    }

    fn describe(&self) -> String {
        let Self { downloads, packages, package } = self;
        if *packages == 0 {
            format!("{downloads} modules downloaded")
        } else {
            format!("{packages} packages compiled, last {package}")
        }
    }
}

/// Whether `go1.26.8`, `go1.27rc1` and the like are recent enough.
fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.trim_start_matches("go").split(|c: char| !c.is_ascii_digit());
    let mut number = || numbers.next().and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
    (number(), number()) >= OLDEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        for new in ["go1.26", "go1.26.8", "go1.27rc1", "go1.100", "go2.0"] {
            assert!(is_new_enough(new), "{new}");
        }
        for old in ["go1.9", "go1.25.12", "go1"] {
            assert!(!is_new_enough(old), "{old}");
        }
    }

    #[test]
    fn the_modules_ask_for_the_versions_that_the_cache_is_keyed_by() {
        let go = Path::new(env!("CARGO_MANIFEST_DIR")).join("go");
        let read = |name: &str| std::fs::read_to_string(go.join(name)).unwrap();
        let (kubernetes, etcd) = (read("kube-apiserver/go.mod"), read("etcd/go.mod"));
        assert!(kubernetes.contains(&format!("k8s.io/kubernetes v{KUBERNETES_VERSION}")));
        assert!(etcd.contains(&format!("go.etcd.io/etcd/server/v3 v{ETCD_VERSION}")));
        let staging = KUBERNETES_VERSION.replacen('1', "0", 1);
        for line in kubernetes.lines().filter(|line| line.contains("=>")) {
            assert!(line.ends_with(&format!(" v{staging}")), "{line}");
        }
    }
}
