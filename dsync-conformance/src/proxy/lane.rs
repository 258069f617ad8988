//! One direction of a connection.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::exchange::Exchange;
use super::fault::Direction;
use super::state::{Shared, State};
use crate::tasks;

/// How much is read at a time, and how many such pieces may be under way. When there are more,
/// the sender's own buffers fill up.
const PIECE: usize = 16 * 1024;
const PIECES: usize = 64;

/// An answer is over when nothing of it has come for so long. What belongs to a handshake may come
/// before it.
const QUIET: Duration = Duration::from_millis(50);

/// How a direction ended, or a connection as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// In an orderly way: the other direction may go on.
    Orderly,
    /// With a reset of the connection.
    Reset,
}

impl Ending {
    /// Unless the connection is reset, the other direction runs to its end as well.
    pub(super) async fn and(self, other: impl Future<Output = Self>) -> Self {
        match self {
            Self::Reset => Self::Reset,
            Self::Orderly => other.await,
        }
    }
}

/// What comes in, in the order in which it came.
enum Piece {
    Bytes(Vec<u8>),
    End,
    Broken,
}

pub(super) struct Lane<'a> {
    pub(super) direction: Direction,
    pub(super) shared: &'a Shared,
    pub(super) exchange: &'a Exchange,
}

impl Lane<'_> {
    pub(super) async fn carry(&self, from: ReadHalf<'_>, to: WriteHalf<'_>) -> Ending {
        let (sender, pieces) = mpsc::channel(PIECES);
        let mut write = pin!(self.write(pieces, to));
        tokio::select! {
            biased;
            ending = &mut write => ending,
            () = read(from, sender) => write.await,
        }
    }

    async fn write(
        &self,
        mut pieces: mpsc::Receiver<(Instant, Piece)>,
        mut to: WriteHalf<'_>,
    ) -> Ending {
        let mut state = self.shared.subscribe();
        let mut drips = None;
        while let Some((came, piece)) = pieces.recv().await {
            self.passable(&mut state, came, None).await;
            let bytes = match piece {
                Piece::Bytes(bytes) => bytes,
                Piece::End => {
                    // The other side may be gone already.
                    let _ = to.shutdown().await;
                    return Ending::Orderly;
                }
                Piece::Broken => return Ending::Reset,
            };
            if self.is_lost() {
                while let Ok(Some(_)) = timeout(QUIET, pieces.recv()).await {}
                self.shared.lost_answers.fetch_add(1, Ordering::SeqCst);
                return Ending::Reset;
            }
            let mut left = &bytes[..];
            while !left.is_empty() {
                self.passable(&mut state, came, drips).await;
                let drip = state.borrow().lane(self.direction).drip;
                let wanted = drip.map_or(left.len(), |(bytes, _)| bytes.min(left.len()));
                let (granted, then_reset) = self.shared.spend(self.direction, wanted);
                let (now, later) = left.split_at(granted);
                if self.send(now, &mut to).await.is_err() || then_reset {
                    return Ending::Reset;
                }
                left = later;
                drips = drip.map(|(_, every)| tasks::now() + every);
            }
        }
        // The reader says how it ended.
        Ending::Reset
    }

    /// Waits until what came at `came` may pass, and not before `drips` if it drips.
    async fn passable(
        &self,
        state: &mut watch::Receiver<State>,
        came: Instant,
        drips: Option<Instant>,
    ) {
        loop {
            let lane = *state.borrow_and_update().lane(self.direction);
            let mut due = came + lane.delay;
            if let (Some(drips), Some(_)) = (drips, lane.drip) {
                due = due.max(drips);
            }
            if lane.held {
                // The sender lives as long as this connection.
                let _ = state.changed().await;
                continue;
            }
            if due <= tasks::now() {
                return;
            }
            tokio::select! {
                biased;
                _ = state.changed() => {}
                () = sleep_until(due) => {}
            }
        }
    }

    /// Whether this is an answer that is to be lost.
    fn is_lost(&self) -> bool {
        self.direction == Direction::Answers && self.exchange.loses.load(Ordering::SeqCst)
    }

    async fn send(&self, bytes: &[u8], to: &mut WriteHalf<'_>) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        match self.direction {
            Direction::Answers => self.exchange.answered.store(true, Ordering::SeqCst),
            Direction::Requests => {
                // Before the server can answer.
                if self.exchange.answered.load(Ordering::SeqCst) && self.shared.loses_answer() {
                    self.exchange.loses.store(true, Ordering::SeqCst);
                }
            }
        }
        to.write_all(bytes).await?;
        self.shared.bytes[self.direction as usize].fetch_add(bytes.len() as u64, Ordering::SeqCst);
        Ok(())
    }
}

async fn read(mut from: ReadHalf<'_>, pieces: mpsc::Sender<(Instant, Piece)>) {
    loop {
        let mut bytes = vec![0; PIECE];
        let piece = match from.read(&mut bytes).await {
            Ok(0) => Piece::End,
            Ok(came) => {
                bytes.truncate(came);
                Piece::Bytes(bytes)
            }
            Err(_) => Piece::Broken,
        };
        let is_last = !matches!(piece, Piece::Bytes(_));
        if pieces.send((tasks::now(), piece)).await.is_err() || is_last {
            return;
        }
    }
}
