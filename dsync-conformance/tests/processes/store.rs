//! A store that other processes reach: a server on loopback with one JSON line per request.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A record, as it is sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) holder: String,
    pub(crate) duration_ms: u64,
    pub(crate) version: u64,
    pub(crate) token: u64,
}

/// A request.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) key: String,
    pub(crate) what: Ask,
}

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Ask {
    Read,
    Acquire { holder: String, duration_ms: u64, take_over: Option<u64> },
    Renew { holder: String, version: u64 },
    Release { holder: String, version: u64 },
}

/// An answer: whether it was done, and the record after that.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) done: bool,
    pub(crate) record: Option<Record>,
}

/// The records. Nothing expires here: followers take over what does not change.
#[derive(Debug, Default)]
struct Records {
    by_key: BTreeMap<String, Record>,
    writes: u64,
    /// Grants every lease to every candidate, which the tests have to notice.
    generous: bool,
}

impl Records {
    fn serve(&mut self, request: Request) -> Answer {
        let Request { key, what } = request;
        let record = self.by_key.get(&key).cloned();
        let is_mine = |holder: &str, version: u64| {
            record
                .as_ref()
                .is_some_and(|record| record.holder == holder && record.version == version)
        };
        self.writes += 1;
        let now = self.writes;
        let done = match what {
            Ask::Read => true,
            Ask::Acquire { holder, duration_ms, take_over } => {
                let is_free =
                    record.as_ref().is_none_or(|record| Some(record.version) == take_over);
                if is_free || self.generous {
                    let record = Record { holder, duration_ms, version: now, token: now };
                    self.by_key.insert(key.clone(), record);
                }
                is_free || self.generous
            }
            Ask::Renew { holder, version } => {
                let is_mine = is_mine(&holder, version);
                if is_mine && let Some(record) = self.by_key.get_mut(&key) {
                    record.version = now;
                }
                is_mine
            }
            Ask::Release { holder, version } => {
                let is_mine = is_mine(&holder, version);
                if is_mine {
                    self.by_key.remove(&key);
                }
                is_mine
            }
        };
        Answer { done, record: self.by_key.get(&key).cloned() }
    }
}

/// A server, until it is dropped.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Store {
    pub(crate) async fn start(generous: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let records = Arc::new(Mutex::new(Records { generous, ..Records::default() }));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let records = Arc::clone(&records);
                connections.spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let mut line = String::new();
                    while let Ok(1..) = stream.read_line(&mut line).await {
                        let request = serde_json::from_str(&line).unwrap();
                        let answer = records.lock().unwrap().serve(request);
                        let answer = serde_json::to_string(&answer).unwrap() + "\n";
                        if stream.write_all(answer.as_bytes()).await.is_err() {
                            return;
                        }
                        line.clear();
                    }
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, _tasks: tasks }
    }
}
