//! Building the programs from their published Go modules.

mod newer;
mod progress;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};

use super::{ETCD_VERSION, KUBERNETES_VERSION, on_path};
use crate::environment::Environment;

/// The oldest Go that the modules under `control-plane/go` accept.
const BUILDS: (u32, u32) = (1, 26);
/// The oldest Go that downloads a newer toolchain: the first one that verifies a module with the
/// checksum database.
const DOWNLOADS: (u32, u32) = (1, 13);
/// How long a run of `go` may print nothing. Linking kube-apiserver takes a minute on a slow machine.
const STALL: Duration = Duration::from_secs(600);

/// A Go toolchain that builds the programs, by itself or after it has downloaded a newer one.
pub(super) struct Toolchain {
    program: PathBuf,
    version: String,
    /// Such as `linux/amd64`.
    platform: String,
}

/// A program to build.
struct Target<'a> {
    /// The folder under `control-plane/go` with its go.mod.
    module: &'a str,
    /// The import path of the program.
    package: &'a str,
    version: &'a str,
    ldflags: String,
}

impl Toolchain {
    /// Returns the toolchain on `PATH`.
    pub(super) fn find(environment: Environment<'_>) -> Result<Self> {
        let program =
            on_path(environment, "go").ok_or_else(|| anyhow!("PATH has no Go toolchain"))?;
        let found = Self::at(program)?;
        if number(&found.version) < DOWNLOADS {
            let (major, minor) = DOWNLOADS;
            let Self { program, version, .. } = &found;
            bail!("{} is {version}; go{major}.{minor} or newer is needed", program.display());
        }
        Ok(found)
    }

    fn at(program: PathBuf) -> Result<Self> {
        let shown = program.display();
        let output = Command::new(&program)
            .arg("version")
            // Its own version, and not that of a go.mod nearby.
            .env("GOTOOLCHAIN", "local")
            .output()
            .with_context(|| format!("could not run {shown} version"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        // go version go1.26.8 linux/amd64
        let mut words = text.split_whitespace().skip_while(|word| !word.starts_with("go1."));
        let (Some(version), Some(platform)) = (words.next(), text.split_whitespace().last()) else {
            bail!("`{shown} version` printed no version: {:?}", text.trim());
        };
        let (version, platform) = (version.to_owned(), platform.to_owned());
        Ok(Self { program, version, platform })
    }

    /// Returns this toolchain if it is new enough, or downloads one that is.
    pub(super) fn new_enough(self, report: fn(&str)) -> Result<Self> {
        if number(&self.version) >= BUILDS { Ok(self) } else { newer::download(&self, report) }
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
        // The build scripts of Kubernetes set these variables. Without them the server reports v0.0.0,
        // and clients that check the version reject it.
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
        let what = format!("building {name} {}", target.version);
        let mut command = Command::new(&self.program);
        command
            .args(["build", "-mod=readonly", "-trimpath", "-v", "-ldflags", &target.ldflags, "-o"])
            .arg(out)
            .arg(target.package)
            .current_dir(&module)
            .stdout(Stdio::null())
            .envs([
                ("GOFLAGS", "-mod=readonly"),
                ("GOTOOLCHAIN", "local"),
                ("GOWORK", "off"),
                ("CGO_ENABLED", "0"),
            ])
            .env_remove("GOOS")
            .env_remove("GOARCH")
            // It would name the standard library of another toolchain than this one.
            .env_remove("GOROOT");
        run(command, &what, report)
            .with_context(|| format!("{what} in {} failed", module.display()))
    }
}

/// Runs `go` to its end. An error contains the last lines of what it printed.
fn run(mut command: Command, what: &str, report: fn(&str)) -> Result<()> {
    let mut child = command
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("could not run {}", command.get_program().display()))?;
    let printed = match child.stderr.take() {
        Some(stderr) => progress::follow(what, stderr, STALL, report),
        None => Ok(String::new()),
    };
    if printed.is_err() {
        // The compilers that it started end with the package they are at.
        let _ = child.kill();
    }
    let status = child.wait().context("could not wait for the Go toolchain")?;
    let printed = printed?;
    if !status.success() {
        bail!("{status}; the last lines of its output:\n{printed}");
    }
    Ok(())
}

/// Returns the first two numbers of `go1.26.8`, `go1.27rc1` and the like.
fn number(version: &str) -> (u32, u32) {
    let mut numbers = version.trim_start_matches("go").split(|c: char| !c.is_ascii_digit());
    let mut number = || numbers.next().and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
    (number(), number())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        for new in ["go1.26", "go1.26.8", "go1.27rc1", "go1.100", "go2.0"] {
            assert!(number(new) >= BUILDS, "{new}");
        }
        for old in ["go1.9", "go1.25.12", "go1"] {
            assert!(number(old) < BUILDS, "{old}");
        }
        assert!(number(newer::VERSION) >= BUILDS);
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
