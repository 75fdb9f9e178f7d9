use super::*;

#[test]
fn a_dispatcher_that_only_polls_is_ready_and_says_so() {
    let health = Health::new(Arc::new(Reach::new("one")));
    assert!(!health.report(monotonic(), Default::default()).0);
    health.database_answered();
    health.notifications(Notifications::PollingOnly("a pooler".to_owned()));
    let (ready, report) = health.report(monotonic(), Default::default());
    assert!(ready);
    assert_eq!(report["reasons"], json!(["polling only: a pooler"]));
    health.notifications(Notifications::Listening);
    assert_eq!(health.report(monotonic(), Default::default()).1["reasons"], json!([]));
}

#[test]
fn a_database_that_is_away_is_told_with_its_reason_and_its_time() {
    let reach = Arc::new(Reach::new("one"));
    let health = Health::new(Arc::clone(&reach));
    health.database_answered();
    let lost_at = monotonic();
    reach.failed(lost_at, "refused".to_owned());
    let (ready, report) = health.report(lost_at + Duration::from_secs(7), Default::default());
    assert!(!ready);
    assert_eq!(report["reasons"][0], "the database is away since 7 s: refused");
    // Another session still gets its answers.
    health.database_answered();
    assert!(health.report(monotonic(), Default::default()).0);
    let silent = health.report(monotonic() + DATABASE_SILENT * 2, Default::default()).1;
    assert_eq!(silent["reasons"][0], "the database is away since 20 s: it does not answer");
}
