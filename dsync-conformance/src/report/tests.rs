use std::path::Path;
use std::time::Duration;

use dsync::driver::{Capabilities, Expiry, WatchScope};

use super::*;
use crate::rules::{Kind, RULES};
use crate::sim::Tally;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn capable() -> Capabilities {
    Capabilities::new(Expiry::Observer)
        .with_watch(WatchScope::Changes)
        .with_token_surviving_delete()
        .with_token_surviving_restart()
}

fn tally() -> Tally {
    Tally {
        broken: 0,
        schedules: 12_345,
        drifting: 4_000,
        virtual_time: Duration::from_secs(12_345 * 120),
        calls: 9_876_543,
        faults: [("lost_answer".to_owned(), 1_234), ("pause".to_owned(), 567)].into(),
        terms: 90_000,
        hand_overs: 45_678,
        lost_terms: 321,
        ambiguous_applied: 6_543,
        locks: 50_000,
        smallest_margin: Some(Duration::from_micros(1_234_500)),
        margins: [(1, 10), (3, 20)].into(),
        progress: [("4.01".to_owned(), 0.812_34)].into(),
        terms_by_node: [(0, 45_000), (1, 45_000)].into(),
    }
}

/// A part of tier S1: every rule that can be tested holds.
fn simulated() -> Report {
    let driver = DriverInfo::new("kube").with_version("0.1.0").with_form("", &capable());
    let mut report = Report::new(driver);
    report.source = Source::parse(COMMIT).unwrap();
    report.harness.operator = true;
    report.reproduce.push("cargo xtask conformance --driver kube --seed 7".to_owned());
    let mut run = Run::here(Duration::from_millis(61_234)).with_tally(&tally());
    run.environments = vec![Environment {
        os: "linux".to_owned(),
        arch: "x86_64".to_owned(),
        cpus: 2,
        profile: "release".to_owned(),
    }];
    run.seeds = vec![7];
    report.add_run(Tier::S1, &run);
    for rule in RULES.iter().filter(|rule| rule.kind != Kind::Untestable) {
        report.judge(Tier::S1, rule.id, Judgement::new(Verdict::Pass, 12_345));
    }
    report
}

/// A part of tier R, on another day, with a bit of everything.
fn real() -> Report {
    let driver = DriverInfo::new("kube").with_form("", &capable());
    let mut report = Report::new(driver);
    report.source = Source::parse(COMMIT).unwrap();
    report.date = Some("2026-11-23T14:02:00Z".to_owned());
    report.server = Some(ServerInfo::parse("kube-apiserver v1.37.2"));
    report.driver.forms[0].observed.max_expiry_lag_ms = Some(0.26);
    let mut run = Run { operations: 4_000, requests: Some(4_321), ..Run::default() };
    run.uncertain = 2;
    run.smallest_margin_ms = Some(812.5);
    run.faults.insert("pause".to_owned(), 12);
    run.liveness.insert(
        "4.02".to_owned(),
        Worst::new(Duration::from_millis(44), Duration::from_millis(400)),
    );
    report.add_run(Tier::R, &run);
    let skip = Verdict::Skip("needs server control".to_owned());
    report.judge(Tier::R, "3.04", Judgement::new(skip, 0));
    let stalled = Verdict::Inconclusive("the machine stood still for 2.1 s".to_owned());
    report.judge(Tier::R, "4.01", Judgement::new(stalled, 3));
    let noted = Judgement::new(Verdict::Pass, 50)
        .with_notes(["50 hand-offs: median 9 ms, p90 12 ms | max 44 ms".to_owned()]);
    report.judge(Tier::R, "4.02", noted);
    report
}

fn kill(name: &str, caught_by: Option<&str>, schedules: &[Option<u64>]) -> Kill {
    Kill {
        name: name.to_owned(),
        broken: Broken::Core,
        seen: Some("kubernetes#23731".to_owned()),
        rule: "2.02".to_owned(),
        caught_by: caught_by.map(str::to_owned),
        message: "the term of node-0 was not cancelled".to_owned(),
        schedules: schedules.to_vec(),
        median: None,
    }
}

fn with_kill(kill: Kill) -> Report {
    let mut report = simulated();
    report.harness.server_control = true;
    report.add_kill(kill);
    report
}

#[test]
fn a_complete_run_passes() {
    let mut report = simulated();
    report.harness.server_control = true;
    report.settle();
    assert_eq!(report.conclusion, Conclusion { verdict: Outcome::Pass, why: Vec::new() });
    assert_eq!(report.count("pass"), RULES.len() - 1);
    assert_eq!(report.rule("2.11").unwrap().overall.word(), "untested");
}

