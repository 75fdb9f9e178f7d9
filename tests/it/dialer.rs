//! A small dialer for tests: one account, one campaign, people in New York, a clock that stands
//! still until the test moves it.

use crate::database::{Database, Session};

pub struct Dialer {
    pub database: Database,
}

impl std::ops::Deref for Dialer {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}

impl Dialer {
    /// An account of two lines and the running campaign `spring`, on Friday at noon.
    pub async fn open() -> Dialer {
        let dialer = Dialer::closed().await;
        dialer.run("select dialer.start_campaign('spring')").await;
        dialer
    }

    /// The same, with the campaign not started.
    pub async fn closed() -> Dialer {
        let dialer = Dialer { database: Database::fresh().await };
        dialer.clock("2026-12-04 12:00").await;
        dialer
            .run(
                "select dialer.create_account('voice', 'sandbox', 2);
                 select dialer.create_campaign('spring', 'voice', 'Mo-Fr 11:00-20:00')",
            )
            .await;
        dialer
    }

    /// Sets the clock of this session; New York's wall clock.
    pub async fn clock(&self, at: &str) {
        set_clock(self, at).await;
    }

    /// `spring` around the clock with attempts without end, and the American pack loaded, not chosen.
    pub async fn with_american_rules() -> Dialer {
        let dialer = Dialer::open().await;
        dialer
            .run(
                "select dialer.load_calling_rules('us-2026-11');
                 select dialer.create_redial_policy('eager', '{0,1 min}');
                 update dialer.calendar set hours = '24/7';
                 update dialer.campaign set policy_id = dialer.policy_named('eager'); update dialer.provider_account set max_concurrent = 100",
            )
            .await;
        dialer
    }

    /// Plans calls to so many people, due now.
    pub async fn people(&self, count: u32) {
        self.run(&format!(
            "select dialer.schedule_call('spring', '+1212555' || to_char(100 + i, 'FM0000'), tz => 'America/New_York')
             from generate_series(1, {count}) i"
        ))
        .await;
    }

    /// Claims, intends and places what may be placed; returns how many.
    pub async fn place(&self) -> String {
        self.run("create temporary table if not exists mine (attempt_id uuid, token bigint, call_id bigint);
                  delete from mine; insert into mine select attempt_id, token, call_id from dialer.claim('d1', 100)").await;
        self.rows(
            "with sent as (select i.attempt_id from (select array_agg(attempt_id) as ids, array_agg(token) as tokens from mine) m,
                           lateral dialer.intend('d1', m.ids, m.tokens) i where i.allowed)
             select count(*) from sent",
        )
        .await;
        self.rows(
            "select coalesce(dialer.mark_placed(array_agg(attempt_id), array_agg(token), array_agg('provider-' || attempt_id)), 0) from mine",
        )
        .await
    }

    /// The provider reports the end of every open attempt.
    pub async fn end(&self, outcome: &str) {
        self.run(&format!(
            "select dialer.ingest_event(account_id, jsonb_agg(jsonb_build_object('event_key', 'end-' || attempt_id, 'kind', 'ended',
                 'attempt_id', attempt_id, 'outcome', '{outcome}'))) from dialer.lease group by account_id"
        ))
        .await;
    }

    /// The provider reports the end of the attempts that were placed so long ago; `outcome` is an
    /// expression over the lease `l`.
    pub async fn end_after(&self, lasted: &str, outcome: &str) {
        self.run(&format!(
            "select dialer.ingest_event(l.account_id, jsonb_agg(jsonb_build_object('event_key', 'end-' || l.attempt_id, 'kind', 'ended',
                 'attempt_id', l.attempt_id, 'outcome', {outcome}))) from dialer.lease l
             where l.placed_at <= dialer.now() - interval '{lasted}' group by l.account_id"
        ))
        .await;
    }

    /// Calls by state and reason.
    pub async fn states(&self) -> String {
        self.rows(
            "select state, coalesce(wait_reason, end_reason), count(*) from dialer.call group by 1, 2 order by 1, 2",
        )
        .await
    }

    /// Panics if an invariant is broken.
    pub async fn sound(&self) {
        let broken =
            self.rows("select invariant, detail, call_id from dialer.invariant_violation").await;
        assert_eq!(broken, "", "broken invariants");
    }
}

pub async fn set_clock(session: &Session, at: &str) {
    session
        .run(&format!(
            "set dialer.clock = '{at} America/New_York'; set timezone = 'America/New_York'"
        ))
        .await;
}
