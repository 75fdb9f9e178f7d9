//! `/api/v1/campaigns`: calls with one purpose, and what moves them.

use super::Router;
use super::answer::{Answer, Answered, Refusal, Success};
use super::caller::{Caller, Posted};
use super::input::{Asked, At, Nothing};
use super::page::{Page, Span};
use crate::db::api::{Asking, Scope};
use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

pub fn router() -> Router {
    Router::new()
        .routes(routes!(list, create))
        .routes(routes!(get, edit))
        .routes(routes!(start))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(stop))
        .routes(routes!(archive))
        .routes(routes!(restore))
        .routes(routes!(days))
        .routes(routes!(stats))
        .routes(routes!(why_waiting))
        .routes(routes!(enrol))
}

/// LIMIT: days that are looked ahead.
const DAYS_MAX: i32 = 100;

#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CampaignState {
    Draft,
    Running,
    Paused,
    Stopped,
    Archived,
}

impl CampaignState {
    fn word(self) -> &'static str {
        match self {
            CampaignState::Draft => "draft",
            CampaignState::Running => "running",
            CampaignState::Paused => "paused",
            CampaignState::Stopped => "stopped",
            CampaignState::Archived => "archived",
        }
    }
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Campaign {
    campaign_id: i64,
    name: String,
    state: CampaignState,
    state_reason: Option<String>,
    account: String,
    calendar: String,
    /// The calling window.
    hours: String,
    /// Its zone; null: each contact's own.
    tz: Option<String>,
    policy: String,
    priority: i32,
    weight: f64,
    max_concurrent: Option<i32>,
    per_second: Option<f64>,
    misfire: String,
    misfire_after: String,
    caller_pool: Option<String>,
    consent: Option<String>,
    valid_until: Option<DateTime<Utc>>,
    settings: Value,
    created_at: DateTime<Utc>,
    /// So often is each member called; null: the policy was made by hand.
    frequency: Option<String>,
    /// Whether its members are called again in each period.
    recurs: bool,
    /// So many with one contact; null: any number.
    contact_limit: Option<i32>,
    /// What contactLimit counts: attempts, answered, conversations.
    contact_limit_counts: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Wanted {
    state: Option<CampaignState>,
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i32>,
}

/// Campaigns, the youngest first.
#[utoipa::path(get, path = "/api/v1/campaigns", tag = "campaigns", operation_id = "list_campaigns", params(Wanted),
    responses((status = 200, description = "a page of them", body = Success<Page<Campaign>>)))]
async fn list(caller: Caller, Asked(wanted): Asked<Wanted>) -> Answered<Page<Campaign>> {
    let span = Span::read(wanted.cursor.as_deref(), wanted.limit)?;
    let asking = Asking::of("find_campaigns").text("state", wanted.state.map(CampaignState::word));
    caller.page(asking, &span, |row: &Campaign| row.campaign_id).await
}

/// One campaign.
#[utoipa::path(get, path = "/api/v1/campaigns/{name}", tag = "campaigns", operation_id = "get_campaign",
    params(("name" = String, Path)),
    responses((status = 200, description = "the campaign", body = Success<Campaign>)))]
async fn get(caller: Caller, At(name): At<String>) -> Answered<Campaign> {
    let rows = caller.rows(named(&name)).await?;
    Ok(Answer::ok(rows.into_iter().next().ok_or_else(|| no_such(&name))?))
}

fn named(name: &str) -> Asking {
    Asking::of("find_campaigns").text("only_campaign", Some(name))
}

fn no_such(name: &str) -> Refusal {
    Refusal::not_found("CAMPAIGN_NOT_FOUND", format!("campaign {name:?} does not exist"))
}

