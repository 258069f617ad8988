//! The record of a key: its value is the duration in milliseconds, and the holder.

use std::time::Duration;

use dsync::FencingToken;
use dsync::driver::{Claim, Holder, Key, KeyKind, Lease, Pulse, Version};
use etcd_client::KeyValue;

/// Returns the name of a key in the store.
pub(crate) fn name(prefix: &str, key: &Key) -> String {
    let kind = match key.kind() {
        KeyKind::Election => "election",
        KeyKind::Lock => "lock",
    };
    format!("{prefix}/{kind}/{}/{}", key.namespace(), key.name())
}

pub(crate) fn value(holder: &Holder, duration: Duration) -> String {
    format!("{} {holder}", duration.as_nanos().div_ceil(1_000_000))
}

/// An acquisition: the revision that created the key, and the store lease that the key is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Acquisition {
    pub(crate) revision: i64,
    pub(crate) lease: i64,
}

impl Acquisition {
    pub(crate) fn of(record: &KeyValue) -> Self {
        Self { revision: record.create_revision(), lease: record.lease() }
    }

    pub(crate) fn version(self) -> Version {
        Version::new(format!("{}-{:x}", self.revision, self.lease))
    }

    /// Parses a version. Returns `None` if [`version`](Self::version) has not made it.
    pub(crate) fn parse(version: &Version) -> Option<Self> {
        let (revision, lease) = version.as_str().split_once('-')?;
        let revision = revision.parse().ok()?;
        Some(Self { revision, lease: i64::from_str_radix(lease, 16).ok()? })
    }

    fn pulse(self) -> Pulse {
        Pulse::new(self.version().as_str())
    }

    /// Returns the revision as the token. The store has one revision counter for all changes, so it
    /// grows with every acquisition.
    fn token(self) -> FencingToken {
        FencingToken::new(u64::try_from(self.revision).unwrap_or(0))
    }

    /// Returns the lease that a successful claim has acquired.
    pub(crate) fn won(self, claim: &Claim) -> Lease {
        let (version, pulse) = (self.version(), self.pulse());
        Lease::held(claim.holder.clone(), claim.duration, version, pulse, self.token())
    }
}

/// Reads the record of a key.
pub(crate) fn lease(record: &KeyValue) -> Lease {
    let acquisition = Acquisition::of(record);
    let text = String::from_utf8_lossy(record.value());
    let (version, pulse) = (acquisition.version(), acquisition.pulse());
    let parsed = text.split_once(' ').and_then(|(millis, holder)| {
        Some((Duration::from_millis(millis.parse().ok()?), Holder::from_wire(holder)))
    });
    let Some((duration, holder)) = parsed else {
        // Another program wrote the record. It holds the lease until the key expires or is deleted.
        let mut lease = Lease::vacant(version, pulse, acquisition.token());
        lease.holder = Some(Holder::from_wire(text.into_owned()));
        return lease;
    };
    Lease::held(holder, duration, version, pulse, acquisition.token())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_names_revision_and_store_lease() {
        for (revision, lease) in [(1, 0), (i64::MAX, i64::MAX), (7, 0x1234_5678_9abc_def0)] {
            let acquisition = Acquisition { revision, lease };
            assert_eq!(Acquisition::parse(&acquisition.version()), Some(acquisition));
        }
        for text in ["", "7", "7-", "-7", "x-1", "7-x"] {
            assert_eq!(Acquisition::parse(&Version::new(text)), None, "{text}");
        }
    }

    #[test]
    fn durations_are_rounded_up() {
        let holder = Holder::from_wire("a b");
        assert_eq!(value(&holder, Duration::from_micros(1_001)), "2 a b");
    }
}
