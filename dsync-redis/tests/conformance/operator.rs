//! Edits records as an operator does, with another client.

use std::time::Duration;

use dsync::driver::{Key, KeyKind};
use dsync::{Result, async_trait};
use dsync_conformance::harness::Operator;
use redis::{Client, FromRedisValue, Value, cmd};

use crate::harness::internal;

/// Returns the name of a record, as the README of the crate documents it.
fn record(key: &Key) -> String {
    let kind = match key.kind() {
        KeyKind::Election => "election",
        KeyKind::Lock => "lock",
    };
    format!("dsync:{kind}:{{{}/{}}}", key.namespace(), key.name())
}

#[derive(Debug)]
pub(crate) struct Redis(pub(crate) Client);

impl Redis {
    async fn ask<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T> {
        let connection = self.0.get_multiplexed_async_connection().await;
        let mut connection = connection.map_err(|error| internal(&error))?;
        command.query_async(&mut connection).await.map_err(|error| internal(&error))
    }
}

#[async_trait]
impl Operator for Redis {
    async fn delete(&self, key: &Key) -> Result<()> {
        self.ask::<Value>(cmd("DEL").arg(record(key))).await.map(drop)
    }

    async fn empty(&self, key: &Key) -> Result<()> {
        self.delete(key).await
    }

    async fn overwrite(&self, key: &Key, holder: &str, duration: Duration) -> Result<()> {
        // As another program would, which knows nothing of tokens.
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let mut set = cmd("SET");
        set.arg(record(key)).arg(holder).arg("PX").arg(millis).arg("XX");
        self.ask::<Value>(&set).await.map(drop)
    }

    async fn touch(&self, _: &Key) -> Result<bool> {
        Ok(false)
    }

    async fn left_over(&self, key: &Key) -> Result<Vec<String>> {
        let record = record(key);
        let mut found = Vec::new();
        // Brackets are special to `KEYS`, and no name has one; braces are not.
        let names: Vec<String> = self.ask(cmd("KEYS").arg(format!("{record}*"))).await?;
        for name in names {
            let expiry: i64 = self.ask(cmd("PTTL").arg(&name)).await?;
            let is_counter = name == format!("{record}:token") && expiry > 0;
            if !is_counter {
                found.push(format!("{name}, which expires in {expiry} ms"));
            }
        }
        Ok(found)
    }
}
