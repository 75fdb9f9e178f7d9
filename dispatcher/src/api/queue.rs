//! `/api/v1/queue`: the queue of a tenant as a whole; `/api/v1/accounts`, without secrets.

use super::Router;
use super::answer::{Answer, Answered, Success};
use super::caller::{Caller, Posted};
use super::input::{At, Nothing};
use super::scheduling::QueueStats;
use crate::db::api::{Asking, Scope};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

pub fn router() -> Router {
    Router::new()
        .routes(routes!(stats))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(close))
        .routes(routes!(clean))
        .routes(routes!(job))
        .routes(routes!(accounts))
        .routes(routes!(init))
}

/// The queue in numbers.
#[utoipa::path(get, path = "/api/v1/queue", tag = "queue", operation_id = "queue_stats",
    responses((status = 200, description = "numbers", body = Success<QueueStats>)))]
async fn stats(caller: Caller) -> Answered<QueueStats> {
    Ok(Answer::ok(caller.one(Asking::of("queue_stats")).await?))
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Why {
    reason: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct QueueChanged {
    paused: bool,
    /// false: it was so already.
    changed: bool,
}

async fn switched<T>(posted: Posted<T>, asking: Asking, paused: bool) -> Answered<QueueChanged> {
    let mut work = posted.begin(Scope::Plan).await?;
    let changed = work.one(asking).await?;
    let answer = work.done(StatusCode::OK, QueueChanged { paused, changed }).await?;
    tracing::info!(paused, changed, "the queue was switched");
    Ok(answer)
}

/// Places no more calls of this tenant; those in flight finish, and nothing is lost.
#[utoipa::path(post, path = "/api/v1/queue/pause", tag = "queue", operation_id = "pause_queue", request_body = Why,
    responses((status = 200, description = "it rests", body = Success<QueueChanged>)))]
async fn pause(posted: Posted<Why>) -> Answered<QueueChanged> {
    let asking = Asking::of("pause_queue").text("reason", posted.input.reason.as_deref());
    switched(posted, asking, true).await
}

/// Goes on.
#[utoipa::path(post, path = "/api/v1/queue/resume", tag = "queue", operation_id = "resume_queue", request_body = Nothing,
    responses((status = 200, description = "it goes on", body = Success<QueueChanged>)))]
async fn resume(posted: Posted<Nothing>) -> Answered<QueueChanged> {
    switched(posted, Asking::of("resume_queue"), false).await
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueClosed {
    /// Calls that are still at a provider; ask again until there are none.
    still_in_flight: i64,
}

/// Pauses, and says how many calls have still to finish.
#[utoipa::path(post, path = "/api/v1/queue/close", tag = "queue", operation_id = "close_queue", request_body = Why,
    responses((status = 200, description = "it rests", body = Success<QueueClosed>)))]
async fn close(posted: Posted<Why>) -> Answered<QueueClosed> {
    let mut work = posted.begin(Scope::Plan).await?;
    let asking = Asking::of("close_queue").text("reason", posted.input.reason.as_deref());
    let still_in_flight = work.one(asking).await?;
    work.done(StatusCode::OK, QueueClosed { still_in_flight }).await
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Clean {
    /// An interval; default 24 hours.
    #[schema(example = "24 hours")]
    keep_completed: Option<String>,
    /// An interval; default 7 days.
    #[schema(example = "7 days")]
    keep_failed: Option<String>,
    /// Only says how many it would be; default false.
    dry_run: Option<bool>,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Cleaned {
    status: String,
    cleaned: i64,
}

/// Takes what ended longer ago out of the queue's numbers; the records stay.
#[utoipa::path(post, path = "/api/v1/queue/clean", tag = "queue", operation_id = "clean_queue", request_body = Clean,
    responses((status = 200, description = "how many", body = Success<Vec<Cleaned>>)))]
async fn clean(posted: Posted<Clean>) -> Answered<Vec<Cleaned>> {
    let mut work = posted.begin(Scope::Plan).await?;
    let asking = Asking::of("clean_queue")
        .read_as("keep_completed", "::interval", posted.input.keep_completed.as_deref())
        .read_as("keep_failed", "::interval", posted.input.keep_failed.as_deref())
        .boolean("dry_run", posted.input.dry_run);
    let cleaned = work.rows(asking).await?;
    work.done(StatusCode::OK, cleaned).await
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// waiting, active, completed, failed, delayed, paused, stalled, removed
    status: String,
    attempts_made: i64,
    due_at: Option<DateTime<Utc>>,
    processing_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    reason: Option<String>,
    outcome: Option<String>,
    provider_call_id: Option<String>,
}

/// One call as a job of the queue.
#[utoipa::path(get, path = "/api/v1/queue/jobs/{id}", tag = "queue", operation_id = "job_status", params(("id" = i64, Path)),
    responses((status = 200, description = "the job", body = Success<Job>)))]
async fn job(caller: Caller, At(id): At<i64>) -> Answered<Job> {
    Ok(Answer::ok(caller.one(Asking::of("job_status").bigint("call_id", Some(id))).await?))
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    name: String,
    provider: String,
    channel: String,
    /// open, paused, stopped
    state: String,
    state_reason: Option<String>,
    max_concurrent: i32,
    per_second: Option<f64>,
    inbound_reserve: i32,
    /// Open attempts.
    in_use: i64,
    blocked_until: Option<DateTime<Utc>>,
    blocked_reason: Option<String>,
    created_at: DateTime<Utc>,
}

/// Accounts at providers: limits and state, and never a secret.
#[utoipa::path(get, path = "/api/v1/accounts", tag = "queue", operation_id = "list_accounts",
    responses((status = 200, description = "all of them", body = Success<Vec<Account>>)))]
async fn accounts(caller: Caller) -> Answered<Vec<Account>> {
    Ok(Answer::ok(caller.rows(Asking::of("find_accounts")).await?))
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SchedulerRuns {
    running: bool,
    /// Dispatchers that were heard of in the last 15 seconds.
    dispatchers: i64,
    message: String,
}

/// Where a scheduler had to be started by a request: it runs by itself, and says so.
#[utoipa::path(get, path = "/api/scheduler/init", tag = "queue", operation_id = "scheduler_init",
    responses((status = 200, description = "whether it runs", body = Success<SchedulerRuns>)))]
async fn init(caller: Caller) -> Answered<SchedulerRuns> {
    let dispatchers: i64 = caller.one(Asking::of("dispatchers_alive")).await?;
    let message = match dispatchers {
        0 => "no dispatcher runs: start dialerd run",
        _ => "the scheduler runs; there is nothing to start",
    };
    let running = dispatchers > 0;
    Ok(Answer::ok(SchedulerRuns { running, dispatchers, message: message.to_owned() }))
}
