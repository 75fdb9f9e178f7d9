use super::*;
use crate::{DateSet, HOUR, IanaZone, date_of};

fn dates(rule: &str, start: (i32, u32, u32), policy: Policy, n: usize) -> Vec<String> {
    let rule: Rule = rule.parse().unwrap();
    let utc = IanaZone::parse("UTC").unwrap();
    let start_date = date_of(start.0, start.1, start.2).unwrap();
    let series = Series {
        rule: &rule,
        start_local: i64::from(start_date) * DAY + 9 * HOUR,
        zone: &utc,
        policy,
        business_days: BusinessDays { hours: None, closures: DateSet::none() },
    };
    let show = |at: Instant| {
        assert_eq!(at.micros().rem_euclid(DAY), 9 * HOUR);
        let (year, month, day) = ymd_of(date_of_local(at.micros()));
        format!("{year}-{month:02}-{day:02}")
    };
    series.occurrences(Instant::MIN).take(n).map(show).collect()
}

#[test]
fn rules_give_the_dates_that_rfc_5545_says() {
    for (rule, start, expected) in [
        ("FREQ=DAILY;INTERVAL=10", (2026, 1, 1), vec!["2026-01-01", "2026-01-11", "2026-01-21"]),
        ("FREQ=DAILY;COUNT=2", (2026, 1, 1), vec!["2026-01-01", "2026-01-02"]),
        ("FREQ=DAILY;UNTIL=20260102", (2026, 1, 1), vec!["2026-01-01", "2026-01-02"]),
        ("FREQ=DAILY;UNTIL=20260102T085959Z", (2026, 1, 1), vec!["2026-01-01"]),
        ("FREQ=DAILY;UNTIL=20260102T090000", (2026, 1, 1), vec!["2026-01-01", "2026-01-02"]),
        ("FREQ=DAILY;BYMONTH=1;BYDAY=SU", (2026, 1, 20), vec!["2026-01-25", "2027-01-03"]),
        ("FREQ=WEEKLY;BYDAY=TU,TH", (2026, 9, 2), vec!["2026-09-03", "2026-09-08", "2026-09-10"]),
        // The example of RFC 5545 about WKST.
        (
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
            (1997, 8, 5),
            vec!["1997-08-05", "1997-08-10", "1997-08-19", "1997-08-24"],
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
            (1997, 8, 5),
            vec!["1997-08-05", "1997-08-17", "1997-08-19", "1997-08-31"],
        ),
        ("FREQ=MONTHLY;BYDAY=1FR", (1997, 9, 5), vec!["1997-09-05", "1997-10-03", "1997-11-07"]),
        ("FREQ=MONTHLY;BYDAY=-2MO", (1997, 9, 22), vec!["1997-09-22", "1997-10-20", "1997-11-17"]),
        (
            "FREQ=MONTHLY;BYMONTHDAY=-3",
            (1997, 9, 28),
            vec!["1997-09-28", "1997-10-29", "1997-11-28"],
        ),
        (
            "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
            (1997, 9, 2),
            vec!["1998-02-13", "1998-03-13", "1998-11-13"],
        ),
        ("FREQ=YEARLY;BYMONTH=6,7", (1997, 6, 10), vec!["1997-06-10", "1997-07-10", "1998-06-10"]),
        ("FREQ=YEARLY;BYDAY=20MO", (1997, 5, 19), vec!["1997-05-19", "1998-05-18", "1999-05-17"]),
        (
            "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
            (1997, 3, 13),
            vec!["1997-03-13", "1997-03-20", "1997-03-27"],
        ),
        (
            "FREQ=YEARLY;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
            (1996, 11, 5),
            vec!["1996-11-05", "1997-11-04"],
        ),
    ] {
        let policy = Policy { month_end: MonthEnd::Omit, ..Policy::DEFAULT };
        let found = dates(rule, start, policy, expected.len() + 1);
        let is_finite = rule.contains("COUNT") || rule.contains("UNTIL");
        let compared = if is_finite { &found[..] } else { &found[..expected.len()] };
        assert_eq!(compared, expected, "{rule}");
    }
}

#[test]
fn a_rule_without_dates_ends() {
    let omit = Policy { month_end: MonthEnd::Omit, ..Policy::DEFAULT };
    for rule in ["FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"] {
        assert!(dates(rule, (2026, 1, 1), omit, 1).is_empty(), "{rule}");
    }
    assert_eq!(
        dates("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", (2026, 1, 1), Policy::DEFAULT, 1),
        ["2026-02-28"]
    );
}

