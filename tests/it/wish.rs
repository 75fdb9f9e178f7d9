//! Zone data that changes under waiting calls.

use crate::database::Database;
use crate::dialer::Dialer;
use expect_test::expect;

#[tokio::test]
async fn the_zone_data_names_its_release_and_says_whether_it_is_stale() {
    let db = Database::fresh().await;
    db.check(
        "select dialer.tz_data_version() ~ '^20[0-9][0-9][a-z]|^before 20[0-9][0-9][a-z]$',
                dialer.tz_data_is_stale() = exists (select from (values ('America/Vancouver', '17:00'), ('America/Edmonton', '18:00'),
                    ('America/Inuvik', '18:00'), ('America/Winnipeg', '19:00'), ('America/Havana', '20:00'), ('Africa/Casablanca', '00:00')) v(zone, local)
                    where (timestamptz '2026-12-01 00:00Z' at time zone zone)::time <> local::time),
                dialer.tz_data_version() < '2026b' or not dialer.tz_data_is_stale()",
        expect!["t | t | t"],
    )
    .await;
}

/// As if the calls had been planned when New York's clocks were thought to be an hour behind.
const AN_HOUR_LATE: &str = "
    update dialer.due d set due_at = d.due_at + interval '1 hour' from dialer.call c where c.call_id = d.call_id;
    update dialer.call set due_at = due_at + interval '1 hour', granted_at = granted_at + interval '1 hour'";
const CALLS: &str = "select c.call_id, c.due_at, d.due_at = c.due_at as queued from dialer.call c join dialer.due d using (call_id) order by 1";

#[tokio::test]
async fn calls_that_wait_for_an_opening_keep_its_wall_clock() {
    let dialer = Dialer::open().await;
    dialer
        .run(
            "create temporary table planned as select * from dialer.schedule_batch(
                 (select jsonb_agg(jsonb_build_object('phone', '+1212555' || to_char(100 + i, 'FM0000'), 'tz', 'America/New_York'))
                  from generate_series(1, 3) i), 'spring', call_at => '2026-12-05 09:00', call_step => '30 minutes');
             select dialer.schedule_call('spring', '+12125550110', '2026-12-07 15:00', tz => 'America/New_York');
             select dialer.request_callback(4, '2026-12-12 10:00')",
        )
        .await;
    let before = dialer.rows(CALLS).await;
    expect![[r#"
        1 | 2026-12-07 11:00:00-05 | t
        2 | 2026-12-07 11:30:00-05 | t
        3 | 2026-12-07 12:00:00-05 | t
        4 | 2026-12-14 11:00:00-05 | t"#]]
    .assert_eq(&before);
    dialer.check("select dialer.recompute_due()", expect!["0"]).await;
    dialer.run(AN_HOUR_LATE).await;
    dialer.check("select dialer.recompute_due()", expect!["4"]).await;
    assert_eq!(dialer.rows(CALLS).await, before);
    dialer
        .check("select count(*) from dialer.lane where recheck_at > '-infinity'", expect!["0"])
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn an_instant_that_was_asked_for_and_a_redial_stay_when_they_are() {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.schedule_call('spring', '+12125550110', '2026-12-07 15:00', tz => 'America/New_York')").await;
    dialer.people(1).await;
    dialer.place().await;
    dialer.end("busy").await;
    let before = dialer.rows(CALLS).await;
    dialer.check("select dialer.recompute_due()", expect!["0"]).await;
    assert_eq!(dialer.rows(CALLS).await, before);
}
