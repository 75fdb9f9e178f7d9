//! Twilio's webhooks: signed over the public URL and the fields of the form.
//!
//! There is no timestamp, so an old webhook cannot be told from a new one: a doubled one changes
//! nothing, because each status of a call is kept once.

use super::words::WORDS;
use crate::provider::call_options::Voicemail;
use crate::provider::cause::Cause;
use crate::provider::signature::{Digest, same, unbase64, verify as fits};
use crate::provider::word::{self, WordKind};
use crate::provider::{
    Event, HookAnswer, HookRequest, HookTrust, Kind, ParseError, Source, VerifyError,
};
use chrono::{DateTime, Utc};
use form_urlencoded::Serializer;
use serde_json::Value;
use sha2::Digest as _;
use std::collections::BTreeSet;

pub fn verify(trust: &HookTrust<'_>, request: HookRequest<'_>) -> Result<(), VerifyError> {
    let shown = request.header("x-twilio-signature").ok_or(VerifyError::NotSigned)?;
    let signature = unbase64(shown).ok_or(VerifyError::WrongSignature)?;
    let fields = signed_fields(request)?;
    let key = trust.secret.text().as_bytes();
    // The vendor's own validators believe the address with and without its port, and with the
    // query as it is and as it was written before; so many are tried here.
    let mut result = Err(VerifyError::WrongSignature);
    for url in candidates(request.url) {
        match fits(Digest::Sha1, key, &[url.as_bytes(), fields.as_bytes()], &signature) {
            Ok(()) => result = Ok(()),
            Err(VerifyError::NoSecret) => return Err(VerifyError::NoSecret),
            Err(_) => (),
        }
    }
    result
}

/// What is signed besides the address: the fields of a form, or nothing where the address holds
/// the hash of the body, which then has to be right.
fn signed_fields(request: HookRequest<'_>) -> Result<String, VerifyError> {
    if let Some((_, stated)) = request.query().into_iter().find(|(name, _)| name == "bodySHA256") {
        let hash = sha2::Sha256::digest(request.body);
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        return same(&stated, &hash).map(|()| String::new());
    }
    if !request.body.is_empty() && !request.is_form() {
        return Err(VerifyError::WrongSignature);
    }
    // Sorted by name, and every value of a name once.
    let fields: BTreeSet<(String, String)> = request.form().into_iter().collect();
    Ok(fields.into_iter().map(|(name, value)| name + &value).collect())
}

fn candidates(url: &str) -> Vec<String> {
    let bare = without_port(url);
    let with = with_port(url);
    let legacy = [legacy_query(&bare), legacy_query(&with)];
    [bare, with].into_iter().chain(legacy).collect()
}

/// Scheme, host with port, and the rest.
fn parts(url: &str) -> (&str, &str, &str) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    (scheme, &rest[..end], &rest[end..])
}

fn port_of(host: &str) -> Option<(&str, &str)> {
    host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
}

fn without_port(url: &str) -> String {
    let (scheme, host, rest) = parts(url);
    format!("{scheme}://{}{rest}", port_of(host).map_or(host, |(name, _)| name))
}

fn with_port(url: &str) -> String {
    let (scheme, host, rest) = parts(url);
    let port = if scheme == "http" { 80 } else { 443 };
    match port_of(host) {
        Some(_) => url.to_owned(),
        None => format!("{scheme}://{host}:{port}{rest}"),
    }
}

/// The query decoded and written anew with few characters escaped, as it once was signed.
fn legacy_query(url: &str) -> String {
    let Some((address, query)) = url.split_once('?') else { return url.to_owned() };
    let pairs = form_urlencoded::parse(query.as_bytes());
    let pairs: Vec<String> =
        pairs.map(|(name, value)| format!("{}={}", spelt(&name), spelt(&value))).collect();
    format!("{address}?{}", pairs.join("&"))
}

fn spelt(text: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte);
    let spell = |byte: u8| match kept(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(spell).collect()
}

/// A status callback, or the question what to do now that somebody has answered.
pub fn parse(request: HookRequest<'_>) -> Result<Vec<Event>, ParseError> {
    let fields = request.form();
    let field = |name: &str| {
        fields.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, value)| value.as_str())
    };
    let sid = field("CallSid").ok_or(ParseError::Missing("CallSid"))?;
    let status = field("CallStatus").ok_or(ParseError::Missing("CallStatus"))?;
    let Some(kind) = kind_of(status) else { return Ok(Vec::new()) };
    let mut event = Event {
        attempt_id: request.attempt_id,
        provider_call_id: Some(sid.to_owned()),
        at: field("Timestamp").and_then(instant),
        word: Some(status.to_owned()),
        ..Event::new(format!("{sid}:{status}"), kind, Source::Webhook, raw(&fields))
    };
    if kind == Kind::Ended {
        let end = End {
            status,
            answered_by: field("AnsweredBy"),
            sip: field("SipResponseCode"),
            error: field("ErrorCode"),
        };
        (event.word, event.outcome) = end.meaning();
        let length = field("CallDuration").or_else(|| field("Duration"));
        event.duration_seconds = length.and_then(|text| text.parse().ok());
    }
    Ok(vec![event])
}

