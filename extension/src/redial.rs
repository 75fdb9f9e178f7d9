//! Redial in SQL: the next attempt by a ladder, and by a whole policy.

use crate::datum::{Call, elements, interval_micros, refuse, text_of_datum};
use crate::hours_type::hours_of_datum;
use crate::open::{OwnedOpening, dates_of_array, zone_named};
use crate::raise::{Complaint, raise};
use dialer_core::{History, Instant, Ladder, Outcome, RedialPolicy};
use pgrx::pg_sys;
use pgrx::prelude::*;

/// The arguments of the short form are last_at, attempts_today, ladder, max_per_day, hours, tz,
/// closures, bans.
#[pg_extern(sql = false)]
fn next_redial(call: pg_sys::FunctionCallInfo) -> Option<i64> {
    let call = Call::new(call);
    let last_at = call.instant(0)?;
    let attempts_today = count(call, 1, "attempts_today")?;
    let ladder = ladder_of(call.datum(2)?);
    let max_per_day = count(call, 3, "max_per_day");
    let opening = opening_of(call, 4)?;
    let openings = [opening.borrow()];
    dialer_core::next_redial(last_at, attempts_today, &ladder, max_per_day, &openings)
        .map(Instant::micros)
}

/// The arguments of the policy form are last_at, outcome, attempts_today, attempts_ever,
/// technical_failures, ladder, hours, tz, closures, bans, max_per_day, max_lifetime, ladder_scope,
/// technical_ladder, max_technical, final_outcomes.
#[pg_extern(sql = false)]
fn next_redial_by_policy(call: pg_sys::FunctionCallInfo) -> Option<i64> {
    let call = Call::new(call);
    let history = History {
        last_at: call.instant(0)?,
        outcome: outcome_of(call.text(1)?),
        attempts_today: count(call, 2, "attempts_today")?,
        attempts_ever: count(call, 3, "attempts_ever")?,
        technical_failures: count(call, 4, "technical_failures")?,
    };
    let finals = elements(call.datum(15)?).into_iter().flatten();
    let policy = RedialPolicy {
        ladder: ladder_of(call.datum(5)?),
        scope: call.text(12)?.parse().unwrap_or_else(|error| refuse(&error)),
        max_per_day: count(call, 10, "max_per_day"),
        max_lifetime: count(call, 11, "max_lifetime"),
        technical_ladder: ladder_of(call.datum(13)?),
        max_technical: count(call, 14, "max_technical"),
        final_outcomes: finals.map(|word| outcome_of(text_of_datum(word))).collect(),
    };
    let opening = opening_of(call, 6)?;
    policy.next(history, &[opening.borrow()]).map(Instant::micros)
}

/// Hours, tz, closures and bans from `first` on; nothing if hours or tz are null.
fn opening_of(call: Call, first: usize) -> Option<OwnedOpening> {
    let dates = |index| call.datum(index).map(dates_of_array).unwrap_or_default();
    let hours = hours_of_datum(call.datum(first)?);
    let zone = zone_named(call.text(first + 1)?);
    Some(OwnedOpening::new(hours, zone, dates(first + 2), dates(first + 3)))
}

fn outcome_of(word: &str) -> Outcome {
    word.parse().unwrap_or_else(|error| refuse(&error))
}

fn count(call: Call, index: usize, name: &str) -> Option<u32> {
    let count = call.integer(index)?;
    let Ok(count) = u32::try_from(count) else {
        raise(Complaint {
            code: "PD015",
            message: format!("{name} is {count}"),
            detail: "A count of attempts is zero or more.".into(),
            hint: "Give zero or a positive number; null for a cap that does not exist.".into(),
        })
    };
    Some(count)
}

fn ladder_of(datum: pg_sys::Datum) -> Ladder {
    let step = |(index, step): (usize, Option<pg_sys::Datum>)| match step {
        Some(step) => interval_micros(step),
        None => raise(Complaint {
            code: "PD012",
            message: format!("redial ladder step {} is null", index + 1),
            detail: "Every step of a ladder is an interval.".into(),
            hint: "Give an interval for every step.".into(),
        }),
    };
    let steps = elements(datum).into_iter().enumerate().map(step).collect();
    Ladder::new(steps).unwrap_or_else(|error| refuse(&error))
}
