//! Open or not: the exact segment algorithm, for one opening and for several at once.
//!
//! Open is a predicate on the wall clock at the instant. Time is cut where a zone changes its
//! offset; inside such a segment windows are plain interval arithmetic, so no local time is ever
//! resolved and gaps and overlaps need no policy. Several openings are intersected as stretches of
//! real time, never as windows of different zones. An empty list of openings is never open: when
//! in doubt, closed.

mod days;
mod measure;

use crate::civil::{DateSet, midnight_of};
use crate::hours::Hours;
use crate::instant::{DAY, Instant, SECOND};
use crate::zone::{Segment, ZoneRules, date_of_local};
use days::DayWalk;

/// Without dated entries that reach further, nothing is looked for beyond this many days.
///
/// ```
/// assert_eq!(dialer_core::HORIZON_DAYS, 400);
/// ```
pub const HORIZON_DAYS: i64 = 400;
/// LIMIT: openings that are intersected in one question.
///
/// ```
/// assert!(dialer_core::OPENINGS_MAX >= 8);
/// ```
pub const OPENINGS_MAX: usize = 64;

/// Hours in a zone, with closures and legal bans.
///
/// ```
/// use dialer_core::{Hours, IanaZone, Instant, Opening};
/// let hours = Hours::parse("Mo-Fr 09:00-17:00").unwrap();
/// let opening = Opening::new(&hours, IanaZone::parse("America/New_York").unwrap());
/// let friday_evening = Instant::from_unix_seconds(1_795_212_000);
/// let monday_morning = Instant::from_unix_seconds(1_795_442_400);
/// assert_eq!(opening.next_open(friday_evening), Some(monday_morning));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Opening<'a, Z> {
    /// The windows.
    pub hours: &'a Hours,
    /// The zone whose wall clock they are read from.
    pub zone: Z,
    /// Dates whose own windows do not happen; a window that started the evening before goes on.
    pub closures: &'a DateSet,
    /// Local dates on which nothing is open, not even what started the evening before.
    pub bans: &'a DateSet,
}

/// A half-open stretch of time.
///
/// ```
/// use dialer_core::{Instant, Span};
/// let span = Span { from: Instant::from_micros(1), to: Instant::from_micros(4) };
/// assert_eq!(span.micros(), 3);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First instant inside.
    pub from: Instant,
    /// First instant after it.
    pub to: Instant,
}

impl Span {
    /// Its length in microseconds.
    ///
    /// ```
    /// use dialer_core::{Instant, Span};
    /// assert_eq!(Span { from: Instant::MIN, to: Instant::MIN }.micros(), 0);
    /// ```
    pub fn micros(self) -> i64 {
        self.to.since(self.from)
    }
}

impl<'a, Z: ZoneRules> Opening<'a, Z> {
    /// An opening without closures and bans.
    ///
    /// ```
    /// use dialer_core::{Hours, IanaZone, Instant, Opening};
    /// let hours = Hours::parse("24/7").unwrap();
    /// assert!(Opening::new(&hours, IanaZone::parse("UTC").unwrap()).is_open(Instant::MIN));
    /// ```
    pub fn new(hours: &'a Hours, zone: Z) -> Self {
        Opening { hours, zone, closures: DateSet::none(), bans: DateSet::none() }
    }

    /// The same as the slice's `is_open`, for one.
    ///
    /// ```
    /// use dialer_core::{Hours, IanaZone, Instant, Opening};
    /// let hours = Hours::parse("off").unwrap();
    /// assert!(!Opening::new(&hours, IanaZone::parse("UTC").unwrap()).is_open(Instant::MIN));
    /// ```
    pub fn is_open(&self, at: Instant) -> bool {
        is_open(std::slice::from_ref(self), at)
    }

    /// The same as the slice's `next_open`, for one.
    ///
    /// ```
    /// use dialer_core::{Hours, IanaZone, Instant, Opening};
    /// let hours = Hours::parse("off").unwrap();
    /// let never = Opening::new(&hours, IanaZone::parse("UTC").unwrap());
    /// assert_eq!(never.next_open(Instant::from_micros(0)), None);
    /// ```
    pub fn next_open(&self, at: Instant) -> Option<Instant> {
        next_open(std::slice::from_ref(self), at)
    }

