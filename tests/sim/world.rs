//! The world of one seed: a database with a clock that only we move, dispatchers that may die
//! between any two steps, a provider, and people who meddle.

use crate::chance::Chance;
use crate::dispatcher::{Claimed, Dispatcher, Habit, InHand, told};
use crate::lawmaker;
use crate::operator::{self, Decision, ZONES};
use crate::provider::{CALL_SECONDS_MAX, DAY_MAX, GAP_SECONDS, Provider, Request};
use crate::truth::{Campaign, Effect, Holder, Home, Planned, Truth, Verdict};
use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use dialer_tests::rehearsal::{connect, create_database};
use serde_json::Value;
use std::rc::Rc;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

/// Before the clocks change in the United States, in spring and in autumn.
const BEGINS: [&str; 2] = ["2027-03-11T14:00:00Z", "2027-11-04T14:00:00Z"];
const DISPATCHERS: usize = 3;
pub const CAMPAIGNS: [(&str, i32); 3] = [("spring", 1), ("summer", 1), ("autumn", 2)];

/// How it is said that a change cannot be made, because what it changes has changed.
pub const NO_MUTANT: &str = "the mutant no longer applies";

/// A change of what is installed.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    Statement(&'static str),
    /// Of an exact part of a function, which must be there once.
    Function {
        name: &'static str,
        sound: &'static str,
        broken: &'static str,
    },
}

/// What a world is about. All but the wide one are quiet: nobody meddles, nobody buys, and few
/// people are called again and again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Focus {
    Wide,
    Days,
    Tenant,
    Campaign,
    Callers,
    Reserve,
    Rate,
    /// People forbid, sell and let expire what is just being placed.
    Minds,
    /// Calls that expire in some seconds, and nothing else.
    Expiry,
    /// Calls are banned, capped over all campaigns, and people move.
    Rules,
    /// Calling laws by where people are, and who is excepted from them.
    Law,
}

/// What differs between worlds.
#[derive(Clone)]
pub struct Plan {
    pub seed: u64,
    /// Ends the database's name.
    pub name: String,
    /// Changes of what is installed.
    pub defects: Vec<Change>,
    pub habit: Habit,
    pub focus: Focus,
}

pub struct World {
    url: String,
    pub(crate) chance: Chance,
    pub(crate) now: DateTime<Utc>,
    pub(crate) truth: Truth,
    pub(crate) provider: Provider,
    pub(crate) dispatchers: Vec<Dispatcher>,
    /// Sees what is committed, and nothing else.
    pub(crate) judge: Client,
    /// Asks for broken invariants, after every step.
    question: Statement,
    pub(crate) people: Client,
    pub(crate) habit: Habit,
    pub(crate) focus: Focus,
    /// Claims and dispatchers so far.
    pub(crate) claims: usize,
    /// Claims in a row that found nothing.
    pub(crate) fruitless: usize,
    born: usize,
}

impl World {
    pub async fn new(plan: &Plan) -> Verdict<World> {
        let (_, url) = create_database(&format!("sim_{}", plan.name)).await.unwrap();
        let mut chance = Chance::new(plan.seed);
        let people = match plan.focus {
            Focus::Wide => *chance.pick(&[6, 10, 24]),
            Focus::Days => 2,
            Focus::Rate | Focus::Expiry => 24,
            Focus::Law => 12,
            _ => 10,
        };
        let judge = connect(&url).await.unwrap();
        let question = "select invariant, detail, call_id from dialer.invariant_violation";
        let mut world = World {
            question: judge.prepare(question).await.unwrap(),
            now: chance.pick(&BEGINS).parse().unwrap(),
            chance,
            truth: Truth::default(),
            provider: Provider::default(),
            dispatchers: Vec::new(),
            judge,
            people: connect(&url).await.unwrap(),
            habit: plan.habit,
            focus: plan.focus,
            claims: 0,
            fruitless: 0,
            born: 0,
            url,
        };
        for _ in 0..DISPATCHERS {
            let dispatcher = world.fresh_dispatcher().await;
            world.dispatchers.push(dispatcher);
        }
        for change in &plan.defects {
            world.spoil(change).await?;
        }
        world.pass(0).await?;
        world.set_up(people).await?;
        Ok(world)
    }

