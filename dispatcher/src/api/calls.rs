//! `/api/v1/calls`: every planned outreach, its attempts, and what may be done with it.

use super::Router;
use super::answer::{Answer, Answered, Refusal, Success};
use super::caller::{Caller, Posted};
use super::input::{Asked, At};
use super::page::{self, Page, Span};
use crate::db::api::{Asking, Scope};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;
use uuid::Uuid;

pub fn router() -> Router {
    Router::new()
        .routes(routes!(list, plan))
        .routes(routes!(get))
        .routes(routes!(explain))
        .routes(routes!(cancel))
        .routes(routes!(reschedule))
        .routes(routes!(callback))
        .routes(routes!(disposition))
        .routes(routes!(history))
        .routes(routes!(callbacks))
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    Scheduled,
    Claimed,
    InFlight,
    Completed,
    Failed,
    Cancelled,
    Expired,
}

impl CallState {
    fn word(self) -> &'static str {
        match self {
            CallState::Scheduled => "scheduled",
            CallState::Claimed => "claimed",
            CallState::InFlight => "in_flight",
            CallState::Completed => "completed",
            CallState::Failed => "failed",
            CallState::Cancelled => "cancelled",
            CallState::Expired => "expired",
        }
    }
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    call_id: i64,
    campaign: String,
    contact_id: i64,
    external_key: Option<String>,
    contact: Option<String>,
    /// E.164 number, or e-mail address.
    address: String,
    channel: String,
    state: CallState,
    due_at: Option<DateTime<Utc>>,
    /// dueAt on the wall clock of tz.
    due_local: Option<String>,
    tz: String,
    planned_at: Option<DateTime<Utc>>,
    /// Where the due time was moved into the calling window: what was asked for.
    asked_at: Option<DateTime<Utc>>,
    adjustment: Option<String>,
    wait_reason: Option<String>,
    end_reason: Option<String>,
    outcome: Option<String>,
    priority: i32,
    expires_at: Option<DateTime<Utc>>,
    payload: Value,
    idempotency_key: Option<String>,
    series_id: Option<i64>,
    occurrence: Option<i32>,
    created_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Wanted {
    campaign: Option<String>,
    state: Option<CallState>,
    /// Due not before.
    from: Option<DateTime<Utc>>,
    /// Due before.
    until: Option<DateTime<Utc>>,
    /// Phone number, e-mail address, or the beginning of the name.
    person: Option<String>,
    /// userId of the payload.
    user_id: Option<String>,
    external_key: Option<String>,
    /// Of the last attempt.
    outcome: Option<String>,
    series_id: Option<i64>,
    /// campaignId of the payload's metadata.
    metadata_campaign_id: Option<String>,
    /// customerId of the payload's metadata.
    metadata_customer_id: Option<String>,
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i32>,
}

/// Calls, the youngest first.
#[utoipa::path(get, path = "/api/v1/calls", tag = "calls", operation_id = "list_calls", params(Wanted),
    responses((status = 200, description = "a page of them", body = Success<Page<Call>>)))]
async fn list(caller: Caller, Asked(wanted): Asked<Wanted>) -> Answered<Page<Call>> {
    let span = Span::read(wanted.cursor.as_deref(), wanted.limit)?;
    let asking = Asking::of("find_calls")
        .text("campaign", wanted.campaign.as_deref())
        .text("state", wanted.state.map(CallState::word))
        .instant("from_at", wanted.from)
        .instant("until_at", wanted.until)
        .text("person", wanted.person.as_deref())
        .text("owner", wanted.user_id.as_deref())
        .text("external_key", wanted.external_key.as_deref())
        .text("outcome", wanted.outcome.as_deref())
        .bigint("series_id", wanted.series_id)
        .text("metadata_campaign", wanted.metadata_campaign_id.as_deref())
        .text("metadata_customer", wanted.metadata_customer_id.as_deref());
    caller.page(asking, &span, |row: &Call| row.call_id).await
}

