//! Where the facts about a call stand in what a vendor sends, as JSON pointers.

use super::Recipe;
use crate::provider::event::{Event, Kind, Source, success};
use crate::provider::request::text;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// LIMIT: from here on a number of a time is in milliseconds: no call was made before 1973.
const MILLIS_FROM: f64 = 1e11;

/// Pointers from the call; what is absent is not known.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Facts {
    /// The call, or a list of calls; absent: all that was sent.
    pub call: Option<String>,
    pub id: Option<String>,
    pub attempt_id: Option<String>,
    pub address: Option<String>,
    pub status: Option<String>,
    /// Why or how it ended; absent or empty: the status is the word.
    pub word: Option<String>,
    pub disposition: Option<String>,
    pub classification: Option<String>,
    pub success: Option<String>,
    pub callback_at: Option<String>,
    pub at: Option<String>,
    pub created_at: Option<String>,
    pub duration_seconds: Option<String>,
    /// What tells one delivery from another; absent: the id and the status.
    pub event_key: Option<String>,
}

impl Facts {
    /// The calls that were sent: one, or each of a list.
    pub fn calls<'a>(&self, sent: &'a Value) -> &'a [Value] {
        let place = self.call.as_deref().map_or(Some(sent), |at| sent.pointer(at));
        match place {
            Some(Value::Array(calls)) => calls,
            Some(call) if call.is_object() => std::slice::from_ref(call),
            _ => &[],
        }
    }

    /// One fact as text.
    pub fn text(&self, call: &Value, pointer: &Option<String>) -> Option<String> {
        text(call.pointer(pointer.as_deref()?)?).filter(|text| !text.is_empty())
    }

    /// Every pointer with its name, to be checked.
    pub fn pointers(&self) -> [(&'static str, &Option<String>); 14] {
        [
            ("call", &self.call),
            ("id", &self.id),
            ("attempt_id", &self.attempt_id),
            ("address", &self.address),
            ("status", &self.status),
            ("word", &self.word),
            ("disposition", &self.disposition),
            ("classification", &self.classification),
            ("success", &self.success),
            ("callback_at", &self.callback_at),
            ("at", &self.at),
            ("created_at", &self.created_at),
            ("duration_seconds", &self.duration_seconds),
            ("event_key", &self.event_key),
        ]
    }

    /// A call as an event. A status that the recipe does not know says nothing: it is noted, and
    /// never ends anything.
    pub fn event(&self, recipe: &Recipe, call: &Value, source: Source) -> Event {
        self.hinted_event(recipe, call, source, None)
    }

    /// The same of a call that may be this attempt's, where it names none itself.
    pub fn hinted_event(
        &self,
        recipe: &Recipe,
        call: &Value,
        source: Source,
        hint: Option<Uuid>,
    ) -> Event {
        let status = self.text(call, &self.status).unwrap_or_default();
        let id = self.text(call, &self.id);
        let kind = recipe.statuses.get(&status).map_or(Kind::Note, |meaning| meaning.kind());
        let stated = self.text(call, &self.attempt_id).and_then(|text| text.parse().ok());
        let attempt_id = stated.or(hint);
        let key = self.text(call, &self.event_key).unwrap_or_else(|| {
            let who = id.clone().or_else(|| attempt_id.map(|id| id.to_string()));
            let word = self.text(call, &self.word).unwrap_or_default();
            format!("{}:{source:?}:{status}:{word}", who.unwrap_or_default())
        });
        let mut event = Event {
            attempt_id,
            provider_call_id: id,
            at: self.instant(call, &self.at),
            ..Event::new(key, kind, source, call.clone())
        };
        if kind == Kind::Ended || kind == Kind::Note {
            let word = self.text(call, &self.word).unwrap_or(status);
            event.outcome = recipe.outcome(&word).filter(|_| kind == Kind::Ended);
            event.word = Some(word);
            event.disposition = self.text(call, &self.disposition);
            event.classification = self.text(call, &self.classification);
            event.success = self.success.as_deref().and_then(|at| success(call.pointer(at)?));
            event.callback_at = self.text(call, &self.callback_at);
            event.duration_seconds =
                self.text(call, &self.duration_seconds).and_then(|text| text.parse().ok());
        }
        event
    }

    /// An instant as RFC 3339, or as seconds or milliseconds since 1970.
    pub fn instant(&self, call: &Value, pointer: &Option<String>) -> Option<DateTime<Utc>> {
        let text = self.text(call, pointer)?;
        let number: f64 = match text.parse() {
            Ok(number) => number,
            Err(_) => return text.parse().ok(),
        };
        let millis = if number.abs() < MILLIS_FROM { number * 1000.0 } else { number };
        DateTime::from_timestamp_millis(millis as i64)
    }
}
