//! A campaign that names a purpose calls nobody who has not agreed to it.

use crate::dialer::Dialer;
use expect_test::expect;

const CALLS: &str = "select e.address, c.state, c.wait_reason, c.due_at - dialer.now() from dialer.call c join dialer.endpoint e using (endpoint_id) order by 1";
const CLAIMED: &str = "select count(*) from dialer.claim('d1', 10)";

async fn asking() -> Dialer {
    let dialer = Dialer::open().await;
    dialer.run("update dialer.campaign set consent = 'sales'").await;
    dialer.people(2).await;
    dialer
}

// D4
#[tokio::test]
async fn who_has_not_agreed_waits_until_they_do() {
    let dialer = asking().await;
    dialer.run("select dialer.give_consent('(212) 555-0101', 'service', 'web form')").await;
    dialer.check(CLAIMED, expect!["0"]).await;
    dialer
        .check(
            CALLS,
            expect![[r#"
        +12125550101 | scheduled | consent_missing | 1 day
        +12125550102 | scheduled | consent_missing | 1 day"#]],
        )
        .await;
    dialer
        .check(
            "select pass, detail from dialer.explain(1) where gate = 'consent'",
            expect![[r#"f | has not agreed to "sales", or not any more"#]],
        )
        .await;
    dialer.run("select dialer.give_consent('(212) 555-0101', 'sales', 'web form', evidence => '{\"form\": 7}')").await;
    dialer.check(CLAIMED, expect!["1"]).await;
    dialer.check("select decision ->> 'consent' from dialer.lease", expect!["sales"]).await;
    dialer
        .check(
            CALLS,
            expect![[r#"
        +12125550101 | claimed | - | 00:00:00
        +12125550102 | scheduled | consent_missing | 1 day"#]],
        )
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn what_was_withdrawn_or_is_over_counts_no_more_even_after_the_claim() {
    let dialer = asking().await;
    dialer
        .run(
            "select dialer.give_consent('+12125550101', 'sales', 'web form'); select dialer.give_consent('+12125550102', 'sales', 'web form', expires_at => dialer.now() + interval '1 minute');
             create temporary table mine as select * from dialer.claim('d1', 10)",
        )
        .await;
    dialer.check("select count(*) from mine", expect!["2"]).await;
    dialer.check("select dialer.withdraw_consent('+12125550101')", expect!["1"]).await;
    dialer
        .check("select i.allowed, i.reason from (select array_agg(attempt_id order by address) as ids, array_agg(token order by address) as tokens from mine) m, lateral dialer.intend('d1', m.ids, m.tokens) i", expect![[r#"
            f | consent_missing
            t | -"#]])
        .await;
    dialer.end("no_answer").await;
    dialer.clock("2026-12-04 14:00").await;
    dialer.check(CLAIMED, expect!["0"]).await;
    dialer
        .check(
            CALLS,
            expect![[r#"
        +12125550101 | scheduled | consent_missing | 1 day
        +12125550102 | scheduled | consent_missing | 1 day"#]],
        )
        .await;
    dialer.check("select dialer.withdraw_consent('+12125550101')", expect!["0"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_consent_says_what_is_wrong_with_it() {
    let dialer = asking().await;
    dialer.check_refusal("select dialer.give_consent('12', 'sales', 'form')", expect![[r#"
        PD014: invalid phone number: short code
        detail: Short codes belong to one network and cannot be called from elsewhere.
        hint: Give a number such as +12125550123, or one of the region's own form with its region."#]]).await;
    dialer
        .check_refusal(
            "select dialer.give_consent('+12125550101', ' ', 'form')",
            expect![[r#"
            PD015: a consent to " " from "form" until for ever says nothing
            detail: It names its purpose and where it is known from, and ends in the future.
            hint: E.g. select dialer.give_consent('+12125550123', 'sales', 'web form 7')."#]],
        )
        .await;
    dialer.check_refusal("select dialer.give_consent('+12125550101', 'sales', 'form', expires_at => '2020-01-01')", expect![[r#"
        PD015: a consent to "sales" from "form" until 2020-01-01 00:00:00-05 says nothing
        detail: It names its purpose and where it is known from, and ends in the future.
        hint: E.g. select dialer.give_consent('+12125550123', 'sales', 'web form 7')."#]]).await;
}
