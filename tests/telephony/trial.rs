//! A campaign over the exchange, and its judgement by the far end's log.

use crate::far_end::{self, Call};
use crate::peer::Peer;
use dialer_tests::rehearsal::{Plan, Rehearsal};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

/// LIMIT: what has not come to its end by then will not.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long before a cut the report of an end may have been under way.
const REPORT_SECONDS: f64 = 1.0;

pub struct Trial {
    pub rehearsal: Rehearsal,
    pub peer: Peer,
    limit: i32,
}

/// An attempt in our books.
#[derive(Debug)]
struct Attempt {
    id: String,
    number: String,
    outcome: String,
    answered: bool,
}

impl Trial {
    /// An account at the exchange and a running campaign; `None` where there is no exchange.
    pub async fn start(name: &str, limit: i32, settings: Value) -> Option<Trial> {
        let trial = Trial::bare(name, limit).await?;
        let mut all = json!({"endpoint": "PJSIP/{digits}@trunk", "ring_seconds": 5});
        for (setting, value) in settings.as_object().unwrap() {
            all[setting] = value.clone();
        }
        let url = format!("http://{}:8088/ari", trial.peer.ip);
        // Short waits, so that what a fault leaves is settled within the test; and no breaker, which
        // is another test's and would only make this one long.
        trial.rehearsal
            .db
            .batch_execute(&format!(
                "select dialer.create_account('pbx', 'asterisk', {limit}, base_url => '{url}', secret_name => 'REHEARSAL_KEY', settings => '{all}');
                 update dialer.provider_account set lease_seconds = 3, answer_seconds = 2, ring_seconds = 6, call_seconds_max = 12, grace_seconds = 2,
                     breaker_failures = 1000;
                 insert into dialer.redial_policy (tenant_id, name, ladder, ladder_scope, max_lifetime, final_outcomes, technical_ladder, technical_max)
                     select 1, 'once and again', ladder, ladder_scope, max_lifetime, final_outcomes, '{{1 s}}', 2 from dialer.redial_policy where name = 'once';
                 select dialer.create_campaign('calls', 'pbx', '24/7', tz => 'UTC', policy => 'once and again'); select dialer.start_campaign('calls')"
            ))
            .await
            .unwrap();
        Some(trial)
    }

    /// An exchange and a database with nothing in it.
    pub async fn bare(name: &str, limit: i32) -> Option<Trial> {
        let peer = Peer::start(name)?;
        let plan = Plan {
            begins: "2026-12-04T15:30:00Z".parse().unwrap(),
            rate: 1.0,
            max_concurrent: limit.cast_unsigned(),
            sandbox_flags: Vec::new(),
        };
        let rehearsal = Rehearsal::start(&format!("telephony_{name}"), plan).await.unwrap();
        Some(Trial { rehearsal, peer, limit })
    }

    /// Plans a call to each number, whose last two digits say what it does.
    pub async fn call(&self, area_codes: &[u16], endings: &[u8]) {
        let mut numbers = Vec::new();
        for ending in endings {
            for area in area_codes {
                numbers.push(format!("+1{area}55501{ending:02}"));
            }
        }
        const SQL: &str =
            "select dialer.schedule_call('calls', n, tz => 'UTC') from unnest($1::text[]) n";
        self.rehearsal.db.execute(SQL, &[&numbers]).await.unwrap();
    }

    /// Until a question about the database is answered with true.
    pub async fn until(&self, question: &str) {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if self.rehearsal.db.query_one(question, &[]).await.unwrap().get(0) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("still not so: {question}; see {}", self.rehearsal.dir.display());
    }

    pub async fn until_attempts(&self, count: usize) {
        self.until(&format!("select count(*) >= {count} from dialer.attempt")).await;
    }

    pub async fn until_over(&self) {
        self.until("select bool_and(ended_at is not null) from dialer.call").await;
    }

    pub fn calls(&self) -> Vec<Call> {
        far_end::calls(&self.peer.log())
    }

    async fn attempts(&self) -> Vec<Attempt> {
        const SQL: &str = "select a.attempt_id::text, e.address, a.outcome::text, a.answered_at is not null \
            from dialer.attempt a join dialer.endpoint e using (endpoint_id)";
        let rows = self.rehearsal.db.query(SQL, &[]).await.unwrap();
        let attempt = |row: &tokio_postgres::Row| Attempt {
            id: row.get(0),
            number: row.get::<_, String>(1).trim_start_matches('+').to_owned(),
            outcome: row.get(2),
            answered: row.get(3),
        };
        rows.iter().map(attempt).collect()
    }

    /// Compares our books with the far end's log, call by call. At `cuts` the exchange was killed:
    /// nobody knows how the calls of that instant ended. `lost` attempts at most may be unknown
    /// without having rung, because whoever was asking died. Returns how many rang.
    pub async fn judge(&self, cuts: &[f64], lost: usize) -> usize {
        let calls = self.calls();
        let mut rung: HashMap<&str, &Call> = HashMap::new();
        let mut findings = Vec::new();
        for call in &calls {
            if rung.insert(&call.attempt, call).is_some() {
                findings.push(format!("attempt {} rang twice", call.attempt));
            }
        }
        let mut unheard = 0;
        for attempt in self.attempts().await {
            match rung.remove(attempt.id.as_str()) {
                Some(call) => findings.extend(compare(&attempt, call, cuts)),
                None if attempt.outcome == "unknown" => unheard += 1,
                None => findings.push(format!("nothing rang for {attempt:?}")),
            }
        }
        findings.extend(rung.values().map(|call| format!("nobody knows of {call:?}")));
        if unheard > lost {
            findings.push(format!("{unheard} attempts are unknown and rang nowhere"));
        }
        let most = far_end::most_at_once(&calls, cuts);
        if most > self.limit {
            findings.push(format!("{most} calls at once, where {} are allowed", self.limit));
        }
        let broken = "select count(*) from dialer.invariant_violation";
        let broken: i64 = self.rehearsal.db.query_one(broken, &[]).await.unwrap().get(0);
        findings.extend((broken > 0).then(|| format!("{broken} rows break an invariant")));
        assert!(
            findings.is_empty(),
            "{} findings, logs in {}:\n{}",
            findings.len(),
            self.rehearsal.dir.display(),
            findings.join("\n")
        );
        calls.len()
    }

    /// How many attempts had which outcome, for the reader of the test's output.
    pub async fn tell(&self, what: &str, cuts: &[f64], since: Instant) {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for attempt in self.attempts().await {
            *counts.entry(attempt.outcome).or_default() += 1;
        }
        let most = far_end::most_at_once(&self.calls(), cuts);
        println!(
            "{what}: {counts:?}, at most {most} at once, {:.1} s",
            since.elapsed().as_secs_f64()
        );
    }
}

/// What is wrong about an attempt that rang.
fn compare(attempt: &Attempt, call: &Call, cuts: &[f64]) -> Option<String> {
    let end = call.end.map_or(f64::INFINITY, |(at, _)| at);
    let was_cut = far_end::cut_of(call, cuts).is_some_and(|cut| end > cut - REPORT_SECONDS);
    let fits = attempt.outcome == call.outcome() && attempt.answered == call.answered
        || was_cut && attempt.outcome == "unknown";
    let fits = fits && attempt.number == call.number;
    (!fits).then(|| format!("{attempt:?} was {}: {call:?}", call.outcome()))
}
