//! How a server is had.

use std::env;

use anyhow::{Result, bail};

/// How a server is had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Somebody runs it and has told its URL.
    Url,
    /// In a container.
    Docker,
    /// A program on this machine.
    Binary,
}

/// The variable that allows one way alone.
const VARIABLE: &str = "DSYNC_TEST_WAY";

impl Way {
    /// The only way that is allowed; `None`: whichever there is.
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
