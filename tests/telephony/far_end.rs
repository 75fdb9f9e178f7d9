//! What the far end saw: its log as calls, and what each should be in our books.

use std::collections::{BTreeMap, HashMap};

/// How a call ended, as the far end knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Rejected(u16),
    /// The caller gave up while it rang.
    Cancelled,
    /// It was answered, and one side hung up.
    Over,
}

/// One call that came in.
#[derive(Debug, Clone)]
pub struct Call {
    pub attempt: String,
    pub number: String,
    /// Seconds since 1970.
    pub began: f64,
    pub answered: bool,
    pub end: Option<(f64, End)>,
}

impl Call {
    /// The outcome that an attempt should have of which this is all that happened.
    pub fn outcome(&self) -> &'static str {
        match self.end.map(|(_, end)| end) {
            Some(End::Rejected(403)) => "blocked",
            Some(End::Rejected(404)) => "invalid_number",
            Some(End::Rejected(480)) | Some(End::Cancelled) => "no_answer",
            Some(End::Rejected(486)) => "busy",
            Some(End::Rejected(503)) => "provider_fault",
            Some(End::Rejected(603)) => "rejected",
            Some(End::Rejected(_)) => "a status that the scenario does not have",
            Some(End::Over) => "completed",
            None => "unknown",
        }
    }
}

/// How long a killed exchange stays away at least: what comes to the far end within that time was
/// sent before.
pub const AWAY_SECONDS: f64 = 1.0;

/// When the exchange was killed that a call came from, if it was.
pub fn cut_of(call: &Call, cuts: &[f64]) -> Option<f64> {
    cuts.iter().copied().find(|cut| call.began <= *cut + AWAY_SECONDS)
}

/// All calls of a log, in their order.
pub fn calls(log: &str) -> Vec<Call> {
    let mut by_id: BTreeMap<usize, Call> = BTreeMap::new();
    let mut order: HashMap<&str, usize> = HashMap::new();
    for line in log.lines() {
        // Date, time, seconds, SIP call id, what happened, and more of it.
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[_, _, at, id, what, ref rest @ ..] = words.as_slice() else { continue };
        let at: f64 = at.parse().unwrap();
        if what == "INVITE" {
            let number = rest.first().copied().unwrap_or_default().to_owned();
            let attempt = rest.get(1).copied().unwrap_or_default().to_owned();
            let place = order.len();
            assert!(order.insert(id, place).is_none(), "a call came in twice: {line}");
            by_id.insert(place, Call { attempt, number, began: at, answered: false, end: None });
            continue;
        }
        let call = by_id.get_mut(&order[id]).unwrap();
        let end = match what {
            "ANSWERED" => {
                call.answered = true;
                continue;
            }
            "REJECT" => End::Rejected(rest[0].parse().unwrap()),
            "CANCELLED" => End::Cancelled,
            "HANGS-UP" | "HUNG-UP" => End::Over,
            other => panic!("the far end says {other}"),
        };
        // Both sides may hang up at once; the first to do so ends the call.
        call.end.get_or_insert((at, end));
    }
    by_id.into_values().collect()
}

/// How far the far end's stamps may be from the order in which messages came: sipp begins all the
/// calls that wait in its socket before it goes on with those it has. A call too many would last
/// longer than that.
const STAMP_SECONDS: f64 = 0.02;

/// The most calls at once. A call that was cut off at `cuts` is over there, though the far end does
/// not know.
pub fn most_at_once(calls: &[Call], cuts: &[f64]) -> i32 {
    let mut steps = Vec::new();
    for call in calls {
        let cut = cut_of(call, cuts).unwrap_or(f64::INFINITY);
        let end = call.end.map_or(f64::INFINITY, |(at, _)| at - STAMP_SECONDS).min(cut);
        steps.extend([(call.began, 1), (end.max(call.began), -1)]);
    }
    // At one instant, ends come first.
    steps.sort_by(|a, b| a.partial_cmp(b).unwrap());
    let (mut now, mut most) = (0, 0);
    for (_, step) in steps {
        now += step;
        most = most.max(now);
    }
    most
}
