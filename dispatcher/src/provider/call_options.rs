//! How a call shall be made, in words that all vendors share; each adapter says it in its own.
//!
//! Read once from the settings of account, campaign and call, which the database has laid over one
//! another. A wrong value refuses the call by name. What a vendor does not know, its adapter
//! refuses (`CallOptions::only`): nobody shall believe a call to be recorded that is not.

use super::PlaceError;
use super::account::setting_wrong;
use serde_json::{Map, Value};

/// LIMIT: the bounds of a setting; what a vendor allows may be narrower.
const RING_SECONDS: std::ops::RangeInclusive<u64> = 5..=600;
const DURATION_SECONDS: std::ops::RangeInclusive<u64> = 10..=43_200;

/// What was asked for; what was not stated is left to the vendor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallOptions {
    /// The number to call from.
    pub caller_id: Option<String>,
    /// The vendor's own name of that number.
    pub caller_ref: Option<String>,
    pub ring_seconds: Option<u32>,
    pub max_duration_seconds: Option<u32>,
    pub record: Option<bool>,
    /// Whether a machine shall be told from a person.
    pub machine_detection: Option<bool>,
    pub voicemail: Option<Voicemail>,
}

/// What to do when a machine answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Voicemail {
    HangUp,
    /// With the text to be left.
    LeaveMessage(String),
    CarryOn,
}

impl CallOptions {
    /// The options that settings state, with variables filled into texts.
    pub fn read(settings: &Value, variables: &Value) -> Result<CallOptions, PlaceError> {
        Ok(CallOptions {
            caller_id: text(settings, "caller_id")?,
            caller_ref: text(settings, "caller_ref")?,
            ring_seconds: seconds(settings, "ring_seconds", RING_SECONDS)?,
            max_duration_seconds: seconds(settings, "max_duration_seconds", DURATION_SECONDS)?,
            record: flag(settings, "record")?,
            machine_detection: flag(settings, "machine_detection")?,
            voicemail: voicemail(settings, variables)?,
        })
    }

    /// Refuses options that the vendor does not have, by the names in `known`.
    pub(super) fn only(&self, vendor: &str, known: &[&str]) -> Result<(), PlaceError> {
        let stated = [
            ("ring_seconds", self.ring_seconds.is_some()),
            ("max_duration_seconds", self.max_duration_seconds.is_some()),
            ("record", self.record.is_some()),
            ("machine_detection", self.machine_detection.is_some()),
            ("voicemail", self.voicemail.is_some()),
        ];
        match stated.iter().find(|(name, stated)| *stated && !known.contains(name)) {
            None => Ok(()),
            Some((name, _)) => Err(setting_wrong(format!(
                "{name} is set, but {vendor} has nothing of the kind; remove the setting"
            ))),
        }
    }

    /// The number to call from in E.164, where there is one.
    pub fn caller_e164(&self) -> Result<Option<String>, PlaceError> {
        let Some(stated) = &self.caller_id else { return Ok(None) };
        e164(stated).map(Some).ok_or_else(|| {
            setting_wrong(format!(
                "caller_id {stated:?} is no number in E.164; write it as +13035550100"
            ))
        })
    }
}

/// A number as `+` and digits; `None` where it is none or the country is missing.
pub(super) fn e164(text: &str) -> Option<String> {
    let kept: String = text.chars().filter(|c| !" -().\u{a0}".contains(*c)).collect();
    let digits = kept.strip_prefix('+')?;
    let sound = (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    sound.then_some(kept)
}

/// The members that are passed through to the vendor as they are.
pub(super) fn passed_through(settings: &Value) -> Result<Map<String, Value>, PlaceError> {
    match &settings["request"] {
        Value::Null => Ok(Map::new()),
        Value::Object(members) => Ok(members.clone()),
        other => Err(setting_wrong(format!(
            "request is {other}, but must be an object of members of the vendor's request"
        ))),
    }
}

/// Refuses members by which the vendor would dial by itself: whom, when and how often is decided
/// here, and the vendor would do it outside of windows and limits.
pub(super) fn refuse_own_dialling(
    request: &Map<String, Value>,
    members: &[&str],
    vendor: &str,
) -> Result<(), PlaceError> {
    match members.iter().find(|name| request.contains_key(**name)) {
        None => Ok(()),
        Some(name) => Err(setting_wrong(format!(
            "request.{name} would have {vendor} decide whom to reach and when; remove it: \
             campaigns and redial policies decide that"
        ))),
    }
}

fn text(settings: &Value, name: &str) -> Result<Option<String>, PlaceError> {
    match &settings[name] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        other => Err(setting_wrong(format!("{name} is {other}, but must be a text"))),
    }
}

fn flag(settings: &Value, name: &str) -> Result<Option<bool>, PlaceError> {
    match &settings[name] {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(*flag)),
        other => Err(setting_wrong(format!("{name} is {other}, but must be true or false"))),
    }
}

fn seconds(
    settings: &Value,
    name: &str,
    allowed: std::ops::RangeInclusive<u64>,
) -> Result<Option<u32>, PlaceError> {
    if settings[name].is_null() {
        return Ok(None);
    }
    let stated = settings[name].as_u64().filter(|seconds| allowed.contains(seconds));
    match stated.and_then(|seconds| u32::try_from(seconds).ok()) {
        Some(seconds) => Ok(Some(seconds)),
        None => Err(setting_wrong(format!(
            "{name} is {}, but must be a whole number of seconds from {} to {}",
            settings[name],
            allowed.start(),
            allowed.end()
        ))),
    }
}

fn voicemail(settings: &Value, variables: &Value) -> Result<Option<Voicemail>, PlaceError> {
    let message = text(settings, "voicemail_message")?;
    let choice = text(settings, "voicemail")?;
    match (choice.as_deref(), message) {
        (None, None) => Ok(None),
        (Some("hang_up"), _) => Ok(Some(Voicemail::HangUp)),
        (Some("carry_on"), _) => Ok(Some(Voicemail::CarryOn)),
        (Some("leave_message") | None, Some(message)) => {
            Ok(Some(Voicemail::LeaveMessage(filled_in(&message, variables))))
        }
        (Some("leave_message"), None) => Err(setting_wrong(
            "voicemail is leave_message, but there is no voicemail_message to leave".to_owned(),
        )),
        (Some(other), _) => Err(setting_wrong(format!(
            "voicemail is {other:?}, but must be hang_up, leave_message or carry_on"
        ))),
    }
}

/// Puts the variables where the text says `{{name}}`; one that is missing leaves nothing.
pub(super) fn filled_in(text: &str, variables: &Value) -> String {
    filled_in_as(text, variables, str::to_owned)
}

/// The same, with each value written as its place demands.
pub(super) fn filled_in_as(
    text: &str,
    variables: &Value,
    write: impl Fn(&str) -> String,
) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, behind)) = after.split_once("}}") else { break };
        filled.push_str(before);
        match &variables[name.trim()] {
            Value::String(value) => filled.push_str(&write(value)),
            Value::Null => (),
            value => filled.push_str(&write(&value.to_string())),
        }
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests;
