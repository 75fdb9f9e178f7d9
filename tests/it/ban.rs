//! Bans from instant to instant: lanes close and open, and no waiting call is moved for them.

use crate::dialer::Dialer;
use expect_test::expect;

const LANES: &str = "select jurisdictions, opens_at, open_until from dialer.lane order by 1";

/// `spring` under the American sales law, with one person in Louisiana, one in Texas, one in
/// New York State.
async fn three_states() -> Dialer {
    let dialer = Dialer::open().await;
    dialer
        .run(
            "update dialer.calendar set hours = '24/7'; update dialer.provider_account set max_concurrent = 100;
             select dialer.load_calling_rules('us-2026-11');
             select dialer.choose_law(null, '{us-2026-11}', '{telemarketing}')",
        )
        .await;
    people(&dialer).await;
    dialer
}

async fn people(dialer: &Dialer) {
    dialer
        .run(
            "select dialer.schedule_call('spring', '+15045550101', tz => 'America/Chicago');
             select dialer.schedule_call('spring', '+12145550102', tz => 'America/Chicago');
             select dialer.schedule_call('spring', '+13155550103', tz => 'America/New_York')",
        )
        .await;
}

async fn placed(dialer: &Dialer) -> String {
    dialer.place().await;
    dialer
        .rows("select coalesce(string_agg(right(address, 3), ' ' order by right(address, 3)), 'nobody') from dialer.lease join dialer.endpoint using (endpoint_id)")
        .await
}

