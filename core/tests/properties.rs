//! Properties against a slow and obvious oracle: a walk minute by minute that asks, for each
//! minute, whether its wall clock lies in a window.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test may panic")]

use chrono::{DateTime, Datelike, NaiveDate, Offset, TimeZone, Timelike};
use dialer_core::{DateSet, Hours, IanaZone, Instant, MINUTE, Opening, SECOND};
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::HashMap;

const ZONES: [&str; 14] = [
    "America/New_York",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Africa/Cairo",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "America/St_Johns",
    "Africa/Casablanca",
    "Europe/Dublin",
    "America/Santiago",
    "Asia/Pyongyang",
    "America/Caracas",
    "Pacific/Chatham",
    "UTC",
];

/// The hours as written: weekday rules of (start, end) minutes, and exceptions by date.
#[derive(Debug, Clone)]
struct Written {
    week: Vec<Vec<(u32, u32)>>,
    exceptions: HashMap<i32, Vec<(u32, u32)>>,
}

impl Written {
    fn text(&self) -> String {
        let days = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];
        let weekly = self.week.iter().zip(days).filter(|(windows, _)| !windows.is_empty());
        let mut rules: Vec<String> =
            weekly.map(|(windows, day)| format!("{day} {}", windows_text(windows))).collect();
        for (date, windows) in &self.exceptions {
            let (year, month, day) = dialer_core::ymd_of(*date);
            rules.push(format!("{year:04}-{month:02}-{day:02} {}", windows_text(windows)));
        }
        rules.join("; ")
    }

    fn windows(&self, date: i32) -> &[(u32, u32)] {
        match self.exceptions.get(&date) {
            Some(windows) => windows,
            None => &self.week[dialer_core::weekday_of(date)],
        }
    }
}

fn windows_text(windows: &[(u32, u32)]) -> String {
    let time = |minutes: u32| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let end = |minutes: u32| time(if minutes > 1440 { minutes - 1440 } else { minutes });
    let texts: Vec<String> =
        windows.iter().map(|(from, to)| format!("{}-{}", time(*from), end(*to))).collect();
    if texts.is_empty() { "off".into() } else { texts.join(",") }
}

/// Sorted windows that do not overlap; the last one may run past midnight.
fn windows() -> impl Strategy<Value = Vec<(u32, u32)>> {
    proptest::collection::vec(0u32..1440, 0..5).prop_map(|mut cuts| {
        cuts.sort_unstable();
        cuts.dedup();
        let spill = cuts.len() % 2 == 1;
        let mut windows: Vec<(u32, u32)> = cuts.chunks_exact(2).map(|c| (c[0], c[1])).collect();
        if let (true, Some(last)) = (spill, cuts.last()) {
            windows.push((*last, 1440 + *last / 3));
        }
        windows
    })
}

fn written(around: i32) -> impl Strategy<Value = Written> {
    let week = proptest::collection::vec(windows(), 7);
    let exceptions = proptest::collection::hash_map(around - 3..around + 5, windows(), 0..4);
    (week, exceptions).prop_map(|(week, exceptions)| Written { week, exceptions })
}

