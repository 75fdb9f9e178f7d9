//! `/api/v1/scheduling`: a call for an agent at a time, as call schedulers have it.

use super::answer::{Answer, Answered, Refusal, Success};
use super::caller::{Caller, Posted, Work};
use super::hours::{BusinessHours, Priority};
use super::input::{Asked, At};
use super::page::{self, Span};
use super::{Api, Router};
use crate::db::api::{Asking, Scope, Transaction};
use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

pub fn router() -> Router {
    Router::new()
        .routes(routes!(schedule))
        .routes(routes!(preview))
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(cancel))
        .routes(routes!(reschedule))
        .routes(routes!(stats))
}

/// A call to be scheduled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Schedule {
    /// E.164, or an e-mail address where the agent writes mails.
    #[schema(example = "+12125550123")]
    phone_number: String,
    /// Name of a campaign, or the agentId of its settings.
    #[schema(example = "spring")]
    agent_id: String,
    /// Whose call it is.
    user_id: Option<String>,
    scheduled_for: DateTime<Utc>,
    /// IANA zone of the person who is called; without it: by the number.
    #[schema(example = "America/New_York")]
    timezone: Option<String>,
    /// Keep to business hours on top of the agent's own calling window; default: if there are any.
    respect_business_hours: Option<bool>,
    business_hours: Option<BusinessHours>,
    recurring: Option<Recurring>,
    /// Carried along and shown, e.g. campaignId and customerId.
    metadata: Option<Map<String, Value>>,
    priority: Option<Priority>,
    /// If stated, it has to be the weekday of the date: Monday, Tue ...
    weekday: Option<String>,
}

/// How a call comes back.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Recurring {
    frequency: Frequency,
    /// Every so many days, weeks or months.
    #[schema(minimum = 1, maximum = 1000)]
    interval: Option<i32>,
    /// The last day on which there is a call.
    end_date: Option<EndDate>,
    #[schema(minimum = 1)]
    max_occurrences: Option<i32>,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Frequency {
    Daily,
    Weekly,
    Monthly,
}

impl Frequency {
    fn word(self) -> &'static str {
        match self {
            Frequency::Daily => "daily",
            Frequency::Weekly => "weekly",
            Frequency::Monthly => "monthly",
        }
    }
}

/// A date, or an instant whose date is meant.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(
    untagged,
    expecting = "expected a date such as 2026-12-31, or an instant such as 2026-12-31T23:00:00Z"
)]
pub enum EndDate {
    On(NaiveDate),
    At(DateTime<Utc>),
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Pending,
    Processing,
    Completed,
    Failed,
    Cancelled,
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Processing => "processing",
            Status::Completed => "completed",
            Status::Failed => "failed",
            Status::Cancelled => "cancelled",
        }
    }
}

/// A scheduled call, or a series of them.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduledCall {
    /// `17` for a call, `series-3` for calls that come back.
    id: String,
    phone_number: String,
    agent_id: String,
    agent: Agent,
    user_id: Option<String>,
    /// When it will be placed, moved into the calling window; null: nobody knows.
    scheduled_for: Option<DateTime<Utc>>,
    /// What was asked for.
    requested_for: Option<DateTime<Utc>>,
    timezone: String,
    /// scheduledFor on the wall clock of timezone.
    scheduled_for_local: Option<String>,
    weekday: Option<String>,
    adjusted: Option<bool>,
    adjustment: Option<String>,
    status: Status,
    respect_business_hours: bool,
    business_hours: Option<Value>,
    recurring: Option<Value>,
    metadata: Value,
    priority: i32,
    /// The provider's own number of the last call.
    call_log_id: Option<String>,
    processed_at: Option<DateTime<Utc>>,
    failed_at: Option<DateTime<Utc>>,
    failure_reason: Option<String>,
    /// The next occurrence by the rule.
    next_run: Option<DateTime<Utc>>,
    parent_scheduled_call_id: Option<String>,
    occurrence_number: Option<i32>,
    is_recurring: bool,
    can_cancel: bool,
    created_at: DateTime<Utc>,
    updated_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    id: String,
    campaign_id: i64,
    state: String,
}

