//! Where connections come in, or do not.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::connection;
use super::state::Shared;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Either a socket that listens, or one that only keeps the port: then connections are refused, and
/// no other program can take the port.
enum Door {
    Open(TcpListener),
    Closed(TcpSocket),
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    reserve(address)?.listen(BACKLOG)
}

fn reserve(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // The port is still in use by the connections that came in before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Lets connections in, and owns them.
pub(super) async fn keep(listener: TcpListener, address: SocketAddr, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    let mut state = shared.subscribe();
    let mut door = Door::Open(listener);
    loop {
        let closed = state.borrow_and_update().closed;
        door = match door {
            Door::Open(listener) if closed => {
                drop(listener);
                Door::Closed(again(|| reserve(address)).await)
            }
            Door::Closed(socket) if !closed => {
                let listener = match socket.listen(BACKLOG) {
                    Ok(listener) => listener,
                    Err(_) => again(|| open(address)).await,
                };
                Door::Open(listener)
            }
            same => same,
        };
        let accepted = async {
            match &door {
                Door::Open(listener) => listener.accept().await,
                Door::Closed(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            // The sender lives in `shared`.
            _ = state.changed() => {}
            Some(_) = connections.join_next() => {}
            accepted = accepted => match accepted {
                Ok((client, _)) => {
                    shared.connections.fetch_add(1, Ordering::SeqCst);
                    connections.spawn(connection::serve(client, Arc::clone(&shared)));
                }
                // Out of file descriptors, or the client has gone already.
                Err(_) => sleep(Duration::from_millis(1)).await,
            },
        }
    }
}

/// Between closing one socket and binding the next, another program may take the port for an
/// outgoing connection.
async fn again<T>(mut attempt: impl FnMut() -> io::Result<T>) -> T {
    loop {
        match attempt() {
            Ok(done) => return done,
            Err(_) => sleep(Duration::from_millis(1)).await,
        }
    }
}
