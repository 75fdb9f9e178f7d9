//! A simulated provider and judge: it accepts calls, lets them end, and reports by events that are
//! doubled, late, misordered or lost. Its journal says what no query of ours could talk it out of.

use crate::chance::Chance;
use crate::truth::{Holder, Limits, Terms, Verdict};
use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Outcome and business label; a label that nobody knows waits for a person.
type End = (&'static str, Option<&'static str>);
const OUTCOMES: [End; 16] = [
    ("no_answer", None),
    ("no_answer", None),
    ("no_answer", None),
    ("no_answer", None),
    ("no_answer", None),
    ("no_answer", None),
    ("no_answer", None),
    ("busy", None),
    ("voicemail", None),
    ("completed", Some("NOT_INTERESTED")),
    ("completed", Some("SALE")),
    ("completed", Some("DNC")),
    ("completed", Some("MYSTERY")),
    ("callback", None),
    ("provider_fault", None),
    ("completed", None),
];
/// What a call finds out of its number: an answer, nothing, or a word that nobody knows.
const CLASSIFICATIONS: [Option<&str>; 5] =
    [Some("human"), None, Some("ivr_only"), Some("IVR then human"), Some("phone tree")];
/// Attempts a day and seconds between two, as the policy of the simulation says.
pub const DAY_MAX: usize = 3;
pub const GAP_SECONDS: i64 = 60;
/// How long before its request an attempt may be intended.
const LEASE_SECONDS: i64 = 30;
/// The provider itself hangs up after this; our account is told the same.
pub const CALL_SECONDS_MAX: i64 = 300;

/// What a request says, and what held for it when it was claimed.
#[derive(Clone)]
pub struct Request {
    pub attempt_id: String,
    pub number: String,
    pub call_id: i64,
    pub campaign: i64,
    pub account: i32,
    pub caller: Option<String>,
    /// The claims in their order, and the limits in force at each.
    pub claimed: usize,
    pub limits: Rc<Limits>,
    /// How often a person might be called within an hour.
    pub hourly: Option<usize>,
    pub terms: Rc<Terms>,
    pub zones: Vec<Tz>,
    pub place_by: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    /// Calls a second of the account.
    pub rate: Option<f64>,
}

#[derive(Clone)]
struct Call {
    request: Request,
    at: DateTime<Utc>,
    ended: Option<End>,
}

impl Call {
    fn counts(&self) -> bool {
        self.ended.is_none_or(|(outcome, _)| outcome != "provider_fault")
    }
}

#[derive(Default)]
pub struct Provider {
    calls: BTreeMap<usize, Call>,
    attempts: BTreeSet<String>,
    /// Events on their way: when they arrive, to which account, and what they say.
    post: Vec<(DateTime<Utc>, i32, Value)>,
    /// Leases last so long that a gap, which begins with the intention, may be over when it is sent.
    pub dawdling: bool,
    /// Nobody answers, nobody buys.
    pub quiet: bool,
    /// Events that the dialer has received, by day and key.
    pub heard: BTreeSet<(NaiveDate, String)>,
    pub accepted: usize,
    pub peak: usize,
}

impl Provider {
    fn live(&self) -> impl Iterator<Item = &Call> {
        self.calls.values().filter(|call| call.ended.is_none())
    }

    pub fn attempts(&self) -> Vec<String> {
        self.attempts.iter().cloned().collect()
    }

    /// A request arrives; an error, if it must never have come.
    pub fn accept(&mut self, request: &Request, now: DateTime<Utc>) -> Verdict<String> {
        let Request { attempt_id, number, .. } = request;
        if !self.attempts.insert(attempt_id.clone()) {
            return Err(format!("attempt {attempt_id} was placed twice"));
        }
        if now >= request.place_by {
            return Err(format!("{number} is called at {now}, not before {}", request.place_by));
        }
        if request.expires_at.is_some_and(|expires_at| now >= expires_at) {
            return Err(format!("{number} is called after its call has expired"));
        }
        if self.live().any(|call| call.request.number == *number) {
            return Err(format!("{number} is called while it is on the line"));
        }
        if let Some(why) = request.terms.objection(now, &self.calls_to(number)) {
            return Err(format!("{number} is called: {why}"));
        }
        self.judge_at_once(request)?;
        self.judge_repetition(request, now)?;
        self.judge_rate(request, now)?;
        self.accepted += 1;
        let call = Call { request: request.clone(), at: now, ended: None };
        self.calls.insert(self.accepted, call);
        self.peak = self.peak.max(self.live().count());
        Ok(format!("p{}", self.accepted))
    }