#[tokio::test]
async fn a_ban_of_a_state_closes_its_lanes_until_it_is_lifted_and_moves_no_call() {
    let dialer = three_states().await;
    dialer.check("select dialer.declare_ban('hurricane', '{Louisiana}')", expect!["1"]).await;
    assert_eq!(placed(&dialer).await, "102 103");
    dialer
        .check(
            "select call_id, state, wait_reason, due_at from dialer.call where state = 'scheduled'",
            expect!["1 | scheduled | - | 2026-12-04 12:00:00-05"],
        )
        .await;
    dialer
        .check(
            LANES,
            expect![[r#"
        {US-LA} | infinity | infinity
        {US-NY} | 2026-12-04 12:00:00-05 | 2026-12-04 21:00:00-05
        {US-TX} | 2026-12-04 12:00:00-05 | 2026-12-04 22:00:00-05"#]],
        )
        .await;
    dialer
        .check(
            "select gate, pass, detail, opens_at from dialer.explain(1) where gate = 'ban'",
            expect!["ban | f | forbidden: hurricane | -"],
        )
        .await;
    dialer
        .check(
            "select reason, calls from dialer.why_waiting('spring') order by 1",
            expect![[r#"
                banned | 1
                being called | 2"#]],
        )
        .await;
    dialer.clock("2026-12-04 14:00").await;
    assert_eq!(placed(&dialer).await, "102 103");
    dialer.check("select dialer.lift_ban(1)", expect!["0"]).await;
    assert_eq!(placed(&dialer).await, "101 102 103");
    dialer
        .check(
            "select reason, from_at, to_at, lifted_at, jurisdictions from dialer.ban",
            expect!["hurricane | 2026-12-04 12:00:00-05 | 2026-12-04 14:00:00-05 | 2026-12-04 14:00:00-05 | {US-LA}"],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.lift_ban(1)",
            expect![[r#"
        PD063: ban 1 is over since 2026-12-04 14:00:00-05
        detail: A ban ends once; what was forbidden when stays known.
        hint: There is nothing to lift."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.lift_ban(2)",
            expect![[r#"
        PD062: ban 2 does not exist
        hint: Bans of this tenant are in dialer.ban."#]],
        )
        .await;
    dialer
        .check(
            "select ban_id, state, jurisdictions from dialer.find_bans()",
            expect!["1 | over | {US-LA}"],
        )
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_ban_ends_and_begins_on_its_instant_and_nothing_is_placed_across_it() {
    let dialer = three_states().await;
    dialer.run("select dialer.declare_ban('storm', '{US-TX}', from_at => '2026-12-04 12:30 America/New_York', to_at => '2026-12-04 18:00:30 America/New_York')").await;
    dialer.run("select * from dialer.tick()").await;
    dialer
        .check(
            LANES,
            expect![[r#"
        {US-LA} | 2026-12-04 12:00:00-05 | 2026-12-04 21:00:00-05
        {US-NY} | 2026-12-04 12:00:00-05 | 2026-12-04 21:00:00-05
        {US-TX} | 2026-12-04 12:00:00-05 | 2026-12-04 12:30:00-05"#]],
        )
        .await;
    dialer.clock("2026-12-04 12:29:59.9").await;
    assert_eq!(placed(&dialer).await, "101 103");
    dialer.clock("2026-12-04 18:00:29").await;
    assert_eq!(placed(&dialer).await, "101 103");
    dialer.clock("2026-12-04 18:00:30").await;
    assert_eq!(placed(&dialer).await, "101 102 103");
    dialer.sound().await;
}

// Claimed before, turned away in the instant of placing.
#[tokio::test]
async fn what_is_claimed_is_turned_away_in_the_instant_of_placing() {
    let dialer = three_states().await;
    dialer.run("create temporary table taken as select * from dialer.claim('d1', 10)").await;
    dialer.run("select dialer.declare_ban('everybody')").await;
    dialer
        .check("select count(*) filter (where i.allowed), string_agg(distinct i.reason, ' ') from taken t, dialer.intend('d1', array[t.attempt_id], array[t.token]) i", expect!["0 | ban"])
        .await;
    assert_eq!(placed(&dialer).await, "nobody");
    dialer.run("select dialer.lift_ban(1)").await;
    assert_eq!(placed(&dialer).await, "101 102 103");
}

#[tokio::test]
async fn without_a_law_people_of_the_area_are_turned_away_one_by_one() {
    let dialer = Dialer::open().await;
    dialer.run("update dialer.provider_account set max_concurrent = 100").await;
    people(&dialer).await;
    dialer
        .run("select dialer.schedule_call('spring', '+18005550104', tz => 'America/New_York')")
        .await;
    dialer.run("select dialer.declare_ban('hurricane', '{US-LA}')").await;
    // Of the toll-free number nobody knows where it is: it may be there.
    assert_eq!(placed(&dialer).await, "102 103");
    dialer.check("select call_id, wait_reason, due_at from dialer.call where state = 'scheduled' order by 1", expect![[r#"
        1 | ban | 2026-12-04 12:15:00-05
        4 | ban | 2026-12-04 12:15:00-05"#]]).await;
    dialer.check("select dialer.lift_ban(1)", expect!["2"]).await;
    assert_eq!(placed(&dialer).await, "101 102 103 104");
    dialer.sound().await;
}

#[tokio::test]
async fn area_codes_and_zip_codes_narrow_a_ban_and_purposes_are_exempt() {
    let dialer = three_states().await;
    dialer.run("update dialer.contact set attributes = '{\"zip\": \"13202-1234\"}' where contact_id = 3").await;
    dialer.run("select dialer.declare_ban('county', '{NY}', zips => '{10,11}')").await;
    dialer.run("select dialer.declare_ban('lines', area_codes => '{+1504}')").await;
    dialer.run("select dialer.declare_ban('sales only', '{US-TX}', exempt_purposes => '{telemarketing}')").await;
    assert_eq!(placed(&dialer).await, "102 103");
    // Of whom the ZIP is not known may live there.
    dialer.end("no_answer").await;
    dialer.run("update dialer.contact set attributes = '{}' where contact_id = 3; select dialer.reschedule_call(3, '2026-12-04 12:00 America/New_York')").await;
    assert_eq!(placed(&dialer).await, "nobody");
    for (sql, expected) in [
        (
            "select dialer.declare_ban('')",
            expect![[r#"
            PD043: a ban "" until it is lifted
            detail: It has a reason, and ends after it began and in the future.
            hint: Leave to_at out to lift it by hand."#]],
        ),
        (
            "select dialer.declare_ban('x', '{Atlantis}')",
            expect![[r#"
            PD043: "Atlantis" is no state, province or country
            hint: Write a code or a name, such as US-LA or Louisiana."#]],
        ),
        (
            "select dialer.declare_ban('x', area_codes => '{504}')",
            expect![[r#"
            PD043: area codes {504} are not understood
            detail: They are the beginnings of numbers in E.164.
            hint: E.g. +1504 for the area code 504 of the United States."#]],
        ),
        (
            "select dialer.declare_ban('x', zips => '{70112}')",
            expect![[r#"
            PD043: ZIP codes need the state that they are of
            detail: Whose ZIP is not known is held back in the whole state.
            hint: Give jurisdictions as well."#]],
        ),
        (
            "select dialer.declare_ban('x', exempt_purposes => '{fun}')",
            expect![[r#"
            PD043: purposes {fun} are not known
            detail: Known are: telemarketing, debt collection, prerecorded, securities, health, non-commercial, informational, non-profit, bank alert, research."#]],
        ),
    ] {
        dialer.check_refusal(sql, expected).await;
    }
}

// D5: a lane that a ban holds closed is as it should be, and open again when the ban is lifted.
#[tokio::test]
async fn a_lane_that_is_banned_breaks_no_invariant() {
    let dialer = three_states().await;
    let lanes = "select count(*) filter (where opens_at <= dialer.now() and open_until > dialer.now()) from dialer.lane where openings <> '{}'";
    for (change, open) in [
        ("select dialer.declare_ban('storm', '{US-LA}')", "2"),
        ("select dialer.declare_ban('flood')", "0"),
        ("select dialer.lift_ban(2)", "2"),
        ("select dialer.lift_ban(1)", "3"),
    ] {
        dialer.run(change).await;
        dialer.run("select count(*) from dialer.tick()").await;
        assert_eq!(dialer.rows(lanes).await, open, "{change}");
        dialer.sound().await;
    }
}

// D5: what is claimed shortly before a ban of a part of its area is not sent when it has begun.
#[tokio::test]
async fn nothing_claimed_before_a_ban_is_placed_after_it_has_begun() {
    let dialer = Dialer::open().await;
    people(&dialer).await;
    dialer.run("select dialer.declare_ban('flood', null, from_at => dialer.now() + interval '10 seconds', area_codes => '{+1504}')").await;
    dialer
        .check(
            "select right(address, 3), place_by from dialer.claim('d1', 100) order by 1",
            expect![[r#"
                101 | 2026-12-04 12:00:09-05
                102 | 2026-12-04 12:00:29-05"#]],
        )
        .await;
    dialer.clock("2026-12-04 12:01").await;
    dialer.run("select dialer.tick()").await;
    dialer
        .check(
            "select right(address, 3), place_by from dialer.claim('d1', 100) order by 1",
            expect![[r#"
                102 | 2026-12-04 12:01:29-05
                103 | 2026-12-04 12:01:29-05"#]],
        )
        .await;
}
