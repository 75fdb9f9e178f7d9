//! `/api/v1/reports` and `/api/admin`: numbers with their definitions, from the one source.

use super::Router;
use super::answer::{Answer, Answered, Success};
use super::caller::Caller;
use super::input::Asked;
use crate::db::api::{Asking, Scope};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Number;
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

pub fn router() -> Router {
    Router::new()
        .routes(routes!(statistics_today))
        .routes(routes!(daily))
        .routes(routes!(breakdown))
        .routes(routes!(range))
        .routes(routes!(totals))
        .routes(routes!(today))
        .routes(routes!(stagger))
        .routes(routes!(capacity))
}

/// One number of a report.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Measure {
    measure: String,
    #[schema(value_type = Option<f64>)]
    value: Option<Number>,
    /// What was counted.
    definition: String,
}

/// As some reports count calls.
#[derive(Debug, Deserialize)]
struct Counted {
    measure: String,
    calls: Number,
    definition: String,
}

impl From<Counted> for Measure {
    fn from(counted: Counted) -> Measure {
        let Counted { measure, calls, definition } = counted;
        Measure { measure, value: Some(calls), definition }
    }
}

fn counted(rows: Vec<Counted>) -> Vec<Measure> {
    rows.into_iter().map(Measure::from).collect()
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Day {
    /// Zone whose day is meant; default: the one of the configuration.
    tz: Option<String>,
    campaign: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Statistics {
    /// Local date.
    date: Option<NaiveDate>,
    timezone: String,
    total_calls: i64,
    leads_created: i64,
    redials: i64,
    connectivity_rate: Option<f64>,
    transfer_rate: Option<f64>,
    /// Attempts by outcome.
    outcomes: BTreeMap<String, i64>,
    /// What each number counts.
    definitions: BTreeMap<String, String>,
}

impl Statistics {
    fn of(measures: Vec<Measure>, date: Option<NaiveDate>, timezone: String) -> Statistics {
        let value = |name: &str| {
            let found = measures.iter().find(|measure| measure.measure == name);
            found.and_then(|found| found.value.as_ref())
        };
        let count = |name: &str| value(name).and_then(Number::as_i64).unwrap_or(0);
        let rate = |name: &str| value(name).and_then(Number::as_f64);
        let outcome = |measure: &Measure| {
            let name = measure.measure.strip_prefix("outcome_")?.to_owned();
            Some((name, measure.value.as_ref().and_then(Number::as_i64).unwrap_or(0)))
        };
        Statistics {
            date,
            timezone,
            total_calls: count("total_calls"),
            leads_created: count("leads_created"),
            redials: count("redials"),
            connectivity_rate: rate("connectivity_rate"),
            transfer_rate: rate("transfer_rate"),
            outcomes: measures.iter().filter_map(outcome).collect(),
            definitions: measures.into_iter().map(|m| (m.measure, m.definition)).collect(),
        }
    }
}

/// Today so far.
#[utoipa::path(get, path = "/api/admin/statistics/today", tag = "reports", operation_id = "statistics_today", params(Day),
    responses((status = 200, description = "numbers", body = Success<Statistics>)))]
async fn statistics_today(caller: Caller, Asked(day): Asked<Day>) -> Answered<Statistics> {
    let tz = day.tz.unwrap_or_else(|| caller.api.default_timezone.clone());
    let mut transaction = caller.begin(Scope::Read).await?;
    let measures = transaction.rows(today_of(&tz, day.campaign.as_deref())).await?;
    let span: DaySpan = transaction.one(Asking::of("local_day").text("tz", Some(&tz))).await?;
    transaction.commit().await?;
    Ok(Answer::ok(Statistics::of(measures, Some(span.day), tz)))
}

fn today_of(tz: &str, campaign: Option<&str>) -> Asking {
    Asking::of("report_today").text("tz", Some(tz)).text("campaign", campaign)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DayOf {
    /// Local date; default: today.
    date: Option<NaiveDate>,
    /// Zone whose day is meant; default: the one of the configuration.
    tz: Option<String>,
    campaign: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Daily {
    /// What was dialled on the day.
    attempts: Statistics,
    /// What became of the calls that were planned on the day.
    breakdown: Vec<Measure>,
    /// Of all calls ever.
    totals: Vec<Measure>,
}

/// The report of a day: to be fetched every morning by whoever sends it round.
#[utoipa::path(get, path = "/api/admin/reports/daily", tag = "reports", operation_id = "daily_report", params(DayOf),
    responses((status = 200, description = "numbers", body = Success<Daily>)))]
