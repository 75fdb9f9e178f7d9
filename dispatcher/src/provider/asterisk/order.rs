//! What Asterisk is asked to do: the body of a request that originates a call.
//!
//! Everything goes into the body, where no access log sees it. Asterisk takes nonsense without a
//! word (a ring time that is no number, an endpoint of another trunk hidden in a number), so
//! everything is checked here.

use crate::provider::account::{setting_wrong, settings_lack};
use crate::provider::call_options::passed_through;
use crate::provider::stream::Listener;
use crate::provider::{PlaceError, Placement, RefusalClass};
use serde_json::{Map, Value, json};

/// LIMIT: how long it rings if nobody says, and how long a sound may be.
const RING_SECONDS: u32 = 30;
const SOUND_SECONDS: u32 = 3600;
/// LIMIT: variables of a call, and letters of each.
const VARIABLES_MAX: usize = 100;
const VALUE_LETTERS_MAX: usize = 4_000;
/// Before the names of the call's own variables, so that a list's column cannot be one of
/// Asterisk's.
const VARIABLE_PREFIX: &str = "DIALER_";
/// LIMIT: letters of a caller's name; more are not shown by any telephone.
const NAME_LETTERS_MAX: usize = 60;

/// The name under which a dispatcher listens, which Asterisk calls an application.
pub fn application(listener: &Listener) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let dispatcher: String = listener.dispatcher.chars().map(plain).collect();
    format!("pg_dialer-{}-{dispatcher}", listener.account_id)
}

/// What marks the channels of an account, for listeners of others at the same Asterisk.
pub fn mark(listener: &Listener) -> String {
    format!("{MARK}{}", listener.account_id)
}

/// How all marks begin.
pub const MARK: &str = "pg_dialer-";

/// The request's body.
pub fn order(settings: &Value, placement: &Placement) -> Result<Value, PlaceError> {
    let options = &placement.options;
    options.only("asterisk", &["ring_seconds", "max_duration_seconds"])?;
    let listener: Option<Listener> = serde_json::from_value(settings["listener"].clone()).ok();
    let ring_seconds = options.ring_seconds.unwrap_or(RING_SECONDS);
    let mut body = passed_through(settings)?;
    if body.contains_key("variables") {
        // They may name functions of Asterisk, and whoever plans a call could state them.
        return Err(setting_wrong(
            "request.variables is set, but a call's variables are those of its contact and payload; remove it".to_owned(),
        ));
    }
    body.extend(then(settings, listener.as_ref())?);
    body.insert("endpoint".into(), json!(endpoint(settings, &placement.address)?));
    body.insert("timeout".into(), json!(ring_seconds));
    if let Some(caller) = caller(settings, placement)? {
        body.insert("callerId".into(), json!(caller));
    }
    let mut variables = call_variables(&placement.variables);
    let attempt_id = json!(placement.attempt_id);
    variables.insert(format!("{VARIABLE_PREFIX}ATTEMPT_ID"), attempt_id.clone());
    variables.insert("PJSIP_HEADER(add,X-Attempt-ID)".into(), attempt_id);
    // A dispatcher hangs up after a sound, and might not live to do it.
    let sound = text(settings, "sound")?.map(|_| SOUND_SECONDS);
    if let Some(longest) = options.max_duration_seconds.or(sound) {
        // Counted from the order on, so the ringing is in it.
        let whole = ring_seconds.saturating_add(longest).to_string();
        variables.insert("TIMEOUT(absolute)".into(), json!(whole));
    }
    if let Some(listener) = &listener {
        variables.insert("CHANNEL(accountcode)".into(), json!(mark(listener)));
    }
    body.insert("variables".into(), Value::Object(variables));
    Ok(Value::Object(body))
}

/// Where to dial: the setting's pattern with the number put in.
fn endpoint(settings: &Value, address: &str) -> Result<String, PlaceError> {
    let pattern = text(settings, "endpoint")?;
    let pattern = pattern.ok_or_else(|| settings_lack("endpoint, such as PJSIP/{number}@trunk"))?;
    if !(pattern.contains("{number}") || pattern.contains("{digits}")) {
        return Err(setting_wrong(format!(
            "endpoint is {pattern:?}, but must say where the number goes: {{number}} with a plus, or {{digits}} without"
        )));
    }
    // A letter more, and the number could choose another trunk.
    let digits = address.strip_prefix('+').unwrap_or(address);
    let is_number =
        (3..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        let details = json!({"reason": "not a number of 3 to 15 digits with or without a plus"});
        return Err(PlaceError::refused(RefusalClass::InvalidNumber, "not-a-number", details));
    }
    Ok(pattern.replace("{number}", address).replace("{digits}", digits))
}

