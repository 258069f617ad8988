//! The owner of a container: the process that started it.

use std::collections::HashMap;
use std::{fs, io};

use anyhow::{Context as _, Result, bail};
use rustix::io::Errno;

/// The label that every container of the tests has.
pub(super) const PID: &str = "dsync-test.pid";
const START_TIME: &str = "dsync-test.start-time";
const PID_NAMESPACE: &str = "dsync-test.pid-namespace";
const BOOT_ID: &str = "dsync-test.boot-id";

/// A process, distinct from all others of any machine and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    /// The kernel gives a process id anew once its process is gone …
    pid: u32,
    /// … but not with the same start time, which it counts in clock ticks since the boot.
    start_time: u64,
    /// Process ids mean something within their namespace alone.
    pid_namespace: String,
    /// The first namespace has the same number on every machine and after every boot.
    boot_id: String,
}

/// What `/proc` shows of a process id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Process {
    /// No process has it, or one that has ended and was not waited for.
    Gone,
    /// The process that has it started at this time.
    StartedAt(u64),
    /// A process may have it: it cannot be seen.
    Unknown,
}

impl Owner {
    /// Returns this very process.
    ///
    /// # Errors
    ///
    /// If `/proc` does not show it.
    pub(super) fn current() -> Result<Self> {
        let pid = std::process::id();
        let link =
            fs::read_link("/proc/self/ns/pid").context("failed to read /proc/self/ns/pid")?;
        let path = "/proc/sys/kernel/random/boot_id";
        let boot = fs::read_to_string(path).with_context(|| format!("failed to read {path}"))?;
        // A /proc of another PID namespace shows another process under this id, or none.
        let itself = fs::read_link("/proc/self").context("failed to read /proc/self")?;
        if itself.to_str() != Some(pid.to_string().as_str()) {
            bail!("/proc shows another PID namespace than that of this process, {pid}");
        }
        let Process::StartedAt(start_time) = Process::of(pid) else {
            bail!("/proc/{pid}/stat does not show when this process started");
        };
        Ok(Self {
            pid,
            start_time,
            pid_namespace: link.to_string_lossy().into_owned(),
            boot_id: boot.trim().to_owned(),
        })
    }

