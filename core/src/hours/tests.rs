use super::*;
use crate::civil::date_of;

/// What the text means, written canonically, or the byte and the reason of its refusal.
fn check(text: &str) -> String {
    match Hours::parse(text) {
        Ok(hours) => {
            let canonical = hours.to_string();
            assert_eq!(Hours::parse(&canonical).as_ref(), Ok(&hours), "canonical text of {text}");
            assert_eq!(
                Hours::from_bytes(&hours.to_bytes()).as_ref(),
                Ok(&hours),
                "bytes of {text}"
            );
            canonical
        }
        Err(error) => format!("{}: {}", error.position().unwrap(), error.detail()),
    }
}

#[test]
fn people_may_write_hours_in_many_ways() {
    for (text, canonical) in [
        (
            "Mo-Fr 09:00-12:00,13:00-18:00; Sa 10:00-14:00",
            "Mo-Fr 09:00-12:00,13:00-18:00; Sa 10:00-14:00",
        ),
        ("mon-fri 9:00-17:00", "Mo-Fr 09:00-17:00"),
        (
            "mo-fr 09:00-12:00,13:00-17:00|sa 10:00-14:00",
            "Mo-Fr 09:00-12:00,13:00-17:00; Sa 10:00-14:00",
        ),
        ("Monday, Wednesday , FRIDAY 10:00 - 14:00", "Mo,We,Fr 10:00-14:00"),
        ("Fr-Mo 10:00-14:00", "Mo,Fr-Su 10:00-14:00"),
        ("tues 10:00-14:00;thur 10:00-14:00", "Tu,Th 10:00-14:00"),
        ("24/7", "24/7"),
        ("Mo-Su 00:00-24:00", "24/7"),
        ("24/7; 2026-12-25 off", "24/7; 2026-12-25 off"),
        ("off", "off"),
        ("", "off"),
        ("  ", "off"),
        ("Su closed; Mo 09:00-10:00;", "Mo 09:00-10:00"),
        ("22:00-02:00", "Mo-Su 22:00-02:00"),
        ("Mo 22:00-24:00", "Mo 22:00-24:00"),
        ("Mo 22:00-00:00", "Mo 22:00-24:00"),
        ("Mo 09:00:30-17:00:05", "Mo 09:00:30-17:00:05"),
        ("Mo 12:00-13:00,09:00-12:00", "Mo 09:00-13:00"),
        ("Mo 09:00-12:00; Mo 13:00-14:00", "Mo 09:00-12:00,13:00-14:00"),
        ("Mo 00:00-22:00,22:00-02:00", "Mo 00:00-22:00,22:00-02:00"),
        ("2026-12-24 off; 2026-12-30 14:00-15:00", "2026-12-24 off; 2026-12-30 14:00-15:00"),
        ("2026-12-26 off; 2026-12-24..2026-12-25 off", "2026-12-24..2026-12-26 off"),
        ("2026-12-24,2026-12-31 09:00-12:00", "2026-12-24 09:00-12:00; 2026-12-31 09:00-12:00"),
        ("2026-12-24 24/7", "2026-12-24 00:00-24:00"),
    ] {
        assert_eq!(check(text), canonical, "{text}");
    }
}

#[test]
fn what_is_not_understood_is_refused_at_its_byte() {
    let overlap = "Two windows of one day overlap; windows may touch, not overlap.";
    let time = "A time of day is written 09:30 or 09:30:15, from 00:00 to 24:00.";
    let weekday = "A weekday is expected: Mo Tu We Th Fr Sa Su, or its English name.";
    for (text, place, reason) in [
        ("Mo 09:00-12:00,11:00-13:00", 4, overlap),
        ("Mo 09:00-12:00; Mo-Tu 11:00-13:00", 17, overlap),
        ("Mo 22:00-02:00,23:00-24:00", 4, overlap),
        ("Mo 25:00-26:00", 4, time),
        ("Mo 09:00-24:01", 10, time),
        ("Mo 09:60-10:00", 4, time),
        ("Mo 9-17", 4, time),
        ("Mo", 3, time),
        ("Xx 09:00-10:00", 1, weekday),
        ("Mo-Xx 09:00-10:00", 4, weekday),
        ("Mo,,Tu 09:00-10:00", 4, weekday),
        ("M 09:00-10:00", 1, weekday),
        ("Mo 09:00-09:00", 4, "A window's start and end are the same."),
        ("Mo 24:00-02:00", 4, "24:00 may only end a window."),
        ("Mo 09:00", 9, "A window is written 09:00-17:00; its '-' is missing."),
        ("Mo 09:00-10:00 Tu 09:00-10:00", 16, "A semicolon is expected between two rules."),
        ("Mo,Mo 09:00-10:00", 4, "A weekday is named twice in one rule."),
        ("Mo off; Mo 09:00-10:00", 9, "A weekday is both off and open."),
        ("2026-02-30 off", 1, "A date is written 2026-12-24 and must exist."),
        ("2026-12-24..2026-12-20 off", 1, "The range of dates ends before it starts."),
        ("2026-12-24 off; 2026-12-24 off", 17, "A date has two exceptions; it may have one."),
        (";", 1, "A weekday, a date, a time or 'off' is expected."),
        ("Mo 09:00-10:00;;", 16, "A weekday, a date, a time or 'off' is expected."),
        ("Mo 09:00–10:00", 9, "A window is written 09:00-17:00; its '-' is missing."),
    ] {
        assert_eq!(check(text), format!("{place}: {reason}"), "{text}");
    }
}

#[test]
fn more_than_48_windows_a_day_are_refused() {
    let windows = |count: u32| {
        let window =
            |n: u32| format!("{:02}:{:02}-{:02}:{:02}", n / 3, n % 3 * 20, n / 3, n % 3 * 20 + 10);
        (0..count).map(window).collect::<Vec<_>>().join(",")
    };
    assert!(Hours::parse(&windows(48)).is_ok());
    assert!(Hours::parse(&windows(49)).is_err());
}

#[test]
fn exceptions_replace_the_windows_of_their_dates() {
    let hours =
        Hours::parse("Mo-Fr 09:00-17:00; 2026-12-24..2026-12-26 off; 2026-12-27 10:00-11:00")
            .unwrap();
    let on = |day| hours.windows_on(date_of(2026, 12, day).unwrap()).len();
    assert_eq!([23, 24, 25, 26, 27, 28].map(on), [1, 0, 0, 0, 1, 1]);
    assert!(!hours.is_never());
    assert!(Hours::parse("2026-12-24 off").unwrap().is_never());
}

#[test]
fn damaged_bytes_are_an_error_and_no_panic() {
    let good = Hours::parse("Mo-Fr 09:00-12:00,13:00-02:00; 2026-12-24 off").unwrap().to_bytes();
    for length in 0..good.len() {
        assert!(Hours::from_bytes(&good[..length]).is_err());
    }
    for place in 0..good.len() {
        for value in [0, 1, 7, 0x7F, 0x80, 0xFF] {
            let mut bytes = good.clone();
            bytes[place] = value;
            if let Ok(hours) = Hours::from_bytes(&bytes) {
                assert_eq!(hours.to_bytes(), bytes);
            }
        }
    }
}