#[test]
fn what_was_not_tested_makes_it_partial() {
    let says = |report: &Report, part: &str| {
        assert_eq!(report.conclusion.verdict, Outcome::Partial);
        let why = report.conclusion.why.join("\n");
        assert!(why.contains(part), "{why}");
    };
    says(&simulated(), "no server control");

    let mut report = simulated();
    report.harness = Equipment { server_control: true, ..Equipment::default() };
    report.settle();
    says(&report, "no operator");

    let mut report = with_kill(kill("x", Some("2.02"), &[Some(1)]));
    assert_eq!(report.conclusion.verdict, Outcome::Pass);
    report.driver.forms[0].declared.watch = "nothing".to_owned();
    report.settle();
    says(&report, "does not declare a watch");
    // Another form beside it declares it all.
    report.driver = report.driver.with_form("watched", &capable());
    report.settle();
    assert_eq!(report.conclusion.verdict, Outcome::Pass);

    report.rules.retain(|rule| rule.id != "2.02" && rule.id != "5.03");
    report.settle();
    says(&report, "not part of this run: 2.02, 5.03");
}

#[test]
fn a_weak_run_or_a_survivor_is_invalid() {
    let mut report = simulated();
    report.add_run(Tier::S1, &Run { gaps: vec!["hand-overs: 1".to_owned()], ..Run::default() });
    assert_eq!(report.conclusion.verdict, Outcome::Invalid);
    assert_eq!(report.conclusion.why[0], "S1: hand-overs: 1");

    for (survivor, how) in [
        (kill("x", None, &[None, None]), "no rule finds it"),
        (kill("x", Some("2.04"), &[Some(3)]), "2.04 finds it instead"),
        (kill("x", Some("2.02"), &[Some(3), None]), "1 of 2 seeds do not find it"),
    ] {
        let report = with_kill(survivor);
        assert_eq!(report.conclusion.verdict, Outcome::Invalid);
        assert!(report.conclusion.why[0].contains(how), "{}", report.conclusion.why[0]);
    }
}

#[test]
fn the_median_counts_survivors_as_more_than_any() {
    let median = |schedules: &[Option<u64>]| {
        let report = with_kill(kill("x", Some("2.02"), schedules));
        report.kills[0].median
    };
    assert_eq!(median(&[Some(9), Some(1), Some(5)]), Some(5));
    assert_eq!(median(&[None, Some(1), Some(5)]), Some(5));
    assert_eq!(median(&[None, Some(1), None]), None);
    assert_eq!(median(&[]), None);
}

#[test]
fn the_worst_verdict_counts() {
    let fail = |why: &str| Verdict::Fail(why.to_owned());
    let mut report = simulated();
    report.judge(Tier::R, "2.02", Judgement::new(fail("two leaders"), 1));
    report.judge(Tier::R, "2.02", Judgement::new(Verdict::Pass, 1));
    let rule = report.rule("2.02").unwrap();
    assert_eq!(rule.overall, fail("R: two leaders"));
    assert_eq!((rule.tiers[&Tier::R].cases, rule.cases()), (2, 12_347));
    assert_eq!(report.conclusion.verdict, Outcome::Fail);
    assert_eq!(report.conclusion.why[0], "2.02 fail: R: two leaders");

    // Both texts, and none twice.
    for why in ["two leaders", "no leader", "no leader"] {
        report.judge(Tier::R, "2.02", Judgement::new(fail(why), 1));
    }
    assert_eq!(report.rule("2.02").unwrap().overall, fail("R: two leaders; no leader"));
}

#[test]
fn what_one_tier_skips_another_may_have_tested() {
    let merged = Report::merge([simulated(), real()]).unwrap();
    assert_eq!(merged.rule("3.04").unwrap().overall, Verdict::Pass);
    assert_eq!(merged.rule("4.01").unwrap().overall.word(), "inconclusive");
    assert_eq!(merged.conclusion.verdict, Outcome::Inconclusive);
    assert!(!merged.conclusion.verdict.is_failure());
}

