//! Stagger in SQL: one slot, a series of slots, and the step that is safe.

use crate::datum::{Call, elements, interval_micros, interval_of, refuse, text_of_datum};
use crate::hours_type::hours_of_datum;
use crate::open::{OwnedOpening, dates_of_array, limit, zone_named};
use crate::raise::{Complaint, raise};
use dialer_core::{Instant, OPENINGS_MAX, OpenTime, Opening, Strategy};
use pgrx::pg_sys;
use pgrx::prelude::*;

/// LIMIT: slots of one series.
const SLOTS_MAX: i64 = 10_000_000;
const OPTIONS: [&str; 6] = ["factor", "max_step", "until", "seed", "jitter", "offsets"];

#[pg_extern(sql = false)]
fn stagger(call: pg_sys::FunctionCallInfo) -> Option<i64> {
    let call = Call::new(call);
    let (base, index, step) = (call.instant(0)?, call.micros(1)?, call.interval(2)?);
    match dialer_core::stagger(base, index, step) {
        Some(at) => Some(at.micros()),
        None => raise(Complaint {
            code: "PD015",
            message: format!("slot {index} is out of range"),
            detail: "The slot's instant cannot be stored as a timestamptz.".into(),
            hint: "Give a smaller index or step.".into(),
        }),
    }
}

#[pg_extern(sql = false)]
fn safe_step(call: pg_sys::FunctionCallInfo) -> Option<Interval> {
    let call = Call::new(call);
    let (average, concurrent) = (call.interval(0)?, call.integer(1)?);
    let step = dialer_core::safe_step(average, concurrent).unwrap_or_else(|error| refuse(&error));
    Some(interval_of(step))
}

/// The arguments of `dialer.stagger_slots`, by place.
mod place {
    pub const BASE: usize = 0;
    pub const N: usize = 1;
    pub const STEP: usize = 2;
    pub const STRATEGY: usize = 3;
    pub const HOURS: usize = 4;
    pub const ZONES: usize = 5;
    pub const CLOSURES: usize = 6;
    pub const BANS: usize = 7;
    pub const OPTION_NAMES: usize = 8;
    pub const FACTOR: usize = 9;
    pub const MAX_STEP: usize = 10;
    pub const UNTIL: usize = 11;
    pub const SEED: usize = 12;
    pub const JITTER: usize = 13;
    pub const OFFSETS: usize = 14;
}

/// A series as it is walked, slot after slot.
struct Slots {
    base: Instant,
    n: i64,
    step: i64,
    strategy: Strategy,
    openings: Option<Vec<OwnedOpening>>,
    open_time: OpenTime,
}

impl Slots {
    fn at(&mut self, index: i64) -> Option<Instant> {
        let offset = self.strategy.offset(index, self.n, self.step)?;
        match self.openings.as_deref() {
            None => self.base.checked_add(offset),
            Some([one]) => self.open_time.instant(&[one.borrow()], offset),
            Some(several) => {
                let openings: Vec<Opening<'_, _>> =
                    several.iter().map(OwnedOpening::borrow).collect();
                self.open_time.instant(&openings, offset)
            }
        }
    }
}

/// Fills the result at once: row by row through the executor costs as much again as the slots.
#[pg_extern(sql = false)]
fn stagger_slots(call: pg_sys::FunctionCallInfo) -> Option<i64> {
    let rows = Rows::start(call);
    if let Some(mut slots) = slots_of(Call::new(call)) {
        for index in 0..slots.n {
            check_for_interrupts!();
            let at = slots.at(index).map(Instant::micros);
            rows.put(index, at);
        }
    }
    None
}

/// The result of a function that returns rows of (index, at), as Postgres wants it filled.
struct Rows {
    store: *mut pg_sys::Tuplestorestate,
    description: pg_sys::TupleDesc,
}

impl Rows {
    fn start(call: pg_sys::FunctionCallInfo) -> Rows {
        // SAFETY: Postgres passes result information to a function declared to return a set, with
        // the description of the declared columns; what is made here must live as long as the
        // query, hence its context.
        unsafe {
            let result = (*call).resultinfo.cast::<pg_sys::ReturnSetInfo>();
            if result.is_null() || (*result).expectedDesc.is_null() {
                error!("set-valued function called in a context that cannot accept a set");
            }
            let context = (*(*result).econtext).ecxt_per_query_memory;
            let before = pg_sys::MemoryContextSwitchTo(context);
            let description = pg_sys::CreateTupleDescCopy((*result).expectedDesc);
            let store = pg_sys::tuplestore_begin_heap(true, false, pg_sys::work_mem);
            pg_sys::MemoryContextSwitchTo(before);
            (*result).returnMode = pg_sys::SetFunctionReturnMode::SFRM_Materialize;
            (*result).setResult = store;
            (*result).setDesc = description;
            Rows { store, description }
        }
    }

