//! The world of one seed: a database with a clock that only we move, two dispatchers that may die
//! between any two steps, a provider, and an operator who meddles.

use crate::chance::Chance;
use crate::provider::{Provider, Request};
use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use dialer_tests::rehearsal::{connect, create_database};
use serde_json::Value;
use std::collections::HashMap;
use tokio_postgres::Client;
use uuid::Uuid;

/// Before the clocks go forward in the United States.
const BEGINS: &str = "2027-03-11T14:00:00Z";
const PEOPLE: usize = 40;
const ZONES: [Tz; 4] = [
    chrono_tz::America::New_York,
    chrono_tz::America::Denver,
    chrono_tz::America::Phoenix,
    chrono_tz::Pacific::Honolulu,
];

/// An attempt in a dispatcher's hand, which is gone when the dispatcher dies.
#[derive(Clone)]
struct InHand {
    attempt_id: Uuid,
    token: i64,
    number: String,
    campaign: i64,
    place_at: DateTime<Utc>,
    place_by: DateTime<Utc>,
    intended: bool,
}

pub struct World {
    db: Client,
    chance: Chance,
    now: DateTime<Utc>,
    provider: Provider,
    hands: [Vec<InHand>; 2],
    zones: HashMap<String, Tz>,
    /// The highest limit so far: calls in flight outlive a limit that is lowered.
    limit_max: i32,
}

impl World {
    pub async fn new(seed: u64) -> World {
        let (_, url) = create_database(&format!("sim_{seed}")).await.unwrap();
        let now = BEGINS.parse().unwrap();
        let mut world = World {
            db: connect(&url).await.unwrap(),
            chance: Chance::new(seed),
            now,
            provider: Provider::default(),
            hands: [Vec::new(), Vec::new()],
            zones: HashMap::new(),
            limit_max: 3,
        };
        world.pass(0).await;
        world
            .run("select dialer.create_account('voice', 'sandbox', 3);
                  update dialer.provider_account set call_seconds_max = 300, grace_seconds = 60; select dialer.create_campaign('spring', 'voice', 'Mo-Fr 11:00-20:00');
                  select dialer.create_campaign('summer', 'voice', 'Mo-Fr 11:00-20:00', priority => 7);
                  select dialer.start_campaign('spring'), dialer.start_campaign('summer')")
            .await;
        for index in 0..PEOPLE {
            let (number, zone) =
                (format!("+1212555{:04}", 100 + index), ZONES[index % ZONES.len()]);
            for campaign in ["spring", "summer"] {
                world
                    .run(&format!(
                        "select dialer.schedule_call('{campaign}', '{number}', tz => '{}')",
                        zone.name()
                    ))
                    .await;
            }
            world.zones.insert(number, zone);
        }
        world
    }

    async fn run(&self, sql: &str) {
        self.db.batch_execute(sql).await.unwrap_or_else(|error| panic!("{error:?} in {sql}"));
    }

    async fn pass(&mut self, seconds: i64) {
        self.now += Duration::seconds(seconds);
        self.run(&format!("set dialer.clock = '{}'", self.now.to_rfc3339())).await;
    }

    /// One thing happens; returns what.
    pub async fn step(&mut self) -> &'static str {
        match self.chance.below(100) {
            0..40 => self.dispatch().await,
            40..60 => {
                self.provider.progress(&mut self.chance, self.now);
                "the provider goes on"
            }
            60..72 => self.deliver().await,
            72..85 => self.time_passes().await,
            85..90 => self.reconcile().await,
            90..93 => {
                self.run("select dialer.tick()").await;
                "tick"
            }
            93..97 => {
                let dispatcher = self.chance.below(2);
                self.hands[dispatcher].clear();
                "a dispatcher dies"
            }
            _ => self.meddle().await,
        }
    }

