//! The queue of a tenant as a whole: pause, resume, close, clean, one job, and its numbers.

use crate::dialer::Dialer;
use expect_test::expect;

const STATS: &str = "select * from dialer.queue_stats()";
const SCHEDULER: &str = "select * from dialer.scheduler_stats()";

// R176, R216, R215: a pause holds for every campaign, in the claim and in the instant of placing.
#[tokio::test]
async fn a_paused_queue_places_nothing_and_loses_nothing() {
    let dialer = Dialer::open().await;
    dialer.people(4).await;
    dialer
        .run(
            "create temporary table held as select attempt_id, token from dialer.claim('d1', 1);
             select dialer.pause_queue('storm')",
        )
        .await;
    dialer
        .check(
            "select allowed, reason from dialer.intend('d1', (select array_agg(attempt_id) from held), (select array_agg(token) from held))",
            expect!["f | queue_paused"],
        )
        .await;
    dialer.check("select count(*) from dialer.claim('d1', 10)", expect!["0"]).await;
    dialer.check("select wake_at from dialer.next_wake('d1')", expect!["-"]).await;
    dialer
        .check(
            "select reason, calls from dialer.why_waiting('spring')",
            expect!["queue is paused | 4"],
        )
        .await;
    dialer
        .check(
            "select pass, detail from dialer.explain(1) where gate = 'queue'",
            expect!["f | the queue is paused: storm"],
        )
        .await;
    dialer.check("select dialer.pause_queue()", expect!["f"]).await;
    dialer.check("select dialer.resume_queue(), dialer.resume_queue()", expect!["t | f"]).await;
    dialer.check("select count(*) from dialer.claim('d1', 10)", expect!["2"]).await;
    dialer.sound().await;
}

// R176, R213: closing waits for what is at a provider; what is only claimed was never sent.
#[tokio::test]
async fn a_queue_that_closes_says_what_is_still_in_flight() {
    let dialer = Dialer::open().await;
    dialer.people(3).await;
    dialer.place().await;
    dialer.check("select dialer.close_queue()", expect!["2"]).await;
    dialer.end("sale").await;
    dialer.check("select dialer.close_queue()", expect!["0"]).await;
    dialer.check("select count(*) from dialer.claim('d1', 10)", expect!["0"]).await;
    dialer
        .check("select paused, reason from dialer.queue_control", expect!["t | closed by a person"])
        .await;
    dialer.sound().await;
}

/// One call in each state that a queue has a word for.
async fn one_of_each() -> Dialer {
    let dialer = Dialer::open().await;
    dialer.people(4).await;
    dialer.place().await;
    dialer.end("sale").await;
    dialer.place().await;
    dialer
        .run(
            "select dialer.ingest_event(1, jsonb_agg(jsonb_build_object('event_key', 'x', 'kind', 'ended', 'attempt_id', attempt_id, 'outcome', 'invalid_number')))
             from (select attempt_id from dialer.lease order by call_id limit 1) l;
             select dialer.schedule_call('spring', '+12125550190', '2026-12-04 15:00 America/New_York', tz => 'America/New_York');
             select dialer.schedule_call('spring', '+12125550191', tz => 'America/New_York');
             select dialer.schedule_call('spring', '+12125550192', tz => 'America/New_York', expires_at => '2026-12-04 12:00:30 America/New_York');
             select dialer.cancel_call((select call_id from dialer.schedule_call('spring', '+12125550193', tz => 'America/New_York')))",
        )
        .await;
    dialer.clock("2026-12-04 12:01").await;
    dialer.run("select dialer.tick()").await;
    dialer
}

