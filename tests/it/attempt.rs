//! The life of an attempt: intention, answer, events, silence, and what becomes of the call.

use crate::dialer::Dialer;
use expect_test::expect;

// R076, R084, R123, D5
#[tokio::test]
async fn an_attempt_goes_from_claim_to_redial_by_the_ladder() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    assert_eq!(dialer.place().await, "1");
    dialer.clock("2026-12-04 12:01").await;
    dialer.end("no_answer").await;
    dialer
        .check(
            "select state, wait_reason, due_at from dialer.call",
            expect!["scheduled | redial | 2026-12-04 12:03:00-05"],
        )
        .await;
    dialer.clock("2026-12-04 12:03").await;
    assert_eq!(dialer.place().await, "1");
    dialer.clock("2026-12-04 12:04").await;
    dialer.end("busy").await;
    dialer
        .check(
            "select state, wait_reason, due_at from dialer.call",
            expect!["scheduled | redial | 2026-12-04 12:09:00-05"],
        )
        .await;
    dialer.check("select outcome, counts, decision ->> 'local_time', decision ->> 'counted' from dialer.attempt order by ended_at", expect![[r#"
        no_answer | t | Fri 2026-12-04 12:00:00 | 0
        busy | t | Fri 2026-12-04 12:03:00 | 1"#]]).await;
    dialer.sound().await;
}

// R062, R063, R064, R073: eight a day, tomorrow when the day is spent, and no midnight job.
#[tokio::test]
async fn the_eighth_attempt_is_the_last_of_the_day_and_the_ladder_begins_anew() {
    let dialer = Dialer::open().await;
    dialer.clock("2026-12-03 11:00").await;
    dialer.people(1).await;
    let mut due = Vec::new();
    for _ in 0..9 {
        let at = dialer.rows("select to_char(due_at, 'YYYY-MM-DD HH24:MI') from dialer.call").await;
        dialer.clock(&at).await;
        assert_eq!(dialer.place().await, "1");
        dialer.end("no_answer").await;
        due.push(at);
    }
    expect![[r#"
        2026-12-03 11:00
        2026-12-03 11:02
        2026-12-03 11:07
        2026-12-03 11:17
        2026-12-03 11:47
        2026-12-03 12:47
        2026-12-03 14:47
        2026-12-03 16:47
        2026-12-04 11:00"#]]
    .assert_eq(&due.join("\n"));
    dialer.sound().await;
}

// R154, R155, C7
#[tokio::test]
async fn a_sale_ends_the_call_and_dnc_ends_all_calls_of_the_person() {
    let dialer = Dialer::open().await;
    dialer.people(2).await;
    dialer.run("select dialer.create_campaign('other', 'voice', '24/7', tz => 'UTC')").await;
    dialer
        .run("select dialer.schedule_call('other', '+12125550102', due_at => '2026-12-30 12:00')")
        .await;
    dialer.place().await;
    dialer.run("select dialer.ingest_event(1, jsonb_agg(jsonb_build_object('event_key', call_id::text, 'kind', 'ended', 'attempt_id', attempt_id,
                    'outcome', 'completed', 'disposition', case call_id when 1 then 'SALE' else 'DNC' end))) from dialer.lease").await;
    dialer
        .check(
            "select call_id, state, end_reason, outcome from dialer.call order by 1",
            expect![[r#"
        1 | completed | sale | sale
        2 | completed | dnc | dnc
        3 | cancelled | do_not_call | -"#]],
        )
        .await;
    dialer
        .check(
            "select address, source from dialer.do_not_call",
            expect!["+12125550102 | said in call 2"],
        )
        .await;
    dialer.sound().await;
}

// R136
#[tokio::test]
async fn an_intention_is_refused_after_a_pause_a_do_not_call_entry_and_too_late() {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.set_limits('voice', 10)").await;
    dialer.people(2).await;
    dialer.run("create temporary table mine as select * from dialer.claim('d1', 100)").await;
    dialer.run("select dialer.add_do_not_call('+12125550101')").await;
    let intend = "select i.allowed, i.reason from (select array_agg(attempt_id order by call_id) as ids, array_agg(token order by call_id) as tokens from mine) m,
                  lateral dialer.intend('d1', m.ids, m.tokens) i";
    dialer
        .check(
            intend,
            expect![[r#"
        f | do_not_call
        t | -"#]],
        )
        .await;
    dialer
        .check(
            intend,
            expect![[r#"
                f | superseded
                f | intended_before"#]],
        )
        .await;
    dialer
        .check(
            "select state, coalesce(end_reason, wait_reason) from dialer.call order by call_id",
            expect![[r#"
        cancelled | do_not_call
        in_flight | -"#]],
        )
        .await;

    dialer.people(3).await;
    dialer.run("drop table mine; create temporary table mine as select * from dialer.claim('d1', 100); select dialer.pause_campaign('spring')").await;
    dialer.check(intend, expect!["f | campaign_paused"]).await;
    dialer.run("select dialer.resume_campaign('spring'); drop table mine; create temporary table mine as select * from dialer.claim('d1', 100)").await;
    dialer.clock("2026-12-04 12:00:29.5").await;
    dialer.check(intend, expect!["f | too_late"]).await;
    dialer.sound().await;
}

// R103, R210
#[tokio::test]
async fn an_old_token_changes_nothing() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer.run("create temporary table mine as select * from dialer.claim('d1', 100)").await;
    dialer.check("select i.allowed, i.reason from mine, lateral dialer.intend('d1', array[attempt_id], array[token - 1]) i", expect!["f | superseded"]).await;
    dialer
        .check(
            "select dialer.release(array[attempt_id], array[token - 1], array['x']) from mine",
            expect!["0"],
        )
        .await;
    dialer
        .check(
            "select dialer.mark_placed(array[attempt_id], array[token - 1], array['x']) from mine",
            expect!["0"],
        )
        .await;
    dialer.check("select dialer.settle(array[attempt_id], array[token - 1], array['busy'], array['busy'], array['{}'::jsonb]) from mine", expect!["0"]).await;
    dialer.check("select state from dialer.call", expect!["claimed"]).await;
}

// R209, C33
#[tokio::test]
async fn a_lease_without_an_intention_goes_back_and_one_with_it_ends_as_unknown() {
    let dialer = Dialer::open().await;
    dialer.people(2).await;
    dialer.run("create temporary table mine as select * from dialer.claim('d1', 100)").await;
    dialer.rows("select i.allowed from mine, lateral dialer.intend('d1', array[attempt_id], array[token]) i where call_id = 1").await;
    dialer.clock("2026-12-04 12:00:31").await;
    dialer.check("select done from dialer.tick() where task = 'leases'", expect!["1"]).await;
    dialer
        .check(
            "select call_id, state, wait_reason from dialer.call order by 1",
            expect![[r#"
        1 | in_flight | -
        2 | scheduled | lease_over"#]],
        )
        .await;
    // The longest ringing, the longest call and the grace time have passed, but nobody was there to ask.
    let tick = "select done from dialer.tick() where task = 'leases'";
    dialer.clock("2026-12-04 13:06:31").await;
    dialer.check(tick, expect!["0"]).await;
    // Somebody is back: the grace time begins anew.
    for second in (31..=330).step_by(23) {
        dialer.clock(&format!("2026-12-04 13:{:02}:{:02}", 6 + second / 60, second % 60)).await;
        dialer.run("select dialer.note_alive(dialer.now())").await;
        dialer.check(tick, expect!["0"]).await;
    }
    dialer.clock("2026-12-04 13:11:31").await;
    dialer.check(tick, expect!["1"]).await;
    dialer
        .check(
            "select outcome, counts, word from dialer.attempt",
            expect!["unknown | t | no evidence within the grace time"],
        )
        .await;
    dialer
        .check(
            "select call_id, state, wait_reason from dialer.call order by 1",
            expect![[r#"
        1 | scheduled | redial
        2 | scheduled | lease_over"#]],
        )
        .await;
    dialer.sound().await;
}

// D9
#[tokio::test]
async fn silence_is_looked_up_once_at_a_time() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer.run("create temporary table mine as select * from dialer.claim('d1', 100)").await;
    dialer.run("select dialer.intend('d1', array[attempt_id], array[token]) from mine").await;
    dialer.run("select dialer.mark_unknown(array[attempt_id], array[token], array['time-out']) from mine").await;
    dialer.check("select count(*) from dialer.silent_attempts('d1', 10)", expect!["0"]).await;
    dialer.clock("2026-12-04 12:00:02").await;
    dialer
        .check(
            "select provider, address, look_by from dialer.silent_attempts('d1', 10)",
            expect!["sandbox | +12125550101 | 2026-12-04 13:06:30-05"],
        )
        .await;
    dialer.check("select count(*) from dialer.silent_attempts('d2', 10)", expect!["0"]).await;
}

// R120, R125
#[tokio::test]
async fn events_may_come_doubled_early_late_and_in_any_order() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer.run("create temporary table mine as select * from dialer.claim('d1', 100)").await;
    dialer.run("select dialer.intend('d1', array[attempt_id], array[token]) from mine").await;
    let event = |key: &str, kind: &str, more: &str| {
        format!(
            "select r.result from mine, lateral dialer.ingest_event(account_id, jsonb_build_array(jsonb_build_object(
             'event_key', '{key}', 'kind', '{kind}', 'attempt_id', attempt_id, 'provider_call_id', 'p1'{more}))) r"
        )
    };
    // Before the provider's answer to the request.
    dialer.check(&event("a", "answered", ""), expect!["applied"]).await;
    dialer.check(&event("b", "ringing", ""), expect!["applied"]).await;
    dialer.check(&event("b", "ringing", ""), expect!["doubled"]).await;
    dialer
        .check(
            "select state, ringing_at is not null, provider_call_id from dialer.lease",
            expect!["answered | t | p1"],
        )
        .await;
    dialer
        .check(
            "select dialer.mark_placed(array[attempt_id], array[token], array['p1']) from mine",
            expect!["1"],
        )
        .await;
    dialer.check(&event("c", "ended", ", 'outcome', 'voicemail'"), expect!["applied"]).await;
    dialer.check(&event("c", "ended", ", 'outcome', 'voicemail'"), expect!["doubled"]).await;
    dialer.check(&event("d", "ringing", ""), expect!["late"]).await;
    dialer
        .check("select count(*), min(outcome::text) from dialer.attempt", expect!["1 | voicemail"])
        .await;
    dialer.states().await;
    // The business decides later, while the call waits for its redial.
    dialer.check(&event("e", "ended", ", 'disposition', 'SALE'"), expect!["late"]).await;
    dialer.check("select state, end_reason from dialer.call", expect!["completed | sale"]).await;
    dialer
        .check(
            "select result, count(*) from dialer.provider_event group by 1 order by 1",
            expect![[r#"
        applied | 3
        late | 2"#]],
        )
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn events_that_make_no_sense_are_told_one_by_one() {
    let dialer = Dialer::open().await;
    dialer
        .check(
            r#"select position, result from dialer.ingest_event(1, '[{"kind": "ended"}, 7, {"event_key": "x", "kind": "dance"},
               {"event_key": "y", "kind": "ended", "outcome": "glory"}, {"event_key": "z", "kind": "ended", "attempt_id": "no uuid"},
               {"event_key": "w", "kind": "ended", "attempt_id": "00000000-0000-4000-8000-000000000000", "at": "yesterday-ish", "duration_seconds": "long"}]')"#,
            expect![[r#"
                0 | invalid: event_key is missing
                1 | invalid: not an object
                2 | invalid: kind "dance" is not known
                3 | invalid: outcome "glory" is not known
                4 | unmatched
                5 | unmatched"#]],
        )
        .await;
    dialer
        .check_refusal(
            "select * from dialer.ingest_event(99, '[]')",
            expect![[r#"
        PD021: provider account 99 does not exist
        hint: Accounts are in dialer.provider_account."#]],
        )
        .await;
}

// C15
#[tokio::test]
async fn an_unknown_word_waits_for_a_person_and_is_never_final_by_accident() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer.place().await;
    dialer.run("select dialer.ingest_event(1, jsonb_agg(jsonb_build_object('event_key', '1', 'kind', 'ended', 'attempt_id', attempt_id, 'disposition', 'QUALIFIED_MAYBE'))) from dialer.lease").await;
    dialer
        .check(
            "select state, wait_reason, due_at from dialer.call",
            expect!["scheduled | review | infinity"],
        )
        .await;
    dialer
        .check(
            "select reason, calls from dialer.why_waiting('spring')",
            expect!["outcome's word waits for review | 1"],
        )
        .await;
    dialer
        .check("select word, outcome from dialer.disposition", expect!["QUALIFIED_MAYBE | -"])
        .await;
    dialer
        .check("select dialer.map_disposition('qualified_maybe', 'not_interested')", expect!["1"])
        .await;
    dialer.check("select state, wait_reason from dialer.call", expect!["scheduled | redial"]).await;
    dialer
        .check_refusal(
            "select dialer.set_disposition(1, 'HURRAY')",
            expect![[r#"
        PD033: disposition "HURRAY" is not known
        detail: No outcome is mapped to the word, and an unknown word is never final by accident.
        hint: Map it once: select dialer.map_disposition('HURRAY', 'completed')."#]],
        )
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_disposition_without_a_word_or_a_meaning_is_refused() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer
        .check_refusal(
            "select dialer.set_disposition(1, null)",
            expect![[r#"
        PD033: a disposition is a word
        detail: None was given.
        hint: Say e.g. SALE, DNC or NO_ANSWER."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.set_disposition(null, 'SALE')",
            expect![[r#"
        PD028: call null does not exist
        hint: Calls of this tenant are in dialer.call."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.map_disposition(' ', 'sale')",
            expect![[r#"
        PD033: " " cannot be given the meaning sale
        detail: A word and an outcome belong to a mapping.
        hint: Say e.g. select dialer.map_disposition('WARM_LEAD', 'completed')."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.map_disposition('WARM', null)",
            expect![[r#"
        PD033: "WARM" cannot be given the meaning null
        detail: A word and an outcome belong to a mapping.
        hint: Say e.g. select dialer.map_disposition('WARM_LEAD', 'completed')."#]],
        )
        .await;
}

#[tokio::test]
async fn an_account_rests_as_long_as_its_provider_asks_for_but_an_hour_at_most() {
    for (asked, rests) in
        [("300", "00:05:00"), ("90000", "01:00:00"), ("0.5", "00:00:01"), ("\"soon\"", "00:00:01")]
    {
        let dialer = Dialer::open().await;
        dialer.people(1).await;
        dialer.run("create temporary table mine as select * from dialer.claim('d1', 1)").await;
        dialer.run("select dialer.intend('d1', array[attempt_id], array[token]) from mine").await;
        dialer
            .run(&format!("select dialer.settle(array[attempt_id], array[token], array['over_limit'], array['429'], array['{{\"retry_after_seconds\": {asked}}}'::jsonb]) from mine"))
            .await;
        let rest = "select blocked_until - dialer.now() from dialer.account_health where blocked_reason is not null";
        assert_eq!(dialer.rows(rest).await, rests, "{asked}");
    }
}

#[tokio::test]
async fn over_limit_rests_the_account_and_counts_for_nobody() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer.run("create temporary table mine as select * from dialer.claim('d1', 100)").await;
    dialer.run("select dialer.intend('d1', array[attempt_id], array[token]) from mine").await;
    dialer.run("select dialer.settle(array[attempt_id], array[token], array['over_limit'], array['Over Concurrency Limit'], array['{}'::jsonb]) from mine").await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer
        .check(
            "select reason, calls from dialer.why_waiting('spring')",
            expect!["account rests: over_limit | 1"],
        )
        .await;
    dialer.clock("2026-12-04 12:00:02").await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["1"]).await;
    dialer.check("select outcome, counts from dialer.attempt", expect!["over_limit | f"]).await;
}

// R119, R082
#[tokio::test]
async fn an_account_error_stops_the_account_and_a_configuration_error_the_campaign() {
    let dialer = Dialer::open().await;
    dialer.people(2).await;
    dialer.run("create temporary table mine as select * from dialer.claim('d1', 100)").await;
    dialer
        .run("select dialer.intend('d1', array_agg(attempt_id), array_agg(token)) from mine")
        .await;
    dialer.run("select dialer.settle(array_agg(attempt_id), array_agg(token), array_agg(case call_id when 1 then 'account_error' else 'config_error' end),
                   array_agg(case call_id when 1 then 'insufficient credits' else 'no such assistant' end), array_agg('{}'::jsonb)) from mine").await;
    dialer
        .check(
            "select state, state_reason from dialer.provider_account",
            expect!["stopped | insufficient credits"],
        )
        .await;
    dialer
        .check(
            "select state, state_reason from dialer.campaign",
            expect!["paused | no such assistant"],
        )
        .await;
    dialer
        .check(
            "select state, wait_reason from dialer.call order by call_id",
            expect![[r#"
        scheduled | account_error
        scheduled | config_error"#]],
        )
        .await;
    dialer.run("select dialer.reopen_account('voice'), dialer.resume_campaign('spring')").await;
    dialer.clock("2026-12-04 12:01").await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["2"]).await;
    dialer.sound().await;
}

// R072, R080, C20, R082
#[tokio::test]
async fn technical_failures_have_a_ladder_of_their_own_and_an_end() {
    let dialer = Dialer::open().await;
    dialer
        .run("update dialer.redial_policy set technical_max = 2 where name = 'redial-8-a-day'")
        .await;
    dialer.people(1).await;
    for minute in 1..=3 {
        dialer.place().await;
        dialer.end("provider_fault").await;
        dialer.clock(&format!("2026-12-04 12:0{minute}")).await;
    }
    dialer
        .check(
            "select state, end_reason from dialer.call",
            expect!["failed | technical_retries_spent"],
        )
        .await;
    dialer
        .check(
            "select outcome, counts, count(*) from dialer.attempt group by 1, 2",
            expect!["provider_fault | f | 3"],
        )
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn an_invalid_number_fails_and_is_never_dialled_again() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer.place().await;
    dialer.end("invalid_number").await;
    dialer
        .check("select state, end_reason from dialer.call", expect!["failed | invalid_number"])
        .await;
    dialer.check("select result from dialer.schedule_call('spring', '+12125550101', tz => 'America/New_York')", expect!["number_unusable"]).await;
    dialer
        .check(
            "select call_id, campaign, end_reason from dialer.dead_letter",
            expect!["1 | spring | invalid_number"],
        )
        .await;
}

// R071, R077
#[tokio::test]
async fn a_workflow_gives_up_after_three_attempts() {
    let dialer = Dialer::open().await;
    dialer
        .run("update dialer.campaign set policy_id = dialer.policy_named('workflow-30min-3')")
        .await;
    dialer.people(1).await;
    for hour in 13..16 {
        dialer.place().await;
        dialer.end("no_answer").await;
        dialer.clock(&format!("2026-12-04 {hour}:00")).await;
    }
    dialer
        .check("select state, end_reason from dialer.call", expect!["failed | attempts_spent"])
        .await;
    dialer.check("select from_state, to_state, reason from dialer.transition where machine = 'call' order by at, case to_state when 'claimed' then 1 when 'in_flight' then 2 else 3 end", expect![[r#"
        scheduled | claimed | -
        claimed | in_flight | -
        in_flight | scheduled | redial
        scheduled | claimed | -
        claimed | in_flight | -
        in_flight | scheduled | redial
        scheduled | claimed | -
        claimed | in_flight | -
        in_flight | failed | attempts_spent"#]]).await;
    dialer.sound().await;
}

// D1
#[tokio::test]
async fn what_has_ended_cannot_be_changed_even_by_the_owner() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer.place().await;
    dialer.end("sale").await;
    dialer
        .check_refusal(
            "update dialer.call set state = 'scheduled', ended_at = null",
            expect![[r#"
        PD001: call 1 may not go from "completed" to "scheduled"
        detail: In machine "call" the state "completed" is final.
        hint: What has ended stays ended: insert a new row instead of changing this one."#]],
        )
        .await;
    dialer
        .check_refusal(
            "update dialer.attempt set outcome = 'no_answer'",
            expect![[r#"
        PD004: rows of dialer.attempt_2026_12 are not changed
        detail: The table is an append-only record; retention drops whole partitions.
        hint: Add a new fact instead of changing an old one."#]],
        )
        .await;
    dialer
        .check_refusal(
            "delete from dialer.transition",
            expect![[r#"
        PD004: rows of dialer.transition_2026_12 are not changed
        detail: The table is an append-only record; retention drops whole partitions.
        hint: Add a new fact instead of changing an old one."#]],
        )
        .await;
}

// The business says what came of it while the redial is already claimed, or comes back unsent.
#[tokio::test]
async fn a_sale_that_is_stated_late_keeps_the_phone_from_ringing_again() {
    let dialer = Dialer::open().await;
    dialer.people(2).await;
    dialer.place().await;
    dialer.end("no_answer").await;
    dialer.clock("2026-12-04 12:02").await;
    dialer.run("create temporary table again as select * from dialer.claim('d1', 100)").await;
    let intend = "select i.allowed, i.reason from again, lateral dialer.intend('d1', array[attempt_id], array[token]) i where call_id =";
    dialer.check("select dialer.set_disposition(1, 'SALE')", expect!["sale"]).await;
    dialer.check(&format!("{intend} 1"), expect!["f | finished"]).await;
    dialer.check(&format!("{intend} 2"), expect!["t | -"]).await;
    dialer.check("select dialer.set_disposition(2, 'SALE')", expect!["sale"]).await;
    dialer
        .run("select dialer.release(array[attempt_id], array[token], array['not_sent']) from again")
        .await;
    dialer
        .check(
            "select state, end_reason, count(*) from dialer.call group by 1, 2",
            expect!["completed | sale | 2"],
        )
        .await;
    dialer.sound().await;
}

const WAITS: &str = "select state, wait_reason, due_at from dialer.call order by call_id";

// A provider's own end of the call often comes after the business's label, or the other way round.
#[tokio::test]
async fn a_late_word_of_the_provider_does_not_release_a_call_from_review() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer.place().await;
    dialer.run("create temporary table attempt as select attempt_id from dialer.lease").await;
    let ended = |key: &str, word: &str| {
        format!(
            "select r.result from attempt, lateral dialer.ingest_event(1, jsonb_build_array(jsonb_build_object(
             'event_key', '{key}', 'kind', 'ended', 'attempt_id', attempt_id, {word}))) r"
        )
    };
    dialer.check(&ended("a", "'disposition', 'NEVER_AGAIN_HE_SAID'"), expect!["applied"]).await;
    dialer.check(&ended("b", "'outcome', 'completed'"), expect!["late"]).await;
    dialer.check(WAITS, expect!["scheduled | review | infinity"]).await;
    // A label that somebody has mapped is a decision.
    dialer.check(&ended("c", "'disposition', 'NOT_INTERESTED'"), expect!["late"]).await;
    dialer.check(WAITS, expect!["scheduled | redial | 2026-12-04 12:00:00-05"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn an_accepted_mail_is_not_sent_again_whatever_the_policy_of_redials() {
    let dialer = Dialer::open().await;
    dialer
        .run(
            "select dialer.create_account('mail', 'resend', 5, channel => 'email');
             select dialer.create_campaign('letters', 'mail', '24/7', tz => 'UTC');
             select dialer.start_campaign('letters');
             select dialer.schedule_call('letters', 'ann@example.com')",
        )
        .await;
    assert_eq!(dialer.place().await, "1");
    dialer
        .check(
            "select state, end_reason, outcome from dialer.call",
            expect!["completed | completed | completed"],
        )
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn an_attempt_that_is_named_twice_in_a_batch_is_one_attempt() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer.run("create temporary table mine as select * from dialer.claim('d1', 100)").await;
    dialer
        .check(
            "select i.allowed, i.reason from mine, lateral dialer.intend('d1', array[attempt_id, attempt_id], array[token, token]) i",
            expect![[r#"
                t | -
                f | intended_before"#]],
        )
        .await;
    dialer
        .check(
            "select dialer.settle(array[attempt_id, attempt_id], array[token, token], '{over_limit,no_answer}', '{a,b}', array['{}', '{}']::jsonb[]) from mine",
            expect!["1"],
        )
        .await;
    dialer.check("select outcome, word from dialer.attempt", expect!["over_limit | a"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_refusal_in_words_that_nobody_knows_waits_for_a_person() {
    let dialer = Dialer::open().await;
    dialer.people(2).await;
    dialer.run("create temporary table mine as select * from dialer.claim('d1', 100)").await;
    dialer
        .run("select dialer.intend('d1', array_agg(attempt_id), array_agg(token)) from mine")
        .await;
    dialer
        .check(
            "select dialer.settle(array_agg(attempt_id order by call_id), array_agg(token order by call_id), '{glory,null}', '{GLORY,null}', array['{}', null]::jsonb[]) from mine",
            expect!["2"],
        )
        .await;
    dialer
        .check(
            WAITS,
            expect![[r#"
                scheduled | review | infinity
                scheduled | review | infinity"#]],
        )
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_call_in_review_is_cancelled_when_its_number_was_forbidden_meanwhile() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer.place().await;
    dialer.run("select dialer.add_do_not_call('+12125550101')").await;
    dialer.run("select dialer.ingest_event(1, jsonb_agg(jsonb_build_object('event_key', '1', 'kind', 'ended', 'attempt_id', attempt_id, 'disposition', 'GIBBERISH'))) from dialer.lease").await;
    dialer
        .check("select state, end_reason from dialer.call", expect!["cancelled | do_not_call"])
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn an_end_with_odd_values_is_an_end_all_the_same() {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.set_limits('voice', 10)").await;
    dialer.people(4).await;
    dialer.place().await;
    // Random, so that it cannot be compressed into an index entry.
    let word = "(select string_agg(md5(i::text), '') from generate_series(1, 300) i)";
    dialer.check(&format!("select result from dialer.ingest_event(1, (select jsonb_agg(jsonb_build_object('event_key', call_id::text, 'kind', 'ended', 'attempt_id', attempt_id)
         || case call_id when 1 then jsonb_build_object('word', {word}) when 2 then jsonb_build_object('outcome', 'callback', 'callback_at', 'infinity')
                         when 3 then jsonb_build_object('outcome', 'callback', 'callback_at', '290000-01-01T00:00:00Z')
                         else jsonb_build_object('outcome', 'busy', 'duration_seconds', 1e400) end order by call_id) from dialer.lease))"), expect![[r#"
        applied
        applied
        applied
        applied"#]]).await;
    dialer
        .check(
            WAITS,
            expect![[r#"
                scheduled | review | infinity
                scheduled | redial | 2026-12-04 12:02:00-05
                scheduled | redial | 2026-12-04 12:02:00-05
                scheduled | redial | 2026-12-04 12:02:00-05"#]],
        )
        .await;
    dialer
        .check(&format!("select dialer.map_disposition({word}, 'no_answer')"), expect!["1"])
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_label_that_nobody_knows_holds_a_call_also_when_it_comes_late() {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.set_limits('voice', 10)").await;
    dialer.people(3).await;
    dialer.place().await;
    dialer
        .run("create temporary table attempt as select call_id, attempt_id from dialer.lease")
        .await;
    dialer.end("completed").await;
    dialer.clock("2026-12-04 12:02").await;
    // The second is claimed again and the third in flight again when the label comes.
    dialer.run("create temporary table again as select * from dialer.claim('d1', 10)").await;
    let intend = "select i.allowed, i.reason from again, lateral dialer.intend('d1', array[attempt_id], array[token]) i where call_id =";
    dialer.run("select dialer.release(array[attempt_id], array[token], array['not_sent']) from again where call_id = 1").await;
    dialer.check(&format!("{intend} 3"), expect!["t | -"]).await;
    dialer.run("select dialer.ingest_event(1, (select jsonb_agg(jsonb_build_object('event_key', 'late' || call_id, 'kind', 'ended', 'attempt_id', attempt_id,
         'disposition', 'NEVER_AGAIN_HE_SAID')) from attempt))").await;
    dialer.check(&format!("{intend} 2"), expect!["f | review"]).await;
    dialer.run("select dialer.ingest_event(1, (select jsonb_agg(jsonb_build_object('event_key', 'end', 'kind', 'ended', 'attempt_id', attempt_id,
         'outcome', 'no_answer')) from dialer.lease))").await;
    dialer.clock("2026-12-04 12:10").await;
    dialer.check("select count(*) from dialer.claim('d1', 10)", expect!["0"]).await;
    dialer
        .check(
            WAITS,
            expect![[r#"
                scheduled | review | infinity
                scheduled | review | infinity
                scheduled | review | infinity"#]],
        )
        .await;
    dialer
        .check("select dialer.map_disposition('never_again_he_said', 'no_answer')", expect!["3"])
        .await;
    dialer.check("select count(*) from dialer.claim('d1', 10)", expect!["3"]).await;
    dialer.sound().await;
}