/// A call to be planned; see `dialer.schedule_call`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewCall {
    campaign: String,
    /// Phone number, or e-mail address.
    #[schema(example = "+12125550123")]
    address: String,
    /// Without it: as soon as it is allowed.
    due_at: Option<DateTime<Utc>>,
    name: Option<String>,
    /// IANA zone of the contact.
    tz: Option<String>,
    /// State of the contact's address.
    state: Option<String>,
    external_key: Option<String>,
    #[schema(minimum = 1, maximum = 100)]
    priority: Option<i32>,
    expires_at: Option<DateTime<Utc>>,
    payload: Option<Map<String, Value>>,
    /// One call for each, for ever; the header Idempotency-Key is for a day.
    idempotency_key: Option<String>,
    /// Country of numbers that are written without one.
    #[schema(example = "US")]
    region: Option<String>,
    /// Hours of the call's own, on top of the campaign's.
    hours: Option<String>,
    hours_tz: Option<String>,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Planned {
    call_id: Option<i64>,
    planned_at: Option<DateTime<Utc>>,
    /// scheduled, waiting, exists, key_of_another, do_not_call, number_unusable
    result: String,
}

/// Plans one call or e-mail.
#[utoipa::path(post, path = "/api/v1/calls", tag = "calls", operation_id = "plan_call", request_body = NewCall,
    responses((status = 201, description = "what became of it", body = Success<Planned>)))]
async fn plan(posted: Posted<NewCall>) -> Answered<Planned> {
    let new = &posted.input;
    if new.priority.is_some_and(|priority| !(1..=100).contains(&priority)) {
        return Err(Refusal::invalid("priority is 1 to 100"));
    }
    let mut work = posted.begin(Scope::Plan).await?;
    let asking = Asking::of("schedule_call")
        .text("campaign", Some(&new.campaign))
        .text("address", Some(&new.address))
        .instant("due_at", new.due_at)
        .text("name", new.name.as_deref())
        .text("tz", new.tz.as_deref())
        .text("state", new.state.as_deref())
        .text("external_key", new.external_key.as_deref())
        .integer("priority", new.priority)
        .instant("expires_at", new.expires_at)
        .json("payload", new.payload.clone().map(Value::Object))
        .text("idempotency_key", new.idempotency_key.as_deref())
        .text("region", new.region.as_deref())
        .read_as("hours", "::dialer.hours", new.hours.as_deref())
        .text("hours_tz", new.hours_tz.as_deref());
    let planned: Planned = work.one(asking).await?;
    let answer = work.done(StatusCode::CREATED, planned).await?;
    let Planned { call_id, result, .. } = &answer.data;
    tracing::info!(call_id, result, "call planned");
    Ok(answer)
}

fn numbered(id: i64) -> Asking {
    Asking::of("find_calls").bigint("only_call", Some(id))
}

/// One call, and its attempts.
#[derive(Debug, Serialize, ToSchema)]
pub struct CallWithAttempts {
    call: Call,
    attempts: Vec<CallAttempt>,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallAttempt {
    attempt_id: Uuid,
    /// ended, or how far an open one has come.
    state: String,
    outcome: Option<String>,
    disposition: Option<String>,
    /// The provider's own.
    word: Option<String>,
    due_at: DateTime<Utc>,
    dialled_at: Option<DateTime<Utc>>,
    ringing_at: Option<DateTime<Utc>>,
    answered_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    duration_seconds: Option<f64>,
    provider_call_id: Option<String>,
}

/// One call with its attempts, the latest first.
#[utoipa::path(get, path = "/api/v1/calls/{id}", tag = "calls", operation_id = "get_call", params(("id" = i64, Path)),
    responses((status = 200, description = "the call", body = Success<CallWithAttempts>)))]
