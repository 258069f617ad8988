//! What a campaign asks of the store, and what it says of its troubles.

use std::collections::{BTreeMap, VecDeque};

use super::wording::at;
use crate::check::violation::Violation;
use crate::history::{At, Entry, Event, History};

/// How many requests a node may send for one key within one lease duration, under any fault:
/// retries are a fifteenth of it, shortened by up to a quarter, and what the watch reports may be
/// answered by a request each.
const STORM: usize = 80;
/// How many it may send at rest, while another candidate holds the lease: the watch replaces reads.
const REST: usize = 4;

/// 4.05: no storm, and next to nothing at rest.
pub(super) fn requests(history: &History, found: &mut Vec<Violation>) {
    let mut recent: BTreeMap<(usize, usize), VecDeque<At>> = BTreeMap::new();
    let mut resting = None;
    let mut at_rest: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let mut renewing: BTreeMap<(usize, usize), bool> = BTreeMap::new();
    let mut reported = false;
    // Without a watch, a follower looks once in a retry period.
    let rest = if history.watched { REST } else { STORM };
    for entry in &history.entries {
        match &entry.event {
            Event::Called { key, verb, .. } => {
                let of = (entry.node.unwrap_or_default(), *key);
                if resting.is_some() {
                    *at_rest.entry(of).or_default() += 1;
                    *renewing.entry(of).or_default() |= *verb == crate::history::Verb::Renew;
                }
                let recent = recent.entry(of).or_default();
                recent.push_back(entry.at);
                while recent.front().is_some_and(|first| *first + history.timing.lease < entry.at) {
                    recent.pop_front();
                }
                if recent.len() > STORM && !reported {
                    reported = true;
                    found.push(storm(history, of, entry.at, recent.len(), *verb));
                }
            }
            Event::Endless { what } => found.push(endless(history, entry, what)),
            Event::Rest { begins: true } => resting = Some(entry.at),
            Event::Rest { begins: false } => {
                for (of, count) in std::mem::take(&mut at_rest) {
                    let renews = renewing.get(&of).copied().unwrap_or_default();
                    if count > rest && !renews {
                        found.push(restless(history, of, entry.at, count));
                    }
                }
                resting = None;
            }
            _ => {}
        }
    }
}

fn endless(history: &History, entry: &Entry, what: &str) -> Violation {
    let node = entry.node.unwrap_or_default();
    Violation {
        rule: "4.05",
        message: format!("{} {what} without a pause at {}", history.nodes[node].name, at(entry.at)),
        nodes: vec![node],
        terms: Vec::new(),
        at: entry.at,
    }
}

fn storm(
    history: &History,
    of: (usize, usize),
    instant: At,
    count: usize,
    verb: crate::history::Verb,
) -> Violation {
    let (node, key) = (&history.nodes[of.0].name, &history.keys[of.1].name);
    let message = format!(
        "{node} sent {count} requests for the {key} within one lease duration, the last ({verb}) \
         at {}",
        at(instant)
    );
    Violation { rule: "4.05", message, nodes: vec![of.0], terms: Vec::new(), at: instant }
}

fn restless(history: &History, of: (usize, usize), instant: At, count: usize) -> Violation {
    Violation {
        rule: "4.05",
        message: format!(
            "{} follows and sent {count} requests for the {} in two lease durations in which \
             nothing happened",
            history.nodes[of.0].name, history.keys[of.1].name
        ),
        nodes: vec![of.0],
        terms: Vec::new(),
        at: instant,
    }
}

/// 6.04: a campaign reports each change of its trouble once.
pub(super) fn trouble(history: &History, found: &mut Vec<Violation>) {
    /// What a process has reported of its campaign.
    #[derive(Default)]
    struct Reported<'a> {
        campaigns: usize,
        last: Option<&'a str>,
    }

    let mut all: BTreeMap<usize, Reported<'_>> = BTreeMap::new();
    for entry in &history.entries {
        let node = entry.node.unwrap_or_default();
        match &entry.event {
            Event::Started => drop(all.insert(node, Reported::default())),
            Event::Campaigns => all.entry(node).or_default().campaigns += 1,
            Event::Trouble { key, error } if !history.keys[*key].is_lock => {
                let reported = all.entry(node).or_default();
                let before = std::mem::replace(&mut reported.last, error.as_deref());
                // Of two campaigns, one ending and one beginning, each reports its own.
                if reported.campaigns == 1 && before == error.as_deref() {
                    found.push(Violation {
                        rule: "6.04",
                        message: format!(
                            "{} reported the same trouble again at {}: {}",
                            history.nodes[node].name,
                            at(entry.at),
                            error.as_deref().unwrap_or("that it is over")
                        ),
                        nodes: vec![node],
                        terms: Vec::new(),
                        at: entry.at,
                    });
                }
            }
            _ => {}
        }
    }
}
