use super::*;

/// The instants at which somebody tries while the database is away for a minute.
fn tries(name: &str) -> Vec<Duration> {
    let reach = Reach::new(name);
    let began = Instant::now();
    let mut tried = Vec::new();
    for millis in 0..60_000 {
        let now = began + Duration::from_millis(millis);
        // Six sessions ask all the time.
        for _ in 0..6 {
            if reach.may_try(now) {
                reach.failed(now, "away".to_owned());
                tried.push(now - began);
            }
        }
    }
    tried
}

#[test]
fn a_database_that_is_away_is_tried_ever_less_often_and_never_by_all() {
    let tried = tries("one");
    assert!((14..30).contains(&tried.len()), "{} tries", tried.len());
    let waits: Vec<Duration> = tried.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits.iter().all(|wait| *wait <= WAIT_MAX + Duration::from_millis(1)));
    assert!(waits[0] <= WAIT_MIN && *waits.last().unwrap() >= WAIT_MAX / 2);
    assert_ne!(tried, tries("another"), "dispatchers come at the same instants");
}

#[test]
fn trouble_is_told_since_its_beginning_and_forgotten_with_its_end() {
    let reach = Reach::new("one");
    let began = Instant::now();
    reach.failed(began, "refused".to_owned());
    reach.failed(began + WAIT_MAX, "starting up".to_owned());
    assert_eq!(reach.trouble(), Some(Trouble { since: began, why: "starting up".to_owned() }));
    reach.connected(began + WAIT_MAX * 2);
    assert_eq!(reach.trouble(), None);
    assert!(reach.may_try(began) && reach.may_try(began));
}
