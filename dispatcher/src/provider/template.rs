//! Templates: texts and JSON with `{{name}}` where something known at the time is put in.
//!
//! A text that is nothing but one `{{name}}` becomes the value itself, so that a number stays a
//! number. What goes into a URL is encoded, and what goes into a header is kept to one line, so
//! that a value can never become more than a value.

use super::request::{segment, text};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// What a recipe may name, besides `variable.NAME`, `setting.NAME` and `secret.ROLE`.
pub const NAMES: [&str; 10] = [
    "address",
    "attempt_id",
    "callback_url",
    "caller_id",
    "variables",
    "secret",
    "id",
    "from",
    "until",
    "cursor",
];

/// The values that are known when a request is put together.
#[derive(Debug, Clone, Default)]
pub struct Known(Map<String, Value>);

impl Known {
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// The value of a name; null where it is not known this time.
    fn value(&self, name: &str) -> &Value {
        let (group, member) = name.split_once('.').unwrap_or((name, ""));
        let group = match group {
            "variable" => self.0.get("variables"),
            "setting" => self.0.get("settings"),
            "secret" if !member.is_empty() => self.0.get("secrets"),
            _ => return self.0.get(name).unwrap_or(&Value::Null),
        };
        group.and_then(|group| group.get(member)).unwrap_or(&Value::Null)
    }

    /// A text, with each value as `encode` writes it.
    fn filled(&self, template: &str, encode: impl Fn(&str) -> String) -> String {
        let mut filled = String::with_capacity(template.len());
        for part in parts(template) {
            match part {
                Part::Text(plain) => filled.push_str(plain),
                Part::Name(name) => {
                    let value = text(self.value(name)).unwrap_or_default();
                    filled.push_str(&encode(&value));
                }
            }
        }
        filled
    }

    /// A URL: every value is one part of a path or one value of a query.
    pub fn url(&self, template: &str) -> String {
        self.filled(template, segment)
    }

    /// A header: one line.
    pub fn header(&self, template: &str) -> String {
        self.filled(template, |value| value.chars().filter(|c| !c.is_control()).collect())
    }

    /// A text that is encoded later, by whoever carries it.
    pub fn text(&self, template: &str) -> String {
        self.filled(template, str::to_owned)
    }

    /// JSON, at every depth; names of members stay as they are.
    pub fn json(&self, template: &Value) -> Value {
        match template {
            Value::String(text) => match parts(text).as_slice() {
                [Part::Name(name)] => self.value(name).clone(),
                _ => Value::String(self.text(text)),
            },
            Value::Array(items) => items.iter().map(|item| self.json(item)).collect(),
            Value::Object(members) => {
                members.iter().map(|(name, value)| (name.clone(), self.json(value))).collect()
            }
            other => other.clone(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    Name(&'a str),
}

/// A template in its parts; braces that are never closed are text.
fn parts(template: &str) -> Vec<Part<'_>> {
    let (mut parts, mut rest) = (Vec::new(), template);
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, behind)) = after.split_once("}}") else { break };
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        parts.push(Part::Name(name.trim()));
        rest = behind;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    parts
}

/// The first name in a template that nothing stands for.
pub fn unknown_name(template: &str) -> Option<Cow<'_, str>> {
    let known = |name: &str| match name.split_once('.') {
        Some(("variable" | "setting" | "secret", member)) => !member.is_empty(),
        _ => NAMES.contains(&name),
    };
    parts(template).into_iter().find_map(|part| match part {
        Part::Name(name) if !known(name) => Some(Cow::Borrowed(name)),
        Part::Text(text) if text.contains("{{") => Some(Cow::Borrowed("{{ that is not closed")),
        _ => None,
    })
}

/// Whether a template names something.
pub fn names(template: &str, name: &str) -> bool {
    parts(template).contains(&Part::Name(name))
}

#[cfg(test)]
mod tests;
