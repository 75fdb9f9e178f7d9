//! Tries an account at its provider: secrets, adapter, reachability, credentials. Calls nobody.

use super::{Finding, Verdict, unanswered};
use crate::config::Config;
use crate::db::{Address, Reach, Session, StoredAccount};
use crate::provider::{self, Account};
use crate::secrets;
use std::sync::Arc;

const WHAT: &str = "account";

/// One finding and more for every account of that name.
pub async fn examine(config: &Config, address: &Address, name: &str) -> Vec<Finding> {
    let session = Session::new(address.clone(), Arc::new(Reach::new("doctor")));
    let accounts = match session.accounts_to_check(name).await {
        Ok(accounts) => accounts,
        Err(error) => return vec![unanswered(WHAT, &error)],
    };
    if accounts.is_empty() {
        let found = format!("{name:?} does not exist");
        let remedy = "see dialer.provider_account for the names, or add it with create_account";
        return vec![Finding::bad(Verdict::Fail, WHAT, found, remedy)];
    }
    let mut findings = Vec::new();
    for account in &accounts {
        findings.push(one(config, account).await);
        let adapter = provider::adapter(&account.provider, &account.channel);
        if adapter.is_none_or(|adapter| adapter.sends_webhooks()) {
            findings.extend(webhooks(config, account));
        }
    }
    findings
}

async fn one(config: &Config, stored: &StoredAccount) -> Finding {
    let who = format!("{} ({}, {})", stored.name, stored.provider, stored.tenant);
    let bad = |found: &str, remedy: &str| {
        Finding::bad(Verdict::Fail, WHAT, format!("{who}: {found}"), remedy)
    };
    let Some(adapter) = provider::adapter(&stored.provider, &stored.channel) else {
        let found = format!("no adapter for {} over {}", stored.channel, stored.provider);
        return bad(&found, "see docs/providers.md for what there is");
    };
    let secret_name = stored.secret_name.as_deref();
    let (base_url, settings) = (stored.base_url.clone(), stored.settings.clone());
    let account = match Account::with_secrets(base_url, secret_name, settings, secrets::find) {
        Ok(account) => account,
        Err(error) => {
            let remedy = "a file of that name in DIALERD_SECRETS_DIR, LoadCredential= in the unit, or a variable";
            return bad(&error.to_string(), remedy);
        }
    };
    let http = match provider::client(config.connect, config.answer) {
        Ok(http) => http,
        Err(_) => return bad("the HTTP client cannot be set up", "see the system's certificates"),
    };
    match adapter.check(&http, &account).await {
        Ok(found) => {
            let found = format!("{who}: {found}; {}", adapter.reconciles().told());
            Finding::ok(WHAT, found)
        }
        Err(error) => bad(&error.found, error.remedy),
    }
}

/// Whether the provider's webhooks could be believed, and could reach us.
fn webhooks(config: &Config, stored: &StoredAccount) -> Vec<Finding> {
    const WHAT: &str = "webhooks";
    let mut findings = Vec::new();
    let secret = stored.webhook_secret_name.as_deref().map(secrets::find);
    let unsigned = stored.settings["webhook_auth"].as_str() == Some("none");
    match secret {
        Some(Ok(_)) => (),
        Some(Err(missing)) => {
            let remedy = "a file of that name in DIALERD_SECRETS_DIR, LoadCredential= in the unit, or a variable";
            findings.push(Finding::bad(Verdict::Fail, WHAT, missing.to_string(), remedy));
        }
        None if unsigned => {
            let remedy = "name the secret in webhook_secret_name if the vendor signs";
            let found = "taken from anybody, as webhook_auth says";
            findings.push(Finding::bad(Verdict::Warn, WHAT, found, remedy));
        }
        None => {
            let found = format!("none is believed: account {} names no secret", stored.name);
            let remedy = "name it in webhook_secret_name; until then calls are looked up only";
            findings.push(Finding::bad(Verdict::Warn, WHAT, found, remedy));
        }
    }
    if config.public_url.is_none() {
        let found = "no public URL is configured, so providers are told a local one";
        let remedy = "set --public-url to the https address under which dialerd is reached";
        findings.push(Finding::bad(Verdict::Warn, WHAT, found, remedy));
    }
    if findings.is_empty() {
        let url = config.public_url.as_deref().unwrap_or("");
        let found = format!("believed, at {url}/hooks/{}/{}", stored.provider, stored.account_id);
        findings.push(Finding::ok(WHAT, found));
    }
    findings
}
