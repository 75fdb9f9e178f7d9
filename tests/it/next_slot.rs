//! The next free slot of a campaign, for whoever plans call by call.

use crate::dialer::{Dialer, set_clock};
use crate::locks::waits;
use expect_test::expect;

const NEXT: &str = "dialer.next_slot('spring', '2 minutes', tz => 'America/New_York')";

async fn plan_next(dialer: &Dialer, number: u32) -> String {
    dialer
        .rows(&format!(
            "select planned_at from dialer.schedule_call('spring', '+1212555{number:04}', due_at => {NEXT}, tz => 'America/New_York')"
        ))
        .await
}

// R014: calls that are planned one by one stand in a row, within the window and over its end.
#[tokio::test]
async fn calls_planned_one_by_one_keep_their_distance() {
    let dialer = Dialer::open().await;
    dialer.clock("2026-12-04 19:56").await;
    let mut slots = Vec::new();
    for number in 100..105 {
        slots.push(plan_next(&dialer, number).await);
    }
    expect![[r#"
        2026-12-04 19:56:00-05
        2026-12-04 19:58:00-05
        2026-12-07 11:00:00-05
        2026-12-07 11:02:00-05
        2026-12-07 11:04:00-05"#]]
    .assert_eq(&slots.join("\n"));
    // A gap is used if a call fits into it with its distance on both sides.
    dialer.run("select dialer.cancel_call(4)").await;
    assert_eq!(plan_next(&dialer, 110).await, slots[3]);
    dialer
        .check(
            "select dialer.next_slot('spring', '2 minutes', '2026-12-07 11:00:30', tz => 'America/New_York'),
                    dialer.next_slot('spring', '1 second', '2026-12-07 11:00:30', tz => 'America/New_York'),
                    dialer.next_slot('spring', '2 minutes', '2026-12-08 15:00+00', tz => 'America/New_York')",
            expect!["2026-12-07 11:06:00-05 | 2026-12-07 11:00:30-05 | 2026-12-08 11:00:00-05"],
        )
        .await;
    // What is being placed counts as well.
    dialer.run("select dialer.claim('d1', 1)").await;
    dialer.check(&format!("select {NEXT}"), expect!["2026-12-07 11:06:00-05"]).await;
    dialer.run("update dialer.calendar set hours = 'off'").await;
    // Never open: there is none.
    dialer.check(&format!("select {NEXT}"), expect!["-"]).await;
    for (wrong, code) in [("'0'", "PD012"), ("null", "PD012"), ("'2 years'", "PD012")] {
        let said = dialer
            .refusal(&format!("select dialer.next_slot('spring', {wrong}, tz => 'UTC')"))
            .await;
        assert!(said.starts_with(code), "{wrong}: {said}");
    }
    let nowhere = dialer.refusal("select dialer.next_slot('spring', '1 minute')").await;
    assert!(nowhere.starts_with("PD011"), "{nowhere}");
}

// R014: two who ask at once are not told the same slot.
#[tokio::test]
async fn two_who_ask_at_once_are_told_different_slots() {
    let dialer = Dialer::open().await;
    let (other, watch) = (dialer.another_session().await, dialer.another_session().await);
    set_clock(&other, "2026-12-04 12:00").await;
    dialer.run("begin").await;
    plan_next(&dialer, 100).await;
    let asking = format!("select {NEXT}");
    let second = other.rows(&asking);
    tokio::pin!(second);
    tokio::select! {
        biased;
        said = &mut second => panic!("it did not wait: {said}"),
        () = waits(&watch) => {}
    }
    dialer.run("commit").await;
    assert_eq!(second.await, "2026-12-04 12:02:00-05");
}
