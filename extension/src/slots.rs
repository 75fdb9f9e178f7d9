//! Exact instants for the calls of a claim, under the rates of their account, campaign and caller id.

use crate::datum::{Call, elements, instant_of, interval_micros};
use crate::raise::{Complaint, raise};
use dialer_core::{Instant, Pace, Wish};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::collections::HashMap;

const NONE: usize = usize::MAX;

/// The arguments are ready, next_at, step (what all calls share), then key, next_at and step of
/// two further rates per call; a null step means no rate.
#[pg_extern(sql = false)]
fn assign_slots(call: pg_sys::FunctionCallInfo) -> Option<Vec<TimestampWithTimeZone>> {
    let call = Call::new(call);
    let ready: Vec<Instant> = elements(call.datum(0)?)
        .into_iter()
        .map(|at| instant(at).unwrap_or(Instant::MIN))
        .collect();
    let mut paces = Vec::new();
    let common = match call.interval(2) {
        Some(step) => add(&mut paces, call.instant(1), step),
        None => NONE,
    };
    let campaigns = places(call, 3, ready.len(), &mut paces);
    let callers = places(call, 6, ready.len(), &mut paces);
    let wishes: Vec<Wish> = ready
        .iter()
        .zip(campaigns.iter().zip(&callers))
        .map(|(&ready, (&campaign, &caller))| Wish { ready, paces: [common, campaign, caller] })
        .collect();
    let slots = dialer_core::assign_slots(&wishes, &mut paces);
    Some(
        slots
            .into_iter()
            .filter_map(|at| TimestampWithTimeZone::try_from(at.micros()).ok())
            .collect(),
    )
}

/// For each call the place of its rate among the paces; calls with the same key share one.
fn places(call: Call, first: usize, calls: usize, paces: &mut Vec<Pace>) -> Vec<usize> {
    let array = |index| call.datum(index).map(elements).unwrap_or_default();
    let (keys, starts, steps) = (array(first), array(first + 1), array(first + 2));
    if keys.len() != calls || starts.len() != calls || steps.len() != calls {
        raise(Complaint {
            code: "PD015",
            message: format!(
                "{calls} calls have {} keys, {} starts and {} steps",
                keys.len(),
                starts.len(),
                steps.len()
            ),
            detail: "Every call has its own key, start and step; each may be null.".into(),
            hint: "Give arrays of one length.".into(),
        });
    }
    let mut known = HashMap::new();
    let rates = keys.into_iter().zip(starts.into_iter().zip(steps));
    rates
        .map(|(key, (start, step))| match (key, step) {
            (Some(key), Some(step)) => *known
                .entry(key.value())
                .or_insert_with(|| add(paces, instant(start), interval_micros(step))),
            _ => NONE,
        })
        .collect()
}

fn add(paces: &mut Vec<Pace>, next: Option<Instant>, step: i64) -> usize {
    paces.push(Pace { next: next.unwrap_or(Instant::MIN), step: step.max(0) });
    paces.len() - 1
}

fn instant(datum: Option<pg_sys::Datum>) -> Option<Instant> {
    datum.and_then(|datum| instant_of(datum.value() as i64))
}