    /// Makes the database worse.
    async fn spoil(&mut self, change: &Change) -> Verdict<()> {
        let sql = match change {
            Change::Statement(sql) => (*sql).to_owned(),
            Change::Function { name, sound, broken } => {
                let sql = "select pg_get_functiondef(p.oid) from pg_proc p where p.pronamespace = 'dialer'::regnamespace and p.proname = $1";
                let source: String = self.judge.query_one(sql, &[name]).await.unwrap().get(0);
                let found = source.matches(sound).count();
                if found != 1 {
                    return Err(format!("{NO_MUTANT}: {name} has {found} of {sound:?}"));
                }
                source.replace(sound, broken)
            }
        };
        self.say(&sql).await.map_err(|error| format!("{NO_MUTANT}: {error}"))
    }

    async fn set_up(&mut self, people: usize) -> Verdict<()> {
        self.say(&format!("
            select dialer.create_account('voice', 'sandbox', 3), dialer.create_account('second', 'sandbox', 2);
            update dialer.provider_account set ring_seconds = 30, call_seconds_max = {CALL_SECONDS_MAX}, grace_seconds = 60, place_margin_ms = 2000;
            select dialer.create_redial_policy('sim', '{{0,1 min,2 min}}', max_per_day => {DAY_MAX}, min_gap => '{GAP_SECONDS} s')")).await?;
        for (index, (name, account)) in CAMPAIGNS.into_iter().enumerate() {
            let account_name = operator::ACCOUNTS[usize::try_from(account - 1).unwrap()];
            self.say(&format!("
                select dialer.create_campaign('{name}', '{account_name}', 'Mo-Fr 11:00-20:00', policy => 'sim', priority => {});
                update dialer.calendar set tz = 'America/New_York' where name = 'campaign {name}'; select dialer.start_campaign('{name}')", 4 + index)).await?;
            let (running, over, fixed) = (true, false, false);
            let campaign = Campaign { name, running, over, opens: 11, closes: 20, fixed };
            self.truth.campaigns.insert(i64::try_from(index + 1).unwrap(), campaign);
        }
        self.say(&format!("select dialer.use_workflow('{}', 'preclassify')", CAMPAIGNS[0].0))
            .await?;
        self.truth.limits = [(Holder::Account(1), 3), (Holder::Account(2), 2)].into();
        self.truth.rates = vec![(self.now, 1, None), (self.now, 2, None)];
        for index in 0..people {
            let zone = match self.focus {
                Focus::Days => chrono_tz::Pacific::Honolulu,
                _ => ZONES[index % ZONES.len()],
            };
            self.join(zone).await?;
        }
        self.look_at_the_focus().await
    }

    async fn look_at_the_focus(&mut self) -> Verdict<()> {
        self.provider.quiet = self.focus != Focus::Wide;
        self.provider.dawdling = self.focus == Focus::Expiry;
        let (sql, effect) = match self.focus {
            Focus::Wide | Focus::Days | Focus::Minds => return Ok(()),
            Focus::Law => return self.legislate().await,
            // A moment at which all zones are open.
            Focus::Expiry => {
                self.say(
                    "update dialer.provider_account set place_margin_ms = 9000, lease_seconds = 60",
                )
                .await?;
                return self.pass(8 * 3_600_000).await;
            }
            Focus::Reserve => (
                "update dialer.provider_account set inbound_reserve = 1 where name = 'voice'",
                Effect::Limit(Holder::Account(1), Some(2)),
            ),
            Focus::Tenant => (
                "select dialer.set_tenant_limits('default', 2)",
                Effect::Limit(Holder::Tenant, Some(2)),
            ),
            Focus::Campaign => (
                "update dialer.campaign set max_concurrent = 1 where name = 'spring'",
                Effect::Limit(Holder::Campaign(1), Some(1)),
            ),
            Focus::Callers => (
                "select dialer.add_caller_id('voice', '+12125550001', 1)",
                Effect::Limit(Holder::Caller("+12125550001".to_owned()), Some(1)),
            ),
            Focus::Rate => ("select dialer.set_limits('voice', 6, 5)", Effect::Rate(1, Some(5.0))),
            Focus::Rules => (
                "select dialer.set_tenant_cap('hour', 2, 'rolling', 3600)",
                Effect::Hourly(Some(2)),
            ),
        };
        self.say(sql).await?;
        self.truth.apply(effect, self.now);
        if self.focus == Focus::Rate {
            self.truth.apply(Effect::Limit(Holder::Account(1), Some(6)), self.now);
        }
        Ok(())
    }

    /// A person whom all campaigns want to call.
    async fn join(&mut self, zone: Tz) -> Verdict<&'static str> {
        let nth = self.truth.homes.len();
        let (number, home) = match self.focus {
            Focus::Law => (lawmaker::number(nth), lawmaker::home(&mut self.chance)),
            _ => (format!("+1212555{:04}", 100 + nth), Home::of(zone)),
        };
        self.truth.homes.insert(number.clone(), home);
        let alive = self.truth.campaigns.values().filter(|campaign| !campaign.over);
        let invited = alive.filter(|_| self.focus != Focus::Expiry);
        let names: Vec<&str> = invited.map(|campaign| campaign.name).collect();
        for name in names {
            self.plan_call(name, &number, None).await?;
        }
        Ok("a person joins")
    }

    pub(crate) async fn plan_call(
        &mut self,
        campaign: &str,
        number: &str,
        expires_at: Option<DateTime<Utc>>,
    ) -> Verdict<()> {
        let sql = "select call_id from dialer.schedule_call($1, $2, tz => $3, state => $4, expires_at => $5)";
        let home = &self.truth.homes[number];
        let values: [&(dyn ToSql + Sync); 5] =
            [&campaign, &number, &home.clocks(), &home.state, &expires_at];
        let row = self.judge.query_one(sql, &values).await;
        let row = match row {
            // It would expire before its window opens.
            Err(error) if error.code().is_some_and(|code| code.code() == "PD027") => return Ok(()),
            row => row.map_err(|error| told(&error, sql))?,
        };
        if let Some(call) = row.get::<_, Option<i64>>(0) {
            self.truth.calls.insert(call, Planned { number: number.to_owned(), expires_at });
        }
        Ok(())
    }

    async fn fresh_dispatcher(&mut self) -> Dispatcher {
        self.born += 1;
        let db = self.session().await;
        Dispatcher::new(format!("d{}", self.born), db, self.now)
    }

    /// A dispatcher dies, and another begins that knows nothing; sometimes under the same name,
    /// which may still own an account.
    pub(crate) fn bury(&mut self, at: usize) {
        let dispatcher = &mut self.dispatchers[at];
        dispatcher.hand.clear();
        dispatcher.sent.clear();
        dispatcher.began = self.now;
        if self.chance.happens(50) {
            self.born += 1;
            dispatcher.name = format!("d{}", self.born);
        }
    }

    pub(crate) async fn session(&self) -> Client {
        let client = connect(&self.url).await.unwrap();
        client.batch_execute(&self.clock()).await.unwrap();
        client
    }

    fn clock(&self) -> String {
        format!("set dialer.clock = '{}'", self.now.to_rfc3339())
    }

    /// People say something to the database.
    pub(crate) async fn say(&self, sql: &str) -> Verdict<()> {
        self.people.batch_execute(sql).await.map_err(|error| told(&error, sql))
    }

    pub(crate) async fn pass(&mut self, milliseconds: i64) -> Verdict<()> {
        self.now += Duration::milliseconds(milliseconds);
        let clock = self.clock();
        let dispatchers = self.dispatchers.iter().map(|dispatcher| &dispatcher.db);
        for session in dispatchers.chain([&self.judge, &self.people]) {
            session.batch_execute(&clock).await.map_err(|error| told(&error, &clock))?;
        }
        // Mostly some dispatcher polled all the while; else it was an outage.
        if self.chance.happens(80) {
            self.say("update dialer.pulse set seen_at = greatest(seen_at, dialer.now())").await?;
        }
        self.provider.hang_up(&mut self.chance, self.now);
        Ok(())
    }

    /// One thing happens; returns what.
    pub async fn step(&mut self) -> Verdict<&'static str> {
        if self.focus == Focus::Law && self.chance.happens(15) {
            return self.decide_and_claim().await;
        }
        match self.chance.below(400) {
            // Nobody is to be called now: the clock had better go on.
            0..180 if self.fruitless >= 2 => {
                self.fruitless = 0;
                self.time_passes().await
            }
            0..180 => self.dispatch().await,
            180..226 if self.provider.is_busy() => {
                self.provider.progress(&mut self.chance, self.now);
                Ok("the provider goes on")
            }
            226..258 if self.provider.has_post(self.now) => self.deliver().await,
            180..258 => self.dispatch().await,
            258..310 => self.time_passes().await,
            310..322 => self.look_up().await,
            322..328 => self.say("select dialer.tick()").await.map(|()| "tick"),
            328..336 => self.die(),
            336..352 => self.claims_at_once().await,
            352..358 if self.meddlesome() => self.meddle_during_a_claim().await,
            358..364 => self.stale_token().await,
            364 => self.restart().await,
            365 if self.focus == Focus::Wide => self.plan_while_forbidden().await,
            366..369 => self.plan_another().await,
            369..374 if matches!(self.focus, Focus::Wide | Focus::Minds) => {
                let zone = *self.chance.pick(&ZONES);
                self.join(zone).await
            }
            _ if self.focus == Focus::Expiry => self.plan_another().await,
            _ if self.focus == Focus::Minds => self.change_minds().await,
            // Nobody meddles.
            _ if !self.meddlesome() => self.claims_at_once().await,
            _ => self.meddle().await,
        }
    }

    fn meddlesome(&self) -> bool {
        matches!(self.focus, Focus::Wide | Focus::Rules | Focus::Law)
    }

    async fn time_passes(&mut self) -> Verdict<&'static str> {
        let idle = self.dispatchers.iter().all(|dispatcher| dispatcher.hand.is_empty());
        if self.chance.happens(if idle { 75 } else { 3 }) {
            let sql = "select wake_at from dialer.next_wake('d')";
            let row = self.judge.query_one(sql, &[]).await.map_err(|error| told(&error, sql))?;
            let wake = row.get::<_, Option<DateTime<Utc>>>(0);
            if let Some(wake) = wake.filter(|wake| *wake > self.now) {
                self.pass((wake - self.now).num_milliseconds() + 1).await?;
                return Ok("the clock goes to the next wake");
            }
        }
        if self.focus == Focus::Law && self.chance.happens(20) {
            return self.nearly_otherwise().await;
        }
        if self.focus != Focus::Rate && self.chance.happens(7) {
            return self.nearly_closing_time().await;
        }
        // Mostly little while something is in hand, so that most leases live to be used.
        // Where seconds matter, they pass slowly.
        let hasty = self.focus == Focus::Rate;
        let leap = !hasty && (idle || self.chance.happens(10));
        let milliseconds = *self.chance.pick(if leap {
            &[2_000, 5_000, 20_000, 60_000, 120_000, 600_000, 1_800_000]
        } else if hasty {
            &[0, 100, 250, 500, 1_000, 3_000]
        } else {
            &[0, 250, 500, 1_000, 2_000, 5_000]
        });
        self.pass(milliseconds).await?;
        Ok("time passes")
    }

    /// The last seconds of somebody's window are when most can go wrong.
    async fn nearly_closing_time(&mut self) -> Verdict<&'static str> {
        let ids: Vec<i64> = self.truth.campaigns.keys().copied().collect();
        let (campaign, zone) = (*self.chance.pick(&ids), *self.chance.pick(&ZONES));
        let window = self.truth.window(campaign, zone);
        let seconds = i64::try_from(3 + self.chance.below(50)).unwrap();
        let today = self.now.with_timezone(&window.zone).date_naive();
        let closing = today.and_hms_opt(window.hours.closes, 0, 0).unwrap();
        let closing = closing.and_local_timezone(window.zone).unwrap().with_timezone(&Utc);
        let wanted = closing - Duration::seconds(seconds);
        if wanted > self.now {
            self.pass((wanted - self.now).num_milliseconds()).await?;
        }
        Ok("somebody's window nearly closes")
    }

