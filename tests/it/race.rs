//! Two sessions at once, step by step: one is held at a lock until the other has gone on.

use crate::database::Session;
use crate::dialer::{Dialer, set_clock};
use expect_test::expect;

/// A second session at Friday noon.
async fn another(dialer: &Dialer) -> Session {
    let other = dialer.another_session().await;
    set_clock(&other, "2026-12-04 12:00").await;
    other
}

/// Returns when so many sessions of this database wait for a lock.
async fn waiting(watch: &Session, count: u32) {
    let waiters = "select count(*) from pg_locks l join pg_stat_activity a using (pid) where not l.granted and a.datname = current_database()";
    assert!(watch.becomes(waiters, &count.to_string()).await, "nobody waits for a lock");
}

/// Runs a statement that has to wait, and while it does, `next` in the session that it waits for.
async fn while_waiting(second: &Session, sql: &str, first: &Session, next: &str) -> String {
    let (said, ()) = tokio::join!(second.rows(sql), async {
        waiting(first, 1).await;
        first.run(next).await;
    });
    said
}

#[tokio::test]
async fn a_sale_stated_while_the_attempt_is_being_ended_is_not_forgotten() {
    let dialer = Dialer::open().await;
    let business = another(&dialer).await;
    dialer.people(1).await;
    dialer.place().await;
    dialer.run("begin").await;
    dialer.end("no_answer").await;
    let said =
        while_waiting(&business, "select dialer.set_disposition(1, 'SALE')", &dialer, "commit")
            .await;
    assert_eq!(said, "sale");
    dialer.check("select state, end_reason from dialer.call", expect!["completed | sale"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn hours_edited_while_calls_are_being_planned_hold_for_these_too() {
    let dialer = Dialer::open().await;
    let editor = another(&dialer).await;
    dialer.run("begin").await;
    dialer.people(1).await;
    while_waiting(
        &editor,
        "update dialer.calendar set hours = 'Fr 13:00-14:00'",
        &dialer,
        "commit",
    )
    .await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    // The same for a holiday, from the other side.
    dialer.run("update dialer.calendar set hours = '24/7'").await;
    editor.run("begin; select dialer.add_closures('campaign spring', '{2026-12-04}')").await;
    let plan = "select result from dialer.schedule_call('spring', '+13125550100', tz => 'America/Chicago')";
    while_waiting(&dialer, plan, &editor, "commit").await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn hours_edited_while_a_claim_looks_them_up_are_not_lost() {
    let dialer = Dialer::open().await;
    let claimer = another(&dialer).await;
    dialer.people(1).await;
    dialer.run("begin; update dialer.calendar set hours = 'Fr 13:00-14:00'").await;
    // The claim does not wait for whoever edits; it takes the lane as it was, which is not yet looked up.
    claimer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer.run("commit").await;
    claimer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer
        .check(
            "select opens_at, open_until from dialer.lane",
            expect!["2026-12-04 13:00:00-05 | 2026-12-04 14:00:00-05"],
        )
        .await;
    dialer.sound().await;
}

/// Holds the due row of a call, as anybody who cancels or moves it does.
async fn hold(session: &Session, call_id: u32) {
    session
        .run(&format!("begin; select from dialer.due where call_id = {call_id} for update"))
        .await;
}

#[tokio::test]
async fn two_who_move_the_same_calls_in_another_order_wait_and_do_not_deadlock() {
    let dialer = Dialer::open().await;
    dialer.people(3).await;
    let (one, two) = (another(&dialer).await, another(&dialer).await);
    // As it is planned for a large table.
    for session in [&one, &two] {
        session.run("set enable_hashjoin = off; set enable_seqscan = off; set enable_bitmapscan = off; set enable_mergejoin = off").await;
    }
    hold(&dialer, 2).await;
    let restagger = |ids: &str| {
        format!("select count(*) from dialer.restagger('{ids}', '2026-12-04 13:00', '1 min')")
    };
    let (up, down) = (restagger("{1,2,3}"), restagger("{3,2,1}"));
    let (first, second, ()) = tokio::join!(one.rows(&up), two.rows(&down), async {
        waiting(&dialer, 2).await;
        dialer.run("rollback").await;
    });
    assert_eq!([first, second], ["3", "3"]);
    dialer.sound().await;
}

#[tokio::test]
async fn a_callback_and_a_claim_of_one_call_do_not_deadlock() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    let (claimer, person) = (another(&dialer).await, another(&dialer).await);
    // Somebody else's attempt to the same number holds the claim between the due row and the call.
    dialer.run("begin; insert into dialer.lease (call_id, attempt_id, endpoint_id, token, tenant_id, campaign_id, lane_id, account_id, contact_id, channel,
         dispatcher, due_at, claimed_at, place_at, place_by, until, decision)
         select 99, gen_random_uuid(), endpoint_id, 0, 1, 1, 1, 1, contact_id, 'voice', 'd0', now(), now(), now(), now(), now(), '{}' from dialer.call").await;
    let (claimed, refused, ()) = tokio::join!(
        claimer.rows("select count(*) from dialer.claim('d1', 10)"),
        async {
            waiting(&dialer, 1).await;
            person.refusal("select dialer.request_callback(1, '2026-12-04 15:00')").await
        },
        async {
            waiting(&dialer, 2).await;
            dialer.run("rollback").await;
        }
    );
    assert_eq!(claimed, "1");
    assert!(refused.starts_with("PD029: call 1 is being placed"), "{refused}");
    dialer.check("select state, not_before from dialer.call", expect!["claimed | -"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_number_forbidden_while_its_call_comes_back_is_not_left_waiting() {
    let dialer = Dialer::open().await;
    let person = another(&dialer).await;
    dialer.people(2).await;
    dialer.place().await;
    dialer.run("begin").await;
    dialer.end("no_answer").await;
    let forbid = "select dialer.add_do_not_call('+12125550101') > 0";
    while_waiting(&person, forbid, &dialer, "commit").await;
    // The second number has a call that the claim moves, because another to it has just been claimed.
    dialer.people(2).await;
    dialer.clock("2026-12-04 12:02").await;
    dialer.run("begin").await;
    dialer.check("select count(*) from dialer.claim('d1', 10)", expect!["1"]).await;
    let forbid = "select dialer.add_do_not_call('+12125550102') > 0";
    while_waiting(&person, forbid, &dialer, "commit").await;
    dialer
        .check(
            "select state, end_reason, count(*) from dialer.call group by 1, 2 order by 1, 2",
            expect![[r#"
                claimed | - | 1
                cancelled | do_not_call | 2"#]],
        )
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_call_that_is_planned_while_a_workflow_is_chosen_takes_its_first_step() {
    let dialer = Dialer::open().await;
    let planner = another(&dialer).await;
    planner.run("begin").await;
    planner
        .run("select dialer.schedule_call('spring', '+12125550101', tz => 'America/New_York')")
        .await;
    let choose = "select * from dialer.use_workflow('spring', 'preclassify')";
    let said = while_waiting(&dialer, choose, &planner, "commit").await;
    assert_eq!(said, "1 | 0 | 0");
    // And from the other side.
    dialer.run("begin; select dialer.use_workflow('spring', null)").await;
    let plan = "select result from dialer.schedule_call('spring', '+12125550102', tz => 'America/New_York')";
    while_waiting(&planner, plan, &dialer, "commit").await;
    dialer
        .check("select call_id, step from dialer.call order by 1", expect![["1 | -\n2 | -"]])
        .await;
    dialer.sound().await;
}
