//! The compliance record of one number: what was written down when each call was allowed.

use crate::dialer::Dialer;
use expect_test::expect;

// D5: rule versions, local time and counts per attempt; consent and do-not-call as they were known then.
#[tokio::test]
async fn every_call_to_a_number_is_shown_with_what_held_at_that_time() {
    let dialer = Dialer::open().await;
    dialer
        .run(
            "select dialer.load_calling_rules('us-2026-11'); select dialer.choose_law('spring', '{us-2026-11}', '{telemarketing}');
             select dialer.set_tenant_cap('breath', 1, 'gap', 60);
             update dialer.campaign set consent = 'sales';
             select dialer.give_consent('+13055550101', 'sales', 'web form 7', at => '2026-12-01 10:00+00');
             select dialer.schedule_call('spring', '+13055550101', name => 'Ada', tz => 'America/Chicago', hours => 'Mo-Su 09:00-21:00')",
        )
        .await;
    assert_eq!(dialer.place().await, "1");
    dialer.end("no_answer").await;
    dialer.clock("2026-12-04 12:02").await;
    dialer.run("select dialer.load_calling_rules('us-2026-11')").await;
    assert_eq!(dialer.place().await, "1");
    dialer.end("dnc").await;
    dialer.clock("2026-12-05 09:00").await;
    dialer.run("select dialer.withdraw_consent('+13055550101')").await;
    dialer
        .check(
            "select local_time, zones, zone_source, caller_id, outcome, jurisdictions, jurisdiction_source, hours, caps_counted, policy from dialer.compliance_export('(305) 555-0101')",
            expect![[r#"
                Fri 2026-12-04 11:00:00 | America/Chicago | stated | chosen by the provider | no_answer | US-FL | number | Mo-Fr 11:00-20:00 and Mo-Su 09:00-21:00 | policy: 0; tenant: breath: 0; us-fl-3-in-24h: 0 | redial-8-a-day
                Fri 2026-12-04 11:02:00 | America/Chicago | stated | chosen by the provider | dnc | US-FL | number | Mo-Fr 11:00-20:00 and Mo-Su 09:00-21:00 | policy: 1; tenant: breath: 1; us-fl-3-in-24h: 1 | redial-8-a-day"#]],
        )
        .await;
    dialer
        .check("select rules from dialer.compliance_export('+13055550101') limit 1", expect!["us-fl (Fla. Stat. 501.616(6)(a), as of 2025-07); us-fl-3-in-24h (Fla. Stat. 501.616(6)(b), as of 2025-07); us-telemarketing (47 CFR 64.1200(c)(1), as of 2025-2026); us-telemarketing-ftc (16 CFR 310.4(c), as of 2025)"])
        .await;
    dialer.check("select packs, consent, do_not_call, do_not_call_now from dialer.compliance_export('+13055550101')", expect![[r#"
        us-2026-11 loaded 2026-12-04 17:00:00Z | sales: given 2026-12-01 05:00:00-05 (web form 7), held | not on the list | since 2026-12-04 12:02:00-05 (said in call 1), in force
        us-2026-11 loaded 2026-12-04 17:02:00Z | sales: given 2026-12-01 05:00:00-05 (web form 7), held | since 2026-12-04 12:02:00-05 (said in call 1), in force | since 2026-12-04 12:02:00-05 (said in call 1), in force"#]]).await;
    dialer.check("select count(*) from dialer.compliance_export('+13055550101', '2026-12-04 12:01 America/New_York')", expect!["1"]).await;
    dialer
        .check("select count(*) from dialer.compliance_export('+13055550102')", expect!["0"])
        .await;
}

// D5: an open attempt is shown as open, and calls without a law say so.
#[tokio::test]
async fn calls_without_a_law_and_open_ones_say_so() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    assert_eq!(dialer.place().await, "1");
    dialer.check("select local_time, outcome, jurisdictions, rules, packs, caps_counted, consent, do_not_call from dialer.compliance_export('+12125550101')", expect!["Fri 2026-12-04 12:00:00 | open: placed | no law was chosen | - | - | policy: 0 | none known | not on the list"]).await;
}

// C37, D4, D5: that somebody was on the list, and who took them off, stays known.
#[tokio::test]
async fn an_entry_that_was_taken_off_forbids_nothing_and_stays_evidence() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    assert_eq!(dialer.place().await, "1");
    dialer.run("select dialer.add_do_not_call('+12125550101', 'letter')").await;
    dialer.end("no_answer").await;
    dialer
        .check("select state, end_reason from dialer.call", expect!["cancelled | do_not_call"])
        .await;
    dialer.clock("2026-12-04 13:00").await;
    dialer.run("set application_name = 'office'; select dialer.take_off_do_not_call(1)").await;
    dialer
        .check_refusal(
            "select dialer.take_off_do_not_call(1)",
            expect![[r#"
            PD052: do-not-call entry 1 does not exist
            hint: Entries of this tenant are in dialer.do_not_call."#]],
        )
        .await;
    dialer.check("select count(*) from dialer.find_do_not_call()", expect!["0"]).await;
    dialer
        .run("select dialer.schedule_call('spring', '+12125550101', tz => 'America/New_York')")
        .await;
    assert_eq!(dialer.place().await, "1");
    dialer
        .check(
            "select local_time, do_not_call, do_not_call_now from dialer.compliance_export('+12125550101')",
            expect![[r#"
                Fri 2026-12-04 12:00:00 | since 2026-12-04 12:00:00-05 (letter), in force | since 2026-12-04 12:00:00-05 (letter), taken off 2026-12-04 13:00:00-05 by postgres/office
                Fri 2026-12-04 13:00:00 | since 2026-12-04 12:00:00-05 (letter), taken off 2026-12-04 13:00:00-05 by postgres/office | since 2026-12-04 12:00:00-05 (letter), taken off 2026-12-04 13:00:00-05 by postgres/office"#]],
        )
        .await;
    dialer.check("select dialer.export_person('+12125550101') -> 'do_not_call'", expect![[r#"[{"source": "letter", "address": "+12125550101", "added_at": "2026-12-04T12:00:00-05:00", "expires_at": null, "removed_at": "2026-12-04T13:00:00-05:00", "removed_by": "postgres/office"}]"#]]).await;
    dialer.sound().await;
}