async fn get(caller: Caller, At(id): At<i64>) -> Answered<CallWithAttempts> {
    let mut transaction = caller.begin(Scope::Read).await?;
    let found: Vec<Call> = transaction.rows(numbered(id)).await?;
    let call = found.into_iter().next().ok_or_else(|| Refusal::no_such_call(&id.to_string()))?;
    let attempts =
        transaction.rows(Asking::of("call_attempts").bigint("call_id", Some(id))).await?;
    transaction.commit().await?;
    Ok(Answer::ok(CallWithAttempts { call, attempts }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// At this instant; default now.
    at: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Gate {
    gate: String,
    pass: Option<bool>,
    detail: Option<String>,
    opens_at: Option<Value>,
}

/// Why a call is (not) being placed: one row a gate.
#[utoipa::path(get, path = "/api/v1/calls/{id}/explain", tag = "calls", operation_id = "explain_call", params(("id" = i64, Path), When),
    responses((status = 200, description = "its gates", body = Success<Vec<Gate>>)))]
async fn explain(caller: Caller, At(id): At<i64>, Asked(when): Asked<When>) -> Answered<Vec<Gate>> {
    let asking = Asking::of("explain").bigint("call_id", Some(id)).instant("at", when.at);
    let gates: Vec<Gate> = caller.rows(asking).await?;
    match gates.is_empty() {
        true => Err(Refusal::no_such_call(&id.to_string())),
        false => Ok(Answer::ok(gates)),
    }
}

/// Where a call stands after it was changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallNow {
    call_id: i64,
    state: CallState,
    due_at: Option<DateTime<Utc>>,
    wait_reason: Option<String>,
    end_reason: Option<String>,
    outcome: Option<String>,
}

async fn changed<T>(
    posted: Posted<T>,
    id: i64,
    asking: Asking,
    done: &'static str,
) -> Answered<CallNow> {
    let mut work = posted.begin(Scope::Plan).await?;
    work.run(asking).await?;
    let call: Call = work.one(numbered(id)).await?;
    let now = CallNow {
        call_id: id,
        state: call.state,
        due_at: call.due_at,
        wait_reason: call.wait_reason,
        end_reason: call.end_reason,
        outcome: call.outcome,
    };
    let answer = work.done(StatusCode::OK, now).await?;
    tracing::info!(call_id = id, state = answer.data.state.word(), "{done}");
    Ok(answer)
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelCall {
    reason: Option<String>,
}

/// Cancels a call that waits; of a series, only this one.
#[utoipa::path(post, path = "/api/v1/calls/{id}/cancel", tag = "calls", operation_id = "cancel_call", params(("id" = i64, Path)), request_body = CancelCall,
    responses((status = 200, description = "as it is now", body = Success<CallNow>)))]
async fn cancel(At(id): At<i64>, posted: Posted<CancelCall>) -> Answered<CallNow> {
    let asking = Asking::of("cancel_call")
        .bigint("call_id", Some(id))
        .text("reason", posted.input.reason.as_deref());
    changed(posted, id, asking, "call cancelled").await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MoveCall {
    due_at: DateTime<Utc>,
}

/// Moves a call that waits to another time, or the next opening after it.
#[utoipa::path(post, path = "/api/v1/calls/{id}/reschedule", tag = "calls", operation_id = "reschedule_call", params(("id" = i64, Path)), request_body = MoveCall,
    responses((status = 200, description = "as it is now", body = Success<CallNow>)))]
async fn reschedule(At(id): At<i64>, posted: Posted<MoveCall>) -> Answered<CallNow> {
    let asking = Asking::of("reschedule_call")
        .bigint("call_id", Some(id))
        .instant("due_at", Some(posted.input.due_at));
    changed(posted, id, asking, "call rescheduled").await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Callback {
    callback_at: DateTime<Utc>,
}

/// The contact asked to be called at this time.
#[utoipa::path(post, path = "/api/v1/calls/{id}/callback", tag = "calls", operation_id = "request_callback", params(("id" = i64, Path)), request_body = Callback,
    responses((status = 200, description = "as it is now", body = Success<CallNow>)))]
async fn callback(At(id): At<i64>, posted: Posted<Callback>) -> Answered<CallNow> {
    let asking = Asking::of("request_callback")
        .bigint("call_id", Some(id))
        .instant("callback_at", Some(posted.input.callback_at));
    changed(posted, id, asking, "callback was promised").await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// The business's word: SALE, DNC ...
    #[schema(example = "SALE")]
    label: String,
}

/// What the business says of a call, whenever it says so.
#[utoipa::path(post, path = "/api/v1/calls/{id}/disposition", tag = "calls", operation_id = "set_disposition", params(("id" = i64, Path)), request_body = Label,
    responses((status = 200, description = "as it is now", body = Success<CallNow>)))]