    /// Returns the labels of its containers.
    pub(super) fn labels(&self) -> [(&'static str, String); 4] {
        [
            (PID, self.pid.to_string()),
            (START_TIME, self.start_time.to_string()),
            (PID_NAMESPACE, self.pid_namespace.clone()),
            (BOOT_ID, self.boot_id.clone()),
        ]
    }

    /// Returns the owner that the labels of a container name.
    pub(super) fn of(labels: &HashMap<String, String>) -> Option<Self> {
        Some(Self {
            pid: labels.get(PID)?.parse().ok()?,
            start_time: labels.get(START_TIME)?.parse().ok()?,
            pid_namespace: labels.get(PID_NAMESPACE)?.clone(),
            boot_id: labels.get(BOOT_ID)?.clone(),
        })
    }

    /// Returns whether the owner is certainly gone, as `here` can see by its own `/proc`.
    ///
    /// A process of another PID namespace cannot be seen from here, so it is never taken for gone.
    ///
    /// Neither is one of another boot. After a reboot of this machine its owner is gone, but the same
    /// labels may come from another machine that uses this engine at the moment, and the two
    /// cannot be distinguished for certain: virtual machines and containers are often copied along with their
    /// `/etc/machine-id`. It would gain little, too: a container does not run after a reboot, as it
    /// has no restart policy, and holds neither a port nor memory.
    pub(super) fn is_gone(&self, here: &Self, process: impl FnOnce(u32) -> Process) -> bool {
        if (&self.boot_id, &self.pid_namespace) != (&here.boot_id, &here.pid_namespace) {
            return false;
        }
        match process(self.pid) {
            Process::Gone => true,
            Process::StartedAt(time) => time != self.start_time,
            Process::Unknown => false,
        }
    }
}

impl Process {
    /// Looks up `pid` in `/proc`.
    pub(super) fn of(pid: u32) -> Self {
        match fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) => Self::parse(&stat),
            Err(error) => Self::unseen(pid, &error),
        }
    }

    /// `/proc` can be mounted so that it hides the processes of other users (`hidepid`). Sending
    /// a signal still shows whether they exist.
    fn unseen(pid: u32, error: &io::Error) -> Self {
        let raw = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
        let signalled = raw.map(rustix::process::test_kill_process);
        match (error.kind(), signalled) {
            (io::ErrorKind::NotFound, Some(Err(Errno::SRCH))) => Self::Gone,
            // It ended while its file was being read.
            _ if error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => Self::Gone,
            _ => Self::Unknown,
        }
    }

    /// Reads the text of `/proc/PID/stat`: `PID (NAME) STATE …`, where the 22nd field is the start
    /// time.
    fn parse(stat: &str) -> Self {
        // The name can contain spaces and parentheses, and the fields behind it cannot.
        let Some((_, fields)) = stat.rsplit_once(')') else { return Self::Unknown };
        let mut fields = fields.split_whitespace();
        // A process that was killed stays a zombie until its parent waits for it, which the first
        // process of a container often never does.
        if let Some("Z" | "X" | "x") = fields.next() {
            return Self::Gone;
        }
        // The state was the third.
        match fields.nth(22 - 3 - 1).and_then(|field| field.parse().ok()) {
            Some(time) => Self::StartedAt(time),
            None => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn owner() -> Owner {
        Owner {
            pid: 42,
            start_time: 1000,
            pid_namespace: "pid:[1]".to_owned(),
            boot_id: "b".to_owned(),
        }
    }

    /// A process with the same boot and namespace.
    fn here() -> Owner {
        Owner { pid: 7, start_time: 2000, ..owner() }
    }

    fn stat(state: &str) -> String {
        let zeros = ["0"; 18].join(" ");
        format!("42 (a (b) c 1 2 3) {state} {zeros} 1000 0 0")
    }

    #[test]
    fn an_owner_without_a_process_is_gone() {
        assert!(owner().is_gone(&here(), |pid| {
            assert_eq!(pid, 42);
            Process::Gone
        }));
    }

    #[test]
    fn an_owner_is_gone_if_its_id_belongs_to_a_later_process() {
        assert!(owner().is_gone(&here(), |_| Process::StartedAt(1001)));
        assert!(!owner().is_gone(&here(), |_| Process::StartedAt(1000)));
    }

    #[test]
    fn an_owner_that_cannot_be_seen_is_not_gone() {
        assert!(!owner().is_gone(&here(), |_| Process::Unknown));
    }

    #[test]
    fn an_owner_of_another_namespace_is_not_gone() {
        let here = Owner { pid_namespace: "pid:[2]".to_owned(), ..here() };
        assert!(!owner().is_gone(&here, |_| Process::Gone));
    }

    #[test]
    fn an_owner_of_another_boot_is_not_gone() {
        let here = Owner { boot_id: "c".to_owned(), ..here() };
        assert!(!owner().is_gone(&here, |_| Process::Gone));
    }

    #[test]
    fn labels_name_their_owner() {
        let labels: HashMap<_, _> =
            owner().labels().map(|(name, value)| (name.to_owned(), value)).into();
        assert_eq!(Owner::of(&labels), Some(owner()));
        for name in labels.keys() {
            let mut fewer = labels.clone();
            fewer.remove(name);
            assert_eq!(Owner::of(&fewer), None, "without {name}");
        }
        let mut wrong = labels;
        wrong.insert(PID.to_owned(), "-1".to_owned());
        assert_eq!(Owner::of(&wrong), None);
    }

    #[test]
    fn a_start_time_is_the_22nd_field_behind_any_name() {
        assert_eq!(Process::parse(&stat("S")), Process::StartedAt(1000));
        assert_eq!(Process::parse("42 (a) S 0 0"), Process::Unknown);
        assert_eq!(Process::parse(""), Process::Unknown);
    }

    #[test]
    fn a_zombie_is_gone() {
        assert_eq!(Process::parse(&stat("Z")), Process::Gone);
    }

    #[test]
    fn this_process_is_not_gone_and_one_that_was_waited_for_is() {
        let here = Owner::current().unwrap();
        assert!(!here.is_gone(&here, Process::of));

        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let Process::StartedAt(start_time) = Process::of(child.id()) else {
            panic!("{:?}", Process::of(child.id()))
        };
        let owner = Owner { pid: child.id(), start_time, ..here.clone() };
        assert!(!owner.is_gone(&here, Process::of));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(owner.is_gone(&here, Process::of));
    }
}
