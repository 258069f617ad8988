//! Where the server is: it is named, or sentinels know the present master.

use dsync::{Error, ErrorKind, Result};
use redis::sentinel::{Sentinel, SentinelNodeConnectionInfo};
use redis::{Client, ConnectionInfo, IntoConnectionInfo as _, RedisError, RedisResult};

const EXPECTED: &str = "write redis://host:port, rediss://host:port for TLS, or \
     redis+sentinel://host:port,host:port/service for the master that sentinels know";

pub(crate) enum Place {
    Server(Client),
    Sentinels { sentinels: Vec<ConnectionInfo>, service: String, node: SentinelNodeConnectionInfo },
}

impl Place {
    /// What a URL names.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        // The URL may have a password in it, so it is not shown.
        let wrong = |error: RedisError| {
            let message =
                format!("the URL of the Redis server cannot be used: {error}; {EXPECTED}");
            Error::definite(ErrorKind::Invalid, message).with_source(error)
        };
        let Some(rest) = url.strip_prefix("redis+sentinel://") else {
            return Client::open(url).map(Self::Server).map_err(wrong);
        };
        let (user, rest) = rest.rsplit_once('@').unwrap_or(("", rest));
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (service, database) = path.split_once('/').unwrap_or((path, "0"));
        if service.is_empty() {
            let message = format!("the URL of the sentinels names no service; {EXPECTED}");
            return Err(Error::definite(ErrorKind::Invalid, message));
        }
        // User, password and database are those of the servers.
        let at = if user.is_empty() { String::new() } else { format!("{user}@") };
        let server = format!("redis://{at}localhost/{database}");
        let server = server.into_connection_info().map_err(wrong)?;
        let sentinels: RedisResult<Vec<_>> =
            hosts.split(',').map(|host| format!("redis://{host}").into_connection_info()).collect();
        let sentinels = sentinels.map_err(wrong)?;
        let node = SentinelNodeConnectionInfo::default()
            .set_redis_connection_info(server.redis_settings().clone());
        Ok(Self::Sentinels { sentinels, service: service.to_owned(), node })
    }

    /// Of the server that is the master now.
    pub(crate) async fn client(&self) -> RedisResult<Client> {
        match self {
            Self::Server(client) => Ok(client.clone()),
            Self::Sentinels { sentinels, service, node } => {
                let mut sentinel = Sentinel::build(sentinels.clone())?;
                sentinel.async_master_for(service, Some(node)).await
            }
        }
    }

    /// Without a password.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Server(client) => client.get_connection_info().addr().to_string(),
            Self::Sentinels { sentinels, service, .. } => {
                let hosts: Vec<_> = sentinels.iter().map(|info| info.addr().to_string()).collect();
                format!("{service} of the sentinels {}", hosts.join(","))
            }
        }
    }
}
