//! A dispatcher that is stepped: it holds attempts in its hand, and loses them when it dies.
//! It says to the database what `dialerd` says, and may have one bad habit, for the mutants.

use crate::provider::Request;
use crate::truth::Verdict;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

/// How a dispatcher may break the protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Habit {
    /// None: as `dialerd` does it.
    Sound,
    RetriesAfterUnknown,
    TrustsTheLease,
    SendsWithoutIntention,
    SendsBeforeTheCommit,
    SendsTwice,
    ForgetsTheRate,
    GivesBackWhatMayRing,
}

/// An attempt in a dispatcher's hand.
#[derive(Clone)]
pub struct InHand {
    pub attempt_id: Uuid,
    pub token: i64,
    pub place_at: DateTime<Utc>,
    pub request: Request,
    /// When it was claimed, by the account's rate.
    pub per_second: Option<f64>,
    pub intended: bool,
}

pub struct Dispatcher {
    pub name: String,
    pub db: Client,
    pub hand: Vec<InHand>,
    /// When it last sent something for an account; at first, when it began.
    pub sent: BTreeMap<i32, DateTime<Utc>>,
    pub began: DateTime<Utc>,
}

/// A row of dialer.claim.
pub struct Claimed {
    pub attempt_id: Uuid,
    pub token: i64,
    pub call_id: i64,
    pub campaign: i64,
    pub account: i32,
    pub number: String,
    pub caller: Option<String>,
    pub place_at: DateTime<Utc>,
    pub place_by: DateTime<Utc>,
    pub per_second: Option<f64>,
}

impl Dispatcher {
    pub fn new(name: String, db: Client, began: DateTime<Utc>) -> Dispatcher {
        Dispatcher { name, db, hand: Vec::new(), sent: BTreeMap::new(), began }
    }

    pub async fn run(&self, sql: &str) -> Verdict<()> {
        self.db.batch_execute(sql).await.map_err(|error| told(&error, sql))
    }

    /// How many rows a function says it changed.
    pub async fn count(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Verdict<i32> {
        let row = self.db.query_one(sql, values).await.map_err(|error| told(&error, sql))?;
        Ok(row.get(0))
    }

    pub async fn claim(&self, want: i32) -> Verdict<Vec<Claimed>> {
        let sql = "select attempt_id, token, call_id, campaign_id, account_id, address, settings ->> 'caller_id', place_at, place_by, per_second
             from dialer.claim($1, $2) order by place_at, call_id";
        let rows =
            self.db.query(sql, &[&self.name, &want]).await.map_err(|error| told(&error, sql))?;
        let claimed = rows.iter().map(|row| Claimed {
            attempt_id: row.get(0),
            token: row.get(1),
            call_id: row.get(2),
            campaign: row.get(3),
            account: row.get(4),
            number: row.get(5),
            caller: row.get(6),
            place_at: row.get(7),
            place_by: row.get(8),
            per_second: row.get(9),
        });
        Ok(claimed.collect())
    }

    /// Whether the attempt may be sent.
    pub async fn intend(&self, attempt: &InHand) -> Verdict<bool> {
        let sql = "select allowed from dialer.intend($1, $2, $3)";
        let row = self
            .db
            .query_one(sql, &[&self.name, &vec![attempt.attempt_id], &vec![attempt.token]])
            .await
            .map_err(|error| told(&error, sql))?;
        Ok(row.get(0))
    }

    /// The rate of the attempt's account, kept at the instant of sending.
    pub fn may_send(&self, attempt: &InHand, now: DateTime<Utc>) -> bool {
        let Some(rate) = attempt.per_second else { return true };
        let before = self.sent.get(&attempt.request.account).unwrap_or(&self.began);
        #[allow(clippy::cast_precision_loss, reason = "milliseconds of a minute")]
        let distance = (now - *before).num_milliseconds() as f64;
        distance >= 1000.0 / rate
    }
}

pub fn told(error: &tokio_postgres::Error, sql: &str) -> String {
    match error.as_db_error() {
        Some(error) => format!(
            "{}: {} ({}; {})\nin {sql}",
            error.code().code(),
            error.message(),
            error.detail().unwrap_or("no detail"),
            error.where_().unwrap_or("").lines().next().unwrap_or("")
        ),
        None => format!("{error:?}\nin {sql}"),
    }
}