#[test]
fn resuming_anywhere_gives_the_same_series() {
    let zone = IanaZone::parse("America/New_York").unwrap();
    let hours = Hours::parse("Mo-Th 09:00-17:00").unwrap();
    for rule in [
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU",
        "FREQ=MONTHLY;BYMONTHDAY=31,-1,1",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=MONTHLY;COUNT=40",
    ] {
        let rule: Rule = rule.parse().unwrap();
        for adjust in
            [Adjust::None, Adjust::Following, Adjust::ModifiedFollowing, Adjust::Preceding]
        {
            for month_end in [MonthEnd::Omit, MonthEnd::Clamp, MonthEnd::Forward] {
                let series = Series {
                    rule: &rule,
                    start_local: i64::from(date_of(2020, 1, 31).unwrap()) * DAY
                        + 2 * HOUR
                        + HOUR / 2,
                    zone: &zone,
                    policy: Policy { adjust, month_end, ..Policy::DEFAULT },
                    business_days: BusinessDays { hours: Some(&hours), closures: DateSet::none() },
                };
                let all: Vec<Instant> = series.occurrences(Instant::MIN).take(60).collect();
                assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
                for (index, at) in all.iter().enumerate() {
                    let later = at.saturating_add(1);
                    assert_eq!(series.occurrences(*at).next(), Some(*at));
                    assert_eq!(
                        series.occurrences(later).next(),
                        all.get(index + 1).copied().or(series.occurrences(later).next())
                    );
                }
            }
        }
    }
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let refusal = |text: &str| {
        let error = text.parse::<Rule>().unwrap_err();
        assert!(error.is_recurrence());
        format!("{} {}", error.position().unwrap_or(0), error.detail())
    };
    for (text, expected) in [
        ("FREQ=DAILY;BYSETPOS=1", "12 BYSETPOS is not supported."),
        ("FREQ=HOURLY", "1 FREQ=HOURLY is not supported."),
        ("INTERVAL=2", "1 FREQ is missing."),
        ("FREQ=DAILY;INTERVAL=0", "12 A whole number from 1 to 100000 is expected."),
        ("FREQ=DAILY;COUNT=1;UNTIL=20260101", "20 COUNT and UNTIL exclude each other."),
        ("FREQ=DAILY;BYDAY=2MO", "12 A numbered weekday such as 2TU needs FREQ=MONTHLY or YEARLY."),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "13 BYMONTHDAY cannot be used with FREQ=WEEKLY."),
        ("FREQ=DAILY;FREQ=DAILY", "12 A part may be given once."),
        ("FREQ=DAILY;", "12 A part is written NAME=VALUE; parts are separated by semicolons."),
        ("", "1 A part is written NAME=VALUE; parts are separated by semicolons."),
        (
            "FREQ=DAILY;UNTIL=20260230",
            "12 UNTIL is written 20261231, 20261231T235959 or 20261231T235959Z.",
        ),
        ("FREQ=DAILY;X=1", "12 There is no such part in a recurrence rule."),
    ] {
        assert_eq!(refusal(text), expected, "{text}");
    }
    assert!("FREQ=WEEKLY;BYDAY=\u{e9}".parse::<Rule>().is_err());
    assert!("rrule:freq=weekly;byday=mo, th".parse::<Rule>().is_ok());
}

#[test]
fn extreme_anchors_do_not_panic() {
    let rule: Rule = "FREQ=DAILY;INTERVAL=100000".parse().unwrap();
    let utc = IanaZone::parse("UTC").unwrap();
    for start_local in [i64::MIN, Instant::MIN.micros(), 0, Instant::MAX.micros(), i64::MAX] {
        for from in [Instant::MIN, Instant::from_micros(0), Instant::MAX] {
            let business_days = BusinessDays { hours: None, closures: DateSet::none() };
            let series = Series {
                rule: &rule,
                start_local,
                zone: &utc,
                policy: Policy::DEFAULT,
                business_days,
            };
            assert!(series.occurrences(from).take(10).count() <= 10);
        }
    }
}

#[test]
fn a_part_that_does_not_fit_to_the_others_is_pointed_at() {
    for (text, position) in [
        ("FREQ=DAILY;COUNT=2;UNTIL=20261231", 20),
        ("RRULE:INTERVAL=2", 7),
        ("FREQ=WEEKLY;BYDAY=2TU", 13),
        ("FREQ=WEEKLY;BYMONTHDAY=1", 13),
        (&"FREQ=DAILY;".repeat(200), 2001),
    ] {
        assert_eq!(text.parse::<Rule>().unwrap_err().position(), Some(position), "{text}");
    }
}