/// A call that has been scheduled.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scheduled {
    scheduled_call_id: String,
    scheduled_for: Option<DateTime<Utc>>,
    requested_for: Option<DateTime<Utc>>,
    scheduled_for_local: Option<String>,
    timezone: String,
    weekday: Option<String>,
    adjusted: bool,
    /// Why it is not the time that was asked for.
    adjustment: Option<String>,
    is_recurring: bool,
    next_run: Option<DateTime<Utc>>,
    message: String,
}

impl From<ScheduledCall> for Scheduled {
    fn from(call: ScheduledCall) -> Scheduled {
        let adjusted = call.adjusted.unwrap_or(false);
        let message = match (call.is_recurring, adjusted) {
            (false, false) => "call scheduled",
            (false, true) => "call scheduled; its time was moved into the calling window",
            (true, false) => "recurring call scheduled",
            (true, true) => {
                "recurring call scheduled; its first time was moved into the calling window"
            }
        };
        Scheduled {
            scheduled_call_id: call.id,
            scheduled_for: call.scheduled_for,
            requested_for: call.requested_for,
            scheduled_for_local: call.scheduled_for_local,
            timezone: call.timezone,
            weekday: call.weekday,
            adjusted,
            adjustment: call.adjustment,
            is_recurring: call.is_recurring,
            next_run: call.next_run,
            message: message.to_owned(),
        }
    }
}

impl Schedule {
    /// The business hours that hold, those of the configuration where none are stated.
    fn hours(&self, api: &Api) -> Result<Option<(String, String)>, Refusal> {
        match (&self.business_hours, self.respect_business_hours) {
            (_, Some(false)) | (None, None) => Ok(None),
            (Some(hours), _) => hours.written(&api.default_timezone).map(Some),
            (None, Some(true)) => {
                Ok(Some((api.default_hours.clone(), api.default_timezone.clone())))
            }
        }
    }

    fn asking(&self, api: &Api) -> Result<Asking, Refusal> {
        let hours = self.hours(api)?;
        let recurring = self.recurring.as_ref();
        let (end_on, end_at) = match recurring.and_then(|recurring| recurring.end_date) {
            Some(EndDate::On(date)) => (Some(date.to_string()), None),
            Some(EndDate::At(at)) => (None, Some(at)),
            None => (None, None),
        };
        let scheduling = json!({
            "respectBusinessHours": hours.is_some(),
            "businessHours": &self.business_hours,
            "recurring": recurring,
        });
        let metadata = self.metadata.clone().unwrap_or_default();
        let priority = self.priority.as_ref().map(Priority::number).transpose()?;
        Ok(Asking::of("schedule_for_agent")
            .text("agent", Some(&self.agent_id))
            .text("address", Some(&self.phone_number))
            .instant("due_at", Some(self.scheduled_for))
            .text("owner", self.user_id.as_deref())
            .text("tz", self.timezone.as_deref())
            .read_as("hours", "::dialer.hours", hours.as_ref().map(|hours| hours.0.as_str()))
            .text("hours_tz", hours.as_ref().map(|hours| hours.1.as_str()))
            .text("every", recurring.map(|recurring| recurring.frequency.word()))
            .integer("step", recurring.and_then(|recurring| recurring.interval))
            .read_as("until_on", "::date", end_on.as_deref())
            .instant("until_at", end_at)
            .integer("times", recurring.and_then(|recurring| recurring.max_occurrences))
            .text("weekday", self.weekday.as_deref())
            .integer("priority", priority)
            .json("metadata", Some(Value::Object(metadata)))
            .json("scheduling", Some(without_nulls(scheduling)))
            .text("default_tz", Some(&api.default_timezone)))
    }

    async fn plan(&self, api: &Api, work: &mut Work) -> Result<ScheduledCall, Refusal> {
        let planned = work.one(self.asking(api)?).await;
        planned
            .map_err(|error| Refusal::from(error).renamed("CAMPAIGN_NOT_FOUND", "AGENT_NOT_FOUND"))
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            Value::Object(members.into_iter().filter(|(_, value)| !value.is_null()).collect())
        }
        other => other,
    }
}

