//! Rules that a consent or a relationship lifts: where the law says so, the campaign has chosen it,
//! and it is recorded and holds at that instant.

use crate::dialer::Dialer;
use expect_test::expect;

const EXEMPT: &str = "select dialer.choose_law('spring', '{us-2026-11}', '{telemarketing}', exempt_consent => 'sales')";
const PLACED: &str =
    "select address from dialer.lease join dialer.endpoint using (endpoint_id) order by 1";

/// `spring` around the clock, without caps of its own; Utah forbids sales on Sundays without consent,
/// Oregon a fourth call in a day to who is no customer. It is Sunday, ten o'clock in Salt Lake City.
async fn sunday() -> Dialer {
    let dialer = Dialer::with_american_rules().await;
    dialer.clock("2026-12-06 12:00").await;
    dialer
}

async fn plan(dialer: &Dialer, number: &str) {
    dialer.run(&format!("select dialer.schedule_call('spring', '{number}')")).await;
}

async fn try_until(dialer: &Dialer, minutes: std::ops::Range<u32>, outcome: &str) {
    for minute in minutes {
        dialer.clock(&format!("2026-12-07 12:{minute:02}")).await;
        if dialer.place().await != "0" {
            dialer.end(outcome).await;
        }
    }
}

// R056, D4, D5: a consent that holds lifts the rule that says so, for that number, and is written down.
#[tokio::test]
async fn a_rule_that_consent_lifts_holds_for_everybody_else() {
    let dialer = sunday().await;
    dialer
        .run(
            "select dialer.give_consent('+18015550101', 'sales', 'web form 7', at => '2026-12-01 10:00 America/New_York');
             select dialer.give_consent('+18015550102', 'sales', 'order 12', kind => 'relationship');
             select dialer.give_consent('+18015550103', 'service', 'web form 8');
             select dialer.give_consent('+18015550104', 'sales', 'web form 9', expires_at => '2026-12-06 12:00 America/New_York', at => '2026-12-01 10:00 America/New_York')",
        )
        .await;
    dialer.run(EXEMPT).await;
    for last in 1..=5 {
        plan(&dialer, &format!("+1801555010{last}")).await;
    }
    assert_eq!(dialer.place().await, "1");
    dialer.check(PLACED, expect!["+18015550101"]).await;
    dialer
        .check(
            "select lifted, count(*) from dialer.call join dialer.lane using (lane_id) group by 1 order by 1",
            expect![[r#"
                {} | 3
                {us-telemarketing} | 1
                {us-telemarketing,us-telemarketing-ftc,us-ut} | 1"#]],
        )
        .await;
    dialer.check("select decision -> 'law' -> 'rules', decision -> 'law' -> 'lifted', decision -> 'law' ->> 'exempt_consent' from dialer.lease",
        expect![[r#"[] | ["us-telemarketing", "us-telemarketing-ftc", "us-ut"] | sales"#]]).await;
    dialer.check("select rules, lifted, consent from dialer.compliance_export('+18015550101')", expect![[r#"- | us-telemarketing; us-telemarketing-ftc; us-ut (recorded for "sales") | sales: given 2026-12-01 10:00:00-05 (web form 7), held"#]]).await;
    dialer.check("select gate, pass, detail from dialer.explain(1) where gate ~ 'law' order by 1", expect![[r#"
        law | t | US-UT (number): rules of us-2026-11 for telemarketing
        law: us-telemarketing | t | lifted: consent to "sales" since 2026-12-01 10:00:00-05 (web form 7) (47 CFR 64.1200(c)(1))
        law: us-telemarketing-ftc | t | lifted: consent to "sales" since 2026-12-01 10:00:00-05 (web form 7) (16 CFR 310.4(c))
        law: us-ut | t | lifted: consent to "sales" since 2026-12-01 10:00:00-05 (web form 7) (Utah Code 13-25a-103(3))"#]]).await;
    dialer
        .check(
            "select gate, pass from dialer.explain(2) where gate ~ 'law' order by 1",
            expect![[r#"
                law | t
                law: us-telemarketing | t
                law: us-telemarketing-ftc | t
                law: us-ut | f"#]],
        )
        .await;
    dialer.sound().await;
}

// R056: nothing is lifted unless somebody has chosen it, and it holds again when the choice is taken back.
#[tokio::test]
async fn stricter_is_what_holds_until_a_campaign_chooses() {
    let dialer = sunday().await;
    dialer.run("select dialer.give_consent('+18015550101', 'sales', 'web form 7'); select dialer.choose_law('spring', '{us-2026-11}', '{telemarketing}')").await;
    plan(&dialer, "+18015550101").await;
    assert_eq!(dialer.place().await, "0");
    dialer.check("select due_at from dialer.call", expect!["2026-12-07 10:00:00-05"]).await;
    dialer.run(EXEMPT).await;
    dialer.run("select dialer.reschedule_call(1, dialer.now() + interval '1 microsecond')").await;
    dialer.clock("2026-12-06 12:01").await;
    dialer.run("create temporary table taken as select * from dialer.claim('d1', 10)").await;
    dialer.check("select count(*) from taken", expect!["1"]).await;
    dialer.run("select dialer.choose_law('spring', '{us-2026-11}', '{telemarketing}')").await;
    let intended = "select i.allowed, i.reason from taken t, dialer.intend('d1', array[t.attempt_id], array[t.token]) i";
    dialer.check(intended, expect!["f | elsewhere"]).await;
    assert_eq!(dialer.place().await, "0");
    dialer.clock("2026-12-07 10:00").await;
    // The first claim finds it among those for whom the rules were lifted, and moves it.
    dialer.place().await;
    assert_eq!(dialer.place().await, "1");
    dialer.check("select decision -> 'law' ? 'lifted' from dialer.lease", expect!["f"]).await;
    dialer.sound().await;
}

// R056, D4: withdrawn or over, the rule holds again, in the instant of placing as well.
#[tokio::test]
async fn a_consent_that_ends_lifts_nothing_any_more() {
    let dialer = sunday().await;
    dialer.run(EXEMPT).await;
    dialer.run("select dialer.give_consent('+18015550101', 'sales', 'form'); select dialer.give_consent('+18015550102', 'sales', 'form', expires_at => '2026-12-06 12:30 America/New_York')").await;
    plan(&dialer, "+18015550101").await;
    plan(&dialer, "+18015550102").await;
    dialer.run("create temporary table taken as select * from dialer.claim('d1', 10)").await;
    dialer.check("select count(*) from taken", expect!["2"]).await;
    dialer.run("select dialer.withdraw_consent('+18015550101')").await;
    dialer
        .check(
            "select address, i.allowed, i.reason from taken t, dialer.intend('d1', array[t.attempt_id], array[t.token]) i order by 1",
            expect![[r#"
                +18015550101 | f | elsewhere
                +18015550102 | t | -"#]],
        )
        .await;
    dialer.end("no_answer").await;
    dialer.clock("2026-12-06 12:30").await;
    assert_eq!(dialer.place().await, "0");
    dialer
        .check(
            "select call_id, state, lifted from dialer.call join dialer.lane using (lane_id) order by 1",
            expect![[r#"
                1 | scheduled | {}
                2 | scheduled | {}"#]],
        )
        .await;
    dialer.clock("2026-12-07 10:00").await;
    assert_eq!(dialer.place().await, "2");
    dialer.sound().await;
}

// R056, D4, D5: it is known when a consent ends: nothing is placed after that, however late a dispatcher wakes.
#[tokio::test]
async fn nothing_is_placed_after_the_consent_that_allowed_it() {
    let dialer = sunday().await;
    dialer.run(EXEMPT).await;
    dialer.run("select dialer.create_campaign('summer', 'voice', '24/7', policy => 'eager', consent => 'service'); select dialer.start_campaign('summer')").await;
    let given = async |number: &str, more: &str| {
        dialer.run(&format!("select dialer.give_consent('{number}', {more})")).await;
    };
    given("+18015550101", "'sales', 'form', expires_at => '2026-12-06 12:00:20 America/New_York'")
        .await;
    // Two of one purpose: the later end counts. A customer of eighteen months ago, less ten seconds.
    given("+18015550102", "'sales', 'form', expires_at => '2026-12-06 12:00:15 America/New_York'")
        .await;
    given("+18015550102", "'sales', 'form', expires_at => '2026-12-06 12:00:25 America/New_York'")
        .await;
    given(
        "+15035550103",
        "'sales', 'order', kind => 'relationship', at => '2025-06-06 12:00:10 America/New_York'",
    )
    .await;
    given("+18015550104", "'sales', 'form'").await;
    for last in ["+18015550101", "+18015550102", "+15035550103", "+18015550104"] {
        plan(&dialer, last).await;
    }
    given(
        "+18015550105",
        "'service', 'form', expires_at => '2026-12-06 12:00:05 America/New_York'",
    )
    .await;
    given(
        "+18015550106",
        "'service', 'form', expires_at => '2026-12-06 12:00:01 America/New_York'",
    )
    .await;
    dialer.run("select dialer.schedule_call('summer', '+18015550105'), dialer.schedule_call('summer', '+18015550106')").await;
    dialer
        .check(
            "select address, place_by from dialer.claim('d1', 10) order by 1",
            expect![[r#"
            +15035550103 | 2026-12-06 12:00:09-05
            +18015550101 | 2026-12-06 12:00:19-05
            +18015550102 | 2026-12-06 12:00:24-05
            +18015550104 | 2026-12-06 12:00:29-05
            +18015550105 | 2026-12-06 12:00:04-05"#]],
        )
        .await;
    // What cannot be placed any more is not offered over and over.
    dialer
        .check(
            "select wait_reason, due_at from dialer.call where call_id = 6",
            expect!["consent_missing | 2026-12-06 12:00:01-05"],
        )
        .await;
    dialer.sound().await;
}

// R056, C14: the three calls a day of Oregon are for who is no customer of the last eighteen months.
#[tokio::test]
async fn a_cap_is_lifted_for_customers_of_the_time_that_the_law_names() {
    let dialer = sunday().await;
    dialer.run(EXEMPT).await;
    dialer
        .run(
            "select dialer.give_consent('+15035550101', 'sales', 'order 1', kind => 'relationship', at => '2025-06-09 10:00 America/New_York');
             select dialer.give_consent('+15035550102', 'sales', 'order 2', kind => 'relationship', at => '2025-06-05 10:00 America/New_York');
             select dialer.give_consent('+15035550103', 'sales', 'form 3')",
        )
        .await;
    dialer.clock("2026-12-07 12:00").await;
    for last in 1..=4 {
        plan(&dialer, &format!("+1503555010{last}")).await;
    }
    try_until(&dialer, 0..20, "no_answer").await;
    dialer.check("select e.address, least(count(*), 4), count(*) > 9 from dialer.attempt a join dialer.endpoint e using (endpoint_id) group by 1 order by 1", expect![[r#"
        +15035550101 | 4 | t
        +15035550102 | 3 | f
        +15035550103 | 3 | f
        +15035550104 | 3 | f"#]]).await;
    dialer.check("select gate, pass, detail from dialer.explain(1) where gate like 'cap: us-or%'", expect![[r#"cap: us-or-3-in-24h | t | lifted: relationship to "sales" since 2025-06-09 10:00:00-04 (order 1) (Or. HB 3865 (2025))"#]]).await;
    // A customer from now on: the call that waited for the cap is looked at again.
    dialer.check("select wait_reason from dialer.call where call_id = 4", expect!["law_cap"]).await;
    dialer.run("select dialer.give_consent('+15035550104', 'sales', 'order 4', kind => 'relationship')").await;
    dialer
        .check(
            "select wait_reason, due_at, lifted from dialer.call join dialer.lane using (lane_id) where call_id = 4",
            expect!["consent_given | 2026-12-07 12:19:00-05 | {us-or-3-in-24h,us-telemarketing}"],
        )
        .await;
    dialer.clock("2026-12-07 12:30").await;
    assert_ne!(dialer.place().await, "0");
    dialer.check("select count(*) from dialer.lease where call_id = 4", expect!["1"]).await;
    dialer.sound().await;
}

// D4: who is a customer has not agreed to be called.
#[tokio::test]
async fn a_relationship_is_no_consent() {
    let dialer = sunday().await;
    dialer.run("update dialer.campaign set consent = 'sales'; select dialer.give_consent('+18015550101', 'sales', 'order 1', kind => 'relationship')").await;
    plan(&dialer, "+18015550101").await;
    assert_eq!(dialer.place().await, "0");
    dialer.check("select wait_reason from dialer.call", expect!["consent_missing"]).await;
    dialer.run("select dialer.give_consent('+18015550101', 'sales', 'form 1')").await;
    assert_eq!(dialer.place().await, "1");
}

// R056: each rule says what lifts it, and whether that is chosen.
#[tokio::test]
async fn what_lifts_a_rule_is_listed() {
    let dialer = sunday().await;
    let listed = "select code, exemption from dialer.calling_rules_of('spring') where exemption is not null order by 1";
    dialer.run("select dialer.choose_law(null, '{us-2026-11}', '{telemarketing}')").await;
    dialer
        .check(
            listed,
            expect![[r#"
                us-or-3-in-24h | lifted by relationship (of at most 1 year 6 mons), which is not chosen
                us-telemarketing | lifted by consent or relationship (of at most 1 year 6 mons), which is not chosen
                us-telemarketing-ftc | lifted by consent, which is not chosen
                us-ut | lifted by consent, which is not chosen"#]],
        )
        .await;
    dialer.run(EXEMPT).await;
    dialer
        .check(
            &format!("{listed} limit 1"),
            expect![[r#"us-or-3-in-24h | lifted by relationship (of at most 1 year 6 mons), recorded for "sales""#]],
        )
        .await;
}

#[tokio::test]
async fn exemptions_that_make_no_sense_are_refused() {
    let dialer = sunday().await;
    for (sql, expected) in [
        (
            "select dialer.choose_law(null, '{us-2026-11}', '{telemarketing}', exempt_consent => 'sales')",
            expect![[r#"
                PD059: rules are lifted for the consents of one campaign, not for those of a tenant
                detail: Who has agreed to the calls of one campaign has not agreed to those of another.
                hint: Choose the law of each such campaign by itself, with its name."#]],
        ),
        (
            "select dialer.choose_law('spring', '{us-2026-11}', '{telemarketing}', exempt_consent => ' ')",
            expect![[r#"
                PD059: no purpose of consents is named
                detail: exempt_consent is the purpose under which give_consent has recorded them.
                hint: Leave it out, and every rule holds for everybody."#]],
        ),
        (
            "select dialer.give_consent('+18015550101', 'sales', 'form', kind => 'written')",
            expect![[r#"
                PD060: "written" is no kind of consent
                detail: Somebody has agreed (consent), or is a customer (relationship).
                hint: Leave kind out for a consent."#]],
        ),
        (
            "select dialer.choose_law('spring', '{us-2026-11}', '{telemarketing}', hang_up_seconds => -1, contradictions => null)",
            expect![[r#"
                PD042: min_confidence low, contradictions null, uncovered closed, margin 00:01:00, hang_up_seconds -1
                detail: min_confidence is low, medium or high; contradictions strictest or as_read; uncovered closed or open; margin up to a day; hang_up_seconds 0 to 3600.
                hint: Leave them out for what is usual, which is strict."#]],
        ),
    ] {
        dialer.check_refusal(sql, expected).await;
    }
}