#[test]
fn parts_are_added_up() {
    let again = || {
        let mut part = simulated();
        let mut run = Run { seeds: vec![8], schedules: 5, ..Run::default() };
        run.smallest_margin_ms = Some(900.0);
        part.tiers = [(Tier::S1, run)].into();
        part
    };
    let merged = Report::merge([simulated(), again(), real()]).unwrap();
    let run = &merged.tiers[&Tier::S1];
    assert_eq!((run.seeds.clone(), run.schedules), (vec![7, 8], 12_350));
    assert_eq!(run.smallest_margin_ms, Some(900.0));
    assert_eq!(run.all_faults(), 1_801);
    assert_eq!(merged.reproduce.len(), 1);
    assert_eq!(merged.date.as_deref(), Some("2026-11-23T14:02:00Z"));
    assert_eq!(merged.title(), "kube on kube-apiserver v1.37.2");
    assert_eq!(merged.driver.version.as_deref(), Some("0.1.0"));
    assert_eq!(merged.driver.forms[0].observed.max_expiry_lag_ms, Some(0.26));
}

#[test]
fn parts_of_different_things_are_refused() {
    let refusal = |part: Report| Report::merge([real(), part]).unwrap_err().to_string();
    let mut part = real();
    part.driver.name = "redis".to_owned();
    assert!(refusal(part).contains("two drivers, kube and redis"));
    let mut part = real();
    part.server = Some(ServerInfo::parse("kube-apiserver v1.36.0"));
    assert!(refusal(part).contains("v1.37.2 and kube-apiserver v1.36.0"));
    let mut part = real();
    part.suite.rules += 1;
    assert!(refusal(part).contains("versions of the rules"));
    let other = "fedcba9876543210fedcba9876543210fedcba98";
    let part = Report { source: Source::parse(other).unwrap(), ..real() };
    assert!(refusal(part).contains(&format!("two commits, {COMMIT} and {other}")));
    let part = Report { source: Source::default(), ..real() };
    assert!(refusal(part).contains(&format!("two commits, {COMMIT} and none recorded")));
    let part = Report { schema: 1, ..real() };
    assert!(refusal(part).contains("schema 1 instead of 2: run it again"));
    assert!(Report::merge([]).unwrap_err().to_string().contains("nothing was run"));
}

#[test]
fn one_part_with_uncommitted_changes_is_enough() {
    let dirty = || Report { source: Source::parse(&format!("{COMMIT}-dirty")).unwrap(), ..real() };
    for parts in [[simulated(), dirty()], [dirty(), simulated()]] {
        let merged = Report::merge(parts).unwrap();
        assert_eq!(merged.source.to_string(), format!("{COMMIT}, with uncommitted changes"));
    }
}

#[test]
fn a_commit_is_a_full_hash() {
    for wrong in ["", "HEAD", "0123456", &COMMIT.to_uppercase(), &COMMIT[1..], "-dirty"] {
        let error = Source::parse(wrong).unwrap_err().to_string();
        assert!(error.contains(&format!("{wrong:?} is no commit")), "{error}");
    }
    let of_sha_256 = COMMIT.repeat(2)[..64].to_owned();
    assert_eq!(Source::parse(&of_sha_256).unwrap().commit, Some(of_sha_256));
    assert_eq!(Source::default().to_string(), "not recorded");
}

#[test]
fn forms_of_one_driver_come_together() {
    let of = |form: &str, watch: WatchScope| {
        let capabilities = capable().with_watch(watch);
        Report::new(DriverInfo::new(form).with_form("", &capabilities)).of_driver("mock")
    };
    let parts = [of("silent", WatchScope::Nothing), of("observer", WatchScope::Changes)];
    let merged = Report::merge(parts).unwrap();
    let forms: Vec<&str> = merged.driver.forms.iter().map(|form| form.name.as_str()).collect();
    assert_eq!(forms, ["silent", "observer"]);
    assert!(!merged.conclusion.why.join(" ").contains("declare"));
}

#[test]
fn a_server_is_a_name_and_a_version() {
    let parse = |text| {
        let ServerInfo { name, version } = ServerInfo::parse(text);
        (name, version)
    };
    let known = |name: &str, version: &str| (name.to_owned(), Some(version.to_owned()));
    assert_eq!(parse("kube-apiserver v1.37.2"), known("kube-apiserver", "v1.37.2"));
    assert_eq!(parse("Redis on disk 7.0.15"), known("Redis on disk", "7.0.15"));
    assert_eq!(parse("my store"), ("my store".to_owned(), None));
}