/// Schedules a call, or with `recurring` calls that come back.
///
/// The time is moved into the agent's calling window and the business hours of the call; the answer
/// says to when, on both clocks, and why.
#[utoipa::path(post, path = "/api/v1/scheduling/schedule", tag = "scheduling", request_body = Schedule,
    responses((status = 201, description = "scheduled", body = Success<Scheduled>)))]
async fn schedule(posted: Posted<Schedule>) -> Answered<Scheduled> {
    let mut work = posted.begin(Scope::Plan).await?;
    let call = posted.input.plan(&posted.caller.api, &mut work).await?;
    let answer = work.done(StatusCode::CREATED, Scheduled::from(call)).await?;
    let (id, adjusted) = (&answer.data.scheduled_call_id, answer.data.adjusted);
    tracing::info!(id, adjusted, recurring = answer.data.is_recurring, "call scheduled");
    Ok(answer)
}

/// What scheduling would do: nothing is stored.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SchedulePreview {
    scheduled_for: Option<DateTime<Utc>>,
    requested_for: Option<DateTime<Utc>>,
    scheduled_for_local: Option<String>,
    timezone: String,
    weekday: Option<String>,
    adjusted: bool,
    adjustment: Option<String>,
    /// Of calls that come back: the next ones.
    occurrences: Vec<Occurrence>,
}

/// One of a series.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Occurrence {
    occurrence: i32,
    /// By the rule.
    by_rule_at: DateTime<Utc>,
    /// As it would be planned now.
    planned_at: Option<DateTime<Utc>>,
    planned_local: Option<String>,
    weekday: Option<String>,
    /// Only the day of the next one would serve: it is left out.
    left_out: bool,
}

/// LIMIT: occurrences that a preview shows.
const OCCURRENCES_SHOWN: i32 = 10;

pub fn ahead(series: &str, most: i32) -> Asking {
    let number = series.strip_prefix("series-").and_then(|number| number.parse().ok());
    Asking::of("series_ahead").bigint("series_id", number).integer("most", Some(most))
}

/// Shows what scheduling this call would do; the same code, undone.
#[utoipa::path(post, path = "/api/v1/scheduling/preview", tag = "scheduling", request_body = Schedule,
    responses((status = 200, description = "nothing was stored", body = Success<SchedulePreview>)))]
