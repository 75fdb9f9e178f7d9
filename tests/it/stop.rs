//! Stopping and expiring in bounded steps, while others go on being called.

use crate::dialer::Dialer;
use expect_test::expect;

const CLEAR: &str = "select dialer.clear_campaigns(dialer.now(), 2)";
const EXPIRE: &str = "select dialer.expire_calls(dialer.now(), 2)";

/// What the calls of `spring` have come to.
const SPRING: &str = "select state, end_reason, count(*) from dialer.call where campaign_id = 1 group by 1, 2 order by 1";

#[tokio::test]
async fn a_stopped_campaign_is_cleared_in_steps_while_another_is_called() {
    let dialer = Dialer::open().await;
    dialer.people(5).await;
    dialer
        .run(
            "select dialer.create_campaign('summer', 'voice', '24/7', tz => 'UTC'); select dialer.start_campaign('summer');
             select dialer.schedule_call('summer', '+1312555' || to_char(100 + i, 'FM0000')) from generate_series(1, 5) i;
             select dialer.stop_campaign('spring')",
        )
        .await;
    let claim = "select array_agg(distinct campaign_id) from dialer.claim('d1', 1)";
    for said in ["2", "2", "1"] {
        assert_eq!(dialer.rows(CLEAR).await, said);
        if said == "2" {
            assert_eq!(dialer.rows(claim).await, "{2}");
        }
    }
    dialer.check(SPRING, expect!["cancelled | campaign_stopped | 5"]).await;
    // An empty lane rests; a call that was being planned at the stop is found when it is looked at again.
    dialer.people(1).await;
    dialer.check(CLEAR, expect!["0"]).await;
    dialer.clock("2026-12-04 12:05").await;
    dialer.check(CLEAR, expect!["1"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn clearing_goes_on_from_where_it_came_to() {
    let dialer = Dialer::open().await;
    // Somebody's snapshot keeps the dead entries of what was cleared.
    let report = dialer.another_session().await;
    report.run("begin isolation level repeatable read; select 1").await;
    dialer
        .run(
            "select dialer.schedule_call('spring', '+1212555' || to_char(100 + i, 'FM0000'), due_at => dialer.now() + i * interval '1 minute',
                 tz => 'America/New_York') from generate_series(1, 5) i;
             select dialer.stop_campaign('spring')",
        )
        .await;
    dialer.check(CLEAR, expect!["2"]).await;
    dialer.check(CLEAR, expect!["2"]).await;
    dialer
        .check(
            "select reached from dialer.upkeep_step where task = 'lane 1'",
            expect!["2026-12-04 12:04:00-05"],
        )
        .await;
    dialer.check(CLEAR, expect!["1"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_hundred_archived_campaigns_do_not_keep_a_stop_waiting() {
    let dialer = Dialer::open().await;
    dialer
        .run(
            "select dialer.create_campaign('old ' || i, 'voice', '24/7', tz => 'UTC') from generate_series(1, 150) i;
             insert into dialer.lane (tenant_id, campaign_id, zones, priority, openings) select 1, campaign_id, '{UTC}', 5, '{}' from dialer.campaign where name ~ 'old';
             select dialer.archive_campaign('old ' || i) from generate_series(1, 150) i",
        )
        .await;
    dialer.people(1).await;
    dialer.run("select dialer.stop_campaign('spring')").await;
    dialer
        .check("select sum(done) from dialer.tick() where task = 'campaigns'", expect!["0"])
        .await;
    dialer
        .check("select sum(done) from dialer.tick() where task = 'campaigns'", expect!["1"])
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn expiry_is_bounded_and_reads_nothing_twice_but_finds_late_comers() {
    let dialer = Dialer::open().await;
    dialer
        .run(
            "select dialer.schedule_call('spring', '+1212555' || to_char(100 + i, 'FM0000'), due_at => '2026-12-04 14:00', expires_at => '2026-12-04 15:00',
                 tz => 'America/New_York') from generate_series(1, 5) i",
        )
        .await;
    dialer.clock("2026-12-04 15:00").await;
    // One is being placed when its turn comes, and comes back.
    dialer.run("update dialer.call set expires_at = '2026-12-04 15:30' where call_id = 5").await;
    for said in ["2", "2", "0"] {
        assert_eq!(dialer.rows(EXPIRE).await, said);
    }
    dialer.run("update dialer.call set expires_at = '2026-12-04 14:30' where call_id = 5").await;
    dialer.check(EXPIRE, expect!["0"]).await;
    // No claim places it.
    dialer.check("select count(*) from dialer.claim('d1', 10)", expect!["0"]).await;
    dialer
        .check(
            SPRING,
            expect![[r#"
        expired | expired | 5"#]],
        )
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn the_second_reading_expires_what_the_first_has_missed() {
    let dialer = Dialer::open().await;
    dialer
        .run(
            "select dialer.schedule_call('spring', '+1212555' || to_char(100 + i, 'FM0000'), due_at => '2026-12-05 14:00', expires_at => timestamptz '2026-12-07 11:00' + i * interval '1 hour',
                 tz => 'America/New_York') from generate_series(1, 3) i; select dialer.pause_campaign('spring')",
        )
        .await;
    dialer.clock("2026-12-07 12:00").await;
    dialer.check(EXPIRE, expect!["1"]).await;
    dialer.run("update dialer.call set expires_at = '2026-12-07 11:00' where call_id = 3").await;
    // Within the hour the second reading comes round.
    for _ in 0..5 {
        dialer.rows(EXPIRE).await;
    }
    dialer.clock("2026-12-07 13:00").await;
    for _ in 0..5 {
        dialer.rows(EXPIRE).await;
    }
    dialer.check(SPRING, expect!["expired | expired | 3"]).await;
    dialer.sound().await;
}
