//! Puts the terms of a history together.

use std::collections::BTreeMap;

use dsync::driver::Holder;

use super::losses::Loss;
use super::{At, Event, History, Outcome, Term, Verb};

/// An acquisition as the store granted it.
#[derive(Clone, Debug)]
struct Grant {
    from: At,
    to: At,
    /// When the call that asked for it was made.
    called: At,
    holder: Option<Holder>,
    node: Option<usize>,
    taken: bool,
}

/// A renewal that succeeded, as the core saw it.
#[derive(Clone, Debug)]
struct Renewal {
    called: At,
    answered: At,
}

/// What is found in one pass over the history.
#[derive(Default)]
struct Found {
    called: BTreeMap<u64, (At, Option<Holder>, Verb)>,
    /// Of each key and token, in the order of time.
    grants: BTreeMap<(usize, u64), Vec<Grant>>,
    /// Of each key and holder.
    renewals: BTreeMap<(usize, Holder), Vec<Renewal>>,
    call_keys: BTreeMap<u64, usize>,
    /// When a node first tried to acquire a key as a holder.
    attempts: BTreeMap<(usize, Holder), At>,
    /// Who renewed and released a key on a node, in the order of time.
    holders: BTreeMap<(usize, usize), Vec<(At, Holder)>>,
    kills: Vec<(At, usize)>,
}

impl History {
    /// The terms of the history, in the order in which user code heard of them.
    #[must_use]
    pub fn terms(&self) -> Vec<Term> {
        let mut found = self.find();
        let mut terms: Vec<Term> = Vec::new();
        let mut index_of: BTreeMap<u64, usize> = BTreeMap::new();
        let mut bodies: BTreeMap<u64, usize> = BTreeMap::new();
        let mut last_gone: BTreeMap<u64, At> = BTreeMap::new();
        for entry in &self.entries {
            match &entry.event {
                Event::Elected { term, key, token, .. } => {
                    let node = entry.node.unwrap_or_default();
                    index_of.insert(*term, terms.len());
                    terms.push(self.begin(&mut found, *term, node, *key, *token, entry.at));
                }
                Event::Cancelled { term, cause } => {
                    if let Some(term) = index_of.get(term).map(|index| &mut terms[*index]) {
                        term.cancelled_at.get_or_insert(entry.at);
                        term.cause = term.cause.or(*cause);
                    }
                }
                Event::BodyStarted { term, .. } => *bodies.entry(*term).or_default() += 1,
                Event::BodyStopped { term, .. } => {
                    let left = bodies.entry(*term).or_default();
                    *left = left.saturating_sub(1);
                    last_gone.insert(*term, entry.at);
                }
                _ => {}
            }
        }
        for term in &mut terms {
            let kill =
                found.kills.iter().find(|(at, node)| *node == term.node && *at >= term.elected_at);
            if let Some((at, _)) = kill
                && term.cancelled_at.is_none_or(|cancelled| cancelled > *at)
            {
                term.cancelled_at = Some(*at);
                term.killed = true;
            }
            term.valid_until = term.cancelled_at.map_or(term.deadline, |at| at.min(term.deadline));
            let running = bodies.get(&term.term).copied().unwrap_or_default();
            term.stopped_at = match (term.cancelled_at, running) {
                (Some(cancelled), 0) => {
                    let gone = last_gone.get(&term.term).copied().unwrap_or(cancelled);
                    Some(gone.max(cancelled))
                }
                // What dies with its process is written down as it dies.
                (Some(cancelled), _) if term.killed => Some(cancelled),
                _ => None,
            };
        }
        mark_lost(&mut terms, &self.losses());
        terms
    }

