//! Everything that is said to the database: functions of schema `dialer`, and nothing else.
//!
//! `address` and `session` say how it is reached, `reach` whether it can be, `listener` how it
//! calls; here is what is said.

mod address;
pub mod api;
pub mod ask;
pub mod backfill;
pub mod closures;
pub mod import;
mod listener;
mod reach;
pub mod replay;
mod session;
mod storable;

pub use address::Address;
pub use listener::{Listener, Probe};
pub use reach::{Reach, Trouble, spread};
pub use session::Session;
pub use storable::{storable, without_nul};

use crate::clock::{DialerTime, monotonic};
use crate::provider::Event;
use chrono::{DateTime, Utc};
use serde_json::Value;
use session::Parameter;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the database URL is not right")]
    Url(#[source] tokio_postgres::Error),
    #[error("the database cannot be reached")]
    Connect(#[source] tokio_postgres::Error),
    #[error("the database is away; it will be tried again soon")]
    Away,
    #[error("{function} failed")]
    Statement { function: &'static str, source: tokio_postgres::Error },
    #[error("{0} is not within the years 1 to 9999")]
    NoYear(&'static str),
    #[error("{0} returned no row")]
    NoRow(&'static str),
    #[error("{0} took too long")]
    TimedOut(&'static str),
    #[error("{function} answered with an unexpected column")]
    Shape { function: &'static str, source: tokio_postgres::Error },
    #[error("{function} answered with an unexpected value")]
    Meaning { function: &'static str, source: serde_json::Error },
}

impl Error {
    /// What the database itself said, where it said no.
    pub fn said(&self) -> Option<&tokio_postgres::error::DbError> {
        match self {
            Error::Statement { source, .. } => source.as_db_error(),
            _ => None,
        }
    }

    /// Which function it is about; empty: none.
    pub fn function(&self) -> &'static str {
        match self {
            Error::Statement { function, .. }
            | Error::Shape { function, .. }
            | Error::Meaning { function, .. }
            | Error::NoRow(function)
            | Error::TimedOut(function) => function,
            _ => "",
        }
    }

    /// The SQLSTATE, where the database itself said no.
    pub fn code(&self) -> Option<String> {
        match self {
            Error::Statement { source, .. } => source.code().map(|code| code.code().to_owned()),
            _ => None,
        }
    }

    /// The server is a standby, or was made read-only.
    fn is_read_only(&self) -> bool {
        const READ_ONLY_SQL_TRANSACTION: &str = "25006";
        self.code().as_deref() == Some(READ_ONLY_SQL_TRANSACTION)
    }

    /// Nothing more will come through this connection: it broke, or the server goes down.
    fn ends_connection(&self) -> bool {
        match (self, self.code()) {
            (_, Some(code)) => ["08", "57P"].iter().any(|class| code.starts_with(class)),
            (Error::Statement { source, .. }, None) => {
                source.is_closed() || std::error::Error::source(source).is_some()
            }
            _ => false,
        }
    }
}

/// An error and its causes as a person reads them; what the database itself said comes last, with
/// its detail and hint on lines of their own.
pub fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    // Ends with the chain.
    while let Some(cause) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        let said = cause.downcast_ref::<tokio_postgres::Error>().and_then(|e| e.as_db_error());
        if let Some(said) = said {
            let parts = [Some(said.message()), said.detail(), said.hint()];
            return text + &parts.into_iter().flatten().collect::<Vec<_>>().join("\n  ");
        }
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

fn get<'a, T: tokio_postgres::types::FromSql<'a>>(
    row: &'a Row,
    function: &'static str,
    column: usize,
) -> Result<T, Error> {
    row.try_get(column).map_err(|source| Error::Shape { function, source })
}

/// A call that may be placed, as claimed.
#[derive(Clone)]
pub struct Claimed {
    pub attempt_id: Uuid,
    pub token: i64,
    pub call_id: i64,
    pub account_id: i32,
    pub provider: String,
    pub channel: String,
    pub base_url: Option<String>,
    pub secret_name: Option<String>,
    pub settings: Value,
    pub address: String,
    pub variables: Value,
    pub due_at: DateTime<Utc>,
    pub place_at: DateTime<Utc>,
    pub place_by: DateTime<Utc>,
    pub claimed_at: DateTime<Utc>,
    /// Starts a second of dialer time that the account allows.
    pub per_second: Option<f64>,
}

const CLAIM: &str = "select attempt_id, token, call_id, account_id, provider, channel, base_url, \
    secret_name, settings, address, variables, due_at, place_at, place_by, claimed_at, \
    per_second from dialer.claim($1, $2)";

/// What an intention came to.
#[derive(Debug, Clone)]
pub struct Intended {
    pub attempt_id: Uuid,
    pub allowed: bool,
    pub reason: Option<String>,
}

/// An attempt about which the provider has been silent.
#[derive(Clone)]
pub struct Silent {
    pub attempt_id: Uuid,
    pub account_id: i32,
    pub provider: String,
    pub channel: String,
    pub base_url: Option<String>,
    pub secret_name: Option<String>,
    pub settings: Value,
    pub address: String,
    pub provider_call_id: Option<String>,
    pub intended_at: DateTime<Utc>,
}

/// The account that a webhook address names.
#[derive(Debug, Clone)]
pub struct HookAccount {
    pub account_id: i32,
    pub channel: String,
    pub webhook_secret_name: Option<String>,
    pub settings: Value,
}

/// An account as it is stored, with the names of its secrets.
#[derive(Debug, Clone)]
pub struct StoredAccount {
    pub account_id: i32,
    pub tenant: String,
    pub name: String,
    pub provider: String,
    pub channel: String,
    pub base_url: Option<String>,
    pub secret_name: Option<String>,
    pub webhook_secret_name: Option<String>,
    pub settings: Value,
}

/// What was decided about a batch of attempts; the arrays run in parallel.
#[derive(Debug, Default)]
pub struct Batch {
    pub attempt_ids: Vec<Uuid>,
    pub tokens: Vec<i64>,
    pub words: Vec<String>,
    pub outcomes: Vec<String>,
    pub details: Vec<Value>,
}

impl Session {
    pub async fn claim(&self, dispatcher: &str, want: i32) -> Result<Vec<Claimed>, Error> {
        let parameters: [Parameter<'_>; 2] = [(&dispatcher, Type::TEXT), (&want, Type::INT4)];
        let rows = self.query("claim", CLAIM, &parameters).await?;
        rows.iter().map(claimed).collect()
    }

    pub async fn intend(
        &self,
        dispatcher: &str,
        attempt_ids: &[Uuid],
        tokens: &[i64],
    ) -> Result<Vec<Intended>, Error> {
        const SQL: &str = "select attempt_id, allowed, reason from dialer.intend($1, $2, $3)";
        let parameters: [Parameter<'_>; 3] = [
            (&dispatcher, Type::TEXT),
            (&attempt_ids, Type::UUID_ARRAY),
            (&tokens, Type::INT8_ARRAY),
        ];
        let rows = self.query("intend", SQL, &parameters).await?;
        let intended = |row: &Row| {
            Ok(Intended {
                attempt_id: get(row, "intend", 0)?,
                allowed: get(row, "intend", 1)?,
                reason: get(row, "intend", 2)?,
            })
        };
        rows.iter().map(intended).collect()
    }

    pub async fn mark_placed(&self, batch: &Batch) -> Result<i32, Error> {
        self.decided("mark_placed", "select dialer.mark_placed($1, $2, $3)", batch).await
    }

    pub async fn mark_unknown(&self, batch: &Batch) -> Result<i32, Error> {
        self.decided("mark_unknown", "select dialer.mark_unknown($1, $2, $3)", batch).await
    }

    pub async fn release(&self, batch: &Batch) -> Result<i32, Error> {
        self.decided("release", "select dialer.release($1, $2, $3)", batch).await
    }

    async fn decided(
        &self,
        function: &'static str,
        sql: &str,
        batch: &Batch,
    ) -> Result<i32, Error> {
        let parameters: [Parameter<'_>; 3] = [
            (&batch.attempt_ids, Type::UUID_ARRAY),
            (&batch.tokens, Type::INT8_ARRAY),
            (&batch.words, Type::TEXT_ARRAY),
        ];
        self.count(function, sql, &parameters).await
    }

    pub async fn settle(&self, batch: &Batch) -> Result<i32, Error> {
        const SQL: &str = "select dialer.settle($1, $2, $3, $4, $5)";
        let parameters: [Parameter<'_>; 5] = [
            (&batch.attempt_ids, Type::UUID_ARRAY),
            (&batch.tokens, Type::INT8_ARRAY),
            (&batch.outcomes, Type::TEXT_ARRAY),
            (&batch.words, Type::TEXT_ARRAY),
            (&batch.details, Type::JSONB_ARRAY),
        ];
        self.count("settle", SQL, &parameters).await
    }

    /// Stores and applies events; returns each one's result, in their order.
    pub async fn ingest(&self, account_id: i32, events: &[&Event]) -> Result<Vec<String>, Error> {
        const SQL: &str = "select result from dialer.ingest_event($1, $2) order by \"position\"";
        let events = storable(serde_json::json!(events));
        let parameters: [Parameter<'_>; 2] = [(&account_id, Type::INT4), (&events, Type::JSONB)];
        let rows = self.query("ingest_event", SQL, &parameters).await?;
        rows.iter().map(|row| get(row, "ingest_event", 0)).collect()
    }

    pub async fn silent_attempts(&self, dispatcher: &str, want: i32) -> Result<Vec<Silent>, Error> {
        const SQL: &str = "select attempt_id, account_id, provider, channel, base_url, \
            secret_name, settings, address, provider_call_id, intended_at from dialer.silent_attempts($1, $2)";
        let parameters: [Parameter<'_>; 2] = [(&dispatcher, Type::TEXT), (&want, Type::INT4)];
        let rows = self.query("silent_attempts", SQL, &parameters).await?;
        rows.iter().map(silent).collect()
    }

    /// The accounts of these providers that are to be listened to.
    pub async fn streaming_accounts(
        &self,
        providers: &[&str],
    ) -> Result<Vec<StoredAccount>, Error> {
        let parameter: Parameter<'_> = (&providers, Type::TEXT_ARRAY);
        self.accounts("streaming_accounts", parameter).await
    }

    /// Makes every open attempt of an account one of which too little was heard; how many.
    pub async fn look_again(&self, account_id: i32) -> Result<i32, Error> {
        let parameters: [Parameter<'_>; 1] = [(&account_id, Type::INT4)];
        self.count("look_again", "select dialer.look_again($1)", &parameters).await
    }

    /// Dialer time, and the next instant at which a claim could find something.
    pub async fn next_wake(
        &self,
        dispatcher: &str,
    ) -> Result<(DialerTime, Option<DateTime<Utc>>), Error> {
        const SQL: &str = "select now_at, rate, wake_at from dialer.next_wake($1)";
        let asked = monotonic();
        let rows = self.query("next_wake", SQL, &[(&dispatcher, Type::TEXT)]).await?;
        let row = rows.first().ok_or(Error::NoRow("next_wake"))?;
        let time = dialer_time(row, "next_wake", asked)?;
        Ok((time, get(row, "next_wake", 2)?))
    }

    /// Dialer time; a clock that stands still has the rate zero.
    pub async fn clock(&self) -> Result<DialerTime, Error> {
        const SQL: &str = "select now_at, rate, fixed from dialer.clock()";
        let asked = monotonic();
        let rows = self.query("clock", SQL, &[]).await?;
        let row = rows.first().ok_or(Error::NoRow("clock"))?;
        let mut time = dialer_time(row, "clock", asked)?;
        if get(row, "clock", 2)? {
            time.rate = 0.0;
        }
        Ok(time)
    }

    /// One bounded round of upkeep; how much each task did.
    pub async fn tick(&self) -> Result<Vec<(String, i32)>, Error> {
        let rows = self.query("tick", "select task, done from dialer.tick()", &[]).await?;
        rows.iter().map(|row| Ok((get(row, "tick", 0)?, get(row, "tick", 1)?))).collect()
    }

    pub async fn heartbeat(&self, dispatcher: &str, version: &str) -> Result<(), Error> {
        let parameters: [Parameter<'_>; 2] = [(&dispatcher, Type::TEXT), (&version, Type::TEXT)];
        self.query("heartbeat", "select from dialer.heartbeat($1, $2)", &parameters).await?;
        Ok(())
    }

    /// Age of the oldest transaction that keeps dead rows.
    pub async fn oldest_snapshot_seconds(&self) -> Result<f64, Error> {
        const WHAT: &str = "oldest_snapshot_seconds";
        let sql = "select age from dialer.oldest_snapshot_seconds() age";
        let rows = self.query(WHAT, sql, &[]).await?;
        rows.first().map_or(Ok(0.0), |row| get(row, WHAT, 0))
    }

    /// How many calls wait, are active, are stuck ..., of all tenants together.
    pub async fn queue_gauges(&self) -> Result<Vec<(String, i64)>, Error> {
        const WHAT: &str = "queue_gauges";
        let sql = "select state, calls from dialer.queue_gauges()";
        let rows = self.query(WHAT, sql, &[]).await?;
        rows.iter().map(|row| Ok((get(row, WHAT, 0)?, get(row, WHAT, 1)?))).collect()
    }

    pub async fn accounts_to_check(&self, account: &str) -> Result<Vec<StoredAccount>, Error> {
        self.accounts("account_to_check", (&account, Type::TEXT)).await
    }

    /// The accounts that a function of one parameter returns.
    async fn accounts(
        &self,
        function: &'static str,
        parameter: Parameter<'_>,
    ) -> Result<Vec<StoredAccount>, Error> {
        let sql = format!(
            "select account_id, tenant, name, provider, channel, base_url, secret_name, \
             webhook_secret_name, settings from dialer.{function}($1)"
        );
        let rows = self.query(function, &sql, &[parameter]).await?;
        rows.iter().map(|row| stored_account(row, function)).collect()
    }

    pub async fn account_for_hook(
        &self,
        provider: &str,
        account: &str,
    ) -> Result<Option<HookAccount>, Error> {
        const SQL: &str = "select account_id, channel, webhook_secret_name, settings \
            from dialer.account_for_hook($1, $2)";
        let parameters: [Parameter<'_>; 2] = [(&provider, Type::TEXT), (&account, Type::TEXT)];
        let rows = self.query("account_for_hook", SQL, &parameters).await?;
        let account = |row: &Row| {
            Ok(HookAccount {
                account_id: get(row, "account_for_hook", 0)?,
                channel: get(row, "account_for_hook", 1)?,
                webhook_secret_name: get(row, "account_for_hook", 2)?,
                settings: get(row, "account_for_hook", 3)?,
            })
        };
        rows.first().map(account).transpose()
    }
}

fn dialer_time(
    row: &Row,
    function: &'static str,
    asked: tokio::time::Instant,
) -> Result<DialerTime, Error> {
    let (now_at, rate) = (get(row, function, 0)?, get(row, function, 1)?);
    Ok(DialerTime { now_at, rate, asked, answered: monotonic() })
}

fn claimed(row: &Row) -> Result<Claimed, Error> {
    const NAME: &str = "claim";
    Ok(Claimed {
        attempt_id: get(row, NAME, 0)?,
        token: get(row, NAME, 1)?,
        call_id: get(row, NAME, 2)?,
        account_id: get(row, NAME, 3)?,
        provider: get(row, NAME, 4)?,
        channel: get(row, NAME, 5)?,
        base_url: get(row, NAME, 6)?,
        secret_name: get(row, NAME, 7)?,
        settings: get(row, NAME, 8)?,
        address: get(row, NAME, 9)?,
        variables: get(row, NAME, 10)?,
        due_at: get(row, NAME, 11)?,
        place_at: get(row, NAME, 12)?,
        place_by: get(row, NAME, 13)?,
        claimed_at: get(row, NAME, 14)?,
        per_second: get(row, NAME, 15)?,
    })
}

fn stored_account(row: &Row, function: &'static str) -> Result<StoredAccount, Error> {
    Ok(StoredAccount {
        account_id: get(row, function, 0)?,
        tenant: get(row, function, 1)?,
        name: get(row, function, 2)?,
        provider: get(row, function, 3)?,
        channel: get(row, function, 4)?,
        base_url: get(row, function, 5)?,
        secret_name: get(row, function, 6)?,
        webhook_secret_name: get(row, function, 7)?,
        settings: get(row, function, 8)?,
    })
}

fn silent(row: &Row) -> Result<Silent, Error> {
    const NAME: &str = "silent_attempts";
    Ok(Silent {
        attempt_id: get(row, NAME, 0)?,
        account_id: get(row, NAME, 1)?,
        provider: get(row, NAME, 2)?,
        channel: get(row, NAME, 3)?,
        base_url: get(row, NAME, 4)?,
        secret_name: get(row, NAME, 5)?,
        settings: get(row, NAME, 6)?,
        address: get(row, NAME, 7)?,
        provider_call_id: get(row, NAME, 8)?,
        intended_at: get(row, NAME, 9)?,
    })
}
