//! `dialerd recipe check`: reads a recipe, tells everything that is wrong with it, and shows what
//! it would send and how it would understand an answer or a webhook. Nothing is sent.

use crate::provider::http::{Http, dry_run, judged};
use crate::provider::recipe::Recipe;
use crate::provider::{
    Account, Adapter, Answer, CallOptions, Event, Gate, HookRequest, PlaceError, Placement, Secret,
};
use axum::http::{HeaderMap, Method};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// An attempt that is never placed.
const ATTEMPT: Uuid = Uuid::from_u128(0x0190_a1b2_0000_7000_8000_0000_0000_0001);

/// Recipes: vendors that are described by settings and not by code
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell what is wrong with a recipe, and show what it would send; sends nothing
    Check(Check),
}

#[derive(Debug, Args)]
pub struct Check {
    /// The settings of an account, as JSON, with the member "recipe"
    pub file: PathBuf,
    /// Base URL of the account
    #[arg(long)]
    pub base_url: Option<String>,
    /// Number or address to be called
    #[arg(long, default_value = "+13035550100")]
    pub address: String,
    /// Variables of the call, as JSON
    #[arg(long, default_value = r#"{"name": "Ada"}"#)]
    pub variables: String,
    /// A webhook's body in a file: show the events in it
    #[arg(long)]
    pub webhook: Option<PathBuf>,
    /// An answer's body in a file, with --status: show what it would mean
    #[arg(long, requires = "status")]
    pub answer: Option<PathBuf>,
    /// The answer's status, such as 400
    #[arg(long)]
    pub status: Option<u16>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path} cannot be read")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{what} is not JSON; write it as an object, such as {{\"name\": \"Ada\"}}")]
    NotJson { what: String, source: serde_json::Error },
    #[error("{0}")]
    Wrong(String),
}

/// What a check found, for a person to read.
pub fn check(options: &Check) -> Result<String, Error> {
    let settings = json_of(&options.file)?;
    if let Err(problems) = Recipe::read(&settings) {
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        return Err(Error::Wrong(told.join("\n")));
    }
    let account = shown_account(options.base_url.clone(), settings)?;
    let mut told = String::from("The recipe is sound. It would send:\n");
    let requests = dry_run(&account, &placement(options, &account.settings)?);
    for (name, request) in requests.map_err(Error::Wrong)? {
        told.push_str(&format!("\n# {name}\n{request}"));
    }
    if let Some(path) = &options.webhook {
        told.push_str(&format!("\n# webhook\n{}", heard(&account.settings, path)?));
    }
    if let Some(status) = options.status {
        let body = options.answer.as_deref().map(json_of).transpose()?.unwrap_or_default();
        let answer = Answer { status, retry_after_seconds: None, body };
        told.push_str(&format!("\n# an answer {status}\n{}\n", meant(judged(&account, &answer))));
    }
    Ok(told)
}

fn json_of(path: &Path) -> Result<Value, Error> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| Error::Read { path: path.to_owned(), source })?;
    parsed(&path.display().to_string(), &text)
}

fn parsed(what: &str, text: &str) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(|source| Error::NotJson { what: what.to_owned(), source })
}

/// An account whose secrets are shown by name: a check needs none of them.
fn shown_account(base_url: Option<String>, settings: Value) -> Result<Account, Error> {
    let shown = |name: &str| Ok(Secret::new(format!("({name})")));
    let account = Account::with_secrets(base_url, Some("the account's key"), settings, shown);
    account.map_err(|error| Error::Wrong(error.to_string()))
}

fn placement(options: &Check, settings: &Value) -> Result<Placement, Error> {
    let variables = parsed("--variables", &options.variables)?;
    let call_options = CallOptions::read(settings, &variables)
        .map_err(|refused| Error::Wrong(format!("settings: {}", meant(Err(refused)))))?;
    Ok(Placement {
        attempt_id: ATTEMPT,
        address: options.address.clone(),
        options: call_options,
        variables,
        callback_url: format!("https://dialer.example.com/hooks/http/1?attempt={ATTEMPT}"),
        gate: Gate::open(),
    })
}

fn heard(settings: &Value, path: &Path) -> Result<String, Error> {
    let body = json_of(path)?.to_string();
    let request = HookRequest {
        method: &Method::POST,
        url: "",
        headers: &HeaderMap::new(),
        body: body.as_bytes(),
        attempt_id: None,
    };
    let events = Http.parse_event(settings, request);
    let events = events.map_err(|error| Error::Wrong(format!("the webhook: {error}")))?;
    if events.is_empty() {
        let told = "No event: webhook.facts.call points at nothing in it, or there is no webhook.";
        return Ok(format!("{told}\n"));
    }
    Ok(events.iter().map(|event| format!("{:#}\n", shown(event))).collect())
}

fn shown(event: &Event) -> Value {
    let mut shown = json!(event);
    if let Some(members) = shown.as_object_mut() {
        members.remove("raw");
    }
    shown
}

fn meant(answer: Result<crate::provider::Accepted, PlaceError>) -> String {
    match answer {
        Ok(accepted) => format!("placed, as {}", accepted.provider_call_id),
        Err(PlaceError::NotSent(reason)) => format!("certainly not sent: {reason}"),
        Err(PlaceError::Unknown(reason)) => format!("it may be ringing: {reason}"),
        Err(PlaceError::Refused(refusal)) => {
            let reason = refusal.details["reason"].as_str().unwrap_or(&refusal.word);
            format!("refused as {}: {reason}", refusal.class.outcome())
        }
    }
}

#[cfg(test)]
mod tests;
