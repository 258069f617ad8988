//! Every broken driver is caught by its rule, with a message that says what is wrong, and the same
//! rule lets the honest one pass.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up fails")]

use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use dsync_conformance::mutants::Flaw;
use dsync_conformance::report::{Broken, Kill};
use dsync_conformance::{Suite, Verdict};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let kills: Arc<Mutex<Vec<Kill>>> = Arc::default();
    let trial = |&flaw: &Flaw| {
        let kills = Arc::clone(&kills);
        Trial::test(flaw.to_string(), move || is_caught(flaw, &kills))
    };
    let mut trials: Vec<Trial> = Flaw::ALL.iter().map(trial).collect();
    trials.push(Trial::test("there_are_enough_of_them", || {
        if Flaw::ALL.len() < 25 { Err("fewer than 25 broken drivers".into()) } else { Ok(()) }
    }));
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    // A list of what is broken on purpose, as reports have it.
    if let Some(file) = std::env::var_os("DSYNC_CONFORMANCE_KILLS") {
        let mut kills = kills.lock().unwrap();
        kills.sort_by(|a, b| a.name.cmp(&b.name));
        std::fs::write(file, serde_json::to_vec_pretty(&*kills).unwrap()).unwrap();
    }
    conclusion.exit_code()
}

fn is_caught(flaw: Flaw, kills: &Mutex<Vec<Kill>>) -> Result<(), Failed> {
    let rule = flaw.rule();
    match verdict(&flaw.honest_suite(), rule)? {
        Verdict::Pass | Verdict::Partial(_) => {}
        other => return Err(format!("{rule} says of the honest driver: {other:?}").into()),
    }
    let verdict = verdict(&flaw.suite(), rule)?;
    let message = match &verdict {
        Verdict::Fail(why) => why.clone(),
        _ => String::new(),
    };
    kills.lock().unwrap().push(Kill {
        name: flaw.to_string(),
        broken: Broken::Driver,
        seen: None,
        rule: rule.to_owned(),
        caught_by: (!message.is_empty()).then(|| rule.to_owned()),
        message,
        schedules: Vec::new(),
        median: None,
    });
    match verdict {
        Verdict::Fail(why) if why.starts_with(rule) && why.contains(flaw.says()) => Ok(()),
        Verdict::Fail(why) => {
            Err(format!("{rule} must say {:?}, but says: {why}", flaw.says()).into())
        }
        other => Err(format!("{rule} does not catch it: {other:?}").into()),
    }
}

fn verdict(suite: &Suite, rule: &str) -> Result<Verdict, Failed> {
    let verdicts = suite.clone().only(&[rule]).verdicts();
    let only = verdicts.into_iter().next();
    only.map(|(_, verdict)| verdict).ok_or_else(|| format!("there is no rule {rule}").into())
}