#[test]
fn json_survives_a_round_trip() {
    let mut merged = Report::merge([simulated(), real()]).unwrap();
    merged.add_kill(kill("late", Some("2.02"), &[Some(1), None]));
    // A number with more digits than a fast reader of JSON gets right.
    merged.tiers.get_mut(&Tier::R).unwrap().longest_stall_ms = Some(0.300_000_000_000_000_04);
    let json = merged.to_json().unwrap();
    assert!(json.starts_with("{\n  \"schema\": 2,\n  \"digest\": \""));
    let read = Report::from_json(&json).unwrap();
    assert_eq!(read, merged);
    assert!(read.is_sealed());
    assert_eq!(read.to_json().unwrap(), json);
}

#[test]
fn the_digest_is_that_of_all_other_lines() {
    let json = real().to_json().unwrap();
    let (digest, rest): (Vec<&str>, Vec<&str>) =
        json.split_inclusive('\n').partition(|line| line.starts_with("  \"digest\": "));
    assert_eq!(digest.concat(), format!("  \"digest\": \"{}\",\n", seal::digest(&rest.concat())));
    // A known answer of SHA-256.
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(seal::digest("abc"), abc);
}

#[test]
fn a_report_that_is_not_as_its_run_wrote_it_is_refused() {
    let json = real().to_json().unwrap();
    let edited = |from: &str, to: &str| {
        assert!(json.contains(from), "{from} is not in {json}");
        json.replacen(from, to, 1)
    };
    let digest_of = |json: &str| json.lines().nth(2).unwrap().to_owned();
    let other = digest_of(&simulated().to_json().unwrap());
    for (what, text, part) in [
        ("a number", edited("\"operations\": 4000", "\"operations\": 4001"), "names the digest"),
        ("a verdict", edited("\"inconclusive\"", "\"pass\""), "names the digest"),
        ("the commit", edited("\"0123456", "\"1123456"), "names the digest"),
        ("cleanliness", edited("\"clean\": true", "\"clean\": null"), "names the digest"),
        ("a field that has a default", edited("      \"uncertain\": 2,\n", ""), "names the digest"),
        ("a field that has none", edited("  \"reproduce\": [],\n", ""), "a broken one"),
        ("another's digest", edited(&digest_of(&json), &other), "names the digest"),
        ("no digest", edited(&format!("{}\n", digest_of(&json)), ""), "lost its digest"),
        ("a space", edited("\"uncertain\": 2", "\"uncertain\":  2"), "formatted again"),
        ("an indent", edited("\n  \"suite\"", "\n\t\"suite\""), "formatted again"),
        ("a number of another form", edited("812.5", "812.50"), "formatted again"),
        ("a field of another name", edited("{\n", "{\n  \"note\": 1,\n"), "added to"),
        ("the end of the last line", json.trim_end().to_owned(), "formatted again"),
        ("ends of lines", json.replace('\n', "\r\n"), "formatted again"),
    ] {
        let error = Report::from_json(&text).map(|_| what).unwrap_err().to_string();
        assert!(error.contains(part), "{what}: {error}");
        assert_eq!(error.lines().count(), 1, "{what}: {error}");
    }
}

#[test]
fn verdicts_that_do_not_follow_from_the_rest_are_not_believed() {
    let report = Report::new(DriverInfo::new("kube"));
    let content = report.content().unwrap().replace("\"partial\"", "\"pass\"");
    assert!(content.contains("\"verdict\": \"pass\""));
    assert_eq!(Report::from_json(&seal::seal(&content)).unwrap(), report);
}

#[test]
fn a_report_of_schema_1_is_read_and_not_trusted() {
    let mut value: serde_json::Value = serde_json::from_str(&real().to_json().unwrap()).unwrap();
    let fields = value.as_object_mut().unwrap();
    fields.insert("schema".to_owned(), 1.into());
    for new in ["digest", "source"] {
        assert!(fields.remove(new).is_some());
    }
    let report = Report::from_json(&value.to_string()).unwrap();
    assert!(!report.is_sealed());
    assert_eq!(report.source, Source::default());
    assert!(report.to_json().unwrap_err().to_string().contains("make it again"));
}

#[test]
fn what_is_no_report_of_this_schema_is_refused() {
    let refusal = |text: &str| Report::from_json(text).unwrap_err().to_string();
    assert!(refusal("{}").contains("no report of dsync-conformance"));
    assert!(refusal("schedule").contains("no report of dsync-conformance"));
    assert!(refusal("{\"schema\": 3}").contains("or a newer one"));
    assert!(refusal("{\"schema\": 0}").contains("make it again"));
    assert!(refusal("{\"schema\": 2}").contains("a broken one: missing field"));
}