async fn disposition(At(id): At<i64>, posted: Posted<Label>) -> Answered<CallNow> {
    let asking = Asking::of("set_disposition")
        .bigint("call_id", Some(id))
        .text("label", Some(&posted.input.label));
    changed(posted, id, asking, "disposition was set").await
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    attempt_id: Uuid,
    call_id: i64,
    campaign: String,
    contact_id: i64,
    contact: Option<String>,
    address: Option<String>,
    channel: String,
    outcome: String,
    disposition: Option<String>,
    dialled_at: DateTime<Utc>,
    ended_at: DateTime<Utc>,
    duration_seconds: Option<f64>,
    /// What the call is now.
    call_state: Option<CallState>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WantedAttempts {
    campaign: Option<String>,
    /// An outcome; answered or conversations; or a state of the call.
    status: Option<String>,
    /// Ended not before.
    from: Option<DateTime<Utc>>,
    /// Ended before.
    until: Option<DateTime<Utc>>,
    /// Phone number, e-mail address, or the beginning of the name.
    person: Option<String>,
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i32>,
}

/// The call history: every attempt that has ended, the latest first.
#[utoipa::path(get, path = "/api/v1/attempts", tag = "calls", operation_id = "call_history", params(WantedAttempts),
    responses((status = 200, description = "a page of it", body = Success<Page<Attempt>>)))]
async fn history(caller: Caller, Asked(wanted): Asked<WantedAttempts>) -> Answered<Page<Attempt>> {
    let span = Span::read(wanted.cursor.as_deref(), wanted.limit)?;
    let before = span.before_at()?;
    if before.as_ref().is_some_and(|before| before.1.parse::<Uuid>().is_err()) {
        return Err(page::not_a_cursor());
    }
    let asking = Asking::of("history_page")
        .text("campaign", wanted.campaign.as_deref())
        .text("status", wanted.status.as_deref())
        .instant("from_at", wanted.from)
        .instant("to_at", wanted.until)
        .text("contact", wanted.person.as_deref())
        .instant("before_at", before.as_ref().map(|before| before.0))
        .read_as("before_id", "::uuid", before.as_ref().map(|before| before.1.as_str()))
        .integer("page_size", span.one_more());
    let rows = caller.rows(asking).await?;
    let last = |row: &Attempt| page::place(row.ended_at, &row.attempt_id.to_string());
    Ok(Answer::ok(span.page(rows, last)))
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CallbackState {
    Waiting,
    Overdue,
    Kept,
    Late,
    Replaced,
    Dropped,
}

impl CallbackState {
    fn word(self) -> &'static str {
        match self {
            CallbackState::Waiting => "waiting",
            CallbackState::Overdue => "overdue",
            CallbackState::Kept => "kept",
            CallbackState::Late => "late",
            CallbackState::Replaced => "replaced",
            CallbackState::Dropped => "dropped",
        }
    }
}

/// A call that was promised for a time, and what became of the promise.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromisedCall {
    callback_id: i64,
    call_id: i64,
    campaign: String,
    contact_id: i64,
    /// Who said so.
    source: String,
    asked_at: DateTime<Utc>,
    wanted_at: DateTime<Utc>,
    /// The first instant from wantedAt on at which window and caps allow it; null: never.
    granted_at: Option<DateTime<Utc>>,
    /// Until when it counts as kept.
    keep_until: Option<DateTime<Utc>>,
    dialled_at: Option<DateTime<Utc>>,
    status: CallbackState,
    /// Why it has not been dialled.
    reason: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct WantedCallbacks {
    status: Option<CallbackState>,
    campaign: Option<String>,
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i32>,
}

/// Callbacks that were promised, the youngest first.
#[utoipa::path(get, path = "/api/v1/callbacks", tag = "calls", operation_id = "list_callbacks", params(WantedCallbacks),
    responses((status = 200, description = "a page of them", body = Success<Page<PromisedCall>>)))]
async fn callbacks(
    caller: Caller,
    Asked(wanted): Asked<WantedCallbacks>,
) -> Answered<Page<PromisedCall>> {
    let span = Span::read(wanted.cursor.as_deref(), wanted.limit)?;
    let asking = Asking::of("find_callbacks")
        .text("status", wanted.status.map(CallbackState::word))
        .text("campaign", wanted.campaign.as_deref());
    caller.page(asking, &span, |row: &PromisedCall| row.callback_id).await
}
