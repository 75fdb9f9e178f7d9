//! The journey of a redial operation: a backfill tried dry, five days of redialling under the law
//! of each lead's state, SALE and DNC that stop at once, and a report that equals a query by hand.

use crate::dialer::Dialer;
use expect_test::expect;

/// Wall clock of the ladder on one day: the n-th call of a lead that nobody answers.
const STEPS: [&str; 8] = ["11:00", "11:02", "11:07", "11:17", "11:47", "12:47", "14:47", "16:47"];
const DAYS: [&str; 5] = ["2026-12-04", "2026-12-07", "2026-12-08", "2026-12-09", "2026-12-10"];

/// 880 numbers of the days before: 100 leads in Florida and 750 in Georgia to redial, 20 sales, and
/// 10 who asked not to be called.
const CALLS_BEFORE: &str = "
    select jsonb_agg(jsonb_build_object('provider_call_id', 'old-' || i, 'address', number, 'called_at', '2026-12-02T15:00:00Z', 'outcome', outcome, 'name', 'Lead ' || i)) from (
        select i, case when i <= 100 then '+1305555' else '+1404555' end || to_char(i, 'FM0000') as number,
               case when i <= 850 then 'no_answer' when i <= 870 then 'sale' else 'dnc' end as outcome from generate_series(1, 880) i) x";

/// On the third day every fiftieth lead buys, and every seventieth asks not to be called again.
const OUTCOME: &str = "case when l.claimed_at::date = '2026-12-08' and l.contact_id % 50 = 7 then 'sale'
    when l.claimed_at::date = '2026-12-08' and l.contact_id % 70 = 9 then 'dnc' when l.contact_id % 3 = 0 then 'voicemail' else 'no_answer' end";

/// Whatever is due is called, and ends at once.
async fn call_all(dialer: &Dialer) {
    // LIMIT: more rounds than there are thousands of leads.
    for _ in 0..5 {
        dialer
            .run("create temporary table if not exists taken (attempt_id uuid, token bigint); truncate taken; insert into taken select attempt_id, token from dialer.claim('d1', 2000)")
            .await;
        if dialer.rows("select count(*) from taken").await == "0" {
            return;
        }
        dialer.run("select count(*) from (select array_agg(attempt_id) as ids, array_agg(token) as tokens from taken) t, lateral dialer.intend('d1', t.ids, t.tokens)").await;
        dialer.run("select dialer.mark_placed(array_agg(attempt_id), array_agg(token), array_agg('p-' || attempt_id)) from taken").await;
        dialer.end_after("0 seconds", OUTCOME).await;
    }
}

/// The operation of the source, with the American sales law in force.
async fn operation() -> Dialer {
    let dialer = Dialer::open().await;
    dialer.clock("2026-12-04 09:00").await;
    dialer
        .run(
            "select dialer.set_limits('voice', 2000);
             select dialer.load_calling_rules('us-2026-11'); select dialer.choose_law(null, '{us-2026-11}', '{telemarketing}');
             select dialer.begin_backfill('voice', 'spring', '2026-12-01', '2026-12-04')",
        )
        .await;
    dialer.run(&format!("select dialer.take_backfill(1, ({CALLS_BEFORE}), null)")).await;
    dialer
}

// R031, R062, R063, R065, R083, R188, R193, R221, R230, C7, C14, C36: 6,300 calls on each of the first two days, and hardly fewer later.
#[tokio::test]
async fn five_days_of_redialling_under_the_law_of_each_state() {
    let dialer = operation().await;
    dry_run(&dialer).await;
    dialer.run("select dialer.apply_backfill(1, 2000)").await;
    for day in DAYS {
        for step in STEPS {
            dialer.clock(&format!("{day} {step}")).await;
            call_all(&dialer).await;
        }
    }
    the_days(&dialer).await;
    the_law(&dialer).await;
    the_stops(&dialer).await;
    the_report(&dialer).await;
    dialer.sound().await;
}

