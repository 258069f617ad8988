//! Sentinels, which report the current master of a service.

use std::fmt;

use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{Client, ConnectionAddr, RedisConnectionInfo, RedisResult, TlsCertificates, TlsMode};

pub(crate) struct Sentinels {
    addresses: Vec<ConnectionAddr>,
    service: String,
    /// User, password and database of the master.
    master: RedisConnectionInfo,
    has_tls: bool,
    certificates: Option<TlsCertificates>,
}

impl Sentinels {
    /// `master` supplies the settings of the master; its address is not used.
    pub(crate) fn new(
        sentinels: &[Client],
        service: &str,
        master: &Client,
        certificates: Option<TlsCertificates>,
    ) -> Self {
        let address = |client: &Client| client.get_connection_info().addr().clone();
        Self {
            addresses: sentinels.iter().map(address).collect(),
            service: service.to_owned(),
            master: master.get_connection_info().redis_settings().clone(),
            has_tls: matches!(address(master), ConnectionAddr::TcpTls { .. }),
            certificates,
        }
    }

    /// Asks the sentinels for the current master and returns a client for it.
    ///
    /// After a fail-over, a sentinel may still report the old master for a moment. Its connection then
    /// fails, or it refuses writes as a replica; the core retries, which looks it up again.
    pub(crate) async fn master(&self) -> RedisResult<Client> {
        let addresses = self.addresses.iter().cloned();
        let mut builder =
            SentinelClientBuilder::new(addresses, &self.service, SentinelServerType::Master)?
                .set_client_to_redis_db(self.master.db())
                .set_client_to_redis_protocol(self.master.protocol());
        if let Some(user) = self.master.username() {
            builder = builder.set_client_to_redis_username(user);
        }
        if let Some(password) = self.master.password() {
            builder = builder.set_client_to_redis_password(password);
        }
        if self.has_tls {
            builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
        }
        if let Some(certificates) = &self.certificates {
            builder = builder.set_client_to_redis_certificates(certificates.clone());
        }
        // The address of each sentinel already contains its TLS settings.
        builder.build()?.async_get_client().await
    }
}

impl fmt::Display for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<_> = self.addresses.iter().map(ToString::to_string).collect();
        write!(f, "{} of the sentinels {}", self.service, hosts.join(","))
    }
}
