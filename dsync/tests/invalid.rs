//! Names, timings and configurations that are wrong give one error each, which names the value and
//! the rule, before any request is sent.

use std::time::Duration;

use dsync::{Config, Dsync, Error, ErrorKind, Resource, Timing};
use dsync_mock::MockDriver;
use proptest::prelude::*;

fn check(what: &str, error: &Error, fragments: &[&str]) {
    assert_eq!(error.kind(), ErrorKind::Invalid, "{what}: {error}");
    let text = error.to_string();
    for fragment in fragments {
        assert!(text.contains(fragment), "{what}: {fragment:?} is not in {text:?}");
    }
}

#[tokio::test]
async fn wrong_configurations() {
    let long = "x".repeat(201);
    let label = "a".repeat(64);
    let config = || Config::new("pod-a");
    let second = Duration::from_secs(1);
    let fifteen = || Timing::new(15 * second);
    let cases: Vec<(Config, Vec<&str>)> = vec![
        (config().with_namespace(""), vec!["namespace", "\"\"", "empty"]),
        (config().with_namespace("Prod"), vec!["namespace", "\"Prod\"", "'P'"]),
        (config().with_scope("a.b"), vec!["scope", "\"a.b\"", "'.'"]),
        (config().with_scope("-a"), vec!["scope", "\"-a\"", "begin and end"]),
        (config().with_scope(&label), vec!["scope", &label, "64", "63"]),
        (config().with_instance(""), vec!["instance", "empty"]),
        (config().with_instance("  "), vec!["instance", "empty"]),
        (config().with_instance("a\nb"), vec!["instance", "\\n", "printed"]),
        (config().with_instance(&long), vec!["instance", "201", "200"]),
        (config().with_drain_timeout(Duration::MAX), vec!["drain_timeout", "longest"]),
        (config().with_timing(Timing::new(Duration::ZERO)), vec!["lease_duration", "0ns"]),
        (config().with_timing(Timing::new(Duration::MAX)), vec!["lease_duration", "longest"]),
        (config().with_timing(fifteen().with_retry_period(Duration::ZERO)), vec!["retry_period"]),
        (config().with_timing(fifteen().with_drift(0.5)), vec!["drift", "0.5", "0.1"]),
        (config().with_timing(fifteen().with_drift(f64::NAN)), vec!["drift", "NaN"]),
        (
            config().with_timing(fifteen().with_renew_deadline(15 * second)),
            vec!["renew_deadline 15s", "lease_duration 15s", "margin 300ms", "14.7s"],
        ),
        (
            config().with_timing(fifteen().with_request_timeout(5 * second)),
            vec!["renew_period 5s", "request_timeout 5s", "retry_period 1s", "16s", "10s"],
        ),
    ];
    let store = MockDriver::new();
    for (config, fragments) in cases {
        let what = format!("{config:?}");
        check(&what, &config.validate().unwrap_err(), &fragments);
        check(&what, &Dsync::new(store.clone(), config).unwrap_err(), &fragments);
    }
    // Below what the store can do.
    let dsync = Dsync::new(store.clone(), "pod-a").unwrap();
    let too_short = Timing::new(Duration::from_micros(900));
    assert_eq!(dsync.with_timing(too_short).unwrap_err().kind(), ErrorKind::Invalid);
    assert!(store.requests().is_empty(), "nothing is sent for what is wrong");
}

#[tokio::test]
async fn every_violated_rule_of_a_timing_is_named_at_once() {
    let timing = Timing::new(Duration::from_secs(15))
        .with_renew_deadline(Duration::from_secs(20))
        .with_renew_period(Duration::from_secs(19));
    let error = timing.validate().unwrap_err();
    check("two rules", &error, &["renew_deadline 20s must be below", "renew_period 19s"]);
}

#[tokio::test]
async fn wrong_names() {
    let store = MockDriver::new();
    let dsync = Dsync::new(store.clone(), "pod-a").unwrap();
    let long = "n".repeat(64);
    let cases = [
        ("", "empty"),
        ("!!!", "'!'"),
        ("Task", "'T'"),
        ("a_b", "'_'"),
        ("a.b", "'.'"),
        ("a/b", "'/'"),
        ("task-", "begin and end"),
        ("ümlaut", "'ü'"),
        (&*long, "64"),
    ];
    for (name, rule) in cases {
        let shown = format!("{name:?}");
        let fragments = ["name", shown.as_str(), rule];
        check(name, &dsync.election(name).unwrap_err(), &fragments);
        check(name, &dsync.lock(name).unwrap_err(), &fragments);
        check(name, &dsync.observe(name).unwrap_err(), &fragments);
        check(name, &dsync.resource(name).unwrap_err(), &fragments);
    }
    let error = "a/b/c/d".parse::<Resource>().unwrap_err();
    check("four parts", &error, &["\"a/b/c/d\"", "namespace/scope/name"]);
    assert!(store.requests().is_empty(), "nothing is sent for what is wrong");
}

#[test]
fn the_name_of_three_exclamation_marks_is_unique() {
    // The Go original made "master" of it, which may be the name of another election.
    let mut names = std::collections::BTreeSet::new();
    for text in ["!!!", "???", "", "-", "Task", "TASK", "tasK", "task", "task ", "a.b", "a-b"] {
        let resource = Resource::sanitized(text);
        resource.validate().unwrap();
        assert!(names.insert(resource.name().to_owned()), "{text:?} is {resource}");
    }
    assert_eq!(Resource::sanitized("task").name(), "task");
}

#[test]
fn settings_come_from_anywhere_and_have_defaults() {
    let config = Config::from_fn(|name| match name {
        "KUBE_LEASE_SCOPE" => Some("billing".to_owned()),
        "KUBE_NAMESPACE" => Some(String::new()),
        _ => None,
    });
    assert_eq!((config.namespace(), config.scope()), ("default", "billing"));
    assert_eq!(config.instance(), Config::from_fn(|_| None).instance(), "one per process");
    assert!(config.kubeconfig().is_none());
    config.validate().unwrap();
    let config = config.with_instance("pod-a");
    assert_eq!(config.instance(), "pod-a");
}

proptest! {
    #[test]
    fn display_and_from_str_are_inverse(
        namespace in "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?",
        scope in "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?",
        name in "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?",
    ) {
        let resource = Resource::new(name).with_scope(scope).with_namespace(namespace);
        prop_assert_eq!(resource.to_string().parse::<Resource>().unwrap(), resource.clone());
        prop_assert_ne!(resource.election_name(), resource.lock_name());
    }

    #[test]
    fn any_text_makes_a_valid_name(text in "\\PC*") {
        Resource::sanitized(&text).validate().unwrap();
    }

    #[test]
    fn every_derived_timing_is_valid(millis in 301_u64..86_400_000) {
        Timing::new(Duration::from_millis(millis)).validate().unwrap();
    }
}
