//! Providers that report to whoever listens: which accounts, and what is done about what was missed.

use crate::dialer::Dialer;
use expect_test::expect;

/// A call under way at an Asterisk, in a campaign that calls once.
async fn placed() -> Dialer {
    let dialer = Dialer::open().await;
    dialer
        .run(
            "update dialer.provider_account set provider = 'asterisk';
             update dialer.campaign set policy_id = dialer.policy_named('once')",
        )
        .await;
    dialer.people(1).await;
    dialer.run("create temporary table mine as select * from dialer.claim('d1', 100)").await;
    dialer.run("select dialer.intend('d1', array[attempt_id], array[token]) from mine").await;
    dialer
        .run("select dialer.mark_placed(array[attempt_id], array[token], array['p1']) from mine")
        .await;
    dialer
}

#[tokio::test]
async fn accounts_are_listened_to_while_they_are_open_or_have_calls() {
    let dialer = placed().await;
    dialer
        .run("select dialer.create_account('empty', 'asterisk', 1), dialer.create_account('vapi', 'vapi', 1)")
        .await;
    let accounts = "select provider, account_id from dialer.streaming_accounts('{asterisk}')";
    dialer
        .check(
            accounts,
            expect![[r#"
        asterisk | 1
        asterisk | 2"#]],
        )
        .await;
    dialer.run("select dialer.pause_account('voice'), dialer.pause_account('empty')").await;
    dialer.check(accounts, expect!["asterisk | 1"]).await;
}

#[tokio::test]
async fn after_a_gap_in_hearing_all_open_attempts_are_looked_up_at_once() {
    let dialer = placed().await;
    let silent = "select count(*), min(provider_call_id) from dialer.silent_attempts('d1', 10)";
    dialer.check(silent, expect!["0 | -"]).await;
    dialer.check("select dialer.look_again(2)", expect!["0"]).await;
    dialer.check("select dialer.look_again(1)", expect!["1"]).await;
    dialer.check("select dialer.look_again(1)", expect!["0"]).await;
    dialer.check(silent, expect!["1 | p1"]).await;
    dialer.check(silent, expect!["0 | -"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_claimed_call_of_which_nothing_was_sent_is_not_looked_up() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer.run("select dialer.claim('d1', 100)").await;
    dialer.check("select dialer.look_again(1)", expect!["0"]).await;
}

/// The channel is gone, says a look-up that came after the report of its end.
#[tokio::test]
async fn not_knowing_is_no_late_fact() {
    let dialer = placed().await;
    let ended = |key: &str, outcome: &str| {
        format!(
            "select r.result from mine, lateral dialer.ingest_event(account_id, jsonb_build_array(jsonb_build_object(
             'event_key', '{key}', 'kind', 'ended', 'attempt_id', attempt_id, 'outcome', '{outcome}'))) r"
        )
    };
    dialer.check(&ended("a", "provider_fault"), expect!["applied"]).await;
    let call = "select state, end_reason from dialer.call";
    dialer.check(call, expect!["scheduled | -"]).await;
    dialer.check(&ended("b", "unknown"), expect!["late"]).await;
    dialer.check(call, expect!["scheduled | -"]).await;
    // What is known late ends the call, if that is final.
    dialer.check(&ended("c", "busy"), expect!["late"]).await;
    dialer.check(call, expect!["completed | busy"]).await;
    dialer.sound().await;
}
