//! One connection through the proxy.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::net::TcpStream;

use super::exchange::Exchange;
use super::fault::Direction;
use super::lane::{Ending, Lane};
use super::state::Shared;

/// Forwards in both directions until both have ended, or one of them resets the connection.
pub(super) async fn serve(mut client: TcpStream, shared: Arc<Shared>) {
    let mut state = shared.subscribe();
    let resets = state.borrow_and_update().resets;
    let _open = Open::new(&shared);
    let mut reset = pin!(async {
        // The sender lives in `shared`.
        while state.wait_for(|state| state.resets != resets).await.is_err() {}
    });
    let server = tokio::select! {
        biased;
        () = &mut reset => None,
        server = TcpStream::connect(shared.upstream()) => server.ok(),
    };
    let ending = match server {
        None => Ending::Reset,
        Some(mut server) => {
            let ending = tokio::select! {
                biased;
                () = &mut reset => Ending::Reset,
                ending = forward(&mut client, &mut server, &shared) => ending,
            };
            if let Ending::Reset = ending {
                abort(&server);
            }
            ending
        }
    };
    if let Ending::Reset = ending {
        shared.resets.fetch_add(1, Ordering::SeqCst);
        abort(&client);
    }
}

async fn forward(client: &mut TcpStream, server: &mut TcpStream, shared: &Shared) -> Ending {
    // What was sent in pieces is to arrive in pieces. A socket that refuses is broken already.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let exchange = Exchange::default();
    let lane = |direction| Lane { direction, shared, exchange: &exchange };
    let (requests, answers) = (lane(Direction::Requests), lane(Direction::Answers));
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let mut requests = pin!(requests.carry(from_client, to_server));
    let mut answers = pin!(answers.carry(from_server, to_client));
    tokio::select! {
        biased;
        ending = &mut requests => ending.and(answers).await,
        ending = &mut answers => ending.and(requests).await,
    }
}

/// The other side gets a reset when the socket is dropped, and no orderly end.
fn abort(socket: &TcpStream) {
    // A socket that is broken already needs none.
    let _ = socket.set_zero_linger();
}

/// Counts a connection while it is open.
struct Open<'a>(&'a Shared);

impl<'a> Open<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.open.fetch_add(1, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}
