//! A clinic's pre-classification workflow: an exam service calls employees, but first finds out what answers their number.

use crate::dialer::Dialer;
use expect_test::expect;

/// Ten lines, the source's policy (30 minutes, three tries) and a campaign that asks before it talks.
async fn clinic() -> Dialer {
    let dialer = Dialer::open().await;
    dialer
        .run(
            r#"select dialer.set_limits('voice', 10);
               update dialer.campaign set policy_id = dialer.policy_named('workflow-30min-3'),
                   settings = '{"assistant_id": "exam-reminder", "steps": {"classify": {"assistant_id": "ivr-probe"}}}';
               select dialer.use_workflow('spring', 'preclassify')"#,
        )
        .await;
    dialer
}

/// Lets time go from due time to due time until an instant, New York's wall clock. What answers a number is told by its last digit: 0 to
/// 4 human, 5 to 7 a menu, 8 a menu and then a human, 9 nobody. `success`: which numbers' tasks succeed.
async fn run_until(dialer: &Dialer, until: &str, success: &str) {
    let next = "select to_char(min(due_at), 'YYYY-MM-DD HH24:MI:SS.US') from dialer.due where due_at < 'infinity'";
    let answers = format!(
        "select dialer.ingest_event(l.account_id, jsonb_agg(jsonb_build_object('event_key', 'end-' || l.attempt_id, 'kind', 'ended', 'attempt_id', l.attempt_id)
             || case when right(e.address, 1) = '9' then '{{\"outcome\": \"no_answer\", \"word\": \"customer-did-not-answer\"}}'
                     when l.step = 'classify' then jsonb_build_object('outcome', 'completed', 'word', 'assistant-ended-call', 'classification',
                         case when right(e.address, 1) <= '4' then 'human' when right(e.address, 1) = '8' then 'ivr_then_human' else 'ivr_only' end)
                     else jsonb_build_object('outcome', 'completed', 'word', 'customer-ended-call', 'success', {success}) end))
         from dialer.lease l join dialer.endpoint e using (endpoint_id) group by l.account_id"
    );
    // LIMIT: far more than the scenarios need.
    for _ in 0..5000 {
        let at = dialer.rows(next).await;
        if at == "-" || at.as_str() >= until {
            dialer.clock(until).await;
            return;
        }
        dialer.clock(&at).await;
        dialer.place().await;
        dialer.run(&answers).await;
    }
    panic!("it never ends");
}

const ENDS: &str =
    "select state, end_reason, count(*) from dialer.call group by 1, 2 order by 1, 2";

