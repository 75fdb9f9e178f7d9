//! `/api/v1/series`: calls that come back by a rule.

use super::Router;
use super::answer::{Answer, Answered, Refusal, Success};
use super::caller::{Caller, Posted};
use super::input::{Asked, At};
use super::page::{Page, Span};
use super::scheduling::{Occurrence, ahead};
use crate::db::api::{Asking, Scope};
use axum::http::StatusCode;
use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

pub fn router() -> Router {
    Router::new().routes(routes!(list, create)).routes(routes!(get)).routes(routes!(cancel))
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SeriesState {
    Active,
    Ended,
    Cancelled,
}

impl SeriesState {
    fn word(self) -> &'static str {
        match self {
            SeriesState::Active => "active",
            SeriesState::Ended => "ended",
            SeriesState::Cancelled => "cancelled",
        }
    }
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Series {
    series_id: i64,
    campaign: String,
    contact_id: i64,
    /// Their name.
    contact: Option<String>,
    address: String,
    /// RFC 5545
    rule: String,
    /// Wall-clock time in tz.
    start_local: String,
    tz: String,
    state: SeriesState,
    end_reason: Option<String>,
    /// The next occurrence by the rule.
    next_at: Option<DateTime<Utc>>,
    next_local: Option<String>,
    occurrence_count: i32,
    left_out_count: i32,
    payload: Value,
    created_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Wanted {
    campaign: Option<String>,
    state: Option<SeriesState>,
    /// Phone number, e-mail address, or the beginning of the name.
    person: Option<String>,
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i32>,
}

/// Series with their next run, the youngest first.
#[utoipa::path(get, path = "/api/v1/series", tag = "series", operation_id = "list_series", params(Wanted),
    responses((status = 200, description = "a page of them", body = Success<Page<Series>>)))]
async fn list(caller: Caller, Asked(wanted): Asked<Wanted>) -> Answered<Page<Series>> {
    let span = Span::read(wanted.cursor.as_deref(), wanted.limit)?;
    let asking = Asking::of("find_series")
        .text("campaign", wanted.campaign.as_deref())
        .text("state", wanted.state.map(SeriesState::word))
        .text("person", wanted.person.as_deref());
    caller.page(asking, &span, |row: &Series| row.series_id).await
}

/// A series to be made; see `dialer.schedule_series`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSeries {
    campaign: String,
    #[schema(example = "+12125550123")]
    address: String,
    /// Wall-clock time of the first, without an offset.
    #[schema(
        example = "2026-12-07T10:00:00",
        pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}$"
    )]
    start_local: NaiveDateTime,
    /// RFC 5545 RRULE.
    #[schema(example = "FREQ=WEEKLY;BYDAY=MO")]
    rule: String,
    #[schema(example = "America/New_York")]
    tz: String,
    name: Option<String>,
    state: Option<String>,
    external_key: Option<String>,
    #[schema(minimum = 1, maximum = 100)]
    priority: Option<i32>,
    payload: Option<Map<String, Value>>,
    region: Option<String>,
    /// What becomes of a time that the clocks skip: forward, skip, gap_end.
    gap: Option<String>,
    /// Which of a time that comes twice: first, second, both.
    overlap: Option<String>,
    /// What becomes of a day that the month does not have: clamp, omit, forward.
    month_end: Option<String>,
    /// Hours of its own, on top of the campaign's.
    hours: Option<String>,
    hours_tz: Option<String>,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MadeSeries {
    series_id: i64,
    next_at: Option<DateTime<Utc>>,
}

/// Plans calls that come back.
#[utoipa::path(post, path = "/api/v1/series", tag = "series", operation_id = "create_series", request_body = NewSeries,
    responses((status = 201, description = "they come", body = Success<MadeSeries>)))]
async fn create(posted: Posted<NewSeries>) -> Answered<MadeSeries> {
    let new = &posted.input;
    if new.priority.is_some_and(|priority| !(1..=100).contains(&priority)) {
        return Err(Refusal::invalid("priority is 1 to 100"));
    }
    let mut work = posted.begin(Scope::Plan).await?;
    let asking = Asking::of("schedule_series")
        .text("campaign", Some(&new.campaign))
        .text("address", Some(&new.address))
        .wall_clock("start_local", Some(new.start_local))
        .text("rule", Some(&new.rule))
        .text("tz", Some(&new.tz))
        .text("name", new.name.as_deref())
        .text("state", new.state.as_deref())
        .text("external_key", new.external_key.as_deref())
        .integer("priority", new.priority)
        .json("payload", new.payload.clone().map(Value::Object))
        .text("region", new.region.as_deref())
        .text("gap", new.gap.as_deref())
        .text("overlap", new.overlap.as_deref())
        .text("month_end", new.month_end.as_deref())
        .read_as("hours", "::dialer.hours", new.hours.as_deref())
        .text("hours_tz", new.hours_tz.as_deref());
    let made = work.one(asking).await?;
    work.done(StatusCode::CREATED, made).await
}

/// A series, and what comes of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeriesAhead {
    series: Series,
    ahead: Vec<Occurrence>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct HowMany {
    /// Occurrences to show; default 10.
    #[param(minimum = 1, maximum = 366)]
    ahead: Option<i32>,
}

/// One series with its next occurrences.
#[utoipa::path(get, path = "/api/v1/series/{id}", tag = "series", operation_id = "get_series", params(("id" = i64, Path), HowMany),
    responses((status = 200, description = "the series", body = Success<SeriesAhead>)))]
async fn get(
    caller: Caller,
    At(id): At<i64>,
    Asked(many): Asked<HowMany>,
) -> Answered<SeriesAhead> {
    let most = many.ahead.unwrap_or(10);
    if !(1..=366).contains(&most) {
        return Err(Refusal::invalid("ahead is 1 to 366"));
    }
    let mut transaction = caller.begin(Scope::Read).await?;
    let asking = Asking::of("find_series").bigint("only_series", Some(id));
    let found: Vec<Series> = transaction.rows(asking).await?;
    let none = || Refusal::not_found("SERIES_NOT_FOUND", format!("series {id} does not exist"));
    let series = found.into_iter().next().ok_or_else(none)?;
    let ahead = transaction.rows(ahead(&format!("series-{id}"), most)).await?;
    transaction.commit().await?;
    Ok(Answer::ok(SeriesAhead { series, ahead }))
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelSeries {
    reason: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CancelledSeries {
    series_id: i64,
    /// Calls of it that waited.
    cancelled_calls: i32,
}

/// Ends a series: nothing more comes, and what waits of it is cancelled.
#[utoipa::path(post, path = "/api/v1/series/{id}/cancel", tag = "series", operation_id = "cancel_series", params(("id" = i64, Path)), request_body = CancelSeries,
    responses((status = 200, description = "it is over", body = Success<CancelledSeries>)))]
async fn cancel(At(id): At<i64>, posted: Posted<CancelSeries>) -> Answered<CancelledSeries> {
    let mut work = posted.begin(Scope::Plan).await?;
    let asking = Asking::of("cancel_series")
        .bigint("series_id", Some(id))
        .text("reason", posted.input.reason.as_deref());
    let cancelled: Result<i32, _> = work.one(asking).await;
    let cancelled_calls = cancelled.map_err(|error| {
        Refusal::from(error).renamed("SCHEDULED_CALL_NOT_FOUND", "SERIES_NOT_FOUND")
    })?;
    work.done(StatusCode::OK, CancelledSeries { series_id: id, cancelled_calls }).await
}
