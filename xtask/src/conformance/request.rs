//! The command line of `cargo xtask conformance`.

use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use super::cluster::Cluster;
use super::drivers::DRIVERS;
use crate::duration;
use crate::usage::{Given, UsageError};

/// The action that the arguments select.
#[derive(Debug)]
pub(super) enum Action {
    Run(Request),
    Replay(PathBuf),
    WriteDocs,
}

/// A run of the suite.
#[derive(Debug)]
pub(super) struct Request {
    /// The names of the drivers, in the order of [`DRIVERS`].
    pub(super) drivers: Vec<&'static str>,
    pub(super) cluster: Cluster,
    pub(super) length: Option<Duration>,
    pub(super) seed: u64,
    /// How many schedules run in parallel on a real server.
    pub(super) worlds: Option<u32>,
    /// How many members a temporary etcd cluster has.
    pub(super) members: Option<u32>,
    pub(super) self_test: bool,
    pub(super) kind_image: Option<String>,
    /// The absolute path of the directory for reports.
    pub(super) report: PathBuf,
}

/// The driver whose server is a cluster.
const ETCD: &str = "etcd";
/// The driver that has no server.
const MOCK: &str = "mock";

impl Request {
    /// Returns the command that repeats the run for one driver.
    pub(super) fn reproduce(&self, driver: &str) -> String {
        let mut words = format!("cargo xtask conformance --driver {driver}");
        let mut add = |option: String| {
            words.push(' ');
            words.push_str(&option);
        };
        if needs_cluster(driver) {
            add(format!("--cluster {}", self.cluster.name()));
            if let Some(image) = self.kind_image.as_ref().filter(|_| self.cluster == Cluster::Kind)
            {
                add(format!("--kind-image {image}"));
            }
        }
        if let Some(length) = self.length {
            add(format!("--for {}s", length.as_secs()));
        }
        add(format!("--seed {}", self.seed));
        if let Some(worlds) = self.worlds.filter(|_| driver != MOCK) {
            add(format!("--worlds {worlds}"));
        }
        if let Some(members) = self.members.filter(|_| driver == ETCD) {
            add(format!("--members {members}"));
        }
        if self.self_test {
            add("--self-test".to_owned());
        }
        words
    }
}

/// Parses a number from 1 to `most`.
fn number(option: &str, most: u32, arguments: &mut Parser) -> Result<u32, UsageError> {
    let text = arguments.value()?.string()?;
    let wrong = || UsageError(format!("{option} {text}: not a number from 1 to {most}"));
    text.parse().ok().filter(|number| (1..=most).contains(number)).ok_or_else(wrong)
}

/// Parses the path of a file or directory.
fn path(option: &str, arguments: &mut Parser) -> Result<PathBuf, UsageError> {
    let value = arguments.value()?;
    // Commands run in the root of the workspace, so the path must not depend on the current
    // directory.
    std::path::absolute(&value)
        .map_err(|error| UsageError(format!("{option} {:?}: {error}", value.display().to_string())))
}

