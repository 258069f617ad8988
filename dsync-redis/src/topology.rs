//! The servers that a URL names: one master, sentinels, or a cluster.

use dsync::{Error, ErrorKind, Result};
use redis::{Client, RedisError, RedisResult, TlsCertificates};

use crate::master::Master;
use crate::sentinels::Sentinels;

const EXPECTED: &str = "use redis://host:port, redis+sentinel://host:port,host:port/service for the \
     master that sentinels report, or redis+cluster://host:port,host:port; use rediss for TLS";

pub(crate) enum Topology {
    Master(Box<Master>),
    /// Clients of some of the nodes.
    Cluster(Vec<Client>),
}

impl Topology {
    pub(crate) fn master(master: Master) -> Self {
        Self::Master(Box::new(master))
    }

    /// Parses a URL. `certificates` replace the public certificate authorities.
    pub(crate) fn parse(url: &str, certificates: Option<&TlsCertificates>) -> Result<Self> {
        // The URL can contain a password, so it is not shown.
        let invalid = |what: &str| {
            let message = format!("invalid URL of the Redis server: {what}; {EXPECTED}");
            Error::definite(ErrorKind::Invalid, message)
        };
        let wrong = |error: RedisError| invalid(&error.to_string()).with_source(error);
        let open = |url: &str| -> RedisResult<Client> {
            match certificates {
                None => Client::open(url),
                Some(certificates) => Client::build_with_tls(url, certificates.clone()),
            }
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| invalid("it has no scheme"))?;
        let Some((scheme, kind)) = scheme.split_once('+') else {
            return open(url).map(|client| Self::master(Master::Fixed(client))).map_err(wrong);
        };
        // User and password are those of the Redis servers; all of them share one login.
        let (login, rest) = rest
            .rsplit_once('@')
            .map_or(("", rest), |(_, hosts)| rest.split_at(rest.len() - hosts.len()));
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let clients = |login: &str| -> Result<Vec<Client>> {
            let one = |host: &str| open(&format!("{scheme}://{login}{host}")).map_err(wrong);
            hosts.split(',').map(one).collect()
        };
        match (kind, path.split_once('/').unwrap_or((path, "0"))) {
            ("cluster", ("", _)) => clients(login).map(Self::Cluster),
            ("cluster", _) => Err(invalid("a cluster has no databases")),
            ("sentinel", ("", _)) => Err(invalid("it does not name a service of the sentinels")),
            ("sentinel", (service, database)) => {
                let master = open(&format!("{scheme}://{login}localhost/{database}"));
                let master = master.map_err(wrong)?;
                let sentinels =
                    Sentinels::new(&clients("")?, service, &master, certificates.cloned());
                Ok(Self::master(Master::Sentinels(sentinels)))
            }
            _ => Err(invalid(&format!("{kind:?} is neither sentinel nor cluster"))),
        }
    }
}
