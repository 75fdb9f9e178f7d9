//! What providers send as Postgres can keep it: its texts have no NUL, and one in a transcript would
//! turn away the report that it stands in, and with it the end of a call.

use serde_json::Value;

/// The same without NUL, in texts and in names of members, at every depth.
pub fn storable(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_nul(text)),
        Value::Array(items) => items.into_iter().map(storable).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (without_nul(name), storable(value))).collect()
        }
        other => other,
    }
}

/// A text without NUL.
pub fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_nul_is_shown_as_what_cannot_be_shown() {
        let sent: Value =
            serde_json::from_str(r#"{"a\u0000": ["x\u0000y", 1], "b": "\\u0000"}"#).expect("JSON");
        let kept = json!({"a\u{fffd}": ["x\u{fffd}y", 1], "b": "\\u0000"});
        assert_eq!(storable(sent), kept);
    }
}
