//! Choosing a law: effective at the next claim, for what waits already, and again in the instant of
//! placing. The strictest wins.

use crate::dialer::Dialer;
use expect_test::expect;

const CALLS: &str = "select c.call_id, c.state, c.wait_reason, c.due_at, l.zones, l.jurisdictions, l.openings <> '{}' as opens
                     from dialer.call c join dialer.lane l using (lane_id) order by 1";
const SALES: &str = "select dialer.choose_law(null, '{us-2026-11}', '{telemarketing}')";

fn call(number: &str, more: &str) -> String {
    format!("select planned_at, result from dialer.schedule_call('spring', '{number}'{more})")
}

// R052, R056: nothing is silently on; with a choice, each person by the rules of their place.
#[tokio::test]
async fn nothing_holds_before_it_is_chosen_and_then_at_the_next_claim() {
    let dialer = Dialer::with_american_rules().await;
    dialer.clock("2026-12-04 07:30").await;
    for number in ["+13055550101", "+12125550102", "+18005550103", "+15025550104"] {
        dialer.run(&call(number, ", tz => 'America/New_York'")).await;
    }
    dialer.check("select distinct jurisdictions, law from dialer.lane", expect!["{} | -"]).await;
    dialer.check(SALES, expect!["1"]).await;
    // Claimed before eight: nothing, though all were due and open a moment ago.
    assert_eq!(dialer.place().await, "0");
    dialer
        .check(
            CALLS,
            expect![[r#"
        1 | scheduled | - | 2026-12-04 07:30:00-05 | {America/New_York} | {US-FL} | t
        2 | scheduled | - | 2026-12-04 07:30:00-05 | {America/New_York} | {US-NYC} | t
        3 | scheduled | - | 2026-12-04 07:30:00-05 | {America/New_York} | {} | f
        4 | scheduled | - | 2026-12-04 07:30:00-05 | {America/New_York} | {US-KY} | t"#]],
        )
        .await;
    dialer.clock("2026-12-04 08:00").await;
    assert_eq!(dialer.place().await, "2");
    // Kentucky opens at ten; whose law holds for a toll-free number nobody knows.
    dialer
        .check(
            "select address from dialer.lease join dialer.endpoint using (endpoint_id) order by 1",
            expect![[r#"
                +12125550102
                +13055550101"#]],
        )
        .await;
    dialer
        .check(
            "select reason, calls, next_at from dialer.why_waiting('spring')",
            expect![[r#"
            being called | 2 | -
            not known whose law holds | 1 | 2026-12-04 08:00:00-05
            outside hours | 1 | 2026-12-04 10:00:00-05"#]],
        )
        .await;
    dialer.clock("2026-12-04 10:00").await;
    assert_eq!(dialer.place().await, "1");
    // The toll-free number's owner is said to live in Florida: the call moves, and is placed.
    dialer
        .run("update dialer.contact set jurisdiction = 'Florida' where jurisdictions = '{}'")
        .await;
    assert_eq!(dialer.place().await, "1");
    dialer.sound().await;
}

// R056: what is claimed already is turned away in the instant of placing when a law is chosen meanwhile.
#[tokio::test]
async fn a_law_that_is_chosen_holds_for_what_is_claimed_already() {
    let dialer = Dialer::with_american_rules().await;
    dialer.clock("2026-12-04 07:30").await;
    dialer.run(&call("+13055550101", ", tz => 'America/New_York'")).await;
    dialer.run("create temporary table taken as select * from dialer.claim('d1', 10)").await;
    dialer.run(SALES).await;
    dialer
        .check(
            "select i.allowed, i.reason from taken t, dialer.intend('d1', array[t.attempt_id], array[t.token]) i",
            expect!["f | elsewhere"],
        )
        .await;
    assert_eq!(dialer.place().await, "0");
    dialer
        .check(
            CALLS,
            expect![
                "1 | scheduled | elsewhere | 2026-12-04 07:30:00-05 | {America/New_York} | {} | f"
            ],
        )
        .await;
    // Dropped, it holds no more; chosen again for another purpose, it does not hold for sales.
    dialer.run("select dialer.drop_law()").await;
    assert_eq!(dialer.place().await, "1");
    dialer.sound().await;
}

// C14: eight a day becomes three in twenty-four hours in Florida, over campaigns, and stays eight elsewhere.
#[tokio::test]
async fn the_strictest_of_policy_and_law_wins() {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.load_calling_rules('us-2026-11')").await;
    dialer.run(SALES).await;
    dialer.run("update dialer.provider_account set max_concurrent = 100; select dialer.create_campaign('summer', 'voice', 'Mo-Fr 11:00-20:00'); select dialer.start_campaign('summer')").await;
    dialer.run(&call("+13055550101", ", tz => 'America/New_York'")).await;
    dialer.run(&call("+14045550102", ", tz => 'America/New_York'")).await;
    for minute in 0..500 {
        dialer.clock(&format!("2026-12-04 {:02}:{:02}", 11 + minute / 60, minute % 60)).await;
        if dialer.place().await != "0" {
            dialer.end("no_answer").await;
        }
    }
    dialer.check("select e.address, count(*) from dialer.attempt a join dialer.endpoint e using (endpoint_id) group by 1 order by 1", expect![[r#"
        +13055550101 | 3
        +14045550102 | 8"#]]).await;
    dialer
        .check(
            "select c.call_id, c.wait_reason, c.due_at from dialer.call c order by 1",
            expect![[r#"
                1 | law_cap | 2026-12-05 12:01:00-05
                2 | redial | 2026-12-07 11:00:00-05"#]],
        )
        .await;
    // Another campaign has no calls left for the same person either.
    dialer
        .run("select dialer.schedule_call('summer', '+13055550101', tz => 'America/New_York')")
        .await;
    assert_eq!(dialer.place().await, "0");
    dialer.check("select gate, pass, detail, opens_at from dialer.explain(3) where gate ~ 'law|cap' order by 1", expect![[r#"
        cap: 8 a local day | t | 3 attempts counted for the contact, the last at 2026-12-04 12:07:00-05 | -
        cap: us-fl-3-in-24h | f | 3 in any 24:01:00: attempts per subject in voice; 3 counted (Fla. Stat. 501.616(6)(b)) | 2026-12-05 12:01:00-05
        law | t | US-FL (number): rules of us-2026-11 for telemarketing | -
        law: us-fl | t | US-FL Mo-Su 08:00-20:00 (Fla. Stat. 501.616(6)(a), as of 2025-07, high) | -
        law: us-telemarketing | t | US Mo-Su 08:00-21:00 (47 CFR 64.1200(c)(1), as of 2025-2026, high) | -
        law: us-telemarketing-ftc | t | US Mo-Su 08:00-21:00 (16 CFR 310.4(c), as of 2025, high) | -"#]]).await;
    dialer
        .check(
            "select decision ->> 'local_time', decision -> 'law' -> 'jurisdictions', decision -> 'law' -> 'rules', decision -> 'capped', decision ->> 'jurisdiction_source'
             from dialer.attempt join dialer.endpoint using (endpoint_id) where address = '+13055550101' order by dialled_at",
            expect![[r#"
                Fri 2026-12-04 12:00:00 | ["US-FL"] | ["us-fl", "us-fl-3-in-24h", "us-telemarketing", "us-telemarketing-ftc"] | {"us-fl-3-in-24h": 0} | number
                Fri 2026-12-04 12:02:00 | ["US-FL"] | ["us-fl", "us-fl-3-in-24h", "us-telemarketing", "us-telemarketing-ftc"] | {"us-fl-3-in-24h": 1} | number
                Fri 2026-12-04 12:07:00 | ["US-FL"] | ["us-fl", "us-fl-3-in-24h", "us-telemarketing", "us-telemarketing-ftc"] | {"us-fl-3-in-24h": 2} | number"#]],
        )
        .await;
    dialer.sound().await;
}

// R056: more jurisdictions, purposes, readings or packs never open anything sooner.
#[tokio::test]
async fn another_rule_never_makes_anything_callable_sooner() {
    let dialer = Dialer::with_american_rules().await;
    dialer.run("select dialer.load_calling_rules('world-2026-11')").await;
    dialer
        .run(
            "insert into dialer.law (law_id, campaign_id, packs, purposes, contradictions, min_confidence, uncovered)
             select n, n, '{us-2026-11,world-2026-11}', p::text[], r, c, 'open'
             from (values (101, '{telemarketing}', 'as_read', 'high'), (102, '{telemarketing}', 'as_read', 'low'), (103, '{telemarketing}', 'strictest', 'low'),
                          (104, '{telemarketing,prerecorded}', 'strictest', 'low')) w(n, p, r, c)",
        )
        .await;
    let sooner = |less: &str, more: &str| {
        format!(
            "with place as (select distinct jurisdiction as j from dialer.calling_rule where jurisdiction <> 'US-NYC'),
             asked as (select a.j as one, b.j as other, '2026-12-20 00:00+00'::timestamptz + make_interval(mins => (abs(hashtext(a.j || b.j)) % 20000)) as at,
                           array['America/Chicago'] as z from place a cross join place b)
             select count(*) > 1000, count(*) filter (where sooner), count(*) filter (where later > 0) > 0 from (
                 select coalesce(dialer.next_open_all(at, {more}) < dialer.next_open_all(at, {less}), dialer.next_open_all(at, {less}) is null and dialer.next_open_all(at, {more}) is not null) as sooner,
                        extract(epoch from dialer.next_open_all(at, {more}) - dialer.next_open_all(at, {less})) as later
                 from asked) x"
        )
    };
    let openings = |law: u32, places: &str| {
        format!(
            "(row('24/7', z[1], null, null)::dialer.opening || dialer.law_openings({law}, z, {places}))"
        )
    };
    for (less, more) in [
        (openings(103, "array[one]"), openings(103, "array[one, other]")),
        (openings(101, "array[one]"), openings(102, "array[one]")),
        (openings(102, "array[one]"), openings(103, "array[one]")),
        (openings(103, "array[one]"), openings(104, "array[one]")),
    ] {
        dialer.check(&sooner(&less, &more), expect!["t | 0 | t"]).await;
    }
}

#[tokio::test]
async fn a_country_of_which_no_pack_speaks_is_closed_unless_it_is_said_to_be_open() {
    let dialer = Dialer::with_american_rules().await;
    dialer.run(SALES).await;
    dialer.run(&call("+33142685301", ", tz => 'Europe/Paris'")).await;
    dialer
        .check(
            CALLS,
            expect!["1 | scheduled | no_rule_known | infinity | {Europe/Paris} | {FR} | f"],
        )
        .await;
    dialer.run("select dialer.choose_law(null, '{us-2026-11}', '{telemarketing}', uncovered => 'open')").await;
    dialer
        .check(
            CALLS,
            expect![
                "1 | scheduled | law_changed | 2026-12-04 12:00:00-05 | {Europe/Paris} | {FR} | t"
            ],
        )
        .await;
    // With the French rules: 18:00 in Paris is open, 13:30 is not.
    dialer.run("select dialer.load_calling_rules('world-2026-11'); select dialer.choose_law(null, '{us-2026-11,world-2026-11}', '{telemarketing,ai voice}')").await;
    dialer
        .check(
            "select dialer.reschedule_call(1, '2026-12-07 07:30 America/New_York')",
            expect!["2026-12-07 08:00:00-05"],
        )
        .await;
    dialer
        .check(
            "select packs, purposes, uncovered from dialer.law",
            expect!["{us-2026-11,world-2026-11} | {prerecorded,telemarketing} | closed"],
        )
        .await;
}

#[tokio::test]
async fn choices_that_make_no_sense_are_refused() {
    let dialer = Dialer::with_american_rules().await;
    for (sql, expected) in [
        (
            "select dialer.load_calling_rules('us-1999')",
            expect![[r#"
            PD042: pack "us-1999" is not known
            detail: Known are: us-2026-11, world-2026-11.
            hint: Give one of these names; choose_law puts a loaded pack in force."#]],
        ),
        (
            "select dialer.choose_law(null, '{world-2026-11}', '{telemarketing}')",
            expect![[r#"
            PD042: packs {world-2026-11} are not loaded
            detail: A law is made of packs of calling rules that this tenant has loaded.
            hint: E.g. select dialer.load_calling_rules('us-2026-11'); drop_law ends a choice."#]],
        ),
        (
            "select dialer.choose_law(null, '{us-2026-11}', '{fun}')",
            expect![[r#"
            PD042: purposes {fun} are not known
            detail: Known are: telemarketing, debt collection, prerecorded, securities, health, non-commercial, informational, non-profit, bank alert, research; ai voice means prerecorded.
            hint: Name all that hold for these calls."#]],
        ),
        (
            "select dialer.choose_law('spring', '{us-2026-11}', '{telemarketing}', contradictions => 'ours')",
            expect![[r#"
                PD042: min_confidence low, contradictions ours, uncovered closed, margin 00:01:00, hang_up_seconds 30
                detail: min_confidence is low, medium or high; contradictions strictest or as_read; uncovered closed or open; margin up to a day; hang_up_seconds 0 to 3600.
                hint: Leave them out for what is usual, which is strict."#]],
        ),
        (
            "select dialer.drop_law('spring')",
            expect![[r#"
            PD042: campaign "spring" has no law of its own
            hint: See dialer.law."#]],
        ),
        (
            "update dialer.contact set jurisdiction = 'Atlantis'; select dialer.schedule_call('spring', '+12125550101'); update dialer.contact set jurisdiction = 'Atlantis'",
            expect![[r#"
                PD041: "Atlantis" is no state, province or country
                detail: Whose calling rules hold is known by it.
                hint: Write a code or a name, such as US-FL, FL, Florida, CA-ON or FR, or a ZIP code of a state; null where it is not known."#]],
        ),
        (
            "select dialer.add_legal_holidays('US-XX', '{2026-12-28}', 'x')",
            expect![[r#"
            PD042: no rule asks for the holidays "US-XX"
            detail: Known are: US-AL, US-LA, US-MS, US-NE, US-PA, US-RI, US-UT.
            hint: E.g. US-LA, for days that its governor proclaims."#]],
        ),
    ] {
        dialer.check_refusal(sql, expected).await;
    }
    dialer.run(SALES).await;
    dialer
        .check_refusal(
            "select dialer.unload_calling_rules('us-2026-11')",
            expect![[r#"
        PD042: pack "us-2026-11" is in force for the tenant
        detail: Without its rules every call there would be closed.
        hint: Choose another law with dialer.choose_law, or drop it with dialer.drop_law."#]],
        )
        .await;
    dialer.run("select dialer.drop_law()").await;
    dialer.check("select dialer.unload_calling_rules('us-2026-11') > 70", expect!["t"]).await;
}

// R056: every rule of a pack is listed, with why it is not in force.
#[tokio::test]
async fn what_is_not_enforced_is_listed_with_its_reason() {
    let dialer = Dialer::with_american_rules().await;
    dialer.run(SALES).await;
    dialer.check("select count(*), count(*) filter (where in_force), count(*) filter (where not in_force and why_not is null) from dialer.calling_rules_of('spring')", expect!["73 | 35 | 0"]).await;
    dialer.check("select code, provision, rule, in_force, why_not, confidence, as_of from dialer.calling_rules_of('spring')
                  where jurisdiction in ('US-LA', 'US-NV', 'US-FL', 'US-UT') order by code", expect![[r#"
                      us-fl | window | Mo-Su 08:00-20:00 | t | - | high | 2025-07
                      us-fl-3-in-24h | cap | 3 in any 24:00:00: attempts per subject in voice | t | - | high | 2025-07
                      us-la | window | Mo-Sa 08:00-20:00, not on holidays of US-LA | t | partly: days that the governor proclaims are added with add_legal_holidays; consent does not lift it, as the order says | high | 2023-12
                      us-la-emergency | note | telemarketing during declared emergency with PSC at the EOC | f | not enforced: a switch and no calendar: declare_ban closes, lift_ban opens | high | 2024-09-24
                      us-nv | window | Mo-Su 08:00-21:00 | t | - | medium | 2001 text
                      us-nv-automated | window | Mo-Su 09:00-21:00 | f | other purpose: prerecorded | high | unknown
                      us-nv-automated-hang-up | cap | 1 ever: hang_ups per number in voice | f | other purpose: prerecorded | high | unknown
                      us-nv-vendor | window | Mo-Su 09:00-20:00 | t | - | low | 2001 text
                      us-ut | window | Mo-Sa 08:00-21:00, not on holidays of US-UT | t | - | high | 2025-01-01"#]]).await;
    dialer.check("select as_read, hours_as_read, other, other_hours, other_holidays, reading from dialer.calling_rule_conflict order by 1", expect![[r#"
        us-ct | Mo-Su 09:00-20:00 | us-ct-vendor | Mo-Su 09:00-21:00 | - | another reading: one vendor table
        us-ms | Mo-Sa 08:00-21:00 | us-ms-old | Mo-Sa 08:00-20:00 | US-MS | another reading: vendor tables of before 2024
        us-nv | Mo-Su 08:00-21:00 | us-nv-vendor | Mo-Su 09:00-20:00 | - | another reading: vendor tables
        us-pa | Mo-Su 08:00-21:00 | us-pa-vendor | Mo-Fr,Su 08:00-21:00; Sa 08:00-12:00 | US-PA | another reading: one vendor table"#]]).await;
    dialer
        .check(
            "select pack, as_of, months, used_by, advice from dialer.law_age()",
            expect!["us-2026-11 | 2026-11-21 | 0 | the tenant | fresh"],
        )
        .await;
    dialer
        .check(
            "select pack, months, advice from dialer.law_age('2027-06-21 12:00+00')",
            expect!["us-2026-11 | 7 | read more than six months ago: ask for a newer one"],
        )
        .await;
}

// R051, R052: hours fixed to the campaign's zone, and the law by the clock of whoever is called.
#[tokio::test]
async fn a_campaign_with_fixed_hours_keeps_the_law_of_each_persons_clock() {
    let dialer = Dialer::with_american_rules().await;
    dialer
        .run("select dialer.create_campaign('office', 'voice', 'Mo-Fr 09:00-22:00', 'America/New_York', policy => 'eager'); select dialer.start_campaign('office')")
        .await;
    for number in ["+12145550101", "+12125550102"] {
        dialer.run(&format!("select dialer.schedule_call('office', '{number}')")).await;
    }
    dialer.check("select distinct zones, jurisdictions from dialer.lane", expect!["{} | {}"]).await;
    dialer.run("select dialer.choose_law('office', '{us-2026-11}', '{telemarketing}')").await;
    dialer
        .check(
            CALLS,
            expect![[r#"
        1 | scheduled | - | 2026-12-04 12:00:00-05 | {America/Chicago} | {US-TX} | t
        2 | scheduled | - | 2026-12-04 12:00:00-05 | {America/New_York} | {US-NYC} | t"#]],
        )
        .await;
    for (clock, placed) in
        [("2026-12-07 09:30", "1"), ("2026-12-07 09:59", "0"), ("2026-12-07 10:00", "1")]
    {
        dialer.clock(clock).await;
        assert_eq!(dialer.place().await, placed, "{clock}");
    }
    dialer.sound().await;
}

// R051: who moves to another state has its law and its clocks.
#[tokio::test]
async fn calls_follow_a_contact_into_another_state() {
    let dialer = Dialer::with_american_rules().await;
    dialer.run(SALES).await;
    dialer.run(&call("+13055550101", ", state => 'FL'")).await;
    dialer.check(CALLS, expect!["1 | scheduled | - | 2026-12-04 12:00:00-05 | {America/Chicago,America/New_York} | {US-FL} | t"]).await;
    dialer.run(&call("+13055550101", ", state => 'Kentucky'")).await;
    dialer.run("update dialer.contact set jurisdiction = 'tx'").await;
    dialer.check(CALLS, expect![[r#"
        1 | scheduled | - | 2026-12-04 12:00:00-05 | {America/Chicago,America/Denver} | {US-FL,US-TX} | t
        2 | scheduled | - | 2026-12-04 12:00:00-05 | {America/Chicago,America/Denver} | {US-FL,US-TX} | t"#]]).await;
    dialer.check("select jurisdiction, jurisdictions, jurisdiction_source, zones, zone_source from dialer.contact", expect!["US-TX | {US-FL,US-TX} | both | {America/Chicago,America/Denver} | state"]).await;
    // A second number of another state adds its own.
    dialer.run("insert into dialer.endpoint (tenant_id, contact_id, channel, address) select tenant_id, contact_id, 'voice', '+15025550104' from dialer.contact").await;
    dialer
        .check(
            "select jurisdictions, jurisdiction_source from dialer.contact",
            expect!["{US-FL,US-KY,US-TX} | both"],
        )
        .await;
    dialer
        .check(
            "select distinct jurisdictions from dialer.call join dialer.lane using (lane_id)",
            expect!["{US-FL,US-KY,US-TX}"],
        )
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_dump_restores_the_choice_of_law_and_what_it_closed() {
    let before = Dialer::with_american_rules().await;
    before.run(SALES).await;
    before.run("select dialer.add_legal_holidays('US-LA', '{2026-12-28}', 'proclaimed'); select dialer.set_tenant_cap('breath', 1, 'gap', 60); select dialer.declare_ban('storm', '{TX}')").await;
    before.run(&call("+13055550101", ", tz => 'America/New_York'")).await;
    before.run("select * from dialer.tick()").await;
    let lanes = "select campaign_id, zones, jurisdictions, openings, cappings, law from dialer.lane order by lane_id";
    let laws = "select c.name, c.law_id, w.packs, (select count(*) from dialer.calling_rule), (select count(*) from dialer.legal_holiday), (select count(*) from dialer.ban) from dialer.campaign c join dialer.law w using (law_id)";
    let (lanes_before, laws_before) = (before.rows(lanes).await, before.rows(laws).await);
    let after = crate::database::Database::empty().await;
    after.load(&before.dump());
    assert_eq!(after.rows(lanes).await, lanes_before);
    assert_eq!(after.rows(laws).await, laws_before);
    assert_ne!(laws_before, "");
}

// R056: rules that are read anew open at once for whom there was no opening.
#[tokio::test]
async fn who_could_never_be_called_is_when_the_rules_are_loaded_anew() {
    let dialer = Dialer::with_american_rules().await;
    let reads = |hours: &str| {
        format!(
            "update dialer.shipped_rule set hours = '{hours}' where code = 'us-telemarketing'; select dialer.load_calling_rules('us-2026-11')"
        )
    };
    dialer.run(&reads("Mo-Su 08:00-10:00")).await;
    dialer.check(SALES, expect!["1"]).await;
    dialer
        .check(
            &call("+12125550101", ", tz => 'America/New_York,Pacific/Honolulu'"),
            expect!["- | waiting"],
        )
        .await;
    dialer
        .check("select wait_reason, due_at from dialer.call", expect!["never_open | infinity"])
        .await;
    assert_eq!(dialer.place().await, "0");
    dialer.clock("2026-12-04 16:00").await;
    dialer.run(&reads("Mo-Su 08:00-21:00")).await;
    dialer
        .check(
            "select wait_reason, due_at from dialer.call",
            expect!["law_changed | 2026-12-04 16:00:00-05"],
        )
        .await;
    assert_eq!(dialer.place().await, "1");
    dialer.sound().await;
}

// R056: whoever waits for a cap of a law that is dropped waits no longer.
#[tokio::test]
async fn a_cap_of_a_law_that_is_dropped_is_waited_for_no_longer() {
    let dialer = Dialer::with_american_rules().await;
    dialer.check(SALES, expect!["1"]).await;
    dialer.run(&call("+13055550101", "")).await;
    for minute in 0..20 {
        dialer.clock(&format!("2026-12-04 12:{minute:02}")).await;
        if dialer.place().await != "0" {
            dialer.end("no_answer").await;
        }
    }
    dialer
        .check(
            "select wait_reason, due_at from dialer.call",
            expect!["law_cap | 2026-12-05 12:01:00-05"],
        )
        .await;
    dialer.run("select dialer.drop_law()").await;
    assert_eq!(dialer.place().await, "1");
    dialer.sound().await;
}