async fn daily(caller: Caller, Asked(day): Asked<DayOf>) -> Answered<Daily> {
    let tz = day.tz.unwrap_or_else(|| caller.api.default_timezone.clone());
    let mut transaction = caller.begin(Scope::Read).await?;
    let date = day.date.map(|date| date.to_string());
    let asking =
        Asking::of("local_day").text("tz", Some(&tz)).read_as("day", "::date", date.as_deref());
    let span: DaySpan = transaction.one(asking).await?;
    let between = |function| {
        let asking = Asking::of(function).instant("from_at", Some(span.from_at));
        asking.instant("to_at", Some(span.to_at)).text("campaign", day.campaign.as_deref())
    };
    let attempts = transaction.rows(between("report_range")).await?;
    let breakdown = counted(transaction.rows(between("report_breakdown")).await?);
    let asking = Asking::of("report_totals").text("campaign", day.campaign.as_deref());
    let totals = counted(transaction.rows(asking.text("tz", Some(&tz))).await?);
    transaction.commit().await?;
    let attempts = Statistics::of(attempts, Some(span.day), tz);
    Ok(Answer::ok(Daily { attempts, breakdown, totals }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DaySpan {
    day: NaiveDate,
    from_at: DateTime<Utc>,
    to_at: DateTime<Utc>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Between {
    from: Option<DateTime<Utc>>,
    /// Not included.
    to: Option<DateTime<Utc>>,
    campaign: Option<String>,
}

/// What became of the calls that were planned in a span: every one is in exactly one of the lines 2 to 9.
#[utoipa::path(get, path = "/api/v1/reports/breakdown", tag = "reports", operation_id = "report_breakdown", params(Between),
    responses((status = 200, description = "numbers", body = Success<Vec<Measure>>)))]
async fn breakdown(caller: Caller, Asked(between): Asked<Between>) -> Answered<Vec<Measure>> {
    let asking = Asking::of("report_breakdown")
        .instant("from_at", between.from)
        .instant("to_at", between.to)
        .text("campaign", between.campaign.as_deref());
    Ok(Answer::ok(counted(caller.rows(asking).await?)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Range {
    from: DateTime<Utc>,
    /// Not included.
    to: DateTime<Utc>,
    campaign: Option<String>,
}

/// Attempts dialled in a span: calls, redials, outcomes, rates.
#[utoipa::path(get, path = "/api/v1/reports/range", tag = "reports", operation_id = "report_range", params(Range),
    responses((status = 200, description = "numbers", body = Success<Vec<Measure>>)))]
async fn range(caller: Caller, Asked(range): Asked<Range>) -> Answered<Vec<Measure>> {
    let asking = Asking::of("report_range")
        .instant("from_at", Some(range.from))
        .instant("to_at", Some(range.to))
        .text("campaign", range.campaign.as_deref());
    Ok(Answer::ok(caller.rows(asking).await?))
}

/// Totals since the beginning.
#[utoipa::path(get, path = "/api/v1/reports/totals", tag = "reports", operation_id = "report_totals", params(Day),
    responses((status = 200, description = "numbers", body = Success<Vec<Measure>>)))]
async fn totals(caller: Caller, Asked(day): Asked<Day>) -> Answered<Vec<Measure>> {
    let tz = day.tz.unwrap_or_else(|| caller.api.default_timezone.clone());
    let asking =
        Asking::of("report_totals").text("campaign", day.campaign.as_deref()).text("tz", Some(&tz));
    Ok(Answer::ok(counted(caller.rows(asking).await?)))
}

/// Attempts of today so far.
#[utoipa::path(get, path = "/api/v1/reports/today", tag = "reports", operation_id = "report_today", params(Day),
    responses((status = 200, description = "numbers", body = Success<Vec<Measure>>)))]
async fn today(caller: Caller, Asked(day): Asked<Day>) -> Answered<Vec<Measure>> {
    let tz = day.tz.unwrap_or_else(|| caller.api.default_timezone.clone());
    Ok(Answer::ok(caller.rows(today_of(&tz, day.campaign.as_deref())).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Staggered {
    campaign: String,
    from: DateTime<Utc>,
    /// Not included.
    until: DateTime<Utc>,
}

/// What became of a stagger: planned against placed, and the most at once.
#[utoipa::path(get, path = "/api/v1/reports/stagger", tag = "reports", operation_id = "report_stagger", params(Staggered),
    responses((status = 200, description = "numbers", body = Success<Vec<Measure>>)))]
async fn stagger(caller: Caller, Asked(wanted): Asked<Staggered>) -> Answered<Vec<Measure>> {
    let asking = Asking::of("report_stagger")
        .text("campaign", Some(&wanted.campaign))
        .instant("from_at", Some(wanted.from))
        .instant("until_at", Some(wanted.until));
    Ok(Answer::ok(caller.rows(asking).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Capacity {
    #[param(minimum = 0)]
    contacts: i64,
    #[param(minimum = 1)]
    attempts_a_day: i32,
    /// An interval: how long a day is open, e.g. 9 hours.
    #[param(example = "9 hours")]
    open_a_day: String,
    #[param(minimum = 1)]
    max_concurrent: i32,
    /// An interval; default 150 seconds.
    average_call: Option<String>,
}

/// How many calls so many contacts mean, and what so many lines can carry.
#[utoipa::path(get, path = "/api/v1/reports/capacity", tag = "reports", operation_id = "capacity", params(Capacity),
    responses((status = 200, description = "numbers", body = Success<Vec<Measure>>)))]
async fn capacity(caller: Caller, Asked(wanted): Asked<Capacity>) -> Answered<Vec<Measure>> {
    let asking = Asking::of("capacity")
        .bigint("contacts", Some(wanted.contacts))
        .integer("attempts_a_day", Some(wanted.attempts_a_day))
        .read_as("open_a_day", "::interval", Some(&wanted.open_a_day))
        .integer("max_concurrent", Some(wanted.max_concurrent))
        .read_as("average_call", "::interval", wanted.average_call.as_deref());
    Ok(Answer::ok(caller.rows(asking).await?))
}
