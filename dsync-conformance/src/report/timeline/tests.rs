use std::time::Duration;

use dsync::EndCause;

use super::events;
use super::format::{Escaped, plain};
use super::model::Model;
use super::request::Fate;
use super::samples::{Sample, adopted, lost_record, ms, overlap, paused};
use super::store::HoldEnd;
use super::{html, text};
use crate::check::Violation;
use crate::check::{Precision, check};
use crate::history::{Event, History, Outcome, Verb};

/// The lane below `group` that is called `name`.
fn lane<'t>(text: &'t str, group: &str, name: &str) -> &'t str {
    let lanes = text.lines().skip_while(|line| *line != group);
    let mut lanes = lanes.filter(|line| line.trim_start().starts_with(name));
    lanes.next().unwrap_or_else(|| panic!("no lane {name} in {group}:\n{text}"))
}

/// Every element that is begun is ended, in the right order.
fn assert_well_formed(html: &str) {
    const VOID: [&str; 2] = ["meta", "!doctype"];
    let body = html.split_once("<style>").map_or(html, |(_, rest)| rest);
    let (_, body) = body.split_once("</style>").unwrap();
    let (body, _) = body.split_once("<script>").unwrap();
    let mut open: Vec<&str> = vec!["html", "head"];
    for piece in body.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').unwrap_or_else(|| panic!("no end: {piece}"));
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "before {piece}");
        } else if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert_eq!(open, ["html", "body"]);
}

#[test]
fn the_checkers_find_the_overlap_of_the_sample() {
    let (history, expected) = overlap();
    let found = check(&history, Precision::VIRTUAL);
    let found = found.iter().find(|one| one.rule == "2.02").expect("2.02 is violated");
    assert_eq!((found.at, &found.terms), (expected[0].at, &expected[0].terms));
}

