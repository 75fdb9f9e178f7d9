//! Calls that come back: by the wall clock, whatever became of the ones before.

use crate::dialer::Dialer;
use expect_test::expect;

const SERIES: &str =
    "select state, next_at, occurrence_count, left_out_count, end_reason from dialer.series";
const CALLS: &str = "select occurrence, state, coalesce(end_reason, wait_reason), due_at from dialer.call order by call_id";

async fn with_series(start: &str, rule: &str) -> Dialer {
    let dialer = Dialer::open().await;
    dialer
        .run(&format!("select dialer.schedule_series('spring', '+12125550101', '{start}', '{rule}', 'America/New_York', name => 'Ada')"))
        .await;
    dialer
}

/// What a tick makes of the series at an instant.
async fn at(dialer: &Dialer, clock: &str) {
    dialer.clock(clock).await;
    dialer.rows("select * from dialer.tick()").await;
}

// R087, C26
#[tokio::test]
async fn occurrences_come_by_the_rule_whatever_became_of_those_before() {
    let dialer = with_series("2026-12-04 12:30", "FREQ=DAILY;COUNT=6").await;
    dialer.check(SERIES, expect!["active | 2026-12-04 12:30:00-05 | 0 | 0 | -"]).await;
    dialer.check(CALLS, expect![""]).await;
    at(&dialer, "2026-12-04 12:29:30").await;
    dialer.check(CALLS, expect!["1 | scheduled | - | 2026-12-04 12:30:00-05"]).await;
    at(&dialer, "2026-12-04 12:30").await;
    assert_eq!(dialer.place().await, "1");
    dialer.end("no_answer").await;
    // The weekend has no hours: Monday's own serves for all three.
    at(&dialer, "2026-12-05 12:30").await;
    at(&dialer, "2026-12-06 12:30").await;
    dialer.check(SERIES, expect!["active | 2026-12-07 12:30:00-05 | 3 | 2 | -"]).await;
    at(&dialer, "2026-12-07 12:29:30").await;
    dialer
        .check(
            CALLS,
            expect![[r#"
        1 | cancelled | superseded | 2026-12-04 12:32:00-05
        4 | scheduled | - | 2026-12-07 12:30:00-05"#]],
        )
        .await;
    // A dispatcher that was away for a day makes the last of what it missed.
    at(&dialer, "2026-12-09 12:31").await;
    dialer
        .check(
            CALLS,
            expect![[r#"
        1 | cancelled | superseded | 2026-12-04 12:32:00-05
        4 | cancelled | superseded | 2026-12-07 12:30:00-05
        6 | scheduled | - | 2026-12-09 12:31:00-05"#]],
        )
        .await;
    dialer.check(SERIES, expect!["ended | - | 6 | 3 | the rule has ended"]).await;
    dialer.sound().await;
}

// C27
#[tokio::test]
async fn the_wall_clock_stays_across_daylight_saving_and_the_31st_is_the_last_day() {
    let dialer = with_series("2026-01-31 14:00", "FREQ=MONTHLY").await;
    for clock in ["2026-12-31 14:00", "2027-01-31 14:00", "2027-02-28 14:00", "2027-03-31 14:00"] {
        at(&dialer, clock).await;
    }
    dialer
        .check(
            "select occurrence, planned_at from dialer.call order by call_id",
            expect![[r#"
            1 | 2026-12-31 14:00:00-05
            2 | 2027-02-01 11:00:00-05
            3 | 2027-03-01 11:00:00-05
            4 | 2027-03-31 14:00:00-04"#]],
        )
        .await;
    dialer.check(SERIES, expect!["active | 2027-04-30 14:00:00-04 | 4 | 0 | -"]).await;
}

// R086
#[tokio::test]
async fn a_cancelled_series_takes_what_waits_of_it_along() {
    let dialer = with_series("2026-12-04 12:30", "FREQ=WEEKLY").await;
    at(&dialer, "2026-12-04 12:29:30").await;
    dialer.check("select dialer.cancel_series(1)", expect!["1"]).await;
    dialer.check(CALLS, expect!["1 | cancelled | series_cancelled | 2026-12-04 12:30:00-05"]).await;
    dialer.check(SERIES, expect!["cancelled | - | 1 | 0 | cancelled by a person"]).await;
    at(&dialer, "2026-12-25 12:30").await;
    dialer.check("select count(*) from dialer.call", expect!["1"]).await;
    dialer
        .check_refusal(
            "select dialer.cancel_series(1)",
            expect![[r#"
        PD029: series 1 has been cancelled
        hint: Nothing is left to cancel."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.cancel_series(7)",
            expect![[r#"
        PD028: series 7 does not exist
        hint: Series of this tenant are in dialer.series."#]],
        )
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_series_of_a_stopped_campaign_ends_and_one_of_a_forbidden_number_calls_nobody() {
    let dialer = with_series("2026-12-04 12:30", "FREQ=DAILY").await;
    dialer.run("select dialer.add_do_not_call('+12125550101')").await;
    at(&dialer, "2026-12-04 12:30").await;
    dialer.check(CALLS, expect![""]).await;
    dialer.run("select dialer.stop_campaign('spring')").await;
    at(&dialer, "2026-12-07 12:30").await;
    dialer.check(SERIES, expect!["ended | - | 1 | 0 | the campaign was stopped"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_series_that_cannot_be_made_ends_and_holds_nobodys_upkeep_up() {
    let dialer = with_series("2026-12-04 12:30", "FREQ=DAILY").await;
    dialer
        .run("select dialer.schedule_series('spring', '+12125550102', '2026-12-04 12:30', 'FREQ=DAILY', 'America/New_York')")
        .await;
    dialer.run("update dialer.series set rule = 'FREQ=HOURLY' where series_id = 1").await;
    at(&dialer, "2026-12-04 12:29:30").await;
    dialer.check(CALLS, expect!["1 | scheduled | - | 2026-12-04 12:30:00-05"]).await;
    dialer
        .check(
            "select state, end_reason from dialer.series order by series_id",
            expect![[r#"
            ended | it cannot be made: invalid recurrence rule at byte 1: "FREQ=HOURLY"
            active | -"#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.schedule_series('spring', '+12125550103', '2026-12-04 12:30', 'FREQ=DAILY', 'America/New_York', payload => '[]')",
            expect![[r#"
                PD013: the payload of a series is no object of variables
                detail: The payload is an object, and so are its settings where it has any.
                hint: E.g. payload => '{"topic": "renewal"}'."#]],
        )
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_series_says_what_is_wrong_with_it() {
    let dialer = Dialer::open().await;
    let refused = |start: &str, rule: &str, tz: &str| {
        format!(
            "select dialer.schedule_series('spring', '+12125550101', '{start}', '{rule}', '{tz}')"
        )
    };
    dialer
        .check_refusal(
            &refused("2026-12-04 12:30", "FREQ=HOURLY", "America/New_York"),
            expect![[r#"
            PD013: invalid recurrence rule at byte 1: "FREQ=HOURLY"
            detail: FREQ=HOURLY is not supported.
            hint: Write for example FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;COUNT=10."#]],
        )
        .await;
    dialer
        .check_refusal(&refused("2026-12-04 12:30", "FREQ=DAILY", "Mars/Olympus"), expect![[r#"
            PD011: unknown time zone "Mars/Olympus"
            detail: A zone is an IANA name that this server knows; abbreviations and fixed offsets are refused.
            hint: Use a name such as America/New_York, or UTC; dialer.is_zone(name) tells whether one is known."#]])
        .await;
    dialer
        .check_refusal(
            &refused("2026-11-01 12:30", "FREQ=DAILY;COUNT=3", "America/New_York"),
            expect![[r#"
                PD027: the series "FREQ=DAILY;COUNT=3" from 2026-11-01 12:30:00 has no occurrence after 2026-12-04 12:00:00-05
                hint: Give a later end, or an earlier start."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.series_rule('hourly')",
            expect![[r#"
        PD013: a series cannot come back "hourly" with step 1 and times null
        detail: every is daily, weekly, monthly or yearly; step is 1 to 1000; times is 1 or more.
        hint: For anything else write an RFC 5545 RRULE, such as FREQ=WEEKLY;BYDAY=MO,WE."#]],
        )
        .await;
    dialer.check("select dialer.series_rule('daily', 1, '2026-12-31'), dialer.series_rule('weekly', 2, times => 12)", expect!["FREQ=DAILY;UNTIL=20261231T235959 | FREQ=WEEKLY;INTERVAL=2;COUNT=12"]).await;
}

#[tokio::test]
async fn a_day_for_which_no_bans_are_loaded_is_left_out_and_ends_no_series() {
    let dialer = with_series("2026-12-07 12:30", "FREQ=DAILY").await;
    dialer
        .run("select dialer.import_closures(null, '2026-12-05', 'ban', until_on => '2026-12-06')")
        .await;
    at(&dialer, "2026-12-07 12:30").await;
    dialer.check(SERIES, expect!["active | 2026-12-08 12:30:00-05 | 1 | 1 | -"]).await;
    dialer.check(CALLS, expect![""]).await;
    dialer.run("select dialer.import_closures(null, '2027-12-24', 'ban', from_on => '2026-12-07', until_on => '2027-12-31')").await;
    at(&dialer, "2026-12-08 12:30").await;
    dialer.check(CALLS, expect!["2 | scheduled | - | 2026-12-08 12:30:00-05"]).await;
    dialer.sound().await;
}

// R086, R227: whoever asks about a number is told of its series, next run and all.
#[tokio::test]
async fn series_are_found_by_the_person_and_the_campaign() {
    let dialer = with_series("2026-12-04 12:30", "FREQ=DAILY").await;
    let found = "select series_id, contact, address, next_local from dialer.find_series";
    let ada = "1 | Ada | +12125550101 | 2026-12-04T12:30:00-05:00";
    for (asked, rows) in [
        ("", ada),
        ("person => '(212) 555-0101'", ada),
        ("person => 'ad', campaign => 'spring', state => 'active'", ada),
        ("person => '+12125550102'", ""),
        ("person => '%'", ""),
    ] {
        assert_eq!(dialer.rows(&format!("{found}({asked})")).await, rows, "{asked}");
    }
}
