//! Faults between an instance and the store.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use dsync::{Error, ErrorKind};

use dsync::driver::Verb;

/// The direction of traffic that a partition cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Requests never arrive: the store does not change.
    Requests,
    /// Requests arrive and are applied; their answers never come back.
    Answers,
    /// Nothing passes.
    Both,
}

/// The fate of one call.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// It is applied and answered.
    Deliver,
    /// It is not applied, and answered with this.
    Fail(Error),
    /// It is applied, and answered with an ambiguous error of this kind.
    FailApplied(ErrorKind),
    /// It is applied after this long, and never answered.
    Unanswered(Duration),
}

#[derive(Debug, Default)]
pub(crate) struct Link {
    pub(crate) cut: Option<Cut>,
    pub(crate) request_delay: Duration,
    pub(crate) answer_delay: Duration,
    pub(crate) refused: BTreeMap<Verb, Error>,
    next: VecDeque<(Verb, Fate)>,
    broken_at: u64,
}

impl Link {
    pub(crate) fn plan_next(&mut self, verb: Verb, fate: Fate) {
        self.next.push_back((verb, fate));
    }

    pub(crate) fn heal(&mut self) {
        self.cut = None;
        self.request_delay = Duration::ZERO;
        self.answer_delay = Duration::ZERO;
        self.refused.clear();
    }

    /// Returns the fate of a call that is sent now. `None`: it never arrives.
    fn fate(&mut self, verb: Verb) -> Option<Fate> {
        if matches!(self.cut, Some(Cut::Requests | Cut::Both)) {
            return None;
        }
        if let Some(index) = self.next.iter().position(|(planned, _)| *planned == verb) {
            return self.next.remove(index).map(|(_, fate)| fate);
        }
        Some(self.refused.get(&verb).cloned().map_or(Fate::Deliver, Fate::Fail))
    }
}

#[derive(Debug, Default)]
pub(crate) struct Network {
    links: BTreeMap<String, Link>,
    /// How often watches were broken. It orders the breaks and the starts of watches.
    breaks: u64,
}

impl Network {
    pub(crate) fn link(&mut self, instance: &str) -> &mut Link {
        self.links.entry(instance.to_owned()).or_default()
    }

    fn known(&self, instance: Option<&str>) -> Option<&Link> {
        self.links.get(instance?)
    }

    /// Returns the fate of a call that is sent now, and how long it is in flight. `None`: it never
    /// arrives.
    pub(crate) fn route(&mut self, instance: Option<&str>, verb: Verb) -> Option<(Fate, Duration)> {
        let Some(link) = instance.and_then(|instance| self.links.get_mut(instance)) else {
            return Some((Fate::Deliver, Duration::ZERO));
        };
        let fate = link.fate(verb)?;
        let extra = if let Fate::Unanswered(extra) = fate { extra } else { Duration::ZERO };
        Some((fate, link.request_delay.saturating_add(extra)))
    }

    pub(crate) fn answer_delay(&self, instance: Option<&str>) -> Duration {
        self.known(instance).map_or(Duration::ZERO, |link| link.answer_delay)
    }

    pub(crate) fn cuts_answers(&self, instance: Option<&str>) -> bool {
        self.known(instance).is_some_and(|link| matches!(link.cut, Some(Cut::Answers | Cut::Both)))
    }

    /// Returns whether watches are silent, which a cut in either direction causes.
    pub(crate) fn silences(&self, instance: Option<&str>) -> bool {
        self.known(instance).is_some_and(|link| link.cut.is_some())
    }

    pub(crate) fn break_watches(&mut self, instance: &str) {
        self.breaks += 1;
        self.link(instance).broken_at = self.breaks;
    }

    pub(crate) fn breaks(&self) -> u64 {
        self.breaks
    }

    /// Returns whether a watch of `instance` that began after the break `since` was broken.
    pub(crate) fn broken_since(&self, instance: Option<&str>, since: u64) -> bool {
        self.known(instance).is_some_and(|link| link.broken_at > since)
    }
}
