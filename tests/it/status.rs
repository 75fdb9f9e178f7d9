//! The words of the systems that pg_dialer replaces: every state of ours has exactly one.

use crate::dialer::Dialer;
use expect_test::expect;

/// Every combination that a word depends on gives one word, and one that is listed; returns which.
async fn words(dialer: &Dialer, system: &str, thing: &str, every: &str) -> String {
    let wrong = dialer
        .rows(&format!(
            "select distinct coalesce(x.word, 'null') from ({every}) x(word)
             where x.word is null or not exists (select from dialer.status_word w where w.system = '{system}' and w.thing = '{thing}' and w.word = x.word)"
        ))
        .await;
    assert_eq!(wrong, "", "{system} {thing}");
    dialer
        .rows(&format!(
            "select string_agg(distinct x.word, ' ' order by x.word) from ({every}) x(word)"
        ))
        .await
}

const CALLS: &str = "unnest(enum_range(null::dialer.call_state)) state";
const YES_NO: &str = "(values (true), (false))";

// R091, R092, R093, R094, R095, R096, R098, C5, C6: exhaustively, from our states to their words.
#[tokio::test]
async fn every_state_has_exactly_one_word_of_each_system() {
    let dialer = Dialer::closed().await;
    let mut told = Vec::new();
    let reasons = "(select r from unnest(enum_range(null::dialer.outcome)::text[] || '{next_step,redial,callback,cap,window,review,caps_spent,do_not_call,attempts_spent,classification_failed,technical_retries_spent,campaign_stopped,expired,not_needed,number_unusable}'::text[] || null::text) r)";
    let flow = format!(
        "dialer.workflow_word(state, asks.yes, wait.r, over.r, due.yes, tried.yes) from {CALLS}, {YES_NO} asks(yes), {YES_NO} due(yes), {YES_NO} tried(yes), {reasons} wait(r), {reasons} over(r)"
    );
    for (system, thing, every) in [
        ("scheduler", "call", format!("select dialer.scheduled_call_word(state) from {CALLS}")),
        ("queue", "job", format!("select dialer.queue_word(state, due, rests.yes, silent.yes, '2026-12-04') from {CALLS}, (values ('2026-12-03'::timestamptz), ('2026-12-04'), ('2026-12-05'), ('infinity')) at(due), {YES_NO} rests(yes), {YES_NO} silent(yes)")),
        ("workflow", "call", format!("select {flow}")),
        ("workflow", "result", format!("select dialer.workflow_result(word, wait, over, tried) from (select {flow}) f(word) , {reasons} wait(wait), {reasons} over(over), {YES_NO} tried(tried)").replace("(select dialer", "(select distinct dialer")),
        ("campaign", "call", format!("select dialer.campaign_call_word(state, attempt) from {CALLS}, unnest(enum_range(null::dialer.attempt_state) || null::dialer.attempt_state) attempt")),
        ("campaign", "webhook", "select dialer.webhook_word(state, null) from unnest(enum_range(null::dialer.attempt_state)::text[]) state union all select dialer.webhook_word('ended', outcome) from unnest(enum_range(null::dialer.outcome)) outcome".to_owned()),
        ("redial", "lead", format!("select dialer.redial_word(state, spent.yes) from {CALLS}, (values (true), (false), (null)) spent(yes)")),
    ] {
        told.push(format!("{system} {thing}: {}", words(&dialer, system, thing, &every).await));
    }
    expect![[r#"
        scheduler call: cancelled completed failed pending processing
        queue job: active completed delayed failed paused removed stalled waiting
        workflow call: calling classification_failed classification_pending classifying completed failed needs_classification ready_to_call retry_pending
        workflow result: classification_call_triggered classification_found error max_retries_exceeded needs_classification ready_for_task_call retry_scheduled skipped still_waiting task_call_triggered
        campaign call: calling cancelled completed failed in_progress scheduled
        campaign webhook: ended failed in-progress ringing
        redial lead: completed daily_max_reached pending"#]].assert_eq(&told.join("\n"));
}

/// Calls of a workflow in as many places as there are.
async fn journeys() -> Dialer {
    let dialer = Dialer::open().await;
    dialer
        .run(
            "select dialer.set_limits('voice', 100);
             update dialer.campaign set policy_id = dialer.policy_named('workflow-30min-3');
             select dialer.use_workflow('spring', 'preclassify');
             select dialer.classify_number('2125550101', 'human')",
        )
        .await;
    dialer.people(6).await;
    dialer.place().await;
    let end = |call: u32, said: &str| {
        format!(
            "select dialer.ingest_event(1, jsonb_build_object('event_key', gen_random_uuid(), 'kind', 'ended', 'attempt_id', attempt_id) || '{said}') from dialer.lease where call_id = {call}"
        )
    };
    dialer.run(&end(1, r#"{"outcome": "completed", "success": true}"#)).await;
    dialer.run(&end(2, r#"{"outcome": "completed", "classification": "ivr_only"}"#)).await;
    dialer.run(&end(3, r#"{"outcome": "no_answer"}"#)).await;
    dialer.run(&end(4, r#"{"outcome": "invalid_number"}"#)).await;
    dialer.run(&end(5, r#"{"outcome": "completed", "classification": "human"}"#)).await;
    dialer.run("select dialer.schedule_call('spring', '2125550107', '2026-12-04 15:00 America/New_York'), dialer.schedule_call('spring', '+12125550108', '2026-12-04 15:00 America/New_York')").await;
    dialer.run("select dialer.classify_number('2125550108', 'ivr_then_human'); select dialer.cancel_call(7)").await;
    dialer
}

// R093, R098, R181, R131, R097, R186, R200: what such a system's own table would say.
#[tokio::test]
async fn calls_in_a_workflow_are_seen_in_its_own_words() {
    let dialer = journeys().await;
    let view = "select call_id, workflow_state, result, detection, retry_count, max_retries, next_action_at::time, last_error, failed_at::time, failure_reason from dialer.workflow_state order by 1";
    dialer.check(view, expect![[r#"
        1 | completed | skipped | human | 1 | 3 | - | completed | - | -
        2 | classification_pending | still_waiting | ivr_only | 0 | 3 | 12:00:30 | - | - | -
        3 | retry_pending | retry_scheduled | - | 1 | 3 | 12:30:00 | no_answer | - | -
        4 | failed | error | - | 1 | 3 | - | invalid_number | 12:00:00 | invalid_number
        5 | classification_pending | still_waiting | human | 0 | 3 | 12:00:30 | - | - | -
        6 | classifying | classification_call_triggered | - | 0 | 3 | - | - | - | -
        7 | failed | error | - | 0 | 3 | - | cancelled by a person | 12:00:00 | cancelled by a person
        8 | ready_to_call | classification_found | ivr_then_human | 0 | 3 | 15:00:00 | - | - | -"#]]).await;
    dialer.clock("2026-12-04 12:00:30").await;
    dialer
        .check("select call_id, workflow_state, result from dialer.workflow_state where call_id in (2, 5) order by 1", expect![[r#"
            2 | ready_to_call | ready_for_task_call
            5 | ready_to_call | ready_for_task_call"#]])
        .await;
    dialer.place().await;
    dialer
        .check("select pending_call_id, step, status, workflow_state, detection from dialer.call_session order by 1, started_at", expect![[r#"
            1 | talk | ended | completed | human
            2 | classify | ended | calling | ivr_only
            2 | talk | ringing | calling | ivr_only
            3 | classify | ended | retry_pending | -
            4 | classify | failed | failed | -
            5 | classify | ended | calling | human
            5 | talk | ringing | calling | human
            6 | classify | ringing | classifying | -"#]])
        .await;
    dialer
        .check("select machine, from_state, to_state, reason, count(*) from dialer.state_change where call_id = 2 group by 1, 2, 3, 4 order by min(at), 1, 2", expect![[r#"
            attempt | claimed | intended | - | 2
            attempt | intended | placed | - | 2
            attempt | placed | ended | completed | 1
            call | claimed | in_flight | - | 2
            call | in_flight | scheduled | next_step | 1
            call | scheduled | claimed | - | 2"#]])
        .await;
    dialer.clock("2026-12-04 13:01").await;
    dialer.check("select count(*) from dialer.state_change", expect!["0"]).await;
}

// R187: per state, how many, the earliest next action, retries on average; nothing that has ended.
#[tokio::test]
async fn the_dashboard_counts_what_is_not_ended() {
    let dialer = journeys().await;
    dialer
        .check(
            "select campaign, state, workflow_state, calls, earliest_due_at::time, average_attempts, average_retries from dialer.scheduler_dashboard order by state, workflow_state",
            expect![[r#"
                spring | scheduled | classification_pending | 2 | 12:00:30 | 1.00 | 0.00
                spring | scheduled | ready_to_call | 1 | 15:00:00 | 0.00 | 0.00
                spring | scheduled | retry_pending | 1 | 12:30:00 | 1.00 | 0.00
                spring | in_flight | classifying | 1 | - | 0.00 | 0.00"#]],
        )
        .await;
}

// R094, R095, R099, R105, R120, R125: as a campaign scheduler shows them.
#[tokio::test]
async fn calls_of_a_campaign_are_seen_in_its_own_words() {
    let dialer = Dialer::open().await;
    dialer.people(4).await;
    let view = "select call_id, status, webhook_status, outcome, message, called_at, word, provider_call_id like 'provider-%' from dialer.campaign_call_status order by 1";
    dialer.place().await;
    dialer.run("select dialer.ingest_event(1, jsonb_build_object('event_key', 'a', 'kind', 'answered', 'attempt_id', attempt_id)) from dialer.lease where call_id = 1").await;
    dialer
        .check(
            view,
            expect![[r#"
                1 | in_progress | in-progress | - | - | 2026-12-04 12:00:00-05 | - | t
                2 | calling | ringing | - | - | 2026-12-04 12:00:00-05 | - | t
                3 | scheduled | - | - | - | - | - | -
                4 | scheduled | - | - | - | - | - | -"#]],
        )
        .await;
    dialer.end("busy").await;
    dialer.run("select dialer.cancel_call(4)").await;
    dialer
        .check(
            view,
            expect![[r#"
                1 | scheduled | ended | busy | redial | 2026-12-04 12:00:00-05 | - | t
                2 | scheduled | ended | busy | redial | 2026-12-04 12:00:00-05 | - | t
                3 | scheduled | - | - | - | - | - | -
                4 | cancelled | - | - | cancelled by a person | - | - | -"#]],
        )
        .await;
    let campaign = "select name, is_active, is_deleted from dialer.campaign_status";
    dialer.check(campaign, expect!["spring | t | f"]).await;
    dialer.run("select dialer.stop_campaign('spring'), dialer.archive_campaign('spring')").await;
    dialer.check(campaign, expect!["spring | f | t"]).await;
}

// R063, R064, R076, R096, C12: the day's limit is counted from attempts, and over at midnight without a job.
#[tokio::test]
async fn the_daily_limit_is_seen_and_needs_no_reset() {
    let dialer = Dialer::open().await;
    dialer.people(2).await;
    for at in ["12:00", "12:02", "12:07", "12:17", "12:47", "13:47", "15:47"] {
        dialer.clock(&format!("2026-12-04 {at}")).await;
        dialer.place().await;
        dialer.end("no_answer").await;
    }
    let view = "select call_id, status, attempts_today, max_today, outcome, next_redial_timestamp from dialer.redial_status order by 1";
    dialer
        .check(
            view,
            expect![[r#"
        1 | pending | 7 | 8 | NO_ANSWER | 2026-12-04 17:47:00-05
        2 | pending | 7 | 8 | NO_ANSWER | 2026-12-04 17:47:00-05"#]],
        )
        .await;
    dialer.clock("2026-12-04 17:47").await;
    dialer.place().await;
    dialer.run("select dialer.ingest_event(1, jsonb_build_object('event_key', 's', 'kind', 'ended', 'attempt_id', attempt_id, 'disposition', 'SALE')) from dialer.lease where call_id = 2").await;
    dialer.end("voicemail").await;
    dialer
        .check(
            view,
            expect![[r#"
        1 | daily_max_reached | 8 | 8 | VOICEMAIL | 2026-12-07 11:00:00-05
        2 | completed | - | 8 | SALE | -"#]],
        )
        .await;
    dialer.clock("2026-12-05 00:01").await;
    dialer
        .check(
            view,
            expect![[r#"
        1 | pending | 0 | 8 | VOICEMAIL | 2026-12-07 11:00:00-05
        2 | completed | - | 8 | SALE | -"#]],
        )
        .await;
    dialer.sound().await;
}