async fn preview(posted: Posted<Schedule>) -> Answered<SchedulePreview> {
    let mut work = posted.begin(Scope::Plan).await?;
    let call = posted.input.plan(&posted.caller.api, &mut work).await?;
    let occurrences = match call.is_recurring {
        true => work.rows(ahead(&call.id, OCCURRENCES_SHOWN)).await?,
        false => Vec::new(),
    };
    // Dropped, and with it what was planned.
    Ok(Answer::ok(SchedulePreview {
        scheduled_for: call.scheduled_for,
        requested_for: call.requested_for,
        scheduled_for_local: call.scheduled_for_local,
        timezone: call.timezone,
        weekday: call.weekday,
        adjusted: call.adjusted.unwrap_or(false),
        adjustment: call.adjustment,
        occurrences,
    }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Wanted {
    /// Whose calls; required.
    user_id: String,
    status: Option<Status>,
    /// Not before this instant, or this date (in the default time zone of the server).
    start_date: Option<EndDate>,
    /// Before this instant, or on this date at the latest.
    end_date: Option<EndDate>,
    agent_id: Option<String>,
    /// campaignId of the metadata.
    metadata_campaign_id: Option<String>,
    /// customerId of the metadata.
    metadata_customer_id: Option<String>,
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i32>,
}

impl Wanted {
    fn filtered(&self, function: &'static str, from: Bound, until: Bound) -> Asking {
        Asking::of(function)
            .text("owner", Some(&self.user_id))
            .text("status", self.status.map(Status::word))
            .instant("from_at", from)
            .instant("until_at", until)
            .text("agent", self.agent_id.as_deref())
            .text("metadata_campaign", self.metadata_campaign_id.as_deref())
            .text("metadata_customer", self.metadata_customer_id.as_deref())
    }
}

type Bound = Option<DateTime<Utc>>;

/// A local date as the span of time that it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LocalDay {
    from_at: DateTime<Utc>,
    to_at: DateTime<Utc>,
}

/// Where a stated time begins and ends: an instant does both at once.
async fn spanned(
    transaction: &mut Transaction,
    tz: &str,
    stated: Option<EndDate>,
) -> Result<(Bound, Bound), Refusal> {
    let date = match stated {
        None => return Ok((None, None)),
        Some(EndDate::At(at)) => return Ok((Some(at), Some(at))),
        Some(EndDate::On(date)) => date.to_string(),
    };
    let asking = Asking::of("local_day").text("tz", Some(tz)).read_as("day", "::date", Some(&date));
    let day: LocalDay = transaction.one(asking).await?;
    Ok((Some(day.from_at), Some(day.to_at)))
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduledCalls {
    scheduled_calls: Vec<ScheduledCall>,
    /// Of all pages together.
    total: i64,
    next_cursor: Option<String>,
}

/// The calls of a user, the youngest first.
#[utoipa::path(get, path = "/api/v1/scheduling/scheduled-calls", tag = "scheduling", params(Wanted),
    responses((status = 200, description = "a page of them", body = Success<ScheduledCalls>)))]
async fn list(caller: Caller, Asked(wanted): Asked<Wanted>) -> Answered<ScheduledCalls> {
    let span = Span::read(wanted.cursor.as_deref(), wanted.limit)?;
    let before = span.before_at()?;
    let mut transaction = caller.begin(Scope::Read).await?;
    let tz = &caller.api.default_timezone;
    let (from, _) = spanned(&mut transaction, tz, wanted.start_date).await?;
    let (_, until) = spanned(&mut transaction, tz, wanted.end_date).await?;
    let page = wanted
        .filtered("scheduled_calls", from, until)
        .instant("before_at", before.as_ref().map(|before| before.0))
        .text("before_id", before.as_ref().map(|before| before.1.as_str()))
        .integer("limit_", span.one_more());
    let rows: Vec<ScheduledCall> = transaction.rows(page).await?;
    let total = transaction.one(wanted.filtered("scheduled_calls_total", from, until)).await?;
    transaction.commit().await?;
    let page = span.page(rows, |call| page::place(call.created_at, &call.id));
    let (scheduled_calls, next_cursor) = (page.items, page.next_cursor);
    Ok(Answer::ok(ScheduledCalls { scheduled_calls, total, next_cursor }))
}

fn named(id: &str) -> Asking {
    Asking::of("scheduled_call_named").text("id", Some(id))
}

/// The call, if it is there and, where a user is named, that user's.
async fn owned(
    transaction: &mut Transaction,
    id: &str,
    user: Option<&str>,
) -> Result<ScheduledCall, Refusal> {
    let found: Vec<ScheduledCall> = transaction.rows(named(id)).await?;
    let call = found.into_iter().next().ok_or_else(|| Refusal::no_such_call(id))?;
    match user {
        Some(user) if call.user_id.as_deref() != Some(user) => Err(Refusal::no_such_call(id)),
        _ => Ok(call),
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Whose {
    /// If named, the call has to be this user's.
    user_id: Option<String>,
}

/// One scheduled call.
#[utoipa::path(get, path = "/api/v1/scheduling/scheduled-calls/{id}", tag = "scheduling",
    params(("id" = String, Path, description = "17, or series-3"), Whose),
    responses((status = 200, description = "the call", body = Success<ScheduledCall>)))]
async fn get(
    caller: Caller,
    At(id): At<String>,
    Asked(whose): Asked<Whose>,
) -> Answered<ScheduledCall> {
    let mut transaction = caller.begin(Scope::Read).await?;
    let call = owned(&mut transaction, &id, whose.user_id.as_deref()).await?;
    transaction.commit().await?;
    Ok(Answer::ok(call))
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cancel {
    /// If named, the call has to be this user's.
    user_id: Option<String>,
    reason: Option<String>,
}

/// What a call is after it was changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    scheduled_call_id: String,
    status: Status,
    scheduled_for: Option<DateTime<Utc>>,
    scheduled_for_local: Option<String>,
    adjusted: bool,
    adjustment: Option<String>,
    message: String,
}

impl Changed {
    fn of(call: ScheduledCall, message: &str) -> Changed {
        Changed {
            scheduled_call_id: call.id,
            status: call.status,
            scheduled_for: call.scheduled_for,
            scheduled_for_local: call.scheduled_for_local,
            adjusted: call.adjusted.unwrap_or(false),
            adjustment: call.adjustment,
            message: message.to_owned(),
        }
    }
}

/// Cancels a pending call; one that comes back, with all that would follow.
#[utoipa::path(post, path = "/api/v1/scheduling/{id}/cancel", tag = "scheduling",
    params(("id" = String, Path, description = "17, or series-3")), request_body = Cancel,
    responses((status = 200, description = "it is cancelled", body = Success<Changed>)))]
