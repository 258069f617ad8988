//! Versions of the server that can keep a lease alive after it has ended.

/// Returns whether a member of this version can answer keep-alives after it has lost the leadership of
/// the cluster ([etcd issue 15247]). A version that cannot be parsed is considered newer.
///
/// [etcd issue 15247]: https://github.com/etcd-io/etcd/issues/15247
pub(crate) fn is_unsafe(version: &str) -> bool {
    let mut parts = version.split(['.', '-', '+']).map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch))) =
        (parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    match (major, minor) {
        (3, 4) => patch < 31,
        (3, 5) => patch < 13,
        other => other < (3, 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fix_is_in_two_branches() {
        for version in ["2.3.8", "3.3.27", "3.4.0", "3.4.30", "3.5.0", "3.5.12", "3.5.12-rc.1"] {
            assert!(is_unsafe(version), "{version}");
        }
        for version in ["3.4.31", "3.4.99", "3.5.13", "3.6.0", "3.7.3", "4.0.0", "", "unknown"] {
            assert!(!is_unsafe(version), "{version}");
        }
    }
}
