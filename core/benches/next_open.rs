//! `next_open` of `core` beside the bare loop that one would write with jiff, on the same zone
//! data, in turns; medians of several runs.
//!
//! `cargo bench -p dialer_core`. Wanted: within 1.5 times of the bare loop.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a benchmark that cannot go on panics")]

use dialer_core::{Hours, Instant, Opening, Segment, ZoneRules};
use jiff::civil::{Time, Weekday, time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use std::cell::Cell;
use std::hint::black_box;

const RUNS: usize = 7;
const ROWS: i64 = 300_000;
/// Microseconds from 1970 to 2000.
const EPOCH: i64 = 946_684_800_000_000;

/// jiff's zone as ours, remembering the segment of the last question, as the server's zone does.
struct JiffZone {
    zone: TimeZone,
    last: Cell<(i64, Segment)>,
}

impl JiffZone {
    fn named(name: &str) -> JiffZone {
        let nothing = Segment { offset_seconds: 0, ends: Instant::MIN };
        JiffZone { zone: TimeZone::get(name).unwrap(), last: Cell::new((i64::MAX, nothing)) }
    }
}

impl ZoneRules for JiffZone {
    fn segment(&self, at: Instant) -> Segment {
        let (from, segment) = self.last.get();
        if from <= at.micros() && at < segment.ends {
            return segment;
        }
        let timestamp = Timestamp::from_microsecond(at.micros() + EPOCH).unwrap();
        let following = self.zone.following(timestamp).next();
        let segment = Segment {
            offset_seconds: self.zone.to_offset(timestamp).seconds(),
            ends: following.map_or(Instant::MAX, |transition| {
                Instant::from_micros(transition.timestamp().as_microsecond() - EPOCH)
            }),
        };
        self.last.set((at.micros(), segment));
        segment
    }
}

/// The bare loop: Monday to Friday, nine to five, resolved by jiff.
fn bare(zone: &TimeZone, at: i64, opens: Time, closes: Time) -> Option<i64> {
    let now = Timestamp::from_microsecond(at + EPOCH).unwrap().to_zoned(zone.clone());
    let mut date = now.date();
    for _ in 0..=7 {
        if !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) {
            let close = date.to_datetime(closes).to_zoned(zone.clone()).ok()?;
            if now < close {
                let open = date.to_datetime(opens).to_zoned(zone.clone()).ok()?;
                return Some(now.timestamp().max(open.timestamp()).as_microsecond() - EPOCH);
            }
        }
        date = date.checked_add(1.day()).ok()?;
    }
    None
}

fn main() {
    let hours = Hours::parse("Mo-Fr 09:00-17:00").unwrap();
    let opening = Opening::new(&hours, JiffZone::named("America/New_York"));
    let zone = TimeZone::get("America/New_York").unwrap();
    let instants: Vec<i64> = (0..ROWS).map(|row| 820_454_400_000_000 + row * 97_000_000).collect();
    for at in instants.iter().step_by(37) {
        let ours = opening.next_open(Instant::from_micros(*at)).map(Instant::micros);
        assert_eq!(ours, bare(&zone, *at, time(9, 0, 0, 0), time(17, 0, 0, 0)));
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        ours.push(time_of(
            |at| opening.next_open(Instant::from_micros(at)).map(Instant::micros),
            &instants,
        ));
        theirs.push(time_of(|at| bare(&zone, at, time(9, 0, 0, 0), time(17, 0, 0, 0)), &instants));
    }
    let (ours, theirs) = (median(&mut ours), median(&mut theirs));
    println!(
        "core next_open {ours:.0} ns, bare jiff {theirs:.0} ns: {:.2} times (wanted: at most 1.5)",
        ours / theirs
    );
}

fn time_of(question: impl Fn(i64) -> Option<i64>, instants: &[i64]) -> f64 {
    let begun = std::time::Instant::now();
    for at in instants {
        black_box(question(black_box(*at)));
    }
    begun.elapsed().as_secs_f64() * 1e9 / instants.len() as f64
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
