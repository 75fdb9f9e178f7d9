//! The migration docs/cookbook/preclassify.sql, on a team's own table: the machine, the job's command at
//! simulated times; cron.rs has pg_cron run it.

use crate::dialer::Dialer;
use expect_test::{Expect, expect};
use std::fs;
use std::path::Path;

/// The table as the team has it, before.
pub const TABLE: &str = "create table pending_calls (id bigint generated always as identity primary key, phone_number text not null, employee_name text,
    appointment_time timestamptz, created_at timestamptz not null default now())";

/// What the page has its readers do first: two campaigns that ask and talk, and retry nothing by themselves.
pub const CAMPAIGNS: &str = r#"
    select dialer.create_workflow('probe', '[{"step": "classify", "finds": "classification", "answers": ["human", "ivr_only", "ivr_then_human"], "enough": ["human"], "keep": "90 days"}]'),
           dialer.create_workflow('task', '[{"step": "talk"}]');
    select dialer.create_redial_policy('one-try', '{0}', max_lifetime => 1, ladder_scope => 'lifetime', final_outcomes => '{completed,sale,dnc,transferred,not_interested,invalid_number,blocked}');
    select dialer.create_campaign('probe', 'voice', '24/7', tz => 'UTC', policy => 'one-try'), dialer.create_campaign('task', 'voice', '24/7', tz => 'UTC', policy => 'one-try');
    select dialer.use_workflow('probe', 'probe'), dialer.use_workflow('task', 'task');
    select dialer.start_campaign('probe'), dialer.start_campaign('task')"#;

/// The job's command, as pg_cron runs it; here at simulated times.
const JOB: &str = "select run_pending_calls()";

pub fn migration() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the checkout");
    fs::read_to_string(root.join("docs/cookbook/preclassify.sql")).expect("the migration is there")
}

async fn migrated() -> Dialer {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.set_limits('voice', 10)").await;
    dialer.run(CAMPAIGNS).await;
    dialer.run(TABLE).await;
    dialer.run(&migration()).await;
    dialer
}

async fn insert(dialer: &Dialer, numbers: &[&str]) {
    for number in numbers {
        dialer
            .run(&format!(
                "insert into pending_calls (phone_number, employee_name) values ('{number}', 'Ada')"
            ))
            .await;
    }
}

/// What the provider says of the open call to a number.
async fn end(dialer: &Dialer, number: &str, said: &str) {
    dialer
        .run(&format!(
            "select dialer.ingest_event(l.account_id, jsonb_build_object('event_key', 'end-' || l.attempt_id, 'kind', 'ended', 'attempt_id', l.attempt_id) || '{said}')
             from dialer.lease l join dialer.endpoint e using (endpoint_id) where e.address = '{number}'"
        ))
        .await;
}

const ROWS: &str = "select id, workflow_state, next_action_at::time, retry_count, last_error, workflow_metadata ->> 'classification_type' from pending_calls order by id";

/// What the job makes of each row that is due.
async fn processed(dialer: &Dialer, expected: Expect) {
    dialer.check("select * from process_pending_calls()", expected).await;
}

/// How far each row is.
async fn rows(dialer: &Dialer, expected: Expect) {
    dialer.check(ROWS, expected).await;
}

