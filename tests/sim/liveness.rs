//! Is the law kept more strictly than it is? When nobody meddles any more, everybody who may be
//! called by the judge's book has to be called within some days.

use crate::dispatcher::told;
use crate::truth::Verdict;
use crate::world::World;
use chrono::{DateTime, Duration, Utc};
use std::collections::BTreeSet;

const DAYS: i64 = 9;
/// LIMIT: what is not found by then is not waited for.
const ROUNDS_MAX: usize = 200;

impl World {
    pub(crate) async fn everybody_is_called(&mut self) -> Verdict<()> {
        for at in 0..self.dispatchers.len() {
            self.bury(at);
        }
        let begins = self.now;
        let mut owed = self.owed();
        for _ in 0..ROUNDS_MAX {
            if owed.is_empty() || self.now > begins + Duration::days(DAYS) {
                break;
            }
            self.call_who_may_be_called().await?;
            self.look_up().await?;
            self.say("select dialer.tick()").await?;
            owed.retain(|number| self.provider.calls_to(number).iter().all(|at| *at < begins));
            self.sleep().await?;
        }
        self.check().await?;
        self.nobody_waits_for_ever().await?;
        let Some(number) = owed.first() else { return Ok(()) };
        let terms: Vec<_> =
            self.truth.campaigns.keys().map(|id| self.truth.terms(*id, number)).collect();
        Err(format!("{owed:?} were never called since {begins}; of the first is known {terms:?}"))
    }

    /// A call without a time, for review apart, is one that may never be placed.
    async fn nobody_waits_for_ever(&self) -> Verdict<()> {
        let sql = "select c.call_id, c.campaign_id, e.address, c.wait_reason from dialer.call c join dialer.endpoint e using (endpoint_id)
             where c.state = 'scheduled' and c.due_at = 'infinity' and c.wait_reason is distinct from 'review'";
        let rows = self.judge.query(sql, &[]).await.map_err(|error| told(&error, sql))?;
        let open = self.days_to_come();
        let wronged = rows.iter().find(|row| self.may_be_called(row.get(1), row.get(2), &open));
        wronged.map_or(Ok(()), |row| {
            let (call, reason): (i64, Option<String>) = (row.get(0), row.get(3));
            Err(format!("call {call} waits for ever: {reason:?}"))
        })
    }

    /// Who may be called in some campaign.
    fn owed(&self) -> BTreeSet<String> {
        let open = self.days_to_come();
        let running = || self.truth.campaigns.iter().filter(|(_, campaign)| campaign.running);
        let owed = |number: &&String| {
            !self.truth.forbidden.contains(*number)
                && running().any(|(id, _)| self.may_be_called(*id, number, &open))
        };
        self.truth.homes.keys().filter(owed).cloned().collect()
    }

    /// From tomorrow on, when the caps of today are over.
    fn days_to_come(&self) -> Vec<DateTime<Utc>> {
        let from = self.now + Duration::days(1);
        (0..(DAYS - 2) * 144).map(|n| from + Duration::minutes(10 * n)).collect()
    }

    /// Whether half an hour of these instants is open to a number.
    fn may_be_called(&self, campaign: i64, number: &str, instants: &[DateTime<Utc>]) -> bool {
        let terms = self.truth.terms(campaign, number);
        let open = |at: &DateTime<Utc>| terms.objection(*at, &[]).is_none();
        instants.windows(4).any(|row| row.iter().all(open))
    }

    async fn call_who_may_be_called(&mut self) -> Verdict<()> {
        self.claim(0).await?;
        while let Some(own) = self.dispatchers[0].hand.first() {
            let early = (own.place_at - self.now).num_milliseconds();
            if early > 0 {
                self.pass(early).await?;
            }
            self.intend(0, 0).await?;
            if self.dispatchers[0].hand.first().is_some_and(|own| own.intended) {
                self.send(0, 0).await?;
            }
        }
        while self.provider.is_busy() {
            self.provider.progress(&mut self.chance, self.now);
        }
        self.pass(3_000).await?;
        self.deliver().await.map(drop)
    }

    /// Until there is something to do, as the database says.
    async fn sleep(&mut self) -> Verdict<()> {
        let sql = "select wake_at from dialer.next_wake('d')";
        let row = self.judge.query_one(sql, &[]).await.map_err(|error| told(&error, sql))?;
        let wake = row.get::<_, Option<DateTime<Utc>>>(0);
        let lasts = wake.map_or(Duration::hours(1), |wake| wake - self.now);
        let lasts = lasts.clamp(Duration::minutes(1), Duration::hours(6));
        self.pass(lasts.num_milliseconds() + 1).await
    }
}
