//! `/api/v1/stuck`, `/dead-letters` and the changes of a call: what somebody should look at, and
//! what to do about it.

use super::Router;
use super::answer::{Answer, Answered, Refusal, Success};
use super::caller::{Caller, Posted};
use super::input::{Asked, At};
use super::page::{self, Page, Span};
use crate::db::api::{Asking, Scope};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;
use uuid::Uuid;

/// LIMIT: calls that one request names.
const CALLS_MAX: usize = 1_000;

pub fn router() -> Router {
    Router::new()
        .routes(routes!(stuck))
        .routes(routes!(reset_stuck))
        .routes(routes!(dead_letters))
        .routes(routes!(retry_dead_letters))
        .routes(routes!(transitions))
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stuck {
    call_id: i64,
    attempt_id: Uuid,
    campaign: String,
    state: String,
    dispatcher: String,
    intended_at: Option<DateTime<Utc>>,
    stuck_since: DateTime<Utc>,
    why: String,
}

/// Open attempts that somebody should have looked after, the longest first (at most 200).
#[utoipa::path(get, path = "/api/v1/stuck", tag = "queue", operation_id = "list_stuck",
    responses((status = 200, description = "usually none", body = Success<Vec<Stuck>>)))]
async fn stuck(caller: Caller) -> Answered<Vec<Stuck>> {
    Ok(Answer::ok(caller.rows(Asking::of("find_stuck")).await?))
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reset {
    /// Only these; without it: all.
    #[schema(max_items = 1000)]
    call_ids: Option<Vec<i64>>,
    /// Unless it is false nothing is done: the answer says what would be.
    dry_run: Option<bool>,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResetLine {
    call_id: i64,
    attempt_id: Uuid,
    stuck_since: DateTime<Utc>,
    why: String,
    /// waits again, is looked up, ends as unknown
    action: String,
}

fn named(asking: Asking, call_ids: Option<&[i64]>) -> Result<Asking, Refusal> {
    match call_ids {
        Some(ids) if ids.len() > CALLS_MAX => {
            Err(Refusal::invalid(format!("callIds are at most {CALLS_MAX} at once")))
        }
        Some(ids) => Ok(asking.bigints("call_ids", ids.to_vec())),
        None => Ok(asking),
    }
}

/// A line for each call, with the rights to plan.
async fn carried_out<T, L: DeserializeOwned + Serialize>(
    posted: Posted<T>,
    asking: Asking,
) -> Answered<Vec<L>> {
    let mut work = posted.begin(Scope::Plan).await?;
    let lines = work.rows(asking).await?;
    work.done(StatusCode::OK, lines).await
}

/// Looks after stuck attempts; what may have rung is looked up, never dialled again.
#[utoipa::path(post, path = "/api/v1/stuck/reset", tag = "queue", operation_id = "reset_stuck", request_body = Reset,
    responses((status = 200, description = "what is, or would be, done", body = Success<Vec<ResetLine>>)))]
async fn reset_stuck(posted: Posted<Reset>) -> Answered<Vec<ResetLine>> {
    let dry_run = posted.input.dry_run.unwrap_or(true);
    let asking = Asking::of("reset_stuck").boolean("dry_run", Some(dry_run));
    let asking = named(asking, posted.input.call_ids.as_deref())?;
    carried_out(posted, asking).await
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    call_id: i64,
    campaign: String,
    contact_id: i64,
    ended_at: DateTime<Utc>,
    end_reason: Option<String>,
    outcome: Option<String>,
    /// endReason in words.
    failure_reason: Option<String>,
    attempts: i64,
    last_attempt_at: Option<DateTime<Utc>>,
    last_error: Option<String>,
    /// The call that was made of it.
    retried_as: Option<i64>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct WantedLetters {
    campaign: Option<String>,
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i32>,
}

/// Calls that failed, the latest first.
#[utoipa::path(get, path = "/api/v1/dead-letters", tag = "queue", operation_id = "list_dead_letters", params(WantedLetters),
    responses((status = 200, description = "a page of them", body = Success<Page<DeadLetter>>)))]
async fn dead_letters(
    caller: Caller,
    Asked(wanted): Asked<WantedLetters>,
) -> Answered<Page<DeadLetter>> {
    let span = Span::read(wanted.cursor.as_deref(), wanted.limit)?;
    let before = span.before_at()?;
    let asking = Asking::of("find_dead_letters")
        .text("campaign", wanted.campaign.as_deref())
        .instant("before_at", before.as_ref().map(|before| before.0))
        .read_as("before_id", "::bigint", before.as_ref().map(|before| before.1.as_str()))
        .integer("limit_", span.one_more());
    let rows = caller.rows(asking).await?;
    let last = |row: &DeadLetter| page::place(row.ended_at, &row.call_id.to_string());
    Ok(Answer::ok(span.page(rows, last)))
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retry {
    campaign: Option<String>,
    /// Only these; without it: the latest 1000.
    #[schema(max_items = 1000)]
    call_ids: Option<Vec<i64>>,
    /// Unless it is false nothing is planned: the answer says what would be.
    dry_run: Option<bool>,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Retried {
    call_id: i64,
    failure_reason: Option<String>,
    /// scheduled, waiting, exists, do_not_call, or why not.
    result: Option<String>,
    new_call_id: Option<i64>,
    due_at: Option<DateTime<Utc>>,
}

/// Plans calls that failed once more, each as a new call, once; do-not-call and caps hold.
#[utoipa::path(post, path = "/api/v1/dead-letters/retry", tag = "queue", operation_id = "retry_dead_letters", request_body = Retry,
    responses((status = 200, description = "what became, or would become, of each", body = Success<Vec<Retried>>)))]
async fn retry_dead_letters(posted: Posted<Retry>) -> Answered<Vec<Retried>> {
    let dry_run = posted.input.dry_run.unwrap_or(true);
    let asking = Asking::of("retry_dead_letters")
        .text("campaign", posted.input.campaign.as_deref())
        .boolean("dry_run", Some(dry_run));
    let asking = named(asking, posted.input.call_ids.as_deref())?;
    carried_out(posted, asking).await
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transition {
    at: DateTime<Utc>,
    /// call, attempt
    machine: String,
    attempt_id: Option<Uuid>,
    from_state: String,
    to_state: String,
    reason: Option<String>,
    /// Login and program.
    actor: String,
}

/// The changes of state of a call and of its attempts, the latest first (at most 1000).
#[utoipa::path(get, path = "/api/v1/calls/{id}/transitions", tag = "calls", operation_id = "call_transitions", params(("id" = i64, Path)),
    responses((status = 200, description = "its changes; none: nothing has happened yet", body = Success<Vec<Transition>>)))]
async fn transitions(caller: Caller, At(id): At<i64>) -> Answered<Vec<Transition>> {
    let mut transaction = caller.begin(Scope::Read).await?;
    let known = Asking::of("find_calls").bigint("only_call", Some(id));
    if transaction.rows::<IgnoredAny>(known).await?.is_empty() {
        return Err(Refusal::no_such_call(&id.to_string()));
    }
    let asking = Asking::of("call_transitions").bigint("call_id", Some(id));
    let changes = transaction.rows(asking).await?;
    transaction.commit().await?;
    Ok(Answer::ok(changes))
}