async fn dry_run(dialer: &Dialer) {
    dialer
        .check(
            "select numbers, redial, sale, dnc, expected_a_day from dialer.backfill_summary(1)",
            expect!["880 | 850 | 20 | 10 | 6800"],
        )
        .await;
    dialer
        .check(
            "select jurisdictions, numbers, policy_a_day, law_a_day, rule, expected_a_day from dialer.backfill_by_law(1)",
            expect![[r#"
                US-GA | 750 | 8 | - | - | 6000
                US-FL | 100 | 8 | 3 | us-fl-3-in-24h (Fla. Stat. 501.616(6)(b)) | 300"#]],
        )
        .await;
    dialer.check("select count(*) from dialer.call", expect!["0"]).await;
}

async fn the_days(dialer: &Dialer) {
    dialer
        .check(
            "select a.dialled_at::date, count(*) filter (where e.address like '+1404%') as georgia, count(*) filter (where e.address like '+1305%') as florida
             from dialer.attempt a join dialer.endpoint e using (endpoint_id) where a.dispatcher = 'd1' group by 1 order by 1",
            expect![[r#"
                2026-12-04 | 6000 | 300
                2026-12-07 | 6000 | 300
                2026-12-08 | 5818 | 292
                2026-12-09 | 5792 | 288
                2026-12-10 | 5792 | 288"#]],
        )
        .await;
}

async fn the_law(dialer: &Dialer) {
    // Nobody in Florida more than three times in any 24 hours; nobody anywhere more than eight times a day.
    dialer
        .check(
            "select max(n) filter (where florida), max(n) filter (where not florida) from (
                 select e.address like '+1305%' as florida, (select count(*) from dialer.attempt b where b.contact_id = a.contact_id and b.dialled_at > a.dialled_at - interval '24 hours'
                     and b.dialled_at <= a.dialled_at) as n
                 from dialer.attempt a join dialer.endpoint e using (endpoint_id) where a.dispatcher = 'd1') x",
            expect!["3 | 8"],
        )
        .await;
    dialer
        .check(
            "select distinct decision -> 'law' -> 'jurisdictions', decision -> 'law' -> 'rules' from dialer.attempt where dispatcher = 'd1' order by 1",
            expect![[r#"
                ["US-FL"] | ["us-fl", "us-fl-3-in-24h", "us-telemarketing", "us-telemarketing-ftc"]
                ["US-GA"] | ["us-telemarketing", "us-telemarketing-ftc"]"#]],
        )
        .await;
    dialer
        .check(
            "select count(*), count(*) filter (where jurisdictions = 'US-FL'), min(local_time), count(distinct rules) from dialer.compliance_export('+13055550001')",
            expect!["16 | 15 | Fri 2026-12-04 11:00:00 | 1"],
        )
        .await;
}

async fn the_stops(dialer: &Dialer) {
    dialer
        .check(
            "select a.outcome, count(distinct a.contact_id), count(b.attempt_id) as after_it from dialer.attempt a
             left join dialer.attempt b on b.contact_id = a.contact_id and b.dialled_at > a.dialled_at
             where a.outcome in ('sale', 'dnc') and a.dispatcher = 'd1' group by 1 order by 1",
            expect![[r#"
                sale | 17 | 0
                dnc | 13 | 0"#]],
        )
        .await;
}

async fn the_report(dialer: &Dialer) {
    const BY_HAND: &str = "
        with l as (select c.*, exists (select from dialer.attempt a where a.call_id = c.call_id and a.outcome = 'dnc') as refused from dialer.call c where created_at >= '2026-12-04')
        select 'total_leads', count(*) from l union all select 'active_for_redial', count(*) from l where ended_at is null
        union all select 'completed_sale', count(*) from l where ended_at is not null and outcome = 'sale'
        union all select 'completed_dnc', count(*) from l where ended_at is not null and refused";
    dialer
        .check(
            &format!(
                "select h.*, r.calls from ({BY_HAND}) h(measure, by_hand) left join dialer.report_breakdown('2026-12-04', '2026-12-31') r using (measure)
                 where r.calls is distinct from h.by_hand"
            ),
            expect![""],
        )
        .await;
    dialer
        .check(
            "select measure, calls from dialer.report_breakdown('2026-12-04', '2026-12-31') where calls > 0",
            expect![[r#"
                total_leads | 850
                active_for_redial | 820
                completed_sale | 17
                completed_dnc | 13
                should_continue | 820
                non_sale | 833
                non_dnc | 837
                non_sale_non_dnc | 820"#]],
        )
        .await;
}
