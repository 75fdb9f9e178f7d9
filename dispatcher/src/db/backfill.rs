//! The backfill's side of the database: stage pages of calls, say what they come to, take them in.

use super::{Address, Error, get, storable};
use serde_json::Value;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

/// An account as it is needed to talk to its provider.
#[derive(Debug, Clone)]
pub struct AccountSettings {
    pub provider: String,
    pub channel: String,
    pub base_url: Option<String>,
    pub secret_name: Option<String>,
    pub settings: Value,
}

/// What is to be backfilled.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    pub account: &'a str,
    pub campaign: &'a str,
    pub from: String,
    pub until: String,
    pub source: &'a str,
    pub region: &'a str,
}

/// What taking the staged calls in would do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    pub calls: i64,
    pub unusable: i64,
    pub numbers: i64,
    pub redial: i64,
    pub sale: i64,
    pub dnc: i64,
    /// Another outcome that is final by the campaign's policy.
    pub finished: i64,
    /// On a call when they were listed.
    pub live: i64,
    pub missing: i64,
    pub known: i64,
    pub expected_a_day: f64,
}

/// What one step of taking in did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub numbers: i64,
    pub enrolled: i64,
    pub history: i64,
    pub left: i64,
}

/// One backfill, begun or gone on with.
pub struct Backfill {
    client: Client,
    pub id: i64,
    pub cursor: Option<String>,
    pub fetched: bool,
    pub calls: i64,
}

/// A session for commands about an account.
pub async fn account(address: &Address, name: &str) -> Result<AccountSettings, Error> {
    const NAME: &str = "account_settings";
    const SQL: &str = "select provider, channel, base_url, secret_name, settings \
        from dialer.account_settings($1)";
    let (client, _driver) = address.connect(None).await?;
    let row = one(&client, NAME, SQL, &[(&name, Type::TEXT)]).await?;
    Ok(AccountSettings {
        provider: get(&row, NAME, 0)?,
        channel: get(&row, NAME, 1)?,
        base_url: get(&row, NAME, 2)?,
        secret_name: get(&row, NAME, 3)?,
        settings: get(&row, NAME, 4)?,
    })
}

impl Backfill {
    pub async fn begin(address: &Address, wanted: &Wanted<'_>) -> Result<Backfill, Error> {
        const NAME: &str = "begin_backfill";
        const SQL: &str = "select backfill_id, cursor, fetched, calls from \
            dialer.begin_backfill($1, $2, $3::timestamptz, $4::timestamptz, $5, $6)";
        let (client, _driver) = address.connect(None).await?;
        let parameters: [super::Parameter<'_>; 6] = [
            (&wanted.account, Type::TEXT),
            (&wanted.campaign, Type::TEXT),
            (&wanted.from, Type::TEXT),
            (&wanted.until, Type::TEXT),
            (&wanted.source, Type::TEXT),
            (&wanted.region, Type::TEXT),
        ];
        let row = one(&client, NAME, SQL, &parameters).await?;
        let (id, cursor) = (get(&row, NAME, 0)?, get(&row, NAME, 1)?);
        let (fetched, calls) = (get(&row, NAME, 2)?, get(&row, NAME, 3)?);
        Ok(Backfill { client, id, cursor, fetched, calls })
    }

    /// Stages a page; returns how many calls of it are new.
    pub async fn take(&mut self, calls: &Value, next: Option<&str>) -> Result<i64, Error> {
        const NAME: &str = "take_backfill";
        const SQL: &str = "select taken from dialer.take_backfill($1, $2, $3)";
        let calls = storable(calls.clone());
        let parameters: [super::Parameter<'_>; 3] =
            [(&self.id, Type::INT8), (&calls, Type::JSONB), (&next, Type::TEXT)];
        let row = one(&self.client, NAME, SQL, &parameters).await?;
        let taken: i64 = get(&row, NAME, 0)?;
        self.calls += taken;
        self.cursor = next.map(str::to_owned);
        self.fetched = next.is_none();
        Ok(taken)
    }

    /// Numbers after one of which the system of record was not asked yet.
    pub async fn to_check(&self, want: i32, after: &str) -> Result<Vec<String>, Error> {
        const NAME: &str = "backfill_to_check";
        const SQL: &str = "select phone from dialer.backfill_to_check($1, $2, $3) phone";
        let parameters: [super::Parameter<'_>; 3] =
            [(&self.id, Type::INT8), (&want, Type::INT4), (&after, Type::TEXT)];
        let rows = self.client.query_typed(SQL, &parameters).await;
        let rows = rows.map_err(|source| Error::Statement { function: NAME, source })?;
        rows.iter().map(|row| get(row, NAME, 0)).collect()
    }

    pub async fn note(&self, phones: &[String], statuses: &[&str]) -> Result<(), Error> {
        const NAME: &str = "note_backfill_status";
        const SQL: &str = "select dialer.note_backfill_status($1, $2, $3)";
        let parameters: [super::Parameter<'_>; 3] =
            [(&self.id, Type::INT8), (&phones, Type::TEXT_ARRAY), (&statuses, Type::TEXT_ARRAY)];
        one(&self.client, NAME, SQL, &parameters).await.map(drop)
    }

    pub async fn summary(&self) -> Result<Summary, Error> {
        const NAME: &str = "backfill_summary";
        const SQL: &str = "select calls, unusable, numbers, redial, sale, dnc, finished, live, missing, known, \
            expected_a_day::double precision from dialer.backfill_summary($1)";
        let row = one(&self.client, NAME, SQL, &[(&self.id, Type::INT8)]).await?;
        Ok(Summary {
            calls: get(&row, NAME, 0)?,
            unusable: get(&row, NAME, 1)?,
            numbers: get(&row, NAME, 2)?,
            redial: get(&row, NAME, 3)?,
            sale: get(&row, NAME, 4)?,
            dnc: get(&row, NAME, 5)?,
            finished: get(&row, NAME, 6)?,
            live: get(&row, NAME, 7)?,
            missing: get(&row, NAME, 8)?,
            known: get(&row, NAME, 9)?,
            expected_a_day: get(&row, NAME, 10)?,
        })
    }

    /// Takes the next numbers in.
    pub async fn apply(&self) -> Result<Step, Error> {
        const NAME: &str = "apply_backfill";
        const SQL: &str =
            "select numbers, enrolled, history, numbers_left from dialer.apply_backfill($1)";
        let row = one(&self.client, NAME, SQL, &[(&self.id, Type::INT8)]).await?;
        let (numbers, enrolled) = (get(&row, NAME, 0)?, get(&row, NAME, 1)?);
        let (history, left) = (get(&row, NAME, 2)?, get(&row, NAME, 3)?);
        Ok(Step { numbers, enrolled, history, left })
    }
}

async fn one(
    client: &Client,
    function: &'static str,
    sql: &str,
    parameters: &[super::Parameter<'_>],
) -> Result<Row, Error> {
    let rows = client.query_typed(sql, parameters).await;
    let rows = rows.map_err(|source| Error::Statement { function, source })?;
    rows.into_iter().next().ok_or(Error::NoRow(function))
}
