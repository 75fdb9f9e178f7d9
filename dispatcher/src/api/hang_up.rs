//! `/api/v1/calls/{id}/hang-up`: asks the provider to end a live call.
//!
//! It changes nothing here: the end comes as any other, by webhook or look-up.

use super::Router;
use super::answer::{Answered, Refusal, Success};
use super::caller::Posted;
use super::input::{At, Nothing};
use crate::db::api::{Asking, Scope};
use crate::provider::{self, Account};
use crate::secrets;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

pub fn router() -> Router {
    Router::new().routes(routes!(hang_up))
}

/// The attempt, and what its provider is asked with.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Live {
    attempt_id: Uuid,
    account_id: i32,
    provider: String,
    channel: String,
    base_url: Option<String>,
    secret_name: Option<String>,
    settings: Value,
    provider_call_id: String,
}

/// The provider was asked and has agreed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HungUp {
    call_id: i64,
    attempt_id: Uuid,
    provider: String,
}

/// Asks the provider to end a call that is ringing or in conversation. The call ends when the
/// provider says so.
#[utoipa::path(post, path = "/api/v1/calls/{id}/hang-up", tag = "calls", operation_id = "hang_up_call", params(("id" = i64, Path)), request_body = Nothing,
    responses((status = 202, description = "the provider has agreed", body = Success<HungUp>),
        (status = 502, description = "the provider has not: PROVIDER_REFUSED", body = super::answer::Failure)))]
async fn hang_up(At(id): At<i64>, posted: Posted<Nothing>) -> Answered<HungUp> {
    let mut work = posted.begin(Scope::Plan).await?;
    work.act_as_login().await?;
    let live: Live = work.one(Asking::of("attempt_to_hang_up").bigint("call_id", Some(id))).await?;
    work.act_as(Scope::Plan).await?;
    let Live { attempt_id, account_id, .. } = live;
    let asked = ask(&posted.caller.api.http, &live).await;
    if let Err(why) = &asked {
        tracing::warn!(%attempt_id, account_id, why, "call could not be hung up");
    }
    asked.map_err(|why| {
        let message = format!("{} did not end the call: {why}", live.provider);
        let refusal = Refusal::new(StatusCode::BAD_GATEWAY, "PROVIDER_REFUSED", message);
        refusal.with_hint("look at the call: it may have ended by itself; else ask again")
    })?;
    tracing::info!(call_id = id, %attempt_id, account_id, "provider was asked to hang up");
    work.done(StatusCode::ACCEPTED, HungUp { call_id: id, attempt_id, provider: live.provider })
        .await
}

async fn ask(http: &reqwest::Client, live: &Live) -> Result<(), String> {
    let adapter = provider::adapter(&live.provider, &live.channel)
        .ok_or_else(|| format!("there is no adapter for {}", live.channel))?;
    let (base_url, settings) = (live.base_url.clone(), live.settings.clone());
    let account =
        Account::with_secrets(base_url, live.secret_name.as_deref(), settings, secrets::find)
            .map_err(|error| {
                // What it lacks names a secret, which is nothing for whoever holds a key.
                tracing::error!(account_id = live.account_id, %error, "no hang-up without it");
                "its account is not set up where the API runs".to_owned()
            })?;
    let asked = adapter.hang_up(http, &account, &live.provider_call_id).await;
    asked.map_err(|error| error.to_string())
}
