//! A cluster: each slot has a master, and the other nodes redirect to it.
//!
//! The driver does not ask for the topology of the cluster. It learns the master of a slot like this:
//!
//! 1. A request whose slot has no known master goes to any node.
//! 2. A node that does not serve the slot runs nothing and answers `MOVED` with the address of the
//!    master. The request is sent to that address, and the address is kept.
//! 3. The first request that a master does not answer makes the driver forget it: after a fail-over
//!    the next request starts at step 1, at another node.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crc::{CRC_16_XMODEM, Crc};
use dsync::Result;
use redis::{Client, ConnectionAddr, ScriptInvocation};

use crate::classify::{Stage, classify};
use crate::master::Master;
use crate::record::Answer;
use crate::session::{Session, closed, is_server_failure, redirect};

/// How many redirections one request follows. More than one is needed only while a slot is being
/// moved.
const MOVES: usize = 3;
const SLOTS: u16 = 16384;

pub(crate) struct Cluster {
    seeds: Vec<Client>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By address.
    nodes: BTreeMap<String, Arc<Session>>,
    /// The address of each slot's master, where it is known.
    masters: BTreeMap<u16, String>,
    /// Counts up; selects the node for a slot without a known master.
    next: usize,
    closed: bool,
}

/// The destination of a request.
struct Route {
    slot: u16,
    node: String,
    session: Arc<Session>,
}

impl Cluster {
    pub(crate) fn new(seeds: Vec<Client>) -> Self {
        Self { seeds, state: Mutex::default() }
    }

    /// Runs a script at the master of `key`. It is sent again only after a node has refused to run it
    /// and named another one.
    pub(crate) async fn run(&self, key: &str, script: &ScriptInvocation<'_>) -> Result<Answer> {
        let slot = slot(key);
        let mut moves = 0;
        loop {
            let route = self.route(slot)?;
            // Forgets the master unless it answers, even if the caller drops this future.
            let unanswered = ForgetRoute { cluster: self, route: &route };
            let answer = route.session.run(script).await;
            if !answer.as_ref().is_err_and(is_server_failure) {
                std::mem::forget(unanswered);
            }
            match answer.as_ref().err().and_then(redirect) {
                Some(node) if moves < MOVES => {
                    self.lock().masters.insert(slot, full_address(node, &route.node));
                    moves += 1;
                }
                _ => return answer,
            }
        }
    }

    /// Returns a client of the next node in turn. Any node will do for pub/sub, because a cluster
    /// delivers a message to the subscribers of every node.
    pub(crate) fn any_client(&self) -> Result<Client> {
        let mut state = self.lock();
        state.next += 1;
        let node = self.next(&state);
        drop(state);
        self.client(&node)
    }

    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        for session in std::mem::take(&mut state.nodes).values() {
            session.close();
        }
    }

    fn route(&self, slot: u16) -> Result<Route> {
        let mut state = self.lock();
        if state.closed {
            return Err(closed());
        }
        let node = state.masters.get(&slot).cloned().unwrap_or_else(|| self.next(&state));
        let session = match state.nodes.get(&node) {
            Some(session) => Arc::clone(session),
            None => Arc::new(Session::new(Master::Fixed(self.client(&node)?))),
        };
        state.nodes.insert(node.clone(), Arc::clone(&session));
        Ok(Route { slot, node, session })
    }

    /// Returns the address of one of the known nodes.
    fn next(&self, state: &State) -> String {
        let seeds: Vec<_> = self.seeds.iter().map(address).collect();
        let others = state.nodes.keys().filter(|node| !seeds.contains(node));
        let names: Vec<_> = seeds.iter().chain(others).collect();
        // Never empty: every URL has at least one host.
        names[state.next % names.len()].clone()
    }

    /// Returns a client of a node, with the settings of the seeds.
    fn client(&self, node: &str) -> Result<Client> {
        let info = self.seeds[0].get_connection_info().clone();
        let address = address_like(info.addr(), node);
        Client::open(info.set_addr(address))
            .map_err(|error| classify(Stage::Connecting, node, &error))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn address(client: &Client) -> String {
    client.get_connection_info().addr().to_string()
}

/// Parses the address of `node`, which is reached with the TLS settings of `like`.
fn address_like(like: &ConnectionAddr, node: &str) -> ConnectionAddr {
    let (host, port) = node.rsplit_once(':').unwrap_or((node, ""));
    let (host, port) = (host.to_owned(), port.parse().unwrap_or(6379));
    match like {
        ConnectionAddr::TcpTls { insecure, tls_params, .. } => ConnectionAddr::TcpTls {
            host,
            port,
            insecure: *insecure,
            tls_params: tls_params.clone(),
        },
        _ => ConnectionAddr::Tcp(host, port),
    }
}

/// Returns the full address of a node, as the node `queried` has named it. A node that does not know its
/// own host name leaves the host out; it is that of `queried`.
fn full_address(node: &str, queried: &str) -> String {
    match (node.strip_prefix(':'), queried.rsplit_once(':')) {
        (Some(port), Some((host, _))) => format!("{host}:{port}"),
        _ => node.to_owned(),
    }
}

/// Returns the slot of a key. Only the hash tag counts, the text between the first braces, unless it is
/// empty.
fn slot(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    let hashed = tag.filter(|tag| !tag.is_empty()).unwrap_or(key);
    Crc::<u16>::new(&CRC_16_XMODEM).checksum(hashed.as_bytes()) % SLOTS
}

/// Forgets the master of a slot when it is dropped.
struct ForgetRoute<'a> {
    cluster: &'a Cluster,
    route: &'a Route,
}

impl Drop for ForgetRoute<'_> {
    fn drop(&mut self) {
        let Route { slot, node, session } = self.route;
        let mut state = self.cluster.lock();
        // Only this route: a concurrent request may have learned a newer master already.
        if state.masters.get(slot) == Some(node) {
            state.masters.remove(slot);
        }
        // Other requests on the session still receive their answers.
        if state.nodes.get(node).is_some_and(|known| Arc::ptr_eq(known, session)) {
            state.nodes.remove(node);
            state.next += 1;
        }
    }
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seeds: Vec<_> = self.seeds.iter().map(address).collect();
        write!(f, "the cluster of {}", seeds.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        // https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
        assert_eq!(Crc::<u16>::new(&CRC_16_XMODEM).checksum(b"123456789"), 0x31C3);
        assert_eq!(slot("{user1000}.following"), slot("{user1000}.followers"));
        assert_eq!(slot("foo{}{bar}"), slot_of_all("foo{}{bar}"));
        assert_eq!(slot("foo{{bar}}zap"), slot("{{bar}"));
        assert_eq!(slot("foo{bar}{zap}"), slot("bar"));
        assert_eq!(slot("foo"), 12182);
    }

    fn slot_of_all(key: &str) -> u16 {
        Crc::<u16>::new(&CRC_16_XMODEM).checksum(key.as_bytes()) % SLOTS
    }

    #[test]
    fn a_node_is_named_with_and_without_its_host() {
        let asked = "10.0.0.1:6379";
        assert_eq!(full_address("10.0.0.2:6380", asked), "10.0.0.2:6380");
        assert_eq!(full_address(":6380", asked), "10.0.0.1:6380");
        let address = address_like(&ConnectionAddr::Tcp("10.0.0.1".to_owned(), 6379), "::1:6380");
        assert_eq!(address, ConnectionAddr::Tcp("::1".to_owned(), 6380));
    }
}
