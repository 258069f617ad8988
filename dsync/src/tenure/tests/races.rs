//! Mistakes that were once there, each by its story.

use super::*;

fn at(seconds: u64) -> Instant {
    Instant::at(Duration::from_secs(seconds))
}

fn ms(millis: u64) -> Instant {
    Instant::at(Duration::from_millis(millis))
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

fn is_elected(actions: &[Action]) -> bool {
    actions.iter().any(|action| matches!(action, Action::Elect(_)))
}

fn campaign(expiry: Expiry) -> Tenure {
    tenure(plan(Mode::Campaign, expiry, WatchScope::Changes))
}

fn acquired(tenure: &mut Tenure, now: Instant, answer: Acquired) -> Vec<Action> {
    tenure.step(now, Event::Answered(Answer::Acquire(Ok(answer))))
}

fn read(tenure: &mut Tenure, now: Instant, record: Option<Lease>) -> Vec<Action> {
    tenure.step(now, Event::Answered(Answer::Read(Ok(record))))
}

fn has_overrun(actions: &[Action]) -> bool {
    actions.iter().any(|action| matches!(action, Action::Overrun))
}

/// A process that was suspended past the hard deadline, and that runs no body at all.
#[test]
fn a_suspension_without_a_body_is_no_overrun() {
    let mut tenure = campaign(Expiry::Observer);
    let own_holder = holder(&tenure.step(at(0), Event::Tick));
    assert!(is_elected(&acquired(&mut tenure, at(0), Acquired::Won(lease(&own_holder, 1)))));
    assert!(!has_overrun(&tenure.step(at(3600), Event::Tick)));
    let actions = tenure.step(at(3600), Event::BodiesStopped { overran: false });
    assert!(!has_overrun(&actions), "{actions:?}");
    assert!(matches!(request(&actions), Some(Request::Release(_))), "{actions:?}");
}

/// The keeper drops the watch of a lock while the view is unknown, without
/// notifying the tenure. Changes before the next watch begins must be found by a read.
#[test]
fn a_lock_waiter_looks_when_its_second_watch_begins() {
    let rival = Holder::from_wire("rival_1");
    let mut tenure = tenure(plan(Mode::Wait, Expiry::Backend, WatchScope::Changes));
    // Held by a rival; the answer does not show which (as of a transaction).
    holder(&tenure.step(at(0), Event::Tick));
    assert!(matches!(
        request(&acquired(&mut tenure, at(0), Acquired::Held(None))),
        Some(Request::Read)
    ));
    assert!(request(&read(&mut tenure, at(0), Some(lease(&rival, 1)))).is_none());
    assert!(tenure.wants_watch());
    // The first watch begins: one read, as it should be.
    assert!(matches!(request(&tenure.step(at(0), Event::Heartbeat)), Some(Request::Read)));
    read(&mut tenure, at(0), Some(lease(&rival, 1)));
    // Released; we try, and lose the race.
    let actions = tenure.step(at(3), Event::Observed(None));
    let actions =
        if request(&actions).is_some() { actions } else { tenure.step(at(4), Event::Tick) };
    holder(&actions);
    acquired(&mut tenure, at(4), Acquired::Held(None));
    let dropped = !tenure.wants_watch();
    // What the keeper does next; see `Keeper::tend_watch`.
    let winner = Holder::from_wire("winner_1");
    let mut now = at(4);
    if request(&tenure.step(now, Event::Tick)).is_none() {
        now = tenure.wake().expect("something is due");
        tenure.step(now, Event::Tick);
    }
    read(&mut tenure, now, Some(lease(&winner, 2)));
    if dropped {
        // A new watch begins now. The winner released in between, so it says nothing of it.
        assert!(tenure.wants_watch());
        let mut asked = false;
        for second in 0..600 {
            let now = now + Duration::from_secs(second);
            asked |= request(&tenure.step(now, Event::Heartbeat)).is_some();
        }
        assert!(asked, "ten minutes without an attempt at a lock that is free");
    }
}

/// What the watch shows while the bodies of a lost term end is thrown away, but the view of
/// the record is not.
#[test]
fn a_release_that_is_heard_while_a_lost_term_drains_is_not_forgotten() {
    let rival = Holder::from_wire("rival_1");
    let mut tenure = campaign(Expiry::Backend);
    let own_holder = holder(&tenure.step(at(0), Event::Tick));
    tenure.step(at(0), Event::Heartbeat);
    assert!(is_elected(&acquired(&mut tenure, at(0), Acquired::Won(lease(&own_holder, 1)))));
    assert!(matches!(request(&tenure.step(at(5), Event::Tick)), Some(Request::Renew(_))));
    let lost = Answer::Renew(Ok(Renewed::Lost(Some(lease(&rival, 2)))));
    tenure.step(at(5), Event::Answered(lost));
    // The rival gives it up while our body is being dropped.
    tenure.step(ms(5_100), Event::Observed(None));
    let actions = tenure.step(ms(5_200), Event::BodiesStopped { overran: false });
    let mut asked = request(&actions).is_some();
    for second in 6..600 {
        asked |= request(&tenure.step(at(second), Event::Heartbeat)).is_some();
    }
    assert!(asked, "ten minutes without a request for a record that is gone");
}

/// An edit that gets in the way of a takeover makes the dead holder live again.
#[test]
fn a_refused_takeover_does_not_restart_the_wait_for_a_dead_holder() {
    let mut tenure = campaign(Expiry::Observer);
    let rival = Holder::from_wire("rival_1");
    holder(&tenure.step(at(0), Event::Tick));
    acquired(&mut tenure, at(0), Acquired::Held(Some(lease(&rival, 1))));
    assert!(request(&tenure.step(at(0), Event::Observed(Some(lease(&rival, 1))))).is_none());
    holder(&tenure.step(at(15), Event::Tick));
    // An operator edits a label at this moment: 409, which carries no record.
    let actions = acquired(&mut tenure, at(15), Acquired::Held(None));
    let edited = Lease { version: Version::new("edited"), ..lease(&rival, 1) };
    let now = if request(&actions).is_some() { at(15) } else { at(16) };
    if request(&actions).is_none() {
        assert!(matches!(request(&tenure.step(now, Event::Tick)), Some(Request::Read)));
    }
    let mut actions = read(&mut tenure, now, Some(edited.clone()));
    for second in 16..20 {
        if matches!(request(&actions), Some(Request::Acquire(_))) {
            return;
        }
        actions = if matches!(request(&actions), Some(Request::Read)) {
            read(&mut tenure, at(second), Some(edited.clone()))
        } else {
            tenure.step(at(second), Event::Tick)
        };
    }
    panic!("the next try at {:?}", tenure.wake());
}

/// A resignation, then an earlier attempt of this candidate turns up: it is released, and the
/// sitting out is forgotten.
#[test]
fn a_left_over_release_does_not_end_the_sitting_out() {
    let mut tenure = campaign(Expiry::Backend);
    let own_holder = holder(&tenure.step(at(0), Event::Tick));
    // Resigned while the acquisition is under way.
    tenure.step(at(0), Event::Resign);
    let actions = acquired(&mut tenure, at(0), Acquired::Won(lease(&own_holder, 1)));
    assert!(!is_elected(&actions));
    assert!(matches!(request(&actions), Some(Request::Release(_))));
    let released = Answer::Release(Ok(Released::Freed));
    let actions = tenure.step(at(0), Event::Answered(released));
    let soon = tenure.step(at(2), Event::Tick);
    for actions in [actions, soon] {
        let request = request(&actions);
        assert!(!matches!(request, Some(Request::Acquire(_))), "tries at once: {request:?}");
    }
}

/// The same, with my own record on the watch before the answer.
#[test]
fn my_own_record_on_the_watch_is_not_somebody_else() {
    let mut tenure = campaign(Expiry::Backend);
    let own_holder = holder(&tenure.step(at(0), Event::Tick));
    tenure.step(at(0), Event::Resign);
    tenure.step(at(0), Event::Observed(Some(lease(&own_holder, 1))));
    let actions = acquired(&mut tenure, at(0), Acquired::Won(lease(&own_holder, 1)));
    assert!(!is_elected(&actions), "elected right after the resignation: {actions:?}");
}

/// The watch shows my own acquisition before its answer comes.
#[test]
fn my_own_token_on_the_watch_did_not_go_back() {
    let mut tenure = campaign(Expiry::Observer);
    let own_holder = holder(&tenure.step(at(0), Event::Tick));
    tenure.step(at(0), Event::Observed(Some(lease(&own_holder, 1))));
    let actions = acquired(&mut tenure, at(0), Acquired::Won(lease(&own_holder, 1)));
    assert!(is_elected(&actions));
    let back = actions.iter().any(|action| matches!(action, Action::TokenWentBack { .. }));
    assert!(!back, "{actions:?}");
}

fn denied() -> Error {
    Error::definite(ErrorKind::Denied, "no")
}

/// A single denial of a read, days ago, and a single one of an acquisition.
#[test]
fn two_denials_days_apart_end_no_campaign() {
    let rival = Holder::from_wire("rival_1");
    let mut tenure = campaign(Expiry::Backend);
    holder(&tenure.step(at(0), Event::Tick));
    // Settles by a read, which a server that is just starting denies.
    acquired(&mut tenure, at(0), Acquired::Held(None));
    tenure.step(at(0), Event::Answered(Answer::Read(Err(denied()))));
    // From now on the watch shows every change.
    tenure.step(at(0), Event::Observed(Some(lease(&rival, 1))));
    let days = 200_000;
    tenure.step(at(days), Event::Observed(Some(lease(&rival, 2))));
    // Released, and the server has just been restarted again.
    let actions = tenure.step(at(days), Event::Observed(None));
    assert!(matches!(request(&actions), Some(Request::Acquire(_))), "{actions:?}");
    let actions = tenure.step(at(days), Event::Answered(Answer::Acquire(Err(denied()))));
    let over = actions.iter().any(|action| matches!(action, Action::Finish(_)));
    assert!(!over, "over for good after one denial: {actions:?}");
}

/// A watch that was denied once and works again.
#[test]
fn the_trouble_of_a_watch_that_works_again_is_over() {
    let rival = Holder::from_wire("rival_1");
    let mut tenure = campaign(Expiry::Backend);
    holder(&tenure.step(at(0), Event::Tick));
    acquired(&mut tenure, at(0), Acquired::Held(Some(lease(&rival, 1))));
    let mut trouble = None;
    let mut note = |actions: &[Action]| {
        for action in actions {
            if let Action::Trouble(now) = action {
                trouble.clone_from(now);
            }
        }
        trouble.is_some()
    };
    assert!(note(&tenure.step(at(1), Event::WatchEnded(Some(denied())))));
    let mut open = true;
    for second in 2..600 {
        let mut actions = tenure.step(at(second), Event::Heartbeat);
        open = note(&actions);
        while let Some(request) = request(&actions) {
            actions = match request {
                Request::Read => read(&mut tenure, at(second), Some(lease(&rival, 1))),
                _ => acquired(&mut tenure, at(second), Acquired::Held(Some(lease(&rival, 1)))),
            };
            open = note(&actions);
        }
    }
    assert!(!open, "the watch has worked for ten minutes");
}

/// A renewal that was not seen before the record was deleted.
#[test]
fn the_lease_of_a_deleted_record_is_waited_out_from_its_deletion() {
    let rival = Holder::from_wire("rival_1");
    let mut tenure = tenure(plan(Mode::Campaign, Expiry::Observer, WatchScope::Nothing));
    holder(&tenure.step(at(0), Event::Tick));
    acquired(&mut tenure, at(0), Acquired::Held(Some(lease(&rival, 1))));
    // Polled until 9.5 s. The rival, 15 s, renews at 9.6 s; an operator deletes it at 9.8 s, and
    // the rival does not notice: its bodies may run until 9.6 + 14.7 = 24.3 s.
    let mut deleted = false;
    for tenth in 1..243_u64 {
        let now = ms(tenth * 100);
        let actions = tenure.step(now, Event::Tick);
        match request(&actions) {
            Some(Request::Read) => {
                deleted |= tenth > 98;
                let record = (!deleted).then(|| lease(&rival, 1));
                let actions = read(&mut tenure, now, record);
                let tries = matches!(request(&actions), Some(Request::Acquire(_)));
                assert!(!tries, "at {now:?}, while the rival may work");
            }
            Some(other) => panic!("at {now:?}, while the rival may work: {other:?}"),
            None => {}
        }
    }
}
