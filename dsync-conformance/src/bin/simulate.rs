//! Runs schedules of tier S1: the core on the store in memory, in virtual time.

// A program for a terminal, on the machine's own clock.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use dsync::Driver;
use dsync::driver::WatchScope;
use dsync_conformance::Verdict;
use dsync_conformance::check::{CHECKED, Precision, Violation, check};
use dsync_conformance::history::History;
use dsync_conformance::report::{
    DriverInfo, Equipment, Judgement, Report, Run, ServerInfo, Source, Tier, timeline,
};
use dsync_conformance::sim::schedule::{Schedule, Shape, Store};
use dsync_conformance::sim::{Batch, Failure, Tally, run, shrink, trace};
use dsync_mock::MockDriver;
use lexopt::prelude::*;

const HELP: &str = "\
usage: simulate [--for SECONDS] [--schedules N] [--seed N] [--store STORE] [--rules IDS]
                [--corpus DIR] [--failures DIR] [--report FILE]
       simulate --replay FILE [--events] [--failures DIR]
       simulate --traces N [--seed N]
       simulate --hunt RULE [--says TEXT] [--seeds N] [--schedules N] [--into FILE]

Runs random schedules of faults against the core on the store in memory, in virtual time, and
checks every rule. A failing schedule is made as small as it can be, printed and written down.

  --for SECONDS    for so long (default: 10, or no limit with --schedules)
  --schedules N    so many; with --for, all of them have to be done within the time
  --seed N         where chance begins (default: 1)
  --store STORE    backend, observer, releases or all (default: all)
  --rules IDS      judge these rules alone, such as 2.02,2.07
  --corpus DIR     first, replay every schedule in this folder
  --failures DIR   where failing schedules go (default: target/conformance/failures)
  --report FILE    write a part of a report here
  --replay FILE    run this one schedule, show what happens, and draw it for a browser
  --events         … and print every event
  --traces N       print a hash of what happens in each of N schedules
  --hunt RULE      count the schedules until this rule is violated, from each of several seeds,
                   and print them as JSON: for cores that are broken on purpose
  --says TEXT      … with a message that contains this
  --seeds N        … from so many seeds (default: 5)
  --into FILE      … and write the smallest schedule here
";

/// A failing schedule is shrunk with at most so many runs.
const SHRINKING: usize = 4000;

