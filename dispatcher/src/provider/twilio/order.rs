//! The order of a call as a form, from the settings of account, campaign and call.
//!
//! | setting | meaning |
//! |---|---|
//! | `url`, `twiml` or `application_sid` | what happens when somebody answers; exactly one; `{{name}}` is filled in |
//! | `request` | further fields of the request |
//!
//! A choice about voicemails needs to hear who answered before anything is said, so the vendor
//! asks us first (`answer` in the query of that address) and is sent on to `url` for a person.

use super::webhook::Answering;
use crate::provider::account::{setting_wrong, settings_lack};
use crate::provider::call_options::{CallOptions, Voicemail, filled_in_as, passed_through};
use crate::provider::{PlaceError, Placement, e164_address};
use form_urlencoded::{Serializer, byte_serialize};
use serde_json::Value;

/// How a webhook that was not taken comes again; a fragment is neither sent nor signed.
const DELIVERY: &str = "#rc=5&rp=all";
const EVENTS: [&str; 4] = ["initiated", "ringing", "answered", "completed"];
/// LIMIT: characters of a document that is sent along.
const TWIML_MAX: usize = 4000;
/// LIMIT: characters of a message for a machine, which travels in an address.
const MESSAGE_MAX: usize = 1000;

/// The request's body.
pub fn order(settings: &Value, placement: &Placement) -> Result<String, PlaceError> {
    let options = &placement.options;
    let known =
        ["ring_seconds", "max_duration_seconds", "record", "machine_detection", "voicemail"];
    options.only("Twilio", &known)?;
    let from = options.caller_e164()?.ok_or_else(|| {
        settings_lack("caller_id; add a number: select dialer.add_caller_id(account, number)")
    })?;
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut put = |name: &str, value: String| fields.push((name.to_owned(), value));
    put("To", e164_address(&placement.address)?);
    put("From", from);
    for (name, value) in instructions(settings, placement)? {
        put(name, value);
    }
    put("StatusCallback", format!("{}{DELIVERY}", placement.callback_url));
    put("StatusCallbackMethod", "POST".to_owned());
    EVENTS.iter().for_each(|event| put("StatusCallbackEvent", (*event).to_owned()));
    if let Some(seconds) = options.ring_seconds {
        put("Timeout", seconds.to_string());
    }
    if let Some(seconds) = options.max_duration_seconds {
        put("TimeLimit", seconds.to_string());
    }
    if let Some(record) = options.record {
        put("Record", record.to_string());
    }
    if let Some(how) = detection(options)? {
        put("MachineDetection", how.to_owned());
    }
    add_further(settings, &mut fields)?;
    Ok(Serializer::new(String::new()).extend_pairs(&fields).finish())
}

/// What passes through never replaces what was decided here.
fn add_further(settings: &Value, fields: &mut Vec<(String, String)>) -> Result<(), PlaceError> {
    for (name, value) in passed_through(settings)? {
        if name == "ApplicationSid" {
            return Err(no_application("request.ApplicationSid"));
        }
        if fields.iter().any(|(own, _)| *own == name) {
            return Err(setting_wrong(format!(
                "request.{name} is set, but dialerd sets {name} itself; \
                 use the general setting for it"
            )));
        }
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        fields.push((name, value));
    }
    Ok(())
}

/// The vendor ignores callbacks of a call with an application: nothing would be heard.
fn no_application(setting: &str) -> PlaceError {
    setting_wrong(format!(
        "{setting} would make Twilio ignore the status callback, so nothing would be heard of the \
         call; use url"
    ))
}

fn detection(options: &CallOptions) -> Result<Option<&'static str>, PlaceError> {
    match (&options.voicemail, options.machine_detection) {
        (Some(Voicemail::HangUp | Voicemail::LeaveMessage(_)), Some(false)) => Err(setting_wrong(
            "voicemail needs machine_detection, which is false; \
                 set it to true, or voicemail to carry_on"
                .to_owned(),
        )),
        (Some(Voicemail::LeaveMessage(text)), _) if text.chars().count() > MESSAGE_MAX => {
            Err(setting_wrong(format!(
                "voicemail_message has {} characters, but at most {MESSAGE_MAX} go through Twilio",
                text.chars().count()
            )))
        }
        // A message is left after the greeting, so its end is waited for.
        (Some(Voicemail::LeaveMessage(_)), _) => Ok(Some("DetectMessageEnd")),
        (Some(Voicemail::HangUp), _) | (_, Some(true)) => Ok(Some("Enable")),
        (Some(Voicemail::CarryOn) | None, _) => Ok(None),
    }
}

/// What happens when somebody answers.
fn instructions(
    settings: &Value,
    placement: &Placement,
) -> Result<Vec<(&'static str, String)>, PlaceError> {
    let texts = ["url", "twiml", "application_sid"].map(|name| settings[name].as_str());
    let chooses =
        matches!(placement.options.voicemail, Some(Voicemail::HangUp | Voicemail::LeaveMessage(_)));
    let variables = &placement.variables;
    match (texts, chooses) {
        ([Some(url), None, None], _) => {
            let encode = |text: &str| byte_serialize(text.as_bytes()).collect();
            let url = filled_in_as(url, variables, encode);
            let asked = match &placement.options.voicemail {
                Some(choice) if chooses => Answering::url(&placement.callback_url, &url, choice),
                _ => url,
            };
            Ok(vec![("Url", asked), ("Method", "POST".to_owned())])
        }
        ([None, Some(_), None] | [None, None, Some(_)], true) => Err(setting_wrong(
            "voicemail can be chosen with url only: who answered must be known before anything \
             is said; set url, or voicemail to carry_on"
                .to_owned(),
        )),
        ([None, Some(twiml), None], false) => {
            let twiml = filled_in_as(twiml, variables, super::webhook::escaped);
            match twiml.chars().count() {
                0..=TWIML_MAX => Ok(vec![("Twiml", twiml)]),
                length => Err(setting_wrong(format!(
                    "twiml has {length} characters, but Twilio takes {TWIML_MAX}; use url"
                ))),
            }
        }
        ([None, None, Some(_)], false) => Err(no_application("application_sid")),
        ([None, None, None], _) => Err(settings_lack("url or twiml")),
        _ => Err(setting_wrong("url and twiml are both set; keep one".to_owned())),
    }
}