#[test]
fn junit_has_a_case_for_each_rule_and_tier() {
    let mut merged = Report::merge([simulated(), real()]).unwrap();
    let fail = Verdict::Fail("two leaders <&>".to_owned());
    merged.judge(Tier::R, "2.02", Judgement::new(fail, 1));
    merged.add_kill(kill("killed", Some("2.02"), &[Some(1)]));
    merged.add_kill(kill("alive", None, &[None]));
    let xml = merged.to_junit().unwrap();
    for part in [
        "<testsuite name=\"kube.S1\" tests=\"46\" skipped=\"0\" errors=\"0\" failures=\"0\"",
        "<testsuite name=\"kube.R\" tests=\"4\" skipped=\"2\" errors=\"0\" failures=\"1\"",
        "<testsuite name=\"kube.broken-on-purpose\" tests=\"2\" skipped=\"0\" errors=\"0\" failures=\"1\"",
        "<testcase name=\"required::2_02_cancelled_before_re_elected\">",
        "message=\"fail: two leaders &lt;&amp;&gt;",
        "message=\"skip: needs server control\"",
        "<testcase name=\"2_02::killed\"/>",
        "50 hand-offs: median 9 ms",
    ] {
        assert!(xml.contains(part), "{part} is not in\n{xml}");
    }
}

#[test]
fn the_table_of_drivers_has_a_row_for_each_report() {
    let merged = Report::merge([simulated(), real()]).unwrap();
    let table = |age: Age| {
        let link = "reports/kube.md".to_owned();
        drivers(&[Published { report: merged.clone(), link, age }])
    };
    assert_eq!(
        table(Age::Current).lines().nth(2),
        Some(
            "| kube 0.1.0 | kube-apiserver v1.37.2 | inconclusive | 45 pass, 1 inconclusive, 1 \
             untested | 12,345 | 1,813 | 45,678 | 812.5 ms | `0123456789ab` | \
             [2026-11-23T14:02:00Z](reports/kube.md) |"
        )
    );
    assert!(table(Age::Stale).contains("| **stale**: `0123456789ab` |"));
    assert!(table(Age::Unknown).contains("| unknown: `0123456789ab` |"));
    assert_eq!(drivers(&[]), "No report has been published yet.\n");
}

#[test]
fn markdown_is_as_it_was() {
    let mut merged = Report::merge([simulated(), real()]).unwrap();
    merged.add_kill(kill("killed", Some("2.02"), &[Some(3), Some(1), Some(1_200)]));
    merged.add_kill(kill("alive", Some("2.04"), &[Some(1), None]));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/golden.md");
    let shown = merged.to_markdown();
    if std::env::var_os("DSYNC_WRITE_GOLDEN").is_some() {
        std::fs::write(&file, &shown).unwrap();
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(shown == golden, "not as in {}; is it right?\n{shown}", file.display());
}

/// The names of all fields, but those of maps, which are data.
fn fields(value: &serde_json::Value, found: &mut std::collections::BTreeSet<String>) {
    const MAPS: [&str; 5] = ["tiers", "faults", "margins", "liveness", "terms_by_candidate"];
    match value {
        serde_json::Value::Object(object) => {
            for (name, value) in object {
                found.insert(name.clone());
                match value.as_object().filter(|_| MAPS.contains(&name.as_str())) {
                    Some(map) => map.values().for_each(|value| fields(value, found)),
                    None => fields(value, found),
                }
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| fields(value, found)),
        _ => {}
    }
}

#[test]
fn every_field_is_documented() {
    let mut merged = Report::merge([simulated(), real()]).unwrap();
    merged.add_kill(kill("killed", Some("2.02"), &[Some(3)]));
    let mut found = std::collections::BTreeSet::new();
    fields(&serde_json::from_str(&merged.to_json().unwrap()).unwrap(), &mut found);
    assert!(found.contains("caught_by") && found.contains("gaps") && found.contains("notes"));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("REPORTS.md");
    let text = std::fs::read_to_string(file).unwrap();
    let is_known = |name: &String| {
        text.split('`')
            .skip(1)
            .step_by(2)
            .any(|code| code.split(['.', '[', '<']).any(|c| c == name))
    };
    let unknown: Vec<&String> = found.iter().filter(|name| !is_known(name)).collect();
    assert!(unknown.is_empty(), "not in REPORTS.md: {unknown:?}");
}
