//! What becomes of a call: weights over ended reasons and business dispositions.
//!
//! Written `reason[:disposition]=weight, ...`, for all numbers or for those with a prefix. The
//! dispositions human, ivr_only and ivr_then_human are what was found out about the number.

use super::chance::{Dice, Span};
use std::str::FromStr;

/// How one call will go, fixed when it is accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub ended_reason: String,
    pub disposition: Option<String>,
    /// Simulated seconds until somebody or something picks up, or until it is given up.
    pub ring_seconds: f64,
    /// Simulated seconds of talk; none if nobody picked up.
    pub talk_seconds: Option<f64>,
}

/// How long calls ring and last, in simulated seconds.
#[derive(Debug, Clone, Copy)]
pub struct Lengths {
    pub ring: Span,
    pub unanswered_ring: Span,
    pub talk: Span,
    pub voicemail: Span,
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    reason: String,
    disposition: Option<String>,
    weight: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Mix(Vec<Entry>);

/// A mix for the numbers that begin with a prefix, written `PREFIX=MIX`.
#[derive(Debug, Clone, PartialEq)]
pub struct PrefixMix {
    pub prefix: String,
    pub mix: Mix,
}

/// Roughly what a cold list gives: two in three are not reached.
pub const DEFAULT_MIX: &str = "customer-did-not-answer=46, voicemail=22, customer-busy=7, \
    customer-ended-call:NOT_INTERESTED=9, customer-ended-call:CALLBACK=4, \
    customer-ended-call:SALE=4, customer-ended-call:DNC=2, \
    assistant-forwarded-call:TRANSFERRED=2, twilio-failed-to-connect-call=2, \
    twilio-reported-customer-misdialed=1, pipeline-error-openai-llm-failed=1";

impl Mix {
    /// The outcome of one call; the same for the same dice.
    pub fn plan(&self, dice: Dice<'_>, lengths: &Lengths) -> Plan {
        let entry = self.pick(dice.roll("outcome"));
        let talk = talk_span(&entry.reason, lengths);
        let ring = if talk.is_some() { lengths.ring } else { lengths.unanswered_ring };
        Plan {
            ended_reason: entry.reason.clone(),
            disposition: entry.disposition.clone(),
            ring_seconds: dice.between("ring", ring),
            talk_seconds: talk.map(|span| dice.between("talk", span)),
        }
    }

    fn pick(&self, roll: f64) -> &Entry {
        let total: f64 = self.0.iter().map(|entry| entry.weight).sum();
        let mut left = roll * total;
        for entry in &self.0 {
            left -= entry.weight;
            if left < 0.0 {
                return entry;
            }
        }
        self.0.last().expect("a mix that parsed has an entry")
    }
}

/// How long the line is held after the pick-up; none when nobody picks up.
fn talk_span(reason: &str, lengths: &Lengths) -> Option<Span> {
    const UNREACHED: [&str; 6] = [
        "customer-did-not-answer",
        "customer-busy",
        "twilio-",
        "vonage-failed",
        "call.start.",
        "assistant-join",
    ];
    if reason == "voicemail" {
        return Some(lengths.voicemail);
    }
    let unreached =
        UNREACHED.iter().any(|start| reason.starts_with(start)) || reason.contains("outbound-sip-");
    (!unreached).then_some(lengths.talk)
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Mix, String> {
        let entries = text.split(',').map(entry).collect::<Result<Vec<Entry>, String>>()?;
        if entries.iter().all(|entry| entry.weight == 0.0) {
            return Err("all weights of the mix are zero".to_owned());
        }
        Ok(Mix(entries))
    }
}

fn entry(text: &str) -> Result<Entry, String> {
    let wrong = || format!("`{}` is not reason[:disposition]=weight", text.trim());
    let (what, weight) = text.trim().rsplit_once('=').ok_or_else(wrong)?;
    let weight = weight.parse::<f64>().ok().filter(|weight| *weight >= 0.0).ok_or_else(wrong)?;
    let (reason, disposition) = match what.split_once(':') {
        Some((reason, disposition)) => (reason, Some(disposition.to_owned())),
        None => (what, None),
    };
    Ok(Entry { reason: reason.to_owned(), disposition, weight })
}

impl FromStr for PrefixMix {
    type Err = String;

    fn from_str(text: &str) -> Result<PrefixMix, String> {
        let (prefix, mix) =
            text.split_once('=').ok_or_else(|| format!("`{text}` is not PREFIX=MIX"))?;
        Ok(PrefixMix { prefix: prefix.to_owned(), mix: mix.parse()? })
    }
}

#[cfg(test)]
mod tests;