/// A campaign to be made; see `dialer.create_campaign`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewCampaign {
    #[schema(min_length = 1)]
    name: String,
    account: String,
    /// Calling window, e.g. Mo-Fr 09:00-17:00; this or calendar.
    #[schema(example = "Mo-Fr 09:00-17:00")]
    hours: Option<String>,
    /// Zone of the hours; without it they are read in each contact's own.
    tz: Option<String>,
    calendar: Option<String>,
    /// Redial policy.
    policy: Option<String>,
    #[schema(minimum = 1, maximum = 100)]
    priority: Option<i32>,
    weight: Option<f64>,
    /// Calls at once; null: as the account allows, which is also what holds unless a frequency is
    /// stated: then it is 10.
    #[serde(default, deserialize_with = "stated")]
    #[schema(minimum = 0, value_type = Option<i32>)]
    max_concurrent: Option<Option<i32>>,
    /// New calls a second; this or perMinute.
    per_second: Option<f64>,
    /// New calls a minute; null: no limit, which is also what holds unless a frequency is stated:
    /// then it is 50.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<f64>)]
    per_minute: Option<Option<f64>>,
    valid_until: Option<DateTime<Utc>>,
    /// What the provider is told: assistant, number ...
    settings: Option<Map<String, Value>>,
    misfire: Option<String>,
    /// An interval, e.g. 5 minutes.
    misfire_after: Option<String>,
    caller_pool: Option<String>,
    consent: Option<String>,
    /// So often is each member (imports, enrol) called, e.g. 2 per week; this or policy.
    #[schema(example = "1 per day")]
    frequency: Option<String>,
    /// Calls its members again in each period; true where a frequency is stated, unless this says false.
    recurs: Option<bool>,
    /// So many attempts, answered calls or conversations (contactLimitCounts) with one contact.
    #[schema(minimum = 1)]
    contact_limit: Option<i32>,
    contact_limit_counts: Option<String>,
    /// Begin calling at once; else start does.
    start: Option<bool>,
}

/// Limits of a campaign with a frequency of which nothing is said: those of
/// `dialer.create_recurring_campaign`.
const RECURRING_AT_ONCE: i32 = 10;
const RECURRING_PER_MINUTE: f64 = 50.0;

/// A value that is there, null included.
fn stated<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

impl NewCampaign {
    fn checked(&self) -> Result<(), Refusal> {
        let contradiction = match () {
            () if self.policy.is_some() && self.frequency.is_some() => "a policy or a frequency",
            () if self.per_second.is_some() && self.per_minute.flatten().is_some() => {
                "a rate per second or per minute"
            }
            () => return Ok(()),
        };
        Err(Refusal::invalid(format!("a campaign has {contradiction}, not both")))
    }

    fn at_once(&self) -> Option<i32> {
        let usual = self.frequency.as_ref().map(|_| RECURRING_AT_ONCE);
        self.max_concurrent.unwrap_or(usual)
    }

    fn per_minute(&self) -> Option<f64> {
        let has_usual = self.frequency.is_some() && self.per_second.is_none();
        self.per_minute.unwrap_or(has_usual.then_some(RECURRING_PER_MINUTE))
    }

    /// What is set after it is made, in the same transaction.
    fn further(&self) -> Map<String, Value> {
        let stated = [
            ("frequency", self.frequency.clone().map(Value::from)),
            ("recurs", self.recurs.or(self.frequency.as_ref().map(|_| true)).map(Value::from)),
            ("per_minute", self.per_minute().map(Value::from)),
            ("contact_limit", self.contact_limit.map(Value::from)),
            ("contact_limit_counts", self.contact_limit_counts.clone().map(Value::from)),
        ];
        let named = stated.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        named.collect()
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Made {
    campaign_id: i64,
    name: String,
    state: CampaignState,
}

/// Adds a campaign, as a draft or running.
#[utoipa::path(post, path = "/api/v1/campaigns", tag = "campaigns", operation_id = "create_campaign", request_body = NewCampaign,
    responses((status = 201, description = "it is made", body = Success<Made>)))]
