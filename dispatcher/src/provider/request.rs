//! What several vendors' requests are put together from: members laid over one another, variables
//! as plain texts, ids in paths.

use serde_json::{Map, Value};

/// Lays members over others, at every depth; what is laid over counts.
pub fn overlay(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                overlay(under.entry(name).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}

/// Variables for a vendor that takes texts only; one that is null is left out.
pub fn texts(variables: &Value) -> Map<String, Value> {
    let members = variables.as_object().into_iter().flatten();
    let told = members.filter_map(|(name, value)| Some((name.clone(), text(value)?)));
    told.map(|(name, text)| (name, Value::String(text))).collect()
}

/// A value as text; none for null.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// A text as one part of a path or as a value in a query: it cannot lead out of its place.
pub fn segment(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_laid_over_counts_and_the_rest_stays() {
        let mut under = json!({"a": {"b": 1, "c": 2}, "d": [1]});
        overlay(&mut under, json!({"a": {"b": null}, "d": [], "e": 3}));
        assert_eq!(under, json!({"a": {"b": null, "c": 2}, "d": [], "e": 3}));
    }

    #[test]
    fn variables_become_texts() {
        let variables = json!({"name": "Ada", "count": 3, "none": null, "list": [1]});
        assert_eq!(json!(texts(&variables)), json!({"name": "Ada", "count": "3", "list": "[1]"}));
    }

    #[test]
    fn an_id_stays_one_part_of_its_path() {
        assert_eq!(segment("v3:a/../b c?d"), "v3%3Aa%2F..%2Fb%20c%3Fd");
    }
}
