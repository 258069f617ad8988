//! Installs the programs that the tests need, or prints how to install them.
//!
//! The work is done by `install.sh` in the directory of this crate. It is a script because the
//! linker of this workspace needs it as well: without a C compiler, xtask itself cannot be built.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use control_plane::binaries::{self, Plan};

use crate::cargo::root;
use crate::shell;

/// A program that is missing, what cannot run without it, and how to get it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) program: &'static str,
    pub(crate) without: &'static str,
    pub(crate) remedy: String,
}

/// How long an installation may take.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// A program that tests need.
struct Need {
    program: &'static str,
    without: &'static str,
    is_met: fn() -> bool,
}

const NEEDS: &[Need] = &[
    Need {
        program: "git",
        without: "the commit in reports, and its tests",
        is_met: || on_path("git"),
    },
    Need {
        program: "redis-server",
        without: "the tests of dsync-redis on a real server",
        is_met: || is_set("DSYNC_TEST_REDIS") || on_path("redis-server"),
    },
    Need {
        program: "go",
        without: "kube-apiserver and etcd, and with them the tests of dsync-kube and dsync-etcd",
        is_met: || !matches!(binaries::plan(), Ok(Plan::Missing(_))),
    },
];

/// Installs missing programs, and returns those that are still missing afterwards.
pub(crate) fn install() -> Result<Vec<Missing>> {
    let unmet: Vec<&Need> = NEEDS.iter().filter(|need| !(need.is_met)()).collect();
    if unmet.is_empty() {
        return Ok(Vec::new());
    }
    // The script prints to stderr, since the linker calls it as well.
    let mut command = Command::new("sh");
    command.args(["-c", r#""$0" "$@" 2>&1"#]).arg(root().join("xtask/install.sh"));
    command.args(unmet.iter().map(|need| need.program));
    let mut last_line = String::new();
    shell::run(&command, LIMIT, |line| line.clone_into(&mut last_line))?;
    let still = unmet.iter().filter(|need| !(need.is_met)());
    Ok(still
        .map(|need| Missing {
            program: need.program,
            without: need.without,
            remedy: if last_line.is_empty() { too_old(need) } else { last_line.clone() },
        })
        .collect())
}

/// Explains why a program that is installed does not meet a need.
fn too_old(need: &Need) -> String {
    match binaries::plan() {
        Ok(Plan::Missing(why)) => why,
        _ => format!("{} is on PATH, but cannot be used", need.program),
    }
}

/// Makes the tests start local programs, which is the fastest way to get a server, if all programs
/// are installed and no other way was chosen.
pub(crate) fn prefer_programs(tests: &mut Command) {
    let is_chosen =
        ["DSYNC_TEST_WAY", "DSYNC_TEST_REDIS", "DSYNC_TEST_ETCD"].into_iter().any(is_set);
    if !is_chosen && on_path("redis-server") && matches!(binaries::plan(), Ok(Plan::Found(_))) {
        tests.env("DSYNC_TEST_WAY", "binary");
    }
}

/// Returns whether a program of this name is on PATH.
pub(crate) fn on_path(name: &str) -> bool {
    find(name).is_some()
}

fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}
