//! Server images for the tests, built from local programs so that no registry is needed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};
use test_servers::{docker, etcd, redis};

use crate::output::say;
use crate::usage::UsageError;

pub(crate) const HELP: &str = "\
usage: cargo xtask images

Builds images for tests that run their servers in containers, from the redis-server on PATH and
from the etcd on PATH or of the control plane. Needs a Docker engine, but no registry. Prints
shell commands that set the variables for the tests:

  eval \"$(cargo xtask images)\"
  DSYNC_TEST_WAY=docker cargo test -p dsync-redis
";

const REDIS: &str = "dsync-test/redis-server:local";
const ETCD: &str = "dsync-test/etcd:local";

/// An image that was built.
pub(crate) struct Image {
    /// The variable that passes the name to the tests.
    pub(crate) variable: &'static str,
    pub(crate) name: &'static str,
}

pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<ExitCode> {
    if let Some(argument) = arguments.next().map_err(UsageError::from)? {
        return Err(UsageError::from(argument.unexpected()).into());
    }
    for Image { variable, name } in make()? {
        say(&format!("export {variable}={name}\n"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds the images of both servers.
pub(crate) fn make() -> Result<[Image; 2]> {
    docker::engine()?;
    let redis = redis::program().context("install it (on Debian, the package redis-server)")?;
    Ok([
        image(redis::IMAGE_VARIABLE, REDIS, "redis-server", &redis)?,
        image(etcd::IMAGE_VARIABLE, ETCD, "etcd", &etcd::program()?)?,
    ])
}

/// Builds the image `name`, with `file` on its PATH as `program`, and the libraries that it loads.
fn image(variable: &'static str, name: &'static str, program: &str, file: &Path) -> Result<Image> {
    let folder = control_plane::target_dir().join("images").join(program);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| failed("remove", &folder))?;
    }
    let root = folder.join("root");
    copy(file, &root.join("usr/bin").join(program))?;
    for library in libraries(file)? {
        let place = library.strip_prefix("/").unwrap_or(&library);
        copy(&library, &root.join(place))?;
    }
    let archive = folder.join("image.tar");
    pack(&root, &archive)?;
    docker::import(&archive, name)?;
    fs::remove_dir_all(&folder).with_context(|| failed("remove", &folder))?;
    Ok(Image { variable, name })
}

/// Returns the dynamic linker and the libraries that it loads; empty for a static program.
fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let listed = Command::new("ldd").arg(program).env("LC_ALL", "C").output();
    let listed = listed.context("failed to run ldd")?;
    let errors = String::from_utf8_lossy(&listed.stderr);
    if errors.contains("not a dynamic executable") {
        return Ok(Vec::new());
    }
    if !listed.status.success() {
        bail!("`ldd {}` failed: {}", program.display(), errors.trim());
    }
    let text = String::from_utf8_lossy(&listed.stdout);
    if let Some(line) = text.lines().find(|line| line.contains("not found")) {
        bail!("{} lacks a library: {}", program.display(), line.trim());
    }
    // `libssl.so.3 => /lib/x86_64-linux-gnu/libssl.so.3 (0x…)`, `/lib64/ld-linux-x86-64.so.2 (0x…)`
    let paths = text.split_whitespace().filter(|word| word.starts_with('/'));
    Ok(paths.map(PathBuf::from).collect())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let parent = to.parent().with_context(|| format!("{} is not a file", to.display()))?;
    fs::create_dir_all(parent).with_context(|| failed("create", parent))?;
    fs::copy(from, to).with_context(|| failed("copy", from))?;
    Ok(())
}

/// Packs the files below `root` into a tar archive.
fn pack(root: &Path, archive: &Path) -> Result<()> {
    let mut tar = Command::new("tar");
    tar.arg("-cf").arg(archive).arg("-C").arg(root).arg(".");
    let output = tar.output().context("failed to run tar")?;
    if !output.status.success() {
        bail!("{tar:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

fn failed(what: &str, path: &Path) -> String {
    format!("failed to {what} {}", path.display())
}
