//! Where the servers are, as a URL tells it.

use dsync::{Error, ErrorKind, Result};
use redis::{Client, RedisError, RedisResult, TlsCertificates};

use crate::master::Master;
use crate::sentinels::Sentinels;

const EXPECTED: &str = "write redis://host:port, redis+sentinel://host:port,host:port/service for the \
     master that sentinels know, or redis+cluster://host:port,host:port; and rediss for TLS";

pub(crate) enum Place {
    Master(Box<Master>),
    /// Clients of some of its nodes.
    Cluster(Vec<Client>),
}

impl Place {
    pub(crate) fn master(master: Master) -> Self {
        Self::Master(Box::new(master))
    }

    /// What a URL names, with these certificates instead of the usual authorities.
    pub(crate) fn parse(url: &str, certificates: Option<&TlsCertificates>) -> Result<Self> {
        // The URL may have a password in it, so it is not shown.
        let invalid = |what: &str| {
            let message = format!("the URL of the Redis server cannot be used: {what}; {EXPECTED}");
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
            return open(url).map(|client| Self::master(Master::Named(client))).map_err(wrong);
        };
        // User and password are those of the servers, at each of which they are the same.
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
            ("sentinel", ("", _)) => Err(invalid("it names no service of the sentinels")),
            ("sentinel", (service, database)) => {
                let master = open(&format!("{scheme}://{login}localhost/{database}"));
                let master = master.map_err(wrong)?;
                let sentinels =
                    Sentinels::new(&clients("")?, service, &master, certificates.cloned());
                Ok(Self::master(Master::Known(sentinels)))
            }
            _ => Err(invalid(&format!("{kind:?} is neither sentinel nor cluster"))),
        }
    }
}
