//! What random schedules found out, and what that says of each rule.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::check::{CHECKED, Precision, check};
use crate::history::{FAILED_OVER, History};
use crate::report::timeline;
use crate::rules::Kind;
use crate::sim::Tally;
use crate::{Rule, Verdict};

/// What the random schedules of one run came to.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) tally: Tally,
    /// Of each rule that was violated: the first message.
    violations: BTreeMap<&'static str, String>,
    /// The same, where the machine stood still and may be to blame.
    doubtful: BTreeMap<&'static str, String>,
    /// Of each of them: what happened, as a file for a browser.
    pub(crate) timelines: BTreeMap<&'static str, String>,
    /// Why nothing can be said at all.
    pub(super) broken: Option<String>,
    /// The longest time for which the machine stood still within one cluster.
    pub(crate) stalled: Duration,
    pub(crate) took: Duration,
    pub(crate) seed: u64,
}

/// Verdicts on time are not worth anything if the machine stood still for longer.
const STILL: Duration = Duration::from_millis(300);

/// The rules whose violation is a matter of time: a machine that stood still explains it.
const TIMED: &[&str] = &[
    "2.04", "2.08", "2.09", "4.01", "4.02", "4.03", "4.05", "5.05", "5.06", "6.01", "6.02", "6.03",
];

/// The rule of tokens across restarts: 3.01, if the server was restarted.
const ACROSS_RESTARTS: &str = "3.04";

impl Findings {
    /// Nothing can be said at all, for this reason.
    pub(super) fn broken(why: String) -> Self {
        Self { broken: Some(why), ..Self::default() }
    }

    /// Judges one cluster, in which the machine stood still for `stalled`.
    pub(super) fn judge(
        &mut self,
        what: &str,
        history: &History,
        precision: Precision,
        stalled: Duration,
    ) {
        self.tally.count(history);
        self.stalled = self.stalled.max(stalled);
        if let Some(why) = &history.broken {
            self.broken.get_or_insert_with(|| format!("{what} ended early: {why}"));
        }
        let violations = check(history, precision);
        for violation in &violations {
            if self.violations.contains_key(violation.rule) {
                continue;
            }
            let message = format!("{}: {} ({what})", violation.rule, violation.message);
            if TIMED.contains(&violation.rule) && stalled > STILL {
                let message = format!("the machine stood still for {stalled:.1?}; else: {message}");
                self.doubtful.entry(violation.rule).or_insert(message);
                continue;
            }
            self.violations.insert(violation.rule, message);
            let again = "run the suite again with the same seed: it happened in a random schedule";
            let drawn = timeline::html(history, std::slice::from_ref(violation), what, again);
            self.timelines.insert(violation.rule, drawn);
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.tally.add(&other.tally);
        for (rule, message) in other.violations {
            self.violations.entry(rule).or_insert(message);
        }
        for (rule, message) in other.doubtful {
            self.doubtful.entry(rule).or_insert(message);
        }
        for (rule, drawn) in other.timelines {
            self.timelines.entry(rule).or_insert(drawn);
        }
        self.broken = self.broken.take().or(other.broken);
        self.stalled = self.stalled.max(other.stalled);
    }

    /// 3.04: tokens go on growing over restarts of the store.
    fn across_restarts(&self) -> Verdict {
        let restarts = ["server_killed", FAILED_OVER]
            .iter()
            .filter_map(|kind| self.tally.faults.get(*kind))
            .sum::<u64>();
        match self.violations.get("3.01") {
            _ if restarts == 0 => Verdict::Skip(
                "this harness cannot restart the store (Harness::server_control)".to_owned(),
            ),
            Some(message) => Verdict::Fail(message.replacen("3.01", "3.04", 1)),
            None => Verdict::Pass,
        }
    }

    /// What it says of a rule; `None`: nothing.
    pub(crate) fn verdict(&self, rule: &Rule) -> Option<Verdict> {
        let id = rule.id;
        if rule.kind == Kind::Stochastic {
            // How often which candidate won stands in the report.
            return Some(Verdict::Pass);
        }
        if id == ACROSS_RESTARTS {
            return Some(self.across_restarts());
        }
        if !CHECKED.contains(&id) {
            return None;
        }
        if let Some(message) = self.violations.get(id) {
            return Some(Verdict::Fail(message.clone()));
        }
        if let Some(why) = &self.broken {
            return Some(Verdict::Invalid(why.clone()));
        }
        let tally = &self.tally;
        let weak = [
            ("hand-overs", tally.hand_overs, 2 * tally.schedules),
            ("faults", tally.faults.values().sum(), 10 * tally.schedules),
            ("schedules", tally.schedules, 4),
        ];
        let weak = weak.into_iter().find(|(_, is, least)| is < least);
        Some(match weak {
            Some((what, is, least)) => Verdict::Invalid(format!(
                "the random schedules had {is} {what}, at least {least} are needed: let them run \
                 longer (DSYNC_CONFORMANCE_FOR=SECONDS)"
            )),
            None => match self.doubtful.get(id) {
                Some(message) => Verdict::Inconclusive(message.clone()),
                None => Verdict::Pass,
            },
        })
    }
}

/// Whether random schedules say something of a rule.
pub(crate) fn speaks_of(rule: &Rule) -> bool {
    CHECKED.contains(&rule.id) || rule.id == ACROSS_RESTARTS || rule.kind == Kind::Stochastic
}