pub(super) fn parse(mut arguments: Parser) -> Result<Action, UsageError> {
    let (mut names, mut cluster, mut length, mut seed) = (Vec::new(), None, None, None);
    let (mut self_test, mut write_docs) = (false, false);
    let (mut worlds, mut members) = (None, None);
    let (mut image, mut report, mut replay) = (None, None, None);
    let mut given = Given::default();
    while let Some(argument) = arguments.next()? {
        match argument {
            // A driver may be given several times.
            Arg::Long("driver") if names.is_empty() => given.once("driver")?,
            Arg::Long(name) if name != "driver" => given.once(name)?,
            _ => {}
        }
        match argument {
            Arg::Long("driver") => names.push(arguments.value()?.string()?),
            Arg::Long("cluster") => {
                let name = arguments.value()?.string()?;
                cluster = Some(Cluster::parse(&name).ok_or_else(|| {
                    UsageError(format!(
                        "--cluster {name}: no such cluster: use kind, local or current"
                    ))
                })?);
            }
            Arg::Long("for") => {
                let text = arguments.value()?.string()?;
                length = Some(duration::parse(&text).ok_or_else(|| {
                    UsageError(format!(
                        "--for {text}: not a time: use one such as 90s, 10m or 2h, and 365d at most"
                    ))
                })?);
            }
            Arg::Long("seed") => {
                let text = arguments.value()?.string()?;
                let number = text.parse().map_err(|_| {
                    UsageError(format!("--seed {text}: not a number from 0 to {}", u64::MAX))
                })?;
                seed = Some(number);
            }
            Arg::Long("worlds") => worlds = Some(number("--worlds", 1000, &mut arguments)?),
            Arg::Long("members") => members = Some(number("--members", 7, &mut arguments)?),
            Arg::Long("kind-image") => image = Some(arguments.value()?.string()?),
            Arg::Long("report") => report = Some(path("--report", &mut arguments)?),
            Arg::Long("replay") => replay = Some(path("--replay", &mut arguments)?),
            Arg::Long("self-test") => self_test = true,
            Arg::Long("write-docs") => write_docs = true,
            other => return Err(other.unexpected().into()),
        }
    }
    for (alone, is_given) in [("replay", replay.is_some()), ("write-docs", write_docs)] {
        if let Some(other) = given.other_than(alone).filter(|_| is_given) {
            return Err(UsageError(format!(
                "--{other} cannot be combined with --{alone}: remove one of them"
            )));
        }
    }
    if write_docs {
        return Ok(Action::WriteDocs);
    }
    if let Some(file) = replay {
        return Ok(Action::Replay(file));
    }
    let drivers = chosen(&names)?;
    // Report an option that would have no effect.
    let needs = |option: String, fits: fn(&str) -> bool| {
        if drivers.iter().any(|name| fits(name)) {
            return Ok(());
        }
        let others = DRIVERS.iter().map(|driver| driver.name).filter(|name| fits(name));
        let others = others.collect::<Vec<_>>().join(", ");
        let chosen = drivers.join(", ");
        Err(UsageError(format!(
            "{option} has no effect on the driver {chosen}: use it with --driver {others} or all"
        )))
    };
    if let Some(cluster) = cluster {
        needs(format!("--cluster {}", cluster.name()), needs_cluster)?;
    }
    if let Some(members) = members {
        needs(format!("--members {members}"), |name| name == ETCD)?;
    }
    if let Some(worlds) = worlds {
        needs(format!("--worlds {worlds}"), |name| name != MOCK)?;
    }
    if let Some(image) = image.as_ref().filter(|_| cluster != Some(Cluster::Kind)) {
        return Err(UsageError(format!("--kind-image {image} needs --cluster kind: add it")));
    }
    let from_environment = || std::env::var("KIND_IMAGE").ok().filter(|image| !image.is_empty());
    Ok(Action::Run(Request {
        drivers,
        cluster: cluster.unwrap_or(Cluster::Local),
        length,
        seed: seed.unwrap_or(1),
        worlds,
        members,
        self_test,
        kind_image: image.or_else(from_environment),
        report: report.unwrap_or_else(|| control_plane::target_dir().join("conformance")),
    }))
}

/// Returns the drivers with these names, without duplicates.
fn chosen(names: &[String]) -> Result<Vec<&'static str>, UsageError> {
    let known: Vec<&'static str> = DRIVERS.iter().map(|driver| driver.name).collect();
    if let Some(unknown) = names.iter().find(|name| *name != "all" && !known.contains(&&***name)) {
        let known = known.join(", ");
        return Err(UsageError(format!("--driver {unknown}: no such driver: use {known} or all")));
    }
    if names.is_empty() {
        return Ok(known.into_iter().take(1).collect());
    }
    let wanted = |driver: &&str| names.iter().any(|name| name == "all" || name == driver);
    Ok(known.into_iter().filter(wanted).collect())
}

