//! Calls that bring business hours of their own: they hold on top of the campaign's, wherever the
//! call goes.

use crate::dialer::Dialer;
use expect_test::expect;

const CALLS: &str =
    "select c.call_id, c.state, c.wait_reason, c.due_at, l.zones, l.own_hours, l.own_tz
                     from dialer.call c join dialer.lane l using (lane_id) order by 1";

/// A campaign that is open around the clock, so that only the calls' own hours say when.
async fn around_the_clock() -> Dialer {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.create_campaign('any', 'voice', '24/7'); select dialer.start_campaign('any')").await;
    dialer
}

/// Plans a call of a campaign with these hours, for a time of New York.
fn plan(campaign: &str, number: u32, due_at: &str, hours: &str) -> String {
    format!(
        "select planned_at, result from dialer.schedule_call('{campaign}', '+1212555{number:04}', '{due_at} America/New_York',
             tz => 'America/New_York', {hours})"
    )
}

// R034, R035, R036, R047, R048, R049, R058: hours and zone per call, moved and not dropped; none of its own when not asked for.
#[tokio::test]
async fn a_call_waits_for_its_own_hours_in_their_zone() {
    let dialer = around_the_clock().await;
    let mumbai = "hours => 'Mo-Fr 09:00-18:00', hours_tz => 'Asia/Kolkata'";
    // Friday noon in New York is 22:30 in Kolkata; before the start, inside, at the end, Saturday.
    for (number, due_at, expected) in [
        (100, "2026-12-04 12:00", expect!["2026-12-06 22:30:00-05 | scheduled"]),
        (101, "2026-12-08 21:00", expect!["2026-12-08 22:30:00-05 | scheduled"]),
        (102, "2026-12-09 01:00", expect!["2026-12-09 01:00:00-05 | scheduled"]),
        (103, "2026-12-09 07:30", expect!["2026-12-09 22:30:00-05 | scheduled"]),
    ] {
        dialer.check(&plan("any", number, due_at, mumbai), expected).await;
    }
    for hours in ["hours => null", "hours => '24/7'", "hours => '24/7', hours_tz => 'Asia/Kolkata'"]
    {
        dialer
            .check(
                &plan("any", 104, "2026-12-05 03:00", hours),
                expect!["2026-12-05 03:00:00-05 | scheduled"],
            )
            .await;
    }
    // In the contact's zone where none is named.
    dialer
        .check(
            &plan("any", 105, "2026-12-05 14:00", "hours => 'Mo-Fr 09:00-18:00'"),
            expect!["2026-12-07 09:00:00-05 | scheduled"],
        )
        .await;
    dialer
        .check(
            "select own_hours, own_tz, count(*) from dialer.lane group by 1, 2 order by 2, 1",
            expect![[r#"
         |  | 1
        Mo-Fr 09:00-18:00 |  | 1
        Mo-Fr 09:00-18:00 | Asia/Kolkata | 1"#]],
        )
        .await;
    dialer.sound().await;
}

// R034, R038, R047: intersection with the campaign's hours at plan, claim and reschedule; visible in explain.
#[tokio::test]
async fn own_hours_hold_on_top_of_the_campaigns() {
    let dialer = Dialer::open().await;
    dialer
        .check(
            &plan("spring", 100, "2026-12-04 12:00", "hours => 'Mo-Su 14:00-23:00'"),
            expect!["2026-12-04 14:00:00-05 | scheduled"],
        )
        .await;
    dialer
        .check(
            &plan("spring", 101, "2026-12-04 12:00", "hours => null"),
            expect!["2026-12-04 12:00:00-05 | scheduled"],
        )
        .await;
    assert_eq!(dialer.place().await, "1");
    dialer.clock("2026-12-04 13:59:59").await;
    assert_eq!(dialer.place().await, "0");
    dialer.check("select gate, pass, detail, opens_at from dialer.explain(1) where gate = 'window'", expect![[r#"window | f | it is Fri 2026-12-04 13:59 there; hours are Mo-Fr 11:00-20:00, and the call's own are Mo-Su 14:00-23:00 | 2026-12-04 14:00:00-05"#]]).await;
    dialer
        .check(
            "select reason, calls, next_at from dialer.why_waiting('spring')",
            expect![[r#"
        being called | 1 | -
        due later: planned | 1 | 2026-12-04 14:00:00-05"#]],
        )
        .await;
    // The campaign closes before the call's own hours do; its next opening is before theirs.
    dialer
        .check(
            "select dialer.reschedule_call(1, '2026-12-04 20:00 America/New_York')",
            expect!["2026-12-07 14:00:00-05"],
        )
        .await;
    dialer.clock("2026-12-07 14:00").await;
    assert_eq!(dialer.place().await, "1");
    dialer.check("select decision ->> 'hours', decision ->> 'own_hours', decision -> 'zones', decision ->> 'open_until' from dialer.lease where call_id = 1",
        expect![[r#"Mo-Fr 11:00-20:00 | Mo-Su 14:00-23:00 | ["America/New_York"] | 2026-12-07T20:00:00-05:00"#]]).await;
    dialer
        .check(
            &plan("spring", 102, "2026-12-07 15:00", "hours => 'Sa 10:00-14:00'"),
            expect!["- | waiting"],
        )
        .await;
    dialer
        .check(
            "select wait_reason from dialer.call where state = 'scheduled'",
            expect!["never_open"],
        )
        .await;
    dialer.sound().await;
}

// R048: what is claimed is asked once more in the instant of placing, own hours included.
#[tokio::test]
async fn the_instant_of_placing_asks_for_own_hours_again() {
    let dialer = Dialer::open().await;
    dialer.run(&plan("spring", 100, "2026-12-04 12:00", "hours => 'Mo-Fr 11:00-12:01'")).await;
    dialer.run("create temporary table taken as select * from dialer.claim('d1', 10)").await;
    dialer
        .check("select place_by < '2026-12-04 12:01 America/New_York' from taken", expect!["t"])
        .await;
    dialer.run("update dialer.lease set place_by = 'infinity', until = 'infinity'").await;
    dialer.clock("2026-12-04 12:01").await;
    dialer.check("select i.allowed, i.reason from taken t, dialer.intend('d1', array[t.attempt_id], array[t.token]) i", expect!["f | window"]).await;
}

#[tokio::test]
async fn own_hours_go_with_a_call_whose_contact_moves() {
    let dialer = around_the_clock().await;
    dialer.run(&plan("any", 100, "2026-12-04 12:00", "hours => 'Mo-Fr 13:00-18:00'")).await;
    dialer
        .run(&plan(
            "any",
            101,
            "2026-12-04 12:00",
            "hours => 'Mo-Fr 13:00-18:00', hours_tz => 'America/New_York'",
        ))
        .await;
    dialer
        .run("update dialer.contact set zones = '{America/Los_Angeles}', zone_source = 'stated'")
        .await;
    dialer.check(CALLS, expect![[r#"
        1 | scheduled | - | 2026-12-04 13:00:00-05 | {America/Los_Angeles} | Mo-Fr 13:00-18:00 | 
        2 | scheduled | - | 2026-12-04 13:00:00-05 | {America/Los_Angeles} | Mo-Fr 13:00-18:00 | America/New_York"#]]).await;
    dialer.clock("2026-12-04 13:00").await;
    dialer.run("select * from dialer.claim('d1', 10)").await;
    dialer.check("select call_id from dialer.lease", expect!["2"]).await;
    // An edit of the campaign's hours leaves the calls' own.
    dialer
        .run("update dialer.calendar set hours = 'Mo-Fr 09:00-15:00' where name = 'campaign any'")
        .await;
    dialer.clock("2026-12-04 16:00").await;
    dialer.run("select * from dialer.tick()").await;
    dialer.check("select l.own_tz, l.opens_at, l.open_until from dialer.lane l where zones = '{America/Los_Angeles}' order by 1", expect![[r#"
         | 2026-12-04 16:00:00-05 | 2026-12-04 18:00:00-05
        America/New_York | 2026-12-04 16:00:00-05 | 2026-12-04 18:00:00-05"#]]).await;
    dialer.sound().await;
}

// R034, R085: an occurrence keeps the hours of its series.
#[tokio::test]
async fn occurrences_keep_the_hours_of_their_series() {
    let dialer = around_the_clock().await;
    dialer.run("select dialer.schedule_series('any', '+12125550101', '2026-12-04 13:00', 'FREQ=DAILY;COUNT=4', 'America/New_York',
                    hours => 'Mo-Fr 14:00-15:00', hours_tz => 'America/New_York')").await;
    for clock in ["2026-12-04 13:00", "2026-12-05 13:00", "2026-12-06 13:00", "2026-12-07 13:00"] {
        dialer.clock(clock).await;
        dialer.run("select * from dialer.tick()").await;
    }
    dialer.check("select occurrence, state, due_at, own_hours, own_tz from dialer.call join dialer.lane using (lane_id) order by 1", expect![[r#"
        1 | cancelled | 2026-12-04 14:00:00-05 | Mo-Fr 14:00-15:00 | America/New_York
        4 | scheduled | 2026-12-07 14:00:00-05 | Mo-Fr 14:00-15:00 | America/New_York"#]]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn own_hours_that_make_no_sense_are_refused() {
    let dialer = around_the_clock().await;
    let refused = |hours: &str| plan("any", 100, "2026-12-04 12:00", hours);
    dialer.check_refusal(&refused("hours => 'Mo-Fr 9-25'"), expect![[r#"
        PD010: invalid hours at byte 7: "9-25"
        detail: A time of day is written 09:30 or 09:30:15, from 00:00 to 24:00.
        hint: Write for example 'Mo-Fr 09:00-12:00,13:00-18:00; Sa 10:00-14:00; 2026-12-24 off', '24/7' or 'off'."#]]).await;
    dialer.check_refusal(&refused("hours => 'Mo-Fr 09:00-17:00', hours_tz => 'Bombay'"), expect![[r#"
        PD011: time zone "Bombay" is not known
        detail: Zones are IANA names such as America/New_York.
        hint: Leave hours_tz out to read the hours in the zones in which the campaign's are read."#]]).await;
    dialer
        .check_refusal(
            &refused("hours_tz => 'Asia/Kolkata'"),
            expect![[r#"
        PD015: a zone of hours, "Asia/Kolkata", and no hours
        hint: Give hours as well, or neither."#]],
        )
        .await;
    dialer.check("select count(*) from dialer.call", expect!["0"]).await;
}

#[tokio::test]
async fn a_campaign_has_a_hundred_kinds_of_own_hours_and_no_more() {
    let dialer = around_the_clock().await;
    dialer.run("select dialer.schedule_call('any', '+12125550100', tz => 'America/New_York',
                    hours => format('Mo-Fr 09:00-17:%s', to_char(i, 'FM00'))::dialer.hours) from generate_series(1, 50) i;
                select dialer.schedule_call('any', '+12125550100', tz => 'America/New_York',
                    hours => format('Mo-Fr 09:00-16:%s', to_char(i, 'FM00'))::dialer.hours) from generate_series(1, 50) i").await;
    dialer.check_refusal(&plan("any", 100, "2026-12-04 12:00", "hours => 'Mo-Fr 09:00-12:00'"), expect![[r#"
        PD040: campaign "any" has calls with 100 different hours of their own
        detail: "Mo-Fr 09:00-12:00" in zone "of the contact" would be one more; each kind opens and closes by itself.
        hint: Give calls that may be placed at the same times the same hours, or plan these in another campaign."#]]).await;
    dialer.run(&plan("any", 100, "2026-12-04 12:00", "hours => 'Mo-Fr 09:00-17:07'")).await;
    dialer.run(&plan("any", 100, "2026-12-04 12:00", "hours => null")).await;
    dialer.run(&plan("spring", 100, "2026-12-04 12:00", "hours => 'Mo-Fr 09:00-12:00'")).await;
}
