//! Durations in a human-readable format.

use std::time::Duration;

const UNITS: [(char, u64); 4] = [('d', 86400), ('h', 3600), ('m', 60), ('s', 1)];
/// Longer than necessary, and short enough to avoid overflow in calculations.
const LONGEST: Duration = Duration::from_secs(365 * 86400);

/// Parses durations such as `12h`, `90m` and `1h30m`.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let mut seconds = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..end].parse().ok()?;
        let unit = rest[end..].chars().next()?;
        let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
        seconds = seconds.checked_add(number.checked_mul(*size)?)?;
        rest = &rest[end + unit.len_utf8()..];
    }
    let duration = Duration::from_secs(seconds);
    (!duration.is_zero() && duration <= LONGEST).then_some(duration)
}

/// Formats a duration with its two largest units, such as `11h 57m`.
pub(crate) fn show(duration: Duration) -> String {
    let mut seconds = duration.as_secs();
    let mut parts = Vec::new();
    for (unit, size) in UNITS {
        if seconds >= size {
            parts.push(format!("{}{unit}", seconds / size));
            seconds %= size;
        }
    }
    parts.truncate(2);
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_parsed() {
        let read = |text| parse(text).map(|duration| duration.as_secs());
        assert_eq!(read("90s"), Some(90));
        assert_eq!(read("12h"), Some(43200));
        assert_eq!(read("1h30m"), Some(5400));
        for wrong in ["", "12", "h", "1x", "-1h", "0s", "1.5h", "99999d", "12 h", "9\u{b5}"] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn durations_are_formatted() {
        let show = |seconds| show(Duration::from_secs(seconds));
        assert_eq!(show(0), "0s");
        assert_eq!(show(61), "1m 1s");
        assert_eq!(show(43199), "11h 59m");
        assert_eq!(show(86400), "1d");
    }
}
