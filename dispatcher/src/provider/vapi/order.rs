//! The order of a call, from the settings of account, campaign and call.
//!
//! | setting | meaning |
//! |---|---|
//! | `assistant_id`, `squad_id` or `workflow_id` | who speaks; exactly one |
//! | `assistant_version` | with `assistant_id` only |
//! | `phone_number_id` | our number there; a caller id's `provider_ref` goes before it |
//! | `assistant_overrides` | whatever the vendor lets one override, as it stands there |
//! | `transport` | `vapi.sip` where the number is one, so that `ring_seconds` can be kept |
//! | `webhook_credential_id` | the vendor's credential that signs webhooks |
//! | `voicemail_detection` | the vendor's own plan, in place of the general options |
//! | `request` | further members of the request |

use super::Placement;
use crate::provider::account::{setting_wrong, settings_lack};
use crate::provider::call_options::{CallOptions, Voicemail, passed_through, refuse_own_dialling};
use crate::provider::{PlaceError, e164_address};
use serde_json::{Map, Value, json};

/// LIMIT: characters of a voicemail's text, and of a customer's name.
const MESSAGE_MAX: usize = 1000;
const NAME_MAX: usize = 40;
/// How often a webhook that was not answered with 2xx comes again.
const HOOK_RETRIES: u32 = 5;

/// The request's body.
pub fn order(settings: &Value, placement: &Placement) -> Result<Value, PlaceError> {
    let options = &placement.options;
    let known =
        ["ring_seconds", "max_duration_seconds", "record", "machine_detection", "voicemail"];
    options.only("Vapi", &known)?;
    let attempt_id = placement.attempt_id.to_string();
    let mut body = passed_through(settings)?;
    refuse_own_dialling(&body, &["schedulePlan", "customers", "customerId"], "Vapi")?;
    let who = speaker(settings)?;
    body.insert(who.member.to_owned(), who.id);
    if who.member == "assistantId" {
        copy(settings, "assistant_version", &mut body, "assistantVersion");
    }
    body.insert("phoneNumberId".to_owned(), json!(number(settings, options)?));
    body.insert("name".into(), json!(attempt_id));
    body.insert("customer".into(), customer(placement, &attempt_id)?);
    body.insert(who.overrides.to_owned(), overrides(settings, placement, &attempt_id)?);
    if let Some(seconds) = options.ring_seconds {
        body.insert("transport".into(), ringing(settings, seconds)?);
    }
    Ok(Value::Object(body))
}

/// Who speaks, and under which name what is overridden stands.
struct Speaker {
    member: &'static str,
    overrides: &'static str,
    id: Value,
}

fn speaker(settings: &Value) -> Result<Speaker, PlaceError> {
    let all = [
        ("assistant_id", "assistantId", "assistantOverrides"),
        ("squad_id", "squadId", "squadOverrides"),
        ("workflow_id", "workflowId", "workflowOverrides"),
    ];
    let mut stated = all.into_iter().filter(|(setting, _, _)| !settings[*setting].is_null());
    match (stated.next(), stated.next()) {
        (Some((setting, member, overrides)), None) => {
            Ok(Speaker { member, overrides, id: settings[setting].clone() })
        }
        (None, _) => Err(settings_lack("assistant_id, squad_id or workflow_id")),
        (Some((one, ..)), Some((other, ..))) => {
            Err(setting_wrong(format!("{one} and {other} are both set; keep the one that speaks")))
        }
    }
}

/// The vendor names numbers by id, so a caller id counts only with its own.
fn number(settings: &Value, options: &CallOptions) -> Result<String, PlaceError> {
    match (&options.caller_ref, &options.caller_id) {
        (Some(id), _) => Ok(id.clone()),
        (None, Some(_)) => Err(setting_wrong(
            "the caller id has no provider_ref, but Vapi names numbers by id; \
             add it: select dialer.add_caller_id(account, number, provider_ref => ...)"
                .to_owned(),
        )),
        (None, None) => settings["phone_number_id"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| settings_lack("phone_number_id")),
    }
}

fn customer(placement: &Placement, attempt_id: &str) -> Result<Value, PlaceError> {
    let mut customer =
        json!({ "number": e164_address(&placement.address)?, "externalId": attempt_id });
    if let Some(name) = placement.variables["name"].as_str() {
        customer["name"] = json!(name.chars().take(NAME_MAX).collect::<String>());
    }
    Ok(customer)
}

