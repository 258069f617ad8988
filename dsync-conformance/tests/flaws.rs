//! Every broken driver is caught by its rule, with a message that says what is wrong, and the same
//! rule lets the honest one pass.

use std::process::ExitCode;

use dsync_conformance::mutants::Flaw;
use dsync_conformance::{Suite, Verdict};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let trial = |&flaw: &Flaw| Trial::test(flaw.to_string(), move || is_caught(flaw));
    let mut trials: Vec<Trial> = Flaw::ALL.iter().map(trial).collect();
    trials.push(Trial::test("there_are_enough_of_them", || {
        if Flaw::ALL.len() < 25 { Err("fewer than 25 broken drivers".into()) } else { Ok(()) }
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn is_caught(flaw: Flaw) -> Result<(), Failed> {
    let rule = flaw.rule();
    match verdict(&flaw.honest_suite(), rule)? {
        Verdict::Pass | Verdict::Partial(_) => {}
        other => return Err(format!("{rule} says of the honest driver: {other:?}").into()),
    }
    match verdict(&flaw.suite(), rule)? {
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
