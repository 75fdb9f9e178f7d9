//! The clock stands still, runs fast, and obeys the owner only.

use crate::database::Database;
use expect_test::expect;

#[tokio::test]
async fn the_clock_is_real_by_default() {
    let db = Database::fresh().await;
    db.check(
        "select now_at between clock_timestamp() - interval '1 minute' and clock_timestamp(), rate, fixed
         from dialer.clock()",
        expect!["t | 1 | f"],
    )
    .await;
}

// D10
#[tokio::test]
async fn a_fixed_clock_stands_still() {
    let db = Database::fresh().await;
    db.run("set dialer.clock = '2026-03-02 09:00:00.5+01'; set timezone = 'UTC'").await;
    db.check(
        "select dialer.now(), fixed from dialer.clock()",
        expect!["2026-03-02 08:00:00.5+00 | t"],
    )
    .await;
    db.run("reset dialer.clock").await;
    db.check("select fixed from dialer.clock()", expect!["f"]).await;
}

#[tokio::test]
async fn text_without_an_offset_is_read_in_the_sessions_zone() {
    let db = Database::fresh().await;
    db.run("set timezone = 'America/New_York'; set dialer.clock = '2026-07-01 12:00'").await;
    db.check("select dialer.now() at time zone 'UTC'", expect!["2026-07-01 16:00:00"]).await;
    db.run("set timezone = 'Asia/Tokyo'").await;
    db.check("select dialer.now() at time zone 'UTC'", expect!["2026-07-01 03:00:00"]).await;
}

#[tokio::test]
async fn a_clock_that_is_no_instant_is_refused_when_it_is_set() {
    let db = Database::fresh().await;
    db.check_refusal(
        "set dialer.clock = '2026-02-30 10:00+00'",
        expect![[r#"
        22023: invalid value for parameter "dialer.clock": "2026-02-30 10:00+00"
        detail: date/time field value out of range: "2026-02-30 10:00+00""#]],
    )
    .await;
    db.check_refusal(
        "set dialer.clock_origin = 'tomorrow'",
        expect![[r#"
        22023: invalid value for parameter "dialer.clock_origin": "tomorrow"
        detail: An instant begins with its year, as in 2026-03-02 09:00:00+00."#]],
    )
    .await;
    db.check_refusal(
        "set dialer.clock_rate = 0",
        expect![[r#"
        22023: 0 is outside the valid range for parameter "dialer.clock_rate" (0.001 .. 100000)"#]],
    )
    .await;
}

#[tokio::test]
async fn a_fast_clock_runs_from_its_origin() {
    let db = Database::fresh().await;
    db.run(
        "set dialer.clock_rate = 3600; set dialer.clock_origin = '2026-03-02 09:00+00';
         select set_config('dialer.clock_origin_at', (clock_timestamp() - interval '2 s')::text, false)",
    )
    .await;
    db.check(
        "select dialer.now() - '2026-03-02 09:00+00' between interval '2 h' and interval '12 h',
                rate, fixed, dialer.real_interval('1 min') from dialer.clock()",
        expect!["t | 3600 | f | 60:00:00"],
    )
    .await;
}

#[tokio::test]
async fn only_the_owner_sets_the_clock_but_anyone_chooses_a_tenant() {
    let db = Database::fresh().await;
    let role = format!("{}_plain", db.name());
    db.run(&format!("create role {role}; set role {role}")).await;
    db.check_refusal(
        "set dialer.clock = '2026-03-02 09:00+00'",
        expect![[r#"
        42501: permission denied to set parameter "dialer.clock""#]],
    )
    .await;
    db.check("show dialer.tenant", expect![""]).await;
    db.run("set dialer.tenant = 'acme'").await;
    db.check("show dialer.tenant", expect!["acme"]).await;
    db.run(&format!("reset role; drop role {role}")).await;
}

#[tokio::test]
async fn a_running_session_follows_a_reload() {
    let db = Database::fresh().await;
    let running = db.another_session().await;
    running.check("show dialer.clock_origin_at", expect![""]).await;
    // A setting without effect by itself, because the server's other databases see it too.
    db.run("alter system set dialer.clock_origin_at = '2026-03-02 09:00+00'").await;
    db.run("select pg_reload_conf()").await;
    let arrived = running.becomes("show dialer.clock_origin_at", "2026-03-02 09:00+00").await;
    db.run("alter system reset dialer.clock_origin_at").await;
    db.run("select pg_reload_conf()").await;
    assert!(arrived, "the setting has not arrived");
}

// A worker restores settings before it can read every way of writing an instant.
#[tokio::test]
async fn parallel_workers_take_the_clock_over() {
    let database = Database::fresh().await;
    database
        .run(
            "set dialer.clock = '2026-12-04T12:00:00Z'; set dialer.clock_origin = '2026-12-04 12:00 EST'; set force_parallel_mode = on;
             set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0; set max_parallel_workers_per_gather = 4",
        )
        .await;
    for _ in 0..5 {
        let plan = database.rows("explain (analyze, costs off, timing off, summary off) select count(*) from pg_attribute").await;
        assert!(plan.contains("Workers Launched"), "{plan}");
    }
    database.check("select dialer.now() = '2026-12-04 12:00+00'", expect!["t"]).await;
}
