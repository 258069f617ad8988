//! The server that accepts writes: a fixed one, or the one that sentinels report.

use redis::{Client, RedisResult};

use crate::sentinels::Sentinels;

pub(crate) enum Master {
    Fixed(Client),
    Sentinels(Sentinels),
}

impl Master {
    /// Returns a client of the current master.
    pub(crate) async fn client(&self) -> RedisResult<Client> {
        match self {
            Self::Fixed(client) => Ok(client.clone()),
            Self::Sentinels(sentinels) => sentinels.master().await,
        }
    }

    /// Returns the address for messages, without a password.
    pub(crate) fn display_name(&self) -> String {
        match self {
            Self::Fixed(client) => client.get_connection_info().addr().to_string(),
            Self::Sentinels(sentinels) => sentinels.to_string(),
        }
    }
}
