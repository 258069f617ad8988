//! The error type of dsync and its drivers.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::key::Key;
use crate::verb::Verb;

/// [`std::result::Result`] with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of an [`Error`], for callers that branch on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A name, timing or configuration is wrong. The message names the value and the rule.
    Invalid,
    /// The store cannot be reached or does not work.
    Unavailable,
    /// The store is rate-limiting requests.
    Throttled,
    /// The store did not answer in time.
    Timeout,
    /// The store does not accept the credentials: they are missing, wrong or expired.
    Unauthenticated,
    /// The store accepts the credentials but does not permit the request. The message names the
    /// missing permission.
    Denied,
    /// The store, its version or its configuration cannot be used by this driver.
    Unsupported,
    /// The lease was lost: another holder may have acquired it.
    Lost,
    /// The work of a term did not stop by its hard deadline, although it was dropped: it blocks its
    /// thread.
    Overrun,
    /// The election, the lock or the whole [`Dsync`](crate::Dsync) was stopped.
    Stopped,
    /// The call was made outside a tokio runtime.
    NoRuntime,
    /// A bug: a driver or the core panicked, or a store returned an impossible answer.
    Internal,
}

impl ErrorKind {
    fn describe(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unavailable => "unavailable",
            Self::Throttled => "throttled",
            Self::Timeout => "timed out",
            Self::Unauthenticated => "not authenticated",
            Self::Denied => "denied",
            Self::Unsupported => "unsupported",
            Self::Lost => "lost",
            Self::Overrun => "overrun",
            Self::Stopped => "stopped",
            Self::NoRuntime => "no runtime",
            Self::Internal => "internal error",
        }
    }
}

/// An error of dsync or of a driver. Clones are cheap.
///
/// Losing a race and waiting too long are not errors but values such as `None`.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    ambiguous: bool,
    message: String,
    verb: Option<Verb>,
    driver: Option<&'static str>,
    key: Option<Key>,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Creates an error of a request that was not applied and will not be. For drivers.
    ///
    /// `message` is a lower-case fragment without a full stop that names the offending value and
    /// says what to do. It should include the important part of the cause, since many loggers do
    /// not print sources.
    pub fn definite(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            ambiguous: false,
            message: message.into(),
            verb: None,
            driver: None,
            key: None,
            retry_after: None,
            source: None,
        }))
    }

    /// Creates an error of a request that may have been applied, or may still be. For drivers.
    pub fn ambiguous(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::definite(kind, message).map(|inner| inner.ambiguous = true)
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let source = Arc::from(source.into());
        self.map(|inner| inner.source = Some(source))
    }

    /// Adds how long the store asks the client to wait before the next request.
    #[must_use]
    pub fn with_retry_after(self, wait: Duration) -> Self {
        self.map(|inner| inner.retry_after = Some(wait))
    }

    /// Adds where it happened. The core does this for every driver call.
    pub(crate) fn during(self, verb: Verb, driver: &'static str, key: &Key) -> Self {
        self.map(|inner| {
            inner.verb = Some(verb);
            inner.driver = Some(driver);
            inner.key = Some(key.clone());
        })
    }

    fn map(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::definite(ErrorKind::Invalid, message)
    }

    pub(crate) fn stopped(message: impl Into<String>) -> Self {
        Self::definite(ErrorKind::Stopped, message)
    }

    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns whether the same call may succeed later without a change of configuration.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Unavailable
                | ErrorKind::Throttled
                | ErrorKind::Timeout
                | ErrorKind::Unauthenticated
        )
    }

    /// Returns whether the request may have been applied nevertheless, or may still be.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        self.0.ambiguous
    }

    /// Returns the driver call that failed, if the error came from one.
    #[must_use]
    pub fn verb(&self) -> Option<Verb> {
        self.0.verb
    }

    /// Returns the name of the driver that reported it, such as `"kube"`.
    #[must_use]
    pub fn driver(&self) -> Option<&'static str> {
        self.0.driver
    }

    /// Returns how long the store asked the client to wait before the next request.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, message, verb, driver, key, .. } = &*self.0;
        if let (Some(verb), Some(driver), Some(key)) = (verb, driver, key) {
            write!(f, "{driver}: {verb} {key}: ")?;
        }
        write!(f, "{}: {message}", kind.describe())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("ambiguous", &self.0.ambiguous)
            .field("message", &self.to_string())
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
