//! Calls that were made before the dialer was here, and webhooks that are understood once more.

use crate::dialer::Dialer;
use expect_test::expect;

const BEGIN: &str = "select backfill_id, coalesce(cursor, '-'), fetched, calls
    from dialer.begin_backfill('voice', 'spring', '2026-11-01', '2026-12-04')";

/// Calls to three numbers; one has bought, one is not to be called, and one row is none.
const PAGE: &str = r#"[
    {"provider_call_id": "c1", "address": "+12125550101", "called_at": "2026-12-03T16:00:00Z", "ended_at": "2026-12-03T16:02:00Z", "outcome": "no_answer", "word": "customer-did-not-answer", "name": "Ada"},
    {"provider_call_id": "c2", "address": "212 555 0101", "called_at": "2026-12-03T18:00:00Z", "outcome": "voicemail", "name": "Ada Two"},
    {"provider_call_id": "c3", "address": "+12125550102", "called_at": "2026-12-02T18:00:00Z", "outcome": "completed", "disposition": "SALE"},
    {"provider_call_id": "c4", "address": "+12125550103", "called_at": "2026-12-02T18:00:00Z", "outcome": "completed", "disposition": "DNC"},
    {"provider_call_id": "c7", "address": "+12125550107", "called_at": "2026-12-03T18:00:00Z", "live": true},
    {"provider_call_id": "c5", "address": "12", "called_at": "2026-12-02T18:00:00Z", "outcome": "completed"},
    {"provider_call_id": "c6", "address": "+12125550104", "called_at": "yesterday"}]"#;

fn take(page: &str, next: &str) -> String {
    format!(
        "select taken, doubled, unusable from dialer.take_backfill(1, '{}', {next})",
        page.replace('\'', "''")
    )
}

const SUMMARY: &str = "select calls, unusable, numbers, redial, sale, dnc, finished, live, missing, known, expected_a_day from dialer.backfill_summary(1)";