    /// What was claimed goes into the dispatcher's hand, with what held when it was claimed.
    pub(crate) fn take(&mut self, dispatcher: usize, claimed: Vec<Claimed>) -> Verdict<()> {
        self.claims += 1;
        self.fruitless = if claimed.is_empty() { self.fruitless + 1 } else { 0 };
        let limits = Rc::new(self.truth.limits.clone());
        for row in claimed {
            let planned = self.truth.calls.get(&row.call_id).cloned();
            let planned = planned.ok_or_else(|| format!("nobody planned call {}", row.call_id))?;
            if planned.number != row.number {
                return Err(format!("call {} is to {}", row.call_id, row.number));
            }
            self.objections(&row.number, row.call_id, row.campaign)
                .map_err(|why| format!("the claim gave out {}: {why}", row.number))?;
            let terms = self.truth.terms(row.campaign, &row.number);
            let before = self.provider.calls_to(&row.number);
            if let Some(why) = terms.objection(row.place_at.max(self.now), &before) {
                return Err(format!("the claim gave out {}: {why}", row.number));
            }
            let request = Request {
                attempt_id: row.attempt_id.to_string(),
                zones: self.truth.homes[&row.number].zones.clone(),
                terms: Rc::new(terms),
                rate: self.truth.rate(row.account, self.now),
                number: row.number,
                call_id: row.call_id,
                campaign: row.campaign,
                account: row.account,
                caller: row.caller,
                claimed: self.claims,
                limits: Rc::clone(&limits),
                hourly: self.truth.hourly,
                place_by: row.place_by,
                expires_at: planned.expires_at,
            };
            self.dispatchers[dispatcher].hand.push(InHand {
                attempt_id: row.attempt_id,
                token: row.token,
                place_at: row.place_at,
                request,
                per_second: row.per_second,
                intended: false,
            });
        }
        Ok(())
    }

