//! A cluster: every slot has its master, which the other nodes name when they are asked instead.
//!
//! Nothing is known of the cluster but what its answers say. A request whose slot has no known master
//! goes to any node; the answer `MOVED`, of a node that has done nothing, names the right one. What is
//! known of a slot is forgotten with the first request that its master does not serve.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crc::{CRC_16_XMODEM, Crc};
use dsync::Result;
use redis::{Client, ConnectionAddr, ScriptInvocation};

use crate::classify::{Stage, classify};
use crate::master::Master;
use crate::record::Answer;
use crate::session::{Session, closed, is_of_server, redirect};

/// How often one request is sent on. More than once takes a slot that moves at this very time.
const MOVES: usize = 3;
const SLOTS: u16 = 16384;

pub(crate) struct Cluster {
    seeds: Vec<Client>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    nodes: BTreeMap<String, Arc<Session>>,
    masters: BTreeMap<u16, String>,
    /// Which node is asked where no master is known.
    next: usize,
    closed: bool,
}

/// Where a request goes.
struct Route {
    slot: u16,
    node: String,
    session: Arc<Session>,
}

impl Cluster {
    pub(crate) fn new(seeds: Vec<Client>) -> Self {
        Self { seeds, state: Mutex::default() }
    }

    /// Runs a script at the master of `key`. It is sent again only after a node has said that it is
    /// another's.
    pub(crate) async fn run(&self, key: &str, script: &ScriptInvocation<'_>) -> Result<Answer> {
        let slot = slot(key);
        let mut moves = 0;
        loop {
            let route = self.route(slot)?;
            let unanswered = Forget { cluster: self, route: &route };
            let answer = route.session.run(script).await;
            if !answer.as_ref().is_err_and(is_of_server) {
                std::mem::forget(unanswered);
            }
            match answer.as_ref().err().and_then(redirect) {
                Some(node) if moves < MOVES => {
                    self.lock().masters.insert(slot, whole(node, &route.node));
                    moves += 1;
                }
                _ => return answer,
            }
        }
    }

    /// A client of any node: a message that is published at one is heard at all. Each call takes
    /// the next.
    pub(crate) fn any(&self) -> Result<Client> {
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
            None => Arc::new(Session::new(Master::Named(self.client(&node)?))),
        };
        state.nodes.insert(node.clone(), Arc::clone(&session));
        Ok(Route { slot, node, session })
    }

    /// One of the nodes that are known.
    fn next(&self, state: &State) -> String {
        let seeds: Vec<_> = self.seeds.iter().map(name).collect();
        let others = state.nodes.keys().filter(|node| !seeds.contains(node));
        let names: Vec<_> = seeds.iter().chain(others).collect();
        // There is one at least: no URL is without a host.
        names[state.next % names.len()].clone()
    }

    /// A client of a node, with the settings of the others.
    fn client(&self, node: &str) -> Result<Client> {
        let info = self.seeds[0].get_connection_info().clone();
        let address = at(info.addr(), node);
        Client::open(info.set_addr(address))
            .map_err(|error| classify(Stage::Connecting, node, &error))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name(client: &Client) -> String {
    client.get_connection_info().addr().to_string()
}

/// The address of `node`, reached as `like` is.
fn at(like: &ConnectionAddr, node: &str) -> ConnectionAddr {
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

/// A node's whole name, as the node `asked` has told it: a node that does not know its own leaves
/// the host out.
fn whole(node: &str, asked: &str) -> String {
    match (node.strip_prefix(':'), asked.rsplit_once(':')) {
        (Some(port), Some((host, _))) => format!("{host}:{port}"),
        _ => node.to_owned(),
    }
}

/// The slot of a key: that of what is between its first braces, where there is something.
fn slot(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    let hashed = tag.filter(|tag| !tag.is_empty()).unwrap_or(key);
    Crc::<u16>::new(&CRC_16_XMODEM).checksum(hashed.as_bytes()) % SLOTS
}

/// Forgets who the master was, when it is dropped.
struct Forget<'a> {
    cluster: &'a Cluster,
    route: &'a Route,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        let Route { slot, node, session } = self.route;
        let mut state = self.cluster.lock();
        if state.masters.get(slot) == Some(node) {
            state.masters.remove(slot);
        }
        // Its other requests still get their answers.
        if state.nodes.get(node).is_some_and(|known| Arc::ptr_eq(known, session)) {
            state.nodes.remove(node);
            state.next += 1;
        }
    }
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seeds: Vec<_> = self.seeds.iter().map(name).collect();
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
        assert_eq!(whole("10.0.0.2:6380", asked), "10.0.0.2:6380");
        assert_eq!(whole(":6380", asked), "10.0.0.1:6380");
        let address = at(&ConnectionAddr::Tcp("10.0.0.1".to_owned(), 6379), "::1:6380");
        assert_eq!(address, ConnectionAddr::Tcp("::1".to_owned(), 6380));
    }
}