// R157, R162, R193
#[tokio::test]
async fn calls_of_before_become_contacts_history_and_redials() {
    let dialer = Dialer::open().await;
    dialer.check(BEGIN, expect!["1 | - | f | 0"]).await;
    dialer.check(&take(PAGE, "'p2'"), expect!["5 | 0 | 2"]).await;
    // Stopped, and begun again: it goes on with the second page; a page that comes twice adds nothing.
    dialer.check(BEGIN, expect!["1 | p2 | f | 5"]).await;
    dialer.check(&take(PAGE, "null"), expect!["0 | 5 | 2"]).await;
    dialer.check(SUMMARY, expect!["5 | 4 | 4 | 1 | 1 | 1 | 0 | 1 | 0 | 0 | 8"]).await;
    dialer
        .check(
            "select numbers, enrolled, history, numbers_left from dialer.apply_backfill(1, 2)",
            expect!["2 | 1 | 2 | 2"],
        )
        .await;
    dialer
        .check(
            "select numbers, enrolled, history, numbers_left from dialer.apply_backfill(1, 2)",
            expect!["2 | 0 | 0 | 0"],
        )
        .await;
    dialer
        .check(
            "select e.address, p.name, c.state, (select count(*) from dialer.attempt a where a.call_id = c.call_id), n.source
             from dialer.contact p join dialer.endpoint e using (contact_id) left join dialer.call c using (contact_id)
             left join dialer.do_not_call n on n.address = e.address order by 1",
            expect![[r#"
                +12125550101 | Ada | scheduled | 2 | -
                +12125550102 | - | - | 0 | -
                +12125550103 | - | - | 0 | import 1"#]],
        )
        .await;
    dialer.check("select count(*) from dialer.claim('d1', 10)", expect!["1"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn what_was_dialled_before_counts_against_caps() {
    let dialer = Dialer::open().await;
    dialer.rows(BEGIN).await;
    let today: Vec<String> = (0..8)
        .map(|n| format!(r#"{{"provider_call_id": "t{n}", "address": "+12125550101", "called_at": "2026-12-04T16:{n}0:00Z", "outcome": "no_answer"}}"#))
        .collect();
    dialer
        .rows(&take(
            &format!("[{}]", today.join(",").replace(":70:", ":06:").replace(":60:", ":05:")),
            "null",
        ))
        .await;
    dialer.rows("select * from dialer.apply_backfill(1)").await;
    dialer.check("select count(*) from dialer.claim('d1', 10)", expect!["0"]).await;
    dialer
        .check(
            "select state, wait_reason, due_at from dialer.call",
            expect!["scheduled | cap | 2026-12-07 11:00:00-05"],
        )
        .await;
    dialer.sound().await;
}

// R147, R148
#[tokio::test]
async fn the_system_of_record_has_a_say_before_anybody_is_called() {
    let dialer = Dialer::open().await;
    dialer.rows(BEGIN).await;
    let calls: Vec<String> = (1..=4)
        .map(|n| format!(r#"{{"provider_call_id": "c{n}", "address": "+1212555010{n}", "called_at": "2026-12-03T16:00:00Z", "outcome": "no_answer"}}"#))
        .collect();
    dialer.rows(&take(&format!("[{}]", calls.join(",")), "null")).await;
    dialer.check("select count(*) from dialer.backfill_to_check(1, 3)", expect!["3"]).await;
    dialer
        .run("select dialer.note_backfill_status(1, '{+12125550101,+12125550102,+12125550103}', '{sale,missing,active}')")
        .await;
    dialer.check("select * from dialer.backfill_to_check(1, 10)", expect!["+12125550104"]).await;
    dialer.check(SUMMARY, expect!["4 | 0 | 4 | 2 | 1 | 0 | 0 | 0 | 1 | 0 | 16"]).await;
    dialer.rows("select * from dialer.apply_backfill(1)").await;
    dialer
        .check(
            "select e.address from dialer.call c join dialer.endpoint e using (endpoint_id) order by 1",
            expect![[r#"
                +12125550103
                +12125550104"#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.note_backfill_status(1, '{+12125550104}', '{perhaps}')",
            expect![[r#"
                PD015: status "perhaps" is not known
                hint: Give one of active, sale, dnc, missing for each number."#]],
        )
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_backfill_says_what_is_wrong_with_it() {
    let dialer = Dialer::open().await;
    dialer
        .check_refusal(
            "select dialer.begin_backfill('voice', 'spring', '2026-12-04', '2026-11-01')",
            expect![[r#"
                PD027: a backfill from 2026-12-04 00:00:00-05 until 2026-11-01 00:00:00-04 is no span of time
                hint: Give two instants, the earlier first."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.take_backfill(7, '[]', null)",
            expect![[r#"
        PD031: backfill 7 does not exist
        hint: Begin one with dialer.begin_backfill."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.begin_backfill('voice', 'nothing', '2026-11-01', '2026-12-04')",
            expect![[r#"
                PD025: campaign "nothing" does not exist
                detail: Campaigns belong to a tenant and are named in dialer.campaign.
                hint: Add it with dialer.create_campaign."#]],
        )
        .await;
}

// R124
#[tokio::test]
async fn a_webhook_that_was_not_understood_counts_when_it_is_replayed() {
    let dialer = Dialer::open().await;
    dialer.people(2).await;
    assert_eq!(dialer.place().await, "2");
    let event = |call: u32, word: &str| {
        format!(
            "select result from dialer.ingest_event(1, (select jsonb_build_array(jsonb_build_object('event_key', 'e{call}', 'kind', 'ended', 'attempt_id', attempt_id, {word})) from mine where call_id = {call}))"
        )
    };
    dialer.check(&event(1, "'word', 'warm-lead'"), expect!["applied"]).await;
    dialer.check(&event(2, "'outcome', 'no_answer'"), expect!["applied"]).await;
    dialer
        .check(
            "select state, wait_reason from dialer.call order by call_id",
            expect![[r#"
            scheduled | review
            scheduled | redial"#]],
        )
        .await;
    // The same webhook again is a double; replayed with what is known now it ends the call.
    dialer.check(&event(1, "'outcome', 'sale'"), expect!["doubled"]).await;
    dialer
        .check("select event_key, source, result from dialer.stored_events('voice', '2026-12-04', '-infinity', '', 10)", expect![[r#"
            e1 | webhook | applied
            e2 | webhook | applied"#]])
        .await;
    let replayed = |call: u32| {
        event(call, "'outcome', 'sale'").replace("ingest_event(1,", "replay_events('voice',")
    };
    dialer.check(&replayed(1), expect!["late"]).await;
    dialer
        .check(
            "select state, end_reason from dialer.call order by call_id",
            expect![[r#"
        completed | sale
        scheduled | -"#]],
        )
        .await;
    dialer.check(&replayed(1), expect!["late"]).await;
    dialer.sound().await;
    // Whoever may say how attempts end may end one that rings, and free its slot.
    dialer.run("set role dialer_user").await;
    dialer
        .check_refusal(
            "select dialer.replay_events('voice', '[]')",
            expect!["42501: permission denied for function replay_events"],
        )
        .await;
    dialer.run("reset role; set role dialer_admin").await;
    dialer.check("select count(*) from dialer.replay_events('voice', '[]')", expect!["0"]).await;
}

// R160, R161: what has come is saved page by page, and what is left is known at every step, also when a page comes between two.
#[tokio::test]
async fn a_page_that_comes_between_two_steps_is_counted_among_what_is_left() {
    let dialer = Dialer::open().await;
    dialer.run(BEGIN).await;
    dialer.run(&take(PAGE, "'p2'")).await;
    let step = "select numbers, numbers_left from dialer.apply_backfill(1, 1)";
    dialer.check(step, expect!["1 | 3"]).await;
    dialer.check(step, expect!["1 | 2"]).await;
    // A number that was taken in has another call, and one is new.
    let page = r#"[{"provider_call_id": "d1", "address": "+12125550101", "called_at": "2026-12-03T19:00:00Z"},
                   {"provider_call_id": "d2", "address": "+12125550199", "called_at": "2026-12-03T19:00:00Z"}]"#;
    dialer.run(&take(page, "null")).await;
    for left in ["1 | 3", "1 | 2", "1 | 1", "1 | 0", "0 | 0"] {
        assert_eq!(dialer.rows(step).await, left);
    }
    dialer
        .check(
            "select finished_at is not null, numbers_left from dialer.backfill",
            expect!["t | 0"],
        )
        .await;
    dialer.sound().await;
}
