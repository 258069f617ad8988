//! Every mutant of the driver in memory is killed by its rule, with a message that says what is
//! wrong, and the same rule lets the honest driver pass.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up fails")]

use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use dsync_conformance::mutants::Mutant;
use dsync_conformance::report::{Broken, Kill};
use dsync_conformance::{Suite, Verdict};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let kills: Arc<Mutex<Vec<Kill>>> = Arc::default();
    let trial = |&mutant: &Mutant| {
        let kills = Arc::clone(&kills);
        Trial::test(mutant.to_string(), move || is_killed(mutant, &kills))
    };
    let mut trials: Vec<Trial> = Mutant::ALL.iter().map(trial).collect();
    trials.push(Trial::test("there_are_enough_of_them", || {
        if Mutant::ALL.len() < 25 { Err("fewer than 25 mutants".into()) } else { Ok(()) }
    }));
    trials.push(Trial::test("other_failures_do_not_kill", other_failures));
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    // The list of mutants, as reports have it.
    if let Some(file) = std::env::var_os("DSYNC_CONFORMANCE_KILLS") {
        let mut kills = kills.lock().unwrap();
        kills.sort_by(|a, b| a.name.cmp(&b.name));
        std::fs::write(file, serde_json::to_vec_pretty(&*kills).unwrap()).unwrap();
    }
    conclusion.exit_code()
}

fn is_killed(mutant: Mutant, kills: &Mutex<Vec<Kill>>) -> Result<(), Failed> {
    let rule = mutant.rule();
    // The same rule, in the same run, without the mistake. Without that it proves nothing, and is
    // left out of the list.
    match verdict(&mutant.honest_suite(), rule)? {
        Verdict::Pass | Verdict::Partial(_) => {}
        other => return Err(format!("{rule} says of the honest driver: {other:?}").into()),
    }
    let verdict = verdict(&mutant.suite(), rule)?;
    let judged = judge(rule, mutant.says(), &verdict);
    let message = match verdict {
        Verdict::Fail(why) => why,
        _ => String::new(),
    };
    kills.lock().unwrap().push(Kill {
        name: mutant.to_string(),
        broken: Broken::Driver,
        seen: None,
        rule: rule.to_owned(),
        caught_by: judged.is_ok().then(|| rule.to_owned()),
        message,
        schedules: Vec::new(),
        median: None,
    });
    judged.map_err(Failed::from)
}

/// Whether a verdict kills a mutant: by its rule, and with the expected message.
fn judge(rule: &str, says: &str, verdict: &Verdict) -> Result<(), String> {
    let Verdict::Fail(why) = verdict else {
        return Err(format!("{rule} does not find it: {verdict:?}"));
    };
    let message = why.strip_prefix(rule).and_then(|rest| rest.strip_prefix(": "));
    if message.is_some_and(|message| message.contains(says)) {
        Ok(())
    } else {
        Err(format!("{rule} must say {says:?}, but says: {why}"))
    }
}

/// The expected words from another rule, and verdicts that are none.
fn other_failures() -> Result<(), Failed> {
    let says = "the write must be conditioned";
    let kills = |verdict: Verdict| judge("1.02", says, &verdict).is_ok();
    let fails = |rule: &str| kills(Verdict::Fail(format!("{rule}{says} on the version")));
    let others = [fails("1.03: "), fails("1.020: "), fails("1.02 "), fails("")];
    let silent = [Verdict::Pass, Verdict::Skip(format!("1.02: {says}"))];
    let invalid = [Verdict::Invalid(format!("1.02: {says}")), Verdict::Fail("1.02: no".to_owned())];
    if !fails("1.02: ") || others.contains(&true) {
        return Err(format!("of other rules: {others:?}").into());
    }
    if silent.into_iter().chain(invalid).any(kills) {
        return Err("a verdict that is not the expected one kills".into());
    }
    Ok(())
}

fn verdict(suite: &Suite, rule: &str) -> Result<Verdict, Failed> {
    let verdicts = suite.clone().only(&[rule]).verdicts();
    let only = verdicts.into_iter().next();
    only.map(|(_, verdict)| verdict).ok_or_else(|| format!("there is no rule {rule}").into())
}
