//! The rule for the parts of a name, and what stands in for a part that is not given.

use crate::{Error, Result};

pub(crate) const DEFAULT_NAMESPACE: &str = "default";
pub(crate) const DEFAULT_SCOPE: &str = "unscoped";

/// Longest label of a DNS name (RFC 1123).
pub(crate) const LABEL: usize = 63;

/// Checks that `value` is a DNS label.
pub(crate) fn label(part: &str, value: &str) -> Result<()> {
    let complaint = |rule: &str| Err(Error::invalid(format!("{part} {value:?}: {rule}")));
    if value.is_empty() {
        return complaint("must not be empty");
    }
    if let Some(c) = value.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-')) {
        return complaint(&format!(
            "{c:?} is not allowed, only a-z, 0-9 and '-'; Resource::sanitized makes a name from \
             any text"
        ));
    }
    if value.starts_with('-') || value.ends_with('-') {
        return complaint("must begin and end with a letter or digit");
    }
    if value.len() > LABEL {
        return complaint(&format!("has {} characters, the longest is {LABEL}", value.len()));
    }
    Ok(())
}