    /// The first piece that ends after `at` and starts before `limit`: a stretch of open time that
    /// lies in one segment. It is clipped to start no earlier than `at`; it may be followed by a
    /// touching piece.
    fn next_piece(&self, at: Instant, limit: Instant) -> Option<Span> {
        let mut at = at;
        // Every round moves to a later segment, and a far opening date is jumped to.
        while at < limit {
            let segment = self.zone.segment(at);
            match self.piece_in_segment(segment, at) {
                Found::Piece(span) => return (span.from < limit).then_some(span),
                Found::Never => return None,
                Found::NotBefore(next) if next > at => at = next,
                Found::NotBefore(_) => return None,
            }
        }
        None
    }

    fn piece_in_segment(&self, segment: Segment, at: Instant) -> Found {
        let local = segment.local(at);
        let local_end = segment.local(segment.ends);
        let today = date_of_local(local);
        let first = if self.hours.runs_past_midnight() { today - 1 } else { today };
        let mut walk = DayWalk::new(self.hours, self.closures, first);
        while let Some(date) = walk.next_date() {
            let midnight = midnight_of(date);
            if midnight >= local_end {
                return Found::NotBefore(
                    segment.ends.max(segment.instant(midnight.saturating_sub(2 * DAY))),
                );
            }
            for window in walk.windows(date) {
                let end = midnight.saturating_add(i64::from(window.end) * SECOND);
                if end <= local {
                    continue;
                }
                let start = midnight.saturating_add(i64::from(window.start) * SECOND);
                let Some((from, to)) = self.cut_bans(start.max(local), end) else { continue };
                if from >= local_end {
                    return Found::NotBefore(segment.ends);
                }
                let to = self.extend_always(from, to).min(local_end);
                return Found::Piece(Span { from: segment.instant(from), to: segment.instant(to) });
            }
        }
        Found::Never
    }

    /// Cuts banned local dates off a stretch that touches at most two dates.
    fn cut_bans(&self, from: i64, to: i64) -> Option<(i64, i64)> {
        if self.bans.is_empty() {
            return Some((from, to));
        }
        let date = date_of_local(from);
        let midnight = midnight_of(date + 1);
        if self.bans.contains(date) {
            let banned_again = to > midnight && self.bans.contains(date + 1);
            (to > midnight && !banned_again).then_some((midnight, to))
        } else if to > midnight && self.bans.contains(date + 1) {
            Some((from, midnight))
        } else {
            Some((from, to))
        }
    }

    /// Round-the-clock hours are open up to the next dated entry: one piece instead of one a day.
    fn extend_always(&self, from: i64, to: i64) -> i64 {
        if !self.hours.is_always() {
            return to;
        }
        let date = date_of_local(from);
        let whole_week = self.hours.dated().get(self.hours.dated_index_from(date));
        if whole_week.is_some_and(|dated| dated.first <= date) {
            return to;
        }
        match self.next_dated_from(date + 1) {
            Some(next) => to.max(midnight_of(next)),
            None => i64::MAX,
        }
    }

    /// The first date on or after `date` about which a closure, a ban or an exception says
    /// something.
    fn next_dated_from(&self, date: i32) -> Option<i32> {
        let exception = self.hours.dated().get(self.hours.dated_index_from(date));
        let exception = exception.map(|dated| dated.first.max(date));
        let dates = [exception, self.closures.next_from(date), self.bans.next_from(date)];
        dates.into_iter().flatten().min()
    }

    /// How many dates from `date` on closures, bans and exceptions speak of.
    fn dated_days_from(&self, date: i32) -> i64 {
        let closures = self.closures.as_slice().len() - self.closures.index_from(date);
        let bans = self.bans.as_slice().len() - self.bans.index_from(date);
        let exceptions = &self.hours.dated()[self.hours.dated_index_from(date)..];
        let length =
            |dated: &crate::hours::Dated| i64::from(dated.last) - i64::from(dated.first) + 1;
        exceptions.iter().map(length).sum::<i64>() + (closures + bans) as i64
    }