// R093, R102, R103, R105, R109, R112, R181, R126, R127, R128, R129, R130, R131, C28, C29: from a row to its task, without a tick between.
#[tokio::test]
async fn a_pending_call_is_classified_and_called_by_the_job() {
    let dialer = migrated().await;
    dialer.run("select dialer.classify_number('2125550103', 'ivr_then_human')").await;
    insert(&dialer, &["(212) 555-0101", "212-555-0102", "212.555.0103", "+1 212 555 0104"]).await;
    processed(
        &dialer,
        expect![[r#"
        1 | classification_call_triggered
        2 | classification_call_triggered
        3 | task_call_triggered
        4 | classification_call_triggered"#]],
    )
    .await;
    rows(
        &dialer,
        expect![[r#"
        1 | classifying | 12:00:00 | 0 | - | -
        2 | classifying | 12:00:00 | 0 | - | -
        3 | calling | 12:00:00 | 0 | - | ivr_then_human
        4 | classifying | 12:00:00 | 0 | - | -"#]],
    )
    .await;
    dialer.place().await;
    processed(
        &dialer,
        expect![[r#"
        1 | still_waiting
        2 | still_waiting
        3 | still_waiting
        4 | still_waiting"#]],
    )
    .await;
    end(&dialer, "+12125550101", r#"{"outcome": "completed", "classification": "ivr_only"}"#).await;
    end(&dialer, "+12125550102", r#"{"outcome": "completed", "classification": "human"}"#).await;
    end(&dialer, "+12125550103", r#"{"outcome": "completed", "success": true}"#).await;
    end(
        &dialer,
        "+12125550104",
        r#"{"outcome": "completed", "classification": "human", "success": true}"#,
    )
    .await;
    dialer.run(JOB).await;
    rows(
        &dialer,
        expect![[r#"
        1 | classification_pending | 12:00:30 | 0 | - | ivr_only
        2 | calling | 12:00:00 | 0 | - | human
        3 | completed | 12:00:00 | 0 | - | ivr_then_human
        4 | completed | 12:00:00 | 0 | - | human"#]],
    )
    .await;
    the_task_follows_after_the_wait(&dialer).await;
}

async fn the_task_follows_after_the_wait(dialer: &Dialer) {
    dialer.clock("2026-12-04 12:00:29").await;
    dialer.check("select process_pending_call(1)", expect!["still_waiting"]).await;
    dialer.clock("2026-12-04 12:00:30").await;
    dialer.check("select process_pending_call(1)", expect!["task_call_triggered"]).await;
    dialer.place().await;
    end(dialer, "+12125550101", r#"{"outcome": "completed"}"#).await;
    end(dialer, "+12125550102", r#"{"outcome": "completed"}"#).await;
    dialer.run(JOB).await;
    rows(
        dialer,
        expect![[r#"
        1 | completed | 12:00:30 | 0 | - | ivr_only
        2 | completed | 12:00:30 | 0 | - | human
        3 | completed | 12:00:00 | 0 | - | ivr_then_human
        4 | completed | 12:00:00 | 0 | - | human"#]],
    )
    .await;
    dialer
        .check(
            "select from_state, to_state from pending_call_changes where pending_call_id = 1",
            expect![[r#"
                new | checking_classification
                checking_classification | needs_classification
                needs_classification | classifying
                classifying | classification_pending
                classification_pending | ready_to_call
                ready_to_call | calling
                calling | completed"#]],
        )
        .await;
    dialer
        .check(
            "select id, last_attempt_at::time from pending_calls order by 1",
            expect![[r#"
                1 | 12:00:30
                2 | 12:00:30
                3 | 12:00:00
                4 | 12:00:00"#]],
        )
        .await;
    dialer.check("select session_id, pending_call_id, call_type, workflow_state from call_sessions s join pending_calls p on p.id = s.pending_call_id order by 1", expect![[r#"
        1 | 1 | classification | completed
        2 | 2 | classification | completed
        3 | 3 | task | completed
        4 | 4 | classification | completed
        5 | 2 | task | completed
        6 | 1 | task | completed"#]]).await;
    dialer.sound().await;
}

// R071, R077, R081, R100, R183, R184, R206, R207, C31: three tries 30 minutes apart, and both ways to fail.
#[tokio::test]
async fn a_pending_call_fails_after_three_tries() {
    let dialer = migrated().await;
    dialer.run("select dialer.classify_number('2125550102', 'ivr_only')").await;
    insert(&dialer, &["2125550101", "2125550102", "2125550103"]).await;
    dialer.run("select dialer.add_do_not_call('2125550103')").await;
    for at in ["12:00", "12:30", "13:00"] {
        dialer.clock(&format!("2026-12-04 {at}")).await;
        dialer.run(JOB).await;
        assert_eq!(dialer.place().await, "2", "{at}");
        end(&dialer, "+12125550101", r#"{"outcome": "busy"}"#).await;
        end(&dialer, "+12125550102", r#"{"outcome": "completed", "success": false}"#).await;
        dialer.run(JOB).await;
    }
    dialer.check("select id, workflow_state, failed_at::time, failure_reason, last_error, retry_count from dead_letters", expect![[r#"
        2 | failed | 13:00:00 | Max retries exceeded | completed | 3
        1 | classification_failed | 13:00:00 | Max retries exceeded | busy | 3
        3 | failed | 12:00:00 | do_not_call | do_not_call | 0"#]]).await;
    dialer.check("select * from scheduler_dashboard", expect![""]).await;
    dialer.check("select indexdef from pg_indexes where indexname = 'pending_calls_to_do'", expect!["CREATE INDEX pending_calls_to_do ON public.pending_calls USING btree (next_action_at, workflow_state) WHERE (workflow_state <> ALL ('{classification_failed,completed,failed}'::text[]))"]).await;
    dialer
        .check_refusal(
            "update pending_calls set workflow_state = 'retry_pending' where id = 1",
            expect![[r#"
            PD001: pending_calls 1 may not go from "classification_failed" to "retry_pending"
            detail: In machine "preclassify" the state "classification_failed" is final.
            hint: What has ended stays ended: insert a new row instead of changing this one."#]],
        )
        .await;
    dialer
        .check_refusal("insert into pending_calls (phone_number, workflow_state) values ('1', 'ringing')", expect![[r#"
            PD001: pending_calls 4 may not begin in "ringing"
            detail: In machine "preclassify" a row begins in: new.
            hint: Insert the row there; select dialer.machine_diagram('preclassify') shows the machine."#]])
        .await;
    dialer.sound().await;
}

// R071, R081, R106, R206: what cannot be done for a row is one of its tries, and the third is the last.
#[tokio::test]
async fn a_row_that_raises_each_time_fails_after_three_tries() {
    let dialer = migrated().await;
    insert(&dialer, &["not a number"]).await;
    for at in ["12:00", "12:29", "12:30", "13:00", "13:30"] {
        dialer.clock(&format!("2026-12-04 {at}")).await;
        dialer.run(JOB).await;
    }
    dialer.check("select workflow_state, retry_count, failed_at::time, failure_reason, last_error from pending_calls", expect!["failed | 3 | 13:00:00 | Max retries exceeded | invalid phone number: short code"]).await;
    dialer
        .check(
            "select to_state, reason from pending_call_changes where to_state = 'failed'",
            expect!["failed | invalid phone number: short code"],
        )
        .await;
    // Where not even the error can be noted, the others go on.
    dialer.run("alter table pending_calls add constraint no_errors check (last_error is null) not valid").await;
    insert(&dialer, &["neither", "2125550101"]).await;
    processed(
        &dialer,
        expect![[r#"
        2 | error
        3 | classification_call_triggered"#]],
    )
    .await;
    dialer.sound().await;
}

// R046: nothing is placed once the appointment has begun.
#[tokio::test]
async fn a_row_whose_appointment_is_over_is_not_called() {
    let dialer = migrated().await;
    dialer.run("select dialer.edit_campaign('task', '{\"hours\": \"Mo-Fr 15:00-16:00\", \"tz\": \"America/New_York\"}'); select dialer.classify_number('2125550102', 'human'), dialer.classify_number('2125550103', 'human')").await;
    for (number, appointment) in
        [("2125550101", "04 11:00"), ("2125550102", "04 14:00"), ("2125550103", "07 09:00")]
    {
        dialer
            .run(&format!("insert into pending_calls (phone_number, appointment_time) values ('{number}', '2026-12-{appointment} America/New_York')"))
            .await;
    }
    processed(
        &dialer,
        expect![[r#"
            1 | error
            2 | error
            3 | task_call_triggered"#]],
    )
    .await;
    dialer.check("select id, workflow_state, failure_reason, last_attempt_at from pending_calls order by 1", expect![[r#"
        1 | failed | the call would expire at 2026-12-04 11:00:00-05, before it is due at 2026-12-04 12:00:00-05 | -
        2 | failed | the call would expire at 2026-12-04 14:00:00-05, before it may first be placed at 2026-12-04 15:00:00-05 | -
        3 | calling | - | -"#]]).await;
    // The dialer keeps the deadline, whatever holds it up.
    dialer.run("select dialer.pause_campaign('task')").await;
    dialer.clock("2026-12-07 09:00").await;
    dialer
        .run("select dialer.tick(); select dialer.resume_campaign('task'); select dialer.tick()")
        .await;
    assert_eq!(dialer.place().await, "0");
    dialer.run(JOB).await;
    dialer.check("select id, workflow_state, failure_reason, last_attempt_at from pending_calls where id = 3", expect!["3 | failed | expired | -"]).await;
    dialer.sound().await;
}

// R112: a row that waits for its window has not been attempted.
#[tokio::test]
async fn the_last_attempt_is_told_by_the_attempt() {
    let dialer = migrated().await;
    let attempted = "select workflow_state, last_attempt_at from pending_calls";
    dialer.run("select dialer.edit_campaign('probe', '{\"hours\": \"Mo-Fr 15:00-16:00\", \"tz\": \"America/New_York\"}')").await;
    insert(&dialer, &["2125550101"]).await;
    dialer.run(JOB).await;
    dialer.check(attempted, expect!["classifying | -"]).await;
    dialer.clock("2026-12-04 15:00").await;
    dialer.place().await;
    dialer.clock("2026-12-04 15:01").await;
    dialer.run(JOB).await;
    dialer.check(attempted, expect!["classifying | 2026-12-04 15:00:00-05"]).await;
    dialer.sound().await;
}

// R201, C37: what was done stays written down.
#[tokio::test]
async fn the_audit_of_a_pending_call_is_not_rewritten() {
    let dialer = migrated().await;
    insert(&dialer, &["2125550101"]).await;
    dialer.run(JOB).await;
    dialer
        .check_refusal(
            "update pending_call_changes set actor = 'nobody'",
            expect![[r#"
            PD004: rows of public.pending_call_changes are not changed
            detail: The table is an append-only record.
            hint: Add a new fact instead of changing an old one."#]],
        )
        .await;
    dialer
        .check_refusal(
            "delete from pending_call_changes",
            expect![[r#"
        PD004: rows of public.pending_call_changes are not changed
        detail: The table is an append-only record.
        hint: Add a new fact instead of changing an old one."#]],
        )
        .await;
    let emptied = dialer.refusal("truncate pending_call_changes").await;
    assert!(emptied.starts_with("PD004"), "{emptied}");
    dialer
        .check(
            "select count(*), min(actor) = session_user from pending_call_changes",
            expect!["3 | t"],
        )
        .await;
}

// R199, R205: each run tells what it found, handled and could not do; a week of runs is kept.
#[tokio::test]
async fn each_run_of_the_job_is_written_down() {
    let dialer = migrated().await;
    insert(&dialer, &["2125550101", "not a number", "2125550102"]).await;
    dialer.check("select run_pending_calls(2)", expect!["3 found, 2 processed, 1 errors"]).await;
    dialer.check(JOB, expect!["2 found, 2 processed, 0 errors"]).await;
    dialer
        .check(
            "select run_id, started_at::time, found, processed, errors, results, seconds between 0 and 45 from pending_call_runs order by 1",
            expect![[r#"
                1 | 12:00:00 | 3 | 2 | 1 | {"error": 1, "classification_call_triggered": 1} | t
                2 | 12:00:00 | 2 | 2 | 0 | {"still_waiting": 1, "classification_call_triggered": 1} | t"#]],
        )
        .await;
    dialer.run("alter table pending_call_runs alter run_id restart with 10081").await;
    dialer.run(JOB).await;
    dialer.check("select min(run_id), count(*) from pending_call_runs", expect!["2 | 2"]).await;
}

// R106, R111, R210, C30: one row's error stays with it; a lost race is said; two jobs share the rows.
#[tokio::test]
async fn two_jobs_at_once_take_no_row_twice_and_errors_stay_with_their_row() {
    let dialer = migrated().await;
    insert(&dialer, &["2125550101", "not a number", "2125550102"]).await;
    let other = dialer.another_session().await;
    crate::dialer::set_clock(&other, "2026-12-04 12:00").await;
    other.run("begin; select from pending_calls where id = 1 for update").await;
    processed(
        &dialer,
        expect![[r#"
        2 | error
        3 | classification_call_triggered"#]],
    )
    .await;
    dialer
        .check_refusal(
            "select process_pending_call(1)",
            expect!["PD048: Failed to update workflow state - call may be in progress"],
        )
        .await;
    dialer
        .check_refusal(
            "select process_pending_call(null)",
            expect!["PD048: pending_call_id is required"],
        )
        .await;
    dialer
        .check_refusal(
            "select process_pending_call(77)",
            expect!["PD048: Pending call not found: 77"],
        )
        .await;
    dialer
        .check_refusal(
            "select move_pending_call(3, 'new', 'checking_classification', null)",
            expect!["PD048: Failed to update workflow state - call may be in progress"],
        )
        .await;
    other.run("commit").await;
    processed(
        &dialer,
        expect![[r#"
        1 | classification_call_triggered
        3 | still_waiting"#]],
    )
    .await;
    dialer
        .check(
            "select count(*), count(distinct dialer_call_id) from call_sessions",
            expect!["2 | 2"],
        )
        .await;
    dialer
        .check(
            "select id, last_error from pending_calls where last_error is not null",
            expect!["2 | invalid phone number: short code"],
        )
        .await;
    dialer.sound().await;
}

// R187, R198, R163, R208, C33: the dashboard, and what is stuck by the call it waits for.
#[tokio::test]
async fn a_pending_call_whose_call_is_gone_is_stuck_and_reset() {
    let dialer = migrated().await;
    insert(&dialer, &["2125550101", "2125550102"]).await;
    dialer.run(JOB).await;
    dialer.place().await;
    dialer
        .check(
            "select * from scheduler_dashboard",
            expect!["classifying | 2 | 2026-12-04 12:00:00-05 | 0.00"],
        )
        .await;
    dialer.check("select count(*) from stuck_pending_calls", expect!["0"]).await;
    end(&dialer, "+12125550101", r#"{"outcome": "no_answer"}"#).await;
    dialer.clock("2026-12-04 13:10").await;
    dialer
        .check(
            "select id, workflow_state, why from stuck_pending_calls order by id",
            expect![[r#"
        1 | classifying | -
        2 | classifying | its grace time is over and no tick has ended it"#]],
        )
        .await;
    dialer.check("select reset_stuck_pending_calls()", expect!["1"]).await;
    rows(
        &dialer,
        expect![[r#"
        1 | retry_pending | 13:10:00 | 0 | reset by hand | -
        2 | classifying | 12:00:00 | 0 | - | -"#]],
    )
    .await;
    dialer.sound().await;
}

// R198, C33: the job is off, so rows that nobody has called for pile up.
#[tokio::test]
async fn rows_that_no_job_comes_to_are_stuck() {
    let dialer = migrated().await;
    dialer.run("select dialer.classify_number('2125550102', 'ivr_only')").await;
    insert(&dialer, &["2125550101", "2125550102", "2125550103"]).await;
    dialer.run("select process_pending_call(2)").await;
    dialer.place().await;
    end(&dialer, "+12125550102", r#"{"outcome": "busy"}"#).await;
    dialer.run("select process_pending_call(2)").await;
    dialer.check("select * from stuck_pending_calls", expect![""]).await;
    dialer.clock("2026-12-04 13:00").await;
    dialer.check("select * from stuck_pending_calls", expect![""]).await;
    dialer.clock("2026-12-04 13:30:01").await;
    dialer
        .check(
            "select id, workflow_state, why from stuck_pending_calls order by id",
            expect![[r#"
                1 | new | due since 2026-12-04 12:00:00-05, and no job came to it
                2 | retry_pending | due since 2026-12-04 12:30:00-05, and no job came to it
                3 | new | due since 2026-12-04 12:00:00-05, and no job came to it"#]],
        )
        .await;
    // There is nothing to reset: whoever runs the job again has mended it.
    dialer.check("select reset_stuck_pending_calls()", expect!["0"]).await;
    dialer.run(JOB).await;
    dialer.check("select count(*) from stuck_pending_calls", expect!["0"]).await;
    dialer.sound().await;
}

// R045, R106: rows that only wait for their calls hold nobody up, however many they are.
#[tokio::test]
async fn rows_that_wait_for_a_call_do_not_fill_the_batch() {
    let dialer = migrated().await;
    insert(&dialer, &["2125550101", "2125550102"]).await;
    dialer.run(JOB).await;
    dialer.clock("2026-12-04 12:10").await;
    insert(&dialer, &["2125550103"]).await;
    dialer
        .check(
            "select * from process_pending_calls(2)",
            expect![[r#"
            1 | still_waiting
            3 | classification_call_triggered"#]],
        )
        .await;
    dialer.sound().await;
}