// R092, R169, R194, C6: every call is counted once, and both counts agree.
#[tokio::test]
async fn the_queue_and_the_scheduler_count_every_call_once() {
    let dialer = one_of_each().await;
    dialer
        .check(
            "select status, count(*), string_agg(call_id::text, ',' order by call_id) from dialer.queue_status group by 1 order by 1",
            expect![[r#"
                active | 1 | 4
                completed | 2 | 1,2
                delayed | 1 | 5
                failed | 2 | 3,7
                removed | 1 | 8
                waiting | 1 | 6"#]],
        )
        .await;
    dialer.check(STATS, expect!["1 | 1 | 2 | 2 | 1 | 0 | 7"]).await;
    dialer.check(SCHEDULER, expect!["8 | 2 | 1 | 2 | 2 | 1 | 1"]).await;
    dialer.run("select dialer.pause_queue()").await;
    dialer.check(STATS, expect!["0 | 1 | 2 | 2 | 1 | 1 | 7"]).await;
    dialer.run("select dialer.resume_queue(); select dialer.pause_campaign('spring')").await;
    dialer.check(STATS, expect!["0 | 1 | 2 | 2 | 1 | 1 | 7"]).await;
    // Another tenant has none of it.
    dialer.run("select dialer.create_tenant('acme'); set dialer.tenant = 'acme'").await;
    dialer.check(STATS, expect!["0 | 0 | 0 | 0 | 0 | 0 | 0"]).await;
    dialer.check(SCHEDULER, expect!["0 | 0 | 0 | 0 | 0 | 0 | 0"]).await;
}

// R211: completed for a day, failed for a week; by hand sooner. The records stay.
#[tokio::test]
async fn what_has_ended_leaves_the_queue_and_stays_in_the_records() {
    let dialer = one_of_each().await;
    dialer.clock("2026-12-05 12:30").await;
    dialer.check("select completed, failed from dialer.queue_stats()", expect!["0 | 2"]).await;
    dialer
        .check(
            "select * from dialer.clean_queue(keep_failed => '1 day', dry_run => true)",
            expect![[r#"
            completed | 2
            failed | 2"#]],
        )
        .await;
    dialer.check("select completed, failed from dialer.queue_stats()", expect!["0 | 2"]).await;
    dialer
        .check(
            "select * from dialer.clean_queue(keep_failed => '1 day')",
            expect![[r#"
            completed | 2
            failed | 2"#]],
        )
        .await;
    dialer.check("select completed, failed from dialer.queue_stats()", expect!["0 | 0"]).await;
    dialer
        .check(
            "select * from dialer.clean_queue()",
            expect![[r#"
        completed | 0
        failed | 0"#]],
        )
        .await;
    dialer.check("select completed, failed from dialer.scheduler_stats()", expect!["2 | 2"]).await;
    // LIMIT: of what completed, the queue counts a thousand.
    dialer
        .run(
            "insert into dialer.call (tenant_id, campaign_id, lane_id, contact_id, endpoint_id, channel, state, due_at, planned_at, created_at, ended_at)
             select c.tenant_id, c.campaign_id, c.lane_id, c.contact_id, c.endpoint_id, c.channel, 'completed', c.due_at, c.planned_at, c.created_at, dialer.now()
             from dialer.call c cross join generate_series(1, 1001) where c.call_id = 1",
        )
        .await;
    dialer.check("select completed from dialer.queue_stats()", expect!["1000"]).await;
    dialer
        .check_refusal(
            "select dialer.clean_queue(keep_failed => '-1 day')",
            expect![[r#"
            PD045: a queue cannot be cleaned of what is older than 24:00:00 and -1 days
            detail: Both are intervals of zero to 100 years.
            hint: E.g. dialer.clean_queue(keep_completed => '1 hour')."#]],
        )
        .await;
}

// R166, R182, C5: the same calls as a call scheduler would list them.
#[tokio::test]
async fn every_call_has_one_word_of_a_call_scheduler() {
    let dialer = one_of_each().await;
    dialer
        .check(
            "select call_id, phone_number, status, is_pending, is_recurring, can_cancel, scheduled_for, failed_at, failure_reason, left(call_log_id, 9) from dialer.scheduled_call_status order by 1",
            expect![[r#"
                1 | +12125550101 | completed | f | f | f | 2026-12-04 12:00:00-05 | - | - | provider-
                2 | +12125550102 | completed | f | f | f | 2026-12-04 12:00:00-05 | - | - | provider-
                3 | +12125550103 | failed | f | f | f | 2026-12-04 12:00:00-05 | 2026-12-04 12:00:00-05 | invalid_number | provider-
                4 | +12125550104 | processing | f | f | f | 2026-12-04 12:00:00-05 | - | - | provider-
                5 | +12125550190 | pending | t | f | t | 2026-12-04 15:00:00-05 | - | - | -
                6 | +12125550191 | pending | t | f | t | 2026-12-04 12:00:00-05 | - | - | -
                7 | +12125550192 | failed | f | f | f | 2026-12-04 12:00:00-05 | 2026-12-04 12:01:00-05 | expired | -
                8 | +12125550193 | cancelled | f | f | f | 2026-12-04 12:00:00-05 | - | - | -"#]],
        )
        .await;
}

// R176: the state of one job.
#[tokio::test]
async fn a_job_tells_where_it_stands() {
    let dialer = one_of_each().await;
    dialer
        .check(
            "select c.call_id, j.status, j.attempts_made, j.due_at, j.processing_at, j.ended_at, j.reason, j.outcome, left(j.provider_call_id, 9) from dialer.call c cross join lateral dialer.job_status(c.call_id) j order by 1",
            expect![[r#"
                1 | completed | 1 | 2026-12-04 12:00:00-05 | - | 2026-12-04 12:00:00-05 | sale | sale | provider-
                2 | completed | 1 | 2026-12-04 12:00:00-05 | - | 2026-12-04 12:00:00-05 | sale | sale | provider-
                3 | failed | 1 | 2026-12-04 12:00:00-05 | - | 2026-12-04 12:00:00-05 | invalid_number | invalid_number | provider-
                4 | active | 1 | 2026-12-04 12:00:00-05 | 2026-12-04 12:00:00-05 | - | - | - | provider-
                5 | delayed | 0 | 2026-12-04 15:00:00-05 | - | - | - | - | -
                6 | waiting | 0 | 2026-12-04 12:00:00-05 | - | - | - | - | -
                7 | failed | 0 | 2026-12-04 12:00:00-05 | - | 2026-12-04 12:01:00-05 | expired | - | -
                8 | removed | 0 | 2026-12-04 12:00:00-05 | - | 2026-12-04 12:00:00-05 | cancelled by a person | - | -"#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.job_status(99)",
            expect![[r#"
        PD028: call 99 does not exist
        hint: Calls of this tenant are in dialer.call."#]],
        )
        .await;
}

// R209, R198: an open attempt that nobody looks after is stalled.
#[tokio::test]
async fn a_job_of_which_nothing_is_heard_is_stalled() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer.place().await;
    dialer.check("select status from dialer.job_status(1)", expect!["active"]).await;
    dialer.clock("2026-12-04 13:30").await;
    dialer.check("select status from dialer.job_status(1)", expect!["stalled"]).await;
    // Another dispatcher has claimed all the while, and heard nothing either.
    dialer.run("update dialer.pulse set seen_at = dialer.now(); select dialer.tick()").await;
    dialer
        .check("select status, reason from dialer.job_status(1)", expect!["delayed | redial"])
        .await;
}

// R196, R198: all queues together, in numbers for an alarm; what is stuck is among them.
#[tokio::test]
async fn the_queues_of_all_tenants_are_counted_for_metrics() {
    let dialer = one_of_each().await;
    const GAUGES: &str = "select state, calls from dialer.queue_gauges() order by 1";
    dialer
        .check(
            GAUGES,
            expect![[r#"
        active | 1
        completed | 2
        delayed | 1
        failed | 1
        paused | 0
        stuck | 0
        waiting | 1"#]],
        )
        .await;
    dialer.run("select dialer.pause_queue()").await;
    dialer.clock("2026-12-04 16:00").await;
    dialer
        .check(
            GAUGES,
            expect![[r#"
        active | 1
        completed | 0
        delayed | 0
        failed | 0
        paused | 2
        stuck | 1
        waiting | 0"#]],
        )
        .await;
}
