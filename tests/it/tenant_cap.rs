//! Caps of a tenant: over all its campaigns, after refusals and conversations, and on messages left.

use crate::dialer::Dialer;
use expect_test::{Expect, expect};

/// Two campaigns around the clock, without caps of their own, and one person in both.
async fn two_campaigns() -> Dialer {
    let dialer = Dialer::open().await;
    dialer
        .run(
            "update dialer.provider_account set max_concurrent = 100; update dialer.calendar set hours = '24/7';
             select dialer.create_redial_policy('eager', '{0,1 min}', final_outcomes => '{sale,not_interested}');
             select dialer.create_campaign('summer', 'voice', '24/7'); select dialer.start_campaign('summer');
             update dialer.campaign set policy_id = dialer.policy_named('eager');
             select dialer.schedule_call('spring', '+12125550101', tz => 'America/New_York')",
        )
        .await;
    dialer
}

async fn summer(dialer: &Dialer) {
    dialer
        .run("select dialer.schedule_call('summer', '+12125550101', tz => 'America/New_York')")
        .await;
}

/// One call goes out, and ends so.
async fn called(dialer: &Dialer, outcome: &str) {
    assert_eq!(dialer.place().await, "1");
    dialer.end(outcome).await;
}

/// None goes out; what waits, why and until when.
async fn held(dialer: &Dialer, waiting: Expect) {
    assert_eq!(dialer.place().await, "0");
    dialer.check(WAITING, waiting).await;
}

const WAITING: &str =
    "select call_id, wait_reason, due_at from dialer.call where state = 'scheduled' order by 1";

