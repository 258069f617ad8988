//! The one server that decides.

use redis::{Client, RedisResult};

use crate::sentinels::Sentinels;

pub(crate) enum Master {
    Named(Client),
    /// Sentinels know it.
    Known(Sentinels),
}

impl Master {
    /// A client of the server that is the master now.
    pub(crate) async fn client(&self) -> RedisResult<Client> {
        match self {
            Self::Named(client) => Ok(client.clone()),
            Self::Known(sentinels) => sentinels.master().await,
        }
    }

    /// Without a password.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Named(client) => client.get_connection_info().addr().to_string(),
            Self::Known(sentinels) => sentinels.to_string(),
        }
    }
}
