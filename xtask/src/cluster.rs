//! `cargo xtask cluster`: a control plane that keeps running in the background.
//!
//! `up` starts a supervisor, a process in the background that owns the servers
//! and listens on a socket. `status` and `down` send it requests over that socket.
//! When the supervisor exits for any reason, the servers end with it.

mod down;
mod place;
mod protocol;
mod status;
mod supervisor;
mod up;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use lexopt::Arg;

use crate::duration;
use crate::usage::UsageError;
use place::ClusterDir;

pub(crate) const HELP: &str = "\
usage: cargo xtask cluster up [--for TIME]
       cargo xtask cluster status
       cargo xtask cluster down

  up      start kube-apiserver and etcd in the background, on free ports, and
          print the path of the kubeconfig; does nothing if they are running
  status  print their address, process ids and kubeconfig; exits with 1 if they
          are not running
  down    stop them; does nothing if they are not running

  --for TIME  stop the servers after this time, such as 90s, 45m, 12h or 2d
              (default: 12h)

The server programs are taken from KUBEBUILDER_ASSETS, PATH, an earlier run, the
envtest archive of a release, or a build with Go, which takes several minutes.
";

const DEFAULT_STAY: Duration = Duration::from_secs(12 * 60 * 60);

enum Action {
    Up,
    Status,
    Down,
    Supervise,
}

pub(crate) fn run(arguments: lexopt::Parser) -> Result<ExitCode> {
    let (action, stay) = parse(arguments)?;
    let cluster_dir = ClusterDir::enter()?;
    match action {
        Action::Up => up::run(&cluster_dir, stay),
        Action::Status => status::run(&cluster_dir),
        Action::Down => down::run(&cluster_dir),
        Action::Supervise => supervisor::run(&cluster_dir, stay),
    }
}

/// Returns the kubeconfig and the version of the servers, if they are running.
pub(crate) fn running() -> Result<Option<(PathBuf, String)>> {
    let cluster_dir = ClusterDir::enter()?;
    Ok(up::look(&cluster_dir)?.map(|up| (up.kubeconfig, up.version)))
}

fn parse(mut arguments: lexopt::Parser) -> Result<(Action, Duration), UsageError> {
    let mut action = None;
    let mut stay = None;
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("for") if stay.is_some() => {
                return Err(UsageError("--for is given twice: give it once".to_owned()));
            }
            Arg::Long("for") => {
                let value = arguments.value()?;
                let text = value.to_string_lossy();
                let parsed = duration::parse(&text).ok_or_else(|| {
                    UsageError(format!(
                        "--for {text}: not a time: use one such as 90s, 45m, 12h or 2d"
                    ))
                })?;
                stay = Some(parsed);
            }
            Arg::Value(value) if action.is_none() => {
                action = Some(match &*value.to_string_lossy() {
                    "up" => Action::Up,
                    "status" => Action::Status,
                    "down" => Action::Down,
                    place::SUPERVISE => Action::Supervise,
                    other => {
                        let use_one = "use up, status or down";
                        return Err(UsageError(format!("no such action {other:?}: {use_one}")));
                    }
                });
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let action = action
        .ok_or_else(|| UsageError("no action is given: use up, status or down".to_owned()))?;
    if stay.is_some() && !matches!(action, Action::Up | Action::Supervise) {
        return Err(UsageError("--for goes with up alone: leave it out".to_owned()));
    }
    Ok((action, stay.unwrap_or(DEFAULT_STAY)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(arguments: &[&str]) -> String {
        match parse(lexopt::Parser::from_args(arguments)) {
            Ok(_) => panic!("{arguments:?} were taken"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn arguments_are_taken_in_any_order() {
        for arguments in [["up", "--for", "2h"], ["--for", "2h", "up"]] {
            let (action, stay) = parse(lexopt::Parser::from_args(arguments)).unwrap();
            assert!(matches!(action, Action::Up));
            assert_eq!(stay, Duration::from_secs(7200));
        }
        let (_, stay) = parse(lexopt::Parser::from_args(["up"])).unwrap();
        assert_eq!(stay, DEFAULT_STAY);
    }

    #[test]
    fn errors_name_the_argument() {
        assert!(error(&["sideways"]).contains("sideways"));
        assert!(error(&["up", "--fast"]).contains("--fast"));
        assert!(error(&["up", "down"]).contains("down"));
        assert!(error(&["up", "--for", "soon"]).contains("soon"));
        assert!(error(&["up", "--for"]).contains("--for"));
        assert!(error(&["down", "--for", "2h"]).contains("--for"));
        assert!(error(&[]).contains("status"));
    }
}
