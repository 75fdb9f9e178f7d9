use super::*;
use crate::instant::{DAY, HOUR, MINUTE, SECOND};
use crate::{Hours, IanaZone};

// R002, R006, R010
#[test]
fn the_worked_examples_are_exact() {
    let base = Instant::from_micros(10 * HOUR);
    let times = |step| {
        (0..5).map(|i| stagger(base, i, step).unwrap().since(base) / SECOND).collect::<Vec<_>>()
    };
    assert_eq!(times(20 * SECOND), [0, 20, 40, 60, 80]);
    assert_eq!(times(3 * SECOND), [0, 3, 6, 9, 12]);
    assert_eq!(times(2 * MINUTE), [0, 120, 240, 360, 480]);
}

fn open_slots(strategy: &Strategy, n: i64, step: i64, text: &str, base: i64) -> Vec<i64> {
    let hours = Hours::parse(text).unwrap();
    let opening = [Opening::new(&hours, IanaZone::parse("UTC").unwrap())];
    let mut time = OpenTime::from(Instant::from_micros(base));
    let slot =
        |index| time.instant(&opening, strategy.offset(index, n, step).unwrap()).unwrap().micros();
    (0..n).map(slot).collect()
}

// C4
#[test]
fn the_slot_that_would_fall_on_closing_is_tomorrows_opening() {
    let slots = open_slots(&Strategy::Fixed, 32, 2 * MINUTE, "09:00-17:00", 16 * HOUR);
    assert_eq!(slots[29], 16 * HOUR + 58 * MINUTE);
    assert_eq!(slots[30], DAY + 9 * HOUR);
    assert_eq!(slots[31], DAY + 9 * HOUR + 2 * MINUTE);
}

// R228
#[test]
fn slots_in_any_order_are_the_same_slots() {
    let offsets = [5, 0, 3, 9, 1].map(|hours| hours * HOUR).to_vec();
    let slots = open_slots(&Strategy::Custom { offsets }, 5, 0, "09:00-11:00,12:00-14:00", 0);
    let at = |day: i64, hour: i64| day * DAY + hour * HOUR;
    assert_eq!(slots, [at(1, 10), at(0, 9), at(0, 13), at(2, 10), at(0, 10)]);
}

// R017
#[test]
fn every_strategy_gives_its_own_offsets() {
    let offsets = |strategy: Strategy, n| {
        strategy.check(n, 10).unwrap();
        (0..n).map(|index| strategy.offset(index, n, 10).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(offsets(Strategy::Fixed, 3), [0, 10, 20]);
    let doubling = Strategy::Exponential { factor: 2.0, step_micros_max: Some(40) };
    assert_eq!(offsets(doubling, 6), [0, 10, 30, 70, 110, 150]);
    let plain = Strategy::Exponential { factor: 1.0, step_micros_max: None };
    assert_eq!(offsets(plain, 3), [0, 10, 20]);
    assert_eq!(offsets(Strategy::Even { total_micros: 10 }, 4), [0, 2, 5, 7]);
    let jitter = |seed| offsets(Strategy::Jitter { seed, width_micros: 10 }, 100);
    assert_eq!(jitter(7), jitter(7));
    assert_ne!(jitter(7), jitter(8));
    assert!(jitter(7).iter().enumerate().all(|(i, at)| at / 10 == i as i64));
}

#[test]
fn extreme_numbers_end_in_nothing_and_not_in_a_panic() {
    let exponential = Strategy::Exponential { factor: 1000.0, step_micros_max: None };
    for strategy in
        [Strategy::Fixed, exponential, Strategy::Jitter { seed: i64::MIN, width_micros: i64::MAX }]
    {
        assert_eq!(strategy.offset(i64::MAX - 1, i64::MAX, i64::MAX), None);
    }
    let even = Strategy::Even { total_micros: i64::MAX };
    assert_eq!(even.offset(i64::MAX - 1, i64::MAX, 0), Some(i64::MAX - 1));
    assert_eq!(stagger(Instant::MIN, i64::MIN, i64::MIN), None);
}

#[test]
fn bad_parameters_are_refused() {
    let refused = |strategy: Strategy, step| strategy.check(2, step).unwrap_err().is_limit();
    assert!(refused(Strategy::Fixed, -1));
    assert!(refused(Strategy::Exponential { factor: 0.5, step_micros_max: None }, 1));
    assert!(refused(Strategy::Exponential { factor: f64::NAN, step_micros_max: None }, 1));
    assert!(refused(Strategy::Even { total_micros: -1 }, 1));
    assert!(refused(Strategy::Jitter { seed: 0, width_micros: -1 }, 1));
    assert!(refused(Strategy::Custom { offsets: vec![0, -1] }, 1));
}

// R021, R030, C2
#[test]
fn the_safe_step_keeps_the_flow_under_the_limit() {
    for (average, limit) in [(180, 10), (150, 7), (1, 1), (0, 5)] {
        let step = safe_step(average * SECOND, limit).unwrap();
        assert!(step * i64::from(limit) >= average * SECOND);
        assert!(step == 0 || (step - 1) * i64::from(limit) < average * SECOND);
    }
}
