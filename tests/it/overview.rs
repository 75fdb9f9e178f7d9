//! How it stands: bounded counts, and the same numbers as the reports have.

use crate::dialer::Dialer;
use expect_test::expect;

// R203, R194
#[tokio::test]
async fn the_overview_counts_what_waits_and_what_is_open() {
    let dialer = Dialer::open().await;
    dialer.people(5).await;
    dialer.run("select dialer.schedule_call('spring', '+12125550199', '2026-12-07 15:00Z', tz => 'America/New_York')").await;
    dialer.run("select dialer.create_campaign('draft', 'voice', 'Mo-Fr 11:00-20:00'); select dialer.schedule_call('draft', '+12125550198', tz => 'America/New_York')").await;
    let shown = "select due, outside_hours, later, held, next_due_at, claimed, dialling, ringing, answered, stuck, queue_paused from dialer.overview(most => 4)";
    dialer
        .check(shown, expect!["4 | 0 | 1 | 1 | 2026-12-07 11:00:00-05 | 0 | 0 | 0 | 0 | 0 | f"])
        .await;
    dialer.place().await;
    dialer
        .check(shown, expect!["3 | 0 | 1 | 1 | 2026-12-07 11:00:00-05 | 0 | 2 | 0 | 0 | 0 | f"])
        .await;
    // At night they are still due, and nobody is called.
    dialer.clock("2026-12-04 23:00").await;
    dialer
        .check(
            "select due, outside_hours, later from dialer.overview(most => 4)",
            expect!["0 | 3 | 1"],
        )
        .await;
    dialer.clock("2026-12-04 12:00").await;
    dialer
        .check(
            "select name, in_use, max_concurrent, started_last_minute from dialer.accounts_in_use()",
            expect!["voice | 2 | 2 | 2"],
        )
        .await;
    dialer.clock("2026-12-04 15:00").await;
    dialer
        .check(
            "select call_id, state, why from dialer.find_stuck()",
            expect![[r#"
        1 | placed | its grace time is over and no tick has ended it
        2 | placed | its grace time is over and no tick has ended it"#]],
        )
        .await;
}

// R189, R203: the dashboard's outcomes are those of the report.
#[tokio::test]
async fn the_outcomes_of_today_are_those_of_the_report() {
    let dialer = Dialer::open().await;
    dialer.people(6).await;
    for outcome in ["no_answer", "sale", "busy"] {
        dialer.place().await;
        dialer.end(outcome).await;
    }
    let different = "
        select o.outcome, o.attempts, r.value
        from dialer.outcomes_today('America/New_York') o
        full join (select substr(measure, 9) as outcome, value from dialer.report_today('America/New_York') where measure ^@ 'outcome_') r on r.outcome = o.outcome::text
        where o.attempts is distinct from r.value";
    dialer.check(different, expect![[""]]).await;
    dialer
        .check(
            "select * from dialer.outcomes_today('America/New_York')",
            expect![[r#"
        no_answer | 2
        busy | 2
        sale | 2"#]],
        )
        .await;
    // Tomorrow has none of them.
    dialer.clock("2026-12-05 00:00").await;
    dialer.check("select * from dialer.outcomes_today('America/New_York')", expect![[""]]).await;
}
