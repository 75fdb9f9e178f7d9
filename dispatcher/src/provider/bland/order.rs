//! The order of a call, from the settings of account, campaign and call.
//!
//! | setting | meaning |
//! |---|---|
//! | `task`, `pathway_id` or `persona_id` | what is said; exactly one; a task may hold `{{name}}` |
//! | `pathway_version` | with `pathway_id` only |
//! | `request` | further members of the request, e.g. `summary_prompt`, `dispositions` |

use crate::provider::account::{setting_wrong, settings_lack};
use crate::provider::call_options::{
    CallOptions, Voicemail, filled_in, passed_through, refuse_own_dialling,
};
use crate::provider::{PlaceError, Placement, e164_address};
use serde_json::{Map, Value, json};

/// LIMIT: the longest call.
const MINUTES_MAX: u32 = 720;

/// The request's body.
pub fn order(settings: &Value, placement: &Placement) -> Result<Value, PlaceError> {
    let options = &placement.options;
    options.only("Bland", &["max_duration_seconds", "record", "voicemail"])?;
    let mut body = passed_through(settings)?;
    refuse_own_dialling(&body, &["retry", "start_time", "timezone"], "Bland")?;
    speech(settings, placement, &mut body)?;
    if let Some(from) = options.caller_e164()? {
        body.insert("from".to_owned(), json!(from));
    }
    if let Some(minutes) = minutes(options)? {
        body.insert("max_duration".to_owned(), json!(minutes));
    }
    if let Some(record) = options.record {
        body.insert("record".to_owned(), json!(record));
    }
    if let Some(choice) = &options.voicemail {
        body.insert("voicemail".to_owned(), voicemail(choice));
    }
    body.insert("phone_number".to_owned(), json!(e164_address(&placement.address)?));
    body.insert("request_data".to_owned(), placement.variables.clone());
    body.insert("metadata".to_owned(), json!({ "attempt_id": placement.attempt_id }));
    body.insert("webhook".to_owned(), json!(placement.callback_url));
    Ok(Value::Object(body))
}

fn speech(
    settings: &Value,
    placement: &Placement,
    body: &mut Map<String, Value>,
) -> Result<(), PlaceError> {
    const ALL: [&str; 3] = ["task", "pathway_id", "persona_id"];
    let mut stated = ALL.iter().filter_map(|name| Some((*name, settings[*name].as_str()?)));
    match (stated.next(), stated.next()) {
        (Some(("task", task)), None) => {
            body.insert("task".to_owned(), json!(filled_in(task, &placement.variables)));
        }
        (Some((name, id)), None) => {
            body.insert(name.to_owned(), json!(id));
        }
        (None, _) => return Err(settings_lack("task, pathway_id or persona_id")),
        (Some((one, _)), Some((other, _))) => {
            let reason = format!("{one} and {other} are both set; keep the one that is said");
            return Err(setting_wrong(reason));
        }
    }
    if body.contains_key("pathway_id") && !settings["pathway_version"].is_null() {
        body.insert("pathway_version".to_owned(), settings["pathway_version"].clone());
    }
    Ok(())
}

/// The vendor counts whole minutes; a part of one more would be longer than was asked for.
fn minutes(options: &CallOptions) -> Result<Option<u32>, PlaceError> {
    match options.max_duration_seconds.map(|seconds| (seconds / 60, seconds)) {
        None => Ok(None),
        Some((0, seconds)) => Err(setting_wrong(format!(
            "max_duration_seconds is {seconds}, but Bland counts whole minutes; state at least 60"
        ))),
        Some((minutes, _)) => Ok(Some(minutes.min(MINUTES_MAX))),
    }
}

fn voicemail(choice: &Voicemail) -> Value {
    match choice {
        Voicemail::HangUp => json!({"action": "hangup"}),
        Voicemail::LeaveMessage(text) => json!({"action": "leave_message", "message": text}),
        Voicemail::CarryOn => json!({"action": "ignore"}),
    }
}
