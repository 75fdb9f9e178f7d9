//! Calls in steps: what is known of a number, the call that finds it out, and the task after it.

use crate::dialer::Dialer;
use expect_test::expect;

/// The campaign `spring`, whose calls classify first and retry 30 minutes later, three times.
async fn in_steps() -> Dialer {
    let dialer = Dialer::open().await;
    dialer
        .run(
            r#"update dialer.campaign set policy_id = dialer.policy_named('workflow-30min-3'),
                      settings = '{"assistant_id": "task", "voice": "x", "steps": {"classify": {"assistant_id": "probe"}}}';
               select dialer.use_workflow('spring', 'preclassify')"#,
        )
        .await;
    dialer
}

/// What a provider says at the end of every open attempt.
async fn end(dialer: &Dialer, said: &str) {
    dialer
        .run(&format!(
            "select dialer.ingest_event(account_id, jsonb_agg(jsonb_build_object('event_key', 'end-' || attempt_id, 'kind', 'ended',
                 'attempt_id', attempt_id) || '{said}')) from dialer.lease group by account_id"
        ))
        .await;
}

const CALLS: &str = "select call_id, state, step, coalesce(wait_reason, end_reason), due_at::time,
    workflow_metadata ->> 'classification_type' from dialer.call order by 1";

// R127, R128, R129, R130, R131, C29: found out, waited for 30 seconds, told to the task.
#[tokio::test]
async fn a_number_is_classified_and_then_called_for_its_task() {
    let dialer = in_steps().await;
    dialer.people(1).await;
    dialer.check(CALLS, expect!["1 | scheduled | classify | - | 12:00:00 | -"]).await;
    dialer
        .check(
            "select settings, variables from dialer.claim('d1', 1)",
            expect![[r#"{"voice": "x", "assistant_id": "probe"} | {}"#]],
        )
        .await;
    dialer.run("select dialer.release(array_agg(attempt_id), array_agg(token), '{stopped}') from dialer.lease").await;
    dialer.place().await;
    end(
        &dialer,
        r#"{"classification": "IVR-only", "word": "assistant-ended-call", "outcome": "completed"}"#,
    )
    .await;
    dialer.check(CALLS, expect!["1 | scheduled | talk | next_step | 12:00:30 | ivr_only"]).await;
    dialer.clock("2026-12-04 12:00:29").await;
    dialer.check("select count(*) from dialer.claim('d1', 1)", expect!["0"]).await;
    dialer.clock("2026-12-04 12:00:30").await;
    dialer
        .check(
            "select settings, variables - 'classification_completed_at' from dialer.claim('d1', 1)",
            expect![[r#"{"voice": "x", "assistant_id": "task"} | {"classification_id": 1, "classification_type": "ivr_only", "classification_source": "call 1"}"#]],
        )
        .await;
    dialer
        .check(
            "select kind, address, result, active, classified_at, expires_at, source, call_id, attempt_id is not null from dialer.classification",
            expect!["classification | +12125550101 | ivr_only | t | 2026-12-04 12:00:00-05 | 2027-03-04 12:00:00-05 | call 1 | 1 | t"],
        )
        .await;
    dialer.sound().await;
}

// R126, R133: however it is written; while it is active and not over; shared by the tenant's campaigns.
#[tokio::test]
async fn a_number_that_is_known_goes_straight_to_its_task() {
    let dialer = in_steps().await;
    dialer
        .run(
            "select dialer.classify_number('(212) 555-0101', 'human'),
                    dialer.classify_number('212.555.0102', 'Ivr_Then_Human', '2026-12-04 13:00 America/New_York'),
                    dialer.classify_number('+1 212 555 0103', 'human');
             select dialer.forget_classification('2125550103')",
        )
        .await;
    dialer.people(4).await;
    dialer
        .run("select dialer.schedule_call('spring', '2125550102', '2026-12-04 14:00 America/New_York', idempotency_key => 'later')")
        .await;
    dialer
        .run(
            "select dialer.create_campaign('other', 'voice', '24/7');
             select dialer.use_workflow('other', 'preclassify');
             select dialer.schedule_call('other', '+12125550101', tz => 'America/New_York')",
        )
        .await;
    dialer
        .check(
            CALLS,
            expect![[r#"
        1 | scheduled | talk | - | 12:00:00 | human
        2 | scheduled | talk | - | 12:00:00 | ivr_then_human
        3 | scheduled | classify | - | 12:00:00 | -
        4 | scheduled | classify | - | 12:00:00 | -
        5 | scheduled | classify | - | 14:00:00 | -
        6 | scheduled | talk | - | 12:00:00 | human"#]],
        )
        .await;
    // Known meanwhile, by whatever way: what waits for it goes on.
    dialer
        .run(
            "select dialer.classify_number('2125550104', 'human');
             update dialer.classification set expires_at = '2026-12-04 11:00 America/New_York' where address = '+12125550101'",
        )
        .await;
    dialer
        .check(
            CALLS,
            expect![[r#"
        1 | scheduled | classify | - | 12:00:00 | -
        2 | scheduled | talk | - | 12:00:00 | ivr_then_human
        3 | scheduled | classify | - | 12:00:00 | -
        4 | scheduled | talk | - | 12:00:00 | human
        5 | scheduled | classify | - | 14:00:00 | -
        6 | scheduled | classify | - | 12:00:00 | -"#]],
        )
        .await;
    dialer.sound().await;
}

// C28, R122: with a human, the outcome decides: a label of the business, else what the provider says of success.
#[tokio::test]
async fn with_a_human_the_outcome_decides() {
    let dialer = in_steps().await;
    for (person, (said, wanted)) in [
        (r#"{"classification": "human", "outcome": "completed", "success": true}"#, "completed"),
        (r#"{"classification": "human", "outcome": "completed", "disposition": "SALE"}"#, "sale"),
        (r#"{"classification": "human", "outcome": "completed"}"#, "in 30 seconds"),
        (
            r#"{"classification": "human", "outcome": "completed", "success": false}"#,
            "in 30 minutes",
        ),
        (
            r#"{"classification": "ivr_only", "outcome": "completed", "success": true}"#,
            "in 30 seconds",
        ),
        (r#"{"disposition": "human", "word": "hangup", "outcome": "completed"}"#, "in 30 seconds"),
        (r#"{"classification": "human"}"#, "in 30 seconds"),
        (r#"{"outcome": "no_answer"}"#, "asks again in 30 minutes"),
        (r#"{"outcome": "completed", "word": "hangup"}"#, "asks again in 30 minutes"),
    ]
    .into_iter()
    .enumerate()
    {
        dialer.run(&format!("select dialer.schedule_call('spring', '+1212555020{person}', tz => 'America/New_York')")).await;
        dialer.place().await;
        end(&dialer, said).await;
        let became = dialer
            .rows(
                "select case when state = 'completed' then end_reason else case step when 'classify' then 'asks again in ' else 'in ' end
                        || case due_at - dialer.now() when '30 s' then '30 seconds' when '30 min' then '30 minutes' else due_at::text end end
                 from dialer.call order by call_id desc limit 1",
            )
            .await;
        assert_eq!(became, wanted, "{said}");
        dialer
            .run("select dialer.cancel_call(call_id) from dialer.call where state = 'scheduled'")
            .await;
    }
    dialer.sound().await;
}

// R077, R081, R122, C31: the task is retried; each step has its own three tries.
#[tokio::test]
async fn each_step_is_tried_three_times_and_fails_by_its_own_name() {
    let dialer = in_steps().await;
    dialer.people(1).await;
    for at in ["12:00", "12:30", "13:00"] {
        dialer.clock(&format!("2026-12-04 {at}")).await;
        dialer.place().await;
        end(&dialer, r#"{"outcome": "no_answer"}"#).await;
    }
    dialer
        .check(CALLS, expect!["1 | failed | classify | classification_failed | 13:00:00 | -"])
        .await;
    dialer
        .run("select dialer.schedule_call('spring', '+12125550102', tz => 'America/New_York')")
        .await;
    for (at, said) in [
        ("13:01", r#"{"outcome": "busy"}"#),
        ("13:31", r#"{"classification": "ivr_only", "outcome": "completed"}"#),
        ("13:32", r#"{"outcome": "completed", "success": false}"#),
        ("14:02", r#"{"outcome": "voicemail"}"#),
        ("14:32", r#"{"outcome": "no_answer"}"#),
    ] {
        dialer.clock(&format!("2026-12-04 {at}")).await;
        assert_eq!(dialer.place().await, "1", "{at}");
        end(&dialer, said).await;
    }
    dialer
        .check(
            CALLS,
            expect![[r#"
        1 | failed | classify | classification_failed | 13:00:00 | -
        2 | failed | talk | attempts_spent | 14:32:00 | ivr_only"#]],
        )
        .await;
    dialer
        .check(
            "select call_id, step, outcome, dialled_at::time from dialer.attempt order by ended_at",
            expect![[r#"
            1 | classify | no_answer | 12:00:00
            1 | classify | no_answer | 12:30:00
            1 | classify | no_answer | 13:00:00
            2 | classify | busy | 13:01:00
            2 | classify | completed | 13:31:00
            2 | talk | completed | 13:32:00
            2 | talk | voicemail | 14:02:00
            2 | talk | no_answer | 14:32:00"#]],
        )
        .await;
    dialer.sound().await;
}

// R121: an answer that nobody understands waits for a person, and then for nobody.
#[tokio::test]
async fn an_answer_that_nobody_knows_waits_for_a_person() {
    let dialer = in_steps().await;
    dialer.people(2).await;
    dialer.place().await;
    end(&dialer, r#"{"classification": "phone tree", "outcome": "completed"}"#).await;
    dialer
        .check(
            CALLS,
            expect![[r#"
        1 | scheduled | classify | review | - | -
        2 | scheduled | classify | review | - | -"#]],
        )
        .await;
    dialer.check("select word, outcome from dialer.disposition", expect!["PHONE TREE | -"]).await;
    dialer
        .check("select dialer.map_classification('Phone Tree', 'ivr_then_human')", expect!["2"])
        .await;
    dialer
        .check(
            CALLS,
            expect![[r#"
        1 | scheduled | talk | next_step | 12:00:30 | ivr_then_human
        2 | scheduled | talk | next_step | 12:00:30 | ivr_then_human"#]],
        )
        .await;
    dialer.check("select count(*) from dialer.disposition", expect!["0"]).await;
    dialer.people(3).await;
    dialer.place().await;
    dialer
        .check_refusal(
            "select dialer.map_classification('x', 'robot')",
            expect![[r#"
            PD047: "x" cannot be given the meaning robot
            detail: A word means human, ivr_only or ivr_then_human; of another kind, any answer.
            hint: Say e.g. select dialer.map_classification('PHONE_TREE', 'ivr_then_human')."#]],
        )
        .await;
    dialer
        .check_refusal("select dialer.classify_number('2125550101', 'robot')", expect![[r#"
            PD047: "robot" is no classification from "stated" until for ever
            detail: A number is human, ivr_only or ivr_then_human; a kind of your own is a word in small letters with any answer; it names its source and ends in the future.
            hint: E.g. select dialer.classify_number('+12125550123', 'ivr_only', now() + interval '90 days'); dialer.map_classification teaches another word."#]])
        .await;
    dialer.sound().await;
}

// R128: said by SQL, for the call that asks, whether it waits or is in flight.
#[tokio::test]
async fn a_person_or_a_program_says_what_a_call_found_out() {
    let dialer = in_steps().await;
    dialer.people(2).await;
    dialer.place().await;
    dialer.check("select dialer.set_disposition(1, 'ivr only')", expect!["ivr_only"]).await;
    end(&dialer, r#"{"outcome": "completed"}"#).await;
    dialer
        .check(
            CALLS,
            expect![[r#"
        1 | scheduled | talk | next_step | 12:00:30 | ivr_only
        2 | scheduled | classify | redial | 12:30:00 | -"#]],
        )
        .await;
    dialer.run("select dialer.set_classification(2, 'human')").await;
    dialer
        .check(
            CALLS,
            expect![[r#"
        1 | scheduled | talk | next_step | 12:00:30 | ivr_only
        2 | scheduled | talk | next_step | 12:00:30 | human"#]],
        )
        .await;
    dialer
        .check_refusal("select dialer.set_classification(2, 'human')", expect![[r#"
            PD047: "human" says nothing to the step "talk" of call 2
            detail: The call does not ask anything of its number.
            hint: dialer.classify_number states what a number is, whatever its calls ask; dialer.map_classification teaches another word."#]])
        .await;
    dialer
        .check_refusal(
            "select dialer.set_classification(9, 'human')",
            expect![[r#"
            PD028: call 9 does not exist
            hint: Calls of this tenant are in dialer.call."#]],
        )
        .await;
    dialer.sound().await;
}

// The look-up ended the attempt; the report with the analysis comes after it.
#[tokio::test]
async fn a_late_answer_lets_the_call_go_on_and_an_older_one_changes_nothing() {
    let dialer = in_steps().await;
    dialer.people(1).await;
    dialer.place().await;
    dialer.end("completed").await;
    dialer.clock("2026-12-04 12:05").await;
    let late = |key: &str, said: &str| {
        format!(
            "select result from dialer.ingest_event(1, (select jsonb_build_object('event_key', '{key}', 'kind', 'ended', 'attempt_id', attempt_id, 'outcome', 'completed',
                 'classification', '{said}') from dialer.attempt order by ended_at limit 1))"
        )
    };
    dialer.check(&late("late", "ivr_only"), expect!["late"]).await;
    dialer.check(CALLS, expect!["1 | scheduled | talk | next_step | 12:05:30 | ivr_only"]).await;
    dialer.clock("2026-12-04 12:10").await;
    dialer.run("select dialer.classify_number('2125550101', 'human')").await;
    dialer.check(&late("later", "ivr_only"), expect!["late"]).await;
    dialer
        .check("select result, source from dialer.classification", expect!["human | stated"])
        .await;
    dialer.sound().await;
}

// What is learnt between the claim and the instant of placing still counts: nobody is asked what is known.
#[tokio::test]
async fn a_step_that_has_become_another_is_not_placed() {
    let dialer = in_steps().await;
    dialer.people(2).await;
    dialer.run("create temporary table held as select attempt_id, token, call_id from dialer.claim('d1', 2)").await;
    dialer.run("select dialer.classify_number('2125550101', 'human')").await;
    dialer
        .check(
            "select h.call_id, i.allowed, i.reason from dialer.intend('d1', (select array_agg(attempt_id) from held), (select array_agg(token) from held)) i
             join held h using (attempt_id) order by 1",
            expect![[r#"
                1 | f | next_step
                2 | t | -"#]],
        )
        .await;
    dialer
        .check(
            CALLS,
            expect![[r#"
        1 | scheduled | talk | next_step | 12:00:00 | human
        2 | in_flight | classify | - | 12:00:00 | -"#]],
        )
        .await;
    dialer.place().await;
    dialer
        .check(
            "select step from dialer.lease order by call_id",
            expect![[r#"
        talk
        classify"#]],
        )
        .await;
    dialer.sound().await;
}

// R134: named steps of one's own, what each needs, and how long an answer is kept.
#[tokio::test]
async fn a_workflow_of_one_s_own_asks_in_order_and_chooses_its_task() {
    let dialer = Dialer::open().await;
    dialer
        .run(
            r#"select dialer.create_workflow('polite', '[
                 {"step": "language", "finds": "language", "answers": ["en", "es"], "wait": "1 minute", "keep": "1 year"},
                 {"step": "classify", "finds": "classification", "answers": ["human", "ivr_only"], "needs": {"language": ["es"]}, "wait": "10 seconds"},
                 {"step": "habla", "needs": {"language": ["es"], "classification": ["human"]}},
                 {"step": "talk", "needs": {"language": ["en"]}}]');
               select dialer.use_workflow('spring', 'polite')"#,
        )
        .await;
    dialer
        .run("select dialer.classify_number('2125550101', 'en', kind => 'language'), dialer.classify_number('2125550102', 'es', kind => 'language'),
                     dialer.classify_number('2125550103', 'es', kind => 'language'), dialer.classify_number('2125550103', 'ivr_only')")
        .await;
    dialer
        .check(
            "select i, p.result from generate_series(101, 104) i cross join lateral dialer.schedule_call('spring', '+12125550' || i, tz => 'America/New_York') p",
            expect![[r#"
                101 | scheduled
                102 | scheduled
                103 | not_needed
                104 | scheduled"#]],
        )
        .await;
    dialer.check("select address, step from dialer.call join dialer.endpoint using (endpoint_id) order by 1", expect![[r#"
        +12125550101 | talk
        +12125550102 | classify
        +12125550104 | language"#]]).await;
    dialer.run("select dialer.set_limits('voice', 10)").await;
    dialer.place().await;
    dialer
        .run(
            r#"select dialer.ingest_event(1, jsonb_build_object('event_key', 'l', 'kind', 'ended', 'attempt_id', attempt_id, 'classification', 'ES')) from dialer.lease where step = 'language';
               select dialer.ingest_event(1, jsonb_build_object('event_key', 'c', 'kind', 'ended', 'attempt_id', attempt_id, 'classification', 'ivr_only')) from dialer.lease where step = 'classify'"#,
        )
        .await;
    dialer.check("select call_id, state, step, coalesce(wait_reason, end_reason), due_at::time, workflow_metadata - array['language_completed_at', 'classification_completed_at'] from dialer.call order by 1", expect![[r#"
        1 | in_flight | talk | - | 12:00:00 | {"language_id": 1, "language_type": "en", "language_source": "stated"}
        2 | completed | classify | answered | 12:00:00 | {"language_id": 2, "language_type": "es", "language_source": "stated", "classification_id": 6, "classification_type": "ivr_only", "classification_source": "call 2"}
        3 | scheduled | classify | next_step | 12:01:00 | {"language_id": 5, "language_type": "es", "language_source": "call 3"}"#]]).await;
    dialer.sound().await;
}

// Bad steps are refused where they are written.
#[tokio::test]
async fn steps_that_make_no_workflow_are_refused() {
    let dialer = Dialer::open().await;
    let mut said = Vec::new();
    for steps in [
        "null",
        "[]",
        r#"["classify"]"#,
        r#"[{"step": "A b"}]"#,
        r#"[{"step": "talk", "say": "hi"}]"#,
        r#"[{"step": "ask", "finds": "language"}]"#,
        r#"[{"step": "ask", "finds": "language", "answers": []}]"#,
        r#"[{"step": "ask", "finds": "language", "answers": ["en"], "enough": ["es"]}, {"step": "talk"}]"#,
        r#"[{"step": "talk", "needs": {"language": ["en"]}}]"#,
        r#"[{"step": "ask", "finds": "language", "answers": ["en"], "wait": "soon"}, {"step": "talk"}]"#,
        r#"[{"step": "ask", "finds": "language", "answers": ["en"], "wait": "-1 s"}, {"step": "talk"}]"#,
        r#"[{"step": "ask", "finds": "language", "answers": ["en"], "wait": "2 years"}, {"step": "talk"}]"#,
        r#"[{"step": "talk"}, {"step": "talk"}]"#,
    ] {
        let refusal =
            dialer.refusal(&format!("select dialer.create_workflow('w', '{steps}')")).await;
        said.push(refusal.lines().take(2).collect::<Vec<_>>().join(" "));
    }
    expect![[r#"
        PD046: workflow "w" cannot be made detail: Steps are an array of 1 to 20 objects.
        PD046: workflow "w" cannot be made detail: Steps are an array of 1 to 20 objects.
        PD046: workflow "w" cannot be made detail: A step is an object with its name, a word in small letters, as "step"; this one is "classify".
        PD046: workflow "w" cannot be made detail: A step is an object with its name, a word in small letters, as "step"; this one is {"step": "A b"}.
        PD046: workflow "w" cannot be made detail: Step "talk" has "say", which is none of step, finds, answers, enough, needs, wait, keep, policy.
        PD046: workflow "w" cannot be made detail: Step "ask" asks with both finds (a word) and answers (an array of words), or is the task with neither.
        PD046: workflow "w" cannot be made detail: Step "ask" asks with both finds (a word) and answers (an array of words), or is the task with neither.
        PD046: workflow "w" cannot be made detail: What is enough for step "ask" is one or more of its answers.
        PD046: workflow "w" cannot be made detail: Step "talk" needs an object of what earlier steps find and arrays of their answers.
        PD046: workflow "w" cannot be made detail: Step "ask" has a wait of 0 to 30 days and a keep of more than 0, such as "30 seconds" and "90 days".
        PD046: workflow "w" cannot be made detail: Step "ask" has a wait of 0 to 30 days and a keep of more than 0, such as "30 seconds" and "90 days".
        PD046: workflow "w" cannot be made detail: Step "ask" has a wait of 0 to 30 days and a keep of more than 0, such as "30 seconds" and "90 days".
        PD046: workflow "w" cannot be made detail: Two steps are named "talk"."#]].assert_eq(&said.join("\n"));
    dialer
        .check_refusal(
            "select dialer.use_workflow('spring', 'nothing')",
            expect![[r#"
        PD046: workflow "nothing" does not exist
        detail: Known are: preclassify.
        hint: Add it with dialer.create_workflow."#]],
        )
        .await;
}

/// A question asked half an hour apart, three times; its task by a ladder of its own.
const OWN_LADDERS: &str = r#"
    select dialer.create_redial_policy('asking', '{0,30 min}', max_lifetime => 3, ladder_scope => 'lifetime'),
           dialer.create_redial_policy('doing', '{0,5 min,1 h}', max_lifetime => 4, ladder_scope => 'lifetime', outcome_waits => '{"busy": "2 min"}',
               final_outcomes => '{sale,dnc,invalid_number,blocked,voicemail}');
    select dialer.create_workflow('own', '[
        {"step": "classify", "finds": "classification", "answers": ["human", "ivr_only"], "wait": "30 seconds", "policy": "asking"},
        {"step": "talk", "policy": "doing"}]');
    select dialer.use_workflow('spring', 'own')"#;

const TRIES: &str = "select w.step, w.workflow_state, w.retry_count, w.max_retries, w.next_action_at::time, w.failure_reason,
    (select detail from dialer.explain(w.call_id) where gate = 'lifetime') from dialer.workflow_state w where call_id = 1";

// R071, R077, R080, R134: each step by its own ladder, and as often as its own policy says.
#[tokio::test]
async fn each_step_has_its_own_ladder_and_tries() {
    let dialer = Dialer::open().await;
    dialer.run(OWN_LADDERS).await;
    dialer.people(1).await;
    let mut said = String::new();
    for (at, end_) in [
        ("12:00", r#"{"outcome": "no_answer"}"#),
        ("12:30", r#"{"outcome": "completed", "classification": "ivr_only"}"#),
        ("12:31", r#"{"outcome": "busy"}"#),
        ("12:33", r#"{"outcome": "no_answer"}"#),
        ("13:33", r#"{"outcome": "no_answer"}"#),
        ("14:33", r#"{"outcome": "no_answer"}"#),
    ] {
        dialer.clock(&format!("2026-12-04 {at}")).await;
        assert_eq!(dialer.place().await, "1", "{at}");
        end(&dialer, end_).await;
        said += &format!("{at}: {}\n", dialer.rows(TRIES).await);
    }
    expect![[r#"
        12:00: classify | retry_pending | 1 | 3 | 12:30:00 | - | 1 attempts of 3 in step classify, by its policy "asking"
        12:30: talk | classification_pending | 0 | 4 | 12:30:30 | - | 0 attempts of 4 in step talk, by its policy "doing"
        12:31: talk | retry_pending | 1 | 4 | 12:33:00 | - | 1 attempts of 4 in step talk, by its policy "doing"
        12:33: talk | retry_pending | 2 | 4 | 13:33:00 | - | 2 attempts of 4 in step talk, by its policy "doing"
        13:33: talk | retry_pending | 3 | 4 | 14:33:00 | - | 3 attempts of 4 in step talk, by its policy "doing"
        14:33: talk | failed | 4 | 4 | - | Max retries exceeded | 4 attempts of 4 in step talk, by its policy "doing"
    "#]].assert_eq(&said);
    // What ends a call by its step's policy ends it, though the campaign's goes on.
    dialer.run("select dialer.classify_number('2125550102', 'human'); select dialer.schedule_call('spring', '+12125550102', tz => 'America/New_York')").await;
    dialer.place().await;
    end(&dialer, r#"{"outcome": "voicemail"}"#).await;
    dialer
        .check(
            "select state, end_reason from dialer.call where call_id = 2",
            expect!["completed | voicemail"],
        )
        .await;
    dialer.sound().await;
}

// R062: attempts a day are the campaign's, and those of all steps count.
#[tokio::test]
async fn caps_of_the_campaign_count_the_attempts_of_all_steps() {
    let dialer = Dialer::open().await;
    dialer.run(OWN_LADDERS).await;
    dialer.run("select dialer.create_redial_policy('two a day', '{0,1 min}', max_per_day => 2); select dialer.edit_campaign('spring', '{\"policy\": \"two a day\"}')").await;
    dialer.people(1).await;
    dialer.place().await;
    end(&dialer, r#"{"outcome": "completed", "classification": "ivr_only"}"#).await;
    dialer.clock("2026-12-04 12:01").await;
    dialer.check("select * from dialer.attempts_today(1)", expect!["1 | 1"]).await;
    dialer.place().await;
    end(&dialer, r#"{"outcome": "no_answer"}"#).await;
    dialer
        .check(
            "select step, wait_reason, due_at from dialer.call",
            expect!["talk | redial | 2026-12-07 11:00:00-05"],
        )
        .await;
    dialer.check("select * from dialer.attempts_today(1)", expect!["2 | 0"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_step_takes_no_policy_that_is_not_there_or_has_caps() {
    let dialer = Dialer::open().await;
    let with = |policy: &str| {
        format!(
            "select dialer.create_workflow('w', '[{{\"step\": \"talk\", \"policy\": {policy}}}]')"
        )
    };
    dialer.check_refusal(&with("\"redial-8-a-day\""), expect![[r#"
        PD065: redial policy "redial-8-a-day" has caps and cannot be that of a step
        detail: Attempts a day, smallest gap and other caps are the campaign's: they count the attempts of all steps.
        hint: Give the campaign's policy the caps, and the step a ladder and its tries: dialer.create_redial_policy('asking', '{0,30 min}', max_lifetime => 3, ladder_scope => 'lifetime')."#]]).await;
    dialer.check_refusal(&with("\"hourly\""), expect![[r#"
        PD023: redial policy "hourly" does not exist
        detail: Known are: once, once-a-day, once-a-week, queue-backoff, redial-8-a-day, workflow-30min-3.
        hint: Add it with dialer.create_redial_policy."#]]).await;
    dialer.check_refusal(&with("7"), expect![[r#"
        PD046: workflow "w" cannot be made
        detail: Step "talk" has a policy, which is the name of a redial policy.
        hint: Write e.g. [{"step": "classify", "finds": "classification", "answers": ["human", "ivr_only", "ivr_then_human"], "wait": "30 seconds", "keep": "90 days"}, {"step": "talk"}]."#]]).await;
    dialer.run(OWN_LADDERS).await;
    dialer
        .check_refusal(
            "update dialer.redial_policy set max_per_day = 3 where name = 'doing'",
            expect![[r#"
                PD065: redial policy "doing" has caps and cannot be that of a step
                detail: Attempts a day, smallest gap and other caps are the campaign's: they count the attempts of all steps.
                hint: Give the campaign's policy the caps, and the step a ladder and its tries: dialer.create_redial_policy('asking', '{0,30 min}', max_lifetime => 3, ladder_scope => 'lifetime')."#]],
        )
        .await;
    dialer
        .check_refusal(
            "update dialer.workflow_step set policy_id = dialer.policy_named('once-a-day') where name = 'talk' and tenant_id is not null",
            expect![[r#"
                PD065: redial policy "once-a-day" has caps and cannot be that of a step
                detail: Attempts a day, smallest gap and other caps are the campaign's: they count the attempts of all steps.
                hint: Give the campaign's policy the caps, and the step a ladder and its tries: dialer.create_redial_policy('asking', '{0,30 min}', max_lifetime => 3, ladder_scope => 'lifetime')."#]],
        )
        .await;
    dialer.check("select count(*) from dialer.workflow where name = 'w'", expect!["0"]).await;
}

// R134, R142: chosen while calls wait: those that have not begun take their first step, those that have stay one call.
#[tokio::test]
async fn a_workflow_that_is_chosen_late_takes_what_has_not_begun() {
    let dialer = in_steps_later().await;
    dialer
        .check("select * from dialer.use_workflow('spring', 'preclassify')", expect!["3 | 0 | 2"])
        .await;
    dialer
        .check(
            CALLS,
            expect![[r#"
        1 | scheduled | - | redial | 12:30:00 | -
        2 | scheduled | - | redial | 12:30:00 | -
        3 | scheduled | classify | - | 12:00:00 | -
        4 | scheduled | classify | - | 12:00:00 | -
        5 | scheduled | talk | - | 12:00:00 | human"#]],
        )
        .await;
    dialer.clock("2026-12-04 12:30").await;
    dialer.run("select dialer.set_limits('voice', 10)").await;
    assert_eq!(dialer.place().await, "5");
    dialer
        .check(
            "select call_id, step from dialer.lease order by 1",
            expect![[r#"
        1 | -
        2 | -
        3 | classify
        4 | classify
        5 | talk"#]],
        )
        .await;
    // From then on their steps are those of this workflow.
    for other in ["null", "'own'"] {
        dialer
            .check_refusal(
                &format!("select dialer.use_workflow('spring', {other})"),
                expect![[r#"
                    PD046: campaign "spring" has 3 calls that have begun the workflow that it has
                    detail: What they have asked and what comes next are steps of that one.
                    hint: Wait until they have ended, cancel them, or make another campaign."#]],
            )
            .await;
    }
    dialer
        .check("select * from dialer.use_workflow('spring', 'preclassify')", expect!["0 | 0 | 2"])
        .await;
    dialer.sound().await;
}

/// Five calls, of which two have been tried; the number of the last is known.
async fn in_steps_later() -> Dialer {
    let dialer = Dialer::open().await;
    dialer
        .run(
            "update dialer.campaign set policy_id = dialer.policy_named('workflow-30min-3');
             select dialer.create_workflow('own', '[{\"step\": \"classify\", \"finds\": \"classification\", \"answers\": [\"human\", \"ivr_only\"]}]');
             select dialer.classify_number('2125550105', 'human')",
        )
        .await;
    dialer.people(5).await;
    assert_eq!(dialer.place().await, "2");
    dialer.end("no_answer").await;
    dialer
}

#[tokio::test]
async fn a_workflow_is_changed_and_taken_away_before_a_call_has_begun() {
    let dialer = in_steps_later().await;
    for (workflow, said) in [
        ("'preclassify'", expect!["3 | 0 | 2"]),
        ("null", expect!["3 | 0 | 2"]),
        // Of the number that is known nothing is left to ask.
        ("'own'", expect!["3 | 1 | 2"]),
        ("'own'", expect!["2 | 0 | 2"]),
    ] {
        dialer
            .check(&format!("select * from dialer.use_workflow('spring', {workflow})"), said)
            .await;
    }
    dialer
        .check(
            CALLS,
            expect![[r#"
        1 | scheduled | - | redial | 12:30:00 | -
        2 | scheduled | - | redial | 12:30:00 | -
        3 | scheduled | classify | - | 12:00:00 | -
        4 | scheduled | classify | - | 12:00:00 | -
        5 | completed | - | not_needed | 12:00:00 | human"#]],
        )
        .await;
    dialer.sound().await;
}