    /// Of the calls that share a limit, the one that was claimed last had room when it was claimed.
    fn judge_at_once(&self, request: &Request) -> Verdict<()> {
        let mut holders = vec![
            Holder::Account(request.account),
            Holder::Tenant,
            Holder::Campaign(request.campaign),
        ];
        holders.extend(request.caller.clone().map(Holder::Caller));
        for holder in holders {
            let shares = |other: &&Request| match &holder {
                Holder::Account(account) => other.account == *account,
                Holder::Tenant => true,
                Holder::Campaign(campaign) => other.campaign == *campaign,
                Holder::Caller(caller) => other.caller.as_ref() == Some(caller),
            };
            let sharing: Vec<&Request> = self
                .live()
                .map(|call| &call.request)
                .filter(shares)
                .chain(std::iter::once(request))
                .collect();
            let last = sharing.iter().max_by_key(|request| request.claimed).unwrap();
            let limit = last.limits.get(&holder).copied().unwrap_or(usize::MAX);
            if sharing.len() > limit {
                return Err(format!(
                    "{} calls at once, more than {limit} of {holder:?}: attempts {:?}",
                    sharing.len(),
                    sharing.iter().map(|one| (&one.attempt_id, one.claimed)).collect::<Vec<_>>()
                ));
            }
        }
        Ok(())
    }

    fn judge_repetition(&self, request: &Request, now: DateTime<Utc>) -> Verdict<()> {
        let before = self.calls_to(&request.number);
        for zone in &request.zones {
            let date = |at: &DateTime<Utc>| at.with_timezone(zone).date_naive();
            let today = before.iter().filter(|at| date(at) == date(&now)).count();
            if today >= DAY_MAX {
                return Err(format!(
                    "{} is called {} times on {}",
                    request.number,
                    today + 1,
                    date(&now)
                ));
            }
        }
        let gap = before.last().map_or(i64::MAX, |at| (now - *at).num_seconds());
        if gap < GAP_SECONDS - LEASE_SECONDS && !self.dawdling {
            return Err(format!("{} is called again after {gap} seconds", request.number));
        }
        Ok(())
    }

    /// When a number was called, but for calls that do not count.
    pub fn calls_to(&self, number: &str) -> Vec<DateTime<Utc>> {
        let counts = |call: &&Call| call.request.number == number && call.counts();
        self.calls.values().filter(counts).map(|call| call.at).collect()
    }

    /// Calls to a number within the last hour that count.
    pub fn within_an_hour(&self, number: &str, now: DateTime<Utc>) -> usize {
        // An attempt counts from its intention on, if the dialer never heard that it was placed.
        let since = now - Duration::seconds(3600 - LEASE_SECONDS);
        self.calls_to(number).into_iter().filter(|at| *at > since).count()
    }

    fn judge_rate(&self, request: &Request, now: DateTime<Utc>) -> Verdict<()> {
        let Some(rate) = request.rate else { return Ok(()) };
        let same = self.calls.values().rev().find(|call| call.request.account == request.account);
        let Some(before) = same else { return Ok(()) };
        let distance = (now - before.at).num_milliseconds();
        #[allow(clippy::cast_precision_loss, reason = "milliseconds of a minute")]
        if (distance as f64) < 1000.0 / rate {
            return Err(format!(
                "two calls of account {} within {distance} ms at {rate} a second",
                request.account
            ));
        }
        Ok(())
    }

    pub fn is_busy(&self) -> bool {
        self.live().next().is_some()
    }

    pub fn has_post(&self, now: DateTime<Utc>) -> bool {
        self.post.iter().any(|(at, _, _)| *at <= now)
    }

