//! pg_cron: what it is given, that it runs it, what is said of its health, and two ticks at once.
//!
//! pg_cron lives in one database of a server, so one test does all that needs it, in turn.

use crate::database::Session;
use crate::dialer::Dialer;
use crate::preclassify::{CAMPAIGNS, TABLE, migration};
use expect_test::expect;

// R101, R185, R199
#[tokio::test]
async fn pg_cron_drives_the_ticks_and_a_team_s_own_workflow() {
    let cron = Session::to("postgres").await;
    cron.run("create extension pg_cron; create extension pg_dialer").await;
    the_job_of_a_migration_runs(&cron).await;
    the_ticks_are_installed_once(&cron).await;
    the_health_of_the_ticks_is_told(&cron).await;
    cron.run("select cron.unschedule(jobname) from cron.job").await;
    cron.run("drop table pending_calls, call_sessions, pending_call_changes, pending_call_runs cascade; drop extension pg_dialer cascade; drop extension pg_cron").await;
}

// R101, R109, R110, R185, R199, R205, C32, C34: the job is made by SQL, runs by itself, and its history is found by the job's number.
async fn the_job_of_a_migration_runs(cron: &Session) {
    cron.run("select dialer.create_account('voice', 'sandbox', 10)").await;
    cron.run(CAMPAIGNS).await;
    cron.run(TABLE).await;
    cron.run(&migration()).await;
    cron.check(
        "select jobname, schedule, command from cron.job",
        expect![[r#"preclassify | * * * * * | set local statement_timeout = '55s'; select run_pending_calls()"#]],
    )
    .await;
    cron.run("insert into pending_calls (phone_number) values ('2125550101')").await;
    let mut ran = false;
    // LIMIT: a minute and a half; pg_cron's clock is the real one.
    for _ in 0..18 {
        ran = ran || cron.becomes("select workflow_state from pending_calls", "classifying").await;
    }
    assert!(ran, "pg_cron has not run the job");
    let ended = "select count(*) > 0 from dialer.cron_runs('preclassify') where status = 'succeeded' and end_time is not null";
    assert!(cron.becomes(ended, "t").await, "pg_cron has not noted the run");
    cron.check("select state, step from dialer.call", expect!["scheduled | classify"]).await;
    cron.check("select found, processed, errors, results from pending_call_runs order by run_id desc limit 1", expect![[r#"1 | 1 | 0 | {"classification_call_triggered": 1}"#]]).await;
}

// R185: the job is created by SQL and can be looked at; made again, it is the same job.
async fn the_ticks_are_installed_once(cron: &Session) {
    let health = "select verdict, found from dialer.cron_health()";
    cron.check(
        health,
        expect!["ok | pg_cron has no job dialer-tick; dialerd run drives dialer.tick()"],
    )
    .await;
    cron.check(
        "select dialer.install_cron()",
        expect!["pg_cron 1.4-1 runs dialer-tick every minute"],
    )
    .await;
    cron.check(
        "select dialer.install_cron()",
        expect!["pg_cron 1.4-1 runs dialer-tick every minute"],
    )
    .await;
    cron.check("select jobname, schedule, command from cron.job where jobname ~ '^dialer' order by jobname", expect![[r#"
        dialer-tick | * * * * * | select dialer.tick()
        dialer-tidy-cron | 17 3 * * * | delete from cron.job_run_details where end_time < dialer.kept_since('cron_history', now())"#]]).await;
    cron.run("delete from cron.job_run_details").await;
    cron.check(health, expect!["warn | dialer-tick has not run yet"]).await;
}

// Missing, late, failing, slow, far apart, switched off: each is said with what to do.
async fn the_health_of_the_ticks_is_told(cron: &Session) {
    let health = "select * from dialer.cron_health('2026-12-04 12:20Z')";
    let runs = |minutes: &str, took: &str, failed: &str| {
        format!(
            "delete from cron.job_run_details;
             insert into cron.job_run_details (jobid, runid, database, username, command, status, return_message, start_time, end_time)
             select j.jobid, m, current_database(), current_user, j.command, case when {failed} then 'failed' else 'succeeded' end, case when {failed} then 'ERROR: disk full' else '1 row' end,
                    timestamptz '2026-12-04 12:00Z' + m * interval '1 minute', timestamptz '2026-12-04 12:00Z' + m * interval '1 minute' + interval '{took}'
             from cron.job j, unnest(array[{minutes}]) m where j.jobname = 'dialer-tick'"
        )
    };
    let mut told = Vec::new();
    for (minutes, took, failed) in [
        ("15,16,17,18,19,20", "0.2 s", "false"),
        ("1,2,3", "0.2 s", "false"),
        ("15,16,17,18,19,20", "0.2 s", "true"),
        ("15,16,17,18,19,20", "0.2 s", "m = 17"),
        ("15,16,17,18,19,20", "70 s", "false"),
        ("10,11,16,17,18,19,20", "0.2 s", "false"),
    ] {
        cron.run(&runs(minutes, took, failed)).await;
        told.push(cron.rows(health).await);
    }
    cron.run("update cron.job set active = false where jobname = 'dialer-tick'").await;
    told.push(cron.rows(health).await);
    expect![[r#"
        ok | pg_cron runs dialer-tick every 00:01:00; the last 6 runs succeeded, the longest in 00:00:00.2 | -
        fail | dialer-tick has not succeeded since 2026-12-04 12:03:00+00 | see select dialer.cron_runs(); is cron.database_name this database, and may its user log in? dialerd run ticks as well
        fail | dialer-tick has not succeeded yet: ERROR: disk full | see select dialer.cron_runs(); is cron.database_name this database, and may its user log in? dialerd run ticks as well
        warn | 1 of the last 6 runs of dialer-tick failed: ERROR: disk full | see select dialer.cron_runs()
        warn | a run of dialer-tick took 00:01:10, longer than its distance of 00:01:00 | runs never overlap, but upkeep falls behind: see docs/operating.md
        warn | two of the last 7 runs of dialer-tick were 00:05:00 apart instead of 00:01:00 | the server was down or busy, or cron.max_running_jobs is too low
        warn | the job dialer-tick is switched off | select dialer.install_cron()"#]].assert_eq(&told.join("\n"));
}

// Two ticks at once: the second does nothing and waits for nobody; the first does all, once.
#[tokio::test]
async fn two_ticks_at_once_do_the_work_once() {
    let dialer = Dialer::open().await;
    dialer.people(3).await;
    dialer.run("select dialer.stop_campaign('spring')").await;
    let other = dialer.another_session().await;
    crate::dialer::set_clock(&other, "2026-12-04 12:00").await;
    let done = "select task, done from dialer.tick() where task = 'campaigns'";
    dialer.run("begin").await;
    dialer.check(done, expect!["campaigns | 3"]).await;
    other.run("set lock_timeout = '1ms'").await;
    other.check("select count(*) from dialer.tick()", expect!["0"]).await;
    dialer.run("commit").await;
    other.check(done, expect!["campaigns | 0"]).await;
    // Drift: a tick that comes an hour late does what an hour of ticks would have done.
    dialer.clock("2026-12-04 13:00").await;
    dialer.check(done, expect!["campaigns | 0"]).await;
    dialer
        .check("select state, count(*) from dialer.call group by 1", expect!["cancelled | 3"])
        .await;
    dialer.sound().await;
}