#[tokio::test]
async fn a_smallest_gap_holds_over_all_campaigns() {
    let dialer = two_campaigns().await;
    dialer.run("select dialer.set_tenant_cap('breath', 1, 'gap', 1800)").await;
    called(&dialer, "no_answer").await;
    summer(&dialer).await;
    dialer.clock("2026-12-04 12:29:59").await;
    held(
        &dialer,
        expect![[r#"
        1 | number_busy | 2026-12-04 12:30:59-05
        2 | tenant_cap | 2026-12-04 12:30:00-05"#]],
    )
    .await;
    dialer.clock("2026-12-04 12:30").await;
    assert_eq!(dialer.place().await, "1");
    dialer
        .check(
            "select gate, pass, detail from dialer.explain(2) where gate ~ 'breath'",
            expect!["cap: tenant: breath | t | at least 00:30:00 between two: attempts per person in voice; 1 counted (set by the tenant)"],
        )
        .await;
    dialer.run("select dialer.remove_tenant_cap('breath')").await;
    dialer.end("no_answer").await;
    dialer.clock("2026-12-04 12:31").await;
    assert_eq!(dialer.place().await, "1");
    dialer.sound().await;
}

#[tokio::test]
async fn after_a_refusal_sixty_days_and_after_a_conversation_seven() {
    let dialer = two_campaigns().await;
    dialer.run("select dialer.set_tenant_cap('refusal', 0, 'cooldown_dates', 60, counts => 'refusals'); select dialer.set_tenant_cap('talked', 0, 'cooldown_dates', 7, counts => 'conversations')").await;
    called(&dialer, "completed").await;
    summer(&dialer).await;
    held(
        &dialer,
        expect![[r#"
        1 | redial | 2026-12-04 12:01:00-05
        2 | tenant_cap | 2026-12-11 00:00:00-05"#]],
    )
    .await;
    dialer.clock("2026-12-11 00:00").await;
    assert_ne!(dialer.place().await, "0");
    dialer.end("not_interested").await;
    dialer.clock("2026-12-20 00:00").await;
    dialer.place().await;
    dialer.check(WAITING, expect!["1 | tenant_cap | 2027-02-09 00:00:00-05"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn caps_count_over_channels_when_they_say_so() {
    let dialer = two_campaigns().await;
    dialer
        .run(
            "select dialer.create_account('post', 'resend', 5, channel => 'email'); select dialer.create_campaign('letters', 'post', '24/7'); select dialer.start_campaign('letters');
             select dialer.set_tenant_cap('one a day', 1, 'local_dates', 1, channels => '{voice,email}')",
        )
        .await;
    called(&dialer, "no_answer").await;
    dialer.run("select dialer.schedule_batch('[{\"phone\": \"+12125550101\", \"email\": \"ada@example.com\", \"tz\": \"America/New_York\"}]', email_campaign => 'letters')").await;
    held(
        &dialer,
        expect![[r#"
        1 | redial | 2026-12-04 12:01:00-05
        2 | tenant_cap | 2026-12-05 00:00:00-05"#]],
    )
    .await;
    dialer.sound().await;
}

#[tokio::test]
async fn messages_left_are_limited_and_then_none_is_left_or_the_call_waits() {
    for (instead, expected, waiting) in [
        (
            "no_message",
            expect![[r#"
                1 | leave_message | call back | 1
                2 | leave_message | call back | 1
                3 | hang_up | - | 1"#]],
            expect!["1 | redial | 2026-12-04 12:03:00-05"],
        ),
        (
            "wait",
            expect![[r#"
                1 | leave_message | call back | 1
                2 | leave_message | call back | 1"#]],
            expect!["1 | tenant_cap | 2026-12-07 00:00:00-05"],
        ),
    ] {
        let dialer = two_campaigns().await;
        dialer.run("update dialer.campaign set settings = '{\"voicemail\": \"leave_message\", \"voicemail_message\": \"call back\", \"other\": 1}'").await;
        dialer.run(&format!("select dialer.set_tenant_cap('messages', 2, 'local_dates', 3, cap_key => 'number', counts => 'voicemails', instead => '{instead}')")).await;
        for minute in 0..3 {
            dialer.clock(&format!("2026-12-04 12:0{minute}")).await;
            dialer.run("create temporary table if not exists said (n integer generated always as identity, settings jsonb)").await;
            dialer.run("create temporary table if not exists mine (attempt_id uuid, token bigint, settings jsonb); delete from mine;
                        insert into mine select attempt_id, token, settings from dialer.claim('d1', 10); insert into said (settings) select settings from mine;
                        select dialer.intend('d1', array_agg(attempt_id), array_agg(token)) from mine having count(*) > 0;
                        select dialer.mark_placed(array_agg(attempt_id), array_agg(token), array_agg('p' || attempt_id)) from mine having count(*) > 0").await;
            dialer.end("voicemail").await;
        }
        dialer.check("select n, settings ->> 'voicemail', settings ->> 'voicemail_message', settings ->> 'other' from said order by 1", expected).await;
        dialer.check(WAITING, waiting).await;
    }
}

#[tokio::test]
async fn caps_per_subject_count_what_is_about_it_or_about_nothing() {
    let dialer = two_campaigns().await;
    dialer.run("update dialer.campaign set subject = name; select dialer.set_tenant_cap('topic', 1, 'rolling', 86400, cap_key => 'subject')").await;
    called(&dialer, "no_answer").await;
    summer(&dialer).await;
    dialer.clock("2026-12-04 12:05").await;
    called(&dialer, "no_answer").await;
    dialer
        .check(
            WAITING,
            expect![[r#"
        1 | number_busy | 2026-12-04 12:06:00-05
        2 | redial | 2026-12-04 12:06:00-05"#]],
        )
        .await;
    // A call may say another subject than its campaign; whoever says none is counted with all.
    dialer.run("select dialer.schedule_call('summer', '+12125550101', payload => '{\"subject\": \"loan 7\"}')").await;
    called(&dialer, "no_answer").await;
    dialer.run("update dialer.campaign set subject = null where name = 'summer'; select dialer.schedule_call('summer', '+12125550101')").await;
    assert_eq!(dialer.place().await, "0");
    dialer.sound().await;
}

/// How the calls to eight people end, one after the other.
const ENDS: &str = r#"select dialer.ingest_event(l.account_id, jsonb_agg(jsonb_build_object('event_key', 'end-' || l.attempt_id, 'kind', 'ended', 'attempt_id', l.attempt_id)
        || (array['{"outcome": "completed", "duration_seconds": 0}', '{"outcome": "completed", "duration_seconds": 4.9}', '{"outcome": "completed", "duration_seconds": 5}',
            '{"outcome": "completed", "duration_seconds": 29.9}', '{"outcome": "completed", "duration_seconds": 30}', '{"outcome": "completed"}', '{"outcome": "rejected"}',
            '{"outcome": "voicemail", "duration_seconds": 3}'])[l.call_id]::jsonb)) from dialer.lease l group by l.account_id"#;

// C19: nobody says who ended an answered call, so a short one counts as a hang-up.
#[tokio::test]
async fn a_short_conversation_counts_as_a_hang_up() {
    let dialer = two_campaigns().await;
    dialer.run("select dialer.schedule_call('spring', '+1212555020' || i, tz => 'America/New_York') from generate_series(2, 8) i").await;
    assert_eq!(dialer.place().await, "8");
    dialer.run(ENDS).await;
    dialer.clock("2026-12-04 12:10").await;
    // Which of them are held back: the sixth is of unknown length, the seventh was rejected.
    for (seconds, held) in [(30, "1 2 3 4 6 7"), (5, "1 2 6 7"), (0, "7")] {
        dialer.run(&format!("select dialer.set_tenant_cap('hung up', 0, 'cooldown_dates', 7, counts => 'hang_ups', hang_up_seconds => {seconds})")).await;
        let found = dialer.rows("select string_agg(c.call_id::text, ' ' order by c.call_id) from dialer.call c, dialer.explain(c.call_id) e where e.gate = 'cap: tenant: hung up' and not e.pass and e.opens_at = '2026-12-11'").await;
        assert_eq!(found, held, "{seconds}");
    }
    dialer.check_refusal("select dialer.set_tenant_cap('hung up', 0, 'cooldown_dates', 7, counts => 'hang_ups', hang_up_seconds => 3601)", expect![[r#"
        PD044: cap "hung up" takes conversations of less than 3601 seconds for hang-ups
        detail: It is 0 (none) to 3600.
        hint: Leave it out for 30."#]]).await;
    // The claim goes by it as well.
    dialer
        .run(
            "select dialer.set_tenant_cap('hung up', 0, 'cooldown_dates', 7, counts => 'hang_ups')",
        )
        .await;
    dialer.place().await;
    dialer.check("select string_agg(call_id::text, ' ' order by call_id) from dialer.call where wait_reason = 'tenant_cap'", expect!["1 2 3 4 6 7"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn caps_that_make_no_sense_are_refused() {
    let dialer = Dialer::open().await;
    for (sql, expected) in [
        (
            "select dialer.set_tenant_cap(' ', 1, 'gap', 60)",
            expect![[r#"
                PD044: a cap of the tenant has no name
                detail: By its name it is changed and removed.
                hint: Name it after what it is for."#]],
        ),
        (
            "select dialer.set_tenant_cap('x', 1, 'gap', 60, cap_key => 'galaxy')",
            expect![[r#"
            PD044: cap "x" counts attempts per galaxy in {voice}, else wait
            detail: cap_key is number, person, subject or campaign; counts is attempts, answered, conversations, voicemails, refusals or hang_ups; channels are voice, email, sms; instead is wait or no_message.
            hint: E.g. select dialer.set_tenant_cap('after a refusal', 0, 'cooldown_dates', 60, counts => 'refusals')."#]],
        ),
        (
            "select dialer.set_tenant_cap('x', 1, 'rolling', 99999999)",
            expect![[r#"
            PD044: cap "x" looks back 99999999
            detail: A cap looks back a year at most: 31622400 seconds, or 366 dates."#]],
        ),
        (
            "select dialer.set_tenant_cap('x', -1, 'rolling', 60)",
            expect![[r#"
            PD015: cap allows -1 attempts
            detail: The number of attempts that a cap allows is zero or more.
            hint: Use 0 to allow none."#]],
        ),
        (
            "select dialer.set_tenant_cap('x', 1, 'sometimes', 60)",
            expect![[r#"
            PD015: unknown kind of cap "sometimes"
            detail: The kinds are rolling, local_dates, calendar_week, gap, cooldown_dates and lifetime.
            hint: Use one of these kinds."#]],
        ),
        (
            "select dialer.remove_tenant_cap('x')",
            expect![[r#"
            PD044: cap "x" does not exist
            hint: Caps of this tenant are in dialer.tenant_cap."#]],
        ),
    ] {
        dialer.check_refusal(sql, expected).await;
    }
}

// R056: a cap that is taken away, or allows more, holds nobody back who waited for it.
#[tokio::test]
async fn a_cap_that_is_gone_is_waited_for_no_longer() {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.set_tenant_cap('once', 1, 'lifetime')").await;
    dialer.people(1).await;
    assert_eq!(dialer.place().await, "1");
    dialer.end("no_answer").await;
    dialer.clock("2026-12-04 13:00").await;
    assert_eq!(dialer.place().await, "0");
    dialer
        .check(
            "select wait_reason, due_at from dialer.call",
            expect!["caps_spent | 2026-12-05 13:00:00-05"],
        )
        .await;
    dialer.run("select dialer.set_tenant_cap('once', 2, 'lifetime')").await;
    assert_eq!(dialer.place().await, "1");
    dialer.end("no_answer").await;
    dialer.clock("2026-12-04 14:00").await;
    assert_eq!(dialer.place().await, "0");
    dialer.run("select dialer.remove_tenant_cap('once')").await;
    assert_eq!(dialer.place().await, "1");
    dialer.sound().await;
}