    async fn time_passes(&mut self) -> &'static str {
        if self.chance.happens(15) {
            let row =
                self.db.query_one("select wake_at from dialer.next_wake('d')", &[]).await.unwrap();
            if let Some(wake) =
                row.get::<_, Option<DateTime<Utc>>>(0).filter(|wake| *wake > self.now)
            {
                let seconds = (wake - self.now).num_seconds() + 1;
                self.pass(seconds).await;
                return "the clock goes to the next wake";
            }
        }
        // Mostly little while something is in hand, so that most leases live to be used.
        let idle = self.hands.iter().all(Vec::is_empty) || self.chance.happens(10);
        let seconds = *self.chance.pick(if idle {
            &[5, 20, 60, 120, 600, 3600]
        } else {
            &[0, 1, 1, 2, 3, 5]
        });
        self.pass(seconds).await;
        "time passes"
    }

    async fn dispatch(&mut self) -> &'static str {
        let dispatcher = self.chance.below(2);
        let ready: Vec<usize> = (0..self.hands[dispatcher].len())
            .filter(|place| self.hands[dispatcher][*place].place_at <= self.now)
            .collect();
        if ready.is_empty() || self.chance.happens(25) {
            return self.claim(dispatcher).await;
        }
        let place = *self.chance.pick(&ready);
        if self.hands[dispatcher][place].intended {
            self.send(dispatcher, place).await
        } else {
            self.intend(dispatcher, place).await
        }
    }

    async fn claim(&mut self, dispatcher: usize) -> &'static str {
        let want = i32::try_from(self.chance.below(4)).unwrap();
        let rows = self
            .db
            .query(
                "select attempt_id, token, address, campaign_id, place_at, place_by from dialer.claim($1, $2)",
                &[&format!("d{dispatcher}"), &want],
            )
            .await
            .unwrap();
        self.hands[dispatcher].extend(rows.iter().map(|row| InHand {
            attempt_id: row.get(0),
            token: row.get(1),
            number: row.get(2),
            campaign: row.get(3),
            place_at: row.get(4),
            place_by: row.get(5),
            intended: false,
        }));
        "claim"
    }

    async fn intend(&mut self, dispatcher: usize, place: usize) -> &'static str {
        let attempt = self.hands[dispatcher][place].clone();
        let row = self
            .db
            .query_one(
                "select allowed from dialer.intend($1, $2, $3)",
                &[&format!("d{dispatcher}"), &vec![attempt.attempt_id], &vec![attempt.token]],
            )
            .await
            .unwrap();
        if row.get(0) {
            self.hands[dispatcher][place].intended = true;
            "intend"
        } else {
            self.hands[dispatcher].remove(place);
            "an intention is refused"
        }
    }

    /// The request goes out, unless it is too late; its answer may be lost.
    async fn send(&mut self, dispatcher: usize, place: usize) -> &'static str {
        let attempt = self.hands[dispatcher].remove(place);
        let (ids, tokens) = (vec![attempt.attempt_id], vec![attempt.token]);
        if self.now >= attempt.place_by || self.chance.happens(5) {
            self.db
                .query("select dialer.release($1, $2, array['not_sent'])", &[&ids, &tokens])
                .await
                .unwrap();
            return "a dispatcher gives up";
        }
        let zone = self.zones[&attempt.number];
        let limit = usize::try_from(self.limit_max).unwrap();
        let id = attempt.attempt_id.to_string();
        let request =
            Request { number: &attempt.number, campaign: attempt.campaign, attempt_id: &id };
        let call = self.provider.accept(&request, zone, self.now, limit);
        match self.chance.below(10) {
            0 => "the answer is lost and the dispatcher dies",
            1 => {
                self.db
                    .query(
                        "select dialer.mark_unknown($1, $2, array['time-out'])",
                        &[&ids, &tokens],
                    )
                    .await
                    .unwrap();
                "the answer is lost"
            }
            _ => {
                self.db
                    .query("select dialer.mark_placed($1, $2, $3)", &[&ids, &tokens, &vec![call]])
                    .await
                    .unwrap();
                "placed"
            }
        }
    }

    async fn deliver(&mut self) -> &'static str {
        let events = self.provider.delivered(&mut self.chance, self.now);
        self.ingest(events).await;
        "events arrive"
    }

    async fn ingest(&mut self, events: Vec<Value>) {
        let told: Vec<String> = events
            .iter()
            .filter(|event| event["kind"] == "ended")
            .filter_map(|event| event["attempt_id"].as_str().map(str::to_owned))
            .collect();
        self.db
            .query("select result from dialer.ingest_event(1, $1)", &[&Value::Array(events)])
            .await
            .unwrap_or_else(|error| panic!("{error:?}"));
        for attempt in told {
            if let Some(number) = self.provider.told(&attempt) {
                self.forbid(&number);
            }
        }
    }

    async fn reconcile(&mut self) -> &'static str {
        let rows = self
            .db
            .query("select attempt_id::text from dialer.silent_attempts('d', 10)", &[])
            .await
            .unwrap();
        let found = rows.iter().filter_map(|row| self.provider.look_up(row.get(0))).collect();
        self.ingest(found).await;
        "look-up"
    }

    async fn meddle(&mut self) -> &'static str {
        let person = format!("+1212555{:04}", 100 + self.chance.below(PEOPLE));
        match self.chance.below(16) {
            0 => {
                self.run(&format!("select dialer.add_do_not_call('{person}')")).await;
                self.forbid(&person);
                "do not call"
            }
            1 => {
                self.run("select dialer.pause_campaign('spring')").await;
                "pause"
            }
            2 | 3 | 7..=13 => {
                self.run("select dialer.start_campaign('spring')").await;
                "resume"
            }
            4 => {
                let limit = *self.chance.pick(&[0, 2, 3, 4, 6]);
                self.limit_max = self.limit_max.max(limit);
                self.run(&format!("select dialer.set_limits('voice', {limit})")).await;
                "another limit"
            }
            5 => {
                self.run("update dialer.calendar set hours = (case hours::text when 'Mo-Fr 11:00-20:00' then 'Mo-Fr 12:00-18:00' else 'Mo-Fr 11:00-20:00' end)::dialer.hours").await;
                "other hours"
            }
            6 => {
                self.run("select dialer.move_waiting(array[call_id], array[dialer.now() + interval '1 hour'], 'rescheduled') from dialer.call where state = 'scheduled' and due_at < 'infinity' order by call_id limit 1").await;
                "a call is moved"
            }
            _ => {
                self.run("select dialer.add_closures(null, array[(dialer.now() + interval '1 day')::date])").await;
                "a holiday"
            }
        }
    }

    /// What was intended before the entry may still go out; nothing after it.
    fn forbid(&mut self, number: &str) {
        let under_way =
            self.hands.iter().flatten().any(|attempt| attempt.number == number && attempt.intended);
        if !under_way {
            self.provider.forbid(number);
        }
    }

    /// Panics if an invariant is broken.
    pub async fn check(&self, story: &str) {
        let broken = self
            .db
            .query("select invariant, detail, call_id from dialer.invariant_violation", &[])
            .await
            .unwrap();
        let told: Vec<String> = broken
            .iter()
            .map(|row| {
                format!(
                    "invariant {}: {} (call {:?})",
                    row.get::<_, i32>(0),
                    row.get::<_, String>(1),
                    row.get::<_, Option<i64>>(2)
                )
            })
            .collect();
        assert!(told.is_empty(), "{story}\n{}", told.join("\n"));
    }

    pub async fn summary(&self) -> String {
        let row = self
            .db
            .query_one("select count(*), count(*) filter (where ended_at is not null), (select count(*) from dialer.attempt) from dialer.call", &[])
            .await
            .unwrap();
        format!(
            "{} calls planned, {} ended, {} attempts, the provider saw {}, at most {} at once, until {}",
            row.get::<_, i64>(0),
            row.get::<_, i64>(1),
            row.get::<_, i64>(2),
            self.provider.accepted,
            self.provider.peak,
            self.now
        )
    }
}
