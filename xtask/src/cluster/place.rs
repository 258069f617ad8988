//! The directory with all files of the cluster, and the locks that show which process owns it.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The internal action by which `up` starts the supervisor.
pub(super) const SUPERVISE: &str = "supervise";

/// A relative path on purpose: the absolute one may be longer than the hundred
/// or so bytes that fit into a socket's address.
const SOCKET: &str = "socket";

/// `target/cluster`, which is the current directory of this process.
pub(super) struct ClusterDir {
    dir: PathBuf,
}

impl ClusterDir {
    /// Creates the directory and makes it the current one.
    pub(super) fn enter() -> Result<Self> {
        let dir = control_plane::target_dir().join("cluster");
        let go = || {
            fs::create_dir_all(&dir)?;
            std::env::set_current_dir(&dir)
        };
        go().with_context(|| format!("could not create and enter {}", dir.display()))?;
        Ok(Self { dir })
    }

    /// Returns the directory of the control plane, which has its kubeconfig.
    pub(super) fn control_plane(&self) -> PathBuf {
        self.dir.join("control-plane")
    }

    /// Returns the path of the supervisor's log.
    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("supervisor.log")
    }

    /// Returns the last lines of the log, to explain why the supervisor exited early.
    pub(super) fn end_of_log(&self) -> String {
        let mut text = String::new();
        // A log that cannot be read only makes the error message less detailed.
        let _ = File::open(self.log()).and_then(|mut file| file.read_to_string(&mut text));
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// Takes the lock that a supervisor holds while it runs. The kernel releases it
    /// even if the supervisor is killed, so unlike a pid file it is never stale.
    pub(super) fn lock_for_supervisor(&self) -> Result<Lock> {
        self.lock("supervisor.lock")
    }

    /// Takes the lock that `up` holds, so that concurrent calls do not start two supervisors.
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

    /// Connects to the supervisor. Returns `None` if no supervisor is listening.
    #[allow(
        clippy::unused_self,
        reason = "the path is relative to the current directory, which `enter` has set"
    )]
    pub(super) fn connect(&self) -> Result<Option<UnixStream>> {
        match UnixStream::connect(SOCKET) {
            Ok(stream) => Ok(Some(stream)),
            // There is no socket, or its owner was killed.
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

    /// Listens for requests of the other commands. Only the holder of the supervisor's
    /// lock may call it, because it removes a stale socket.
    pub(super) fn listen(&self) -> Result<UnixListener> {
        self.remove_socket();
        UnixListener::bind(SOCKET)
            .with_context(|| format!("could not listen on {}", self.dir.join(SOCKET).display()))
    }

    #[allow(
        clippy::unused_self,
        reason = "the path is relative to the current directory, which `enter` has set"
    )]
    pub(super) fn remove_socket(&self) {
        // Usually there is none. If it cannot be removed, `bind` fails and reports the reason.
        let _ = fs::remove_file(Path::new(SOCKET));
    }
}

/// The result of trying to take a lock.
pub(super) enum Lock {
    /// This process holds the lock while the file is open.
    Taken(File),
    /// Another process holds the lock. Locking the file waits for it.
    Busy(File),
}
