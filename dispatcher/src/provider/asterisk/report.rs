//! What Asterisk's events and channels say, in our words.
//!
//! An event's key is made of channel and kind only, so that it is the same in every dispatcher that
//! hears it. Channels whose id is no attempt's, or that another account has marked, are not ours.

use super::order;
use crate::provider::cause::Cause;
use crate::provider::stream::Listener;
use crate::provider::{Event, Kind, Source};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;

/// LIMIT: calls whose instant of answering is remembered, for their length.
const ANSWERED_MAX: usize = 10_000;

/// What a message of the websocket is about.
#[derive(Debug, PartialEq)]
pub enum Heard {
    Event(Box<Event>),
    /// Our application has got an answered call, to play something.
    Play {
        channel: Uuid,
        media: String,
    },
    /// What was played is over, well or not.
    Played {
        channel: Uuid,
    },
    /// Somebody else listens under our name, and we hear nothing more.
    Replaced,
    Nothing,
}

/// Reads one connection's messages, which come in order.
pub struct Reader {
    mark: String,
    answered: HashMap<Uuid, DateTime<Utc>>,
}

impl Reader {
    pub fn new(listener: &Listener) -> Reader {
        Reader { mark: order::mark(listener), answered: HashMap::new() }
    }

    pub fn read(&mut self, message: &Value) -> Heard {
        let kind = message["type"].as_str().unwrap_or("");
        if kind == "ApplicationReplaced" {
            return Heard::Replaced;
        }
        if kind == "PlaybackFinished" {
            return played(&message["playback"]);
        }
        let Some(channel) = self.own(&message["channel"]) else { return Heard::Nothing };
        let event = match kind {
            "ChannelStateChange" => self.change(channel, message),
            "ChannelDestroyed" => Some(self.end(channel, message)),
            "StasisStart" => return play(channel, &message["args"]),
            _ => None,
        };
        event.map_or(Heard::Nothing, |event| Heard::Event(Box::new(event)))
    }

    /// The attempt of a channel, unless another account has marked it.
    fn own(&self, channel: &Value) -> Option<Uuid> {
        let code = channel["accountcode"].as_str().unwrap_or("");
        let foreign = code.starts_with(order::MARK) && code != self.mark;
        if foreign { None } else { attempt_of(channel["id"].as_str()?) }
    }

    fn change(&mut self, channel: Uuid, message: &Value) -> Option<Event> {
        let kind = kind_of(&message["channel"]["state"]);
        let word = match kind {
            Kind::Ringing => "ringing",
            Kind::Answered => "answered",
            _ => return None,
        };
        let at = instant(&message["timestamp"]);
        if let (Kind::Answered, Some(at)) = (kind, at)
            && self.answered.len() < ANSWERED_MAX
        {
            self.answered.insert(channel, at);
        }
        let mut event = event(channel, word, kind, Source::Webhook, message);
        event.at = at;
        Some(event)
    }

    fn end(&mut self, channel: Uuid, message: &Value) -> Event {
        let mut event = event(channel, "ended", Kind::Ended, Source::Webhook, message);
        event.at = instant(&message["timestamp"]);
        let answered_at = self.answered.remove(&channel);
        event.duration_seconds = event.at.zip(answered_at).map(|(end, answer)| {
            // Two clocks of one machine that was set back between.
            (end - answer).as_seconds_f64().max(0.0)
        });
        let cause = Cause::of(message["tech_cause"].as_u64(), message["cause"].as_u64());
        event.word = Some(cause.map_or_else(|| "no cause".to_owned(), Cause::word));
        let answered = kind_of(&message["channel"]["state"]) == Kind::Answered;
        event.outcome = cause.and_then(|cause| match answered {
            true => Some(cause.answered()),
            false => cause.unanswered(),
        });
        event
    }
}

/// What a channel that was looked for says by its state.
pub fn of_channel(channel: &Value, attempt_id: Uuid) -> Option<Event> {
    let state = channel["state"].as_str()?;
    let label = format!("look_up:{state}");
    Some(event(attempt_id, &label, kind_of(&channel["state"]), Source::LookUp, channel))
}

/// A channel that was there and is no more.
pub fn gone(attempt_id: Uuid) -> Event {
    let raw = json!({ "channel": "gone" });
    let mut event = event(attempt_id, "gone", Kind::Ended, Source::LookUp, &raw);
    event.word = Some("channel gone".to_owned());
    event.outcome = Some("unknown");
    event
}

fn event(attempt_id: Uuid, label: &str, kind: Kind, source: Source, raw: &Value) -> Event {
    let key = format!("{attempt_id}:{label}");
    let mut event = Event::new(key, kind, source, raw.clone());
    event.attempt_id = Some(attempt_id);
    event.provider_call_id = Some(attempt_id.to_string());
    event
}

fn kind_of(state: &Value) -> Kind {
    match state.as_str() {
        Some("Up") => Kind::Answered,
        Some("Ring" | "Ringing") => Kind::Ringing,
        _ => Kind::Placed,
    }
}

fn play(channel: Uuid, arguments: &Value) -> Heard {
    match (arguments[0].as_str(), arguments[1].as_str()) {
        (Some("play"), Some(media)) => Heard::Play { channel, media: media.to_owned() },
        _ => Heard::Nothing,
    }
}

/// What we play is called like its channel; what others play is not ours to end.
fn played(playback: &Value) -> Heard {
    let target = playback["target_uri"].as_str().and_then(|uri| uri.strip_prefix("channel:"));
    match target.filter(|target| playback["id"].as_str() == Some(target)).and_then(attempt_of) {
        Some(channel) => Heard::Played { channel },
        None => Heard::Nothing,
    }
}

/// A live channel of this account's that was answered to hear a sound.
pub fn plays_for(mark: &str, channel: &Value) -> Option<Uuid> {
    let dialplan = &channel["dialplan"];
    let mut data = dialplan["app_data"].as_str()?.split(',');
    // The mark and a dash, and then the dispatcher's name.
    let is_ours = data.next()?.strip_prefix(mark)?.starts_with('-');
    let plays = is_ours && dialplan["app_name"] == "Stasis" && data.next() == Some("play");
    if plays { attempt_of(channel["id"].as_str()?) } else { None }
}

/// An id that we gave: a UUID in its one spelling.
pub fn attempt_of(id: &str) -> Option<Uuid> {
    id.parse::<Uuid>().ok().filter(|parsed| parsed.to_string() == id)
}

/// Asterisk's own spelling: no colon in the offset.
pub fn instant(value: &Value) -> Option<DateTime<Utc>> {
    let text = value.as_str()?;
    let at = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z").ok()?;
    Some(at.with_timezone(&Utc))
}
