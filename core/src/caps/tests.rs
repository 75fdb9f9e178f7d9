use super::*;
use crate::instant::{DAY, HOUR};
use crate::{Hours, IanaZone};

const T: fn(i64) -> Instant = |hours| Instant::from_micros(hours * HOUR);

fn next(at: Instant, attempts: &[i64], caps: &[Cap]) -> Option<Instant> {
    let (hours, utc) = (Hours::parse("24/7").unwrap(), IanaZone::parse("UTC").unwrap());
    let attempts = Attempts::new(attempts.iter().map(|hours| T(*hours)));
    next_callable(at, &[Opening::new(&hours, &utc)], &attempts, caps, &utc)
}

fn cap(max: i64, kind: &str, amount: i64) -> Cap {
    Cap::new(max, kind, Some(amount), None).unwrap()
}

#[test]
fn each_kind_waits_for_its_own_period() {
    for (cap, attempts, expected) in [
        (cap(2, "rolling", 3600), vec![0, 0], Some(T(1))),
        (cap(2, "rolling", 3600), vec![0], Some(T(0))),
        (cap(0, "rolling", 3600), vec![], None),
        (cap(1, "local_dates", 1), vec![0], Some(T(24))),
        (cap(1, "local_dates", 3), vec![0], Some(T(72))),
        // 2000-01-01 was a Saturday, so the week ends two days later.
        (cap(1, "calendar_week", 0), vec![0], Some(T(48))),
        (cap(9, "gap", 7200), vec![0], Some(T(2))),
        (cap(9, "gap", 7200), vec![], Some(T(0))),
        (cap(2, "lifetime", 0), vec![0], Some(T(0))),
        (cap(1, "lifetime", 0), vec![0], None),
    ] {
        assert_eq!(next(T(0), &attempts, &[cap]), expected, "{cap:?} {attempts:?}");
    }
}

#[test]
fn an_attempt_planned_later_counts_too() {
    assert_eq!(next(T(0), &[5], &[cap(1, "rolling", 3600)]), Some(T(6)));
}

#[test]
fn a_cool_down_needs_an_event() {
    let with = |since| Cap::new(0, "cooldown_dates", Some(2), since).unwrap();
    assert_eq!(next(T(5), &[], &[with(None)]), Some(T(5)));
    assert_eq!(next(T(5), &[], &[with(Some(T(3)))]), Some(T(48)));
}

#[test]
fn the_strictest_of_several_caps_decides() {
    let caps = [cap(1, "rolling", 3600), cap(1, "local_dates", 1), cap(1, "gap", 60)];
    assert_eq!(next(T(0), &[0], &caps), Some(T(24)));
}

#[test]
fn bad_caps_are_refused_and_huge_ones_are_never() {
    for (max, kind, amount) in [
        (-1, "gap", Some(1)),
        (1, "gap", Some(-1)),
        (1, "gap", None),
        (1, "", Some(1)),
        (1, "local_dates", Some(i64::MAX)),
        (1, "rolling", Some(i64::MAX)),
    ] {
        assert!(
            Cap::new(max, kind, amount, None).unwrap_err().is_limit(),
            "{max} {kind} {amount:?}"
        );
    }
    let century = cap(1, "rolling", 315_576_000_000);
    assert_eq!(
        next(
            Instant::MAX.saturating_add(-DAY),
            &[0],
            &[cap(1, "local_dates", i64::from(i32::MAX))]
        ),
        None
    );
    assert_eq!(
        next(Instant::from_micros(i64::MAX / 2), &[0], &[century]),
        Some(Instant::from_micros(i64::MAX / 2))
    );
}