    /// The last date that a closure, a ban or an exception speaks of.
    fn last_dated(&self) -> Option<i32> {
        let exception = self.hours.dated().last().map(|dated| dated.last);
        let closure = self.closures.as_slice().last().copied();
        let ban = self.bans.as_slice().last().copied();
        [exception, closure, ban].into_iter().flatten().max()
    }

    fn windows_per_day(&self) -> usize {
        let weekly = (0..7).map(|day| self.hours.windows_on_weekday(day).len());
        let dated = self.hours.dated().iter().map(|dated| dated.windows.len());
        weekly.chain(dated).max().unwrap_or(0)
    }
}

enum Found {
    Piece(Span),
    /// Nothing in this segment; go on from there.
    NotBefore(Instant),
    Never,
}

/// Is the instant inside a window of every opening?
///
/// ```
/// use dialer_core::{Hours, IanaZone, Instant, Opening, is_open};
/// let hours = Hours::parse("Sa 00:00-01:00").unwrap();
/// let utc = Opening::new(&hours, IanaZone::parse("UTC").unwrap());
/// let tokyo = Opening::new(&hours, IanaZone::parse("Asia/Tokyo").unwrap());
/// assert!(is_open(&[utc.clone()], Instant::from_micros(0)));
/// assert!(!is_open(&[utc, tokyo], Instant::from_micros(0)));
/// assert!(!is_open::<IanaZone>(&[], Instant::from_micros(0)));
/// ```
pub fn is_open<Z: ZoneRules>(openings: &[Opening<'_, Z>], at: Instant) -> bool {
    let just_after = at.saturating_add(1);
    let inside = |opening: &Opening<'_, Z>| {
        opening.next_piece(at, just_after).is_some_and(|piece| piece.from == at)
    };
    !openings.is_empty() && openings.iter().all(inside)
}

