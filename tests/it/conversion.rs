//! A person has bought or paid: everything that was planned to reach them is over.

use crate::database::Session;
use crate::dialer::{Dialer, set_clock};
use expect_test::expect;

/// Ann has two numbers, and calls in two campaigns; Ben has one call.
async fn ann_and_ben() -> Dialer {
    let dialer = Dialer::open().await;
    dialer
        .run(
            "select dialer.set_limits('voice', 10); select dialer.create_campaign('summer', 'voice', 'Mo-Fr 11:00-20:00'); select dialer.start_campaign('summer');
             select dialer.schedule_call(g, n, external_key => 'ann', tz => 'America/New_York', due_at => '2026-12-04 13:00')
             from unnest('{spring,summer}'::text[]) g, unnest('{+12125550101,+12125550102}'::text[]) n;
             select dialer.schedule_call('spring', '+12125550103', external_key => 'ben', tz => 'America/New_York')",
        )
        .await;
    dialer.clock("2026-12-04 13:00").await;
    dialer
}

const STATES: &str = "select g.name, p.external_key, c.state, coalesce(c.end_reason, c.wait_reason), count(*) from dialer.call c
    join dialer.campaign g using (campaign_id) join dialer.contact p using (contact_id) group by 1, 2, 3, 4 order by 1, 2, 3, 4";

