//! A relay between a driver and its server, which loses requests or answers and breaks connections.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What the relay does with what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passing {
    /// Everything passes.
    Both,
    /// A connection breaks at the next request on it, which does not reach the server.
    NoRequests,
    /// A connection breaks at the next answer on it: what was asked has reached the server.
    NoAnswers,
}

/// Listens on a port of its own, and ends with the value.
#[derive(Debug)]
pub(crate) struct Relay {
    address: SocketAddr,
    passing: watch::Sender<Passing>,
    cuts: watch::Sender<u64>,
    open: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Relay {
    /// A relay to `server`.
    pub(crate) async fn to(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (passing, cuts) = (watch::Sender::new(Passing::Both), watch::Sender::new(0));
        let open = Arc::<AtomicUsize>::default();
        let line = Line {
            server,
            passing: passing.subscribe(),
            cuts: cuts.subscribe(),
            open: Arc::clone(&open),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, line));
        Ok(Self { address, passing, cuts, open, _tasks: tasks })
    }

    /// Where a driver finds it.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on, on all connections.
    pub(crate) fn let_pass(&self, passing: Passing) {
        self.passing.send_replace(passing);
    }

    /// Breaks every connection that there is.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// How many connections there are.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

/// What each connection needs.
#[derive(Clone)]
struct Line {
    server: SocketAddr,
    passing: watch::Receiver<Passing>,
    cuts: watch::Receiver<u64>,
    open: Arc<AtomicUsize>,
}

async fn accept(listener: TcpListener, line: Line) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { return };
                connections.spawn(line.clone().connect(client));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Counts a connection while it lasts.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Line {
    async fn connect(mut self, client: TcpStream) {
        self.open.fetch_add(1, Ordering::SeqCst);
        let _counted = Counted(Arc::clone(&self.open));
        // What was cut before is over.
        self.cuts.mark_unchanged();
        let Ok(server) = TcpStream::connect(self.server).await else { return };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        // Whichever ends, the other is dropped, and with them both connections.
        tokio::select! {
            biased;
            _ = self.cuts.changed() => {}
            _ = pass(from_client, to_server, &self.passing, Passing::NoRequests) => {}
            _ = pass(from_server, to_client, &self.passing, Passing::NoAnswers) => {}
        }
    }
}

/// Passes on what comes, until something comes while `stop` is in force.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    passing: &watch::Receiver<Passing>,
    stop: Passing,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 || *passing.borrow() == stop {
            return Ok(());
        }
        to.write_all(&buffer[..read]).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers every byte with the next one, and says how many it has had.
    async fn server() -> (SocketAddr, Arc<AtomicUsize>, JoinSet<()>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (address, had) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
        let (count, mut tasks) = (Arc::clone(&had), JoinSet::new());
        tasks.spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                while let Ok(byte) = stream.read_u8().await {
                    count.fetch_add(1, Ordering::SeqCst);
                    stream.write_u8(byte + 1).await.unwrap();
                }
            }
        });
        (address, had, tasks)
    }

    async fn ask(stream: &mut TcpStream) -> Option<u8> {
        stream.write_u8(1).await.ok()?;
        stream.read_u8().await.ok()
    }

    #[tokio::test]
    async fn it_loses_what_it_is_told_to_lose() {
        for (passing, reaches) in [(Passing::NoRequests, 1), (Passing::NoAnswers, 2)] {
            let (address, had, _server) = server().await;
            let relay = Relay::to(address).await.unwrap();
            let mut stream = TcpStream::connect(relay.address()).await.unwrap();
            assert_eq!(ask(&mut stream).await, Some(2));
            assert_eq!(relay.open(), 1);
            relay.let_pass(passing);
            assert_eq!(ask(&mut stream).await, None);
            assert_eq!(had.load(Ordering::SeqCst), reaches, "{passing:?}");
        }
    }

    #[tokio::test]
    async fn it_breaks_connections_and_takes_new_ones() {
        let (address, _, _server) = server().await;
        let relay = Relay::to(address).await.unwrap();
        let mut stream = TcpStream::connect(relay.address()).await.unwrap();
        assert_eq!(ask(&mut stream).await, Some(2));
        relay.cut();
        assert_eq!(stream.read_u8().await.ok(), None);
        let mut stream = TcpStream::connect(relay.address()).await.unwrap();
        assert_eq!(ask(&mut stream).await, Some(2));
    }
}