    fn put(&self, index: i64, at: Option<i64>) {
        let mut values = [pg_sys::Datum::from(index), pg_sys::Datum::from(at.unwrap_or(0))];
        let mut nulls = [false, at.is_none()];
        // SAFETY: both lists have the two columns of the description.
        unsafe {
            pg_sys::tuplestore_putvalues(
                self.store,
                self.description,
                values.as_mut_ptr(),
                nulls.as_mut_ptr(),
            );
        }
    }
}

/// Nothing if an argument is null that must not be.
fn slots_of(call: Call) -> Option<Slots> {
    let (base, n) = (call.instant(place::BASE)?, call.micros(place::N)?);
    let (step, strategy) = (call.interval(place::STEP)?, call.text(place::STRATEGY)?);
    check_options(call);
    if !(0..=SLOTS_MAX).contains(&n) {
        raise(Complaint {
            code: "PD015",
            message: format!("{n} slots are asked for"),
            detail: format!("A series has 0 to {SLOTS_MAX} slots."),
            hint: "Ask for fewer slots.".into(),
        });
    }
    let openings = openings_of(call)?;
    let strategy = strategy_of(call, strategy, base, n, step, openings.as_deref());
    strategy.check(n, step).unwrap_or_else(|error| refuse(&error));
    Some(Slots { base, n, step, strategy, openings, open_time: OpenTime::from(base) })
}

fn check_options(call: Call) {
    let names = call.datum(place::OPTION_NAMES).map(elements).unwrap_or_default();
    for name in names.into_iter().flatten().map(text_of_datum) {
        if !OPTIONS.contains(&name) {
            let shown: String = name.chars().take(40).collect();
            raise(Complaint {
                code: "PD015",
                message: format!("unknown stagger option \"{shown}\""),
                detail: format!("The options are {}.", OPTIONS.join(", ")),
                hint: "Correct the name of the option.".into(),
            });
        }
    }
}

/// Openings if hours are given; hours without a known zone give no series at all.
fn openings_of(call: Call) -> Option<Option<Vec<OwnedOpening>>> {
    let Some(hours) = call.datum(place::HOURS) else { return Some(None) };
    let names = elements(call.datum(place::ZONES)?);
    limit(names.len(), OPENINGS_MAX, "time zones");
    let dates = |index| call.datum(index).map(dates_of_array).unwrap_or_default();
    let one = |name: Option<pg_sys::Datum>| {
        let zone = zone_named(name.map_or("", text_of_datum));
        let (closures, bans) = (dates(place::CLOSURES), dates(place::BANS));
        OwnedOpening::new(hours_of_datum(hours), zone, closures, bans)
    };
    Some(Some(names.into_iter().map(one).collect()))
}

fn strategy_of(
    call: Call,
    name: &str,
    base: Instant,
    n: i64,
    step: i64,
    openings: Option<&[OwnedOpening]>,
) -> Strategy {
    match name {
        "fixed" => Strategy::Fixed,
        "exponential" => Strategy::Exponential {
            factor: call.number(place::FACTOR).unwrap_or(2.0),
            step_micros_max: call.interval(place::MAX_STEP),
        },
        "even" => Strategy::Even { total_micros: time_left(call, base, n, step, openings) },
        "jitter" => Strategy::Jitter {
            seed: call.micros(place::SEED).unwrap_or(0),
            width_micros: call.interval(place::JITTER).unwrap_or(step),
        },
        "custom" => Strategy::Custom { offsets: offsets_of(call) },
        _ => {
            let shown: String = name.chars().take(40).collect();
            raise(Complaint {
                code: "PD015",
                message: format!("unknown stagger strategy \"{shown}\""),
                detail: "The strategies are fixed, exponential, even, jitter and custom.".into(),
                hint: "Use one of these strategies.".into(),
            })
        }
    }
}

/// The time that `even` spreads over: up to `until`; without it, up to closing, and without hours
/// as long as fixed steps would take.
fn time_left(
    call: Call,
    base: Instant,
    n: i64,
    step: i64,
    openings: Option<&[OwnedOpening]>,
) -> i64 {
    let until = call.instant(place::UNTIL);
    let Some(owned) = openings else {
        return until.map_or(n.saturating_mul(step), |until| until.since(base));
    };
    let openings: Vec<_> = owned.iter().map(OwnedOpening::borrow).collect();
    match until.or_else(|| dialer_core::next_close(&openings, base)) {
        Some(end) => dialer_core::open_between(&openings, base, end),
        None => n.saturating_mul(step),
    }
}

fn offsets_of(call: Call) -> Vec<i64> {
    let offsets = call.datum(place::OFFSETS).map(elements).unwrap_or_default();
    let of = |offset: Option<pg_sys::Datum>| match offset {
        Some(offset) => interval_micros(offset),
        None => raise(Complaint {
            code: "PD015",
            message: "stagger offset is null".into(),
            detail: "Every slot of a custom stagger has its offset.".into(),
            hint: "Give an interval for every slot.".into(),
        }),
    };
    offsets.into_iter().map(of).collect()
}
