//! `/api/v1/batches`: many cases at once, staggered, on two channels.

use super::Router;
use super::answer::{Answer, Answered, Refusal, Success};
use super::caller::Posted;
use crate::db::api::{Asking, Scope};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// LIMIT: cases of one request; more go in several, with the same bases, and firstPosition growing.
const CASES_MAX: usize = 10_000;

pub fn router() -> Router {
    Router::new().routes(routes!(schedule)).routes(routes!(preview))
}

/// Cases to be planned; see `dialer.schedule_batch`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Batch {
    /// Objects with any of external_key, name, phone, email, tz, state, status, attributes, payload.
    #[schema(max_items = 10000, value_type = Vec<Object>)]
    cases: Vec<Map<String, Value>>,
    call_campaign: Option<String>,
    email_campaign: Option<String>,
    /// Base of the calls; default now.
    call_at: Option<DateTime<Utc>>,
    email_at: Option<DateTime<Utc>>,
    /// An interval, e.g. 2 minutes.
    #[schema(example = "2 minutes")]
    call_step: Option<String>,
    #[schema(example = "20 seconds")]
    email_step: Option<String>,
    /// A repetition with the same key plans nothing twice.
    batch_key: Option<String>,
    region: Option<String>,
    /// discharge_batch, resend_safe, immediate
    preset: Option<String>,
    /// How the calls are spread: fixed, exponential, even, jitter, custom; see `dialer.stagger_series`.
    call_strategy: Option<String>,
    email_strategy: Option<String>,
    /// What the strategy wants to know, e.g. until, offsets, seed.
    call_options: Option<Map<String, Value>>,
    email_options: Option<Map<String, Value>>,
    /// Which position of the whole batch the first of these cases has, from 1.
    #[schema(minimum = 1)]
    first_position: Option<i64>,
    /// How many cases the whole batch has, in all its requests; default: it ends with these.
    #[schema(minimum = 0)]
    of_count: Option<i64>,
}

impl Batch {
    fn asking(&self, function: &'static str) -> Result<Asking, Refusal> {
        if self.cases.len() > CASES_MAX {
            let message = format!("cases are at most {CASES_MAX} at once");
            let hint = "send more requests with the same batchKey, callAt and emailAt, and firstPosition and ofCount of their own";
            return Err(Refusal::invalid(message).with_hint(hint));
        }
        self.has_common_base()?;
        let cases = self.cases.iter().cloned().map(Value::Object).collect();
        Ok(Asking::of(function)
            .json("cases", Some(Value::Array(cases)))
            .text("call_campaign", self.call_campaign.as_deref())
            .text("email_campaign", self.email_campaign.as_deref())
            .instant("call_at", self.call_at)
            .instant("email_at", self.email_at)
            .read_as("call_step", "::interval", self.call_step.as_deref())
            .read_as("email_step", "::interval", self.email_step.as_deref())
            .text("batch_key", self.batch_key.as_deref())
            .text("region", self.region.as_deref())
            .text("preset", self.preset.as_deref())
            .text("call_strategy", self.call_strategy.as_deref())
            .text("email_strategy", self.email_strategy.as_deref())
            .json("call_options", self.call_options.clone().map(Value::Object))
            .json("email_options", self.email_options.clone().map(Value::Object))
            .bigint("first_position", self.first_position)
            .bigint("of_count", self.of_count))
    }

    /// Now is another time for each request: one that goes on says from when the whole is counted.
    fn has_common_base(&self) -> Result<(), Refusal> {
        let lacks = |campaign: &Option<String>, base: Option<DateTime<Utc>>| {
            campaign.is_some() && base.is_none()
        };
        let goes_on = self.first_position.is_some_and(|position| position > 1);
        let base = match () {
            () if goes_on && lacks(&self.call_campaign, self.call_at) => "callAt",
            () if goes_on && lacks(&self.email_campaign, self.email_at) => "emailAt",
            () => return Ok(()),
        };
        let message = format!("a request with firstPosition above 1 needs {base}");
        Err(Refusal::invalid(message).with_hint("state the same base in each request of the batch"))
    }
}

/// What became, or would become, of a case on a channel.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Which case of the whole batch, from 1.
    position: i64,
    /// How many the whole batch has.
    of_count: Option<i64>,
    /// The external key of the case.
    case_key: Option<String>,
    /// voice, email; or the column at fault.
    channel: Option<String>,
    call_id: Option<i64>,
    /// Open time from the base to the slot.
    #[serde(alias = "after")]
    offset: Option<String>,
    due_at: Option<DateTime<Utc>>,
    /// dueAt on the wall clock of tz.
    local_time: Option<String>,
    tz: Option<String>,
    /// scheduled, waiting, exists, key_of_another, do_not_call, or why not.
    result: Option<String>,
}

/// The lines, and what they come to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lines {
    lines: Vec<Line>,
    planned: usize,
    first_due_at: Option<DateTime<Utc>>,
    last_due_at: Option<DateTime<Utc>>,
}

impl Lines {
    fn of(lines: Vec<Line>) -> Lines {
        let is_planned = |line: &&Line| {
            line.result.as_deref().is_some_and(|result| ["scheduled", "waiting"].contains(&result))
        };
        let due = || lines.iter().filter(is_planned).filter_map(|line| line.due_at);
        Lines {
            planned: lines.iter().filter(is_planned).count(),
            first_due_at: due().min(),
            last_due_at: due().max(),
            lines,
        }
    }

    fn log(&self) {
        let positions = || self.lines.iter().map(|line| line.position);
        tracing::info!(
            planned = self.planned,
            left_out = self.lines.len() - self.planned,
            first_position = positions().min(),
            last_position = positions().max(),
            of_count = self.lines.first().and_then(|line| line.of_count),
            first_due_at = self.first_due_at.map(tracing::field::display),
            last_due_at = self.last_due_at.map(tracing::field::display),
            "a batch was planned"
        );
    }
}

/// Plans a call and/or an e-mail for each case.
#[utoipa::path(post, path = "/api/v1/batches", tag = "batches", operation_id = "schedule_batch", request_body = Batch,
    responses((status = 201, description = "a line a case and channel", body = Success<Lines>)))]
async fn schedule(posted: Posted<Batch>) -> Answered<Lines> {
    let asking = posted.input.asking("schedule_batch")?;
    let mut work = posted.begin(Scope::Plan).await?;
    let lines = Lines::of(work.rows(asking).await?);
    let answer = work.done(StatusCode::CREATED, lines).await?;
    answer.data.log();
    Ok(answer)
}

/// Shows what the batch would do; the same code, undone.
#[utoipa::path(post, path = "/api/v1/batches/preview", tag = "batches", operation_id = "preview_batch", request_body = Batch,
    responses((status = 200, description = "nothing was stored", body = Success<Lines>)))]
async fn preview(posted: Posted<Batch>) -> Answered<Lines> {
    let asking = posted.input.asking("preview_batch")?;
    let mut work = posted.begin(Scope::Plan).await?;
    let lines = Lines::of(work.rows(asking).await?);
    Ok(Answer::ok(lines))
}
