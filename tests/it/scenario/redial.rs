//! A redial operation: leads are called eight times a day, day after day, until SALE or DNC.

use crate::dialer::Dialer;
use expect_test::expect;

/// Goes from due time to due time until an instant, New York's wall clock; every call ends at once.
async fn call_until(dialer: &Dialer, until: &str, outcome: &str) {
    let next = "select to_char(min(due_at), 'YYYY-MM-DD HH24:MI:SS.US') from dialer.due where due_at < 'infinity'";
    // LIMIT: far more than the scenarios need.
    for _ in 0..2000 {
        let at = dialer.rows(next).await;
        if at == "-" || at.as_str() >= until {
            dialer.clock(until).await;
            return;
        }
        dialer.clock(&at).await;
        dialer.place().await;
        dialer.end_after("0 seconds", outcome).await;
    }
    panic!("it never ends");
}

/// The source's window and ladder; leads arrive at eleven on Friday, 4 December 2026.
async fn operation(leads: u32) -> Dialer {
    let dialer = Dialer::open().await;
    dialer.clock("2026-12-04 11:00").await;
    dialer.run("select dialer.set_limits('voice', 30)").await;
    dialer.people(leads).await;
    dialer
}

const TIMES: &str = "select to_char(dialled_at, 'Dy DD') || ': ' || string_agg(to_char(dialled_at, 'HH24:MI'), ' ' order by dialled_at) from dialer.attempt
    where call_id = 1 group by to_char(dialled_at, 'Dy DD'), dialled_at::date order by dialled_at::date";

