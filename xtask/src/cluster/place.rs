//! The folder everything about the cluster is in, and who owns the cluster.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The action by which `up` starts the supervisor; not for people.
pub(super) const SUPERVISE: &str = "supervise";

/// A relative path on purpose: the absolute one may be longer than the hundred
/// or so bytes that fit into a socket's address.
const SOCKET: &str = "socket";

/// `target/cluster`, as the current folder of this process.
pub(super) struct Place {
    dir: PathBuf,
}

impl Place {
    /// Makes the folder and goes there.
    pub(super) fn enter() -> Result<Self> {
        let dir = control_plane::target_dir().join("cluster");
        let go = || {
            fs::create_dir_all(&dir)?;
            std::env::set_current_dir(&dir)
        };
        go().with_context(|| format!("could not create and enter {}", dir.display()))?;
        Ok(Self { dir })
    }

    /// The folder of the control plane itself, with its kubeconfig.
    pub(super) fn control_plane(&self) -> PathBuf {
        self.dir.join("control-plane")
    }

    /// What the supervisor has to say.
    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("supervisor.log")
    }

    /// The end of that, for when it ended early.
    pub(super) fn end_of_log(&self) -> String {
        let mut text = String::new();
        // Without it there's just less to tell.
        let _ = File::open(self.log()).and_then(|mut file| file.read_to_string(&mut text));
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// The lock that a supervisor holds as long as it lives. The kernel lets go
    /// of it even when the supervisor is killed, so unlike a pid in a file it's
    /// never out of date.
    pub(super) fn lock_for_supervisor(&self) -> Result<Lock> {
        self.lock("supervisor.lock")
    }

    /// The lock that `up` holds, so that two at once don't start two supervisors.
    pub(super) fn lock_for_up(&self) -> Result<Lock> {
        self.lock("up.lock")
    }

    fn lock(&self, name: &str) -> Result<Lock> {
        let path = self.dir.join(name);
        let take = || {
            let file = File::create(&path)?;
            match file.try_lock() {
                Ok(()) => Ok(Lock::Taken(file)),
                Err(TryLockError::WouldBlock) => Ok(Lock::Busy(file)),
                Err(TryLockError::Error(error)) => Err(error),
            }
        };
        take().with_context(|| format!("could not lock {}", path.display()))
    }

    /// Connects to the supervisor; `None` if nobody listens.
    #[allow(clippy::unused_self, reason = "the path is relative to the place that was entered")]
    pub(super) fn connect(&self) -> Result<Option<UnixStream>> {
        match UnixStream::connect(SOCKET) {
            Ok(stream) => Ok(Some(stream)),
            // No socket, or one whose owner was killed.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error).context("could not connect to the cluster's supervisor"),
        }
    }

    /// Listens for the other commands. Only for the holder of the supervisor's
    /// lock, as it removes a socket that was left over.
    pub(super) fn listen(&self) -> Result<UnixListener> {
        self.remove_socket();
        UnixListener::bind(SOCKET)
            .with_context(|| format!("could not listen on {}", self.dir.join(SOCKET).display()))
    }

    #[allow(clippy::unused_self, reason = "the path is relative to the place that was entered")]
    pub(super) fn remove_socket(&self) {
        // Mostly there is none; if it can't be removed, listening fails and tells.
        let _ = fs::remove_file(Path::new(SOCKET));
    }
}

/// What came of taking a lock.
pub(super) enum Lock {
    /// It's this process's, as long as the file is open.
    Taken(File),
    /// Another process has it. The file is for waiting.
    Busy(File),
}
