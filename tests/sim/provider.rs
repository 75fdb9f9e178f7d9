//! A simulated provider and judge: it accepts calls, lets them end, and reports by events that are
//! doubled, late, misordered or lost.

use crate::chance::Chance;
use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc, Weekday};
use chrono_tz::Tz;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};

const OUTCOMES: [(&str, Option<&str>); 9] = [
    ("no_answer", None),
    ("no_answer", None),
    ("busy", None),
    ("voicemail", None),
    ("completed", Some("NOT_INTERESTED")),
    ("completed", Some("SALE")),
    ("completed", Some("DNC")),
    ("provider_fault", None),
    ("completed", None),
];

/// What a request says.
pub struct Request<'a> {
    pub number: &'a str,
    pub campaign: i64,
    pub attempt_id: &'a str,
}

#[derive(Clone)]
struct Call {
    number: String,
    campaign: i64,
    attempt_id: String,
    ended: Option<(&'static str, Option<&'static str>)>,
}

#[derive(Default)]
pub struct Provider {
    calls: BTreeMap<usize, Call>,
    attempts: HashSet<String>,
    per_day: HashMap<(String, NaiveDate), usize>,
    /// Numbers that must not be called, and numbers that a campaign has finished with, as far as
    /// the dialer was told.
    forbidden: HashSet<String>,
    finished: HashSet<(String, i64)>,
    /// Events on their way: when they arrive, and what they say.
    post: Vec<(DateTime<Utc>, Value)>,
    pub accepted: usize,
    pub peak: usize,
}

impl Provider {
    fn live(&self) -> usize {
        self.calls.values().filter(|call| call.ended.is_none()).count()
    }

    /// A request arrives. Panics if it must never have come.
    pub fn accept(
        &mut self,
        request: &Request<'_>,
        zone: Tz,
        now: DateTime<Utc>,
        limit: usize,
    ) -> String {
        let Request { number, campaign, attempt_id } = *request;
        let local = now.with_timezone(&zone);
        assert!(
            self.attempts.insert(attempt_id.to_owned()),
            "attempt {attempt_id} was placed twice"
        );
        let busy = self.calls.values().any(|call| call.number == number && call.ended.is_none());
        assert!(!busy, "{number} is called while it is on the line");
        assert!(self.live() < limit, "more than {limit} calls at once");
        assert!((11..20).contains(&local.hour()), "{number} is called at {local}");
        assert!(
            !matches!(local.weekday(), Weekday::Sat | Weekday::Sun),
            "{number} is called on {local}"
        );
        assert!(!self.forbidden.contains(number), "{number} is called and must not be");
        let finished = self.finished.contains(&(number.to_owned(), campaign));
        assert!(!finished, "{number} is called by campaign {campaign} after a sale");
        let today = self.per_day.entry((number.to_owned(), local.date_naive())).or_default();
        *today += 1;
        assert!(*today <= 8, "{number} is called {today} times on {}", local.date_naive());
        self.accepted += 1;
        self.calls.insert(
            self.accepted,
            Call {
                number: number.to_owned(),
                campaign,
                attempt_id: attempt_id.to_owned(),
                ended: None,
            },
        );
        self.peak = self.peak.max(self.live());
        format!("p{}", self.accepted)
    }

    /// One live call goes on: it rings, is answered, or ends.
    pub fn progress(&mut self, chance: &mut Chance, now: DateTime<Utc>) {
        let live: Vec<usize> =
            self.calls.iter().filter(|(_, call)| call.ended.is_none()).map(|(id, _)| *id).collect();
        if live.is_empty() {
            return;
        }
        let id = *chance.pick(&live);
        let kind = *chance.pick(&["ringing", "answered", "ended", "ended", "ended"]);
        let mut event = json!({"event_key": format!("p{id}-{kind}"), "kind": kind, "provider_call_id": format!("p{id}"),
            "attempt_id": self.calls[&id].attempt_id, "source": "webhook"});
        if kind == "ended" {
            let end = *chance.pick(&OUTCOMES);
            self.end(id, end);
            event["outcome"] = json!(end.0);
            event["disposition"] = json!(end.1);
        }
        self.send(event, chance, now);
    }

    fn end(&mut self, id: usize, end: (&'static str, Option<&'static str>)) {
        let call = self.calls.get_mut(&id).unwrap();
        call.ended = Some(end);
    }

    fn send(&mut self, event: Value, chance: &mut Chance, now: DateTime<Utc>) {
        if chance.happens(10) {
            return;
        }
        let copies = if chance.happens(15) { 2 } else { 1 };
        for _ in 0..copies {
            let late = if chance.happens(20) { chance.below(3600) } else { chance.below(3) };
            self.post.push((
                now + chrono::Duration::seconds(i64::try_from(late).unwrap()),
                event.clone(),
            ));
        }
    }

    /// Events that have arrived by now, in any order.
    pub fn delivered(&mut self, chance: &mut Chance, now: DateTime<Utc>) -> Vec<Value> {
        let (here, under_way): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.post).into_iter().partition(|(at, _)| *at <= now);
        self.post = under_way;
        let mut events: Vec<Value> = here.into_iter().map(|(_, event)| event).collect();
        for place in (1..events.len()).rev() {
            events.swap(place, chance.below(place + 1));
        }
        events
    }

    /// What a look-up by attempt tells; nothing, if the request never arrived.
    pub fn look_up(&self, attempt_id: &str) -> Option<Value> {
        let (id, call) = self.calls.iter().find(|(_, call)| call.attempt_id == attempt_id)?;
        let kind = if call.ended.is_some() { "ended" } else { "placed" };
        let (outcome, disposition) = call.ended.unwrap_or(("", None));
        let mut event = json!({"event_key": format!("look-{id}-{kind}"), "kind": kind, "provider_call_id": format!("p{id}"),
            "attempt_id": attempt_id, "source": "look_up"});
        if kind == "ended" {
            event["outcome"] = json!(outcome);
            event["disposition"] = json!(disposition);
        }
        Some(event)
    }

    /// The dialer has been told how an attempt ended; returns the number if it must now be left
    /// alone by everybody.
    pub fn told(&mut self, attempt_id: &str) -> Option<String> {
        let call = self.calls.values().find(|call| call.attempt_id == attempt_id)?;
        match call.ended?.1? {
            "SALE" => {
                self.finished.insert((call.number.clone(), call.campaign));
                None
            }
            "DNC" => Some(call.number.clone()),
            _ => None,
        }
    }

    pub fn forbid(&mut self, number: &str) {
        self.forbidden.insert(number.to_owned());
    }
}
