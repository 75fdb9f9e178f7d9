//! Tests of the two readings of dialer time.

use super::*;

fn reading(rate: f64) -> DialerTime {
    let asked = monotonic();
    let now_at = DateTime::from_timestamp(1_800_000_000, 0).expect("a valid instant");
    DialerTime { now_at, rate, asked, answered: asked + Duration::from_millis(10) }
}

#[test]
fn the_late_reading_is_ahead_of_the_early_one_by_the_round_trip() {
    let time = reading(1800.0);
    let now = time.answered + Duration::from_millis(5);
    assert_eq!(time.late(now) - time.early(now), TimeDelta::milliseconds(18_000));
}

// R043
#[test]
fn an_instant_is_reached_when_the_early_reading_says_so() {
    for rate in [1.0, 60.0, 1800.0] {
        let time = reading(rate);
        let at = time.now_at + TimeDelta::milliseconds(4321);
        let reached = time.reached(at).expect("the clock runs");
        assert!(time.early(reached) >= at, "rate {rate}");
        assert!(time.early(reached - Duration::from_micros(2)) < at, "rate {rate}");
    }
}

#[test]
fn what_is_past_is_reached_at_once_even_when_the_clock_stands() {
    let time = reading(0.0);
    assert_eq!(time.reached(time.now_at), Some(time.answered));
    assert_eq!(time.reached(time.now_at + TimeDelta::seconds(1)), None);
}

#[test]
fn a_short_question_tells_what_a_long_one_left_open() {
    for rate in [1.0, 60.0] {
        let short = reading(rate);
        let millis = |count| Duration::from_millis(count);
        // Asked 100 ms later; the database looked at its clock after 2 ms of 50.
        let asked = short.answered + millis(100);
        let now_at = short.now_at + scaled(millis(107), rate);
        let long = DialerTime { now_at, rate, asked, answered: asked + millis(50) };
        let tight = long.tightened(short);
        assert_eq!((tight.now_at, tight.asked), (long.now_at, long.asked));
        let learnt = tight.answered - asked;
        assert!((millis(6)..millis(8)).contains(&learnt), "{learnt:?} at rate {rate}");
        // The same from a later question.
        let later = DialerTime { now_at: short.now_at, asked, ..short };
        assert_eq!(later.tightened(long).answered, later.answered);
        // A clock that was set meanwhile teaches nothing.
        let set = DialerTime { now_at: now_at - scaled(millis(60), rate), ..long };
        assert_eq!(set.tightened(short), set);
        assert_eq!(long.tightened(DialerTime { rate: rate * 2.0, ..short }), long);
    }
}