fn overrides(
    settings: &Value,
    placement: &Placement,
    attempt_id: &str,
) -> Result<Value, PlaceError> {
    let options = &placement.options;
    let mut overrides = settings["assistant_overrides"].as_object().cloned().unwrap_or_default();
    if let Some(seconds) = options.max_duration_seconds {
        overrides.insert("maxDurationSeconds".into(), json!(seconds));
    }
    if let Some(record) = options.record {
        put(&mut overrides, "artifactPlan", "recordingEnabled", json!(record))?;
    }
    voicemail(settings, options, &mut overrides)?;
    overrides.insert("variableValues".into(), placement.variables.clone());
    put(&mut overrides, "metadata", "attempt_id", json!(attempt_id))?;
    overrides.insert("server".into(), server(settings, placement));
    overrides.insert("serverMessages".into(), json!(["status-update", "end-of-call-report"]));
    Ok(Value::Object(overrides))
}

fn server(settings: &Value, placement: &Placement) -> Value {
    let mut server = json!({
        "url": placement.callback_url,
        "backoffPlan": {"type": "exponential", "maxRetries": HOOK_RETRIES, "baseDelaySeconds": 1},
    });
    if let Some(id) = settings["webhook_credential_id"].as_str() {
        server["credentialId"] = json!(id);
    }
    server
}

/// Without a message the vendor hangs up on a machine; a message of the assistant's own is emptied.
fn voicemail(
    settings: &Value,
    options: &CallOptions,
    overrides: &mut Map<String, Value>,
) -> Result<(), PlaceError> {
    let detect = match (&options.voicemail, options.machine_detection) {
        (Some(Voicemail::HangUp | Voicemail::LeaveMessage(_)), Some(false)) => {
            return Err(setting_wrong(
                "voicemail needs machine_detection, which is false; \
                 set it to true, or voicemail to carry_on"
                    .to_owned(),
            ));
        }
        (Some(Voicemail::CarryOn), None) | (_, Some(false)) => Some(json!("off")),
        (None, None) => None,
        _ => Some(json!({"provider": "vapi"})),
    };
    if let Some(detect) = detect {
        overrides.insert("voicemailDetection".into(), detect);
    }
    match &options.voicemail {
        Some(Voicemail::HangUp) => overrides.insert("voicemailMessage".into(), json!("")),
        Some(Voicemail::LeaveMessage(text)) if text.chars().count() > MESSAGE_MAX => {
            return Err(setting_wrong(format!(
                "voicemail_message has {} characters, but Vapi takes {MESSAGE_MAX}",
                text.chars().count()
            )));
        }
        Some(Voicemail::LeaveMessage(text)) => {
            overrides.insert("voicemailMessage".into(), json!(text))
        }
        Some(Voicemail::CarryOn) | None => None,
    };
    copy(settings, "voicemail_detection", overrides, "voicemailDetection");
    Ok(())
}

/// Only the vendor's own SIP lets one say how long to ring.
fn ringing(settings: &Value, seconds: u32) -> Result<Value, PlaceError> {
    match settings["transport"].as_str() {
        Some("vapi.sip") => Ok(json!({"provider": "vapi.sip", "dialTimeout": seconds})),
        stated => Err(setting_wrong(format!(
            "ring_seconds is set, but the transport is {}; Vapi rings for a stated time over \
             \"vapi.sip\" only: set transport to it if the number is one, or remove ring_seconds",
            stated.unwrap_or("not stated")
        ))),
    }
}

/// Puts a value into a member that is an object, which the settings may have begun.
fn put(
    into: &mut Map<String, Value>,
    member: &str,
    name: &str,
    value: Value,
) -> Result<(), PlaceError> {
    match into.entry(member).or_insert_with(|| json!({})) {
        Value::Object(object) => {
            object.insert(name.to_owned(), value);
            Ok(())
        }
        other => Err(setting_wrong(format!(
            "assistant_overrides.{member} is {other}, but must be an object"
        ))),
    }
}

fn copy(settings: &Value, setting: &str, into: &mut Map<String, Value>, member: &str) {
    if !settings[setting].is_null() {
        into.insert(member.to_owned(), settings[setting].clone());
    }
}
