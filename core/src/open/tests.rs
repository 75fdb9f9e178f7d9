use super::*;
use crate::instant::HOUR;
use crate::{IanaZone, date_of};

fn utc() -> IanaZone {
    IanaZone::parse("UTC").unwrap()
}

fn at(year: i32, month: u32, day: u32, hour: i64) -> Instant {
    Instant::from_micros(midnight_of(date_of(year, month, day).unwrap()) + hour * HOUR)
}

fn hours(text: &str) -> Hours {
    Hours::parse(text).unwrap()
}

#[test]
fn no_opening_at_all_is_never_open() {
    let none: [Opening<'_, IanaZone>; 0] = [];
    let now = at(2026, 11, 21, 12);
    assert!(!is_open(&none, now));
    assert_eq!((next_open(&none, now), next_close(&none, now)), (None, None));
    assert_eq!(open_span(&none, now), None);
    assert_eq!((add_open(&none, now, 1), open_between(&none, now, Instant::MAX)), (None, 0));
}

#[test]
fn a_closure_wins_over_an_exception_that_opens() {
    let hours = hours("24/7; 2026-12-24 10:00-12:00");
    let closures: DateSet = [date_of(2026, 12, 24).unwrap()].into_iter().collect();
    let opening = Opening { closures: &closures, ..Opening::new(&hours, utc()) };
    assert_eq!(opening.next_open(at(2026, 12, 24, 1)), Some(at(2026, 12, 25, 0)));
}

#[test]
fn years_of_closures_are_looked_past() {
    let hours = hours("Mo-Fr 09:00-17:00");
    let first = date_of(2026, 1, 1).unwrap();
    let closures: DateSet = (first..first + 1200).collect();
    let opening = Opening { closures: &closures, ..Opening::new(&hours, utc()) };
    let next = opening.next_open(at(2026, 1, 1, 0)).unwrap();
    // The first date that is not closed is a Sunday.
    assert_eq!(next, Instant::from_micros(midnight_of(first + 1201) + 9 * HOUR));
}

#[test]
fn an_exception_far_off_is_found_also_together_with_other_hours() {
    let once = hours("2031-03-05 10:00-12:00");
    let week = hours("Mo-Fr 11:00-17:00");
    let both = [Opening::new(&once, utc()), Opening::new(&week, utc())];
    let now = at(2026, 11, 21, 12);
    assert_eq!(next_open(&both[..1], now), Some(at(2031, 3, 5, 10)));
    assert_eq!(next_open(&both, now), Some(at(2031, 3, 5, 11)));
    assert_eq!(next_close(&both, now), Some(at(2031, 3, 5, 12)));
    assert_eq!(next_open(&both, at(2031, 3, 5, 12)), None);
}

#[test]
fn hours_that_never_meet_are_null_even_with_far_closures() {
    let (morning, evening) = (hours("09:00-12:00"), hours("13:00-17:00"));
    let closures: DateSet = (0..400).map(|n| date_of(2026, 1, 1).unwrap() + n * 30).collect();
    let both = [
        Opening { closures: &closures, ..Opening::new(&morning, utc()) },
        Opening::new(&evening, utc()),
    ];
    assert_eq!(next_open(&both, at(2026, 11, 21, 12)), None);
}

#[test]
fn round_the_clock_hours_close_at_the_next_ban_however_far() {
    let hours = hours("24/7");
    let bans: DateSet = [date_of(2040, 5, 1).unwrap()].into_iter().collect();
    let opening = [Opening { bans: &bans, ..Opening::new(&hours, utc()) }];
    let now = at(2026, 11, 21, 12);
    assert_eq!(next_close(&opening, now), Some(at(2040, 5, 1, 0)));
    let always = [Opening::new(&hours, utc())];
    assert_eq!(next_close(&always, now), None);
    assert_eq!(open_span(&always, now), Some(Span { from: Instant::MIN, to: Instant::MAX }));
}

#[test]
fn a_span_is_whole_whether_asked_from_inside_or_before() {
    let hours = hours("Mo-We 09:00-24:00; Tu-We 00:00-09:00; Fr 22:00-02:00");
    let opening = [Opening::new(&hours, utc())];
    let monday_to_thursday = Span { from: at(2026, 11, 23, 9), to: at(2026, 11, 26, 0) };
    for now in [at(2026, 11, 22, 3), at(2026, 11, 23, 9), at(2026, 11, 25, 23)] {
        assert_eq!(open_span(&opening, now), Some(monday_to_thursday));
    }
    let night = Span { from: at(2026, 11, 27, 22), to: at(2026, 11, 28, 2) };
    assert_eq!(open_span(&opening, at(2026, 11, 28, 1)), Some(night));
}

#[test]
fn nothing_panics_or_hangs_at_the_ends_of_time() {
    let all = ["24/7", "off", "Mo-Fr 09:00-17:00,22:00-02:00", "9999-12-31 22:00-02:00"];
    let ends = [Instant::MIN, Instant::MAX, Instant::MAX.saturating_add(-HOUR)];
    let zones =
        ["Pacific/Kiritimati", "America/New_York"].map(|name| IanaZone::parse(name).unwrap());
    let dates: DateSet = [i32::MIN, -2_451_545, 0, 106_751_983, i32::MAX].into_iter().collect();
    for text in all {
        let hours = hours(text);
        let one = |zone| Opening { bans: &dates, closures: &dates, ..Opening::new(&hours, zone) };
        let openings: Vec<_> = zones.iter().map(one).collect();
        for now in ends {
            is_open(&openings, now);
            next_open(&openings, now);
            next_close(&openings, now);
            open_span(&openings, now);
            for amount in [i64::MIN, -1, 0, 1, i64::MAX] {
                add_open(&openings, now, amount);
            }
        }
        open_between(&openings[..1], at(9998, 1, 1, 0), Instant::MAX);
    }
}

#[test]
fn open_time_over_centuries_is_exact() {
    let hours = hours("Mo-Fr 09:00-17:00");
    let closures: DateSet = [date_of(2026, 11, 26).unwrap()].into_iter().collect();
    let opening = [Opening { closures: &closures, ..Opening::new(&hours, utc()) }];
    // 400 years have 20,871 weeks exactly; one Thursday is closed.
    let (from, to) = (at(2000, 1, 1, 0), at(2400, 1, 1, 0));
    let open = (20_871 * 5 - 1) * 8 * HOUR;
    assert_eq!(open_between(&opening, from, to), open);
    assert_eq!(add_open(&opening, from, open), Some(at(2399, 12, 31, 17)));
    assert_eq!(add_open(&opening, from, -1), None);
    assert_eq!(add_open(&opening, from, 0), Some(from));
}

#[test]
fn open_time_to_the_ends_of_time_is_exact_and_soon() {
    let hours = hours("Mo-Fr 09:00-17:00; 2150-01-01 off");
    let bans: DateSet = [date_of(2026, 12, 25).unwrap()].into_iter().collect();
    let zone = IanaZone::parse("America/New_York").unwrap();
    let opening = [Opening { bans: &bans, ..Opening::new(&hours, zone) }];
    let cycle = 20_871 * 5 * 8 * HOUR;
    let (from, to) = (at(2200, 1, 1, 0), at(2203, 5, 5, 12));
    let few_years = open_between(&opening, from, to);
    for cycles in [1, 2, 3, 100] {
        let far = to.saturating_add(cycles * 146_097 * DAY);
        assert_eq!(open_between(&opening, from, far), few_years + cycles * cycle);
        assert_eq!(open_between(&opening, far, from), -few_years - cycles * cycle);
        // Noon lies inside a window, so both directions meet.
        let noon = open_between(&opening, from, far);
        assert!(open_between(&opening, from, add_open(&opening, from, noon).unwrap()) == noon);
    }
    let all = open_between(&opening, Instant::MIN, Instant::MAX);
    assert_eq!(
        add_open(&opening, Instant::MIN, all - HOUR).map(|end| end < Instant::MAX),
        Some(true)
    );
    assert_eq!(add_open(&opening, Instant::MIN, all + DAY), None);
}
