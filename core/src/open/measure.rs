//! Open time as a length: adding it, and measuring it between two instants.
//!
//! Where nothing dated and no change of offset lies ahead, the pattern repeats every seven days, so
//! whole weeks are taken at once. Beyond all written changes of law and all dated entries the pattern
//! repeats with the Gregorian calendar, so whole cycles of 400 years are taken at once, and the ends
//! of time cost no more than one cycle.

use super::{HORIZON_DAYS, Opening, Span, common_piece, next_open, next_piece_all};
use crate::civil::midnight_of;
use crate::instant::{DAY, Instant};
use crate::zone::{ZoneRules, date_of_local};

const WEEK: i64 = 7 * DAY;
/// 400 Gregorian years: 20,871 weeks exactly.
const CYCLE: i64 = 146_097 * DAY;
/// 2101-01-01: the tz database writes no later change of law, only yearly rules.
const REPEATS_FROM: Instant = Instant::from_micros(36_890 * DAY);
/// LIMIT: pieces that one sum may walk; with whole weeks and cycles taken at once this is all time.
const PIECES_MAX: usize = 2_000_000;

/// The first instant before which `micros` of open time have passed since `at`. It may be a closing
/// instant. `None` if there is not that much open time within reach, or if `micros` is negative.
///
/// ```
/// use dialer_core::{Hours, IanaZone, Instant, Opening, add_open, HOUR};
/// let hours = Hours::parse("09:00-17:00").unwrap();
/// let day = [Opening::new(&hours, IanaZone::parse("UTC").unwrap())];
/// let at = Instant::from_micros(16 * HOUR);
/// assert_eq!(add_open(&day, at, HOUR), Some(Instant::from_micros(17 * HOUR)));
/// assert_eq!(add_open(&day, at, 2 * HOUR), Some(Instant::from_micros(34 * HOUR)));
/// ```
pub fn add_open<Z: ZoneRules>(
    openings: &[Opening<'_, Z>],
    at: Instant,
    micros: i64,
) -> Option<Instant> {
    let mut left = micros;
    let mut at = at;
    if left <= 0 {
        return (left == 0).then_some(at);
    }
    let mut cycle = None;
    for _ in 0..PIECES_MAX {
        if left > CYCLE / 2 && repeats(openings, at) {
            let open_micros =
                *cycle.get_or_insert_with(|| open_up_to(openings, at, cycle_after(at)));
            let repeated = (left - 1).checked_div(open_micros).unwrap_or(0);
            at = at.checked_add(repeated.checked_mul(CYCLE)?)?;
            left -= repeated * open_micros;
        }
        if left > 2 * WEEK
            && let Some(weeks) = quiet_weeks(openings, at)
        {
            // One week's open time is never more than a week, so this cannot overshoot.
            let repeated = (left - 1).checked_div(weeks.open_micros).unwrap_or(0).min(weeks.count);
            at = at.saturating_add(repeated * WEEK);
            left -= repeated * weeks.open_micros;
        }
        let piece = next_piece_all(openings, at)?;
        if left <= piece.micros() {
            return piece.from.checked_add(left);
        }
        left -= piece.micros();
        at = piece.to;
    }
    None
}

/// The first callable instant at or after `add_open`: where that is a closing instant, the next
/// opening.
///
/// ```
/// use dialer_core::{Hours, IanaZone, Instant, Opening, add_open_callable, HOUR};
/// let hours = Hours::parse("09:00-17:00").unwrap();
/// let day = [Opening::new(&hours, IanaZone::parse("UTC").unwrap())];
/// let at = Instant::from_micros(16 * HOUR);
/// assert_eq!(add_open_callable(&day, at, HOUR), Some(Instant::from_micros(33 * HOUR)));
/// ```
pub fn add_open_callable<Z: ZoneRules>(
    openings: &[Opening<'_, Z>],
    at: Instant,
    micros: i64,
) -> Option<Instant> {
    next_open(openings, add_open(openings, at, micros)?)
}

/// The open time from `a` to `b` in microseconds; negative if `b` is before `a`.
///
/// ```
/// use dialer_core::{Hours, IanaZone, Instant, Opening, open_between, DAY, HOUR};
/// let hours = Hours::parse("09:00-17:00").unwrap();
/// let day = [Opening::new(&hours, IanaZone::parse("UTC").unwrap())];
/// let (a, b) = (Instant::from_micros(16 * HOUR), Instant::from_micros(DAY + 10 * HOUR));
/// assert_eq!(open_between(&day, a, b), 2 * HOUR);
/// assert_eq!(open_between(&day, b, a), -2 * HOUR);
/// ```
pub fn open_between<Z: ZoneRules>(openings: &[Opening<'_, Z>], a: Instant, b: Instant) -> i64 {
    if b < a { -open_up_to(openings, b, a) } else { open_up_to(openings, a, b) }
}

fn open_up_to<Z: ZoneRules>(openings: &[Opening<'_, Z>], from: Instant, to: Instant) -> i64 {
    let mut at = from;
    let mut sum: i64 = 0;
    // Every round moves forward by a piece, by weeks, by cycles, or to the end.
    while at < to {
        if to.since(at) > 2 * CYCLE && repeats(openings, at) {
            let repeated = to.since(at) / CYCLE;
            let open_micros = open_up_to(openings, at, cycle_after(at));
            sum = sum.saturating_add(repeated.saturating_mul(open_micros));
            at = at.saturating_add(repeated * CYCLE);
        }
        if to.since(at) > 4 * WEEK
            && let Some(weeks) = quiet_weeks(openings, at)
        {
            let repeated = weeks.count.min(to.since(at) / WEEK);
            sum = sum.saturating_add(repeated.saturating_mul(weeks.open_micros));
            at = at.saturating_add(repeated * WEEK);
        }
        match common_piece(openings, at, to.min(at.saturating_add(HORIZON_DAYS * DAY)), usize::MAX)
        {
            Some(piece) => {
                sum = sum.saturating_add(piece.to.min(to).since(piece.from));
                at = piece.to;
            }
            None => at = at.saturating_add(HORIZON_DAYS * DAY),
        }
        if at == Instant::MAX {
            break;
        }
    }
    sum
}

/// Does everything from `at` on come again after one cycle?
fn repeats<Z: ZoneRules>(openings: &[Opening<'_, Z>], at: Instant) -> bool {
    let dated = openings.iter().filter_map(Opening::last_dated).max();
    // Two days: the dated windows may reach into the next date, and no offset is a day long.
    let last = dated.map_or(REPEATS_FROM, |date| {
        REPEATS_FROM.max(Instant::from_micros(midnight_of(date).saturating_add(3 * DAY)))
    });
    at >= last
}

fn cycle_after(at: Instant) -> Instant {
    at.saturating_add(CYCLE)
}

struct QuietWeeks {
    count: i64,
    open_micros: i64,
}

/// How many whole weeks from `at` on are all alike, and how much of each is open; `None` if too few
/// to be worth it.
fn quiet_weeks<Z: ZoneRules>(openings: &[Opening<'_, Z>], at: Instant) -> Option<QuietWeeks> {
    let ends = openings.iter().map(|opening| quiet_until(opening, at)).min()?;
    let count = ends.since(at) / WEEK - 1;
    if count < 3 {
        return None;
    }
    let week_end = at.saturating_add(WEEK);
    let mut sum = 0;
    let mut next = at;
    // At most a week's pieces.
    while let Some(Span { from, to }) = common_piece(openings, next, week_end, usize::MAX) {
        sum += to.min(week_end).since(from);
        next = to;
    }
    Some(QuietWeeks { count, open_micros: sum })
}

/// How long from `at` on it is certainly open without a break, in whole weeks; zero if that is not
/// known.
pub(super) fn wholly_open_micros<Z: ZoneRules>(openings: &[Opening<'_, Z>], at: Instant) -> i64 {
    match quiet_weeks(openings, at) {
        Some(weeks) if weeks.open_micros == WEEK => weeks.count * WEEK,
        _ => 0,
    }
}

/// Up to when the pattern of one opening depends on the weekday alone.
fn quiet_until<Z: ZoneRules>(opening: &Opening<'_, Z>, at: Instant) -> Instant {
    let segment = opening.zone.segment(at);
    let yesterday = date_of_local(segment.local(at)) - 1;
    let Some(date) = opening.next_dated_from(yesterday) else { return segment.ends };
    segment.ends.min(segment.instant(midnight_of(date))).max(at)
}
