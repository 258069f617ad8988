//! The names of elections and locks.

use std::fmt;
use std::str::FromStr;

use crate::key::{Key, KeyKind};
use crate::names::{DEFAULT_NAMESPACE, DEFAULT_SCOPE, LABEL, label};
use crate::{Error, Result};

/// Longest name of a Kubernetes object.
const NAME: usize = 253;
/// Hexadecimal digits of the hash that [`Resource::sanitized`] appends.
const HASH: usize = 16;

/// The name of an election or a lock, within the scope of a service, within a namespace.
///
/// Namespace, scope and name are DNS labels: 1 to 63 of `a-z`, `0-9` and `-`, beginning and
/// ending with a letter or digit. Dots are not allowed in them, so that no two resources share a
/// key. Its text form is `namespace/scope/name`, `scope/name` or `name`, where the namespace
/// defaults to `default` and the scope to `unscoped`.
///
/// ```
/// use dsync::Resource;
///
/// let resource: Resource = "prod/billing/token-manager".parse()?;
/// assert_eq!(resource.election_name(), "billing.election.token-manager");
/// assert_eq!(resource.lock_name(), "billing.lock.token-manager");
/// assert_eq!(resource.to_string(), "prod/billing/token-manager");
/// # Ok::<(), dsync::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    namespace: String,
    scope: String,
    name: String,
}

impl Resource {
    /// Returns a resource in the default namespace and scope. [`validate`](Self::validate) checks
    /// the name, and so does every method of [`Dsync`](crate::Dsync) that takes a resource.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            namespace: DEFAULT_NAMESPACE.to_owned(),
            scope: DEFAULT_SCOPE.to_owned(),
            name: name.into(),
        }
    }

    /// Sets the scope, usually to the name of the service.
    #[must_use]
    pub fn with_scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    /// Sets the namespace.
    #[must_use]
    pub fn with_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Returns a resource whose name is made from any text, for names that come from data.
    ///
    /// A text that is a valid name stays as it is. In any other, letters become lower case, every
    /// character that is not allowed becomes `-`, and a 64-bit hash of the whole text is appended,
    /// so that different texts become different names. The hash is not cryptographic: an attacker
    /// who chooses the texts can find two with the same name.
    ///
    /// ```
    /// use dsync::Resource;
    ///
    /// assert_eq!(Resource::sanitized("account-42").name(), "account-42");
    /// assert_ne!(Resource::sanitized("Account 42").name(), Resource::sanitized("account-42").name());
    /// assert!(Resource::sanitized("!!!").validate().is_ok());
    /// ```
    #[must_use]
    pub fn sanitized(text: &str) -> Self {
        if label("name", text).is_ok() {
            return Self::new(text);
        }
        let mut clean: String = text
            .chars()
            .take(LABEL - HASH - 1)
            .map(|c| c.to_ascii_lowercase())
            .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' })
            .collect();
        clean = clean.trim_matches('-').to_owned();
        if !clean.is_empty() {
            clean.push('-');
        }
        Self::new(format!("{clean}{:0HASH$x}", fnv1a(text.as_bytes())))
    }

    /// Returns the namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns the scope.
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the name of its election in the store: `scope.election.name`.
    #[must_use]
    pub fn election_name(&self) -> String {
        format!("{}.election.{}", self.scope, self.name)
    }

    /// Returns the name of its lock in the store: `scope.lock.name`.
    #[must_use]
    pub fn lock_name(&self) -> String {
        format!("{}.lock.{}", self.scope, self.name)
    }

    /// Checks every part.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), naming the part, its value and the rule.
    pub fn validate(&self) -> Result<()> {
        label("namespace", &self.namespace)?;
        label("scope", &self.scope)?;
        label("name", &self.name)?;
        for name in [self.election_name(), self.lock_name()] {
            if name.len() > NAME {
                return Err(Error::invalid(format!(
                    "resource {self}: {name:?} has {} characters, the longest is {NAME}",
                    name.len()
                )));
            }
        }
        Ok(())
    }

    /// Returns the key of its election or lock in the store.
    ///
    /// ```
    /// use dsync::Resource;
    /// use dsync::driver::KeyKind;
    ///
    /// let key = Resource::new("token-manager").with_scope("billing").key(KeyKind::Lock);
    /// assert_eq!((key.namespace(), key.name()), ("default", "billing.lock.token-manager"));
    /// ```
    #[must_use]
    pub fn key(&self, kind: KeyKind) -> Key {
        let name = match kind {
            KeyKind::Election => self.election_name(),
            KeyKind::Lock => self.lock_name(),
        };
        Key::new(kind, self.namespace.as_str(), name)
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.namespace, self.scope, self.name)
    }
}

impl FromStr for Resource {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let resource = match parts[..] {
            [name] => Self::new(name),
            [scope, name] => Self::new(name).with_scope(scope),
            [namespace, scope, name] => Self::new(name).with_scope(scope).with_namespace(namespace),
            _ => {
                return Err(Error::invalid(format!(
                    "resource {text:?}: write it as namespace/scope/name, scope/name or name"
                )));
            }
        };
        resource.validate()?;
        Ok(resource)
    }
}

/// 64-bit FNV-1a with a final mix: small, and stable across versions and platforms, which the
/// standard library's hasher is not.
fn fnv1a(bytes: &[u8]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash ^= hash >> 32;
    hash.wrapping_mul(0xd6e8_feb8_6659_fd93) ^ (hash >> 29)
}
