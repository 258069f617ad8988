//! What the file of a record says.

use std::time::Duration;

use dsync::FencingToken;
use dsync::driver::{Holder, Lease, Pulse, Version};

/// A record. In its file, each line is a name and a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The number of the write that made the record what it is: its version, and its pulse.
    pub(crate) number: u64,
    /// The number of the acquisition.
    pub(crate) token: u64,
    pub(crate) duration_ms: u64,
    /// `None`: it was released.
    pub(crate) holder: Option<Holder>,
}

impl Record {
    pub(crate) fn version(&self) -> Version {
        Version::new(self.number.to_string())
    }

    pub(crate) fn lease(&self) -> Lease {
        let pulse = Pulse::new(self.number.to_string());
        let token = FencingToken::new(self.token);
        let Some(holder) = self.holder.clone() else {
            return Lease::vacant(self.version(), pulse, token);
        };
        let duration = Duration::from_millis(self.duration_ms);
        Lease::held(holder, duration, self.version(), pulse, token)
    }

    /// The holder is the last line: it may contain anything, line breaks included.
    pub(crate) fn text(&self) -> String {
        let Self { number, token, duration_ms, holder } = self;
        let holder = holder.as_ref().map(|holder| format!("holder {holder}")).unwrap_or_default();
        format!("number {number}\ntoken {token}\nduration_ms {duration_ms}\n{holder}")
    }

    /// `None`: this is no record.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (numbers, holder) = match text.split_once("\nholder ") {
            Some((numbers, holder)) => (numbers, Some(Holder::from_wire(holder))),
            None => (text, None),
        };
        let number = |name: &str| {
            let value = numbers.lines().find_map(|line| line.strip_prefix(name))?;
            value.trim().parse::<u64>().ok()
        };
        Some(Self {
            number: number("number ")?,
            token: number("token ")?,
            duration_ms: number("duration_ms ")?,
            holder,
        })
    }
}

/// In the unit of the records, rounded up: a lease must never be shorter than what was asked for.
pub(crate) fn in_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