// R155, C39: a sale in one call ends the others of the person, as far as the campaign says.
#[tokio::test]
async fn a_sale_stops_the_other_numbers_of_the_person() {
    for (reach, expected) in [
        (
            "call",
            expect![[r#"
            spring | ann | scheduled | - | 1
            spring | ann | completed | sale | 1
            spring | ben | cancelled | cancelled by a person | 1
            summer | ann | scheduled | - | 2"#]],
        ),
        (
            "campaign",
            expect![[r#"
            spring | ann | completed | sale | 1
            spring | ann | cancelled | converted | 1
            spring | ben | cancelled | cancelled by a person | 1
            summer | ann | scheduled | - | 2"#]],
        ),
        (
            "tenant",
            expect![[r#"
            spring | ann | completed | sale | 1
            spring | ann | cancelled | converted | 1
            spring | ben | cancelled | cancelled by a person | 1
            summer | ann | cancelled | converted | 2"#]],
        ),
    ] {
        let dialer = ann_and_ben().await;
        dialer
            .run(&format!(
                "select dialer.edit_campaign('spring', '{{\"conversion_reach\": \"{reach}\"}}')"
            ))
            .await;
        dialer.run("select dialer.set_limits('voice', 1); select dialer.cancel_call(5)").await;
        dialer.place().await;
        dialer.end("sale").await;
        dialer.check(STATES, expected).await;
        dialer.sound().await;
    }
}

// R148, R154: the payment and the end of the calls are one transaction, by a trigger on the team's own table.
#[tokio::test]
async fn a_payment_stops_the_calls_in_its_own_transaction() {
    let dialer = ann_and_ben().await;
    dialer
        .run(
            "create table payment (customer text);
             create function paid() returns trigger language plpgsql as $$ begin perform dialer.mark_converted(external_key => new.customer, source => 'payment'); return null; end $$;
             create trigger stop_calls after insert on payment for each row execute function paid()",
        )
        .await;
    let waiting = "select p.external_key, count(*) from dialer.call c join dialer.contact p using (contact_id) where c.state = 'scheduled' group by 1 order by 1";
    dialer.run("begin; insert into payment values ('ann'), ('nobody we know')").await;
    dialer.check(waiting, expect!["ben | 1"]).await;
    dialer.run("rollback").await;
    dialer
        .check(
            waiting,
            expect![[r#"
        ann | 4
        ben | 1"#]],
        )
        .await;
    dialer.run("insert into payment values ('ann')").await;
    dialer
        .check(
            STATES,
            expect![[r#"
        spring | ann | cancelled | converted | 2
        spring | ben | scheduled | - | 1
        summer | ann | cancelled | converted | 2"#]],
        )
        .await;
    dialer.check("select measure, calls from dialer.report_breakdown() where measure ~ 'sale|converted|other'", expect![[r#"
        completed_sale | 0
        completed_other | 0
        cancelled_converted | 4
        cancelled_other | 0
        transferred_not_sale | 0
        non_sale | 5
        non_sale_non_dnc | 5"#]]).await;
    // A new wish for the same person is placed; a list is not.
    dialer.clock("2026-12-04 13:01").await;
    dialer
        .check(
            "select result from dialer.schedule_call('spring', '+12125550101')",
            expect!["scheduled"],
        )
        .await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["2"]).await;
    dialer.check("select count(*) from dialer.enrol('summer', array(select contact_id from dialer.contact where external_key = 'ann'))", expect!["0"]).await;
    dialer
        .check(
            "select dialer.mark_converted(address => '(212) 555-0103', campaigns => '{spring}')",
            expect!["0"],
        )
        .await;
    for (statement, code) in [
        ("select dialer.mark_converted()", "PD014"),
        ("select dialer.mark_converted(address => 'x')", "PD014"),
        ("select dialer.mark_converted('ann', campaigns => '{winter}')", "PD025"),
    ] {
        let refusal = dialer.refusal(statement).await;
        assert!(refusal.starts_with(code), "{statement}: {refusal}");
    }
    dialer.sound().await;
}

// What is being placed at that moment is not sent any more, and what rings is not tried again.
#[tokio::test]
async fn a_conversion_is_asked_for_at_the_intention_and_at_the_end() {
    let dialer = ann_and_ben().await;
    dialer.run("create table mine as select * from dialer.claim('d1', 100)").await;
    dialer.run("select dialer.mark_converted(external_key => 'ann')").await;
    dialer
        .check("select allowed, reason from mine m, dialer.intend('d1', array[m.attempt_id], array[m.token]) order by 1", expect![[r#"
            f | converted
            t | -"#]])
        .await;
    dialer.run("select dialer.mark_converted(external_key => 'ben')").await;
    dialer.end("no_answer").await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer
        .check(
            STATES,
            expect![[r#"
        spring | ann | cancelled | converted | 2
        spring | ben | cancelled | converted | 1
        summer | ann | cancelled | converted | 2"#]],
        )
        .await;
    dialer.sound().await;
}

async fn import(session: &Session, id: u32, rows: &str) -> String {
    session.run("select dialer.begin_import('spring', 'list')").await;
    session.run(&format!("insert into dialer.import_row (import_id, line, phone, tz, status) select {id}, r.line, r.phone, 'America/New_York', r.status from (values {rows}) r(line, phone, status)")).await;
    let notes =
        session.rows(&format!("select line, reason from dialer.import_contacts({id})")).await;
    format!("{notes}\n{}", session.rows(&format!("select * from dialer.finish_import({id})")).await)
}

// R148, R149, C38, C39: a sale in a list that comes again reaches the call in flight; the strictest status wins.
#[tokio::test]
async fn a_sale_in_a_second_list_ends_what_is_in_flight() {
    let dialer = Dialer::open().await;
    import(
        &dialer,
        1,
        "(1, '+12125550101', null), (2, '+12125550102', null), (3, '+12125550103', null)",
    )
    .await;
    dialer.place().await;
    dialer.clock("2026-12-04 12:01").await;
    expect![[r#"
        1 | a sale was made before: kept, not enrolled
        2 | the number is on the do-not-call list: kept, not enrolled
        3 | a sale was made before: kept, not enrolled
        3 | 0 | 3 | 0 | 0 | 1 | 0"#]]
    .assert_eq(
        &import(
            &dialer,
            2,
            "(1, '+12125550101', 'SALE'), (2, '+12125550102', 'DNC'), (3, '+12125550103', 'SALE')",
        )
        .await,
    );
    dialer.end("no_answer").await;
    dialer
        .check(
            "select call_id, state, end_reason from dialer.call order by 1",
            expect![[r#"
        1 | cancelled | converted
        2 | cancelled | do_not_call
        3 | cancelled | converted"#]],
        )
        .await;
    dialer.sound().await;
}

// R146, R149: a list that comes again after retention has deleted its calls calls nobody a second time.
#[tokio::test]
async fn a_list_that_comes_again_when_its_calls_are_gone_plans_nothing() {
    let dialer = Dialer::open().await;
    import(&dialer, 1, "(1, '+12125550101', null), (2, '+12125550102', null)").await;
    dialer.place().await;
    dialer.end("sale").await;
    dialer.run("alter table dialer.call disable trigger all; delete from dialer.call; alter table dialer.call enable trigger all").await;
    dialer.clock("2026-12-04 12:01").await;
    expect![[r#"

        3 | 1 | 2 | 0 | 0 | 0 | 1"#]]
    .assert_eq(
        &import(
            &dialer,
            2,
            "(1, '+12125550101', null), (2, '+12125550102', null), (3, '+12125550103', null)",
        )
        .await,
    );
    dialer.check("select count(*) from dialer.call", expect!["1"]).await;
    // Another campaign is another matter.
    dialer.run("select dialer.create_campaign('summer', 'voice', '24/7', tz => 'UTC')").await;
    dialer.check("select count(*) from dialer.enrol('summer', array(select contact_id from dialer.contact))", expect!["3"]).await;
}

// One session converts while another claims: whoever is second sees the first.
#[tokio::test]
async fn a_conversion_that_is_not_committed_stops_nothing_and_one_that_is_stops_all() {
    let dialer = ann_and_ben().await;
    let other = dialer.another_session().await;
    set_clock(&other, "2026-12-04 13:00").await;
    other.run("begin; select dialer.mark_converted(external_key => 'ann')").await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["1"]).await;
    other.run("commit").await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer.check("select count(*) from dialer.call where state = 'cancelled'", expect!["4"]).await;
}