    /// One live call goes on: it rings, is answered, or ends.
    pub fn progress(&mut self, chance: &mut Chance, now: DateTime<Utc>) {
        let live: Vec<usize> =
            self.calls.iter().filter(|(_, call)| call.ended.is_none()).map(|(id, _)| *id).collect();
        if live.is_empty() {
            return;
        }
        let id = *chance.pick(&live);
        match *chance.pick(&["ringing", "answered", "ended", "ended", "ended"]) {
            "ended" if self.quiet => self.end(id, OUTCOMES[0], chance, now),
            "ended" => self.end(id, *chance.pick(&OUTCOMES), chance, now),
            kind => self.send(id, kind, chance, now),
        }
    }

    /// Calls that have lasted as long as a call can last.
    pub fn hang_up(&mut self, chance: &mut Chance, now: DateTime<Utc>) {
        let longest = Duration::seconds(CALL_SECONDS_MAX);
        let long = |call: &Call| call.ended.is_none() && call.at + longest <= now;
        let over: Vec<usize> =
            self.calls.iter().filter(|(_, call)| long(call)).map(|(id, _)| *id).collect();
        for id in over {
            self.end(id, ("completed", None), chance, now);
        }
    }

    fn end(&mut self, id: usize, end: End, chance: &mut Chance, now: DateTime<Utc>) {
        self.calls.get_mut(&id).unwrap().ended = Some(end);
        self.send(id, "ended", chance, now);
    }

    fn event(&self, id: usize, kind: &str, source: &str) -> Value {
        let call = &self.calls[&id];
        let mut event = json!({"event_key": format!("{source}-{id}-{kind}"), "kind": kind, "provider_call_id": format!("p{id}"),
            "attempt_id": call.request.attempt_id, "source": source});
        if let Some((outcome, label)) = call.ended.filter(|_| kind == "ended") {
            event["outcome"] = json!(outcome);
            event["disposition"] = json!(label);
            // Heard where a step asks, and nowhere else. The call says it, so that no chance is used up.
            event["classification"] = json!(CLASSIFICATIONS[id % CLASSIFICATIONS.len()]);
            event["success"] = json!([None, Some(true), Some(false)][id % 3]);
            if outcome == "callback" {
                event["callback_at"] = json!((call.at + Duration::hours(1)).to_rfc3339());
            }
        }
        event
    }

    /// Puts an event on its way: lost, doubled, late, or as it should be.
    fn send(&mut self, id: usize, kind: &str, chance: &mut Chance, now: DateTime<Utc>) {
        let event = self.event(id, kind, "webhook");
        if chance.happens(12) {
            return;
        }
        let copies = if chance.happens(if self.quiet { 50 } else { 20 }) { 2 } else { 1 };
        for _ in 0..copies {
            let late = chance.happens(if self.quiet { 40 } else { 20 });
            let late = chance.below(if late { 3600 } else { 3 });
            let at = now + Duration::seconds(i64::try_from(late).unwrap());
            self.post.push((at, self.calls[&id].request.account, event.clone()));
        }
    }

    /// Events that have arrived by now at an account, in any order.
    pub fn delivered(
        &mut self,
        account: i32,
        chance: &mut Chance,
        now: DateTime<Utc>,
    ) -> Vec<Value> {
        let (here, under_way): (Vec<_>, Vec<_>) = std::mem::take(&mut self.post)
            .into_iter()
            .partition(|(at, to, _)| *at <= now && *to == account);
        self.post = under_way;
        let mut events: Vec<Value> = here.into_iter().map(|(_, _, event)| event).collect();
        for place in (1..events.len()).rev() {
            events.swap(place, chance.below(place + 1));
        }
        events
    }

    /// What a look-up by attempt tells; nothing, if the request never arrived.
    pub fn look_up(&self, attempt_id: &str) -> Option<(usize, Value)> {
        let called = |call: &Call| call.request.attempt_id == attempt_id;
        let (id, call) = self.calls.iter().find(|(_, call)| called(call))?;
        let kind = if call.ended.is_some() { "ended" } else { "placed" };
        Some((*id, self.event(*id, kind, "look_up")))
    }

    /// Which call ended, and with what label, when the dialer is told of the end of an attempt.
    pub fn told(&self, attempt_id: &str) -> Option<(i64, String, &'static str)> {
        let call = self.calls.values().find(|call| call.request.attempt_id == attempt_id)?;
        let label = call.ended?.1?;
        Some((call.request.call_id, call.request.number.clone(), label))
    }
}
