//! Calls in two steps through the whole chain: what the first call found out comes by webhook or
//! look-up, and half a minute later the second one does the task. The provider's own list of its
//! calls is the witness of who was called, by which assistant and when.

use crate::ONE_AT_A_TIME;
use crate::day::{begin, number, until};
use chrono::{DateTime, TimeDelta, Utc};
use dialer_tests::rehearsal::{Rehearsal, SECRETS};
use serde_json::{Value, json};

/// Simulated seconds in a real one: the wait of thirty takes three.
const RATE: f64 = 10.0;
const WAIT: TimeDelta = TimeDelta::seconds(30);

const MENU: &str = "+12125550101";
const HUMAN: &str = "+12125550102";
const NOBODY: &str = "+12125550103";
/// Its webhooks never come.
const SILENT: &str = "+12125550104";
const KNOWN: &str = "+12125550105";

const CAMPAIGN: &str = r#"
    select dialer.create_redial_policy('asking', '{0,20 s}', max_lifetime => 3, ladder_scope => 'lifetime'),
           dialer.create_redial_policy('doing', '{0,20 s}', max_lifetime => 3, ladder_scope => 'lifetime');
    select dialer.create_workflow('exams', '[
        {"step": "classify", "finds": "classification", "answers": ["human", "ivr_only", "ivr_then_human"], "enough": ["human"], "wait": "30 seconds", "keep": "90 days", "policy": "asking"},
        {"step": "talk", "policy": "doing"}]');
    select dialer.create_campaign('exams', 'vapi', '24/7', tz => 'UTC', policy => 'workflow-30min-3',
        settings => '{"assistant_id": "task", "steps": {"classify": {"assistant_id": "probe"}}}');
    select dialer.use_workflow('exams', 'exams');
    select dialer.classify_number('+12125550105', 'ivr_then_human');
    select dialer.schedule_call('exams', '+1212555010' || i, tz => 'America/New_York') from generate_series(1, 5) i;
    select dialer.start_campaign('exams')"#;

/// A call as the provider lists it.
struct Made {
    number: String,
    assistant: String,
    created_at: DateTime<Utc>,
    ended_at: DateTime<Utc>,
}

// R105, R122, R126, R127, R128, R129, R131, R134, D9
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_is_asked_and_called_for_its_task_half_a_minute_later() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let mut rehearsal = prepared().await;
    let dispatcher = rehearsal.start_dispatcher().await.unwrap();
    // It dies while it asks, and again in the wait.
    until(&rehearsal, "select count(*) > 0 from dialer.lease where placed_at is not null").await;
    rehearsal.kill_dispatcher(dispatcher).unwrap();
    rehearsal.revive_dispatcher(dispatcher).await.unwrap();
    until(&rehearsal, "select count(*) > 0 from dialer.call where wait_reason = 'next_step'").await;
    rehearsal.kill_dispatcher(dispatcher).unwrap();
    rehearsal.revive_dispatcher(dispatcher).await.unwrap();
    until(&rehearsal, "select bool_and(ended_at is not null) from dialer.call").await;
    let made = listed(&rehearsal).await;
    let assistants = |wanted: &str| -> Vec<&str> {
        let calls = made.iter().filter(|call| call.number == wanted);
        calls.map(|call| call.assistant.as_str()).collect()
    };
    for asked in [MENU, HUMAN, SILENT] {
        assert_eq!(assistants(asked), ["probe", "task"], "{asked}");
    }
    // What was intended and never sent when the dispatcher died counts as a try.
    let lost = "select count(*) from dialer.attempt join dialer.endpoint using (endpoint_id) where outcome = 'unknown' and address = '+12125550103'";
    let asked = 3 - usize::try_from(number(&rehearsal, lost).await).unwrap();
    assert_eq!(assistants(NOBODY), vec!["probe"; asked]);
    assert_eq!(assistants(KNOWN), ["task"]);
    waited(&made);
    noted(&rehearsal).await;
}