fn needs_cluster(driver: &str) -> bool {
    DRIVERS.iter().any(|known| known.name == driver && known.needs_cluster)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(arguments: &[&str]) -> Request {
        match parse(Parser::from_args(arguments)) {
            Ok(Action::Run(request)) => request,
            other => panic!("{arguments:?}: {other:?}"),
        }
    }

    #[test]
    fn the_mock_is_the_default_driver() {
        let nothing = request(&[]);
        assert_eq!((nothing.drivers, nothing.seed), (vec!["mock"], 1));
        assert!(nothing.report.is_absolute());
        assert_eq!(request(&["--driver", "kube", "--driver", "kube"]).drivers, ["kube"]);
        assert_eq!(request(&["--driver", "all"]).drivers, ["mock", "kube", "redis", "etcd"]);
    }

    #[test]
    fn a_run_can_be_done_again() {
        let mut request =
            request(&["--driver", "all", "--for", "10m", "--cluster", "kind", "--seed", "7"]);
        request.kind_image = Some("some/image".to_owned());
        assert_eq!(
            request.reproduce("kube"),
            "cargo xtask conformance --driver kube --cluster kind --kind-image some/image --for 600s \
             --seed 7"
        );
        assert_eq!(
            request.reproduce("mock"),
            "cargo xtask conformance --driver mock --for 600s --seed 7"
        );
    }

    #[test]
    fn other_actions_stand_alone() {
        let parsed = parse(Parser::from_args(["--replay", "some.json"]));
        assert!(matches!(parsed, Ok(Action::Replay(file)) if file.ends_with("some.json")));
        let parsed = parse(Parser::from_args(["--write-docs"]));
        assert!(matches!(parsed, Ok(Action::WriteDocs)));
    }

    #[test]
    fn a_wrong_argument_is_named_with_what_would_do() {
        for (arguments, said) in [
            (
                &["--driver", "redis", "--cluster", "local"][..],
                "--cluster local has no effect on the driver redis: use it with --driver kube or all",
            ),
            (
                &["--driver", "zookeeper"],
                "--driver zookeeper: no such driver: use mock, kube, redis, etcd or all",
            ),
            (&["--driver", ""], "--driver : no such driver: use mock, kube, redis, etcd or all"),
            (&["--cluster", "gke"], "--cluster gke: no such cluster: use kind, local or current"),
            (
                &["--cluster", "kind"],
                "--cluster kind has no effect on the driver mock: use it with --driver kube or all",
            ),
            (
                &["--for", "soon"],
                "--for soon: not a time: use one such as 90s, 10m or 2h, and 365d at most",
            ),
            (
                &["--for", "0s"],
                "--for 0s: not a time: use one such as 90s, 10m or 2h, and 365d at most",
            ),
            (&["--seed", "-1"], "--seed -1: not a number from 0 to 18446744073709551615"),
            (&["--driver", "etcd", "--worlds", "0"], "--worlds 0: not a number from 1 to 1000"),
            (
                &["--worlds", "9"],
                "--worlds 9 has no effect on the driver mock: use it with --driver kube, redis, \
                 etcd or all",
            ),
            (&["--driver", "etcd", "--members", "8"], "--members 8: not a number from 1 to 7"),
            (
                &["--driver", "redis", "--driver", "kube", "--members", "3"],
                "--members 3 has no effect on the driver kube, redis: use it with --driver etcd or \
                 all",
            ),
            (
                &["--driver", "kube", "--kind-image", "i"],
                "--kind-image i needs --cluster kind: add it",
            ),
            (
                &["--replay", "f", "--seed", "1"],
                "--seed cannot be combined with --replay: remove one of them",
            ),
            (
                &["--write-docs", "--driver", "all"],
                "--driver cannot be combined with --write-docs: remove one of them",
            ),
            (&["--seed", "1", "--seed", "2"], "--seed is given twice: give it once"),
            (&["--self-test", "--self-test"], "--self-test is given twice: give it once"),
            (&["--report", ""], "--report \"\": cannot make an empty path absolute"),
            (&["--seed"], "missing argument for option '--seed'"),
            (&["--fast"], "invalid option '--fast'"),
            (&["mock"], "unexpected argument \"mock\""),
        ] {
            let error = parse(Parser::from_args(arguments)).unwrap_err().to_string();
            assert_eq!(error, said, "{arguments:?}");
        }
    }
}
