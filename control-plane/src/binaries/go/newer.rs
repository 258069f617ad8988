//! A newer Go toolchain, downloaded by an older one.
//!
//! The Go project publishes each toolchain as a version of the module `golang.org/toolchain`. Go 1.21
//! and newer switch to it by themselves when `GOTOOLCHAIN` is set. Older ones only know how to download
//! a module, which is enough: the module contains the complete toolchain. So that there is one way to
//! get it, which works for all of them, the newer ones are used like the older ones.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, anyhow, bail};

use super::Toolchain;

/// The toolchain to download.
pub(super) const VERSION: &str = "go1.26.8";

/// Downloads [`VERSION`] into the module cache, unless it is there, and returns it.
///
/// The variables that say where modules come from and how they are verified (`GOPROXY`, `GOSUMDB`,
/// `GONOSUMDB`, `GOFLAGS` and others) apply as they are set.
pub(super) fn download(old: &Toolchain, report: fn(&str)) -> Result<Toolchain> {
    let platform = old.platform.replace('/', "-");
    let module = format!("golang.org/toolchain@v0.0.1-{VERSION}.{platform}");
    report(&format!("{} is too old to build them; it downloads {module} (70 MB)", old.version));
    let failed = || format!("{} could not download {module}", old.program.display());
    // A folder without a go.mod, which could replace the module or take it up.
    let empty = tempfile::tempdir().context("could not create a temporary folder")?;
    let dir = module_dir(old, &module, empty.path(), report).with_context(failed)?;
    make_executable(&dir)
        .with_context(|| format!("could not make the programs in {} executable", dir.display()))?;
    let new = Toolchain::at(dir.join("bin/go"))?;
    if new.version != VERSION {
        bail!("{} is {}, not {VERSION}", new.program.display(), new.version);
    }
    Ok(new)
}

/// Downloads the module and returns its folder.
fn module_dir(old: &Toolchain, module: &str, empty: &Path, report: fn(&str)) -> Result<PathBuf> {
    let path = empty.join("answer.json");
    let mut command = Command::new(&old.program);
    command
        .args(["mod", "download", "-json", module])
        .current_dir(empty)
        .envs([("GO111MODULE", "on"), ("GOTOOLCHAIN", "local"), ("GOWORK", "off")])
        .env_remove("GOOS")
        .env_remove("GOARCH")
        .stdout(File::create(&path)?);
    let outcome = super::run(command, &format!("downloading {VERSION}"), report);
    // An error of the download itself is in the answer, and not in the output.
    let answer: serde_json::Value = serde_json::from_slice(&fs::read(&path)?).unwrap_or_default();
    if let Some(error) = answer["Error"].as_str() {
        bail!("{error}");
    }
    outcome?;
    answer["Dir"]
        .as_str()
        .map(PathBuf::from)
        .ok_or_else(|| anyhow!("it printed no folder: {answer}"))
}

/// Gives the programs of the toolchain their execute permission, which a module does not keep.
fn make_executable(dir: &Path) -> Result<()> {
    let mut folders = vec![dir.join("bin")];
    for platform in fs::read_dir(dir.join("pkg/tool"))? {
        folders.push(platform?.path());
    }
    for folder in folders {
        for program in fs::read_dir(folder)? {
            let path = program?.path();
            if path.is_file() {
                fs::set_permissions(path, Permissions::from_mode(0o755))?;
            }
        }
    }
    Ok(())
}
