//! Reports of staggers and capacity, beside figures that were found by hand.

use crate::dialer::Dialer;
use expect_test::expect;

const STAGGER: &str =
    "select measure, value from dialer.report_stagger('spring', '2026-12-04', '2026-12-05')";

// R019
#[tokio::test]
async fn a_stagger_is_judged_by_what_became_of_it() {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.set_limits('voice', 2)").await;
    dialer
        .check(
            STAGGER,
            expect![[r#"
        calls_planned | 0
        instants | 0
        most_at_one_instant | 0
        calls_begun | 0
        median_delay_seconds | -
        worst_delay_seconds | -
        peak_at_once | 0"#]],
        )
        .await;
    dialer
        .run(
            "select dialer.schedule_call('spring', '+1212555010' || i, timestamptz '2026-12-04 12:00-05' + i / 2 * interval '1 minute', tz => 'America/New_York')
             from generate_series(1, 4) i",
        )
        .await;
    for (begins, ends) in
        [("12:00:30", "12:00:50"), ("12:01:10", "12:01:40"), ("12:02", "12:02:30")]
    {
        dialer.clock(&format!("2026-12-04 {begins}")).await;
        dialer.run("drop table if exists mine").await;
        dialer.place().await;
        dialer.clock(&format!("2026-12-04 {ends}")).await;
        dialer.end("completed").await;
    }
    dialer
        .check(
            STAGGER,
            expect![[r#"
                calls_planned | 4
                instants | 3
                most_at_one_instant | 2
                calls_begun | 4
                median_delay_seconds | 10.000
                worst_delay_seconds | 30.000
                peak_at_once | 2"#]],
        )
        .await;
}

// R030, R031
#[tokio::test]
async fn capacity_is_arithmetic_that_everybody_can_follow() {
    let dialer = Dialer::open().await;
    // The figures of a team that calls 980 people eight times in nine hours.
    dialer
        .check(
            "select measure, value from dialer.capacity(980, 8, '9 hours', 30)",
            expect![[r#"
            calls_a_day | 7840
            calls_a_minute | 14.52
            calls_at_once | 36.30
            ceiling_a_day | 6480
            contacts_served | 810"#]],
        )
        .await;
    dialer.check_refusal("select dialer.capacity(980, 0, '9 hours', 30)", expect![[r#"
        PD015: there is no capacity to compute
        detail: contacts 980, attempts_a_day 0, open_a_day 09:00:00, max_concurrent 30, average_call 00:02:30
        hint: Give contacts of 0 or more, at least one attempt and one line, a day open for a minute to 24 hours, and a call longer than nothing."#]]).await;
    dialer.check_refusal("select dialer.capacity(980, 8, null, 30)", expect![[r#"
        PD015: there is no capacity to compute
        detail: contacts 980, attempts_a_day 8, open_a_day , max_concurrent 30, average_call 00:02:30
        hint: Give contacts of 0 or more, at least one attempt and one line, a day open for a minute to 24 hours, and a call longer than nothing."#]]).await;
}

#[tokio::test]
async fn reports_know_their_zone() {
    let dialer = Dialer::open().await;
    dialer.people(2).await;
    dialer.check("select measure, calls from dialer.report_totals('spring', tz => 'America/New_York') limit 2", expect![[r#"
        total_leads | 2
        active | 2"#]]).await;
    dialer
        .check_refusal(
            "select dialer.report_totals(tz => 'Mars/Olympus')",
            expect![[r#"
        PD011: time zone "Mars/Olympus" is not known
        detail: Zones are IANA names such as America/New_York.
        hint: See pg_timezone_names."#]],
        )
        .await;
}