async fn cancel(At(id): At<String>, posted: Posted<Cancel>) -> Answered<Changed> {
    let mut work = posted.begin(Scope::Plan).await?;
    owned(&mut work, &id, posted.input.user_id.as_deref()).await?;
    let asking = Asking::of("cancel_scheduled")
        .text("id", Some(&id))
        .text("reason", posted.input.reason.as_deref());
    let call: ScheduledCall = work.one(asking).await?;
    let answer = work.done(StatusCode::OK, Changed::of(call, "call cancelled")).await?;
    tracing::info!(id, "call cancelled");
    Ok(answer)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reschedule {
    /// If named, the call has to be this user's.
    user_id: Option<String>,
    scheduled_for: DateTime<Utc>,
}

/// Moves a pending call to another time, or the next opening after it.
#[utoipa::path(post, path = "/api/v1/scheduling/{id}/reschedule", tag = "scheduling",
    params(("id" = String, Path, description = "number of a call")), request_body = Reschedule,
    responses((status = 200, description = "it has its new time", body = Success<Changed>)))]
async fn reschedule(At(id): At<String>, posted: Posted<Reschedule>) -> Answered<Changed> {
    let mut work = posted.begin(Scope::Plan).await?;
    owned(&mut work, &id, posted.input.user_id.as_deref()).await?;
    let asking = Asking::of("reschedule_scheduled")
        .text("id", Some(&id))
        .instant("due_at", Some(posted.input.scheduled_for));
    let call: ScheduledCall = work.one(asking).await?;
    let answer = work.done(StatusCode::OK, Changed::of(call, "call rescheduled")).await?;
    tracing::info!(id, adjusted = answer.data.adjusted, "call rescheduled");
    Ok(answer)
}

#[derive(Serialize, ToSchema)]
pub struct Stats {
    scheduler: SchedulerStats,
    queue: QueueStats,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SchedulerStats {
    total: i64,
    pending: i64,
    processing: i64,
    completed: i64,
    failed: i64,
    cancelled: i64,
    /// Pending ones that are due later, at a known time.
    upcoming_calls: i64,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct QueueStats {
    waiting: i64,
    active: i64,
    completed: i64,
    failed: i64,
    delayed: i64,
    paused: i64,
    total: i64,
}

/// Calls in numbers, in the words of a scheduler and of a job queue.
#[utoipa::path(get, path = "/api/v1/scheduling/stats", tag = "scheduling",
    responses((status = 200, description = "numbers", body = Success<Stats>)))]
async fn stats(caller: Caller) -> Answered<Stats> {
    let mut transaction = caller.begin(Scope::Read).await?;
    let scheduler = transaction.one(Asking::of("scheduler_stats")).await?;
    let queue = transaction.one(Asking::of("queue_stats")).await?;
    transaction.commit().await?;
    Ok(Answer::ok(Stats { scheduler, queue }))
}