#[derive(Debug, Clone)]
struct Case {
    written: [Written; 2],
    zones: [&'static str; 2],
    closures: Vec<i32>,
    bans: Vec<i32>,
    /// Minutes since 1970.
    minute: i64,
}

/// An instant near a transition of the zone (if it has one in that year), or anywhere.
fn minute(zone: &'static str) -> impl Strategy<Value = i64> {
    let near = (2000i32..2038, -3000i64..3000, 0usize..4).prop_map(move |(year, off, which)| {
        let found = transitions(zone, year);
        let first = DateTime::parse_from_rfc3339(&format!("{year}-06-01T00:00:00Z")).unwrap();
        let base = found.get(which % found.len().max(1)).copied();
        base.unwrap_or(first.timestamp() / 60) + off
    });
    let anywhere = 15_778_080i64..35_765_280;
    prop_oneof![3 => near, 1 => anywhere]
}

thread_local! {
    static TRANSITIONS: RefCell<HashMap<(&'static str, i32), Vec<i64>>> = RefCell::default();
}

/// Minutes since 1970 at which the offset has just changed, in one year.
fn transitions(zone: &'static str, year: i32) -> Vec<i64> {
    TRANSITIONS.with_borrow_mut(|known| {
        let found = known.entry((zone, year)).or_insert_with(|| {
            let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap().and_time(Default::default());
            let start = first.and_utc().timestamp() / 60;
            let offset = |minute| offset_seconds(zone, minute);
            // Every transition since 2000 lies on a quarter of an hour or a minute after one.
            (start..start + 366 * 1440)
                .filter(|m| m % 15 <= 1 && offset(*m) != offset(m - 15))
                .filter(|m| {
                    (1..15).all(|back| offset(m - back) == offset(*m))
                        || offset(m - 1) != offset(*m)
                })
                .collect()
        });
        found.clone()
    })
}

fn offset_seconds(zone: &str, minute: i64) -> i32 {
    let tz: chrono_tz::Tz = zone.parse().unwrap();
    let at = DateTime::from_timestamp(minute * 60, 0).unwrap().naive_utc();
    tz.offset_from_utc_datetime(&at).fix().local_minus_utc()
}

fn case() -> impl Strategy<Value = Case> {
    (0..ZONES.len(), 0..ZONES.len()).prop_flat_map(|(one, two)| {
        let zones = [ZONES[one], ZONES[two]];
        minute(zones[0]).prop_flat_map(move |minute| {
            let today = (minute / 1440 - 10_957) as i32;
            let dates = || proptest::collection::vec(today - 3..today + 6, 0..3);
            (written(today), written(today), dates(), dates()).prop_map(
                move |(first, second, closures, bans)| Case {
                    written: [first, second],
                    zones,
                    closures,
                    bans,
                    minute,
                },
            )
        })
    })
}

/// The definition, word by word.
fn oracle_open(case: &Case, index: usize, minute: i64) -> bool {
    let tz: chrono_tz::Tz = case.zones[index].parse().unwrap();
    let at = DateTime::from_timestamp(minute * 60, 0).unwrap();
    let local = tz.from_utc_datetime(&at.naive_utc());
    let date = local.date_naive().num_days_from_ce() - 730_120;
    let clock = local.hour() * 60 + local.minute();
    if case.bans.contains(&date) {
        return false;
    }
    let starts_inside = |start_date: i32, clock: u32| {
        let windows = case.written[index].windows(start_date);
        !case.closures.contains(&start_date)
            && windows.iter().any(|(from, to)| (*from..*to).contains(&clock))
    };
    starts_inside(date, clock) || starts_inside(date - 1, clock + 1440)
}

fn at(minute: i64) -> Instant {
    Instant::from_unix_seconds(minute * 60)
}

struct Built {
    hours: [Hours; 2],
    zones: [IanaZone; 2],
    closures: DateSet,
    bans: DateSet,
}

impl Built {
    fn of(case: &Case) -> Built {
        Built {
            hours: [0, 1].map(|index| Hours::parse(&case.written[index].text()).unwrap()),
            zones: case.zones.map(|zone| IanaZone::parse(zone).unwrap()),
            closures: case.closures.iter().copied().collect(),
            bans: case.bans.iter().copied().collect(),
        }
    }

    fn openings(&self, count: usize) -> Vec<Opening<'_, &IanaZone>> {
        let one = |index: usize| Opening {
            hours: &self.hours[index],
            zone: &self.zones[index],
            closures: &self.closures,
            bans: &self.bans,
        };
        (0..count).map(one).collect()
    }
}

/// Four days of minutes, which contain every kind of edge around the instant.
const MINUTES: i64 = 4 * 1440;

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, ..ProptestConfig::default() })]

    #[test]
    fn questions_about_openings_agree_with_a_walk_minute_by_minute(case in case(), count in 1usize..3) {
        let built = Built::of(&case);
        let openings = built.openings(count);
        let is_open = |minute: &i64| (0..count).all(|index| oracle_open(&case, index, *minute));
        let walk: Vec<i64> = (case.minute..case.minute + MINUTES).collect();

        for minute in walk.iter().take(200) {
            prop_assert_eq!(dialer_core::is_open(&openings, at(*minute)), is_open(minute));
            let late = at(*minute).saturating_add(MINUTE - 1);
            prop_assert_eq!(dialer_core::is_open(&openings, late), is_open(minute));
        }
        let opens = walk.iter().position(is_open);
        let found = dialer_core::next_open(&openings, at(case.minute));
        match opens {
            Some(index) => prop_assert_eq!(found, Some(at(walk[index]))),
            None => prop_assert!(found.is_none_or(|next| next >= at(case.minute + MINUTES))),
        }
        let closes = opens.and_then(|from| walk[from..].iter().find(|minute| !is_open(minute)));
        if let Some(minute) = closes {
            prop_assert_eq!(dialer_core::next_close(&openings, at(case.minute)), Some(at(*minute)));
        }
        let open_minutes = walk.iter().filter(|minute| is_open(minute)).count() as i64;
        let (from, to) = (at(case.minute), at(case.minute + MINUTES));
        prop_assert_eq!(dialer_core::open_between(&openings, from, to), open_minutes * MINUTE);
        prop_assert_eq!(dialer_core::open_between(&openings, to, from), -open_minutes * MINUTE);
    }

    #[test]
    fn adding_open_time_is_the_inverse_of_measuring_it(case in case(), count in 1usize..3, seconds in 1i64..400_000) {
        let built = Built::of(&case);
        let openings = built.openings(count);
        let from = at(case.minute);
        if let Some(to) = dialer_core::add_open(&openings, from, seconds * SECOND) {
            prop_assert_eq!(dialer_core::open_between(&openings, from, to), seconds * SECOND);
            let before = to.saturating_add(-1);
            prop_assert!(dialer_core::is_open(&openings, before));
            let callable = dialer_core::add_open_callable(&openings, from, seconds * SECOND);
            prop_assert_eq!(callable, dialer_core::next_open(&openings, to));
            // Walked once for all amounts, and asked in any order.
            let mut walked = dialer_core::OpenTime::from(from);
            let half = seconds / 2 * SECOND;
            prop_assert_eq!(walked.near_or_far(&openings, seconds * SECOND), callable);
            prop_assert_eq!(
                walked.instant(&openings, half),
                dialer_core::add_open_callable(&openings, from, half)
            );
        }
    }

    #[test]
    fn a_span_starts_and_ends_where_openness_changes(case in case(), count in 1usize..3) {
        let built = Built::of(&case);
        let openings = built.openings(count);
        if let Some(span) = dialer_core::open_span(&openings, at(case.minute)) {
            prop_assert!(span.from < span.to && span.to > at(case.minute));
            prop_assert!(dialer_core::is_open(&openings, span.from));
            prop_assert!(!dialer_core::is_open(&openings, span.from.saturating_add(-1)));
            if span.to < Instant::MAX {
                prop_assert!(!dialer_core::is_open(&openings, span.to));
            }
        }
    }

    #[test]
    fn hours_survive_text_and_bytes(case in case()) {
        for written in &case.written {
            let hours = Hours::parse(&written.text()).unwrap();
            prop_assert_eq!(&Hours::parse(&hours.to_string()).unwrap(), &hours);
            prop_assert_eq!(&Hours::from_bytes(&hours.to_bytes()).unwrap(), &hours);
        }
    }

    #[test]
    fn any_text_is_answered_without_a_panic(text in "[-MoTuFrSa0-9:;,. |off24/7\u{e9}]{0,40}") {
        if let Err(error) = Hours::parse(&text) {
            prop_assert!(error.position().is_some_and(|at| at >= 1 && at <= text.len() + 1));
        }
        let _ = text.parse::<dialer_core::Rule>();
        let _ = format!("FREQ=WEEKLY;BYDAY={text}").parse::<dialer_core::Rule>();
        let _ = dialer_core::PhoneNumber::normalize(&text, "US");
        let _ = dialer_core::Outcome::normalize(&text);
        let _ = dialer_core::zones_of(&text);
    }

    #[test]
    fn any_bytes_are_answered_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = Hours::from_bytes(&bytes);
    }
}
