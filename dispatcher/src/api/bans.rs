//! `/api/v1/bans`: times and areas in which nobody may be called.

use super::Router;
use super::answer::{Answered, Success};
use super::caller::{Caller, Posted};
use super::input::{Asked, At, Nothing};
use super::page::{Page, Span};
use crate::db::api::{Asking, Scope};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

pub fn router() -> Router {
    Router::new().routes(routes!(list, declare)).routes(routes!(lift))
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BanState {
    ToCome,
    InForce,
    Over,
}

impl BanState {
    fn word(self) -> &'static str {
        match self {
            BanState::ToCome => "to_come",
            BanState::InForce => "in_force",
            BanState::Over => "over",
        }
    }
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ban {
    ban_id: i64,
    reason: String,
    state: BanState,
    from_at: DateTime<Utc>,
    /// null: until it is lifted.
    to_at: Option<DateTime<Utc>>,
    /// Codes such as US-LA; neither these nor area codes: it holds for everybody.
    jurisdictions: Vec<String>,
    area_codes: Vec<String>,
    zips: Vec<String>,
    exempt_purposes: Vec<String>,
    declared_at: DateTime<Utc>,
    lifted_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    state: Option<BanState>,
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i32>,
}

/// Bans, the youngest first; those that are over as well.
#[utoipa::path(get, path = "/api/v1/bans", tag = "people", operation_id = "list_bans", params(Wanted),
    responses((status = 200, description = "a page of them", body = Success<Page<Ban>>)))]
async fn list(caller: Caller, Asked(wanted): Asked<Wanted>) -> Answered<Page<Ban>> {
    let span = Span::read(wanted.cursor.as_deref(), wanted.limit)?;
    let asking = Asking::of("find_bans").text("state", wanted.state.map(BanState::word));
    caller.page(asking, &span, |row: &Ban| row.ban_id).await
}

/// A ban to be declared; see `dialer.declare_ban`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewBan {
    #[schema(example = "hurricane", min_length = 1)]
    reason: String,
    /// States, provinces, countries, by code or name; without these and area codes: everybody.
    #[schema(example = json!(["US-LA"]))]
    jurisdictions: Option<Vec<String>>,
    /// Beginnings of numbers in E.164.
    #[schema(example = json!(["+1504"]))]
    area_codes: Option<Vec<String>>,
    /// Within the jurisdictions only these beginnings of ZIP codes, and whose ZIP is not known.
    zips: Option<Vec<String>>,
    /// Default: now.
    from_at: Option<DateTime<Utc>>,
    /// Default: until it is lifted.
    to_at: Option<DateTime<Utc>>,
    /// Campaigns whose law has one of these purposes go on.
    exempt_purposes: Option<Vec<String>>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeclaredBan {
    ban_id: i64,
}

/// Forbids calls to everybody, or to an area, for a time or until it is lifted; at once.
#[utoipa::path(post, path = "/api/v1/bans", tag = "people", operation_id = "declare_ban", request_body = NewBan,
    responses((status = 201, description = "it is declared", body = Success<DeclaredBan>)))]
async fn declare(posted: Posted<NewBan>) -> Answered<DeclaredBan> {
    let mut work = posted.begin(Scope::Plan).await?;
    let new = &posted.input;
    let asking = Asking::of("declare_ban")
        .text("reason", Some(&new.reason))
        .texts("jurisdictions", new.jurisdictions.as_deref())
        .texts("area_codes", new.area_codes.as_deref())
        .texts("zips", new.zips.as_deref())
        .instant("from_at", new.from_at)
        .instant("to_at", new.to_at)
        .texts("exempt_purposes", new.exempt_purposes.as_deref());
    let ban_id = work.one(asking).await?;
    let answer = work.done(StatusCode::CREATED, DeclaredBan { ban_id }).await?;
    tracing::info!(ban_id, "a ban was declared");
    Ok(answer)
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiftedBan {
    ban_id: i64,
    /// Calls that were turned away one by one and are due again.
    due_again: i32,
}

/// Ends a ban at once; needs an admin key.
#[utoipa::path(post, path = "/api/v1/bans/{id}/lift", tag = "people", operation_id = "lift_ban", params(("id" = i64, Path)), request_body = Nothing,
    responses((status = 200, description = "it is over", body = Success<LiftedBan>)))]
async fn lift(At(id): At<i64>, posted: Posted<Nothing>) -> Answered<LiftedBan> {
    let mut work = posted.begin(Scope::Admin).await?;
    let due_again = work.one(Asking::of("lift_ban").bigint("ban_id", Some(id))).await?;
    let answer = work.done(StatusCode::OK, LiftedBan { ban_id: id, due_again }).await?;
    tracing::info!(ban_id = id, due_again, "a ban was lifted");
    Ok(answer)
}
