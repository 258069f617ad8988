use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;

fn some(count: usize) -> Vec<Schedule> {
    let mut runner = TestRunner::deterministic();
    let shape = Shape::default();
    (0..count)
        .map(|index| {
            let store = [Store::Backend, Store::Observer, Store::Releases][index % 3];
            let tree =
                proptest::strategy::Strategy::new_tree(&schedules(shape, store), &mut runner);
            tree.unwrap().current()
        })
        .collect()
}

#[test]
fn json_keeps_everything() {
    for schedule in some(20) {
        let text = schedule.to_json();
        assert_eq!(Schedule::from_json(&text).as_ref(), Ok(&schedule), "{text}");
    }
}

#[test]
fn a_schedule_has_at_least_a_hundred_faults() {
    for schedule in some(50) {
        // A fifth of the steps is what users do.
        assert!(schedule.steps.len() >= 110, "{}", schedule.steps.len());
    }
}

#[test]
fn nonsense_is_refused_by_name() {
    let schedule = &some(1)[0];
    let text = schedule.to_json();
    let wrong = text.replace("\"format\":1", "\"format\":9");
    assert!(Schedule::from_json(&wrong).unwrap_err().contains("format is 9"));
    let mut wrong = schedule.clone();
    wrong.steps[0].action = Action::Panic { node: 99 };
    let error = Schedule::from_json(&wrong.to_json()).unwrap_err();
    assert!(error.contains("steps[0] names node 99"), "{error}");
    let wrong = text.replacen("\"lease_ms\"", "\"lease_s\"", 1);
    assert!(Schedule::from_json(&wrong).unwrap_err().contains("lease_s"));
    let mut wrong = schedule.clone();
    wrong.lease_ms = 5;
    assert!(wrong.validate().unwrap_err().contains("lease_ms is 5"));
}
