use std::fmt;

use dsync::{Error, ErrorKind, Result};
use etcd_client::{Certificate, ConnectOptions, Identity, TlsOptions};

/// The members of an etcd cluster, and how to connect to them.
#[derive(Clone)]
pub struct EtcdOptions {
    pub(crate) endpoints: Vec<String>,
    pub(crate) prefix: String,
    pub(crate) allows_unsafe_versions: bool,
    user: Option<(String, String)>,
    tls: Option<TlsOptions>,
}

impl EtcdOptions {
    /// Creates options for the members of one cluster: `http://host:2379`, or `https://…` for TLS.
    ///
    /// The driver uses one member at a time, and the next one when it does not answer.
    pub fn new<S: Into<String>>(endpoints: impl IntoIterator<Item = S>) -> Self {
        Self {
            endpoints: endpoints.into_iter().map(Into::into).collect(),
            prefix: "dsync".to_owned(),
            allows_unsafe_versions: false,
            user: None,
            tls: None,
        }
    }

    /// Parses `etcd://[user:password@]host:port[,host:port…]`, or `etcds://…` for TLS. The default
    /// port is 2379.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Invalid`] if `url` is not valid; the message names the fault and shows the
    /// expected form.
    pub fn from_url(url: &str) -> Result<Self> {
        // The URL can contain a password, so it is not shown.
        let invalid = |what: &str| {
            let message = format!(
                "invalid URL of etcd: {what}; \
                 use etcd://host:port, or etcds://host:port for TLS"
            );
            Error::definite(ErrorKind::Invalid, message)
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| invalid("it has no scheme"))?;
        let scheme = match scheme {
            "etcd" => "http",
            "etcds" => "https",
            other => return Err(invalid(&format!("its scheme is {other:?}"))),
        };
        let (user, hosts) = match rest.rsplit_once('@') {
            Some((user, hosts)) => (Some(user), hosts),
            None => (None, rest),
        };
        let hosts = hosts.trim_end_matches('/');
        if hosts.is_empty() || hosts.contains(['/', '?', '#', ' ']) {
            return Err(invalid("it must have hosts and ports, and nothing after them"));
        }
        let endpoints = hosts.split(',').map(|host| {
            let has_port =
                host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
            format!("{scheme}://{host}{}", if has_port { "" } else { ":2379" })
        });
        let options = Self::new(endpoints);
        match user.map(|user| user.split_once(':')) {
            None => Ok(options),
            Some(Some((name, password))) => Ok(options.with_user(name, password)),
            Some(None) => Err(invalid("it has a user without a password")),
        }
    }

    /// Authenticates as this user. An expired token is renewed automatically.
    #[must_use]
    pub fn with_user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.user = Some((name.into(), password.into()));
        self
    }

    /// Trusts servers with a certificate of this authority (PEM) instead of the public authorities.
    #[must_use]
    pub fn with_authority(mut self, pem: impl AsRef<[u8]>) -> Self {
        let tls = self.tls.take().unwrap_or_default();
        self.tls = Some(tls.ca_certificate(Certificate::from_pem(pem)));
        self
    }

    /// Presents this client certificate (PEM), with its key (PEM), to the servers.
    #[must_use]
    pub fn with_certificate(
        mut self,
        certificate: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Self {
        let tls = self.tls.take().unwrap_or_default();
        self.tls = Some(tls.identity(Identity::from_pem(certificate, key)));
        self
    }

    /// Sets the first segment of all keys: `dsync` unless set.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Allows servers below version 3.4.31 or 3.5.13.
    ///
    /// A member of these versions can keep leases alive after it has lost the leadership of the
    /// cluster ([etcd issue 15247]). A term can then outlive its lease, so that two candidates lead
    /// at the same time.
    ///
    /// [etcd issue 15247]: https://github.com/etcd-io/etcd/issues/15247
    #[must_use]
    pub fn with_unsafe_versions_allowed(mut self) -> Self {
        self.allows_unsafe_versions = true;
        self
    }

    /// Returns the options of the client.
    pub(crate) fn connect_options(&self) -> ConnectOptions {
        let mut options =
            ConnectOptions::new().with_require_leader(true).with_auto_token_refresh(true);
        if let Some((name, password)) = &self.user {
            options = options.with_user(name, password);
        }
        if let Some(tls) = &self.tls {
            options = options.with_tls(tls.clone());
        }
        options
    }
}

impl fmt::Debug for EtcdOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoints, prefix, allows_unsafe_versions, user, tls } = self;
        f.debug_struct("EtcdOptions")
            .field("endpoints", endpoints)
            .field("prefix", prefix)
            .field("allows_unsafe_versions", allows_unsafe_versions)
            .field("user", &user.as_ref().map(|(name, _)| name))
            .field("tls", &tls.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_hosts_and_maybe_a_user() {
        let plain = EtcdOptions::from_url("etcd://a:1,b,[::1]:3").unwrap();
        assert_eq!(plain.endpoints, ["http://a:1", "http://b:2379", "http://[::1]:3"]);
        assert_eq!(plain.user, None);
        let secret = EtcdOptions::from_url("etcds://root:p@ss:w@a/").unwrap();
        assert_eq!(secret.endpoints, ["https://a:2379"]);
        assert_eq!(secret.user, Some(("root".to_owned(), "p@ss:w".to_owned())));
        assert!(!format!("{secret:?}").contains("p@ss"));
    }

    #[test]
    fn what_is_no_url_is_refused_without_showing_it() {
        for url in
            ["", "a:1", "http://a", "etcd://", "etcd://u@a", "etcd://u:secret@a/db", "etcd:// "]
        {
            let error = EtcdOptions::from_url(url).unwrap_err();
            let text = error.to_string();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(text.contains("etcd://host:port") && !text.contains("secret"), "{text}");
        }
    }
}
