//! Stored events, and applying them once more.

use super::{Address, Error, get};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use tokio_postgres::Client;
use tokio_postgres::types::Type;
use uuid::Uuid;

/// An event as it was stored.
#[derive(Debug, Clone)]
pub struct Stored {
    pub event_key: String,
    pub received_at: DateTime<Utc>,
    pub attempt_id: Option<Uuid>,
    pub source: String,
    /// What became of it then.
    pub result: String,
    pub raw: Value,
}

/// A session that replays.
pub struct Replay {
    client: Client,
}

impl Replay {
    pub async fn connect(address: &Address) -> Result<Replay, Error> {
        let (client, _driver) = address.connect(None).await?;
        Ok(Replay { client })
    }

    /// The next events of a day, after one that was read before.
    pub async fn stored(
        &self,
        account: &str,
        day: NaiveDate,
        after: Option<&Stored>,
        want: i32,
    ) -> Result<Vec<Stored>, Error> {
        const NAME: &str = "stored_events";
        const SQL: &str = "select event_key, received_at, attempt_id, source, result, raw \
            from dialer.stored_events($1, $2::date, coalesce($3, '-infinity'), $4, $5)";
        let (day, at) = (day.to_string(), after.map(|stored| stored.received_at));
        let key = after.map_or("", |stored| stored.event_key.as_str());
        let parameters: [super::Parameter<'_>; 5] = [
            (&account, Type::TEXT),
            (&day, Type::TEXT),
            (&at, Type::TIMESTAMPTZ),
            (&key, Type::TEXT),
            (&want, Type::INT4),
        ];
        let rows = self.client.query_typed(SQL, &parameters).await;
        let rows = rows.map_err(|source| Error::Statement { function: NAME, source })?;
        let stored = |row: &tokio_postgres::Row| {
            Ok(Stored {
                event_key: get(row, NAME, 0)?,
                received_at: get(row, NAME, 1)?,
                attempt_id: get(row, NAME, 2)?,
                source: get(row, NAME, 3)?,
                result: get(row, NAME, 4)?,
                raw: get(row, NAME, 5)?,
            })
        };
        rows.iter().map(stored).collect()
    }

    /// Applies events once more; returns what became of each.
    pub async fn apply(&self, account: &str, events: &Value) -> Result<Vec<String>, Error> {
        const NAME: &str = "replay_events";
        const SQL: &str = "select result from dialer.replay_events($1, $2) order by \"position\"";
        let parameters: [super::Parameter<'_>; 2] = [(&account, Type::TEXT), (events, Type::JSONB)];
        let rows = self.client.query_typed(SQL, &parameters).await;
        let rows = rows.map_err(|source| Error::Statement { function: NAME, source })?;
        rows.iter().map(|row| get(row, NAME, 0)).collect()
    }
}
