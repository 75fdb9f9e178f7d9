//! What Asterisk is asked to do: the body of a request that originates a call.
//!
//! Everything goes into the body, where no access log sees it. Asterisk takes nonsense without a
//! word (a ring time that is no number, an endpoint of another trunk hidden in a number), so
//! everything is checked here.

use super::super::{PlaceError, Placement, RefusalClass};
use crate::provider::stream::Listener;
use serde_json::{Map, Value, json};

/// LIMIT: the bounds of times.
const RING_SECONDS: std::ops::RangeInclusive<u64> = 5..=600;
const DURATION_SECONDS: std::ops::RangeInclusive<u64> = 10..=43_200;
const RING_SECONDS_DEFAULT: u64 = 30;
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
    let listener: Option<Listener> = serde_json::from_value(settings["listener"].clone()).ok();
    let ring_seconds =
        seconds(settings, "ring_seconds", RING_SECONDS)?.unwrap_or(RING_SECONDS_DEFAULT);
    let longest = seconds(settings, "max_duration_seconds", DURATION_SECONDS)?;
    let mut body = then(settings, listener.as_ref())?;
    body.insert("endpoint".into(), json!(endpoint(settings, &placement.address)?));
    body.insert("timeout".into(), json!(ring_seconds));
    if let Some(caller) = caller(settings)? {
        body.insert("callerId".into(), json!(caller));
    }
    let mut variables = call_variables(&placement.variables);
    let attempt_id = json!(placement.attempt_id);
    variables.insert(format!("{VARIABLE_PREFIX}ATTEMPT_ID"), attempt_id.clone());
    variables.insert("PJSIP_HEADER(add,X-Attempt-ID)".into(), attempt_id);
    if let Some(longest) = longest {
        // Counted from the order on, so the ringing is in it.
        let whole = (ring_seconds + longest).to_string();
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
    let pattern = pattern.ok_or_else(|| lacking("endpoint, such as PJSIP/{number}@trunk"))?;
    if !(pattern.contains("{number}") || pattern.contains("{digits}")) {
        return Err(wrong(format!(
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
            "priority": seconds(settings, "priority", 1..=1_000_000)?.unwrap_or(1),
        }),
        (None, Some(app), None) => {
            json!({ "app": app, "appArgs": text(settings, "app_args")?.unwrap_or("") })
        }
        (None, None, Some(sound)) => {
            let listener = listener.ok_or_else(|| {
                wrong("sound is set, but no dispatcher listens that could play it".to_owned())
            })?;
            json!({ "app": application(listener), "appArgs": format!("play,{}", media(sound)?) })
        }
        (None, None, None) => {
            return Err(lacking("what to do with a call that is answered: context, app or sound"));
        }
        _ => {
            return Err(wrong(
                "more than one of context, app and sound is set; keep the one to be done with a call that is answered".to_owned(),
            ));
        }
    };
    Ok(members.as_object().cloned().unwrap_or_default())
}

/// A sound by its name is a file of that name.
fn media(sound: &str) -> Result<String, PlaceError> {
    if sound.contains(',') {
        return Err(wrong(format!(
            "sound is {sound:?}, but a comma separates sounds; name one, such as hello-world or recording:welcome"
        )));
    }
    Ok(if sound.contains(':') { sound.to_owned() } else { format!("sound:{sound}") })
}

fn caller(settings: &Value) -> Result<Option<String>, PlaceError> {
    let plain = |c: &char| !c.is_control() && !"\"<>\\".contains(*c);
    let name = text(settings, "caller_name")?
        .map(|name| name.chars().filter(plain).take(NAME_LETTERS_MAX).collect::<String>());
    let number = match text(settings, "caller_ref")? {
        Some(reference) => Some(reference),
        None => text(settings, "caller_id")?,
    };
    let sound =
        |number: &str| number.bytes().all(|byte| byte.is_ascii_digit() || b"+*#".contains(&byte));
    match number {
        None => Ok(name.map(|name| format!("\"{name}\" <>"))),
        Some(number) if sound(number) => Ok(Some(match name {
            Some(name) => format!("\"{name}\" <{number}>"),
            None => number.to_owned(),
        })),
        Some(number) => Err(wrong(format!(
            "the number to call from is {number:?}, but must consist of digits, such as +13035550100"
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
        other => Err(wrong(format!("{name} is {other}, but must be a text"))),
    }
}

fn seconds(
    settings: &Value,
    name: &str,
    allowed: std::ops::RangeInclusive<u64>,
) -> Result<Option<u64>, PlaceError> {
    let stated = &settings[name];
    if stated.is_null() {
        return Ok(None);
    }
    match stated.as_u64().filter(|number| allowed.contains(number)) {
        Some(number) => Ok(Some(number)),
        None => Err(wrong(format!(
            "{name} is {stated}, but must be a whole number from {} to {}",
            allowed.start(),
            allowed.end()
        ))),
    }
}

fn lacking(what: &str) -> PlaceError {
    let details = json!({"reason": format!("settings lack {what}")});
    PlaceError::refused(RefusalClass::ConfigError, "settings-incomplete", details)
}

fn wrong(reason: String) -> PlaceError {
    let details = json!({ "reason": reason });
    PlaceError::refused(RefusalClass::ConfigError, "setting-wrong", details)
}
