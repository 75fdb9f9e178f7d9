//! An account as an adapter sees it: where and as whom to talk to a provider.
//!
//! The database names secrets; they are found when the account is put together, and go into a
//! header and nowhere else.

use super::{PlaceError, RefusalClass};
use crate::secrets::Missing;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A key; it shows nothing of itself when it is printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: String) -> Secret {
        Secret(text)
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Where and as whom to talk to a provider.
#[derive(Debug, Clone, Default)]
pub struct Account {
    pub base_url: Option<String>,
    pub key: Option<Secret>,
    /// Further secrets by the role that `settings.secrets` gives them.
    pub secrets: BTreeMap<String, Secret>,
    /// The account's settings, overlaid by the campaign's and the call's where a call is placed.
    pub settings: Value,
}

/// Why an account cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    #[error(transparent)]
    Missing(#[from] Missing),
    #[error(
        "settings.secrets must be an object of roles and names of secrets, as in {{\"password\": \"PBX_PASSWORD\"}}"
    )]
    SecretsAreNoNames,
}

impl Account {
    /// An account with its secrets, which `find` looks up by name.
    pub fn with_secrets(
        base_url: Option<String>,
        secret_name: Option<&str>,
        settings: Value,
        find: impl Fn(&str) -> Result<Secret, Missing>,
    ) -> Result<Account, AccountError> {
        let key = secret_name.map(&find).transpose()?;
        let mut secrets = BTreeMap::new();
        match &settings["secrets"] {
            Value::Null => (),
            Value::Object(names) => {
                for (role, name) in names {
                    let name = name.as_str().ok_or(AccountError::SecretsAreNoNames)?;
                    secrets.insert(role.clone(), find(name)?);
                }
            }
            _ => return Err(AccountError::SecretsAreNoNames),
        }
        Ok(Account { base_url, key, secrets, settings })
    }

    /// A path below the account's base URL, or the vendor's own.
    pub(super) fn url(&self, own: &str, path: &str) -> String {
        let base = self.base_url.as_deref().unwrap_or(own).trim_end_matches('/');
        format!("{base}{path}")
    }

    /// A setting that is text.
    pub fn text(&self, setting: &str) -> Option<&str> {
        self.settings[setting].as_str().filter(|text| !text.is_empty())
    }

    /// The key as a bearer token, as most vendors want it.
    pub(super) fn bearer(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.key {
            Some(key) => request.bearer_auth(key.text()),
            None => request,
        }
    }
}

/// The refusal of a call for which the settings lack something; it would fail for every call.
pub(super) fn settings_lack(what: &str) -> PlaceError {
    let details = json!({"reason": format!("settings lack {what}")});
    PlaceError::refused(RefusalClass::ConfigError, "settings-incomplete", details)
}

/// The refusal of a call because of a setting that is wrong: its value, the rule, the remedy.
pub(super) fn setting_wrong(reason: String) -> PlaceError {
    let details = json!({ "reason": reason });
    PlaceError::refused(RefusalClass::ConfigError, "setting-wrong", details)
}

#[cfg(test)]
mod tests;