/// The first instant at or after `at` that is open in all; `at` itself if it is open, `None` if
/// there is none within the horizon.
///
/// ```
/// use dialer_core::{Hours, IanaZone, Instant, Opening, next_open, HOUR};
/// let hours = Hours::parse("08:00-21:00").unwrap();
/// let zones = ["America/Chicago", "America/New_York"].map(|name| IanaZone::parse(name).unwrap());
/// let both = zones.map(|zone| Opening::new(&hours, zone));
/// // 08:00 in Chicago in winter is 14:00 UTC.
/// assert_eq!(next_open(&both, Instant::from_micros(6 * HOUR)), Some(Instant::from_micros(14 * HOUR)));
/// ```
pub fn next_open<Z: ZoneRules>(openings: &[Opening<'_, Z>], at: Instant) -> Option<Instant> {
    next_piece_all(openings, at).map(|piece| piece.from)
}

/// The first instant that is not open after the first that is; `None` if it never opens, or never
/// closes within the horizon.
///
/// ```
/// use dialer_core::{Hours, IanaZone, Instant, Opening, next_close, HOUR};
/// let hours = Hours::parse("Sa 08:00-12:00,12:00-13:00").unwrap();
/// let opening = Opening::new(&hours, IanaZone::parse("UTC").unwrap());
/// assert_eq!(next_close(&[opening], Instant::from_micros(0)), Some(Instant::from_micros(13 * HOUR)));
/// ```
pub fn next_close<Z: ZoneRules>(openings: &[Opening<'_, Z>], at: Instant) -> Option<Instant> {
    let piece = next_piece_all(openings, at)?;
    closing_of(openings, piece)
}

/// The whole span that contains `at`, or else the next one. `from` is `Instant::MIN` and `to` is
/// `Instant::MAX` where no edge lies within the horizon.
///
/// ```
/// use dialer_core::{Hours, IanaZone, Instant, Opening, open_span, HOUR};
/// let hours = Hours::parse("Sa 08:00-12:00").unwrap();
/// let opening = Opening::new(&hours, IanaZone::parse("UTC").unwrap());
/// let span = open_span(&[opening], Instant::from_micros(9 * HOUR)).unwrap();
/// assert_eq!((span.from.micros(), span.to.micros()), (8 * HOUR, 12 * HOUR));
/// ```
pub fn open_span<Z: ZoneRules>(openings: &[Opening<'_, Z>], at: Instant) -> Option<Span> {
    let piece = next_piece_all(openings, at)?;
    let to = closing_of(openings, piece).unwrap_or(Instant::MAX);
    let from = if piece.from == at { opening_before(openings, at) } else { piece.from };
    Some(Span { from, to })
}

/// The start of the span that contains the open instant `at`: looks back in growing steps.
fn opening_before<Z: ZoneRules>(openings: &[Opening<'_, Z>], at: Instant) -> Instant {
    for days in [2, 9, 40, HORIZON_DAYS] {
        let far = at.saturating_add(-days * DAY);
        let mut start = far;
        let mut end = far;
        // Every round moves forward by one piece, and `at` is at most 400 days away.
        while end <= at {
            match next_piece_all(openings, end) {
                Some(piece) if piece.from <= at => {
                    start = if piece.from == end { start } else { piece.from };
                    end = piece.to;
                }
                _ => break,
            }
        }
        if start > far {
            return start;
        }
    }
    Instant::MIN
}

/// After so many touching pieces it is worth asking whether whole weeks are open.
const ROUNDS_BETWEEN_WEEKS: u32 = 16;

fn closing_of<Z: ZoneRules>(openings: &[Opening<'_, Z>], piece: Span) -> Option<Instant> {
    let horizon = far_horizon(openings, piece.from);
    let mut end = piece.to;
    let mut rounds = 0;
    // Only hours without a gap between two days get past a few rounds: then one round is at least
    // one day, or as many weeks as are alike.
    while end < horizon {
        rounds += 1;
        if rounds % ROUNDS_BETWEEN_WEEKS == 0 {
            end = end.saturating_add(measure::wholly_open_micros(openings, end));
        }
        match common_piece(openings, end, end.saturating_add(1), usize::MAX) {
            Some(next) if next.from == end => end = next.to,
            _ => return Some(end),
        }
    }
    None
}

/// The first stretch that is open in all.
pub(crate) fn next_piece_all<Z: ZoneRules>(
    openings: &[Opening<'_, Z>],
    at: Instant,
) -> Option<Span> {
    let near = at.saturating_add(HORIZON_DAYS * DAY);
    let found = common_piece(openings, at, near, usize::MAX);
    if found.is_some() || openings.is_empty() {
        return found;
    }
    // LIMIT: beyond the near horizon only as many pieces are tried as the days that closures, bans
    // and exceptions can take away, however far off the last of them is.
    let far = far_horizon(openings, at);
    let today = date_of_local(at.micros()) - 2;
    let days: i64 = openings.iter().map(|opening| opening.dated_days_from(today)).sum();
    let windows = openings.iter().map(Opening::windows_per_day).max().unwrap_or(0) + 2;
    let days = usize::try_from(days.min(40_000)).unwrap_or(0) + HORIZON_DAYS as usize;
    let steps = days * windows * openings.len() * openings.len();
    if far > near { common_piece(openings, near, far, steps) } else { None }
}

fn far_horizon<Z: ZoneRules>(openings: &[Opening<'_, Z>], at: Instant) -> Instant {
    let last = openings.iter().filter_map(Opening::last_dated).max();
    let base = last.map_or(at, |date| Instant::from_micros(midnight_of(date)));
    base.max(at).saturating_add(HORIZON_DAYS * DAY)
}

/// Asks the openings in turn, each from where the last one opened, until all agree.
fn common_piece<Z: ZoneRules>(
    openings: &[Opening<'_, Z>],
    at: Instant,
    limit: Instant,
    steps_max: usize,
) -> Option<Span> {
    let mut common = Span { from: at, to: Instant::MAX };
    let (mut agreed, mut index) = (0, 0);
    // Every step that does not agree moves forward, and nothing goes past `limit`.
    for _ in 0..steps_max {
        let piece = openings.get(index)?.next_piece(common.from, limit)?;
        if piece.from > common.from {
            common = piece;
            agreed = 1;
        } else {
            common.to = common.to.min(piece.to);
            agreed += 1;
        }
        if agreed == openings.len() {
            return Some(common);
        }
        index = (index + 1) % openings.len();
    }
    None
}

pub use measure::{add_open, add_open_callable, open_between};

#[cfg(test)]
mod tests;
