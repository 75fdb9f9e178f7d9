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

#[derive(Clone)]
struct Call {
    number: String,
    attempt_id: String,
    ended: Option<(&'static str, Option<&'static str>)>,
}

#[derive(Default)]
pub struct Provider {
    calls: BTreeMap<usize, Call>,
    attempts: HashSet<String>,
    per_day: HashMap<(String, NaiveDate), usize>,
    finished: HashSet<String>,
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
        number: &str,
        attempt_id: &str,
        zone: Tz,
        now: DateTime<Utc>,
        limit: usize,
    ) -> String {
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
        assert!(!self.finished.contains(number), "{number} is called after its last word");
        let today = self.per_day.entry((number.to_owned(), local.date_naive())).or_default();
        *today += 1;
        assert!(*today <= 8, "{number} is called {today} times on {}", local.date_naive());
        self.accepted += 1;
        self.calls.insert(
            self.accepted,
            Call { number: number.to_owned(), attempt_id: attempt_id.to_owned(), ended: None },
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
        if matches!(end.1, Some("SALE" | "DNC")) {
            self.finished.insert(call.number.clone());
        }
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

    /// A number that was put on the list by somebody else.
    pub fn forbid(&mut self, number: &str) {
        self.finished.insert(number.to_owned());
    }
}
