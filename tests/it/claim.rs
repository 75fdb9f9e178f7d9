//! What a claim gives out, and what it does not.

use crate::dialer::{Dialer, set_clock};
use expect_test::expect;

// R021, R025, R028
#[tokio::test]
async fn a_claim_gives_no_more_than_the_account_has_lines() {
    let dialer = Dialer::open().await;
    dialer.people(5).await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["2"]).await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer
        .check(
            "select state, count(*) from dialer.call group by 1 order by 1",
            expect![[r#"
        scheduled | 3
        claimed | 2"#]],
        )
        .await;
    dialer.sound().await;
}

// C30, C35
#[tokio::test]
async fn a_second_dispatcher_passes_over_an_account_that_is_being_claimed() {
    let dialer = Dialer::open().await;
    dialer.people(5).await;
    let other = dialer.another_session().await;
    set_clock(&other, "2026-12-04 12:00").await;
    dialer.run("begin").await;
    dialer.check("select count(*) from dialer.claim('d1', 1)", expect!["1"]).await;
    other.check("select count(*) from dialer.claim('d2', 100)", expect!["0"]).await;
    dialer.run("commit").await;
    other.check("select count(*) from dialer.claim('d2', 100)", expect!["1"]).await;
    dialer.sound().await;
}

// R026, R029, C3
#[tokio::test]
async fn a_campaign_that_is_full_leaves_lines_to_the_others() {
    let dialer = Dialer::open().await;
    dialer
        .run("update dialer.campaign set max_concurrent = 1; select dialer.set_limits('voice', 10)")
        .await;
    dialer.run("select dialer.create_campaign('summer', 'voice', '24/7', tz => 'UTC'); select dialer.start_campaign('summer')").await;
    dialer.people(5).await;
    dialer.run("select dialer.schedule_call('summer', '+1312555' || to_char(100 + i, 'FM0000')) from generate_series(1, 3) i").await;
    dialer
        .check(
            "select name, count(*) from dialer.claim('d1', 100) join dialer.campaign using (campaign_id) group by 1 order by 1",
            expect![[r#"
                spring | 1
                summer | 3"#]],
        )
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_lower_limit_is_effective_at_the_next_claim_and_zero_stops() {
    let dialer = Dialer::open().await;
    dialer.people(5).await;
    dialer.run("select dialer.set_limits('voice', 0)").await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer.run("select dialer.set_limits('voice', 1)").await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["1"]).await;
}

// R022, C1, C34, R014
#[tokio::test]
async fn the_rate_gives_each_call_an_instant_of_its_own() {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.set_limits('voice', 10, 20)").await;
    dialer.people(10).await;
    dialer
        .check(
            "select place_at - claimed_at from dialer.claim('d1', 100) order by place_at",
            expect![[r#"
                00:00:00
                00:00:00.0525
                00:00:00.105
                00:00:00.1575
                00:00:00.21"#]],
        )
        .await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer.sound().await;
}

// R052, R059, C9
#[tokio::test]
async fn closed_hours_give_nothing_and_the_next_opening_wakes() {
    let dialer = Dialer::open().await;
    dialer.people(2).await;
    dialer.clock("2026-12-04 20:00").await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer
        .check("select wake_at from dialer.next_wake('d1')", expect!["2026-12-07 11:00:00-05"])
        .await;
    dialer.clock("2026-12-07 11:00").await;
    dialer
        .check(
            "select count(*), min(place_by) from dialer.claim('d1', 100)",
            expect!["2 | 2026-12-07 11:00:29-05"],
        )
        .await;
}

#[tokio::test]
async fn nothing_is_claimed_in_the_last_moment_of_a_window() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer.clock("2026-12-04 19:59:50").await;
    dialer
        .check("select place_by from dialer.claim('d1', 100)", expect!["2026-12-04 19:59:59-05"])
        .await;
    dialer
        .run("select dialer.schedule_call('spring', '+12125550155', tz => 'America/New_York')")
        .await;
    dialer.clock("2026-12-04 19:59:59.5").await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer
        .check("select wake_at from dialer.next_wake('d1')", expect!["2026-12-04 20:00:00-05"])
        .await;
}

// C25: half-open windows, and conversations that must be able to finish by closing.
#[tokio::test]
async fn a_campaign_may_keep_the_end_of_its_window_for_calls_to_finish() {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.set_limits('voice', 1)").await;
    dialer
        .check(
            "select * from dialer.edit_campaign('spring', '{\"finish_within\": \"10 minutes\"}')",
            expect!["finish_within | - | 00:10:00"],
        )
        .await;
    dialer.people(2).await;
    dialer.clock("2026-12-04 19:49:50").await;
    dialer.run("create temporary table mine as select * from dialer.claim('d1', 100)").await;
    dialer.check("select place_by from mine", expect!["2026-12-04 19:50:00-05"]).await;
    dialer.clock("2026-12-04 19:50").await;
    dialer.check("select allowed, reason from mine, dialer.intend('d1', array[attempt_id], array[token])", expect!["f | too_late"]).await;
    dialer
        .run("select dialer.release(array[attempt_id], array[token], array['not_sent']) from mine")
        .await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer
        .check("select wake_at from dialer.next_wake('d1')", expect!["2026-12-04 20:00:00-05"])
        .await;
    dialer.check("select gate, pass, detail, opens_at from dialer.explain(2) where gate ~ 'window|finish'", expect![[r#"
        finish_within | f | no call is placed in the last 00:10:00 before closing, which is at 2026-12-04 20:00:00-05 | 2026-12-07 11:00:00-05
        window | t | it is Fri 2026-12-04 19:50 there; hours are Mo-Fr 11:00-20:00 | -"#]]).await;
    dialer
        .check(
            "select * from dialer.why_waiting('spring')",
            expect![[r#"
        due later: too_late | 1 | 2026-12-07 11:00:00-05
        too near to closing | 1 | 2026-12-07 11:00:00-05"#]],
        )
        .await;
    dialer.clock("2026-12-07 11:00").await;
    dialer
        .check(
            "select count(*), min(place_by) from dialer.claim('d1', 100)",
            expect!["1 | 2026-12-07 11:00:29-05"],
        )
        .await;
    dialer.run("select dialer.edit_campaign('spring', '{\"finish_within\": null}')").await;
    let said = dialer
        .refusal("select dialer.edit_campaign('spring', '{\"finish_within\": \"13 hours\"}')")
        .await;
    assert!(said.starts_with("23514") || said.starts_with("PD0"), "{said}");
    dialer.sound().await;
}

// R142
#[tokio::test]
async fn an_edit_of_hours_or_closures_is_effective_at_the_next_claim() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer.check("select count(*) from dialer.claim('d1', 0)", expect!["0"]).await;
    dialer.run("select dialer.add_closures('campaign spring', '{2026-12-04}')").await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer
        .run("delete from dialer.closure; update dialer.calendar set hours = 'Fr 13:00-14:00'")
        .await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer.clock("2026-12-04 13:00").await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["1"]).await;
}

// R136, R138
#[tokio::test]
async fn a_pause_holds_everything_and_a_resume_lets_it_go() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer.run("select dialer.pause_campaign('spring')").await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer
        .check(
            "select reason, calls from dialer.why_waiting('spring')",
            expect!["campaign is paused | 1"],
        )
        .await;
    dialer.run("select dialer.resume_campaign('spring')").await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["1"]).await;
}

#[tokio::test]
async fn a_number_without_a_zone_is_never_called_and_says_so() {
    let dialer = Dialer::open().await;
    dialer
        .check(
            "select result from dialer.schedule_call('spring', '+18005550123')",
            expect!["waiting"],
        )
        .await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer
        .check(
            "select gate, pass, detail from dialer.explain(1) where not pass",
            expect![[r#"
                due | f | due at infinity
                zone | f | no time zone is known for the contact: never called
                window | f | no opening
                attempts_today | f | 0 made on this local date, 0 more can be made"#]],
        )
        .await;
}

// D2, C38
#[tokio::test]
async fn one_person_with_two_calls_is_called_one_after_the_other() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer.people(1).await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["1"]).await;
    dialer
        .check(
            "select state, wait_reason, due_at from dialer.call order by call_id",
            expect![[r#"
        claimed | - | 2026-12-04 12:00:00-05
        scheduled | number_busy | 2026-12-04 12:01:00-05"#]],
        )
        .await;
    dialer.sound().await;
}

// R046
#[tokio::test]
async fn a_call_whose_time_is_over_expires() {
    let dialer = Dialer::open().await;
    dialer
        .run("select dialer.schedule_call('spring', '+12125550100', tz => 'America/New_York', expires_at => '2026-12-04 12:30')")
        .await;
    dialer.clock("2026-12-04 13:00").await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer.check("select state, end_reason from dialer.call", expect!["expired | expired"]).await;
    dialer.sound().await;
}

// R040
#[tokio::test]
async fn priority_comes_first() {
    let dialer = Dialer::open().await;
    dialer.people(3).await;
    dialer
        .run("select dialer.schedule_call('spring', '+13125550100', tz => 'America/New_York', priority => 1)")
        .await;
    dialer.check("select address from dialer.claim('d1', 1)", expect!["+13125550100"]).await;
}

#[tokio::test]
async fn bad_arguments_are_refused() {
    let dialer = Dialer::open().await;
    dialer
        .check_refusal(
            "select * from dialer.claim('', 1)",
            expect![[r#"
        PD032: claim("", 1) is not sound
        detail: A dispatcher has a name and wants 0 to 10000 calls.
        hint: Give the dispatcher's own name and a batch size."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select * from dialer.claim('d1', -1)",
            expect![[r#"
        PD032: claim("d1", -1) is not sound
        detail: A dispatcher has a name and wants 0 to 10000 calls.
        hint: Give the dispatcher's own name and a batch size."#]],
        )
        .await;
}

#[tokio::test]
async fn the_rate_holds_for_calls_that_become_due_together_in_a_moment() {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.set_limits('voice', 10, 20)").await;
    dialer
        .run("select dialer.schedule_call('spring', '+1212555' || to_char(100 + i, 'FM0000'), '2026-12-04 12:00:00.2', tz => 'America/New_York') from generate_series(1, 4) i")
        .await;
    dialer
        .check(
            "select place_at - claimed_at from dialer.claim('d1', 100) order by place_at",
            expect![[r#"
                00:00:00.2
                00:00:00.2525
                00:00:00.305
                00:00:00.3575"#]],
        )
        .await;
    dialer
        .check(
            "select next_slot_at - dialer.now() from dialer.account_control",
            expect!["00:00:00.41"],
        )
        .await;
    dialer.sound().await;
}

// Midday in New York is nine in the morning in Los Angeles; the campaign calls from 11 to 20.
#[tokio::test]
async fn a_waiting_call_follows_its_contact_into_another_zone() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer
        .run("select dialer.schedule_call('spring', '+18005550123'); select dialer.schedule_call('spring', '+13125550100', due_at => '2026-12-09 12:00', tz => 'America/New_York')")
        .await;
    dialer.run("select dialer.begin_import(null, 'list'); insert into dialer.import_row (import_id, line, phone, tz) values
        (1, 1, '+12125550101', 'America/Los_Angeles'), (1, 2, '+18005550123', 'America/Los_Angeles'), (1, 3, '+13125550100', 'America/Los_Angeles');
        select dialer.import_contacts(1)").await;
    dialer
        .check(
            "select c.call_id, c.state, c.wait_reason, c.due_at, l.zones from dialer.call c join dialer.lane l using (lane_id) order by 1",
            expect![[r#"
                1 | scheduled | - | 2026-12-04 12:00:00-05 | {America/Los_Angeles}
                2 | scheduled | - | 2026-12-04 14:00:00-05 | {America/Los_Angeles}
                3 | scheduled | - | 2026-12-09 12:00:00-05 | {America/Los_Angeles}"#]],
        )
        .await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer.clock("2026-12-04 14:00").await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["2"]).await;
    dialer.sound().await;
}

// The attempt ends in the lane in which it began; the next claim looks where the contact is now.
#[tokio::test]
async fn a_redial_follows_its_contact_into_another_zone() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer.place().await;
    dialer.run("update dialer.contact set zones = '{America/Los_Angeles}'").await;
    dialer.end("no_answer").await;
    dialer.clock("2026-12-04 12:02").await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer
        .check(
            "select l.zones, c.due_at from dialer.call c join dialer.lane l using (lane_id)",
            expect!["{America/Los_Angeles} | 2026-12-04 12:02:00-05"],
        )
        .await;
    dialer
        .check("select wake_at from dialer.next_wake('d1')", expect!["2026-12-04 12:02:00-05"])
        .await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer
        .check("select wake_at from dialer.next_wake('d1')", expect!["2026-12-04 14:00:00-05"])
        .await;
    dialer.sound().await;
}

// R204, R231
#[tokio::test]
async fn nothing_wakes_a_dispatcher_for_calls_whose_time_is_over_or_nearly() {
    let dialer = Dialer::open().await;
    dialer.run("update dialer.campaign set valid_until = '2026-12-04 12:30'").await;
    dialer.people(1).await;
    for moment in ["12:29:59.5", "12:30"] {
        dialer.clock(&format!("2026-12-04 {moment}")).await;
        dialer.check("select count(*) from dialer.claim('d1', 10)", expect!["0"]).await;
        dialer.check("select wake_at from dialer.next_wake('d1')", expect!["-"]).await;
    }
    dialer.run("update dialer.campaign set valid_until = null; update dialer.call set expires_at = '2026-12-04 12:31'").await;
    dialer.clock("2026-12-04 12:30:59.5").await;
    dialer.check("select count(*) from dialer.claim('d1', 10)", expect!["0"]).await;
    dialer.check("select wake_at from dialer.next_wake('d1')", expect!["-"]).await;
    dialer.check("select state, end_reason from dialer.call", expect!["expired | expired"]).await;
    dialer.sound().await;
}

// Two channels of one person are two calls that a claim may take together; what counts over both must not turn both away for ever.
#[tokio::test]
async fn of_two_channels_under_one_cap_one_is_called() {
    let dialer = Dialer::open().await;
    dialer
        .run(
            "update dialer.provider_account set max_concurrent = 100; update dialer.calendar set hours = '24/7';
             select dialer.create_account('post', 'resend', 5, channel => 'email'); select dialer.create_campaign('letters', 'post', '24/7'); select dialer.start_campaign('letters');
             select dialer.set_tenant_cap('one a day', 1, 'local_dates', 1, channels => '{voice,email}');
             select dialer.schedule_batch('[{\"phone\": \"+12125550101\", \"email\": \"ada@example.com\", \"tz\": \"America/New_York\"}]', call_campaign => 'spring', email_campaign => 'letters')",
        )
        .await;
    assert_eq!(dialer.place().await, "1");
    assert_eq!(dialer.place().await, "0");
    dialer
        .check(
            "select state, wait_reason, count(*) from dialer.call group by 1, 2 order by 1, 2",
            expect![[r#"
                scheduled | tenant_cap | 1
                in_flight | - | 1"#]],
        )
        .await;
    dialer.sound().await;
}

// R050
#[tokio::test]
async fn a_contact_that_moves_after_the_claim_is_not_called_in_its_old_zone() {
    let dialer = Dialer::open().await;
    dialer
        .run("select dialer.schedule_call('spring', '+12125550101', tz => 'America/New_York')")
        .await;
    dialer.run("create temporary table mine as select * from dialer.claim('d1', 10)").await;
    dialer.run("update dialer.contact set zones = '{America/Los_Angeles}'").await;
    dialer
        .check(
            "select i.allowed, i.reason from mine, dialer.intend('d1', array[attempt_id], array[token]) i",
            expect!["f | elsewhere"],
        )
        .await;
    dialer.check("select count(*) from dialer.claim('d1', 10)", expect!["0"]).await;
    dialer
        .check(
            "select state, due_at from dialer.call",
            expect!["scheduled | 2026-12-04 12:00:00-05"],
        )
        .await;
    dialer.sound().await;
}

// R104: a number that was found unusable, or a person who is gone, between claim and call.
#[tokio::test]
async fn a_number_that_became_unusable_is_not_called_after_the_claim() {
    let dialer = Dialer::open().await;
    dialer.people(2).await;
    dialer.run("create temporary table taken as select * from dialer.claim('d1', 10)").await;
    dialer.run("update dialer.endpoint set status = 'unusable' where address = '+12125550101'; delete from dialer.contact where contact_id = 2").await;
    dialer
        .check(
            "select t.address, i.allowed, i.reason from taken t, dialer.intend('d1', array[t.attempt_id], array[t.token]) i order by 1",
            expect![[r#"
                +12125550101 | f | number_unusable
                +12125550102 | f | number_unusable"#]],
        )
        .await;
    assert_eq!(dialer.place().await, "0");
    dialer
        .check(
            "select distinct state, end_reason from dialer.call",
            expect!["failed | number_unusable"],
        )
        .await;
    dialer.sound().await;
}
