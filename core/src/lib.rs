//! The mathematics of the dialer: opening hours, zones, redial ladders, caps, recurrence, stagger,
//! outcomes, state machines, phone numbers and holiday calendars.
//!
//! No clock, no I/O, no randomness, no panic: `now` is always a parameter, and the same question
//! always has the same answer. The extension translates this crate into SQL.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failing test may panic"))]

mod area;
mod callers;
mod caps;
mod civil;
mod error;
mod hours;
mod ical;
mod instant;
mod open;
mod outcome;
mod phone;
mod recurrence;
mod redial;
mod slots;
mod stagger;
mod state;
mod zone;

pub use area::{
    Confidence, JurisdictionSource, ZoneSource, ZonesResolved, jurisdiction_chain, jurisdiction_of,
    jurisdictions, jurisdictions_of, states_of_zip, zones_of, zones_of_abbreviation,
    zones_of_state,
};
pub use callers::{Caller, choose_callers, nearness};
pub use caps::{Attempts, Cap, next_callable};
pub use civil::{DateSet, date_of, month_days, weekday_of, ymd_of};
pub use error::Error;
pub use hours::{Hours, Window};
pub use ical::{HolidayCalendar, HolidayDate, HolidayNote};
pub use instant::{DAY, HOUR, Instant, MINUTE, SECOND};
pub use open::{
    HORIZON_DAYS, OPENINGS_MAX, Opening, Span, add_open, add_open_callable, is_open, next_close,
    next_open, open_between, open_span,
};
pub use outcome::Outcome;
pub use phone::PhoneNumber;
pub use recurrence::{Adjust, BusinessDays, MonthEnd, Occurrences, Policy, Rule, Series};
pub use redial::{History, Ladder, LadderScope, RedialPolicy, next_redial};
pub use slots::{Pace, Wish, assign_slots};
pub use stagger::{OpenTime, Strategy, safe_step, stagger};
pub use state::Machine;
pub use zone::{
    Gap, IanaZone, NEWEST_RELEASE_PROBED, Overlap, Segment, ZoneRules, check_zone_name,
    first_instant_of, first_release_missing, local_date, release_named_in, resolve_local,
};