struct Options {
    seconds: Option<u64>,
    schedules: Option<u64>,
    seed: u64,
    stores: Vec<Store>,
    rules: BTreeSet<String>,
    corpus: Option<PathBuf>,
    failures: PathBuf,
    report: Option<PathBuf>,
    replay: Option<PathBuf>,
    traces: Option<u64>,
    events: bool,
    hunt: Option<String>,
    says: String,
    seeds: u64,
    into: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("error: {error}; see `simulate --help`");
            return ExitCode::from(2);
        }
    };
    match act(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// What each mode takes beside the option that chooses it. The last one is chosen by no option.
const MODES: [(&str, &[&str]); 4] = [
    ("replay", &["events", "failures"]),
    ("traces", &["seed", "store"]),
    ("hunt", &["says", "seeds", "schedules", "seed", "store", "into"]),
    ("", &["for", "schedules", "seed", "store", "rules", "corpus", "failures", "report"]),
];

/// Whether the options of a command line go together.
fn go_together(given: &BTreeSet<String>) -> Result<(), String> {
    let chosen = MODES.iter().find(|(mode, _)| mode.is_empty() || given.contains(*mode));
    let Some((mode, options)) = chosen else { return Ok(()) };
    let fits = |name: &str| name == *mode || options.contains(&name);
    let Some(stray) = given.iter().find(|name| !fits(name)) else { return Ok(()) };
    if !mode.is_empty() {
        return Err(format!("--{stray} does not go with --{mode}: leave one of them out"));
    }
    let takes = |(_, options): &&(&str, &[&str])| options.contains(&stray.as_str());
    let owner = MODES.iter().find(takes).map_or("", |(mode, _)| mode);
    Err(format!("--{stray} needs --{owner}: add that, or leave it out"))
}

/// A number from `least` on.
fn number(name: &str, text: &str, least: u64) -> Result<u64, String> {
    let found = text.parse().ok().filter(|number| *number >= least);
    let what = if name == "for" { "number of seconds" } else { "number" };
    found.ok_or_else(|| format!("--{name} {text}: not a {what} from {least} to {}", u64::MAX))
}

/// The rules of a list, which all have to be checked here.
fn checked(name: &str, list: &str) -> Result<BTreeSet<String>, String> {
    let ids: BTreeSet<String> = list.split(',').map(str::to_owned).collect();
    match ids.iter().find(|id| !CHECKED.contains(&id.as_str())) {
        None => Ok(ids),
        Some(unknown) => {
            let known = CHECKED.join(", ");
            Err(format!("--{name} {list}: {unknown:?} is not checked here: use {known}"))
        }
    }
}

/// `None`: help was asked for.
fn options() -> Result<Option<Options>, String> {
    let mut options = Options {
        seconds: None,
        schedules: None,
        seed: 1,
        stores: vec![Store::Backend, Store::Observer, Store::Releases],
        rules: BTreeSet::new(),
        corpus: None,
        failures: PathBuf::from("target/conformance/failures"),
        report: None,
        replay: None,
        traces: None,
        events: false,
        hunt: None,
        says: String::new(),
        seeds: 5,
        into: None,
    };
    let mut given = BTreeSet::new();
    let mut parser = lexopt::Parser::from_env();
    let text = |error: lexopt::Error| error.to_string();
    while let Some(argument) = parser.next().map_err(text)? {
        let name = match argument {
            Short('h') | Long("help") => return Ok(None),
            Long(name) if MODES.iter().any(|(mode, of)| *mode == name || of.contains(&name)) => {
                name.to_owned()
            }
            other => return Err(other.unexpected().to_string()),
        };
        if !given.insert(name.clone()) {
            return Err(format!("--{name} is given twice: give it once"));
        }
        if name == "events" {
            options.events = true;
            continue;
        }
        let value = parser.value().map_err(text)?;
        let shown = value.to_string_lossy().into_owned();
        match name.as_str() {
            "for" => options.seconds = Some(number(&name, &shown, 1)?),
            "schedules" => options.schedules = Some(number(&name, &shown, 0)?),
            "seed" => options.seed = number(&name, &shown, 0)?,
            "traces" => options.traces = Some(number(&name, &shown, 1)?),
            "seeds" => options.seeds = number(&name, &shown, 1)?,
            "hunt" if shown.contains(',') => {
                return Err(format!("--hunt {shown}: more than one rule: give one"));
            }
            "hunt" => options.hunt = checked(&name, &shown)?.pop_first(),
            "says" => options.says = shown,
            "into" => options.into = Some(value.into()),
            "corpus" => options.corpus = Some(value.into()),
            "failures" => options.failures = value.into(),
            "report" => options.report = Some(value.into()),
            "replay" => options.replay = Some(value.into()),
            "rules" => options.rules = checked(&name, &shown)?,
            _ => {
                options.stores = match shown.as_str() {
                    "backend" => vec![Store::Backend],
                    "observer" => vec![Store::Observer],
                    "releases" => vec![Store::Releases],
                    "all" => options.stores,
                    _ => {
                        return Err(format!(
                            "--store {shown}: no such store: use backend, observer, releases or all"
                        ));
                    }
                }
            }
        }
    }
    go_together(&given)?;
    Ok(Some(options))
}

fn act(options: &Options) -> Result<bool, String> {
    if let Some(file) = &options.replay {
        return replay(file, options);
    }
    if let Some(rule) = &options.hunt {
        return hunt(options, rule);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let batch = Batch {
        seed: options.seed,
        shape: Shape::default(),
        stores: options.stores.clone(),
        most: options.schedules.unwrap_or(u64::MAX),
        threads: cores,
    };
    if let Some(count) = options.traces {
        let batch = Batch { most: count, ..batch };
        for (number, schedule) in batch.schedules().enumerate() {
            println!("{number} {:016x}", trace(&run(&schedule)));
        }
        return Ok(true);
    }
    if let Some(corpus) = &options.corpus
        && !replay_all(corpus)?
    {
        return Ok(false);
    }
    let seconds = match (options.seconds, options.schedules) {
        (Some(seconds), _) => Some(seconds),
        (None, Some(_)) => None,
        (None, None) => Some(10),
    };
    let limit = seconds.map(Duration::from_secs);
    let started = Instant::now();
    let counts =
        |violation: &Violation| options.rules.is_empty() || options.rules.contains(violation.rule);
    let (tally, failure) =
        batch.run(|_| limit.is_none_or(|limit| started.elapsed() < limit), counts);
    let took = started.elapsed();
    if let Some(file) = &options.report {
        let mut report = report(options, &tally, took, failure.as_ref());
        report.source = Source::from_environment().map_err(|error| error.to_string())?;
        write(file, &report.to_json().map_err(|error| error.to_string())?)?;
    }
    if let Some(failure) = failure {
        show_failure(&failure, options)?;
        return Ok(false);
    }
    summarise(&tally, took, options.seed);
    let mut gaps = tally.gaps();
    if let Some(wanted) = options.schedules.filter(|wanted| tally.schedules < *wanted) {
        gaps.push(format!("{} of {wanted} schedules within the time", tally.schedules));
    }
    for gap in &gaps {
        println!("INVALID: {gap}");
    }
    Ok(gaps.is_empty())
}

/// A part of a report on the store in memory, which is what was simulated on.
fn report(options: &Options, tally: &Tally, took: Duration, failure: Option<&Failure>) -> Report {
    let mut driver = DriverInfo::new("mock").with_version(env!("CARGO_PKG_VERSION"));
    for store in &options.stores {
        let (name, mock) = match store {
            Store::Backend => ("backend", MockDriver::new()),
            Store::Observer => ("observer", MockDriver::observer()),
            Store::Releases => ("releases", MockDriver::new().with_watch(WatchScope::Releases)),
        };
        driver = driver.with_form(name, &mock.capabilities());
    }
    let mut report = Report::new(driver);
    let version = env!("CARGO_PKG_VERSION");
    report.server = Some(ServerInfo::parse(&format!("dsync-mock {version}")));
    report.harness = Equipment { operator: true, server_control: true, ..Equipment::default() };
    let mut run = Run::here(took).with_tally(tally);
    run.seeds = vec![options.seed];
    // A run that was cut short by a violation is judged by that.
    run.gaps = if failure.is_some() { Vec::new() } else { tally.gaps() };
    report.add_run(Tier::S1, &run);
    for id in CHECKED.iter().chain(&["3.04", "4.04", "5.07"]) {
        if !options.rules.is_empty() && !options.rules.contains(*id) {
            continue;
        }
        let verdict = match failure {
            Some(failure) if failure.violation.rule == *id => {
                Verdict::Fail(failure.violation.message.clone())
            }
            _ => Verdict::Pass,
        };
        report.judge(Tier::S1, id, Judgement::new(verdict, tally.schedules));
    }
    report
}

/// Counts the schedules until a rule is violated. Succeeds also if it never is.
fn hunt(options: &Options, rule: &str) -> Result<bool, String> {
    let counts =
        |violation: &Violation| violation.rule == rule && violation.message.contains(&options.says);
    let mut needed = Vec::new();
    let mut best: Option<(Schedule, Violation)> = None;
    for seed in 0..options.seeds {
        let batch = Batch {
            seed: options.seed.wrapping_mul(1_000).wrapping_add(seed),
            shape: Shape::default(),
            stores: options.stores.clone(),
            most: options.schedules.unwrap_or(2_000),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        };
        let (_, failure) = batch.run(|_| true, counts);
        needed.push(failure.as_ref().map(|failure| failure.number + 1));
        let Some(failure) = failure else { continue };
        let enough = best.as_ref().is_some_and(|(small, _)| small.steps.len() <= 6);
        if !enough
            && let Some(shrunk) = shrink(&failure.schedule, rule, SHRINKING)
            && counts(&shrunk.violation)
            && best
                .as_ref()
                .is_none_or(|(small, _)| shrunk.schedule.steps.len() < small.steps.len())
        {
            best = Some((shrunk.schedule, shrunk.violation));
        }
    }
    let (mut message, mut steps) = (String::new(), 0);
    if let Some((schedule, violation)) = best {
        message.clone_from(&violation.message);
        steps = schedule.steps.len();
        if let Some(file) = &options.into {
            let about = format!("{rule}: {message}");
            write(file, &Schedule { about, ..schedule }.to_json())?;
        }
    }
    println!("{}", serde_json::json!({ "schedules": needed, "message": message, "steps": steps }));
    Ok(true)
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(file, text))
        .map_err(|error| format!("{}: {error}", file.display()))
}

/// Shows what happens in one schedule, and draws it. Whether it violates nothing.
fn replay(file: &Path, options: &Options) -> Result<bool, String> {
    let schedule = Schedule::load(file)?;
    let history = run(&schedule);
    let violations = check(&history, Precision::VIRTUAL);
    if options.events {
        for entry in &history.entries {
            println!("{:>10.3} {:?} {:?}", entry.at.as_secs_f64(), entry.node, entry.event);
        }
    }
    println!("{}", timeline::text(&history, &violations));
    for violation in &violations {
        println!("{}: {}", violation.rule, violation.message);
    }
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let drawn = options.failures.join(format!("{name}.html"));
    draw(&drawn, file, &history, &violations)?;
    println!("trace {:016x}, {} violations", trace(&history), violations.len());
    Ok(violations.is_empty())
}

/// The timeline as a file for a browser.
fn draw(
    into: &Path,
    schedule: &Path,
    history: &History,
    violations: &[Violation],
) -> Result<(), String> {
    let title = schedule.file_stem().unwrap_or_default().to_string_lossy();
    let command = format!("cargo xtask conformance --replay {}", schedule.display());
    write(into, &timeline::html(history, violations, &title, &command))?;
    println!("drawn: {}", into.display());
    Ok(())
}

/// Replays every schedule of a folder. Whether none violates anything.
fn replay_all(folder: &Path) -> Result<bool, String> {
    let shown = folder.display();
    let entries =
        std::fs::read_dir(folder).map_err(|error| format!("--corpus {shown}: {error}"))?;
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    if files.is_empty() {
        return Err(format!("--corpus {shown}: there is no schedule in it"));
    }
    let mut passed = true;
    for file in &files {
        let history = run(&Schedule::load(file)?);
        for violation in check(&history, Precision::VIRTUAL) {
            passed = false;
            println!("{}: {}: {}", file.display(), violation.rule, violation.message);
        }
    }
    println!("corpus: {} schedules, {}", files.len(), if passed { "all pass" } else { "FAILED" });
    Ok(passed)
}

fn show_failure(failure: &Failure, options: &Options) -> Result<(), String> {
    let Failure { number, schedule, violation } = failure;
    println!("FAILED: rule {}: {}", violation.rule, violation.message);
    println!("seed {}, schedule {number} of {:?}", options.seed, options.stores);
    let (small, violation) = match shrink(schedule, violation.rule, SHRINKING) {
        Some(shrunk) => {
            println!("shrunk to {} steps in {} runs", shrunk.schedule.steps.len(), shrunk.tries);
            (shrunk.schedule, shrunk.violation)
        }
        None => (schedule.clone(), violation.clone()),
    };
    let small = Schedule { about: format!("{}: {}", violation.rule, violation.message), ..small };
    let folder = &options.failures;
    let file = folder.join(format!("{}-{}-{number}.json", violation.rule, options.seed));
    write(&file, &small.to_json())?;
    println!("{}", small.to_json());
    let history = run(&small);
    let violations = check(&history, Precision::VIRTUAL);
    println!("{}", timeline::text(&history, &violations));
    draw(&file.with_extension("html"), &file, &history, &violations)?;
    println!("replay: cargo xtask conformance --replay {}", file.display());
    Ok(())
}

fn summarise(tally: &Tally, took: Duration, seed: u64) {
    let rate = u128::from(tally.schedules) * 1000 / took.as_millis().max(1);
    let days = tally.virtual_time.as_secs() / 86_400;
    let hours = tally.virtual_time.as_secs() % 86_400 / 3600;
    println!("{} schedules in {took:.1?}, {rate} a second, seed {seed}", tally.schedules);
    println!("  virtual time      {days} days {hours} hours");
    println!("  driver calls      {}", tally.calls);
    println!("  terms             {}, {} hit by record loss", tally.terms, tally.lost_terms);
    println!("  hand-overs        {}", tally.hand_overs);
    println!("  uses of the lock  {}", tally.locks);
    println!("  applied, not told {}", tally.ambiguous_applied);
    println!("  drifting clocks   {} schedules", tally.drifting);
    if let Some(margin) = tally.smallest_margin {
        println!("  smallest margin   {margin:.0?} from the end of a term to the next grant");
    }
    let all: u64 = tally.faults.values().sum();
    println!("  faults            {all}");
    for (kind, count) in &tally.faults {
        println!("    {kind:<16} {count}");
    }
    for (rule, share) in &tally.progress {
        println!("  {rule} took at most {:.0} % of its bound", share * 100.0);
    }
}
