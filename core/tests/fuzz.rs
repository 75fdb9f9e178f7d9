//! Mutated texts for every parser: nothing panics, nothing hangs, every refusal says where: hours and
//! rules at which byte, calendars in which line. A phone number or a name is refused as a whole.
//!
//! Deterministic, so that a failure is a seed: `FUZZ_SEED=7` repeats one, `FUZZ_SECONDS=600` goes on
//! through the seeds for that long, each parser. A stable compiler cannot measure coverage, so the corpus holds
//! one text for every branch that its author could think of, and the dictionary their words.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test may panic")]

use dialer_core::{
    Cap, Error, HolidayCalendar, Hours, IanaZone, Instant, Outcome, PhoneNumber, Policy, Rule,
    Series, ZonesResolved, check_zone_name, jurisdictions, release_named_in, zones_of,
    zones_of_state,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant as Clock};

/// One input may take no longer, in a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(2);
/// Texts of one seed and parser.
const ROUNDS: u32 = 8000;

/// A small generator of numbers (splitmix64); the same numbers for the same seed, for ever.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

/// A parser, texts that it takes, and words that mean something to it.
struct Target {
    name: &'static str,
    corpus: &'static [&'static str],
    words: &'static [&'static str],
    ask: fn(&str),
}

fn mutated(chance: &mut Chance, target: &Target) -> String {
    let mut text = chance.of(target.corpus).as_bytes().to_vec();
    for _ in 0..=chance.below(6) {
        let at = chance.below(text.len() + 1);
        let to = (at + chance.below(12)).min(text.len());
        match chance.below(8) {
            0 => drop(text.drain(at..to)),
            1 => text.insert(at, chance.next() as u8),
            2 if at < text.len() => text[at] ^= 1 << chance.below(8),
            3 => drop(text.splice(at..at, chance.of(target.words).bytes())),
            4 => drop(text.splice(at..to, chance.of(target.words).bytes())),
            5 => {
                let again = text[at..to].repeat(1 + chance.below(40));
                drop(text.splice(at..at, again));
            }
            6 => {
                let other = chance.of(target.corpus).as_bytes();
                let from = chance.below(other.len());
                text.truncate(at);
                text.extend(&other[from..]);
            }
            _ if chance.below(60) == 0 => text = text.repeat(1 + chance.below(2000)),
            _ => text.extend(chance.of(&["9", "é", "\u{1F4DE}", "\0", "٣", "\r\n ", "-"]).bytes()),
        }
    }
    // LIMIT: what a parser may be given here; each has its own limit below it.
    text.truncate(600_000);
    String::from_utf8_lossy(&text).into_owned()
}

fn rounds(target: &Target, seed: u64) {
    let mut chance = Chance(seed);
    for round in 0..ROUNDS {
        let text = mutated(&mut chance, target);
        let begun = Clock::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| (target.ask)(&text)));
        let shown: String = text.chars().take(400).collect();
        let place = format!("{} seed {seed} round {round}: {shown:?}", target.name);
        assert!(outcome.is_ok(), "{place}");
        assert!(begun.elapsed() < PATIENCE, "{:?} for {place}", begun.elapsed());
    }
}

fn fuzz(target: &Target) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("FUZZ_SEED").unwrap_or(1);
    let until = Clock::now() + Duration::from_secs(number("FUZZ_SECONDS").unwrap_or(0));
    target.corpus.iter().for_each(|text| (target.ask)(text));
    let mut seed = first;
    loop {
        rounds(target, seed);
        seed += 1;
        if Clock::now() >= until {
            return;
        }
    }
}

fn explains(error: &Error, text: &str) {
    assert!(
        !error.to_string().is_empty() && !error.detail().is_empty() && !error.hint().is_empty()
    );
    let place = error.position();
    assert!(place.is_none_or(|at| (1..=text.len() + 1).contains(&at)), "{error} at {place:?}");
    let line = error.line();
    assert!(line.is_none_or(|at| (1..=text.lines().count().max(1) + 1).contains(&at)), "{error}");
    assert!(error.to_string().len() < 1000, "{error}");
}

fn hours(text: &str) {
    match text.parse::<Hours>() {
        Ok(hours) => {
            let canonical = hours.to_string();
            assert_eq!(canonical.parse::<Hours>().unwrap(), hours, "{canonical}");
            assert_eq!(Hours::from_bytes(&hours.to_bytes()).unwrap(), hours);
        }
        Err(error) => {
            explains(&error, text);
            assert!(error.is_hours() && error.position().is_some());
        }
    }
    let _either = Hours::from_bytes(text.as_bytes());
}

