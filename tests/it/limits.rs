//! Limits beside the account's: campaign, tenant, caller id; who places for an account with a
//! rate; what an account does that fails; what becomes of calls that were due in an outage.

use crate::dialer::{Dialer, set_clock};
use expect_test::expect;

const CLAIMED: &str = "select count(*) from dialer.claim('d1', 100)";
const PLACES: &str = "select place_at - claimed_at, settings ->> 'caller_id' from dialer.claim('d1', 100) order by place_at, call_id";

async fn with_lines(people: u32, lines: u32) -> Dialer {
    let dialer = Dialer::open().await;
    dialer.run(&format!("select dialer.set_limits('voice', {lines})")).await;
    dialer.people(people).await;
    dialer
}

#[tokio::test]
async fn a_campaign_has_a_rate_of_its_own() {
    let dialer = with_lines(6, 10).await;
    dialer.run("update dialer.campaign set per_second = 10").await;
    dialer.run("select dialer.create_campaign('summer', 'voice', '24/7', tz => 'UTC'); select dialer.start_campaign('summer')").await;
    dialer.run("select dialer.schedule_call('summer', '+1312555' || to_char(100 + i, 'FM0000')) from generate_series(1, 2) i").await;
    dialer
        .check(
            "select name, place_at - claimed_at from dialer.claim('d1', 100) join dialer.campaign using (campaign_id) order by 2, 1",
            expect![[r#"
                spring | 00:00:00
                summer | 00:00:00
                summer | 00:00:00
                spring | 00:00:00.105
                spring | 00:00:00.21"#]],
        )
        .await;
    dialer.check(CLAIMED, expect!["0"]).await;
    dialer.clock("2026-12-04 12:00:01").await;
    dialer.check(CLAIMED, expect!["3"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn lines_are_kept_free_for_people_who_call_in_and_a_rate_can_be_taken_away() {
    let dialer = with_lines(8, 10).await;
    dialer.run("select dialer.set_limits('voice', 4, 0.01, inbound_reserve => 1)").await;
    dialer.check(CLAIMED, expect!["1"]).await;
    dialer.check(CLAIMED, expect!["0"]).await;
    dialer.run("select dialer.remove_rate('voice')").await;
    dialer.check(CLAIMED, expect!["2"]).await;
    dialer.check(CLAIMED, expect!["0"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_tenant_whose_lines_are_all_in_use_wakes_nobody() {
    let dialer = with_lines(4, 10).await;
    dialer.run("select dialer.set_tenant_limits('default', 3)").await;
    dialer.check(CLAIMED, expect!["3"]).await;
    dialer.check("select wake_at from dialer.next_wake('d1')", expect!["-"]).await;
    dialer.run("select dialer.set_tenant_limits('default', 4)").await;
    dialer.check("select wake_at is null from dialer.next_wake('d1')", expect!["f"]).await;
}

// C3
#[tokio::test]
async fn a_tenant_has_limits_over_all_its_accounts() {
    let dialer = with_lines(5, 10).await;
    dialer
        .run(
            "select dialer.create_account('second', 'sandbox', 10); select dialer.create_campaign('summer', 'second', '24/7', tz => 'UTC');
             select dialer.start_campaign('summer'); select dialer.set_tenant_limits('default', 4)",
        )
        .await;
    dialer.run("select dialer.schedule_call('summer', '+1312555' || to_char(100 + i, 'FM0000')) from generate_series(1, 5) i").await;
    dialer.check(CLAIMED, expect!["4"]).await;
    dialer.check(CLAIMED, expect!["0"]).await;
    dialer.run("select dialer.set_tenant_limits('default', 100, 20)").await;
    dialer
        .check(
            "select place_at - claimed_at from dialer.claim('d1', 100) order by 1",
            expect![[r#"
                00:00:00
                00:00:00.0525
                00:00:00.105
                00:00:00.1575
                00:00:00.21"#]],
        )
        .await;
    dialer.run("select dialer.set_tenant_limits('default')").await;
    dialer.check(CLAIMED, expect!["1"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn the_limits_of_a_tenant_hold_between_two_dispatchers() {
    let dialer = with_lines(3, 10).await;
    dialer
        .run(
            "select dialer.create_account('second', 'sandbox', 10); select dialer.create_campaign('summer', 'second', '24/7', tz => 'UTC');
             select dialer.start_campaign('summer'); select dialer.set_tenant_limits('default', 4);
             select dialer.schedule_call('summer', '+1312555' || to_char(100 + i, 'FM0000')) from generate_series(1, 3) i",
        )
        .await;
    let other = dialer.another_session().await;
    set_clock(&other, "2026-12-04 12:00").await;
    dialer.run("begin").await;
    dialer.check("select count(*) from dialer.claim('d1', 2)", expect!["2"]).await;
    other.check("select count(*) from dialer.claim('d2', 100)", expect!["0"]).await;
    dialer.run("commit").await;
    other.check("select count(*) from dialer.claim('d2', 100)", expect!["2"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn calls_go_out_from_the_caller_id_that_is_least_in_use() {
    let dialer = with_lines(8, 10).await;
    dialer
        .run("select dialer.add_caller_id('voice', '+12125550001', 2); select dialer.add_caller_id('voice', '+12125550002', per_second => 5)")
        .await;
    dialer
        .check(
            PLACES,
            expect![[r#"
                00:00:00 | +12125550001
                00:00:00 | +12125550002
                00:00:00 | +12125550001
                00:00:00.21 | +12125550002"#]],
        )
        .await;
    dialer.check(PLACES, expect![""]).await;
    dialer.clock("2026-12-04 12:00:01").await;
    dialer
        .check(
            PLACES,
            expect![[r#"
                00:00:00 | +12125550002
                00:00:00.21 | +12125550002"#]],
        )
        .await;
    dialer.run("select dialer.add_caller_id('voice', '+12125550002', 0)").await;
    dialer.clock("2026-12-04 12:00:02").await;
    dialer.check(PLACES, expect![""]).await;
    dialer.sound().await;
}

const CALLERS: &str =
    "select address, settings ->> 'caller_id' from dialer.claim('d1', 100) order by 1, 2";

#[tokio::test]
async fn calls_go_out_from_the_number_that_is_nearest_to_the_one_called() {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.set_limits('voice', 10)").await;
    for number in ["+12125550900", "+16175550900", "+13105550900"] {
        dialer.run(&format!("select dialer.add_caller_id('voice', '{number}', 1)")).await;
    }
    for number in ["+13105550101", "+12015550102", "+12125550103", "+12125550104"] {
        dialer
            .run(&format!(
                "select dialer.schedule_call('spring', '{number}', tz => 'America/New_York')"
            ))
            .await;
    }
    dialer
        .check(
            CALLERS,
            expect![[r#"
                +12015550102 | +12125550900
                +12125550103 | +16175550900
                +13105550101 | +13105550900"#]],
        )
        .await;
    dialer
        .check(
            "select pass, detail from dialer.call c cross join lateral dialer.explain(c.call_id) where c.state = 'scheduled' and gate = 'caller_id'",
            expect![[r#"f | 0 of 3 numbers to call from in pool "" have room"#]],
        )
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn campaigns_keep_to_their_pool_of_numbers() {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.set_limits('voice', 10); update dialer.campaign set caller_pool = 'sales'").await;
    dialer.run("select dialer.create_campaign('summer', 'voice', '24/7', tz => 'UTC'); select dialer.start_campaign('summer')").await;
    dialer.people(3).await;
    dialer.run("select dialer.schedule_call('summer', '+13125550101')").await;
    dialer.check(CALLERS, expect!["+13125550101 | -"]).await;
    dialer.run("select dialer.add_caller_id('voice', '+12125550900', 1)").await;
    dialer.check(CALLERS, expect![""]).await;
    dialer.run("select dialer.add_caller_id('voice', '+12125550901', 2, pool => 'sales')").await;
    dialer
        .check("select count(*), min(settings ->> 'caller_id'), max(settings ->> 'caller_id') from dialer.claim('d1', 100)", expect!["2 | +12125550901 | +12125550901"])
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_number_calls_so_often_in_a_day_and_rests_when_told_to() {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.set_limits('voice', 10); select dialer.add_caller_id('voice', '+12125550900', 5, max_per_day => 2)").await;
    dialer.people(6).await;
    assert_eq!(dialer.place().await, "2");
    dialer.end("no_answer").await;
    dialer.check(CLAIMED, expect!["0"]).await;
    dialer.clock("2026-12-07 12:00:01").await;
    dialer.run("select dialer.rest_caller_id('voice', '(212) 555-0900', '2026-12-08')").await;
    dialer.check(CLAIMED, expect!["0"]).await;
    dialer.run("select dialer.rest_caller_id('voice', '+12125550900', null)").await;
    dialer.check(CLAIMED, expect!["2"]).await;
    dialer
        .check_refusal(
            "select dialer.rest_caller_id('voice', '+12125550999', null)",
            expect![[r#"
            PD014: account "voice" does not call from +12125550999
            hint: Add it with dialer.add_caller_id; dialer.caller_id lists what there is."#]],
        )
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn one_dispatcher_alone_places_for_an_account_with_a_rate() {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.set_limits('voice', 10, 20)").await;
    dialer.people(10).await;
    let from = |name: &str| {
        format!(
            "select count(*), min(place_at - claimed_at), max(place_by - claimed_at) from dialer.claim('{name}', 1)"
        )
    };
    dialer.check(&from("d1"), expect!["1 | 00:00:00 | 00:00:05"]).await;
    dialer.check(&from("d2"), expect!["0 | - | -"]).await;
    dialer.clock("2026-12-04 12:00:04").await;
    dialer.check(&from("d1"), expect!["1 | 00:00:00 | 00:00:05"]).await;
    dialer.check(&from("d2"), expect!["0 | - | -"]).await;
    // It died; the next begins a second after the last instant at which it may have placed.
    dialer.clock("2026-12-04 12:00:10").await;
    dialer.check(&from("d2"), expect!["0 | - | -"]).await;
    dialer
        .check("select next_wake.wake_at - now_at from dialer.next_wake('d2')", expect!["00:00:01"])
        .await;
    dialer.clock("2026-12-04 12:00:11").await;
    dialer.check(&from("d2"), expect!["1 | 00:00:00 | 00:00:04"]).await;
    dialer.check(&from("d1"), expect!["0 | - | -"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn calls_that_another_transaction_holds_do_not_starve_the_rest() {
    let dialer = with_lines(6, 2).await;
    let other = dialer.another_session().await;
    other.run("begin").await;
    other.run("select from dialer.due order by due_at, call_id limit 3 for update").await;
    dialer
        .check(
            "select array_agg(call_id order by call_id) from dialer.claim('d1', 100)",
            expect!["{4,5}"],
        )
        .await;
    other.run("commit").await;
    dialer.sound().await;
}

#[tokio::test]
async fn an_account_that_fails_rests_and_is_tried_with_one_call() {
    let dialer = with_lines(20, 10).await;
    let fail = |n: u32| {
        format!(
            "with c as (select array_agg(attempt_id) ids, array_agg(token) tokens from dialer.claim('d1', {n})),
                  i as (select count(*) from c, dialer.intend('d1', c.ids, c.tokens))
             select count(*) from c, i"
        )
    };
    let settle = "select dialer.settle(array_agg(attempt_id), array_agg(token), array_agg('provider_fault'::text), array_agg('http-500'::text), array_agg('{}'::jsonb)) from dialer.lease where state = 'intended'";
    let health = "select failed, level, case when isfinite(blocked_until) then blocked_until - dialer.now() end as rest, blocked_reason from dialer.account_health";
    dialer.run(&fail(4)).await;
    dialer.run(settle).await;
    dialer.check(health, expect!["4 | 0 | - | -"]).await;
    dialer.run(&fail(2)).await;
    dialer.run(settle).await;
    dialer.check(health, expect!["0 | 1 | 00:00:30 | breaker: 6 of 6 placings failed"]).await;
    dialer.check(CLAIMED, expect!["0"]).await;
    dialer
        .check(
            "select state, state_reason, blocked_reason from dialer.account_dashboard",
            expect!["open | - | breaker: 6 of 6 placings failed"],
        )
        .await;
    dialer.clock("2026-12-04 12:01").await;
    dialer.check(CLAIMED, expect!["1"]).await;
    dialer.check(CLAIMED, expect!["0"]).await;
    dialer
        .run(
            "select dialer.intend('d1', array_agg(attempt_id), array_agg(token)) from dialer.lease",
        )
        .await;
    dialer.run("select dialer.mark_placed(array_agg(attempt_id), array_agg(token), array_agg('p' || attempt_id)) from dialer.lease").await;
    dialer.check(health, expect!["0 | 0 | -00:00:30 | -"]).await;
    dialer.check(CLAIMED, expect!["9"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn one_call_opens_the_account_again_after_the_breaker() {
    let dialer = with_lines(20, 10).await;
    dialer.run("select dialer.account_failed(array_fill(1, array[5]), dialer.now())").await;
    dialer.check(CLAIMED, expect!["0"]).await;
    dialer.run("select dialer.reopen_account('voice')").await;
    dialer.check(CLAIMED, expect!["10"]).await;
}

/// Calls due each minute from 12:00; the dispatchers were last seen at 12:00 and come back at 13:30.
async fn after_an_outage(misfire: &str) -> Dialer {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.set_limits('voice', 100)").await;
    dialer.run(&format!("update dialer.campaign set misfire = '{misfire}'")).await;
    dialer.check(CLAIMED, expect!["0"]).await;
    dialer
        .run(
            "select dialer.schedule_call('spring', '+1212555' || to_char(100 + i, 'FM0000'), timestamptz '2026-12-04 12:00' + i * interval '20 min', tz => 'America/New_York')
             from generate_series(0, 5) i",
        )
        .await;
    dialer.clock("2026-12-04 13:30").await;
    dialer
}

const AFTER: &str = "select state, coalesce(wait_reason, end_reason), due_at::time from dialer.call order by due_at, call_id";

// D7
#[tokio::test]
async fn calls_due_in_an_outage_are_placed_at_once() {
    let dialer = after_an_outage("place").await;
    dialer.check(CLAIMED, expect!["5"]).await;
    dialer
        .check(
            "select from_at::time, to_at::time from dialer.outage",
            expect!["12:00:00 | 13:30:00"],
        )
        .await;
    dialer.sound().await;
}

// D7
#[tokio::test]
async fn calls_due_in_an_outage_keep_their_distances() {
    let dialer = after_an_outage("shift").await;
    dialer.check(CLAIMED, expect!["1"]).await;
    dialer
        .check(
            AFTER,
            expect![[r#"
        claimed | - | 12:00:00
        scheduled | - | 13:40:00
        scheduled | misfired | 13:50:00
        scheduled | misfired | 14:10:00
        scheduled | misfired | 14:30:00
        scheduled | misfired | 14:50:00"#]],
        )
        .await;
    dialer.clock("2026-12-04 13:50").await;
    dialer.check(CLAIMED, expect!["1"]).await;
    dialer.sound().await;
}

// D7
#[tokio::test]
async fn calls_due_in_an_outage_expire() {
    let dialer = after_an_outage("expire").await;
    dialer.check(CLAIMED, expect!["0"]).await;
    dialer
        .check(
            AFTER,
            expect![[r#"
        expired | misfired | 12:00:00
        expired | misfired | 12:20:00
        expired | misfired | 12:40:00
        expired | misfired | 13:00:00
        expired | misfired | 13:20:00
        scheduled | - | 13:40:00"#]],
        )
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_weekend_without_dispatchers_moves_calls_into_open_hours() {
    let dialer = after_an_outage("shift").await;
    dialer.clock("2026-12-07 08:00").await;
    dialer.check(CLAIMED, expect!["0"]).await;
    dialer.clock("2026-12-07 11:00").await;
    dialer.check(CLAIMED, expect!["1"]).await;
    dialer.check("select state, coalesce(wait_reason, end_reason), due_at from dialer.call order by due_at, call_id", expect![[r#"
        claimed | - | 2026-12-04 12:00:00-05
        scheduled | misfired | 2026-12-07 11:20:00-05
        scheduled | misfired | 2026-12-07 11:40:00-05
        scheduled | misfired | 2026-12-07 12:00:00-05
        scheduled | misfired | 2026-12-07 12:20:00-05
        scheduled | misfired | 2026-12-07 12:40:00-05"#]]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_short_break_is_no_outage() {
    let dialer = after_an_outage("expire").await;
    dialer.run("update dialer.campaign set misfire_after = '2 hours'").await;
    dialer.check(CLAIMED, expect!["5"]).await;
}

#[tokio::test]
async fn impossible_limits_are_refused() {
    let dialer = Dialer::open().await;
    dialer
        .check_refusal(
            "select dialer.set_tenant_limits('default', -1)",
            expect![[r#"
                PD035: tenant "default" may not have max_concurrent -1 and per_second unlimited
                detail: Calls at once are zero or more; calls a second are 0.0001 to 10000.
                hint: Give null for no limit, max_concurrent => 0 to stop new calls."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.set_tenant_limits('nobody', 1)",
            expect![[r#"
        PD020: tenant "nobody" does not exist
        hint: Create it with dialer.create_tenant."#]],
        )
        .await;
    dialer.check_refusal("select dialer.add_caller_id('voice', '12')", expect![[r#"
        PD014: invalid phone number: short code
        detail: Short codes belong to one network and cannot be called from elsewhere.
        hint: Give a number such as +12125550123, or one of the region's own form with its region."#]]).await;
    dialer
        .check_refusal(
            "update dialer.campaign set misfire = 'later'",
            expect![[r#"
        PD036: campaign "spring" has the misfire rule "later"
        detail: It says what becomes of calls that were due while no dispatcher ran.
        hint: Known are: place, shift, expire."#]],
        )
        .await;
}

#[tokio::test]
async fn a_limited_campaign_that_somebody_edits_is_passed_over() {
    let dialer = with_lines(4, 10).await;
    dialer.run("update dialer.campaign set max_concurrent = 3").await;
    dialer.run("select dialer.create_campaign('summer', 'voice', '24/7', tz => 'UTC'); select dialer.start_campaign('summer')").await;
    dialer.run("select dialer.schedule_call('summer', '+13125550100')").await;
    let other = dialer.another_session().await;
    other.run("begin").await;
    other.run("update dialer.campaign set max_concurrent = 1 where name = 'spring'").await;
    let named = "select name, count(*) from dialer.claim('d1', 100) join dialer.campaign using (campaign_id) group by 1";
    dialer.check(named, expect!["summer | 1"]).await;
    other.run("commit").await;
    dialer.check(named, expect!["spring | 1"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_caller_id_without_limits_takes_none_from_the_account() {
    let dialer = with_lines(20, 10).await;
    dialer.run("select dialer.add_caller_id('voice', '+12125550001')").await;
    dialer.check("select count(*) from dialer.claim('d1', 6)", expect!["6"]).await;
    dialer.check(CLAIMED, expect!["4"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_caller_id_that_somebody_edits_is_passed_over() {
    let dialer = with_lines(4, 10).await;
    dialer.run("select dialer.add_caller_id('voice', '+12125550001', per_second => 5); select dialer.add_caller_id('voice', '+12125550002', 1)").await;
    let other = dialer.another_session().await;
    other.run("begin").await;
    other.run("select dialer.add_caller_id('voice', '+12125550001', per_second => 1)").await;
    dialer.check(PLACES, expect!["00:00:00 | +12125550002"]).await;
    other.run("commit").await;
    dialer.check(PLACES, expect!["00:00:00 | +12125550001"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn owners_that_follow_each_other_do_not_push_a_slow_rate_on() {
    let dialer = with_lines(30, 10).await;
    dialer.run("select dialer.set_limits('voice', 10, 0.1)").await;
    for second in 0..20 {
        set_clock(&dialer, &format!("2026-12-04 12:{:02}:{:02}", second * 7 / 60, second * 7 % 60))
            .await;
        dialer.run(&format!("select from dialer.claim('d{}', 5)", second % 2)).await;
    }
    dialer.check("select count(*) from dialer.lease", expect!["7"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_rate_that_is_raised_is_effective_at_the_next_claim() {
    let dialer = with_lines(30, 10).await;
    dialer.run("select dialer.set_limits('voice', 10, 0.001)").await;
    dialer.check(CLAIMED, expect!["1"]).await;
    dialer.run("select dialer.set_limits('voice', 10, 5)").await;
    dialer.clock("2026-12-04 12:00:03").await;
    dialer.check(CLAIMED, expect!["2"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn no_account_waits_for_the_backlog_of_another() {
    let dialer = with_lines(60, 1000).await;
    dialer
        .run(
            "select dialer.create_account('second', 'sandbox', 1000); select dialer.create_campaign('summer', 'second', '24/7', tz => 'UTC');
             select dialer.start_campaign('summer'); select dialer.schedule_call('summer', '+1312555' || to_char(100 + i, 'FM0000')) from generate_series(1, 3) i",
        )
        .await;
    let by_account =
        "select account_id, count(*) from dialer.claim('d1', 10) group by 1 order by 1";
    dialer
        .check(
            by_account,
            expect![[r#"
        1 | 7
        2 | 3"#]],
        )
        .await;
    dialer.check(by_account, expect!["1 | 10"]).await;
    dialer.run("select dialer.set_tenant_limits('default', 21)").await;
    dialer.check(by_account, expect!["1 | 1"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn nothing_is_allowed_of_which_nothing_was_recorded() {
    let dialer = with_lines(1, 10).await;
    dialer
        .run("create temporary table mine as select attempt_id, token from dialer.claim('d1', 1)")
        .await;
    dialer
        .run(
            "select dialer.create_account('second', 'sandbox', 1); update dialer.campaign set account_id = 2;
             delete from dialer.provider_account where name = 'voice'",
        )
        .await;
    dialer
        .check(
            "select i.allowed, i.reason from mine, dialer.intend('d1', array[attempt_id], array[token]) i",
            expect!["f | account_gone"],
        )
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn limits_that_would_break_every_claim_are_refused() {
    let dialer = Dialer::open().await;
    for rate in ["10000000", "'Infinity'", "'NaN'", "0.00001"] {
        for sql in [
            format!("update dialer.campaign set per_second = {rate}"),
            format!("select dialer.set_limits('voice', 10, {rate})"),
            format!("select dialer.set_tenant_limits('default', null, {rate})"),
            format!("select dialer.add_caller_id('voice', '+12125550001', null, {rate})"),
        ] {
            let refusal = dialer.refusal(&sql).await;
            assert!(
                refusal.starts_with("PD03") || refusal.starts_with("23514"),
                "{sql}: {refusal}"
            );
        }
    }
    dialer.check_refusal("update dialer.campaign set weight = 1e-308", expect![[r#"
        PD036: campaign "spring" may not have per_second null, max_concurrent null, priority 5 and weight 1e-308
        detail: per_second is 0.0001 to 10000, max_concurrent 0 or more (null: no limit for both), priority 1 (first) to 100, weight 0.001 to 1000.
        hint: Pause the campaign to stop it."#]]).await;
}
