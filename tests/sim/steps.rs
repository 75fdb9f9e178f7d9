//! What dispatchers do, and what happens to them in the middle of it.

use crate::dispatcher::{Dispatcher, Habit, InHand, told};
use crate::truth::{Effect, Verdict};
use crate::world::{Focus, World};
use std::time::Duration;

/// What the provider answers instead of taking a call.
const REFUSALS: [&str; 8] = [
    "over_limit",
    "over_limit",
    "over_limit",
    "over_limit",
    "provider_fault",
    "provider_fault",
    "config_error",
    "account_error",
];

impl World {
    pub(crate) async fn dispatch(&mut self) -> Verdict<&'static str> {
        let all: Vec<usize> = (0..self.dispatchers.len()).collect();
        let (able, idle): (Vec<usize>, Vec<usize>) =
            all.into_iter().partition(|at| !self.ready(*at).is_empty());
        // With a rate it takes several claims to have two in one hand.
        let hoards = match self.focus {
            Focus::Rate => 50,
            Focus::Expiry => 70,
            _ => 20,
        };
        if !idle.is_empty() && (able.is_empty() || self.chance.happens(hoards / 2)) {
            let at = *self.chance.pick(&idle);
            return self.claim(at).await;
        }
        let at = *self.chance.pick(&able);
        let ready = self.ready(at);
        if self.chance.happens(hoards) {
            return self.claim(at).await;
        }
        let place = *self.chance.pick(&ready);
        if self.dispatchers[at].hand[place].intended {
            // Where laws turn at an instant, dispatchers wake late.
            if self.focus == Focus::Law && self.chance.happens(40) {
                let stalled = *self.chance.pick(&[3_000, 9_000, 15_000]);
                self.pass(stalled).await?;
            }
            return self.send(at, place).await;
        }
        match self.habit {
            Habit::SendsWithoutIntention => self.send(at, place).await,
            Habit::SendsBeforeTheCommit if self.chance.happens(50) => {
                self.dispatchers[at].run("begin").await?;
                self.intend(at, place).await?;
                let intended = self.dispatchers[at].hand.get(place).is_some_and(|own| own.intended);
                if intended {
                    self.send(at, place).await?;
                }
                self.dispatchers[at].run("commit").await?;
                Ok("sent before the commit")
            }
            _ => self.intend(at, place).await,
        }
    }

    /// What a dispatcher may go on with.
    fn ready(&self, at: usize) -> Vec<usize> {
        let dispatcher = &self.dispatchers[at];
        let keeps = |attempt: &InHand| {
            !attempt.intended
                || self.habit == Habit::ForgetsTheRate
                || dispatcher.may_send(attempt, self.now)
        };
        let may = |attempt: &InHand| attempt.place_at <= self.now && keeps(attempt);
        (0..dispatcher.hand.len()).filter(|place| may(&dispatcher.hand[*place])).collect()
    }

    pub(crate) async fn claim(&mut self, at: usize) -> Verdict<&'static str> {
        let want = i32::try_from(1 + self.chance.below(4)).unwrap();
        let claimed = self.dispatchers[at].claim(want).await?;
        self.take(at, claimed)?;
        if self.chance.happens(3) {
            self.dispatchers[at].hand.clear();
            return Ok("a dispatcher claims and forgets");
        }
        Ok("claim")
    }

    pub(crate) async fn intend(&mut self, at: usize, place: usize) -> Verdict<&'static str> {
        let attempt = self.dispatchers[at].hand[place].clone();
        let allowed = self.dispatchers[at].intend(&attempt).await?;
        if !allowed {
            self.dispatchers[at].hand.remove(place);
            return Ok("an intention is refused");
        }
        let request = &attempt.request;
        let refused = |why: String| format!("intend let {} through: {why}", request.number);
        self.objections(&request.number, request.call_id, request.campaign).map_err(refused)?;
        let terms = self.truth.terms(request.campaign, &request.number);
        let before = self.provider.calls_to(&request.number);
        if let Some(why) = terms.objection(self.now, &before) {
            return Err(refused(why));
        }
        // A cap holds from the claim after its change on.
        if let (Some(then), Some(now)) = (request.hourly, self.truth.hourly) {
            let before = self.provider.within_an_hour(&request.number, self.now);
            if before >= then.max(now) {
                return Err(refused(format!("{before} calls within an hour")));
            }
        }
        if self.chance.happens(3) {
            self.dispatchers[at].hand.remove(place);
            return Ok("the answer to an intention is lost");
        }
        self.dispatchers[at].hand[place].intended = true;
        Ok("intend")
    }

    /// The request goes out, unless it is too late; the provider may refuse it, and request and
    /// answer may be lost.
    pub(crate) async fn send(&mut self, at: usize, place: usize) -> Verdict<&'static str> {
        let attempt = self.dispatchers[at].hand.remove(place);
        let late = self.now >= attempt.request.place_by && self.habit != Habit::TrustsTheLease;
        if late || self.chance.happens(5) {
            self.tell(at, "release", &attempt, "not_sent").await?;
            return Ok("a dispatcher gives up");
        }
        self.dispatchers[at].sent.insert(attempt.request.account, self.now);
        if self.chance.happens(4) {
            self.tell(at, "mark_unknown", &attempt, "time-out").await?;
            return Ok("a request is lost");
        }
        if self.chance.happens(if self.provider.quiet { 2 } else { 8 }) {
            return self.refuse(at, &attempt).await;
        }
        let call = self.arrive(&attempt).await?;
        match self.chance.below(10) {
            0 => return Ok("the answer is lost and the dispatcher forgets"),
            1 => return self.answer_lost(at, attempt).await,
            _ => self.tell(at, "mark_placed", &attempt, &call).await.map(drop)?,
        }
        if self.habit == Habit::SendsTwice {
            self.arrive(&attempt).await?;
        }
        Ok("placed")
    }

    async fn answer_lost(&mut self, at: usize, attempt: InHand) -> Verdict<&'static str> {
        match self.habit {
            Habit::GivesBackWhatMayRing => self.tell(at, "release", &attempt, "not_sent").await?,
            _ => self.tell(at, "mark_unknown", &attempt, "time-out").await?,
        };
        if self.habit == Habit::RetriesAfterUnknown {
            self.dispatchers[at].hand.push(attempt);
        }
        Ok("the answer is lost")
    }

    /// A request reaches the provider, which looks into the database whether it may have come.
    async fn arrive(&mut self, attempt: &InHand) -> Verdict<String> {
        let sql = "select from dialer.lease where attempt_id = $1 and intended_at is not null";
        let row = self.judge.query_opt(sql, &[&attempt.attempt_id]).await;
        if row.map_err(|error| told(&error, sql))?.is_none() {
            return Err(format!(
                "attempt {} was sent without a committed intention",
                attempt.attempt_id
            ));
        }
        self.provider.accept(&attempt.request, self.now)
    }

    async fn refuse(&mut self, at: usize, attempt: &InHand) -> Verdict<&'static str> {
        let quiet = self.provider.quiet;
        let outcome = if quiet { "over_limit" } else { *self.chance.pick(&REFUSALS) };
        let sql = "select dialer.settle($1, $2, array[$3], array['refused'], array['{}'::jsonb])";
        self.dispatchers[at]
            .count(sql, &[&vec![attempt.attempt_id], &vec![attempt.token], &outcome])
            .await?;
        if outcome == "config_error" {
            self.truth.apply(Effect::Running(attempt.request.campaign, false), self.now);
        }
        Ok("the provider refuses")
    }

    /// Says what became of an attempt; returns how many tokens were valid.
    async fn tell(&self, at: usize, function: &str, attempt: &InHand, word: &str) -> Verdict<i32> {
        let sql = format!("select dialer.{function}($1, $2, array[$3])");
        let values = (vec![attempt.attempt_id], vec![attempt.token]);
        self.dispatchers[at].count(&sql, &[&values.0, &values.1, &word]).await
    }

    /// Somebody who has an old token decides nothing.
    pub(crate) async fn stale_token(&mut self) -> Verdict<&'static str> {
        let holds = |at: &usize| !self.dispatchers[*at].hand.is_empty();
        let holders: Vec<usize> = (0..self.dispatchers.len()).filter(holds).collect();
        if holders.is_empty() {
            return Ok("nobody has a token");
        }
        let at = *self.chance.pick(&holders);
        let place = self.chance.below(self.dispatchers[at].hand.len());
        let mut attempt = self.dispatchers[at].hand[place].clone();
        attempt.token -= 1;
        let function =
            *self.chance.pick(&["intend", "intend", "release", "mark_placed", "mark_unknown"]);
        let counted = match function {
            "intend" => i32::from(self.dispatchers[at].intend(&attempt).await?),
            _ => self.tell(at, function, &attempt, "old").await?,
        };
        match counted {
            0 => Ok("an old token"),
            _ => Err(format!("{function} took an old token")),
        }
    }

    pub(crate) fn die(&mut self) -> Verdict<&'static str> {
        let at = self.chance.below(self.dispatchers.len());
        self.bury(at);
        Ok("a dispatcher dies")
    }

    /// Two dispatchers claim in two transactions at once; the first commits last, or dies.
    pub(crate) async fn claims_at_once(&mut self) -> Verdict<&'static str> {
        let first = self.chance.below(self.dispatchers.len());
        let second = (first + 1) % self.dispatchers.len();
        let wants = [1, 2].map(|_| i32::try_from(1 + self.chance.below(4)).unwrap());
        let dies = self.chance.happens(20);
        let (one, two) = (&self.dispatchers[first], &self.dispatchers[second]);
        one.run("begin").await?;
        let claimed = one.claim(wants[0]).await?;
        let end = if dies { "rollback" } else { "commit" };
        let other = self.meanwhile(one, end, two.claim(wants[1])).await??;
        if dies {
            self.bury(first);
        } else {
            self.take(first, claimed)?;
        }
        self.take(second, other)?;
        Ok("two claims at once")
    }

    /// Something happens while a claim has not committed.
    pub(crate) async fn meddle_during_a_claim(&mut self) -> Verdict<&'static str> {
        let at = self.chance.below(self.dispatchers.len());
        let decision = self.decide();
        let one = &self.dispatchers[at];
        one.run("begin").await?;
        let claimed = one.claim(3).await?;
        self.meanwhile(one, "commit", self.say(&decision.sql)).await??;
        self.take(at, claimed)?;
        self.decided(decision.effects);
        Ok(decision.what)
    }

    /// Does something in another session while a dispatcher's transaction is open, which ends when
    /// that is done, or waits for it.
    async fn meanwhile<T>(
        &self,
        holder: &Dispatcher,
        end: &str,
        work: impl Future<Output = T>,
    ) -> Verdict<T> {
        tokio::pin!(work);
        let early = tokio::select! {
            biased;
            done = &mut work => Some(done),
            () = self.until_somebody_waits() => None,
        };
        holder.run(end).await?;
        match early {
            Some(done) => Ok(done),
            None => Ok(work.await),
        }
    }

    /// Ends when a session of this database waits for a lock; else never.
    async fn until_somebody_waits(&self) {
        let sql = "select exists (select from pg_locks l join pg_stat_activity a using (pid) where not l.granted and a.datname = current_database())";
        loop {
            tokio::time::sleep(Duration::from_millis(2)).await;
            if self.judge.query_one(sql, &[]).await.unwrap().get(0) {
                return;
            }
        }
    }

    /// The database goes away under everybody, in the middle of what a dispatcher is doing.
    pub(crate) async fn restart(&mut self) -> Verdict<&'static str> {
        let at = self.chance.below(self.dispatchers.len());
        let dispatcher = &self.dispatchers[at];
        dispatcher.run("begin").await?;
        match dispatcher.hand.first() {
            Some(attempt) if attempt.intended => {
                self.tell(at, "mark_placed", attempt, "never").await.map(drop)?;
            }
            Some(attempt) => dispatcher.intend(attempt).await.map(drop)?,
            None => drop(dispatcher.claim(3).await?),
        }
        let sql = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
        self.judge.query(sql, &[]).await.map_err(|error| told(&error, sql))?;
        // What was in that dispatcher's hand is in doubt, and not sent.
        if !self.dispatchers[at].hand.is_empty() {
            self.dispatchers[at].hand.remove(0);
        }
        for at in 0..self.dispatchers.len() {
            self.dispatchers[at].db = self.session().await;
        }
        self.people = self.session().await;
        Ok("the database restarts")
    }

    /// A call is planned in the moment in which its number is being forbidden: neither sees the
    /// other.
    pub(crate) async fn plan_while_forbidden(&mut self) -> Verdict<&'static str> {
        let numbers: Vec<String> = self.truth.homes.keys().cloned().collect();
        let number = self.chance.pick(&numbers).clone();
        self.say(&format!("begin; select dialer.add_do_not_call('{number}')")).await?;
        self.plan_call("spring", &number, None).await?;
        self.say("commit").await?;
        self.truth.apply(Effect::Forbidden(number.clone()), self.now);
        self.truth.raced.insert(number);
        Ok("a call is planned while its number is being forbidden")
    }
}
