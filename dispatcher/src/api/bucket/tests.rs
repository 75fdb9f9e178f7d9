use super::*;

const KEY: KeyHash = [1; 32];

#[test]
fn a_key_that_is_known_has_two_seconds_worth_at_once_and_then_its_rate() {
    let now = crate::clock::monotonic();
    let buckets = Buckets::new(5.0, now);
    buckets.know(&KEY, now);
    assert_eq!((0..20).filter(|_| buckets.take(&KEY, now).is_ok()).count(), 9);
    let wait = buckets.take(&KEY, now).expect_err("it is empty");
    assert_eq!(wait, Duration::from_millis(200));
    assert!(buckets.take(&KEY, now + wait).is_ok());
    assert!(buckets.take(&KEY, now + wait).is_err());
}

#[test]
fn all_keys_that_are_not_known_share_one_bucket() {
    let now = crate::clock::monotonic();
    let buckets = Buckets::new(1000.0, now);
    let guesses = (0..200_u8).filter(|guess| buckets.take(&[*guess; 32], now).is_ok()).count();
    assert_eq!(guesses, 40);
    buckets.know(&KEY, now);
    assert!(buckets.take(&KEY, now).is_ok());
    buckets.forget(&KEY);
    assert!(buckets.take(&KEY, now).is_err());
}