/// What happens once somebody has answered: exactly one of three.
fn then(settings: &Value, listener: Option<&Listener>) -> Result<Map<String, Value>, PlaceError> {
    let (context, app) = (text(settings, "context")?, text(settings, "app")?);
    let sound = text(settings, "sound")?;
    let members = match (context, app, sound) {
        (Some(context), None, None) => json!({
            "context": context,
            "extension": text(settings, "extension")?.unwrap_or("s"),
            "priority": priority(settings)?,
        }),
        (None, Some(app), None) => {
            json!({ "app": app, "appArgs": text(settings, "app_args")?.unwrap_or("") })
        }
        (None, None, Some(sound)) => {
            let listener = listener.ok_or_else(|| {
                setting_wrong(
                    "sound is set, but no dispatcher listens that could play it".to_owned(),
                )
            })?;
            json!({ "app": application(listener), "appArgs": format!("play,{}", media(sound)?) })
        }
        (None, None, None) => {
            return Err(settings_lack(
                "what to do with a call that is answered: context, app or sound",
            ));
        }
        _ => {
            return Err(setting_wrong(
                "more than one of context, app and sound is set; keep the one to be done with a call that is answered".to_owned(),
            ));
        }
    };
    Ok(members.as_object().cloned().unwrap_or_default())
}

fn priority(settings: &Value) -> Result<u64, PlaceError> {
    match &settings["priority"] {
        Value::Null => Ok(1),
        stated => stated.as_u64().filter(|stated| *stated > 0).ok_or_else(|| {
            setting_wrong(format!("priority is {stated}, but must be a whole number from 1 on"))
        }),
    }
}

/// A sound by its name is a file of that name.
fn media(sound: &str) -> Result<String, PlaceError> {
    if sound.contains(',') {
        return Err(setting_wrong(format!(
            "sound is {sound:?}, but a comma separates sounds; name one, such as hello-world or recording:welcome"
        )));
    }
    Ok(if sound.contains(':') { sound.to_owned() } else { format!("sound:{sound}") })
}

fn caller(settings: &Value, placement: &Placement) -> Result<Option<String>, PlaceError> {
    let plain = |c: &char| !c.is_control() && !"\"<>\\".contains(*c);
    let name = text(settings, "caller_name")?
        .map(|name| name.chars().filter(plain).take(NAME_LETTERS_MAX).collect::<String>());
    let number = match &placement.options.caller_ref {
        Some(reference) => Some(extension(reference)?),
        None => placement.options.caller_e164()?,
    };
    Ok(match (name, number) {
        (None, number) => number,
        (Some(name), None) => Some(format!("\"{name}\" <>")),
        (Some(name), Some(number)) => Some(format!("\"{name}\" <{number}>")),
    })
}

/// A number as the trunk wants it, which need not be E.164.
fn extension(reference: &str) -> Result<String, PlaceError> {
    let plain = |byte: u8| byte.is_ascii_digit() || b"+*#".contains(&byte);
    match reference.bytes().all(plain) {
        true => Ok(reference.to_owned()),
        false => Err(setting_wrong(format!(
            "caller_ref is {reference:?}, but must consist of digits, as the trunk wants the number to call from"
        ))),
    }
}

/// The call's own variables as channel variables: `first name` as `DIALER_FIRST_NAME`.
fn call_variables(variables: &Value) -> Map<String, Value> {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let named = |(name, value): (&String, &Value)| {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let text: String =
            text.chars().filter(|c| !c.is_control()).take(VALUE_LETTERS_MAX).collect();
        let name: String = name.chars().map(plain).collect();
        (format!("{VARIABLE_PREFIX}{name}"), json!(text))
    };
    let own = variables.as_object().into_iter().flatten();
    own.take(VARIABLES_MAX).map(named).collect()
}

fn text<'a>(settings: &'a Value, name: &str) -> Result<Option<&'a str>, PlaceError> {
    match &settings[name] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
        other => Err(setting_wrong(format!("{name} is {other}, but must be a text"))),
    }
}