/// An account at a provider that finds out what each number is; one number's webhooks are lost.
async fn prepared() -> Rehearsal {
    let mixes = [
        (MENU, "customer-ended-call:ivr_only=1"),
        (HUMAN, "customer-ended-call:human=1"),
        (NOBODY, "customer-did-not-answer=1"),
        (SILENT, "customer-ended-call:ivr_then_human=1"),
        (KNOWN, "customer-ended-call=1"),
    ];
    let mixes: Vec<String> = mixes.iter().map(|(number, mix)| format!("{number}={mix}")).collect();
    let mut flags = vec!["--ring", "2..3", "--unanswered-ring", "3..4", "--talk", "5..8"];
    flags.extend(mixes.iter().flat_map(|mix| ["--mix-for", mix.as_str()]));
    let rehearsal = begin("workflow", RATE, &flags).await;
    rehearsal.set_faults(&json!({"numbers": {SILENT: {"lost_webhook": 1.0}}})).await.unwrap();
    let settings = json!({"assistant_id": "task", "phone_number_id": "p"});
    let account = "select dialer.create_account('vapi', 'vapi', 5, null, 'voice', $1, 'REHEARSAL_KEY', 'REHEARSAL_HOOK', $2)";
    rehearsal.db.execute(account, &[&rehearsal.sandbox_url(""), &settings]).await.unwrap();
    let short = "update dialer.provider_account set ring_seconds = 20, call_seconds_max = 20, answer_seconds = 1, grace_seconds = 5, lease_seconds = 2";
    rehearsal.db.batch_execute(short).await.unwrap();
    rehearsal.db.batch_execute(CAMPAIGN).await.unwrap();
    rehearsal
}

async fn listed(rehearsal: &Rehearsal) -> Vec<Made> {
    let request = rehearsal.http.get(rehearsal.sandbox_url("/call?limit=1000"));
    let answer = request.bearer_auth(SECRETS[0]).send().await.unwrap();
    let calls: Vec<Value> = answer.error_for_status().unwrap().json().await.unwrap();
    let text = |call: &Value, pointer: &str| {
        call.pointer(pointer).and_then(Value::as_str).unwrap().to_owned()
    };
    let mut made: Vec<Made> = calls
        .iter()
        .map(|call| Made {
            number: text(call, "/customer/number"),
            assistant: text(call, "/assistantId"),
            created_at: text(call, "/createdAt").parse().unwrap(),
            ended_at: text(call, "/endedAt").parse().unwrap(),
        })
        .collect();
    made.sort_by_key(|call| call.created_at);
    made
}

/// Never before the wait is over, and soon after it where the provider reported at once.
fn waited(made: &[Made]) {
    for wanted in [MENU, HUMAN, SILENT] {
        let [first, second] = made
            .iter()
            .filter(|call| call.number == wanted)
            .collect::<Vec<_>>()
            .try_into()
            .unwrap_or_else(|_| panic!("{wanted} was not called twice"));
        let wait: TimeDelta = second.created_at - first.ended_at;
        assert!(wait >= WAIT, "{wanted} waited {wait}");
    }
    let reported = made.iter().filter(|call| call.number == HUMAN).collect::<Vec<_>>();
    let wait = reported[1].created_at - reported[0].ended_at;
    // Whoever revives a dispatcher needs some real seconds.
    assert!(wait < WAIT * 5, "{HUMAN} waited {wait}");
}

/// What was found out is kept, and every call ended as it should.
async fn noted(rehearsal: &Rehearsal) {
    let rows = rehearsal
        .db
        .query(
            "select e.address, k.result, c.state::text, c.end_reason, (select string_agg(a.step, ' ' order by a.dialled_at) from dialer.attempt a where a.call_id = c.call_id and (a.outcome <> 'unknown' or c.state = 'failed'))
             from dialer.call c join dialer.endpoint e using (endpoint_id) left join dialer.classification k on k.address = e.address order by 1",
            &[],
        )
        .await
        .unwrap();
    let told: Vec<String> = rows
        .iter()
        .map(|row| {
            let words: Vec<Option<String>> = (0..5).map(|column| row.get(column)).collect();
            words.into_iter().map(|word| word.unwrap_or("-".into())).collect::<Vec<_>>().join(" | ")
        })
        .collect();
    assert_eq!(
        told,
        [
            "+12125550101 | ivr_only | completed | completed | classify talk",
            "+12125550102 | human | completed | completed | classify talk",
            "+12125550103 | - | failed | classification_failed | classify classify classify",
            "+12125550104 | ivr_then_human | completed | completed | classify talk",
            "+12125550105 | ivr_then_human | completed | completed | talk",
        ],
        "see {}",
        rehearsal.dir.display()
    );
    let summary = rehearsal.sandbox_summary().await.unwrap();
    for offence in ["doubled_attempts", "two_live_calls_to_one_number"] {
        assert_eq!(summary[offence], 0, "{offence}");
    }
    // One of the answers could only be looked up.
    let looked_up = "select count(*) from dialer.provider_event where source = 'look_up'";
    assert!(number(rehearsal, looked_up).await > 0, "nothing was looked up");
    assert_eq!(number(rehearsal, "select count(*) from dialer.invariant_violation").await, 0);
}
