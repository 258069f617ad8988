//! What can happen at one instant.

use serde::{Deserialize, Serialize};

use crate::history::{Verb, VerbName};

/// Which of the two keys of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyName {
    /// The election.
    #[default]
    Election,
    /// The lock.
    Lock,
}

/// Which direction of a node's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// From the node to the store.
    Requests,
    /// From the store to the node.
    Answers,
    /// Both.
    Both,
}

/// What happens. Durations are in milliseconds of the run, and end by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    // What users do.
    /// The leader steps down and stays a candidate.
    Resign {
        /// The node.
        node: usize,
    },
    /// The candidate stops, and joins again later.
    Stop {
        /// The node.
        node: usize,
        /// How long it stays away.
        for_ms: u64,
    },
    /// Every handle is dropped; the candidate joins again later.
    DropHandles {
        /// The node.
        node: usize,
        /// How long it stays away.
        for_ms: u64,
    },
    /// The body of its term panics.
    Panic {
        /// The node.
        node: usize,
    },
    /// Waits for the lock, holds it, unlocks it.
    Lock {
        /// The node.
        node: usize,
        /// How long it waits at most.
        wait_ms: u64,
        /// How long it holds.
        hold_ms: u64,
    },
    /// Takes the lock if it is free, holds it, and drops the guard.
    TryLock {
        /// The node.
        node: usize,
        /// How long it holds.
        hold_ms: u64,
    },

    // What happens to nodes.
    /// The process stands still, as with SIGSTOP.
    Pause {
        /// The node.
        node: usize,
        /// For how long.
        for_ms: u64,
    },
    /// The machine is suspended: its timers stand still, its clock does not.
    Suspend {
        /// The node.
        node: usize,
        /// For how long.
        for_ms: u64,
    },
    /// The process is killed, and starts again later.
    Kill {
        /// The node.
        node: usize,
        /// How long until another process starts.
        for_ms: u64,
    },
    /// Its clock runs at another rate from now on.
    Drift {
        /// The node.
        node: usize,
        /// How much faster than that of the run, in parts per million.
        ppm: i64,
    },

    // What happens to messages.
    /// Messages in one or both directions are lost.
    Cut {
        /// The node.
        node: usize,
        /// Which.
        way: Way,
        /// For how long.
        for_ms: u64,
    },
    /// Requests take longer.
    SlowRequests {
        /// The node.
        node: usize,
        /// By how much.
        by_ms: u64,
        /// For how long.
        for_ms: u64,
    },
    /// Answers take longer.
    SlowAnswers {
        /// The node.
        node: usize,
        /// By how much.
        by_ms: u64,
        /// For how long.
        for_ms: u64,
    },
    /// The next request is lost.
    LoseRequest {
        /// The node.
        node: usize,
        /// Of this verb; without it, of any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[serde(serialize_with = "VerbName::write", deserialize_with = "VerbName::read")]
        verb: Option<Verb>,
        /// Whether the caller receives an ambiguous error; otherwise the call hangs.
        told: bool,
    },
    /// The next request is applied, and its answer is lost.
    LoseAnswer {
        /// The node.
        node: usize,
        /// Of this verb; without it, of any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[serde(serialize_with = "VerbName::write", deserialize_with = "VerbName::read")]
        verb: Option<Verb>,
        /// Whether the caller receives an ambiguous error; otherwise the call hangs.
        told: bool,
    },
    /// The next request is applied much later, without an answer.
    Late {
        /// The node.
        node: usize,
        /// Of this verb; without it, of any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[serde(serialize_with = "VerbName::write", deserialize_with = "VerbName::read")]
        verb: Option<Verb>,
        /// How much later.
        by_ms: u64,
    },
    /// The next request is applied, and once more later.
    Duplicate {
        /// The node.
        node: usize,
        /// Of this verb; without it, of any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[serde(serialize_with = "VerbName::write", deserialize_with = "VerbName::read")]
        verb: Option<Verb>,
        /// How much later.
        by_ms: u64,
    },
    /// The next request fails with a definite error.
    Fail {
        /// The node.
        node: usize,
    },
    /// The next renewals and releases are answered with a conflict.
    Conflicts {
        /// The node.
        node: usize,
        /// How many.
        count: u8,
    },
    /// Reads show what was there before.
    StaleReads {
        /// The node.
        node: usize,
        /// For how long.
        for_ms: u64,
    },
    /// The store answers that there are too many requests.
    Throttle {
        /// The node.
        node: usize,
        /// For how long.
        for_ms: u64,
        /// When to come back.
        retry_after_ms: u64,
    },
    /// The credentials have expired.
    Unauthenticated {
        /// The node.
        node: usize,
        /// For how long.
        for_ms: u64,
    },
    /// Watches end.
    CloseWatches {
        /// The node.
        node: usize,
    },
    /// Watches end with an error.
    CompactWatches {
        /// The node.
        node: usize,
    },
    /// Watches show changes late.
    LagWatches {
        /// The node.
        node: usize,
        /// By how much.
        by_ms: u64,
        /// For how long.
        for_ms: u64,
    },

    // What happens to the store.
    /// The store is away, and comes back with its memory.
    Restart {
        /// How long it is away.
        for_ms: u64,
    },
    /// Record loss: the store restarts without its memory.
    Forget,
    /// Record loss: a fail-over loses the last write of a key.
    LoseLastWrite {
        /// Which.
        key: KeyName,
    },
    /// Record loss: an operator deletes the record.
    Delete {
        /// Which.
        key: KeyName,
    },
    /// Record loss: an operator empties the holder.
    Empty {
        /// Which.
        key: KeyName,
    },
    /// Record loss: another program takes the record.
    Overwrite {
        /// Which.
        key: KeyName,
        /// Its lease duration.
        lease_ms: u64,
    },
    /// An operator edits something else about the record.
    Touch {
        /// Which.
        key: KeyName,
    },
}

