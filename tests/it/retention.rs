//! What is kept and for how long: months are dropped, what still matters of them stays.

use crate::database::Database;
use crate::dialer::{Dialer, set_clock};
use expect_test::expect;

/// More than 24 months after the test's first day.
const LATER: &str = "2029-01-15 12:00";
const DONE: &str = "select task, done from dialer.tick() where task ~ '^retention'";

/// Ticks until retention has nothing left to do; what the ticks did, in order.
async fn retained(dialer: &Dialer) -> Vec<String> {
    let mut said = Vec::new();
    // LIMIT: a test that does not end is worse than one that fails.
    for _ in 0..100 {
        let done = dialer.rows(DONE).await;
        if done.is_empty() {
            return said;
        }
        said.extend(done.lines().map(str::to_owned));
    }
    panic!("retention goes on for ever: {said:?}");
}

/// Two people: one has bought, one is still to be reached.
async fn one_sold_one_open() -> Dialer {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.set_retention(what, null) from dialer.retention where what in ('transition', 'provider_event')").await;
    dialer.people(2).await;
    dialer.place().await;
    dialer
        .run(
            "select dialer.ingest_event(1, jsonb_agg(jsonb_build_object('event_key', call_id::text, 'kind', 'ended', 'attempt_id', attempt_id,
             'outcome', (array['sale', 'no_answer'])[call_id]))) from dialer.lease",
        )
        .await;
    dialer
}

/// Copies of the sold attempt (call 1) with new ids, as if so many had been made.
async fn many_attempts(dialer: &Dialer, count: u32) {
    dialer
        .run(&format!(
            "insert into dialer.attempt select (jsonb_populate_record(a, jsonb_build_object('attempt_id', gen_random_uuid()))).*
             from dialer.attempt a, generate_series(1, {count}) where a.call_id = 1"
        ))
        .await;
}

