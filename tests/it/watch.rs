//! Dead letters, stuck attempts and the runs of pg_cron.

use crate::dialer::Dialer;
use expect_test::expect;

/// Four calls that failed: two whose attempts are spent, two whose number does not exist.
async fn letters() -> Dialer {
    let dialer = Dialer::open().await;
    dialer.run("update dialer.campaign set policy_id = dialer.policy_named('once')").await;
    dialer.run("select dialer.create_redial_policy('twice', '{0,10 min}', max_lifetime => 2, ladder_scope => 'lifetime'); update dialer.campaign set policy_id = dialer.policy_named('twice')").await;
    dialer.people(2).await;
    for at in ["12:00", "12:10"] {
        dialer.clock(&format!("2026-12-04 {at}")).await;
        dialer.place().await;
        dialer.end("no_answer").await;
    }
    dialer.run("select dialer.schedule_call('spring', '+1212555012' || i, tz => 'America/New_York', payload => '{\"topic\": \"x\"}') from generate_series(1, 2) i").await;
    dialer.clock("2026-12-04 12:20").await;
    dialer.place().await;
    dialer.end("invalid_number").await;
    dialer
}

// R081, R206, R207: newest first, with the reason.
#[tokio::test]
async fn dead_letters_say_why_newest_first() {
    let dialer = letters().await;
    dialer
        .check("select call_id, ended_at::time, end_reason, failure_reason, outcome, attempts, last_attempt_at::time, last_error from dialer.dead_letter", expect![[r#"
            4 | 12:20:00 | invalid_number | invalid_number | invalid_number | 1 | 12:20:00 | invalid_number
            3 | 12:20:00 | invalid_number | invalid_number | invalid_number | 1 | 12:20:00 | invalid_number
            2 | 12:10:00 | attempts_spent | Max retries exceeded | no_answer | 2 | 12:10:00 | no_answer
            1 | 12:10:00 | attempts_spent | Max retries exceeded | no_answer | 2 | 12:10:00 | no_answer"#]])
        .await;
}

// R163, R230: a dead letter becomes a new call, once, after a dry run; what may not be called is not.
#[tokio::test]
async fn dead_letters_are_retried_as_new_calls_and_once() {
    let dialer = letters().await;
    dialer.run("select dialer.add_do_not_call('+12125550102')").await;
    let retry = |more: &str| {
        format!(
            "select call_id, failure_reason, result, new_call_id, due_at::time from dialer.retry_dead_letters({more}) order by 1"
        )
    };
    dialer
        .check(
            &retry("campaign => 'spring'"),
            expect![[r#"
        1 | attempts_spent | scheduled | - | 12:20:00
        2 | attempts_spent | do_not_call | - | 12:20:00
        3 | invalid_number | number_unusable | - | 12:20:00
        4 | invalid_number | number_unusable | - | 12:20:00"#]],
        )
        .await;
    dialer.check("select count(*) from dialer.call", expect!["4"]).await;
    dialer
        .check(
            &retry("reasons => '{attempts_spent}', dry_run => false"),
            expect![[r#"
        1 | attempts_spent | scheduled | 5 | 12:20:00
        2 | attempts_spent | do_not_call | - | 12:20:00"#]],
        )
        .await;
    dialer
        .check(
            &retry("dry_run => false"),
            expect![[r#"
        1 | attempts_spent | exists | 5 | 12:20:00
        2 | attempts_spent | do_not_call | - | 12:20:00
        3 | invalid_number | number_unusable | - | 12:20:00
        4 | invalid_number | number_unusable | - | 12:20:00"#]],
        )
        .await;
    dialer
        .check(
            "select call_id, retried_as from dialer.dead_letter",
            expect![[r#"
        4 | -
        3 | -
        2 | -
        1 | 5"#]],
        )
        .await;
    // A new call has tries of its own.
    dialer.place().await;
    dialer.end("busy").await;
    dialer
        .check(
            "select state, wait_reason from dialer.call where call_id = 5",
            expect!["scheduled | redial"],
        )
        .await;
    dialer.run("select dialer.stop_campaign('spring')").await;
    dialer
        .check(
            &retry("call_ids => '{3}'"),
            expect!["3 | invalid_number | campaign_stopped | - | -"],
        )
        .await;
    dialer.sound().await;
}

// R154: whoever has bought since then is not called because a list of failures is tried again.
#[tokio::test]
async fn a_dead_letter_of_somebody_who_has_converted_is_not_retried() {
    let dialer = letters().await;
    dialer.run("select dialer.mark_converted(address => '+12125550101')").await;
    let retry = |dry: &str| {
        format!(
            "select call_id, result, new_call_id from dialer.retry_dead_letters(reasons => '{{attempts_spent}}', dry_run => {dry}) order by 1"
        )
    };
    // Nothing is done but where it is said.
    for dry in ["true", "null"] {
        dialer.check(&retry(dry), expect![["1 | converted | -\n2 | scheduled | -"]]).await;
        dialer.check("select count(*) from dialer.call", expect!["4"]).await;
    }
    dialer.check(&retry("false"), expect![["1 | converted | -\n2 | scheduled | 5"]]).await;
    dialer.sound().await;
}

const STUCK: &str = "select call_id, state, stuck_since::time, why from dialer.stuck order by 1";

fn reset(more: &str) -> String {
    format!(
        "select call_id, stuck_since::time, why, action from dialer.reset_stuck({more}) order by 1"
    )
}

// R198, R208, C33: stuck by lease and by what the account says of its calls; reset along legal moves.
#[tokio::test]
async fn what_is_stuck_is_found_by_its_lease_and_looked_after() {
    let dialer = Dialer::open().await;
    dialer.people(2).await;
    dialer.place().await;
    dialer.run("select dialer.set_limits('voice', 5)").await;
    dialer.people(3).await;
    dialer.run("select dialer.claim('d2', 10)").await;
    dialer.check(STUCK, expect![""]).await;
    // A lease of 30 seconds; ringing of 90 and a call of an hour, then three answers of 20 seconds.
    dialer.clock("2026-12-04 12:00:30").await;
    dialer
        .check(
            STUCK,
            expect!["5 | claimed | 12:00:30 | its lease is over and no tick has given it back"],
        )
        .await;
    dialer.clock("2026-12-04 13:02:29").await;
    dialer
        .check(
            STUCK,
            expect!["5 | claimed | 12:00:30 | its lease is over and no tick has given it back"],
        )
        .await;
    dialer.clock("2026-12-04 13:02:30").await;
    dialer
        .check(
            &reset(""),
            expect![[r#"
                1 | 13:01:50 | the provider is silent and no dispatcher has looked it up | is looked up
                2 | 13:01:50 | the provider is silent and no dispatcher has looked it up | is looked up
                5 | 12:00:30 | its lease is over and no tick has given it back | waits again"#]],
        )
        .await;
    dialer.check("select count(*) from dialer.lease", expect!["3"]).await;
    dialer.run(&reset("dry_run => false")).await;
    dialer
        .check(
            "select call_id, state, wait_reason from dialer.call order by 1",
            expect![[r#"
        1 | in_flight | -
        2 | in_flight | -
        3 | scheduled | number_busy
        4 | scheduled | number_busy
        5 | scheduled | lease_over"#]],
        )
        .await;
    dialer.check("select count(*) from dialer.silent_attempts('d1', 10)", expect!["2"]).await;
    // Without a living dispatcher nobody has asked; with one, there is no evidence to wait for.
    dialer.clock("2026-12-04 13:07").await;
    dialer.check("select action from dialer.reset_stuck('{1}')", expect!["is looked up"]).await;
    dialer.run("update dialer.pulse set seen_at = dialer.now()").await;
    dialer
        .check(
            &reset("'{1}', dry_run => false"),
            expect![
                "1 | 13:06:30 | its grace time is over and no tick has ended it | ends as unknown"
            ],
        )
        .await;
    dialer
        .check(
            "select call_id, outcome, counts, word from dialer.attempt",
            expect!["1 | unknown | t | no evidence within the grace time"],
        )
        .await;
    dialer.sound().await;
}
