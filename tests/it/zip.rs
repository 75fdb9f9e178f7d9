//! A ZIP code tells the state, whose law holds, and its zones.

use crate::dialer::Dialer;
use expect_test::expect;

const PLACES: &str = "select contact_id, jurisdiction, jurisdictions, jurisdiction_source, zones, zone_source, attributes from dialer.contact order by 1";

fn plan(number: &str, more: &str) -> String {
    format!("select dialer.schedule_call('spring', '{number}'{more})")
}

fn add(number: &str, more: &str) -> String {
    format!("select dialer.add_contact('{number}'{more})")
}

// R051, R056, D6
#[tokio::test]
async fn a_zip_code_tells_whose_law_holds_and_the_zone() {
    let dialer = Dialer::open().await;
    for (number, more) in [
        ("+18005550101", ", state => '33101'"),
        ("+18005550102", ", attributes => '{\"Postal Code\": \"73960-1234\"}'"),
        ("+12125550103", ", attributes => '{\"zip\": 90210}'"),
        ("+12125550104", ", state => 'NY', attributes => '{\"zip\": \"11201\"}'"),
        ("+12125550105", ", attributes => '{\"zip\": \"09012\"}'"),
        ("+33142685306", ", attributes => '{\"zip\": \"75001\"}'"),
    ] {
        dialer.run(&add(number, more)).await;
    }
    dialer
        .check(
            PLACES,
            expect![[r#"
                1 | - | {US-FL} | stated | {America/Chicago,America/New_York} | state | {"zip": "33101"}
                2 | - | {US-OK,US-TX} | stated | {America/Chicago,America/Denver} | state | {"Postal Code": "73960-1234"}
                3 | - | {US-CA,US-NYC} | both | {America/Los_Angeles} | state | {"zip": 90210}
                4 | US-NY | {US-NYC} | stated | {America/New_York} | state | {"zip": "11201"}
                5 | - | {US-NYC} | number | {America/New_York} | number | {"zip": "09012"}
                6 | - | {FR} | number | {Europe/Paris} | number | {"zip": "75001"}"#]],
        )
        .await;
}

// R051, R056: the strictest of all states that share a prefix; the call follows a ZIP code that is learnt later.
#[tokio::test]
async fn calls_follow_the_zip_code_of_their_contact() {
    let dialer = Dialer::open().await;
    dialer
        .run("update dialer.calendar set hours = '24/7'; select dialer.load_calling_rules('us-2026-11'); select dialer.choose_law(null, '{us-2026-11}', '{telemarketing}')")
        .await;
    dialer.run(&plan("+18005550101", "")).await;
    assert_eq!(dialer.place().await, "0");
    dialer
        .check("select reason from dialer.why_waiting('spring')", expect!["no time zone is known"])
        .await;
    dialer.run("update dialer.contact set attributes = '{\"zip\": \"73960\"}'").await;
    dialer
        .check(
            "select jurisdictions from dialer.lane join dialer.call using (lane_id)",
            expect!["{US-OK,US-TX}"],
        )
        .await;
    // Texas opens at nine, in the later of its two zones; Oklahoma closes at eight.
    for (clock, open) in [
        ("2026-12-04 10:59", "f"),
        ("2026-12-04 11:00", "t"),
        ("2026-12-04 20:59", "t"),
        ("2026-12-04 21:00", "f"),
    ] {
        let found = dialer
            .rows(&format!("select dialer.is_open_all('{clock} America/New_York', openings) from dialer.lane join dialer.call using (lane_id)"))
            .await;
        assert_eq!(found, open, "{clock}");
    }
    dialer.run("update dialer.contact set jurisdiction = '84101'").await;
    dialer
        .check(
            PLACES,
            expect![[r#"1 | - | {US-UT} | stated | {America/Denver} | state | {"zip": "84101"}"#]],
        )
        .await;
    let refused = dialer.refusal(&add("+12125550102", ", state => 'Atlantis'")).await;
    assert!(refused.starts_with("PD041: \"Atlantis\" is no state"), "{refused}");
    dialer
        .check_refusal(
            "update dialer.contact set jurisdiction = '09012'",
            expect![[r#"
                PD041: "09012" is no state, province or country
                detail: Whose calling rules hold is known by it.
                hint: Write a code or a name, such as US-FL, FL, Florida, CA-ON or FR, or a ZIP code of a state; null where it is not known."#]],
        )
        .await;
    dialer.sound().await;
}

// D6: what a ZIP code does not tell is said.
#[tokio::test]
async fn a_zip_code_of_which_no_state_is_known_is_noted() {
    let dialer = Dialer::open().await;
    dialer
        .check(
            "select p.line, p.col, p.value, p.reason from dialer.admit(array[
                 row(1, null, null, '+12125550101', null, null, '09012', null, null)::dialer.intake_row,
                 row(2, null, null, '+12125550102', null, null, null, null, '{\"zip\": \"96910\"}')::dialer.intake_row,
                 row(3, null, null, '+12125550103', null, null, '33101', null, null)::dialer.intake_row,
                 row(4, null, null, '+12125550104', null, null, 'TX', null, '{\"zip\": \"96910\"}')::dialer.intake_row], 'US', 'test', dialer.now(), null) a,
             lateral unnest(a.problems) p order by 1",
            expect![[r#"
                1 | state | 09012 | not a known state, province or country: ignored
                2 | zip | 96910 | no state is known for this ZIP code: it does not tell whose law holds"#]],
        )
        .await;
}

// R051: whichever number rings, it is open there.
#[tokio::test]
async fn a_person_with_numbers_in_two_zones_is_called_when_both_are_open() {
    let dialer = Dialer::open().await;
    dialer.run(&plan("+12125550101", ", external_key => 'ada'")).await;
    dialer.run(&plan("+13105550102", ", external_key => 'ada'")).await;
    dialer
        .check(
            "select zones, zone_source, (select count(*) from dialer.endpoint) from dialer.contact",
            expect!["{America/Los_Angeles,America/New_York} | number | 2"],
        )
        .await;
    dialer.run(&plan("+13105550103", ", external_key => 'ben', tz => 'America/New_York'")).await;
    dialer.run(&plan("+12125550104", ", external_key => 'ben'")).await;
    dialer
        .check(
            "select zones, zone_source from dialer.contact where external_key = 'ben'",
            expect!["{America/New_York} | stated"],
        )
        .await;
}

// A number or address that is compared letter by letter is written in one way.
#[tokio::test]
async fn addresses_are_kept_in_one_spelling() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    let list = "insert into dialer.do_not_call (address, source) values";
    let endpoint = "insert into dialer.endpoint (tenant_id, contact_id, channel, address) values";
    for (sql, rule) in [
        (format!("{list} ('(212) 555-0101', 'list')"), "forbidden_address"),
        (format!("{list} ('Ada@Example.com', 'list')"), "forbidden_address"),
        (format!("{endpoint} (1, 1, 'voice', '2125550199')"), "address"),
        (format!("{endpoint} (1, 1, 'email', 'Ada@Example.com')"), "address"),
    ] {
        let refused = dialer.refusal(&sql).await;
        let rule = format!("\"{rule}_is_e164_or_mail_in_lower_case\"");
        assert!(refused.starts_with("23514") && refused.contains(&rule), "{refused}");
    }
    dialer.run(&format!("{list} ('ada@example.com', 'list'), ('+12125550101', 'list')")).await;
    dialer.check("select state from dialer.call", expect!["cancelled"]).await;
}