async fn create(posted: Posted<NewCampaign>) -> Answered<Made> {
    let mut work = posted.begin(Scope::Plan).await?;
    let new = &posted.input;
    new.checked()?;
    let number = |value: Option<f64>| value.map(|value| value.to_string());
    let asking = Asking::of("create_campaign")
        .text("name", Some(&new.name))
        .text("account", Some(&new.account))
        .read_as("hours", "::dialer.hours", new.hours.as_deref())
        .text("tz", new.tz.as_deref())
        .text("calendar", new.calendar.as_deref())
        .text("policy", new.policy.as_deref())
        .integer("priority", new.priority)
        .read_as("weight", "::double precision", number(new.weight).as_deref())
        .integer("max_concurrent", new.at_once())
        .read_as("per_second", "::numeric", number(new.per_second).as_deref())
        .instant("valid_until", new.valid_until)
        .json("settings", new.settings.clone().map(Value::Object))
        .text("misfire", new.misfire.as_deref())
        .read_as("misfire_after", "::interval", new.misfire_after.as_deref())
        .text("caller_pool", new.caller_pool.as_deref())
        .text("consent", new.consent.as_deref());
    let campaign_id = work.one(asking).await?;
    let further = new.further();
    if !further.is_empty() {
        let asking = Asking::of("edit_campaign").text("name", Some(&new.name));
        work.run(asking.json("changes", Some(Value::Object(further)))).await?;
    }
    let mut state = CampaignState::Draft;
    if new.start == Some(true) {
        work.run(Asking::of("start_campaign").text("name", Some(&new.name))).await?;
        state = CampaignState::Running;
    }
    let name = new.name.clone();
    work.done(StatusCode::CREATED, Made { campaign_id, name, state }).await
}

/// What is to be changed; what is not there stays, and null takes a limit away.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Changes {
    #[serde(flatten)]
    #[schema(value_type = Object, example = json!({"maxConcurrent": 5, "hours": "Mo-Sa 09:00-18:00"}))]
    changes: Map<String, Value>,
}

/// Changes a campaign, from the next claim on: any of name, account, calendar or hours and tz,
/// policy or frequency, priority, weight, maxConcurrent, perSecond or perMinute, misfire,
/// misfireAfter, callerPool, consent, validUntil, settings ...: see `dialer.edit_campaign`.
#[utoipa::path(patch, path = "/api/v1/campaigns/{name}", tag = "campaigns", operation_id = "edit_campaign",
    params(("name" = String, Path)), request_body = Changes,
    responses((status = 200, description = "as it is now", body = Success<Campaign>)))]
async fn edit(At(name): At<String>, posted: Posted<Changes>) -> Answered<Campaign> {
    let mut work = posted.begin(Scope::Plan).await?;
    let changes: Map<String, Value> =
        posted.input.changes.iter().map(|(key, value)| (snake(key), value.clone())).collect();
    let now = changes.get("name").and_then(Value::as_str).unwrap_or(&name).to_owned();
    let asking = Asking::of("edit_campaign")
        .text("name", Some(&name))
        .json("changes", Some(Value::Object(changes)));
    work.run(asking).await?;
    let campaign = work.one(named(&now)).await?;
    work.done(StatusCode::OK, campaign).await
}

fn snake(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

/// How a campaign has moved.
#[derive(Debug, Serialize, ToSchema)]
pub struct Moved {
    name: String,
    /// The state before.
    before: String,
    state: CampaignState,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Because {
    reason: Option<String>,
}

async fn moved<T>(
    posted: Posted<T>,
    function: &'static str,
    name: String,
    reason: Option<String>,
    state: CampaignState,
) -> Answered<Moved> {
    let mut work = posted.begin(Scope::Plan).await?;
    let asking = Asking::of(function).text("name", Some(&name)).text("reason", reason.as_deref());
    let before = work.one(asking).await?;
    let answer = work.done(StatusCode::OK, Moved { name, before, state }).await?;
    tracing::info!(state = state.word(), "a campaign has moved");
    Ok(answer)
}

/// Begins, or goes on, calling.
#[utoipa::path(post, path = "/api/v1/campaigns/{name}/start", tag = "campaigns", operation_id = "start_campaign",
    params(("name" = String, Path)), request_body = Nothing,
    responses((status = 200, description = "it runs", body = Success<Moved>)))]
