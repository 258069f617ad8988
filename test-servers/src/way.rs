//! The ways to provide a server.

use std::env;

use anyhow::{Result, bail};

/// A way to provide a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It runs already, at a URL.
    Url,
    /// In a container that the test starts.
    Docker,
    /// As a program of this machine that the test starts.
    Binary,
}

/// The variable that allows one way alone.
const VARIABLE: &str = "DSYNC_TEST_WAY";

impl Way {
    /// Returns the only way that is allowed; `None` if all are.
    pub(crate) fn forced() -> Result<Option<Self>> {
        let Some(text) = non_empty(VARIABLE) else { return Ok(None) };
        match text.as_str() {
            "url" => Ok(Some(Self::Url)),
            "docker" => Ok(Some(Self::Docker)),
            "binary" => Ok(Some(Self::Binary)),
            _ => bail!("{VARIABLE} is {text:?}: write url, docker or binary, or leave it unset"),
        }
    }
}

pub(crate) fn non_empty(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|value| !value.is_empty())
}
