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
    dialer.clock("2026-12-04 12:06").await;
    assert_eq!(dialer.place().await, "1");
    dialer.end("provider_fault").await;
    dialer
        .check(
            "select * from dialer.report_retries(campaign => 'spring')",
            expect![[r#"
        0 | 1 | 0 | 0 | 0.0000 | 0 | {"provider_fault": 1}
        1 | 2 | 0 | 0 | 0.0000 | 0 | {"busy": 1, "rejected": 1}
        2 | 2 | 0 | 0 | 0.0000 | 0 | {"busy": 1, "no_answer": 1}
        3 | 2 | 0 | 0 | 0.0000 | 0 | {"busy": 1, "rejected": 1}"#]],
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

// C38: a person, their numbers, their calls and their memberships are four things, and a cap may count by each.
#[tokio::test]
async fn a_cap_counts_by_call_number_person_or_campaign() {
    let mut made = Vec::new();
    for scope in ["call", "number", "campaign", "contact"] {
        let dialer = Dialer::open().await;
        dialer
            .run(&format!(
                "select dialer.create_redial_policy('once', '{{0}}', max_per_day => 1, cap_scope => '{scope}');
                 select dialer.edit_campaign('spring', '{{\"policy\": \"once\"}}');
                 select dialer.create_campaign('summer', 'voice', calendar => 'campaign spring', policy => 'once'); select dialer.start_campaign('summer');
                 select dialer.schedule_call(c, '+1212555' || n, external_key => 'ada', tz => 'America/New_York')
                 from (values ('spring', '0101'), ('spring', '0101'), ('spring', '0102'), ('summer', '0102')) w(c, n)"
            ))
            .await;
        dialer
            .check(
                "select count(*), count(distinct contact_id) from dialer.endpoint",
                expect!["2 | 1"],
            )
            .await;
        for minute in 0..8 {
            dialer.clock(&format!("2026-12-04 12:0{minute}")).await;
            dialer.place().await;
            dialer.end("no_answer").await;
        }
        let counted = "select count(*), count(distinct call_id), count(distinct endpoint_id), count(distinct campaign_id) from dialer.attempt";
        made.push(format!("{scope}: {}", dialer.rows(counted).await));
        dialer.sound().await;
    }
    // Attempts; calls, numbers and campaigns that had one.
    expect![[r#"
        call: 4 | 4 | 2 | 2
        number: 2 | 2 | 2 | 2
        campaign: 2 | 2 | 2 | 2
        contact: 1 | 1 | 1 | 1"#]]
    .assert_eq(&made.join("\n"));
}