async fn start(At(name): At<String>, posted: Posted<Nothing>) -> Answered<Moved> {
    moved(posted, "start_campaign", name, None, CampaignState::Running).await
}

/// Places no more calls; those in flight finish, and nothing is lost.
#[utoipa::path(post, path = "/api/v1/campaigns/{name}/pause", tag = "campaigns", operation_id = "pause_campaign",
    params(("name" = String, Path)), request_body = Because,
    responses((status = 200, description = "it rests", body = Success<Moved>)))]
async fn pause(At(name): At<String>, mut posted: Posted<Because>) -> Answered<Moved> {
    let reason = posted.input.reason.take();
    moved(posted, "pause_campaign", name, reason, CampaignState::Paused).await
}

/// Goes on after a pause.
#[utoipa::path(post, path = "/api/v1/campaigns/{name}/resume", tag = "campaigns", operation_id = "resume_campaign",
    params(("name" = String, Path)), request_body = Nothing,
    responses((status = 200, description = "it runs", body = Success<Moved>)))]
async fn resume(At(name): At<String>, posted: Posted<Nothing>) -> Answered<Moved> {
    moved(posted, "resume_campaign", name, None, CampaignState::Running).await
}

/// Ends a campaign for good: what waits is cancelled.
#[utoipa::path(post, path = "/api/v1/campaigns/{name}/stop", tag = "campaigns", operation_id = "stop_campaign",
    params(("name" = String, Path)), request_body = Because,
    responses((status = 200, description = "it is over", body = Success<Moved>)))]
async fn stop(At(name): At<String>, mut posted: Posted<Because>) -> Answered<Moved> {
    let reason = posted.input.reason.take();
    moved(posted, "stop_campaign", name, reason, CampaignState::Stopped).await
}

/// Puts a stopped campaign out of sight.
#[utoipa::path(post, path = "/api/v1/campaigns/{name}/archive", tag = "campaigns", operation_id = "archive_campaign",
    params(("name" = String, Path)), request_body = Nothing,
    responses((status = 200, description = "it is out of sight", body = Success<Moved>)))]
async fn archive(At(name): At<String>, posted: Posted<Nothing>) -> Answered<Moved> {
    moved(posted, "archive_campaign", name, None, CampaignState::Archived).await
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Anew {
    /// Name of the new run; default: the old one and a number.
    #[schema(min_length = 1)]
    name: Option<String>,
}

/// A campaign that runs again, as a new one.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Restored {
    /// Its name; it is a draft, and start begins calling.
    campaign: String,
    /// Calls that were planned anew.
    planned: i64,
    members: i64,
    series: i64,
    /// Calls whose last word is not understood, or was final.
    left_out: i64,
}

/// Runs a stopped or archived campaign again, as a new draft: what the stop cancelled is planned
/// anew, members and series go on, and the old run stays as it was.
#[utoipa::path(post, path = "/api/v1/campaigns/{name}/restore", tag = "campaigns", operation_id = "restore_campaign",
    params(("name" = String, Path)), request_body = Anew,
    responses((status = 201, description = "the new run", body = Success<Restored>)))]
async fn restore(At(name): At<String>, posted: Posted<Anew>) -> Answered<Restored> {
    let mut work = posted.begin(Scope::Plan).await?;
    let asking = Asking::of("restore_campaign")
        .text("name", Some(&name))
        .text("new_name", posted.input.name.as_deref());
    let restored: Restored = work.one(asking).await?;
    let answer = work.done(StatusCode::CREATED, restored).await?;
    let Restored { planned, members, series, left_out, .. } = answer.data;
    tracing::info!(planned, members, series, left_out, "a campaign runs again");
    Ok(answer)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ahead {
    /// How many days; default 14.
    #[param(minimum = 1, maximum = 100)]
    days: Option<i32>,
    /// An interval, e.g. 150 seconds.
    #[param(example = "150 seconds")]
    average_call: Option<String>,
}

/// What a day of a campaign that recurs has.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Day {
    #[serde(alias = "on")]
    date: NaiveDate,
    weekday: String,
    /// How long it is open, hours:minutes:seconds.
    open: String,
    /// Members whom the frequency lets be called.
    due: i64,
    /// Calls that the lines and the rate carry; null: any number.
    capacity: Option<i64>,
    /// Members who are called.
    calls: i64,
    /// Members who are left for the next allowed day.
    left_over: i64,
}

