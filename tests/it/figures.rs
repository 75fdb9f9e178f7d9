//! Reports against queries that somebody would write by hand over the raw rows, on random days.

use crate::dialer::Dialer;

/// LIMIT: rounds of calls in a random history, two hours apart: two days of calls and a third begun.
const ROUNDS: u32 = 30;

/// Reports of one campaign, or of all, in a span that begins and ends in the middle of things.
const FROM: &str = "'2026-12-04 13:00'::timestamptz";
const TO: &str = "'2026-12-05 17:00'::timestamptz";

/// Measure of the breakdown, and which calls a person would count.
const BREAKDOWN: [(&str, &str); 15] = [
    ("total_leads", "true"),
    ("active_for_redial", "state in ('scheduled', 'claimed', 'in_flight')"),
    ("completed_sale", "state = 'completed' and outcome = 'sale'"),
    ("completed_dnc", "ended_at is not null and outcome = 'dnc'"),
    (
        "completed_other",
        "state = 'completed' and coalesce(outcome::text, '') not in ('sale', 'dnc')",
    ),
    ("failed", "state = 'failed' and coalesce(outcome::text, '') <> 'dnc'"),
    (
        "cancelled_do_not_call",
        "state = 'cancelled' and coalesce(outcome::text, '') <> 'dnc' and coalesce(end_reason, '') = 'do_not_call'",
    ),
    (
        "cancelled_converted",
        "state = 'cancelled' and coalesce(outcome::text, '') <> 'dnc' and coalesce(end_reason, '') = 'converted'",
    ),
    (
        "cancelled_other",
        "state = 'cancelled' and coalesce(outcome::text, '') <> 'dnc' and coalesce(end_reason, '') <> 'do_not_call' and coalesce(end_reason, '') <> 'converted'",
    ),
    ("expired", "state = 'expired' and coalesce(outcome::text, '') <> 'dnc'"),
    ("should_continue", "ended_at is null and coalesce(wait_reason, '') <> 'review'"),
    (
        "transferred_not_sale",
        "call_id in (select call_id from dialer.attempt where outcome = 'transferred') and coalesce(outcome::text, '') <> 'sale'",
    ),
    ("non_sale", "not (state = 'completed' and coalesce(outcome::text, '') = 'sale')"),
    ("non_dnc", "not (ended_at is not null and coalesce(outcome::text, '') = 'dnc')"),
    (
        "non_sale_non_dnc",
        "not (state = 'completed' and coalesce(outcome::text, '') = 'sale') and not (ended_at is not null and coalesce(outcome::text, '') = 'dnc')",
    ),
];

/// Measure of a range, and the query of a person; `{a}` are the attempts, `{c}` the calls in it.
const RANGE: [(&str, &str); 5] = [
    ("leads_created", "select count(*)::numeric from {c}"),
    ("total_calls", "select count(*)::numeric from {a}"),
    // Beyond the first: all but those that are the first of their call.
    (
        "redials",
        "select count(*)::numeric - count(*) filter (where dialled_at = (select min(f.dialled_at) from dialer.attempt f where f.call_id = x.call_id and f.counts)) from {a}",
    ),
    (
        "connectivity_rate",
        "select round(count(*) filter (where outcome in ('completed', 'sale', 'dnc', 'transferred', 'callback', 'not_interested')) / count(*)::numeric, 4) from {a}",
    ),
    (
        "transfer_rate",
        "select round(count(*) filter (where outcome = 'sale' or outcome = 'transferred') / count(*)::numeric, 4) from {a}",
    ),
];

/// People that come day by day, calls that end in every way, and people who step in.
async fn random_days(seed: u32) -> Dialer {
    let dialer = Dialer::open().await;
    dialer.run(&format!(
        "update dialer.provider_account set max_concurrent = 40; update dialer.calendar set hours = '24/7'; select dialer.create_campaign('autumn', 'voice', '24/7', policy => 'workflow-30min-3'); select dialer.start_campaign('autumn');
         create function chance(n bigint, salt text) returns integer language sql immutable as 'select (hashint8(n) # hashtext(salt || {seed})) & 1023'"
    )).await;
    for round in 0..ROUNDS {
        let (day, hour) = (4 + round / 12, round % 12 * 2);
        dialer.clock(&format!("2026-12-{day:02} {hour:02}:{:02}", round * 7 % 60)).await;
        dialer.run(&format!(
            "select dialer.schedule_call(case when chance(i, 'which') % 2 = 0 then 'spring' else 'autumn' end, '+1212555' || to_char(100 + i, 'FM0000'), tz => 'America/New_York',
                 expires_at => case when chance(i, 'expires') % 9 = 0 then dialer.now() + interval '9 hours' end)
             from generate_series({}, {}) i where chance(i, 'comes') % 3 > 0", round * 8, round * 8 + 7
        )).await;
        dialer.place().await;
        dialer.run(&format!(
            "select dialer.ingest_event(account_id, jsonb_agg(jsonb_build_object('event_key', 'end-' || attempt_id, 'kind', 'ended', 'attempt_id', attempt_id, 'outcome',
                 (enum_range(null::dialer.outcome))[1 + chance(call_id, 'outcome{round}') % cardinality(enum_range(null::dialer.outcome))])))
             from dialer.lease where chance(call_id, 'ends{round}') % 8 > 0 group by account_id"
        )).await;
        dialer.run(&format!(
            "select dialer.cancel_call(call_id) from dialer.call where state = 'scheduled' and chance(call_id, 'cancel{round}') % 40 = 0;
             select dialer.add_do_not_call(e.address) from dialer.endpoint e where chance(e.endpoint_id, 'dnc{round}') % 60 = 0;
             update dialer.provider_account set state = 'open', state_reason = null; update dialer.campaign set state = 'running', state_reason = null where state = 'paused';
             update dialer.account_health set blocked_until = '-infinity', level = 0"
        )).await;
        dialer.rows("select task, done from dialer.tick()").await;
    }
    dialer
}

