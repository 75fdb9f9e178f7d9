//! What goes wrong, and how often: probabilities for all calls and overrides for single numbers.
//!
//! Can be changed while the sandbox runs, by `POST /sandbox/faults` with the members to change.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Probabilities from 0 to 1, and two lengths.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// The call is accepted and rings, but the connection closes without an answer.
    pub lost_answer: f64,
    /// A 500 is answered and nothing rings.
    pub error_before: f64,
    /// The call is refused as one too many, as when somebody else calls through the same account.
    pub over_limit: f64,
    /// A 500 is answered although the call rings.
    pub error_after: f64,
    /// The call is accepted and rings, but the answer takes `stall_seconds`.
    pub stall: f64,
    /// Real seconds, because a client's time-out is real.
    pub stall_seconds: f64,
    /// A webhook is never sent.
    pub lost_webhook: f64,
    /// A webhook is sent twice.
    pub doubled_webhook: f64,
    /// A webhook is sent `late_seconds` late.
    pub late_webhook: f64,
    /// Simulated seconds.
    pub late_seconds: f64,
    /// The final report of a call overtakes its status updates.
    pub out_of_order: f64,
    /// Look-ups do not find the call although it rings.
    pub hidden: f64,
}

impl Default for Faults {
    fn default() -> Faults {
        Faults {
            lost_answer: 0.0,
            error_before: 0.0,
            over_limit: 0.0,
            error_after: 0.0,
            stall: 0.0,
            stall_seconds: 60.0,
            lost_webhook: 0.0,
            doubled_webhook: 0.0,
            late_webhook: 0.0,
            late_seconds: 60.0,
            out_of_order: 0.0,
            hidden: 0.0,
        }
    }
}

/// The faults in force: `numbers` holds changes for a number, or for a prefix if it ends in `*`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FaultBook {
    #[serde(flatten)]
    pub general: Faults,
    pub numbers: BTreeMap<String, serde_json::Value>,
}

impl FaultBook {
    pub fn for_number(&self, number: &str) -> Faults {
        let change = self.numbers.iter().find(|(key, _)| matches(key, number));
        // What was stored has been merged once already, so it merges again.
        change.and_then(|(_, change)| merged(&self.general, change).ok()).unwrap_or(self.general)
    }

    /// Applies a change; nothing is changed when any member is wrong.
    pub fn change(&mut self, change: &serde_json::Value) -> Result<(), String> {
        let mut change = change.clone();
        let members = change.as_object_mut().ok_or("an object is expected")?;
        let numbers = members.remove("numbers");
        let general = merged(&self.general, &change)?;
        let mut table = self.numbers.clone();
        for (number, change) in numbers.as_ref().and_then(|n| n.as_object()).into_iter().flatten() {
            merged(&general, change).map_err(|error| format!("{number}: {error}"))?;
            table.insert(number.clone(), change.clone());
        }
        *self = FaultBook { general, numbers: table };
        Ok(())
    }

    /// One `name=value` from the command line.
    pub fn set(&mut self, setting: &str) -> Result<(), String> {
        let wrong = || format!("`{setting}` is not fault=probability");
        let (name, value) = setting.split_once('=').ok_or_else(wrong)?;
        let value: f64 = value.parse().map_err(|_| wrong())?;
        self.change(&serde_json::json!({ name: value }))
    }
}

fn matches(key: &str, number: &str) -> bool {
    key.strip_suffix('*').map_or(key == number, |prefix| number.starts_with(prefix))
}

fn merged(base: &Faults, change: &serde_json::Value) -> Result<Faults, String> {
    let mut value = serde_json::to_value(base).map_err(|error| error.to_string())?;
    let members = change.as_object().ok_or("an object is expected")?;
    if let Some(table) = value.as_object_mut() {
        table.extend(members.clone());
    }
    let lengths = ["stall_seconds", "late_seconds"];
    for (name, value) in value.as_object().into_iter().flatten() {
        let number = value.as_f64().unwrap_or_default();
        if number < 0.0 || (number > 1.0 && !lengths.contains(&name.as_str())) {
            return Err(format!(
                "{name} is {number}: a probability is 0 to 1, a length is not negative"
            ));
        }
    }
    serde_json::from_value(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