pub fn kind_of(status: &str) -> Option<Kind> {
    match status {
        "queued" | "initiated" => Some(Kind::Placed),
        "ringing" => Some(Kind::Ringing),
        "in-progress" | "answered" => Some(Kind::Answered),
        "completed" | "busy" | "failed" | "no-answer" | "canceled" => Some(Kind::Ended),
        _ => None,
    }
}

/// All that is said about an end.
pub struct End<'a> {
    pub status: &'a str,
    pub answered_by: Option<&'a str>,
    pub sip: Option<&'a str>,
    pub error: Option<&'a str>,
}

impl End<'_> {
    /// The most telling word, and its outcome.
    pub fn meaning(&self) -> (Option<String>, Option<&'static str>) {
        let of = |kind, said| word::outcome(WORDS, kind, said);
        let by = self.answered_by.and_then(|by| Some((by, of(WordKind::AnsweredBy, by)?)));
        match (self.status, by) {
            ("completed", Some((by, "voicemail"))) => (Some(by.to_owned()), Some("voicemail")),
            ("failed", _) => self.failure(),
            (status, _) => (Some(status.to_owned()), of(WordKind::Status, status)),
        }
    }

    /// What the telephone network said counts before what the vendor made of it.
    fn failure(&self) -> (Option<String>, Option<&'static str>) {
        let sip = self.sip.and_then(|code| code.parse().ok()).filter(|code| *code >= 300);
        let cause = Cause::of(sip, None);
        let by_error = self.error.and_then(|code| word::find(WORDS, WordKind::Error, code));
        match (cause, by_error) {
            (Some(cause), _) if cause.unanswered().is_some() => {
                (Some(cause.word()), cause.unanswered())
            }
            (_, Some(row)) => (Some(row.word.to_owned()), row.outcome),
            (Some(cause), None) => (Some(cause.word()), None),
            (None, None) => (Some("failed".to_owned()), None),
        }
    }
}

/// The fields as an object, as they are kept.
fn raw(fields: &[(String, String)]) -> Value {
    fields.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
}

/// The form that the fields were.
pub fn body_of(raw: &Value) -> (&'static str, Vec<u8>) {
    let mut form = Serializer::new(String::new());
    for (name, value) in raw.as_object().into_iter().flatten() {
        form.append_pair(name, value.as_str().unwrap_or(""));
    }
    ("application/x-www-form-urlencoded", form.finish().into_bytes())
}

pub fn instant(text: &str) -> Option<DateTime<Utc>> {
    let rfc2822 = DateTime::parse_from_rfc2822(text).map(|at| at.with_timezone(&Utc));
    rfc2822.ok().or_else(|| text.parse().ok())
}

/// What to do once somebody has answered: the choice travels in the address that the vendor asks,
/// and is under its signature.
pub struct Answering {
    next: String,
    message: Option<String>,
}

impl Answering {
    /// The address to ask: the callback's, with the choice and where a person is sent on to.
    pub fn url(callback_url: &str, next: &str, choice: &Voicemail) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("answer", "voicemail").append_pair("next", next);
        if let Voicemail::LeaveMessage(text) = choice {
            query.append_pair("say", text);
        }
        format!("{callback_url}&{}", query.finish())
    }

    fn read(request: HookRequest<'_>) -> Option<Answering> {
        let query = request.query();
        let find = |name: &str| query.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        find("answer")?;
        Some(Answering { next: find("next")?, message: find("say") })
    }

    /// The document by which the vendor goes on.
    fn document(&self, answered_by: Option<&str>) -> String {
        let outcome = answered_by.and_then(|by| word::outcome(WORDS, WordKind::AnsweredBy, by));
        let verbs = match (outcome, &self.message) {
            (Some("voicemail"), Some(text)) => format!("<Say>{}</Say><Hangup/>", escaped(text)),
            (Some("voicemail"), None) => "<Hangup/>".to_owned(),
            _ => format!("<Redirect method=\"POST\">{}</Redirect>", escaped(&self.next)),
        };
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>{verbs}</Response>")
    }
}

/// A status callback wants no answer; the question does.
pub fn answer(request: HookRequest<'_>) -> HookAnswer {
    let Some(answering) = Answering::read(request) else { return HookAnswer::Nothing };
    let fields = request.form();
    let by = fields.iter().find(|(name, _)| name == "AnsweredBy").map(|(_, by)| by.as_str());
    HookAnswer::Document { content_type: "text/xml", body: answering.document(by) }
}

/// Text for XML.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            // XML has no other control characters.
            c if c.is_control() && !"\t\n\r".contains(c) => (),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