/// The next days of a campaign that recurs: whom its frequency lets be called, and whom the lines serve.
#[utoipa::path(get, path = "/api/v1/campaigns/{name}/days", tag = "campaigns", operation_id = "campaign_days",
    params(("name" = String, Path), Ahead),
    responses((status = 200, description = "a line a day", body = Success<Vec<Day>>)))]
async fn days(
    caller: Caller,
    At(name): At<String>,
    Asked(ahead): Asked<Ahead>,
) -> Answered<Vec<Day>> {
    if ahead.days.is_some_and(|days| !(1..=DAYS_MAX).contains(&days)) {
        return Err(Refusal::invalid(format!("days are 1 to {DAYS_MAX}")));
    }
    let asking = Asking::of("campaign_days")
        .text("campaign", Some(&name))
        .integer("days", ahead.days)
        .read_as("average_call", "::interval", ahead.average_call.as_deref());
    Ok(Answer::ok(caller.rows(asking).await?))
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CampaignStats {
    scheduled: i64,
    claimed: i64,
    in_flight: i64,
    completed: i64,
    failed: i64,
    cancelled: i64,
    expired: i64,
    total: i64,
    /// Attempts that count.
    attempts: i64,
    first_due_at: Option<DateTime<Utc>>,
}

/// The calls of a campaign by state.
#[utoipa::path(get, path = "/api/v1/campaigns/{name}/stats", tag = "campaigns", operation_id = "campaign_stats",
    params(("name" = String, Path)),
    responses((status = 200, description = "numbers", body = Success<CampaignStats>)))]
async fn stats(caller: Caller, At(name): At<String>) -> Answered<CampaignStats> {
    let asking = Asking::of("campaign_stats").text("campaign", Some(&name));
    Ok(Answer::ok(caller.one(asking).await?))
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaitReason {
    reason: String,
    calls: i64,
    /// When the first of them could go.
    next_at: Option<DateTime<Utc>>,
}

/// Why the calls of a campaign are not being placed.
#[utoipa::path(get, path = "/api/v1/campaigns/{name}/why-waiting", tag = "campaigns", operation_id = "why_waiting",
    params(("name" = String, Path)),
    responses((status = 200, description = "how many for which reason", body = Success<Vec<WaitReason>>)))]
async fn why_waiting(caller: Caller, At(name): At<String>) -> Answered<Vec<WaitReason>> {
    let asking = Asking::of("why_waiting").text("campaign", Some(&name));
    Ok(Answer::ok(caller.rows(asking).await?))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Enrol {
    /// LIMIT: 10000 at once.
    #[schema(max_items = 10000)]
    contact_ids: Vec<i64>,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Enrolled {
    contact_id: i64,
    call_id: Option<i64>,
    due_at: Option<DateTime<Utc>>,
    result: String,
}

/// Plans a call for each of these contacts that has none alive in the campaign.
#[utoipa::path(post, path = "/api/v1/campaigns/{name}/enrol", tag = "campaigns", operation_id = "enrol",
    params(("name" = String, Path)), request_body = Enrol,
    responses((status = 201, description = "who was enrolled", body = Success<Vec<Enrolled>>)))]
async fn enrol(At(name): At<String>, posted: Posted<Enrol>) -> Answered<Vec<Enrolled>> {
    if posted.input.contact_ids.len() > 10_000 {
        return Err(Refusal::invalid("contactIds are at most 10000 at once"));
    }
    let mut work = posted.begin(Scope::Plan).await?;
    let asking = Asking::of("enrol")
        .text("campaign", Some(&name))
        .bigints("contact_ids", posted.input.contact_ids.clone());
    let enrolled = work.rows(asking).await?;
    work.done(StatusCode::CREATED, enrolled).await
}