#[test]
fn an_overlap_is_shown_first_and_marked() {
    let (history, violations) = overlap();
    let text = text(&history, &violations);
    assert!(text.starts_with("VIOLATED 2.02 cancelled before re elected\n"), "{text}");
    let (first, second) = (lane(&text, "election", "node-0"), lane(&text, "election", "node-1"));
    let violated = text.lines().find(|line| line.starts_with("violated")).unwrap();
    let (begin, end) = (violated.find('!').unwrap(), violated.rfind('!').unwrap());
    // From the second grant to the end of the work of the first term.
    assert!(second.find([':', '[']).is_some_and(|at| at.abs_diff(begin) <= 1), "{text}");
    assert!(first.rfind(['~', ')']).is_some_and(|gone| gone.abs_diff(end) <= 1), "{text}");
    assert!(first.contains("#7") && first.contains('!') && second.contains("[====#8="), "{text}");
    assert!(lane(&text, "faults", "node-0").contains('c'), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    let order = [
        "applied     acquire election of node-1",
        "elected     election",
        "cancelled   the term #7",
    ];
    let places = order.map(|word| text.find(word).unwrap_or_else(|| panic!("{word}: {text}")));
    assert!(places.is_sorted(), "{text}");
}

#[test]
fn a_paused_node_is_seen() {
    let history = paused();
    let text = text(&history, &[]);
    assert!(text.starts_with("No rule is violated."));
    let first = lane(&text, "election", "node-0");
    assert!(first.contains("zzzzzzzz") && first.contains("#3") && first.contains(')'), "{text}");
    assert!(!lane(&text, "election", "node-1").contains('z'), "{text}");
    let html = html(&history, &[], "paused", "");
    assert!(html.contains("stands still from 1.000 s to 5.000 s (4.00 s)"));
    assert!(html.contains("class=\"asleep\""));
}

#[test]
fn a_lost_answer_that_was_adopted_is_seen() {
    let history = adopted();
    let model = Model::new(&history, &[]);
    let fates: Vec<Fate> = model.requests.values().map(super::request::Request::fate).collect();
    assert_eq!(fates, [Fate::AnswerLost, Fate::Read, Fate::Applied, Fate::Applied]);
    assert_eq!(model.requests[&1].met, ["lost_answer"]);
    let html = html(&history, &[], "adopted", "");
    assert!(html.contains("href=\"#m-lost\" class=\"untold\""));
    assert!(html.contains("Adopted: user code of node-0 was elected at 1.340 s with the token #5"));
    assert!(lane(&text(&history, &[]), "election", "store").contains('r'));
}

#[test]
fn a_record_loss_is_seen() {
    let history = lost_record();
    let model = Model::new(&history, &[]);
    assert_eq!(model.holds[0].end, HoldEnd::Forgotten);
    assert_eq!(model.losses.len(), 1);
    assert!(lane(&text(&history, &[]), "election", "store").contains('X'));
    let html = html(&history, &[], "lost", "");
    assert!(html.contains("record loss, deleted"));
    assert!(html.contains("A record loss hit this term"));
}

#[test]
fn the_margin_is_from_the_end_of_the_work_to_the_next_grant() {
    let mut sample = Sample::new(2);
    sample.call(500, 0, Verb::Acquire, Outcome::Won(1), true);
    let first = sample.elected(540, 0, 1);
    sample.cancelled(1800, 0, first, EndCause::Deadline);
    sample.call(2600, 1, Verb::Acquire, Outcome::Won(2), true);
    sample.elected(2640, 1, 2);
    let history = sample.done();
    let model = Model::new(&history, &[]);
    let gap = model.gaps[0];
    assert_eq!((gap.time.from, gap.time.to, gap.tokens), (ms(1830), ms(2620), (1, 2)));
    assert_eq!((model.holds[0].time.to, model.holds[0].end), (ms(2520), HoldEnd::Expired));
}

#[test]
fn a_file_is_well_formed_and_loads_nothing() {
    let (history, violations) = overlap();
    for html in [
        html(&history, &violations, "overlap", "cargo xtask conformance --replay x.json"),
        html(&lost_record(), &[], "lost", ""),
        html(&History::default(), &[], "nothing", ""),
    ] {
        assert_well_formed(&html);
        for outside in ["http:", "https:", "src=", "@import", "<link"] {
            assert!(!html.contains(outside), "{outside}");
        }
    }
}

#[test]
fn a_figure_has_a_title_a_description_and_the_violation() {
    let (history, violations) = overlap();
    let html = html(&history, &violations, "overlap", "replay this");
    assert!(html.contains("Rule 2.02 is violated: cancelled before re elected"));
    assert!(html.contains("<title id=\"closer-0-t\">Around the violation of rule 2.02</title>"));
    assert!(html.contains("<desc id=\"whole-d\">Nodes: 2. Length: 8.00 s. Terms: 2. Faults: 1"));
    assert!(html.contains("3.820 s to 4.630 s (810 ms)\nRule 2.02 is violated: the term of"));
    assert!(html.contains("<code>replay this</code>"));
}

#[test]
fn texts_of_others_are_only_texts() {
    let (mut history, mut violations) = overlap();
    let evil = "<script>alert(\"1\")</script>&'\u{1b}[2J";
    evil.clone_into(&mut history.nodes[0].name);
    evil.clone_into(&mut history.keys[0].name);
    history.entries.push(crate::history::Entry {
        at: ms(4000),
        node: Some(0),
        event: Event::Trouble { key: 0, error: Some(evil.to_owned()) },
    });
    history.entries.sort_by_key(|entry| entry.at);
    evil.clone_into(&mut violations[0].message);
    let html = html(&history, &violations, evil, evil);
    assert_eq!(html.matches("<script>").count(), 1);
    assert!(!html.contains("alert(\"") && !html.contains('\u{1b}'));
    assert_well_formed(&html);
    assert!(!text(&history, &violations).contains('\u{1b}'));
}

#[test]
fn escaping() {
    assert_eq!(
        Escaped("<a b='c'>&\"\u{7}").to_string(),
        "&lt;a b=&#39;c&#39;&gt;&amp;&quot;\u{fffd}"
    );
    assert_eq!(plain("a\nb\u{1b}[1m\u{202e}"), "a b\\u{1b}[1m\\u{202e}");
}

#[test]
fn many_events_are_cut_to_those_that_matter() {
    let mut sample = Sample::new(1);
    sample.call(1000, 0, Verb::Acquire, Outcome::Won(1), true);
    let term = sample.elected(1040, 0, 1);
    for index in 0..50 {
        sample.call(1100 + index, 0, Verb::Read, Outcome::Read, true);
    }
    sample.cancelled(1400, 0, term, EndCause::Deadline);
    let history = sample.done();
    let violation = Violation {
        rule: "2.04",
        message: "too late".to_owned(),
        nodes: vec![0],
        terms: vec![term],
        at: ms(1200),
    };
    let violations = [violation];
    let model = Model::new(&history, &violations);
    let (lines, left_out) = events::around(&model, &model.incidents[0], 20);
    assert_eq!(lines.len(), 20);
    assert!(left_out > 100, "{left_out}");
    assert!(lines.is_sorted_by_key(|line| line.at));
    for what in ["elected", "cancelled"] {
        assert!(lines.iter().any(|line| line.what == what), "{what}");
    }
}

#[test]
fn a_long_run_with_many_faults_stays_readable_and_of_a_sensible_size() {
    let mut sample = Sample::new(4);
    sample.history.ended_at = Duration::from_secs(120);
    for index in 0..150_u64 {
        let node = usize::try_from(index % 4).unwrap();
        let text = "{\"do\":\"cut\",\"for_ms\":300}".to_owned();
        sample.note(index * 790, node, Event::Fault { kind: "cut", text });
        sample.call(index * 800, node, Verb::Renew, Outcome::Lost, true);
    }
    let history = sample.done();
    let html = html(&history, &[], "long", "");
    assert_eq!(html.matches("href=\"#f-cut\" class=\"fault\" x=\"").count(), 151);
    assert!(html.len() < 400_000, "{}", html.len());
    assert!(text(&history, &[]).lines().count() < 40);
}
