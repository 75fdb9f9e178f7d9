//! A letter: what an e-mail says, put together from settings and variables, whoever carries it.

use super::account::{setting_wrong, settings_lack};
use super::call_options::filled_in;
use super::{PlaceError, Placement};
use serde_json::Value;

/// An e-mail with every variable filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub from: String,
    pub to: String,
    pub reply_to: Option<String>,
    pub subject: String,
    pub text: String,
    pub html: Option<String>,
    /// Further headers, such as List-Unsubscribe.
    pub headers: Vec<(String, String)>,
}

impl Letter {
    /// The letter of a placement. Subject, text and html may be the call's own variables, else they
    /// are settings; the text is the subject where there is none.
    pub fn write(settings: &Value, placement: &Placement) -> Result<Letter, PlaceError> {
        let variables = &placement.variables;
        let stated = |name: &str| variables[name].as_str().or_else(|| settings[name].as_str());
        let from = settings["from"].as_str().ok_or_else(|| settings_lack("from"))?;
        let subject = stated("subject").ok_or_else(|| settings_lack("subject"))?;
        let subject = one_line(&filled_in(subject, variables));
        let text = stated("text").map(|text| filled_in(text, variables));
        Ok(Letter {
            from: from.to_owned(),
            to: placement.address.clone(),
            reply_to: stated("reply_to").map(str::to_owned),
            text: text.unwrap_or_else(|| subject.clone()),
            // A name with a bracket in it must not become a tag.
            html: stated("html").map(|html| filled_in(html, &escaped(variables))),
            subject,
            headers: headers(settings, variables)?,
        })
    }
}

fn headers(settings: &Value, variables: &Value) -> Result<Vec<(String, String)>, PlaceError> {
    let stated = match &settings["headers"] {
        Value::Null => return Ok(Vec::new()),
        Value::Object(stated) => stated,
        other => {
            let reason = format!("headers is {other}, but must be an object of names and texts");
            return Err(setting_wrong(reason));
        }
    };
    let header = |(name, value): (&String, &Value)| match value.as_str() {
        Some(text) if is_name(name) => Ok((name.clone(), one_line(&filled_in(text, variables)))),
        _ => Err(setting_wrong(format!(
            "headers.{name} is {value}, but must be a text under a name of letters, digits and -"
        ))),
    };
    stated.iter().map(header).collect()
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A line break in a variable must not begin another header.
fn one_line(text: &str) -> String {
    text.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn escaped(variables: &Value) -> Value {
    match variables {
        Value::String(text) => {
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            Value::String(text.replace('"', "&quot;").replace('\'', "&#39;"))
        }
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), escaped(value))).collect()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