// R054, R062, R063, R064, R065, R073, R074, R075, R076, R084, C8, C9, C11, C12: the ladder's minutes exactly, again on each allowed day.
#[tokio::test]
async fn a_lead_is_called_eight_times_a_day_on_every_allowed_day_until_the_sale() {
    let dialer = operation(1).await;
    dialer
        .run("select dialer.add_closures('campaign spring', '{2026-12-09}', 'a holiday', 'closed')")
        .await;
    call_until(&dialer, "2026-12-04 17:00", "'no_answer'").await;
    dialer
        .check("select attempts_today from dialer.daily_max_reached('spring')", expect!["8"])
        .await;
    dialer.check("select due_at from dialer.call", expect!["2026-12-07 11:00:00-05"]).await;
    call_until(&dialer, "2026-12-10 11:05", "'voicemail'").await;
    call_until(&dialer, "2026-12-10 11:10", "'sale'").await;
    call_until(&dialer, "2026-12-31 11:00", "'no_answer'").await;
    dialer
        .check(
            TIMES,
            expect![[r#"
        Fri 04: 11:00 11:02 11:07 11:17 11:47 12:47 14:47 16:47
        Mon 07: 11:00 11:02 11:07 11:17 11:47 12:47 14:47 16:47
        Tue 08: 11:00 11:02 11:07 11:17 11:47 12:47 14:47 16:47
        Thu 10: 11:00 11:02 11:07"#]],
        )
        .await;
    dialer
        .check(
            "select state, end_reason, outcome from dialer.call",
            expect!["completed | sale | sale"],
        )
        .await;
    dialer.sound().await;
}

// C11: a ladder that goes on does not ring again after two minutes on the second day.
#[tokio::test]
async fn a_ladder_of_a_lifetime_goes_on_where_it_was() {
    let dialer = operation(1).await;
    dialer
        .run("select dialer.create_redial_policy('gentle', '{0,2 min,5 min,10 min,30 min,1 h,2 h}', 4, ladder_scope => 'lifetime'); select dialer.edit_campaign('spring', '{\"policy\": \"gentle\"}')")
        .await;
    call_until(&dialer, "2026-12-09 11:00", "'no_answer'").await;
    dialer
        .check(
            TIMES,
            expect![[r#"
        Fri 04: 11:00 11:02 11:07 11:17
        Mon 07: 11:00 12:00 14:00 16:00
        Tue 08: 11:00 13:00 15:00 17:00"#]],
        )
        .await;
}

// C10, R062: who comes at 14:13 gets seven on the first day, and eight on the next.
#[tokio::test]
async fn a_lead_that_comes_late_gets_what_the_day_holds() {
    let dialer = Dialer::open().await;
    dialer.clock("2026-12-04 14:13").await;
    dialer.people(1).await;
    dialer.check("select left_today from dialer.attempts_today(1)", expect!["7"]).await;
    call_until(&dialer, "2026-12-07 20:00", "'no_answer'").await;
    dialer
        .check(
            "select dialled_at::date, count(*) from dialer.attempt group by 1 order by 1",
            expect![[r#"
        2026-12-04 | 7
        2026-12-07 | 8"#]],
        )
        .await;
    dialer.sound().await;
}

// R096, R123, R153, R154, R155, R156, C7: what is final is the policy's choice, and nothing else is.
#[tokio::test]
async fn only_the_outcomes_that_a_policy_names_stop_the_redialling() {
    let outcomes = "(array['sale', 'dnc', 'transferred', 'voicemail', 'no_answer', 'busy', 'callback', 'not_interested', 'completed', 'rejected', 'unknown', 'invalid_number', 'blocked'])[l.call_id]";
    let dialer = operation(13).await;
    call_until(&dialer, "2026-12-04 11:01", outcomes).await;
    let stopped = "select string_agg(coalesce(outcome::text, '-'), ' ' order by call_id) from dialer.call where ended_at is not null";
    // The last two cannot be bettered by another call: they end one as well.
    dialer.check(stopped, expect!["sale dnc invalid_number blocked"]).await;
    dialer.sound().await;
    // The client confirms another set: from the next outcome on.
    dialer.run("select dialer.create_redial_policy('polite', '{0,2 min}', 8, final_outcomes => '{sale,dnc,transferred,not_interested}'); select dialer.edit_campaign('spring', '{\"policy\": \"polite\"}')").await;
    call_until(&dialer, "2026-12-04 11:03", outcomes).await;
    dialer
        .check(stopped, expect!["sale dnc transferred not_interested invalid_number blocked"])
        .await;
}

// R051, C12, C13: the day is the contact's, not that of a job at 12:01 Eastern; and Eastern time has summer.
#[tokio::test]
async fn each_lead_has_the_day_of_its_own_zone() {
    let dialer = operation(1).await;
    dialer.run("select dialer.schedule_call('spring', '+13105550102', state => 'CA')").await;
    call_until(&dialer, "2026-12-05 00:00", "'no_answer'").await;
    dialer
        .check(
            "select c.call_id, count(*), min(dialer.wall_time(a.dialled_at, l.zones[1])), max(dialer.wall_time(a.dialled_at, l.zones[1])) from dialer.attempt a
             join dialer.call c using (call_id) join dialer.lane l using (lane_id) group by 1 order by 1",
            expect![[r#"
                1 | 8 | Fri 2026-12-04 11:00:00 | Fri 2026-12-04 16:47:00
                2 | 8 | Fri 2026-12-04 11:00:00 | Fri 2026-12-04 16:47:00"#]],
        )
        .await;
    dialer.run("select dialer.cancel_call(2)").await;
    // Clocks go forward on the second Sunday of March: eleven stays eleven.
    dialer.run("select dialer.reschedule_call(1, '2027-03-12 19:00')").await;
    call_until(&dialer, "2027-03-15 11:01", "'no_answer'").await;
    dialer
        .check("select dialled_at at time zone 'UTC' from dialer.attempt where call_id = 1 and dialled_at > '2027-01-01' order by 1", expect![[r#"
            2027-03-13 00:00:00
            2027-03-13 00:02:00
            2027-03-13 00:07:00
            2027-03-13 00:17:00
            2027-03-13 00:47:00
            2027-03-15 15:00:00"#]])
        .await;
    dialer.sound().await;
}

// R121, C15: words that only contain a final word are not final.
#[tokio::test]
async fn no_lead_is_finished_by_accident() {
    let dialer = operation(5).await;
    dialer.place().await;
    for (call, word) in
        [(1, "NO_SALE"), (2, "WHOLESALE"), (3, "sale"), (4, "TRANSFER_SALE"), (5, "Transferred")]
    {
        dialer
            .run(&format!(
                "select dialer.ingest_event(account_id, jsonb_build_object('event_key', attempt_id, 'kind', 'ended', 'attempt_id', attempt_id, 'disposition', '{word}')) from dialer.lease where call_id = {call}"
            ))
            .await;
    }
    dialer.check("select c.call_id, a.disposition, c.state, c.wait_reason, a.outcome from dialer.call c join dialer.attempt a using (call_id) order by 1", expect![[r#"
        1 | NO_SALE | scheduled | redial | not_interested
        2 | WHOLESALE | scheduled | review | unknown
        3 | sale | completed | - | sale
        4 | TRANSFER_SALE | scheduled | redial | transferred
        5 | Transferred | scheduled | redial | transferred"#]]).await;
}
