//! One short story for each rule that a random walk may pass by.

use super::*;

fn at(seconds: u64) -> Instant {
    Instant::at(Duration::from_secs(seconds))
}

fn lease(holder: &Holder, number: u64) -> Lease {
    let text = number.to_string();
    let (version, pulse) = (Version::new(text.as_str()), Pulse::new(text.as_str()));
    Lease::held(holder.clone(), Duration::from_secs(15), version, pulse, FencingToken::new(number))
}

fn request(actions: &[Action]) -> Option<Request> {
    actions.iter().find_map(|action| match action {
        Action::Send(call) => Some(call.request.clone()),
        _ => None,
    })
}

fn holder(actions: &[Action]) -> Holder {
    match request(actions) {
        Some(Request::Acquire(claim)) => claim.holder,
        other => panic!("no acquisition but {other:?}"),
    }
}

/// The next acquisition at `now`, with no holder in the record.
fn tries_again(tenure: &mut Tenure, now: Instant) -> Holder {
    let mut actions = tenure.step(now, Event::Tick);
    if matches!(request(&actions), Some(Request::Read)) {
        actions = tenure.step(now, Event::Answered(Answer::Read(Ok(None))));
    }
    if request(&actions).is_none() {
        actions = tenure.step(now + Duration::from_secs(1), Event::Tick);
    }
    holder(&actions)
}

fn is_elected(actions: &[Action]) -> bool {
    actions.iter().any(|action| matches!(action, Action::Elect(_)))
}

fn observer() -> Tenure {
    tenure(plan(Mode::Campaign, Expiry::Observer, WatchScope::Changes))
}

fn won(tenure: &mut Tenure, now: Instant, holder: &Holder, number: u64) -> Vec<Action> {
    let answer = Answer::Acquire(Ok(Acquired::Won(lease(holder, number))));
    tenure.step(now, Event::Answered(answer))
}

#[test]
fn an_answer_that_comes_too_late_makes_no_term_and_is_released() {
    let mut tenure = observer();
    let own_holder = holder(&tenure.step(at(0), Event::Tick));
    let actions = won(&mut tenure, at(10), &own_holder, 1);
    assert!(!is_elected(&actions), "{actions:?}");
    assert!(
        matches!(request(&actions), Some(Request::Release(lease)) if lease.is_held_by(&own_holder))
    );
}

#[test]
fn a_conflict_is_read_and_renewed_at_the_new_version_without_moving_the_deadline() {
    let mut tenure = observer();
    let own_holder = holder(&tenure.step(at(0), Event::Tick));
    assert!(is_elected(&won(&mut tenure, at(0), &own_holder, 1)));
    let actions = tenure.step(at(5), Event::Tick);
    assert!(matches!(request(&actions), Some(Request::Renew(_))));
    let conflict = Event::Answered(Answer::Renew(Ok(Renewed::Conflict)));
    assert!(matches!(request(&tenure.step(at(5), conflict)), Some(Request::Read)));
    let edited = Lease { version: Version::new("edited"), ..lease(&own_holder, 1) };
    let actions = tenure.step(at(6), Event::Answered(Answer::Read(Ok(Some(edited)))));
    let renewed = request(&actions);
    assert!(
        matches!(&renewed, Some(Request::Renew(lease)) if lease.version.as_str() == "edited"),
        "{renewed:?}"
    );
    // The read did not count: ten seconds after the acquisition was sent it is over.
    let actions = tenure.step(at(10), Event::Tick);
    assert!(matches!(actions[0], Action::Cancel(EndCause::Deadline)), "{actions:?}");
}

#[test]
fn an_attempt_to_create_is_remembered_although_a_read_does_not_show_it() {
    let mut tenure = observer();
    let first = holder(&tenure.step(at(0), Event::Tick));
    let error = Error::ambiguous(ErrorKind::Timeout, "no answer");
    let actions = tenure.step(at(1), Event::Answered(Answer::Acquire(Err(error))));
    assert!(matches!(request(&actions), Some(Request::Read)), "{actions:?}");
    tenure.step(at(1), Event::Answered(Answer::Read(Ok(None))));
    let second = tries_again(&mut tenure, at(3));
    assert_ne!(first, second, "a nonce for each attempt");
    // The first was applied after all: it is this candidate's, and counts from when it was sent.
    let landed = Answer::Acquire(Ok(Acquired::Held(Some(lease(&first, 1)))));
    let actions = tenure.step(at(4), Event::Answered(landed));
    let grant = actions.iter().find_map(|action| match action {
        Action::Elect(grant) => Some(grant.clone()),
        _ => None,
    });
    assert_eq!(grant.expect("elected").valid_until, at(10));
}

#[test]
fn an_attempt_that_lands_when_its_time_is_over_is_only_released() {
    let mut tenure = observer();
    let first = holder(&tenure.step(at(0), Event::Tick));
    let error = Error::ambiguous(ErrorKind::Timeout, "no answer");
    tenure.step(at(2), Event::Answered(Answer::Acquire(Err(error))));
    tenure.step(at(2), Event::Answered(Answer::Read(Ok(None))));
    tries_again(&mut tenure, at(11));
    let landed = Answer::Acquire(Ok(Acquired::Held(Some(lease(&first, 1)))));
    let actions = tenure.step(at(11), Event::Answered(landed));
    assert!(!is_elected(&actions));
    assert!(matches!(request(&actions), Some(Request::Release(lease)) if lease.is_held_by(&first)));
}

#[test]
fn an_edited_label_does_not_restart_the_wait_for_a_dead_holder() {
    let mut tenure = observer();
    let rival = Holder::from_wire("rival_1");
    holder(&tenure.step(at(0), Event::Tick));
    let held = Answer::Acquire(Ok(Acquired::Held(Some(lease(&rival, 1)))));
    tenure.step(at(0), Event::Answered(held));
    for second in 1..15 {
        let edited = Lease { version: Version::new(format!("e{second}")), ..lease(&rival, 1) };
        let actions = tenure.step(at(second), Event::Observed(Some(edited)));
        assert!(request(&actions).is_none(), "at {second} s: {actions:?}");
    }
    match request(&tenure.step(at(15), Event::Tick)) {
        Some(Request::Acquire(claim)) => {
            assert_eq!(claim.take_over, Some(Version::new("e14")), "at the newest version");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_try_takes_over_what_an_earlier_one_saw_long_ago() {
    let rival = Holder::from_wire("rival_1");
    let mut first = tenure(plan(Mode::Try, Expiry::Observer, WatchScope::Changes));
    holder(&first.step(at(0), Event::Tick));
    let held = Event::Answered(Answer::Acquire(Ok(Acquired::Held(Some(lease(&rival, 1))))));
    let actions = first.step(at(0), held.clone());
    assert!(matches!(actions.last(), Some(Action::Finish(Finish::Held))), "{actions:?}");
    let memory = first.into_memory();
    let plan = plan(Mode::Try, Expiry::Observer, WatchScope::Changes);
    let mut number = 100;
    let mut second = Tenure::new(plan, memory, move || {
        number += 1;
        number
    });
    holder(&second.step(at(15), Event::Tick));
    let actions = second.step(at(15), held);
    assert!(
        matches!(request(&actions), Some(Request::Acquire(claim)) if claim.take_over.is_some())
    );
}