    /// Why a number may not be called now, whatever its hours.
    pub(crate) fn objections(&self, number: &str, call: i64, campaign: i64) -> Verdict<()> {
        if self.truth.forbidden.contains(number) {
            return Err("it must not be called".to_owned());
        }
        if self.truth.finished.contains(&call) {
            return Err("the business has finished with it".to_owned());
        }
        if !self.truth.campaigns[&campaign].running {
            return Err("its campaign does not run".to_owned());
        }
        if let Some(ban) = self.truth.bans.iter().find(|ban| ban.holds(number, self.now)) {
            return Err(format!("calls are banned: {ban:?}"));
        }
        Ok(())
    }

    pub(crate) async fn deliver(&mut self) -> Verdict<&'static str> {
        for account in [1, 2] {
            let events = self.provider.delivered(account, &mut self.chance, self.now);
            self.ingest(account, events).await?;
        }
        Ok("events arrive")
    }

    async fn ingest(&mut self, account: i32, events: Vec<Value>) -> Verdict<()> {
        let ends = events.iter().filter(|event| event["kind"] == "ended");
        let ends: Vec<String> =
            ends.filter_map(|event| event["attempt_id"].as_str().map(str::to_owned)).collect();
        let sql = "select result from dialer.ingest_event($1, $2) order by position";
        let keys: Vec<String> =
            events.iter().map(|event| event["event_key"].as_str().unwrap().to_owned()).collect();
        let rows = self
            .judge
            .query(sql, &[&account, &Value::Array(events)])
            .await
            .map_err(|error| told(&error, sql))?;
        for (key, row) in keys.into_iter().zip(rows) {
            let result: String = row.get(0);
            // The database knows a key again on the day (UTC) on which it came.
            let before = !self.provider.heard.insert((self.now.date_naive(), key.clone()));
            if before != (result == "doubled") {
                return Err(format!("event {key} was {result}; heard before: {before}"));
            }
        }
        for attempt in ends {
            self.learn(&attempt);
        }
        Ok(())
    }

    /// The dialer was told of an end: what of it binds everybody from now on.
    fn learn(&mut self, attempt: &str) {
        let Some((call, number, label)) = self.provider.told(attempt) else { return };
        if label == "SALE" || label == "DNC" {
            self.truth.apply(Effect::Finished(call), self.now);
        }
        if label == "DNC" {
            self.truth.apply(Effect::Forbidden(number), self.now);
        }
    }

    pub(crate) async fn look_up(&mut self) -> Verdict<&'static str> {
        let sql = "select attempt_id::text, account_id from dialer.silent_attempts('d', 10)";
        let rows = self.judge.query(sql, &[]).await.map_err(|error| told(&error, sql))?;
        for account in [1, 2] {
            let silent = rows.iter().filter(|row| row.get::<_, i32>(1) == account);
            let mut found: Vec<(usize, Value)> =
                silent.filter_map(|row| self.provider.look_up(row.get(0))).collect();
            found.sort_by_key(|(id, _)| *id);
            self.ingest(account, found.into_iter().map(|(_, event)| event).collect()).await?;
        }
        Ok("look-up")
    }

    pub(crate) fn decide(&mut self) -> Decision {
        let hands = self.dispatchers.iter().flat_map(|dispatcher| &dispatcher.hand);
        let busy: Vec<String> = hands.map(|attempt| attempt.request.number.clone()).collect();
        let decide = match self.focus {
            Focus::Rules => operator::decide_rules,
            Focus::Law => lawmaker::decide,
            _ => operator::decide,
        };
        decide(&mut self.chance, &self.truth, self.now, &busy)
    }

    pub(crate) async fn meddle(&mut self) -> Verdict<&'static str> {
        let decision = self.decide();
        self.say(&decision.sql).await?;
        self.decided(decision.effects);
        Ok(decision.what)
    }

    pub(crate) fn decided(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.truth.apply(effect, self.now);
        }
    }

    /// Somebody who is just being called is forbidden or sold to, or a call expires soon.
    async fn change_minds(&mut self) -> Verdict<&'static str> {
        let hands = self.dispatchers.iter().flat_map(|dispatcher| &dispatcher.hand);
        let busy: Vec<(String, i64, i64)> = hands
            .map(|own| &own.request)
            .map(|request| (request.number.clone(), request.call_id, request.campaign))
            .collect();
        if busy.is_empty() {
            let everything = [(1, "spring"), (2, "summer"), (3, "autumn")];
            for (id, name) in everything {
                self.say(&format!("select dialer.start_campaign('{name}')")).await?;
                self.truth.apply(Effect::Running(id, true), self.now);
            }
            return Ok("everything goes on");
        }
        if self.chance.happens(30) {
            return self.plan_another().await;
        }
        let (number, call, campaign) = self.chance.pick(&busy).clone();
        let name = self.truth.campaigns[&campaign].name;
        let running = self.truth.campaigns[&campaign].running;
        let (sql, effect) = match self.chance.below(6) {
            4 => return self.plan_while_forbidden().await,
            5 => {
                let (opens, closes) = *self.chance.pick(&[(11, 20), (13, 17)]);
                let sql = format!(
                    "update dialer.calendar set hours = 'Mo-Fr {opens}:00-{closes}:00' where name = 'campaign {name}'"
                );
                (sql, Effect::Hours(campaign, opens, closes))
            }
            0 => (format!("select dialer.add_do_not_call('{number}')"), Effect::Forbidden(number)),
            1 => (format!("select dialer.set_disposition({call}, 'SALE')"), Effect::Finished(call)),
            _ if running => (
                format!("select dialer.pause_campaign('{name}')"),
                Effect::Running(campaign, false),
            ),
            _ => (
                format!("select dialer.resume_campaign('{name}')"),
                Effect::Running(campaign, true),
            ),
        };
        self.say(&sql).await?;
        self.truth.apply(effect, self.now);
        Ok("another mind")
    }

    async fn plan_another(&mut self) -> Verdict<&'static str> {
        let numbers: Vec<String> = self.truth.homes.keys().cloned().collect();
        let number = self.chance.pick(&numbers).clone();
        let (campaign, _) = *self.chance.pick(&CAMPAIGNS);
        let brief = self.focus == Focus::Expiry;
        let lasts = *self.chance.pick(if brief { &[20, 25, 30, 40] } else { &[20, 40, 600, 7200] });
        let expires_at = Some(self.now + Duration::seconds(lasts));
        self.plan_call(campaign, &number, expires_at).await?;
        Ok("another call is planned")
    }

    /// An invariant that is broken, by the database's own questions or by the provider's journal.
    pub async fn check(&self) -> Verdict<()> {
        let broken = self.judge.query(&self.question, &[]).await;
        let broken = broken.map_err(|error| told(&error, "dialer.invariant_violation"))?;
        for row in broken {
            let (invariant, detail): (i32, String) = (row.get(0), row.get(1));
            let call: Option<i64> = row.get(2);
            let number = call.and_then(|call| self.truth.calls.get(&call)).map(|call| &call.number);
            // Neither of two transactions at once sees the other: the claim's question is for that.
            if invariant == 13 && number.is_some_and(|number| self.truth.raced.contains(number)) {
                continue;
            }
            return Err(format!("invariant {invariant}: {detail} (call {call:?})"));
        }
        let sql = "select x from unnest($1::text[]) x where not exists
            (select from dialer.attempt_all a where a.attempt_id = x::uuid and a.intended_at is not null) limit 1";
        let lost = self
            .judge
            .query_opt(sql, &[&self.provider.attempts()])
            .await
            .map_err(|error| told(&error, sql))?;
        match lost {
            Some(row) => Err(format!(
                "the provider was asked for attempt {}, of which nothing is known",
                row.get::<_, String>(0)
            )),
            None => Ok(()),
        }
    }

    pub async fn summary(&self) -> String {
        let row = self
            .judge
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
