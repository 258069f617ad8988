//! The value of a record: fencing token, duration in milliseconds, holder.

use std::time::Duration;

use dsync::FencingToken;
use dsync::driver::{Holder, Lease, Pulse, Version};
use redis::{FromRedisValue, ParsingError, Value};

/// The answer of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Whether the script has written.
    pub(crate) applied: bool,
    /// The current record.
    pub(crate) lease: Option<Lease>,
}

impl FromRedisValue for Answer {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let (applied, text, left): (i64, Option<Vec<u8>>, i64) = redis::from_redis_value(value)?;
        let text = text.map(|text| String::from_utf8_lossy(&text).into_owned());
        // A negative value means that there is no record, or that it never expires, which only a
        // record of another program can.
        let left = u64::try_from(left).ok().map(Duration::from_millis);
        Ok(Self { applied: applied == 1, lease: text.map(|text| lease(&text, left)) })
    }
}

fn lease(text: &str, left: Option<Duration>) -> Lease {
    let mut lease = parse(text).unwrap_or_else(|| foreign(text));
    lease.remaining = left;
    lease
}

/// Parses a record that dsync wrote.
fn parse(text: &str) -> Option<Lease> {
    let mut parts = text.splitn(3, ' ');
    let token = parts.next()?.parse().ok()?;
    let duration = Duration::from_millis(parts.next()?.parse().ok()?);
    let holder = Holder::from_wire(parts.next()?);
    let id = format!("{token}");
    let (version, pulse) = (Version::new(id.as_str()), Pulse::new(id));
    Some(Lease::held(holder, duration, version, pulse, FencingToken::new(token)))
}

/// Returns the record of another program, which holds the lease until the record expires or is
/// deleted. Its duration is not known.
fn foreign(text: &str) -> Lease {
    let mut lease = Lease::vacant(Version::new(text), Pulse::new(text), FencingToken::ZERO);
    lease.holder = Some(Holder::from_wire(text));
    lease
}

/// Returns milliseconds, rounded up: a lease must never be shorter than requested.
pub(crate) fn in_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_kept_as_it_is() {
        for holder in ["pod-a_0123", "two words_0", " _0", "_0", "line\nbreak_0", "ä{}\"_0"] {
            let lease = lease(&format!("17 600 {holder}"), Some(Duration::from_millis(5)));
            assert!(lease.is_held_by(&Holder::from_wire(holder)), "{lease:?}");
            assert_eq!(lease.fencing_token, FencingToken::new(17));
            assert_eq!(lease.duration, Some(Duration::from_millis(600)));
            assert_eq!(lease.remaining, Some(Duration::from_millis(5)));
        }
    }

    #[test]
    fn what_another_program_wrote_is_held_by_it() {
        for text in ["", "x", "1", "1 2", "-1 2 x", "1 x y", "18446744073709551616 1 x"] {
            assert!(lease(text, None).is_held_by(&Holder::from_wire(text)), "{text:?}");
        }
    }

    #[test]
    fn durations_are_rounded_up() {
        assert_eq!(in_millis(Duration::from_micros(1)), 1);
        assert_eq!(in_millis(Duration::from_millis(600)), 600);
        assert_eq!(in_millis(Duration::MAX), u64::MAX);
    }
}