    fn find(&self) -> Found {
        let mut found = Found::default();
        for entry in &self.entries {
            match &entry.event {
                Event::Called { call, key, verb, holder } => {
                    found.called.insert(*call, (entry.at, holder.clone(), *verb));
                    found.call_keys.insert(*call, *key);
                    let (node, at) = (entry.node.unwrap_or_default(), entry.at);
                    match (verb, holder) {
                        (Verb::Acquire, Some(holder)) => {
                            found.attempts.entry((node, holder.clone())).or_insert(at);
                        }
                        (Verb::Renew | Verb::Release, Some(holder)) => {
                            let of = found.holders.entry((node, *key)).or_default();
                            of.push((at, holder.clone()));
                        }
                        _ => {}
                    }
                }
                Event::Stored { call, key, outcome: Outcome::Won(token), holder, sent, .. } => {
                    let called = found.called.get(call).map_or(*sent, |(at, _, _)| *at);
                    let grant = Grant {
                        from: *sent,
                        to: entry.at,
                        called,
                        holder: holder.clone(),
                        node: entry.node,
                        taken: false,
                    };
                    found.grants.entry((*key, *token)).or_default().push(grant);
                }
                Event::Answered { call, outcome: Outcome::Kept, .. } => {
                    if let Some((called, Some(holder), Verb::Renew)) = found.called.get(call)
                        && let Some(key) = found.call_keys.get(call)
                    {
                        let renewal = Renewal { called: *called, answered: entry.at };
                        found.renewals.entry((*key, holder.clone())).or_default().push(renewal);
                    }
                }
                Event::Killed => found.kills.push((entry.at, entry.node.unwrap_or_default())),
                _ => {}
            }
        }
        found
    }

    /// A term with its deadlines, which follow from its grant and its renewals.
    fn begin(
        &self,
        found: &mut Found,
        term: u64,
        node: usize,
        key: usize,
        token: u64,
        elected_at: At,
    ) -> Term {
        let grants = found.grants.get_mut(&(key, token));
        let grant = grants.and_then(|grants| {
            let mut fits =
                grants.iter_mut().filter(|grant| !grant.taken && grant.from <= elected_at);
            // Where a store grants one token twice, the node's own grant is the one it heard of.
            let own = fits.rfind(|grant| grant.node == Some(node));
            own.map(|grant| {
                grant.taken = true;
                grant.clone()
            })
        });
        // A grant whose answer never came, and that the core found by a read, is known by what its
        // holder did next.
        let holder = grant.as_ref().and_then(|grant| grant.holder.clone()).or_else(|| {
            let of = found.holders.get(&(node, key))?;
            of.iter().find(|(at, _)| *at >= elected_at).map(|(_, holder)| holder.clone())
        });
        let attempt = holder.clone().and_then(|holder| found.attempts.get(&(node, holder)));
        let mut sent = grant
            .as_ref()
            .map(|grant| grant.called)
            .or(attempt.copied().filter(|attempt| *attempt <= elected_at))
            .unwrap_or(elected_at);
        let clock = self.nodes.get(node);
        let after = |sent: At, wait| {
            clock.map_or(sent + wait, |clock| clock.when(clock.local(sent) + wait, sent))
        };
        let mut deadline = after(sent, self.timing.renew_deadline);
        let renewals = holder.and_then(|holder| found.renewals.get(&(key, holder)));
        for renewal in renewals.into_iter().flatten() {
            // An answer that comes when the term is over moves nothing.
            if renewal.answered <= deadline && renewal.called >= sent {
                sent = renewal.called;
                deadline = after(sent, self.timing.renew_deadline);
            }
        }
        Term {
            term,
            node,
            key,
            token,
            granted: grant.map(|grant| (grant.from, grant.to)),
            elected_at,
            cancelled_at: None,
            cause: None,
            killed: false,
            stopped_at: None,
            sent,
            valid_until: deadline,
            deadline,
            hard_deadline: after(sent, self.timing.hard_deadline),
            lost: false,
        }
    }
}

/// The terms that a record loss hits, or may have hit: it came between their grant and the next
/// one, so that nothing in the store protected them any more.
fn mark_lost(terms: &mut [Term], losses: &[Loss]) {
    let begins = |term: &Term| term.granted.map_or(term.elected_at, |(from, _)| from);
    for term in terms {
        let (begin, key) = (begins(term), term.key);
        let end = term.stopped_at.unwrap_or(At::MAX).max(term.hard_deadline);
        term.lost = losses.iter().any(|loss| {
            loss.key.is_none_or(|of| of == key) && loss.to >= begin && loss.from <= end
        });
    }
}
