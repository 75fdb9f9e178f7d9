use super::*;
use crate::instant::{DAY, HOUR};
use crate::{Hours, IanaZone};

fn seed_ladder() -> Ladder {
    Ladder::from_minutes(&[0, 2, 5, 10, 30, 60, 120]).unwrap()
}

fn next(last: i64, today: u32, hours: &str) -> Option<i64> {
    let hours = Hours::parse(hours).unwrap();
    let opening = [Opening::new(&hours, IanaZone::parse("UTC").unwrap())];
    next_redial(Instant::from_micros(last), today, &seed_ladder(), Some(8), &opening)
        .map(Instant::micros)
}

// R073, R074, R075
#[test]
fn the_nth_call_waits_the_nth_interval_and_then_the_last() {
    let minutes = |today| (next(2 * DAY + HOUR, today, "24/7").unwrap() - 2 * DAY - HOUR) / MINUTE;
    let waited: Vec<i64> = (0..8).map(minutes).collect();
    assert_eq!(waited, [0, 2, 5, 10, 30, 60, 120, 120]);
}

// R062, R063, R064
#[test]
fn a_spent_day_goes_on_at_the_next_local_days_opening() {
    let monday = 2 * DAY;
    assert_eq!(next(monday + 12 * HOUR, 8, "Mo-Fr 11:00-20:00"), Some(monday + DAY + 11 * HOUR));
    let friday = 6 * DAY;
    assert_eq!(
        next(friday + 12 * HOUR, 9, "Mo-Fr 11:00-20:00"),
        Some(friday + 3 * DAY + 11 * HOUR)
    );
}

#[test]
fn an_interval_that_ends_after_closing_moves_to_the_next_opening() {
    let monday = 2 * DAY;
    assert_eq!(
        next(monday + 19 * HOUR + 45 * MINUTE, 4, "Mo-Fr 11:00-20:00"),
        Some(monday + DAY + 11 * HOUR)
    );
    assert_eq!(next(monday, 4, "off"), None);
}

#[test]
fn a_ladder_that_gets_shorter_names_the_step() {
    let message = |steps: &[i64]| Ladder::from_minutes(steps).unwrap_err().to_string();
    assert_eq!(message(&[0, 5, 2]), "redial ladder step 3 is shorter than step 2");
    assert_eq!(message(&[0, -5]), "redial ladder step 2 is out of range");
    assert_eq!(message(&[i64::MAX]), "redial ladder step 1 is out of range");
    assert_eq!(message(&[]), "redial ladder has 0 steps");
}

fn policy(scope: LadderScope) -> RedialPolicy {
    RedialPolicy {
        ladder: seed_ladder(),
        scope,
        max_per_day: Some(8),
        max_lifetime: Some(20),
        technical_ladder: Ladder::new(vec![2, 4, 8]).unwrap(),
        max_technical: Some(3),
        final_outcomes: vec![Outcome::Sale, Outcome::Dnc],
    }
}

fn after(policy: &RedialPolicy, outcome: Outcome, counts: (u32, u32, u32)) -> Option<i64> {
    let hours = Hours::parse("24/7").unwrap();
    let opening = [Opening::new(&hours, IanaZone::parse("UTC").unwrap())];
    let (attempts_today, attempts_ever, technical_failures) = counts;
    let last_at = Instant::from_micros(0);
    let history = History { last_at, outcome, attempts_today, attempts_ever, technical_failures };
    policy.next(history, &opening).map(Instant::micros)
}

// R065, R154, R155
#[test]
fn only_final_outcomes_and_the_lifetime_cap_end_redialling() {
    let policy = policy(LadderScope::Day);
    assert_eq!(after(&policy, Outcome::Sale, (1, 1, 0)), None);
    assert_eq!(after(&policy, Outcome::Transferred, (1, 1, 0)), Some(2 * MINUTE));
    assert_eq!(after(&policy, Outcome::Busy, (1, 20, 0)), None);
    assert_eq!(after(&policy, Outcome::Busy, (8, 8, 0)), Some(DAY));
}

// C11
#[test]
fn the_ladder_starts_again_each_day_or_goes_on() {
    assert_eq!(after(&policy(LadderScope::Day), Outcome::Busy, (1, 5, 0)), Some(2 * MINUTE));
    assert_eq!(after(&policy(LadderScope::Lifetime), Outcome::Busy, (1, 5, 0)), Some(60 * MINUTE));
}

// R079, R080, C21, R078
#[test]
fn technical_failures_climb_their_own_ladder() {
    let policy = policy(LadderScope::Day);
    let failed = |failures| after(&policy, Outcome::ProviderFault, (0, 0, failures));
    assert_eq!([1, 2, 3].map(failed), [Some(2), Some(4), None]);
}
