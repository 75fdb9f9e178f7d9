//! Redial policies: the presets, and what a policy says of single outcomes and of failures.

use crate::dialer::Dialer;
use expect_test::expect;

const WHERE: &str = "select state, coalesce(wait_reason, end_reason), case when state = 'scheduled' then due_at end from dialer.call order by call_id";

// R072, R079, R080, C21: three tries to place a call have two waits, and whoever was rung is not rung again.
#[tokio::test]
async fn a_job_queue_tries_again_what_reached_nobody_and_rings_nobody_twice() {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.edit_campaign('spring', '{\"policy\": \"queue-backoff\"}')").await;
    dialer.people(2).await;
    assert_eq!(dialer.place().await, "2");
    let ends = "select dialer.ingest_event(1, jsonb_agg(jsonb_build_object('event_key', attempt_id, 'kind', 'ended', 'attempt_id', attempt_id,
        'outcome', case call_id when 1 then 'provider_fault' else 'no_answer' end))) from dialer.lease";
    dialer.run(ends).await;
    dialer
        .check(
            WHERE,
            expect![[r#"
        scheduled | provider_fault | 2026-12-04 12:00:02-05
        completed | no_answer | -"#]],
        )
        .await;
    dialer.clock("2026-12-04 12:00:02").await;
    assert_eq!(dialer.place().await, "1");
    dialer.run(ends).await;
    dialer
        .check(
            WHERE,
            expect![[r#"
        scheduled | provider_fault | 2026-12-04 12:00:06-05
        completed | no_answer | -"#]],
        )
        .await;
    dialer.clock("2026-12-04 12:00:06").await;
    assert_eq!(dialer.place().await, "1");
    dialer.run(ends).await;
    dialer
        .check(
            WHERE,
            expect![[r#"
        failed | technical_retries_spent | -
        completed | no_answer | -"#]],
        )
        .await;
    dialer.sound().await;
}

// R082: the most attempts by outcome, and failures by their own ladder.
#[tokio::test]
async fn a_policy_may_end_a_call_sooner_after_some_outcomes() {
    let dialer = Dialer::open().await;
    dialer
        .run(
            "select dialer.create_redial_policy('wary', '{0,2 min}', outcome_max => '{\"rejected\": 2}', technical_ladder => '{3 s}', technical_max => 1);
             select dialer.edit_campaign('spring', '{\"policy\": \"wary\"}')",
        )
        .await;
    dialer.people(2).await;
    for (clock, outcome) in [("12:00", "rejected"), ("12:02", "no_answer"), ("12:04", "rejected")] {
        dialer.clock(&format!("2026-12-04 {clock}")).await;
        assert_eq!(dialer.place().await, "2", "{clock}");
        dialer.run(&format!("select dialer.ingest_event(1, jsonb_agg(jsonb_build_object('event_key', attempt_id, 'kind', 'ended', 'attempt_id', attempt_id,
            'outcome', case call_id when 1 then '{outcome}' else 'busy' end))) from dialer.lease")).await;
    }
    dialer
        .check(
            WHERE,
            expect![[r#"
        failed | attempts_spent | -
        scheduled | redial | 2026-12-04 12:06:00-05"#]],
        )
        .await;
    for bad in
        ["{\"refused\": 2}", "{\"busy\": 0}", "{\"busy\": \"two\"}", "{\"busy\": null}", "[]"]
    {
        let said = dialer
            .refusal(&format!(
                "select dialer.create_redial_policy('odd', '{{0}}', outcome_max => '{bad}')"
            ))
            .await;
        assert!(said.starts_with("PD012"), "{bad}: {said}");
    }
}
