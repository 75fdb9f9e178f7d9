//! Callbacks: promised, served first, kept or late; and what comes before a promise.

use crate::dialer::Dialer;
use expect_test::expect;

const STATUS: &str = "select call_id, wanted_at, granted_at, keep_until, status, reason from dialer.callback_status order by callback_id";
const CLAIMED: &str = "select call_id from dialer.claim('d1', 100) order by 1";

/// Three people due at noon, one line; the third is promised a call at half past twelve.
async fn promised() -> Dialer {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.set_limits('voice', 1)").await;
    dialer.people(3).await;
    dialer
        .check(
            "select dialer.request_callback(3, '2026-12-04 12:30')",
            expect!["2026-12-04 12:30:00-05"],
        )
        .await;
    dialer
}

/// The person of an open attempt asks to be called back.
async fn asks(dialer: &Dialer, when: &str) {
    dialer
        .run(&format!(
            "select dialer.ingest_event(account_id, jsonb_build_object('event_key', 'cb-' || attempt_id, 'kind', 'ended', 'attempt_id', attempt_id,
                 'outcome', 'callback', 'callback_at', '{when}')) from dialer.lease"
        ))
        .await;
}

// R151, R152, R153, C16: those who wait since noon come after the one who was promised half past twelve.
#[tokio::test]
async fn a_callback_comes_before_redials_and_goes_back_among_them() {
    let dialer = promised().await;
    dialer.clock("2026-12-04 12:29:59").await;
    dialer
        .check(
            "select call_id from dialer.due order by due_at, call_id",
            expect![[r#"
        1
        2
        3"#]],
        )
        .await;
    dialer.clock("2026-12-04 12:30").await;
    dialer.check(STATUS, expect!["3 | 2026-12-04 12:30:00-05 | 2026-12-04 12:30:00-05 | 2026-12-04 13:30:00-05 | waiting | callback"]).await;
    dialer.check("select gate, pass, detail from dialer.explain(3) where gate = 'callback'", expect!["callback | t | promised for 2026-12-04 12:30:00-05, with priority 1 until 2026-12-04 13:30:00-05, then: redial; do-not-call, pause, window and caps come before it"]).await;
    dialer.place().await;
    dialer.check("select call_id from dialer.lease", expect!["3"]).await;
    dialer.clock("2026-12-04 12:32").await;
    dialer.end("no_answer").await;
    dialer.check(STATUS, expect!["3 | 2026-12-04 12:30:00-05 | 2026-12-04 12:30:00-05 | 2026-12-04 13:30:00-05 | kept | -"]).await;
    dialer
        .check(
            "select c.call_id, l.priority, c.wait_reason, c.not_before, c.callback_by, c.usual_lane_id from dialer.call c join dialer.lane l using (lane_id) order by 1",
            expect![[r#"
                1 | 5 | - | - | - | -
                2 | 5 | - | - | - | -
                3 | 5 | redial | - | - | -"#]],
        )
        .await;
    dialer.sound().await;
}

// C16: after the tolerance the promise is broken anyway, and those who wait longer come first; or the call is not worth it any more.
#[tokio::test]
async fn a_late_callback_loses_its_priority_or_expires() {
    for (rule, first, after) in
        [("redial", "1", "scheduled | callback_late"), ("expire", "1", "expired | callback_late")]
    {
        let dialer = promised().await;
        dialer.run(&format!("select dialer.edit_campaign('spring', '{{\"callback_tolerance\": \"20 minutes\", \"callback_late\": \"{rule}\"}}')")).await;
        dialer.run("select dialer.request_callback(3, '2026-12-04 12:31')").await;
        dialer.clock("2026-12-04 12:51:01").await;
        dialer
            .check(
                "select status from dialer.callback_status order by callback_id",
                expect![[r#"
            replaced
            overdue"#]],
            )
            .await;
        assert_eq!(dialer.rows(CLAIMED).await, first, "{rule}");
        let said = dialer
            .rows("select state, coalesce(wait_reason, end_reason) from dialer.call where call_id = 3")
            .await;
        assert_eq!(said, after);
        dialer.check("select count(*) from dialer.call where callback_by is not null and state = 'scheduled'", expect!["0"]).await;
        dialer.sound().await;
    }
}

// C16, R055: the window comes before the promise; the tolerance counts from its next opening.
#[tokio::test]
async fn a_callback_outside_the_window_is_promised_for_the_next_opening() {
    let dialer = promised().await;
    dialer
        .check(
            "select dialer.request_callback(2, '2026-12-04 21:00')",
            expect!["2026-12-07 11:00:00-05"],
        )
        .await;
    dialer.check(STATUS, expect![[r#"
        3 | 2026-12-04 12:30:00-05 | 2026-12-04 12:30:00-05 | 2026-12-04 13:30:00-05 | waiting | callback
        2 | 2026-12-04 21:00:00-05 | 2026-12-07 11:00:00-05 | 2026-12-07 12:00:00-05 | waiting | callback"#]]).await;
    dialer
        .check_refusal(
            "select dialer.request_callback(2, '2026-12-04 11:00')",
            expect![[r#"
        PD027: due time 2026-12-04 11:00:00-05 is in the past
        detail: It is now 2026-12-04 12:00:00-05.
        hint: Give a time in the future."#]],
        )
        .await;
}

// C16, D2: a cap of the policy comes before the promise.
#[tokio::test]
async fn a_callback_after_the_last_attempt_of_the_day_is_for_the_next() {
    let dialer = Dialer::closed().await;
    dialer.run("select dialer.edit_campaign('spring', '{\"policy\": \"once-a-day\"}'); select dialer.start_campaign('spring')").await;
    dialer.people(1).await;
    dialer.place().await;
    asks(&dialer, "2026-12-04 17:00-05").await;
    dialer.check(STATUS, expect!["1 | 2026-12-04 17:00:00-05 | 2026-12-07 11:00:00-05 | 2026-12-07 12:00:00-05 | waiting | callback"]).await;
    // Promised by hand, the claim still counts.
    dialer.run("select dialer.request_callback(1, '2026-12-04 17:00')").await;
    dialer.clock("2026-12-04 17:00").await;
    dialer.check(CLAIMED, expect![[""]]).await;
    dialer
        .check(
            "select due_at, wait_reason from dialer.call",
            expect!["2026-12-07 11:00:00-05 | cap"],
        )
        .await;
    dialer.clock("2026-12-07 11:00").await;
    dialer.check(CLAIMED, expect!["1"]).await;
}

// C16: do-not-call and a pause come before the promise.
#[tokio::test]
async fn neither_do_not_call_nor_a_pause_yields_to_a_promise() {
    let dialer = promised().await;
    dialer.run("select dialer.pause_campaign('spring')").await;
    dialer.clock("2026-12-04 12:30").await;
    dialer.check(CLAIMED, expect![[""]]).await;
    dialer
        .check(
            "select gate, detail from dialer.explain(3) where not pass",
            expect![[r#"campaign | campaign "spring" is paused (paused by a person)"#]],
        )
        .await;
    dialer.run("select dialer.resume_campaign('spring')").await;
    dialer.check(CLAIMED, expect!["3"]).await;
    dialer.run("select dialer.release(array[attempt_id], array[token], array['not_sent']) from dialer.lease").await;
    dialer.check("select l.priority from dialer.call c join dialer.lane l using (lane_id) where call_id = 3", expect!["1"]).await;
    dialer.run("select dialer.add_do_not_call('+12125550103')").await;
    dialer.check(STATUS, expect!["3 | 2026-12-04 12:30:00-05 | 2026-12-04 12:30:00-05 | 2026-12-04 13:30:00-05 | dropped | do_not_call"]).await;
    dialer.sound().await;
}

// R151: what the person said in the call; a restagger does not make it sooner, a technical failure does not lose it.
#[tokio::test]
async fn a_promise_from_an_event_is_kept_through_failures() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer.place().await;
    dialer.clock("2026-12-04 12:02").await;
    asks(&dialer, "2026-12-04 15:00-05").await;
    dialer.run("select dialer.restagger('{1}', '2026-12-04 14:00')").await;
    dialer.clock("2026-12-04 14:00").await;
    dialer.check(CLAIMED, expect![[""]]).await;
    dialer.clock("2026-12-04 15:00").await;
    dialer.place().await;
    dialer.end("provider_fault").await;
    dialer.check("select l.priority, c.not_before, c.callback_by, c.wait_reason from dialer.call c join dialer.lane l using (lane_id)", expect!["1 | 2026-12-04 15:00:00-05 | 2026-12-04 16:00:00-05 | provider_fault"]).await;
    dialer.clock("2026-12-04 15:00:30").await;
    dialer.place().await;
    dialer.check(STATUS, expect!["1 | 2026-12-04 15:00:00-05 | 2026-12-04 15:00:00-05 | 2026-12-04 16:00:00-05 | kept | -"]).await;
    // Asked for once more.
    asks(&dialer, "2026-12-04 16:00-05").await;
    dialer
        .check(
            "select wanted_at, status from dialer.callback_status order by callback_id",
            expect![[r#"
                2026-12-04 15:00:00-05 | kept
                2026-12-04 16:00:00-05 | waiting"#]],
        )
        .await;
    // A person who moves the call takes the promise back.
    dialer.run("select dialer.reschedule_call(1, '2026-12-04 15:30')").await;
    dialer.clock("2026-12-04 15:30").await;
    dialer.check("select l.priority, c.not_before, c.callback_by from dialer.call c join dialer.lane l using (lane_id)", expect!["5 | - | -"]).await;
    dialer.check(CLAIMED, expect!["1"]).await;
    dialer.sound().await;
}

// R152, C16: callbacks by what became of them.
#[tokio::test]
async fn callbacks_are_listed_by_what_became_of_them() {
    let dialer = promised().await;
    dialer.run("select dialer.request_callback(2, '2026-12-04 13:00'); select dialer.request_callback(2, '2026-12-04 14:00'); select dialer.cancel_call(1)").await;
    let list = |filter: &str| {
        format!(
            "select callback_id, call_id, status, granted_at from dialer.find_callbacks({filter})"
        )
    };
    dialer
        .check(
            &list(""),
            expect![[r#"
        3 | 2 | waiting | 2026-12-04 14:00:00-05
        2 | 2 | replaced | 2026-12-04 13:00:00-05
        1 | 3 | waiting | 2026-12-04 12:30:00-05"#]],
        )
        .await;
    dialer
        .check(
            &list("status => 'replaced', campaign => 'spring'"),
            expect!["2 | 2 | replaced | 2026-12-04 13:00:00-05"],
        )
        .await;
    dialer
        .check(
            &list("before_id => 2, limit_ => 1"),
            expect!["1 | 3 | waiting | 2026-12-04 12:30:00-05"],
        )
        .await;
    assert!(dialer.refusal(&list("status => 'lost'")).await.starts_with("PD015"));
    assert!(dialer.refusal(&list("campaign => 'none'")).await.starts_with("PD025"));
}