fn rule(text: &str) {
    let Ok(rule) = text.parse::<Rule>().inspect_err(|error| {
        explains(error, text);
        assert!(error.is_recurrence() && error.position().is_some(), "{error}");
    }) else {
        return;
    };
    let utc = IanaZone::parse("UTC").unwrap();
    let days = dialer_core::BusinessDays { hours: None, closures: dialer_core::DateSet::none() };
    for start_local in [0, i64::MIN, i64::MAX, 852_076_800_000_000] {
        let series = Series {
            rule: &rule,
            start_local,
            zone: &utc,
            policy: Policy::DEFAULT,
            business_days: days,
        };
        let found: Vec<Instant> = series.occurrences(Instant::MIN).take(5).collect();
        assert!(found.is_sorted());
        series.occurrences(Instant::from_micros(946_684_800_000_000)).next();
    }
}

fn phone(text: &str) {
    for region in ["US", "", "ZZ", text.get(..2).unwrap_or("DE")] {
        match PhoneNumber::normalize(text, region) {
            Ok(number) => {
                assert_eq!(PhoneNumber::from_e164(number.as_str()).unwrap(), number);
                zones_of(number.as_str());
            }
            Err(error) => {
                explains(&error, text);
                assert!(error.is_phone());
            }
        }
    }
    zones_of(text);
}

fn calendar(text: &str) {
    for until in [0, 12_000, 40_000] {
        match HolidayCalendar::parse(text, until) {
            Ok(found) => {
                assert!(found.dates.is_sorted_by_key(|it| (it.date, it.line)));
                assert!(found.dates.len() <= 40_000);
                assert!(
                    found.loaded.is_none_or(|(first, last)| first <= last),
                    "{:?}",
                    found.loaded
                );
            }
            Err(error) => {
                explains(&error, text);
                assert!(error.is_calendar() && error.line().is_some());
            }
        }
    }
}

fn plain_dates(text: &str) {
    match HolidayCalendar::parse_plain(text) {
        Ok(found) => {
            assert!(found.dates.is_sorted_by_key(|it| (it.date, it.line)));
            assert!(found.dates.len() <= 40_000);
            let lines = text.lines().count();
            let places = found.dates.iter().map(|it| it.line);
            assert!(places.chain(found.notes.iter().map(|it| it.line)).all(|at| at <= lines));
            assert!(found.notes.iter().all(|it| it.text.starts_with("invalid: \"")));
        }
        Err(error) => {
            explains(&error, text);
            assert!(error.is_calendar() && error.line().is_some());
        }
    }
}

fn zone(text: &str) {
    let named = |error: Error| {
        explains(&error, text);
        let start: String = text.chars().take(10).collect();
        assert!(error.is_zone() && error.to_string().contains(&start), "{error}");
    };
    let _named = check_zone_name(text).map_err(named);
    let known = |name: &str| IanaZone::parse(name).ok().map(|zone| zone.name().to_string());
    let found = ZonesResolved::new(Some(text), Some(text), Some(text), known);
    assert!(
        found.zones.is_sorted() && found.zones.iter().all(|name| check_zone_name(name).is_ok())
    );
    zones_of_state(text);
    assert!(jurisdictions(Some(text), Some(text), &[text]).0.is_sorted());
    release_named_in(text);
}

fn word(text: &str) {
    Outcome::normalize(text);
    let _named = Cap::new(1, text, Some(1), None).map_err(|error| explains(&error, text));
}

#[test]
fn hours_hold_whatever_they_are_given() {
    fuzz(&Target {
        name: "hours",
        corpus: &[
            "Mo-Fr 09:00-12:00,13:00-18:00; Sa 10:00-14:00; 2026-12-24 off",
            "24/7; 2026-12-25 off; 2026-12-31..2027-01-02 10:00-12:00",
            "Fr 22:00-02:00 | Su-Mo 00:00-24:00",
            "mon,wed,friday 9:00:30-17:00:00; 2026-01-01,2026-02-03 closed",
            "off",
            "",
        ],
        words: &[
            "Mo",
            "Su",
            "-",
            ",",
            ";",
            "|",
            "..",
            "24:00",
            "00:00",
            "24/7",
            "off",
            "closed",
            "2026-02-29",
            "9999-12-31",
            "0000-01-01",
            " ",
            "23:59:59",
            "99:99",
            "tuesday",
        ],
        ask: hours,
    });
}