impl Action {
    /// The node that it is about.
    #[must_use]
    pub fn node(mut self) -> Option<usize> {
        self.node_mut().copied()
    }

    /// The same for another node.
    #[must_use]
    pub(crate) fn with_node(mut self, to: usize) -> Self {
        if let Some(node) = self.node_mut() {
            *node = to;
        }
        self
    }

    fn node_mut(&mut self) -> Option<&mut usize> {
        match self {
            Self::Resign { node }
            | Self::Stop { node, .. }
            | Self::DropHandles { node, .. }
            | Self::Panic { node }
            | Self::Lock { node, .. }
            | Self::TryLock { node, .. }
            | Self::Pause { node, .. }
            | Self::Suspend { node, .. }
            | Self::Kill { node, .. }
            | Self::Drift { node, .. }
            | Self::Cut { node, .. }
            | Self::SlowRequests { node, .. }
            | Self::SlowAnswers { node, .. }
            | Self::LoseRequest { node, .. }
            | Self::LoseAnswer { node, .. }
            | Self::Late { node, .. }
            | Self::Duplicate { node, .. }
            | Self::Fail { node }
            | Self::Conflicts { node, .. }
            | Self::StaleReads { node, .. }
            | Self::Throttle { node, .. }
            | Self::Unauthenticated { node, .. }
            | Self::CloseWatches { node }
            | Self::CompactWatches { node }
            | Self::LagWatches { node, .. } => Some(node),
            Self::Restart { .. }
            | Self::Forget
            | Self::LoseLastWrite { .. }
            | Self::Delete { .. }
            | Self::Empty { .. }
            | Self::Overwrite { .. }
            | Self::Touch { .. } => None,
        }
    }

    /// Its name, as in JSON.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Resign { .. } => "resign",
            Self::Stop { .. } => "stop",
            Self::DropHandles { .. } => "drop_handles",
            Self::Panic { .. } => "panic",
            Self::Lock { .. } => "lock",
            Self::TryLock { .. } => "try_lock",
            Self::Pause { .. } => "pause",
            Self::Suspend { .. } => "suspend",
            Self::Kill { .. } => "kill",
            Self::Drift { .. } => "drift",
            Self::Cut { .. } => "cut",
            Self::SlowRequests { .. } => "slow_requests",
            Self::SlowAnswers { .. } => "slow_answers",
            Self::LoseRequest { .. } => "lose_request",
            Self::LoseAnswer { .. } => "lose_answer",
            Self::Late { .. } => "late",
            Self::Duplicate { .. } => "duplicate",
            Self::Fail { .. } => "fail",
            Self::Conflicts { .. } => "conflicts",
            Self::StaleReads { .. } => "stale_reads",
            Self::Throttle { .. } => "throttle",
            Self::Unauthenticated { .. } => "unauthenticated",
            Self::CloseWatches { .. } => "close_watches",
            Self::CompactWatches { .. } => "compact_watches",
            Self::LagWatches { .. } => "lag_watches",
            Self::Restart { .. } => "restart",
            Self::Forget => "forget",
            Self::LoseLastWrite { .. } => "lose_last_write",
            Self::Delete { .. } => "delete",
            Self::Empty { .. } => "empty",
            Self::Overwrite { .. } => "overwrite",
            Self::Touch { .. } => "touch",
        }
    }

    /// Whether it makes something go wrong, rather than being what users do.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        !matches!(
            self,
            Self::Resign { .. }
                | Self::Stop { .. }
                | Self::DropHandles { .. }
                | Self::Lock { .. }
                | Self::TryLock { .. }
        )
    }

    /// Whether the store forgets what it granted.
    #[must_use]
    pub fn is_record_loss(&self) -> bool {
        matches!(
            self,
            Self::Forget
                | Self::LoseLastWrite { .. }
                | Self::Delete { .. }
                | Self::Empty { .. }
                | Self::Overwrite { .. }
        )
    }

    /// The durations in it, for shrinking.
    pub(crate) fn durations(&mut self) -> Vec<&mut u64> {
        match self {
            Self::Stop { for_ms, .. }
            | Self::DropHandles { for_ms, .. }
            | Self::Pause { for_ms, .. }
            | Self::Suspend { for_ms, .. }
            | Self::Kill { for_ms, .. }
            | Self::Cut { for_ms, .. }
            | Self::StaleReads { for_ms, .. }
            | Self::Unauthenticated { for_ms, .. }
            | Self::Restart { for_ms } => vec![for_ms],
            Self::Lock { wait_ms, hold_ms, .. } => vec![wait_ms, hold_ms],
            Self::TryLock { hold_ms, .. } => vec![hold_ms],
            Self::SlowRequests { by_ms, for_ms, .. }
            | Self::SlowAnswers { by_ms, for_ms, .. }
            | Self::LagWatches { by_ms, for_ms, .. } => vec![by_ms, for_ms],
            Self::Late { by_ms, .. } | Self::Duplicate { by_ms, .. } => vec![by_ms],
            Self::Throttle { for_ms, retry_after_ms, .. } => vec![for_ms, retry_after_ms],
            Self::Overwrite { lease_ms, .. } => vec![lease_ms],
            _ => Vec::new(),
        }
    }
}