// R212
#[tokio::test]
async fn a_month_is_dropped_and_attempts_that_matter_survive_it() {
    let dialer = one_sold_one_open().await;
    dialer.clock("2028-12-31 12:00").await;
    retained(&dialer).await;
    dialer
        .check("select to_regclass('dialer.attempt_2026_12')", expect!["dialer.attempt_2026_12"])
        .await;
    dialer.clock(LATER).await;
    let said = retained(&dialer).await.join("\n");
    expect![[r#"
        retention_copy | 1
        retention_drop | 1"#]]
    .assert_eq(&said);
    dialer.check("select to_regclass('dialer.attempt_2026_12'), a.tableoid::regclass, a.call_id, a.outcome from dialer.attempt a", expect!["- | dialer.attempt_kept | 2 | no_answer"]).await;
    dialer.check("select call_id, state from dialer.call_history", expect!["2 | ended"]).await;
    dialer
        .check(
            "select detail from dialer.explain(2) where gate = 'lifetime'",
            expect!["1 attempts of any number"],
        )
        .await;
    dialer.check("select object, happened, row_count from dialer.retention_log where object ~ 'attempt' order by 1", expect![[r#"
        attempt_2026_12 | dropped | 1"#]]).await;
    dialer
        .check_refusal(
            "delete from dialer.attempt",
            expect![[r#"
        PD004: rows of dialer.attempt_kept are not changed
        detail: The table is an append-only record; retention drops whole partitions.
        hint: Add a new fact instead of changing an old one."#]],
        )
        .await;
    dialer.sound().await;
}

// Invariant 8: what a cap counts is still there.
#[tokio::test]
async fn a_lifetime_cap_holds_after_its_month_is_gone() {
    let dialer = Dialer::open().await;
    dialer
        .run(
            "select dialer.create_redial_policy('once-ever', '{0}', caps => array[row(1, 'lifetime', 0, null)::dialer.cap]);
             update dialer.campaign set policy_id = dialer.policy_named('once-ever')",
        )
        .await;
    dialer.people(1).await;
    dialer.place().await;
    dialer.end("no_answer").await;
    dialer.clock(LATER).await;
    retained(&dialer).await;
    dialer
        .check(
            "select count(*) from dialer.retention_log where object = 'attempt_2026_12'",
            expect!["1"],
        )
        .await;
    dialer.run("select dialer.create_campaign('again', 'voice', '24/7', policy => 'once-ever'); select dialer.start_campaign('again')").await;
    dialer
        .run("select dialer.schedule_call('again', '+12125550101', tz => 'America/New_York')")
        .await;
    dialer.check("select count(*) from dialer.claim('d1', 10)", expect!["0"]).await;
    dialer
        .check("select gate, pass, detail from dialer.explain(2) where gate ~ 'cap'", expect!["cap: 1 ever | f | 1 attempts counted for the contact, the last at 2026-12-04 12:00:00-05"])
        .await;
}

#[tokio::test]
async fn a_daily_cap_counts_what_the_month_s_drop_has_left() {
    let dialer = one_sold_one_open().await;
    dialer
        .run(
            "select dialer.create_redial_policy('daily', '{0}', max_per_day => 1);
             update dialer.campaign set policy_id = dialer.policy_named('daily')",
        )
        .await;
    dialer.clock(LATER).await;
    dialer.run("select from dialer.tick()").await;
    dialer.place().await;
    dialer.end("no_answer").await;
    retained(&dialer).await;
    dialer
        .check(
            "select ended_at::date, tableoid::regclass from dialer.attempt order by 1",
            expect![[r#"
                2026-12-04 | dialer.attempt_kept
                2029-01-15 | dialer.attempt_2029_01"#]],
        )
        .await;
    dialer
        .check("select gate, pass, detail from dialer.explain(2) where gate ~ 'cap'", expect!["cap: 1 a local day | f | 2 attempts counted for the contact, the last at 2029-01-15 12:00:00-05"])
        .await;
}

#[tokio::test]
async fn kept_attempts_leave_when_their_contact_has_no_call_left() {
    let dialer = one_sold_one_open().await;
    dialer.clock(LATER).await;
    retained(&dialer).await;
    // A later month, in which the second person is reached.
    dialer.place().await;
    dialer.end("sale").await;
    dialer
        .check(
            "select tableoid::regclass from dialer.attempt order by 1",
            expect![[r#"
        dialer.attempt_2029_01
        dialer.attempt_kept"#]],
        )
        .await;
    dialer.clock("2031-02-02 12:00").await;
    retained(&dialer).await;
    dialer.check("select count(*), to_regclass('dialer.attempt_kept'), to_regclass('dialer.attempt_kept_next') from dialer.attempt", expect!["0 | - | -"]).await;
    // Their calls follow, now that no attempt of them is kept.
    dialer.clock("2031-02-02 13:00").await;
    assert_eq!(retained(&dialer).await, ["retention_calls | 1"]);
    dialer.check("select count(*) from dialer.call", expect!["0"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_call_planned_while_attempts_are_being_kept_finds_its_own() {
    let dialer = one_sold_one_open().await;
    dialer.clock(LATER).await;
    dialer.check(DONE, expect!["retention_copy | 1"]).await;
    dialer
        .run("select dialer.schedule_call('spring', '+12125550101', tz => 'America/New_York')")
        .await;
    dialer.check(DONE, expect!["retention_drop | 1"]).await;
    dialer
        .check(
            "select call_id, tableoid::regclass from dialer.attempt order by 1",
            expect![[r#"
                1 | dialer.attempt_kept
                2 | dialer.attempt_kept"#]],
        )
        .await;
    // A contact of whom an attempt is kept keeps the call, too.
    dialer.clock("2029-01-15 13:00").await;
    assert!(retained(&dialer).await.is_empty());
    dialer
        .check(
            "select call_id from dialer.call order by 1",
            expect![[r#"
        1
        2
        3"#]],
        )
        .await;
}

#[tokio::test]
async fn a_large_month_is_read_in_bounded_steps_and_dropped_at_once() {
    let dialer = one_sold_one_open().await;
    many_attempts(&dialer, 25_000).await;
    let steps = "select (pg_relation_size('dialer.attempt_2026_12') / 8192 + 499) / 500";
    let steps: usize = dialer.rows(steps).await.parse().unwrap();
    assert!(steps > 2);
    dialer.clock(LATER).await;
    dialer.check(DONE, expect!["retention_copy | 1"]).await;
    // Until it is done, everything is seen.
    dialer.check("select count(*) from dialer.attempt", expect!["25002"]).await;
    let mut said = retained(&dialer).await;
    assert_eq!(said.pop().as_deref(), Some("retention_drop | 1"));
    assert_eq!(said, vec!["retention_copy | 1"; steps - 1]);
    dialer.check("select count(*) from dialer.attempt", expect!["1"]).await;
}

#[tokio::test]
async fn one_month_a_tick_is_dropped() {
    let dialer = Dialer::open().await;
    for month in ["2027-01-04", "2027-02-04"] {
        dialer.clock(&format!("{month} 12:00")).await;
        dialer.run("select from dialer.tick()").await;
    }
    dialer.run("select dialer.set_retention('transition', '1 day'), dialer.set_retention('provider_event', null)").await;
    for _ in 0..2 {
        dialer.check(DONE, expect!["retention_drop | 1"]).await;
    }
    dialer
        .check(
            "select what, keep, chosen from dialer.retention where chosen order by 1",
            expect![[r#"
        provider_event | - | t
        transition | 1 day | t"#]],
        )
        .await;
    dialer
        .check(
            "select object, happened from dialer.retention_log order by retention_log_id",
            expect![[r#"
        transition_2026_12 | dropped
        transition_2027_01 | dropped"#]],
        )
        .await;
}

#[tokio::test]
async fn a_tick_does_not_wait_for_whoever_holds_the_record_and_says_so() {
    let dialer = one_sold_one_open().await;
    let (writer, watch) = (dialer.another_session().await, dialer.another_session().await);
    dialer.clock(LATER).await;
    retained(&dialer).await;
    dialer.clock("2029-02-15 12:00").await;
    dialer.run("select dialer.set_retention('provider_event', '1 day'), dialer.set_retention('attempt', null), dialer.set_retention('call', null)").await;
    writer.run("begin; lock table dialer.provider_event in row exclusive mode").await;
    for _ in 0..2 {
        dialer.check(DONE, expect!["retention_locked | 1"]).await;
    }
    // Nobody was left waiting, and others are served.
    watch
        .check("set lock_timeout = '1s'; select count(*) from dialer.provider_event", expect!["2"])
        .await;
    let log = "select object, happened, row_count from dialer.retention_log order by retention_log_id desc limit 1";
    dialer.check(log, expect!["provider_event_2026_12 | locked | 2"]).await;
    writer.run("commit").await;
    dialer.check(DONE, expect!["retention_drop | 1"]).await;
    dialer.check(log, expect!["provider_event_2026_12 | dropped | 0"]).await;
}

#[tokio::test]
async fn a_default_partition_is_emptied_when_its_month_is_over() {
    let dialer = Dialer::closed().await;
    // Before the campaign has ever run nobody has made the month.
    dialer.people(3).await;
    dialer.run("select dialer.cancel_call(i) from generate_series(1, 3) i").await;
    dialer.run("select from dialer.tick()").await;
    let spread = "select tableoid::regclass, count(*) from dialer.transition group by 1 order by 1";
    dialer.check(spread, expect!["dialer.transition_other | 3"]).await;
    dialer.check(DONE, expect![""]).await;
    dialer.clock("2027-01-04 12:00").await;
    assert_eq!(retained(&dialer).await, ["retention_copy | 1", "retention_move | 1"]);
    dialer.check(spread, expect!["dialer.transition_2026_12 | 3"]).await;
    dialer
        .check(
            "select object, happened, row_count from dialer.retention_log",
            expect!["transition_other | moved | 3"],
        )
        .await;
    // From here it goes as every month does.
    dialer.clock("2028-01-04 12:00").await;
    retained(&dialer).await;
    dialer.check(spread, expect![""]).await;
}

#[tokio::test]
async fn a_row_that_comes_while_a_default_partition_is_moved_is_not_lost() {
    let dialer = Dialer::open().await;
    for day in ["2025-03-31 23:59:59+00", "2025-04-01 00:00:00+00", "2025-04-02 00:00:00+00"] {
        dialer.run(&format!("insert into dialer.transition values ('{day}', 1, 'call', 1, null, 'scheduled', 'cancelled', null, 'a')")).await;
        dialer.run(&format!("insert into dialer.provider_event values (1, '{day}', ('{day}'::timestamptz at time zone 'UTC')::date, 1, '{day}', null, null, 'note', 'webhook', 'unmatched', '{{}}')")).await;
    }
    dialer.run("select dialer.set_retention(what, null) from dialer.retention where what in ('transition', 'provider_event')").await;
    dialer
        .check(
            DONE,
            expect![[r#"
        retention_copy | 1
        retention_copy | 1"#]],
        )
        .await;
    dialer.run("insert into dialer.transition values ('2025-04-03 00:00:00+00', 1, 'call', 1, null, 'scheduled', 'cancelled', null, 'late')").await;
    retained(&dialer).await;
    dialer.check("select tableoid::regclass, count(*) from dialer.transition where at < '2026-01-01' group by 1 order by tableoid::regclass::text", expect![[r#"
        dialer.transition_2025_03 | 1
        dialer.transition_2025_04 | 3"#]]).await;
    dialer.check("select tableoid::regclass, count(*) from dialer.provider_event group by 1 order by tableoid::regclass::text", expect![[r#"
        dialer.provider_event_2025_03 | 1
        dialer.provider_event_2025_04 | 2"#]]).await;
}

#[tokio::test]
async fn what_was_staged_and_never_finished_is_deleted_in_bounded_steps() {
    let dialer = Dialer::open().await;
    dialer.run("insert into dialer.import_row (import_id, line) select dialer.begin_import('spring', 'list.csv'), 0; insert into dialer.import_row (import_id, line) select 1, i from generate_series(1, 5001) i").await;
    dialer.run("insert into dialer.outage (from_at, to_at) values (dialer.now(), dialer.now() + interval '1 hour')").await;
    dialer.clock("2027-02-04 12:00").await;
    dialer
        .check(
            "select dialer.delete_import_rows(dialer.now(), 5000), count(*) from dialer.import_row",
            expect!["5000 | 5002"],
        )
        .await;
    assert_eq!(retained(&dialer).await, ["retention_imports | 2"]);
    dialer.clock("2027-12-05 12:00").await;
    assert!(retained(&dialer).await.contains(&"retention_outages | 1".to_owned()));
}

#[tokio::test]
async fn what_cannot_be_kept_so_short_is_refused_and_only_the_owner_may_say() {
    let dialer = Dialer::open().await;
    dialer
        .check_refusal(
            "select dialer.set_retention('attempt', '12 months')",
            expect![[r#"
        PD037: attempts cannot be kept for 1 year only
        detail: Caps are counted from attempts, and a cap may look back a year.
        hint: Give 13 months or more, or null for ever."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.set_retention('call', '0')",
            expect![[r#"
        PD037: "call" cannot be kept for 00:00:00 only
        detail: What is needed today must be there today.
        hint: Give a day or more, or null for ever."#]],
        )
        .await;
    dialer.check_refusal("select dialer.set_retention('calls', '1 year')", expect![[r#"
        PD037: "calls" is nothing that retention knows
        detail: It knows: attempt, call, cron_history, import_row, outage, provider_event, transition.
        hint: See dialer.retention."#]]).await;
    dialer
        .check_refusal(
            "insert into dialer.retention_choice values ('attempt', '1 year')",
            expect![[r#"
                23514: new row for relation "retention_choice" violates check constraint "attempts_outlive_every_cap"
                detail: Failing row contains (attempt, 1 year)."#]],
        )
        .await;
    dialer.check("select dialer.set_retention('call', '1 year'), dialer.set_retention('call', null), dialer.set_retention('call', '1 day')", expect!["2 years | 1 year | -"]).await;
    dialer.run("create table seen as select 1; select dialer.note_retention('attempt_2026_12', 'dropped', 3, dialer.now())").await;
    dialer.run("set role dialer_admin").await;
    dialer
        .check_refusal(
            "select dialer.set_retention('call', null)",
            expect!["42501: permission denied for function set_retention"],
        )
        .await;
    dialer
        .check(
            "select what, keep from dialer.retention order by 1",
            expect![[r#"
        attempt | 2 years
        call | 1 day
        cron_history | 7 days
        import_row | 30 days
        outage | 1 year
        provider_event | 3 mons
        transition | 1 year"#]],
        )
        .await;
    dialer.check("select count(*) from dialer.retention_log", expect!["0"]).await;
    dialer.check("select count(*) from dialer.upkeep_step", expect!["0"]).await;
    dialer.run("reset role; drop table seen").await;
}

#[tokio::test]
async fn a_dump_restores_choices_kept_attempts_and_half_a_month_s_work() {
    let before = one_sold_one_open().await;
    before.run("select dialer.set_retention('call', '3 years')").await;
    before.clock(LATER).await;
    retained(&before).await;
    before.place().await;
    before.end("no_answer").await;
    before.clock("2031-02-02 12:00").await;
    before
        .check(
            DONE,
            expect![[r#"
        retention_calls | 1
        retention_outages | 1
        retention_copy | 1"#]],
        )
        .await;
    let after = Database::empty().await;
    after.load(&before.dump());
    set_clock(&after, "2031-02-02 12:00").await;
    after
        .check(
            "select tableoid::regclass, count(*) from dialer.attempt group by 1 order by tableoid::regclass::text",
            expect![[r#"
                dialer.attempt_2029_01 | 1
                dialer.attempt_kept | 1"#]],
        )
        .await;
    after
        .check(
            "select what, keep from dialer.retention where chosen",
            expect![[r#"
            transition | -
            provider_event | -
            call | 3 years"#]],
        )
        .await;
    for _ in 0..10 {
        after.run("select from dialer.tick()").await;
    }
    after
        .check(
            "select tableoid::regclass, count(*) from dialer.attempt group by 1 order by tableoid::regclass::text",
            expect!["dialer.attempt_kept | 2"],
        )
        .await;
    after.check("select object, happened, row_count from dialer.retention_log order by retention_log_id desc limit 1", expect!["attempt_2029_01 | dropped | 2"]).await;
}

#[tokio::test]
async fn an_event_for_an_attempt_that_is_gone_does_no_harm() {
    let dialer = one_sold_one_open().await;
    let gone = dialer.rows("select attempt_id from dialer.attempt where call_id = 1").await;
    dialer.clock(LATER).await;
    retained(&dialer).await;
    dialer.clock("2029-01-15 13:00").await;
    retained(&dialer).await;
    dialer.check("select count(*) from dialer.call where call_id = 1", expect!["0"]).await;
    let event = format!(
        r#"[{{"event_key": "late", "kind": "ended", "outcome": "dnc", "attempt_id": "{gone}"}}]"#
    );
    dialer
        .check(
            &format!("select result from dialer.ingest_event(1, '{event}')"),
            expect!["unmatched"],
        )
        .await;
    dialer.sound().await;
}
