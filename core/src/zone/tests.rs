use super::*;
use crate::instant::HOUR;
use crate::{date_of, instant::MINUTE};

fn zone(name: &str) -> IanaZone {
    IanaZone::parse(name).unwrap()
}

fn local(year: i32, month: u32, day: u32, micros: i64) -> i64 {
    i64::from(date_of(year, month, day).unwrap()) * DAY + micros
}

#[test]
fn abbreviations_and_other_spellings_are_no_zones() {
    for name in [
        "CET",
        "EET",
        "MET",
        "WET",
        "EST",
        "EST5EDT",
        "",
        "utc",
        "america/new_york",
        "FOO+3",
        "+02:00",
        "America/Nowhere",
        "Europe/Paris\0",
    ] {
        assert!(IanaZone::parse(name).unwrap_err().is_zone(), "{name}");
    }
    for name in ["UTC", "America/New_York", "America/Indiana/Tell_City", "Etc/GMT+5"] {
        assert_eq!(zone(name).name(), name);
    }
}

#[test]
fn a_gap_is_skipped_moved_by_its_length_or_moved_to_its_end() {
    let new_york = zone("America/New_York");
    let in_gap = local(2026, 3, 8, 2 * HOUR + 30 * MINUTE);
    let at = |gap| resolve_local(&new_york, in_gap, gap, Overlap::First)[0].map(|at| at.micros());
    let transition = local(2026, 3, 8, 7 * HOUR);
    assert_eq!(at(Gap::Skip), None);
    assert_eq!(at(Gap::Forward), Some(transition + 30 * MINUTE));
    assert_eq!(at(Gap::GapEnd), Some(transition));
}

#[test]
fn an_overlap_has_two_instants() {
    let new_york = zone("America/New_York");
    let twice = local(2026, 11, 1, HOUR + 30 * MINUTE);
    let both = resolve_local(&new_york, twice, Gap::Skip, Overlap::Both);
    let first = Instant::from_micros(local(2026, 11, 1, 5 * HOUR + 30 * MINUTE));
    assert_eq!(both, [Some(first), first.checked_add(HOUR)]);
    assert_eq!(resolve_local(&new_york, twice, Gap::Skip, Overlap::Second)[0], both[1]);
}

#[test]
fn a_date_starts_late_where_midnight_is_skipped_and_may_not_exist() {
    let from = Instant::MIN;
    let cairo = first_instant_of(&zone("Africa/Cairo"), date_of(2026, 4, 24).unwrap(), from);
    assert_eq!(cairo.map(|at| at.micros()), Some(local(2026, 4, 23, 22 * HOUR)));
    let skipped = first_instant_of(&zone("Pacific/Apia"), date_of(2011, 12, 30).unwrap(), from);
    assert_eq!(skipped.map(|at| at.micros()), Some(local(2011, 12, 30, 10 * HOUR)));
}

#[test]
fn the_ends_of_time_do_not_overflow() {
    for name in ["Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"] {
        let zone = zone(name);
        for at in [Instant::MIN, Instant::MAX] {
            let segment = zone.segment(at);
            assert!(segment.ends > at || at == Instant::MAX);
            local_date(&zone, at);
            for gap in [Gap::Skip, Gap::Forward, Gap::GapEnd] {
                resolve_local(&zone, at.micros(), gap, Overlap::Both);
            }
        }
        for date in [i32::MIN, i32::MAX] {
            first_instant_of(&zone, date, Instant::MIN);
        }
        resolve_local(&zone, i64::MIN, Gap::Forward, Overlap::First);
        resolve_local(&zone, i64::MAX, Gap::Forward, Overlap::First);
    }
}