// R028, R044, R045, R046, R069, R122, R127, R128, R129, R179, C29, C34: sixty rows need no tick; each task follows its question by 30
// seconds, and the limit of lines, not a batch of ten per tick, says how fast they go.
#[tokio::test]
async fn sixty_employees_are_classified_and_called_within_minutes() {
    let dialer = clinic().await;
    dialer
        .run(
            "select dialer.schedule_call('spring', '+1212555' || to_char(100 + i, 'FM0000'), tz => 'America/New_York', expires_at => '2026-12-07 09:00 America/New_York',
                 payload => jsonb_build_object('employee_name', 'Employee ' || i, 'exam_id', i)) from generate_series(0, 59) i",
        )
        .await;
    run_until(&dialer, "2026-12-04 12:05", "true").await;
    dialer
        .check(
            ENDS,
            expect![[r#"
        scheduled | - | 6
        completed | completed | 54"#]],
        )
        .await;
    dialer
        .check(
            "select a.step, count(*), min(a.dialled_at)::time, max(a.dialled_at)::time from dialer.attempt a group by 1 order by 1",
            expect![[r#"
                classify | 60 | 12:00:00 | 12:00:00
                talk | 54 | 12:00:30 | 12:00:30"#]],
        )
        .await;
    dialer
        .check(
            "select min(b.dialled_at - a.ended_at), max(b.dialled_at - a.ended_at) from dialer.attempt a join dialer.attempt b using (call_id) where a.step = 'classify' and b.step = 'talk'",
            expect!["00:00:30 | 00:00:30"],
        )
        .await;
    dialer.check("select result, count(*), min(expires_at::date) from dialer.classification group by 1 order by 1", expect![[r#"
        human | 30 | 2027-03-04
        ivr_only | 18 | 2027-03-04
        ivr_then_human | 6 | 2027-03-04"#]]).await;
    // Nobody answered at six numbers: three questions, half an hour apart.
    run_until(&dialer, "2026-12-04 14:00", "true").await;
    dialer
        .check(
            ENDS,
            expect![[r#"
        completed | completed | 54
        failed | classification_failed | 6"#]],
        )
        .await;
    dialer
        .check("select failure_reason, end_reason, attempts, last_attempt_at::time, last_error, count(*) from dialer.dead_letter group by 1, 2, 3, 4, 5", expect!["Max retries exceeded | classification_failed | 3 | 13:00:00 | customer-did-not-answer | 6"])
        .await;
    dialer.sound().await;
}

// R077, R081, R122, R126, R128, R207: a second reminder three weeks later knows the numbers; after 90 days they are asked again.
#[tokio::test]
async fn what_was_found_serves_the_next_campaign_until_it_runs_out() {
    let dialer = clinic().await;
    dialer.run("select dialer.schedule_call('spring', '+1212555' || to_char(100 + i, 'FM0000'), tz => 'America/New_York') from generate_series(0, 9) i").await;
    run_until(&dialer, "2026-12-21 12:00", "true").await;
    dialer
        .run(
            "select dialer.create_campaign('second', 'voice', 'Mo-Fr 11:00-20:00', policy => 'workflow-30min-3'); select dialer.use_workflow('second', 'preclassify');
             select dialer.start_campaign('second');
             select dialer.schedule_call('second', '+1212555' || to_char(100 + i, 'FM0000'), tz => 'America/New_York') from generate_series(0, 9) i",
        )
        .await;
    dialer.check("select result, count(*) from dialer.workflow_state where campaign = 'second' group by 1 order by 1", expect![[r#"
        classification_found | 9
        needs_classification | 1"#]]).await;
    // The tasks of even numbers do not succeed: they are tried again, 30 minutes apart, and end as dead letters.
    run_until(&dialer, "2026-12-21 14:00", "right(e.address, 1) in ('1', '3', '5', '7')").await;
    dialer
        .check(
            "select e.address, c.end_reason, string_agg(a.step || ' ' || to_char(a.dialled_at, 'HH24:MI'), ', ' order by a.dialled_at) from dialer.call c join dialer.endpoint e using (endpoint_id)
             join dialer.attempt a using (call_id) join dialer.campaign g on g.campaign_id = c.campaign_id where g.name = 'second' and right(e.address, 1) in ('2', '3', '9') group by 1, 2 order by 1",
            expect![[r#"
                +12125550102 | attempts_spent | talk 12:00, talk 12:30, talk 13:00
                +12125550103 | completed | talk 12:00
                +12125550109 | classification_failed | classify 12:00, classify 12:30, classify 13:00"#]],
        )
        .await;
    dialer.clock("2027-03-05 12:00").await;
    dialer
        .run("select dialer.schedule_call('second', '+12125550101', tz => 'America/New_York')")
        .await;
    dialer
        .check("select step from dialer.call order by call_id desc limit 1", expect!["classify"])
        .await;
    dialer.sound().await;
}

// R198, R201, R206, R217: one row, step by step, as a person would trace it.
#[tokio::test]
async fn a_test_row_is_traced_step_by_step() {
    let dialer = clinic().await;
    dialer.run("select dialer.schedule_call('spring', '+12125550105', tz => 'America/New_York', idempotency_key => 'trace me')").await;
    run_until(&dialer, "2026-12-04 12:01", "false").await;
    dialer.check("select workflow_state, result, retry_count, next_action_at::time, last_error from dialer.workflow_state", expect!["retry_pending | retry_scheduled | 1 | 12:30:30 | customer-ended-call"]).await;
    run_until(&dialer, "2026-12-04 13:31", "true").await;
    dialer
        .check(
            "select t.at::time, t.machine, t.from_state, t.to_state, t.reason from dialer.transition t where call_id = 1 and machine = 'call' order by t.at, t.from_state = 'in_flight', t.from_state = 'claimed'",
            expect![[r#"
                12:00:00 | call | scheduled | claimed | -
                12:00:00 | call | claimed | in_flight | -
                12:00:00 | call | in_flight | scheduled | next_step
                12:00:30 | call | scheduled | claimed | -
                12:00:30 | call | claimed | in_flight | -
                12:00:30 | call | in_flight | scheduled | redial
                12:30:30 | call | scheduled | claimed | -
                12:30:30 | call | claimed | in_flight | -
                12:30:30 | call | in_flight | completed | completed"#]],
        )
        .await;
    dialer
        .check("select pending_call_id, step, status, outcome, started_at::time from dialer.call_session order by started_at", expect![[r#"
            1 | classify | ended | completed | 12:00:00
            1 | talk | ended | completed | 12:00:30
            1 | talk | ended | completed | 12:30:30"#]])
        .await;
    dialer.sound().await;
}