#[test]
fn rules_hold_whatever_they_are_given() {
    fuzz(&Target {
        name: "rule",
        corpus: &[
            "RRULE:FREQ=MONTHLY;BYDAY=-1FR;COUNT=10",
            "FREQ=YEARLY;INTERVAL=3;BYMONTH=2;BYMONTHDAY=29,-1;UNTIL=20991231T235959Z",
            "FREQ=WEEKLY;WKST=SU;BYDAY=MO,TH;INTERVAL=2",
            "FREQ=DAILY;BYMONTH=1,12;BYDAY=SA,SU",
            "FREQ=MONTHLY;BYMONTHDAY=31;BYDAY=FR",
        ],
        words: &[
            "FREQ=",
            "DAILY",
            "YEARLY",
            "INTERVAL=100000",
            "COUNT=1000000",
            "UNTIL=",
            "BYDAY=",
            "BYMONTH=",
            "BYMONTHDAY=",
            "53MO",
            "-53SU",
            "31",
            "-31",
            ",",
            ";",
            "=",
            "WKST=",
            "20260230",
            "T000000",
            "Z",
            "BYSETPOS=1",
            "30",
            "2",
        ],
        ask: rule,
    });
}

#[test]
fn phone_numbers_hold_whatever_they_are_given() {
    fuzz(&Target {
        name: "phone",
        corpus: &[
            "+1 (212) 555-0123",
            "212.555.0123 ext. 9",
            "+44 20 7946 0018",
            "00491511234567",
            "tel:+1-800-FLOWERS",
            "911",
            "+39 06 698",
            "１２３４５６７８９０",
            "+999",
        ],
        words: &["+", "00", "1", "(", ")", "-", "ext", ";phone-context=", "x", "#", "*", "٩", "+1"],
        ask: phone,
    });
}

#[test]
fn calendars_hold_whatever_they_are_given() {
    fuzz(&Target {
        name: "calendar",
        corpus: &[
            "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20261227\r\nSUMMARY:a\\, b\r\n c\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20200229\nRRULE:FREQ=YEARLY;COUNT=5\nDURATION:P2W\nEXDATE:20240229\nRDATE:20260301,20260302\nEND:VEVENT\nEND:VCALENDAR",
            "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nBEGIN:STANDARD\nRRULE:X\nEND:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\nDTSTART:20261224T100000Z\nEND:VEVENT\nEND:VCALENDAR",
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:00010101\nRRULE:FREQ=YEARLY;BYDAY=MO;UNTIL=99991231\nEND:VEVENT\nEND:VCALENDAR",
        ],
        words: &[
            "BEGIN:VEVENT\n",
            "END:VEVENT\n",
            "END:VCALENDAR\n",
            "BEGIN:VCALENDAR\n",
            "DTSTART:",
            "99991231",
            "00000101",
            "DURATION:P400D\n",
            "RRULE:FREQ=YEARLY\n",
            ":",
            ";",
            "\"",
            "\r\n ",
            "\\",
            "FREQ=YEARLY;INTERVAL=100000;BYMONTH=2;BYMONTHDAY=30",
            "DTEND:",
            "20261225",
        ],
        ask: calendar,
    });
}

#[test]
fn plain_dates_hold_whatever_they_are_given() {
    fuzz(&Target {
        name: "plain dates",
        corpus: &[
            "# office\r\n2026-12-24..2026-12-26 Christmas\r\n\r\n2027-01-01, New Year # all\r\n",
            "\u{feff}2026-02-28..2026-03-02;carnival\n2026-02-28",
            "0001-01-01\n9999-12-31..9999-12-31\n2000-02-29..2001-03-01",
        ],
        words: &[
            "..",
            "-",
            "#",
            "\n",
            "2026-12-24",
            "2026-02-29",
            "9999-12-31",
            " ",
            ",",
            "\t",
            "0",
        ],
        ask: plain_dates,
    });
}

#[test]
fn zone_names_hold_whatever_they_are_given() {
    fuzz(&Target {
        name: "zone",
        corpus: &[
            "America/New_York",
            "Etc/GMT+5",
            "us/eastern, Europe/Berlin",
            "CA-QC",
            "US-TX",
            "tn",
            "+12705550123",
            "# version 2026f",
            "2026f",
            "UTC",
        ],
        words: &[
            "/",
            "_",
            "-",
            "+",
            ",",
            "US",
            "posix/",
            "..",
            "America/",
            "CA",
            "# version ",
            "2026",
        ],
        ask: zone,
    });
}

#[test]
fn words_hold_whatever_they_are_given() {
    fuzz(&Target {
        name: "word",
        corpus: &["SALE", "no-answer", "LEFT_VOICEMAIL", "rolling", "local_dates", "Customer Busy"],
        words: &["NO", "_", "-", " ", "sale", "callback", "dnc", "lifetime", "gap"],
        ask: word,
    });
}