// R188-R191, R194, C36, R187, R203: each figure has one definition, and a person who counts finds the same.
#[tokio::test]
async fn every_figure_is_what_a_person_counts_in_the_raw_rows() {
    for seed in [1, 2, 3] {
        let dialer = random_days(seed).await;
        let all = dialer.rows("select count(*) > 60, count(distinct state) >= 5, (select count(*) > 100 and count(distinct outcome) > 8 from dialer.attempt where counts) from dialer.call").await;
        assert_eq!(all, "t | t | t", "the days of seed {seed} are too dull");
        for campaign in [None, Some("spring"), Some("autumn")] {
            let (argument, whose) = campaign.map_or(("null".to_owned(), "true".to_owned()), |name| {
                (format!("'{name}'"), format!("campaign_id = (select campaign_id from dialer.campaign where name = '{name}')"))
            });
            let calls = format!(
                "(select * from dialer.call where created_at >= {FROM} and created_at < {TO} and {whose}) c"
            );
            let attempts = format!(
                "(select * from dialer.attempt where counts and dialled_at >= {FROM} and dialled_at < {TO} and {whose}) x"
            );
            for (measure, which) in BREAKDOWN {
                let told = dialer.rows(&format!("select calls from dialer.report_breakdown({FROM}, {TO}, {argument}) where measure = '{measure}'")).await;
                assert_eq!(
                    told,
                    dialer.rows(&format!("select count(*) from {calls} where {which}")).await,
                    "{measure} of {argument}, seed {seed}"
                );
            }
            for (measure, by_hand) in RANGE {
                let by_hand = by_hand.replace("{a}", &attempts).replace("{c}", &calls);
                let told = dialer.rows(&format!("select value from dialer.report_range({FROM}, {TO}, {argument}) where measure = '{measure}'")).await;
                assert_eq!(
                    told,
                    dialer.rows(&by_hand).await,
                    "{measure} of {argument}, seed {seed}"
                );
            }
            let outcomes = format!(
                "select measure, value from dialer.report_range({FROM}, {TO}, {argument}) where measure like 'outcome%' order by 1"
            );
            let by_hand = format!(
                "select 'outcome_' || outcome, count(*) from {attempts} group by outcome order by 1"
            );
            assert_eq!(
                dialer.rows(&outcomes).await,
                dialer.rows(&by_hand).await,
                "outcomes of {argument}, seed {seed}"
            );
        }
        the_totals_and_today(&dialer).await;
        dialer.sound().await;
    }
}

async fn the_totals_and_today(dialer: &Dialer) {
    // The sixth of December in New York, where the session is.
    let today = "'2026-12-06'::date";
    let by_hand = format!(
        "select (select count(*) from dialer.call), (select count(*) from dialer.call where ended_at is null),
                (select count(*) from dialer.call where ended_at is null and created_at::date = {today} - 1), (select count(*) from dialer.call where ended_at is null and created_at::date < {today} - 1),
                (select count(*) from dialer.call where ended_at is null and wait_reason = any ('{{cap,redial}}') and due_at::date > {today}),
                (select count(*) from dialer.call c where state = 'scheduled' and 8 <= (select count(*) from dialer.attempt a where a.contact_id = c.contact_id and a.counts and a.dialled_at::date = {today})),
                (select count(*) from dialer.call where state = 'completed')"
    );
    let told =
        "select string_agg(calls::text, ' | ') from dialer.report_totals(tz => 'America/New_York')";
    assert_eq!(dialer.rows(told).await, dialer.rows(&by_hand).await);
    let today_by_hand =
        format!("select count(*) from dialer.attempt where counts and dialled_at::date = {today}");
    assert_eq!(
        dialer.rows("select value from dialer.report_today('America/New_York') where measure = 'total_calls'").await,
        dialer.rows(&today_by_hand).await
    );
    let dashboard = "select sum(calls) from dialer.scheduler_dashboard";
    assert_eq!(
        dialer.rows(dashboard).await,
        dialer.rows("select count(*) from dialer.call where ended_at is null").await
    );
}
