//! `/api/v1/key`, `/overview`, `/choices`: what a page needs that people look at all day.

use super::Router;
use super::answer::{Answer, Answered, Success};
use super::caller::Caller;
use super::input::Asked;
use crate::db::api::{Asking, Scope};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

/// LIMIT: waiting calls are counted up to here, because a page asks every few seconds.
const COUNTED_MAX: i32 = 10_000;

pub fn router() -> Router {
    Router::new().routes(routes!(key)).routes(routes!(overview)).routes(routes!(choices))
}

/// Whose key this is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    tenant: String,
    /// read, plan, admin
    scope: &'static str,
    /// The dialer's time.
    now: DateTime<Utc>,
    /// How fast its clock runs; 1 but in rehearsals.
    clock_rate: f64,
    version: &'static str,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Who {
    tenant: String,
    now_at: DateTime<Utc>,
    clock_rate: f64,
}

/// What the key that was sent is good for.
#[utoipa::path(get, path = "/api/v1/key", tag = "queue", operation_id = "shown_key",
    responses((status = 200, description = "its tenant and scope", body = Success<Key>)))]
async fn key(caller: Caller) -> Answered<Key> {
    let mut transaction = caller.begin(Scope::Read).await?;
    let scope = transaction.scope.name();
    let who: Who = transaction.one(Asking::of("whoami")).await?;
    transaction.commit().await?;
    let Who { tenant, now_at: now, clock_rate } = who;
    Ok(Answer::ok(Key { tenant, scope, now, clock_rate, version: env!("CARGO_PKG_VERSION") }))
}

/// How it stands at an instant.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// How the calls stand.
    #[serde(flatten)]
    standing: Standing,
    /// Up to where due, outsideHours, later and held are counted.
    counted_max: i32,
    accounts: Vec<AccountInUse>,
    /// Attempts dialled today.
    outcomes_today: Vec<OutcomeCount>,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// The dialer's time.
    now_at: DateTime<Utc>,
    /// Dispatchers that were heard of in the last 15 seconds.
    dispatchers: i64,
    queue_paused: bool,
    queue_reason: Option<String>,
    /// Waiting calls of campaigns that run: due.
    due: i64,
    /// Due, but it is outside their hours now.
    outside_hours: i64,
    /// Due later.
    later: i64,
    /// Waiting calls of drafts and of paused campaigns.
    held: i64,
    next_due_at: Option<DateTime<Utc>>,
    /// Open attempts by how far they are.
    claimed: i64,
    dialling: i64,
    ringing: i64,
    answered: i64,
    stuck: i64,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountInUse {
    name: String,
    provider: String,
    channel: String,
    /// open, paused, stopped
    state: String,
    state_reason: Option<String>,
    max_concurrent: i32,
    inbound_reserve: i32,
    per_second: Option<f64>,
    in_use: i64,
    ringing: i64,
    answered: i64,
    /// In the last minute of real time.
    started_last_minute: i64,
    blocked_until: Option<DateTime<Utc>>,
    blocked_reason: Option<String>,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct OutcomeCount {
    outcome: String,
    attempts: i64,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Where {
    /// Zone whose day is meant; default: the one of the configuration.
    tz: Option<String>,
}

/// Dispatchers, accounts and calls as they stand now, cheap enough to be asked every few seconds.
#[utoipa::path(get, path = "/api/v1/overview", tag = "queue", operation_id = "overview", params(Where),
    responses((status = 200, description = "numbers of one instant", body = Success<Overview>)))]
async fn overview(caller: Caller, Asked(wanted): Asked<Where>) -> Answered<Overview> {
    let tz = wanted.tz.unwrap_or_else(|| caller.api.default_timezone.clone());
    let mut transaction = caller.begin(Scope::Read).await?;
    let asking = Asking::of("overview").integer("most", Some(COUNTED_MAX));
    let standing: Standing = transaction.one(asking).await?;
    let at = Some(standing.now_at);
    let accounts = transaction.rows(Asking::of("accounts_in_use").instant("at", at)).await?;
    let asking = Asking::of("outcomes_today").text("tz", Some(&tz)).instant("at", at);
    let outcomes_today = transaction.rows(asking).await?;
    transaction.commit().await?;
    Ok(Answer::ok(Overview { standing, counted_max: COUNTED_MAX, accounts, outcomes_today }))
}

/// What a campaign can be made from, beside accounts, and what consents and bans can name.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Choices {
    policies: Vec<Policy>,
    calendars: Vec<Calendar>,
    caller_pools: Vec<CallerPool>,
    /// What the law knows: a ban can leave these out.
    purposes: Vec<String>,
    /// What campaigns ask consent for, or lift rules of the law by.
    consent_purposes: Vec<String>,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    name: String,
    /// false: it is there for all tenants.
    own: bool,
    /// Waits before the attempts, as intervals.
    ladder: Vec<String>,
    /// day: the ladder begins anew each day; lifetime
    ladder_scope: String,
    max_per_day: Option<i32>,
    max_lifetime: Option<i32>,
    final_outcomes: Vec<String>,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Calendar {
    name: String,
    hours: String,
    /// null: each contact's own.
    tz: Option<String>,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct CallerPool {
    account: String,
    pool: String,
    numbers: i64,
}

/// Redial policies, calendars, pools of numbers to call from, and purposes.
#[utoipa::path(get, path = "/api/v1/choices", tag = "campaigns", operation_id = "choices",
    responses((status = 200, description = "all of them", body = Success<Choices>)))]
async fn choices(caller: Caller) -> Answered<Choices> {
    let mut transaction = caller.begin(Scope::Read).await?;
    let choices = Choices {
        policies: transaction.rows(Asking::of("find_policies")).await?,
        calendars: transaction.rows(Asking::of("find_calendars")).await?,
        caller_pools: transaction.rows(Asking::of("find_caller_pools")).await?,
        purposes: transaction.one(Asking::of("known_purposes")).await?,
        consent_purposes: transaction.rows(Asking::of("find_consent_purposes")).await?,
    };
    transaction.commit().await?;
    Ok(Answer::ok(choices))
}
