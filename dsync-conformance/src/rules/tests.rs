use std::collections::BTreeSet;
use std::path::Path;

use super::*;

#[test]
fn ids_are_complete_and_in_order() {
    let ids: Vec<String> = RULES.iter().map(|rule| rule.id.to_owned()).collect();
    let counts = [14, 11, 5, 6, 7, 4];
    let section = |(section, count): (usize, &usize)| {
        (1..=*count).map(move |rule| format!("{}.{rule:02}", section + 1)).collect::<Vec<_>>()
    };
    let expected: Vec<String> = counts.iter().enumerate().flat_map(section).collect();
    assert_eq!(ids, expected);
    for section in SECTIONS {
        let prefix = format!("{}.", section.number);
        assert!(section.rules.iter().all(|rule| rule.id.starts_with(&prefix)), "{prefix}");
    }
}

#[test]
fn names_are_unique_and_fit_for_tests() {
    let names: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(names.len(), RULES.len());
    for name in names {
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
    }
}

#[test]
fn a_test_is_named_for_kind_id_and_name() {
    let name = |id| rule(id).unwrap().test_name();
    assert_eq!(name("2.02"), "required::2_02_cancelled_before_re_elected");
    assert_eq!(name("1.11"), "capability::1_11_watch_shows_the_last_state");
    assert_eq!(name("2.11"), "untestable::2_11_effects_exclude_each_other");
    assert_eq!(rule("2.12"), None);
}

#[test]
fn texts_are_whole_sentences() {
    for rule in RULES {
        assert!(rule.text.ends_with('.'), "{}", rule.id);
        assert!(!rule.text.contains("  "), "{}: two blanks", rule.id);
        assert_eq!(rule.untestable.is_some(), rule.kind == Kind::Untestable, "{}", rule.id);
        if rule.kind == Kind::Capability {
            assert!(rule.needs.is_some(), "{}: of which capability?", rule.id);
        }
    }
}

#[test]
fn everything_that_is_checked_is_a_rule() {
    for id in crate::check::CHECKED {
        assert!(rule(id).is_some_and(|rule| rule.kind != Kind::Untestable), "{id}");
    }
}

#[test]
fn guarantees_are_written_down() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("GUARANTEES.md");
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == guarantees(),
        "GUARANTEES.md differs from the rules: run `cargo xtask conformance --write-docs`"
    );
}
