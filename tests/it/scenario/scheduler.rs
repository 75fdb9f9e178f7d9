//! The call scheduler with its queue: calls for an agent at a time, business hours in Kolkata, calls
//! that come back each day, week and month, failures that end nothing.

use crate::dialer::Dialer;
use expect_test::expect;

/// An agent that may call at any hour, and business hours that come with the calls; Saturday, 1 November 2025.
async fn office() -> Dialer {
    let dialer = Dialer::closed().await;
    at(&dialer, "2025-11-01 10:00").await;
    dialer
        .run("select dialer.create_campaign('agent-1', 'voice', '24/7', policy => 'once', settings => '{\"assistantId\": \"a1\"}'); select dialer.start_campaign('agent-1')")
        .await;
    dialer
}

/// Sets the clock; Kolkata's wall clock.
async fn at(dialer: &Dialer, clock: &str) {
    dialer
        .run(&format!("set dialer.clock = '{clock} Asia/Kolkata'; set timezone = 'Asia/Kolkata'"))
        .await;
}

/// The clock comes to an instant, and the ticks do what is due.
async fn come_to(dialer: &Dialer, clock: &str) {
    at(dialer, clock).await;
    dialer.rows("select * from dialer.tick()").await;
}

/// To be selected from: a call of the user u1 to somebody in Kolkata.
fn schedule(number: &str, due_at: &str, more: &str) -> String {
    format!(
        "dialer.schedule_for_agent('agent-1', '{number}', '{due_at}', owner => 'u1', tz => 'Asia/Kolkata'{more})"
    )
}

/// What a call that is scheduled for an instant comes to.
async fn scheduled(dialer: &Dialer, due_at: &str, more: &str) -> String {
    let call = schedule("+919812345678", due_at, more);
    dialer
        .rows(&format!("select id, to_char(scheduled_for at time zone 'UTC', 'YYYY-MM-DD HH24:MI\"Z\"'), scheduled_for_local, weekday, adjusted from {call}"))
        .await
}

/// A call that may not be scheduled, and why not.
async fn not_scheduled(dialer: &Dialer, due_at: &str, more: &str, why: expect_test::Expect) {
    let call = schedule("+919812345678", due_at, more);
    dialer.check_refusal(&format!("select from {call}"), why).await;
}

/// Wall clocks of the calls of a series, as planned.
async fn planned(dialer: &Dialer, format: &str, series_id: i32) -> String {
    dialer
        .rows(&format!("select string_agg(to_char(planned_at, '{format}'), ', ' order by planned_at) from dialer.call where series_id = {series_id}"))
        .await
}

const OFFICE_HOURS: &str = ", hours => 'Mo-Fr 09:00-18:00', hours_tz => 'Asia/Kolkata'";

/// Lives through some days: at ten o'clock the calls that are due go out and end so.
async fn days(dialer: &Dialer, from: &str, count: i32, outcomes: [&str; 2]) {
    for day in 0..count {
        let date = dialer.rows(&format!("select date '{from}' + {day}")).await;
        come_to(dialer, &format!("{date} 09:59:30")).await;
        come_to(dialer, &format!("{date} 10:00")).await;
        dialer.place().await;
        dialer.end(outcomes[day as usize % 2]).await;
    }
}

const SERIES: &str =
    "select state, occurrence_count, left_out_count, end_reason from dialer.series order by 1";

// R033, R035, R036, R041, R047, R048, R049, R058, R061, C22, C25: the source's own adjustments, in the zone they mean.
#[tokio::test]
async fn business_hours_in_kolkata_are_kolkata_s() {
    let dialer = office().await;
    let mut told = Vec::new();
    for due_at in [
        // Saturday 20:00Z is Sunday 01:30 there; two in the afternoon on Saturday; before nine; at six; a minute before; and at ten.
        "2025-11-01 20:00Z",
        "2025-11-08 14:00+05:30",
        "2025-11-04 07:15+05:30",
        "2025-11-04 18:00+05:30",
        "2025-11-04 17:59+05:30",
        "2025-11-04 10:00+05:30",
    ] {
        told.push(scheduled(&dialer, due_at, OFFICE_HOURS).await);
    }
    expect![[r#"
        1 | 2025-11-03 03:30Z | 2025-11-03T09:00:00+05:30 | Monday | t
        2 | 2025-11-10 03:30Z | 2025-11-10T09:00:00+05:30 | Monday | t
        3 | 2025-11-04 03:30Z | 2025-11-04T09:00:00+05:30 | Tuesday | t
        4 | 2025-11-05 03:30Z | 2025-11-05T09:00:00+05:30 | Wednesday | t
        5 | 2025-11-04 12:29Z | 2025-11-04T17:59:00+05:30 | Tuesday | f
        6 | 2025-11-04 04:30Z | 2025-11-04T10:00:00+05:30 | Tuesday | f"#]]
    .assert_eq(&told.join("\n"));
    // Hours are kept only where they are asked for.
    expect!["7 | 2025-11-08 08:30Z | 2025-11-08T14:00:00+05:30 | Saturday | f"]
        .assert_eq(&scheduled(&dialer, "2025-11-08 14:00+05:30", "").await);
    let past = expect![[r#"
        PD027: scheduled time 2025-10-31 15:30:00+05:30 is not in the future
        detail: It is now 2025-11-01 10:00:00+05:30.
        hint: Give a later time."#]];
    not_scheduled(&dialer, "2025-10-31 10:00Z", "", past).await;
    for more in ["", ", every => 'daily'"] {
        let mistyped = expect![[r#"
            PD027: due time 9999-12-31 10:00:00+05:30 is more than 100 years ahead
            detail: It is now 2025-11-01 10:00:00+05:30.
            hint: Correct the year."#]];
        not_scheduled(&dialer, "9999-12-31 10:00+05:30", more, mistyped).await;
    }
    dialer.sound().await;
}

// C23, C24: a date that is another weekday, and an hour at which nobody is called in New York.
#[tokio::test]
async fn a_weekday_is_that_of_its_date_and_no_conversion_wakes_anybody() {
    let dialer = office().await;
    let another = expect![[r#"
        PD053: 2025-11-04 is a Tuesday in Asia/Kolkata, not a Monday
        detail: A weekday that is stated has to be that of the date, on the wall clock of the zone.
        hint: Correct the date or the weekday, or leave the weekday out."#]];
    not_scheduled(&dialer, "2025-11-04 10:00+05:30", ", weekday => 'Monday'", another).await;
    for none in ["T", "Tuesdays", "Martes", "%"] {
        let call =
            schedule("+919812345678", "2025-11-04 10:00+05:30", &format!(", weekday => '{none}'"));
        let refusal = dialer.refusal(&format!("select from {call}")).await;
        assert!(refusal.starts_with("PD053"), "{none}: {refusal}");
    }
    for same in ["Tuesday", "tue", "TUES.", "Tu"] {
        let more = format!(", weekday => '{same}'");
        let told = scheduled(&dialer, "2025-11-04 10:00+05:30", &more).await;
        assert!(told.ends_with("| Tuesday | f"), "{same}: {told}");
    }
    dialer.run("select dialer.create_campaign('day', 'voice', 'Mo-Fr 09:00-17:00')").await;
    // Half past one in the afternoon in Kolkata is three in the morning there.
    dialer
        .check("select scheduled_for_local, adjustment from dialer.schedule_for_agent('day', '+12125550101', '2025-11-04 13:30+05:30', tz => 'America/New_York')", expect!["2025-11-04T09:00:00-05:00 | Tuesday 2025-11-04 03:00 in America/New_York is outside the calling window (Mo-Fr 09:00-17:00 in America/New_York)"])
        .await;
    // Both windows at once never open.
    dialer
        .check_refusal(
            "select dialer.schedule_for_agent('day', '+12125550101', '2025-11-04 13:30+05:30', tz => 'America/New_York', hours => 'Mo-Fr 09:00-18:00', hours_tz => 'Asia/Kolkata')",
            expect![[r#"
                PD027: the calling window of agent "day" never opens for this call
                detail: Its hours, with those of the call, have no opening in the zone of the contact, or no zone is known.
                hint: State the timezone of the contact, or other business hours."#]],
        )
        .await;
}

// R085, R086, R087, R088, C26: every day at ten for thirty days, whatever became of the day before.
#[tokio::test]
async fn every_day_at_ten_for_thirty_days() {
    let dialer = office().await;
    let more = ", every => 'daily', times => 30";
    expect!["series-1 | 2025-11-03 04:30Z | 2025-11-03T10:00:00+05:30 | Monday | f"]
        .assert_eq(&scheduled(&dialer, "2025-11-03 10:00+05:30", more).await);
    days(&dialer, "2025-11-03", 31, ["no_answer", "provider_fault"]).await;
    dialer
        .check(
            "select count(*), count(distinct c.occurrence), min(planned_at), max(planned_at), count(*) filter (where to_char(planned_at, 'HH24:MI') = '10:00') from dialer.call c",
            expect!["30 | 30 | 2025-11-03 10:00:00+05:30 | 2025-12-02 10:00:00+05:30 | 30"],
        )
        .await;
    dialer.check(SERIES, expect!["ended | 30 | 0 | the rule has ended"]).await;
    dialer.check("select id, status, occurrence_number, parent_scheduled_call_id from dialer.scheduled_calls('u1', limit_ => 3)", expect![[r#"
        30 | completed | 30 | series-1
        29 | completed | 29 | series-1
        28 | cancelled | 28 | series-1"#]]).await;
    dialer.sound().await;
}

// C27: on weekdays only, Saturday and Sunday make no heap on Monday, and nothing drifts.
#[tokio::test]
async fn a_daily_call_on_weekdays_leaves_the_weekend_out() {
    let dialer = office().await;
    let more = format!(", every => 'daily', until_on => '2025-12-02'{OFFICE_HOURS}");
    scheduled(&dialer, "2025-11-03 10:00+05:30", &more).await;
    dialer
        .check(
            "select occurrence, planned_local, weekday, left_out from dialer.series_ahead(1, 8)",
            expect![[r#"
                1 | 2025-11-03T10:00:00+05:30 | Monday | f
                2 | 2025-11-04T10:00:00+05:30 | Tuesday | f
                3 | 2025-11-05T10:00:00+05:30 | Wednesday | f
                4 | 2025-11-06T10:00:00+05:30 | Thursday | f
                5 | 2025-11-07T10:00:00+05:30 | Friday | f
                6 | 2025-11-10T09:00:00+05:30 | Monday | t
                7 | 2025-11-10T09:00:00+05:30 | Monday | t
                8 | 2025-11-10T10:00:00+05:30 | Monday | f"#]],
        )
        .await;
    days(&dialer, "2025-11-03", 31, ["completed", "no_answer"]).await;
    dialer.check("select to_char(planned_at, 'Dy HH24:MI'), count(*) from dialer.call group by 1, extract(isodow from planned_at) order by extract(isodow from planned_at)", expect![[r#"
        Mon 10:00 | 5
        Tue 10:00 | 5
        Wed 10:00 | 4
        Thu 10:00 | 4
        Fri 10:00 | 4"#]]).await;
    dialer.check(SERIES, expect!["ended | 30 | 8 | the rule has ended"]).await;
}

// R085, R088: every Monday until 31 December, and the first of every month twelve times.
#[tokio::test]
async fn every_monday_until_the_end_of_the_year_and_the_first_of_twelve_months() {
    let dialer = office().await;
    let mondays = ", every => 'weekly', until_on => '2025-12-31', weekday => 'Monday'";
    scheduled(&dialer, "2025-11-03 10:00+05:30", mondays).await;
    days(&dialer, "2025-11-03", 62, ["no_answer", "completed"]).await;
    expect!["Mon 11-03 10:00, Mon 11-10 10:00, Mon 11-17 10:00, Mon 11-24 10:00, Mon 12-01 10:00, Mon 12-08 10:00, Mon 12-15 10:00, Mon 12-22 10:00, Mon 12-29 10:00"]
        .assert_eq(&planned(&dialer, "Dy MM-DD HH24:MI", 1).await);
    dialer.check(SERIES, expect!["ended | 9 | 0 | the rule has ended"]).await;
    at(&dialer, "2026-01-01 08:00").await;
    scheduled(&dialer, "2026-01-01 10:00+05:30", ", every => 'monthly', times => 12").await;
    days(&dialer, "2026-01-01", 340, ["no_answer", "completed"]).await;
    expect!["01-01, 02-01, 03-01, 04-01, 05-01, 06-01, 07-01, 08-01, 09-01, 10-01, 11-01, 12-01"]
        .assert_eq(&planned(&dialer, "MM-DD", 2).await);
    // The 31st is the last day where there is none, and counted from the start it is the 31st again.
    at(&dialer, "2026-12-31 08:00").await;
    scheduled(&dialer, "2027-01-31 10:00+05:30", ", every => 'monthly', times => 12").await;
    dialer.check("select string_agg(to_char(planned_at, 'MM-DD'), ' ' order by occurrence) from dialer.series_ahead(3, 12)", expect!["01-31 02-28 03-31 04-30 05-31 06-30 07-31 08-31 09-30 10-31 11-30 12-31"]).await;
}

// R086, R087: cancelling an occurrence ends what would follow; both ends may be stated, the nearer holds.
#[tokio::test]
async fn a_series_ends_by_hand_and_by_whichever_end_comes_first() {
    let dialer = office().await;
    for ends in ["until_on => '2025-11-30', times => 3", "until_on => '2025-11-04', times => 30"] {
        let more = format!(", every => 'daily', {ends}");
        scheduled(&dialer, "2025-11-03 10:00+05:30", &more).await;
    }
    dialer
        .check(
            "select rule from dialer.series order by series_id",
            expect![[r#"
        FREQ=DAILY;COUNT=3
        FREQ=DAILY;UNTIL=20251104T235959"#]],
        )
        .await;
    come_to(&dialer, "2025-11-03 09:59:30").await;
    dialer.check("select id, status, next_run from dialer.cancel_scheduled((select min(call_id)::text from dialer.call where series_id = 1))", expect!["1 | cancelled | -"]).await;
    dialer
        .check(
            "select series_id, state, end_reason from dialer.series order by 1",
            expect![[r#"
                1 | cancelled | cancelled by a person
                2 | active | -"#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.cancel_scheduled('series-1')",
            expect![[r#"
        PD029: series 1 has been cancelled
        hint: Nothing is left to cancel."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.cancel_scheduled('series-99')",
            expect![[r#"
        PD028: series 99 does not exist
        hint: Series of this tenant are in dialer.series."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.reschedule_scheduled('series-2', '2025-11-05 10:00Z')",
            expect![[r#"
                PD029: series-2 is a series and has no single time
                detail: Its occurrences follow from the rule and its start.
                hint: Reschedule one of its calls, or cancel the series and schedule another."#]],
        )
        .await;
    dialer.sound().await;
}

// R072, R079, R080, R104, C20, C21: what could not be dispatched is dispatched again after 2 and 4 seconds: three tries have two waits.
#[tokio::test]
async fn a_failed_dispatch_is_tried_again_and_is_no_outcome_of_the_call() {
    let dialer = office().await;
    dialer
        .run("insert into dialer.redial_policy (tenant_id, name, ladder, ladder_scope, max_lifetime, final_outcomes, technical_ladder, technical_max)
              values (1, 'three-tries', '{0}', 'lifetime', 1, '{completed,no_answer,busy,voicemail}', '{2 s,4 s}', 2);
              select dialer.edit_campaign('agent-1', '{\"policy\": \"three-tries\"}')")
        .await;
    scheduled(&dialer, "2025-11-03 10:00+05:30", "").await;
    let mut told = Vec::new();
    for clock in ["10:00:00", "10:00:02", "10:00:06"] {
        at(&dialer, &format!("2025-11-03 {clock}")).await;
        let placed = dialer.place().await;
        dialer.end("provider_fault").await;
        told.push(
            placed
                + " | "
                + &dialer
                    .rows(
                        "select state, coalesce(wait_reason, end_reason), due_at from dialer.call",
                    )
                    .await,
        );
    }
    expect![[r#"
        1 | scheduled | provider_fault | 2025-11-03 10:00:02+05:30
        1 | scheduled | provider_fault | 2025-11-03 10:00:06+05:30
        1 | failed | technical_retries_spent | 2025-11-03 10:00:06+05:30"#]]
    .assert_eq(&told.join("\n"));
    dialer
        .check(
            "select status, failure_reason, can_cancel from dialer.scheduled_call_named('1')",
            expect!["failed | technical_retries_spent | f"],
        )
        .await;
    dialer.sound().await;
}

// R037, R038, R039, R040, R042, R166, R169, R182, R194, C5, C6, R141: what the list shows while a call goes its way.
#[tokio::test]
async fn a_call_is_pending_processing_and_completed_in_the_words_of_the_scheduler() {
    let dialer = office().await;
    for (number, priority) in [("+919812345670", 10), ("+919812345671", 1), ("+919812345672", 5)] {
        let more = format!(
            ", priority => {priority}, metadata => '{{\"campaignId\": \"c1\", \"customerId\": \"k-{priority}\"}}'"
        );
        let call = schedule(number, "2025-11-03 10:00+05:30", &more);
        dialer.run(&format!("select from {call}")).await;
    }
    let list = "select phone_number, status, can_cancel, priority, metadata ->> 'customerId' from dialer.scheduled_calls('u1', agent => 'agent-1') order by priority";
    dialer
        .check(
            list,
            expect![[r#"
        +919812345671 | pending | t | 1 | k-1
        +919812345672 | pending | t | 5 | k-5
        +919812345670 | pending | t | 10 | k-10"#]],
        )
        .await;
    at(&dialer, "2025-11-03 10:00").await;
    // Two lines: the high and the medium one go first.
    dialer.place().await;
    dialer
        .check(
            list,
            expect![[r#"
        +919812345671 | processing | f | 1 | k-1
        +919812345672 | processing | f | 5 | k-5
        +919812345670 | pending | t | 10 | k-10"#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.cancel_scheduled('2')",
            expect![[r#"
        PD029: call 2 does not wait: it is in_flight
        detail: Only a call in state scheduled can be moved or cancelled.
        hint: A call in flight ends by itself; an ended call can be planned anew."#]],
        )
        .await;
    dialer
        .check(
            "select waiting, active, delayed, total from dialer.queue_stats()",
            expect!["1 | 2 | 0 | 3"],
        )
        .await;
    dialer.end("completed").await;
    dialer
        .check(
            list,
            expect![[r#"
        +919812345671 | completed | f | 1 | k-1
        +919812345672 | completed | f | 5 | k-5
        +919812345670 | pending | t | 10 | k-10"#]],
        )
        .await;
    dialer.check("select call_log_id is not null, processed_at, failed_at from dialer.scheduled_calls('u1', 'completed') order by id", expect![[r#"
        t | 2025-11-03 10:00:00+05:30 | -
        t | 2025-11-03 10:00:00+05:30 | -"#]]).await;
    dialer.check("select count(*) from dialer.scheduled_calls('u2')", expect!["0"]).await;
    dialer.check("select dialer.scheduled_calls_total('u1', 'pending'), dialer.scheduled_calls_total('u1', from_at => '2025-11-04')", expect!["1 | 0"]).await;
    dialer
        .check("select * from dialer.scheduler_stats()", expect!["3 | 1 | 0 | 2 | 0 | 0 | 0"])
        .await;
    dialer.sound().await;
}

// R166: whatever a program has written into a payload, the list of its owner can be read.
#[tokio::test]
async fn a_payload_that_makes_no_sense_hides_nobody_s_list() {
    let dialer = office().await;
    let payload = r#"{"userId": "u1", "metadata": 7, "scheduling": {"respectBusinessHours": "maybe", "timezone": "Mars/Olympus", "businessHours": [], "recurring": "often"}}"#;
    dialer
        .run(&format!(
            "select dialer.schedule_call('agent-1', '+919812345678', '2025-11-03 10:00', tz => 'Asia/Kolkata', payload => '{payload}', expires_at => 'infinity');
             select dialer.schedule_series('agent-1', '+919812345679', '2025-11-03 10:00', 'FREQ=DAILY', 'Asia/Kolkata', payload => '{payload}')"
        ))
        .await;
    dialer
        .check(
            "select id, timezone, scheduled_for_local, respect_business_hours, metadata from dialer.scheduled_calls('u1') order by 1",
            expect![[r#"
                1 | Asia/Kolkata | 2025-11-03T10:00:00+05:30 | f | 7
                series-1 | Asia/Kolkata | 2025-11-03T10:00:00+05:30 | f | 7"#]],
        )
        .await;
    // JSON has no instant for never.
    dialer.check("select expires_at from dialer.find_calls()", expect!["-"]).await;
}

// R034: an agent is one campaign; which of two is meant is not guessed.
#[tokio::test]
async fn an_agent_that_two_campaigns_have_is_named_by_its_campaign() {
    let dialer = office().await;
    for name in ["morning", "evening"] {
        dialer
            .run(&format!("select dialer.create_campaign('{name}', 'voice', '24/7', settings => '{{\"agentId\": \"ada\"}}')"))
            .await;
    }
    dialer
        .check_refusal(
            "select dialer.agent_campaign('ada')",
            expect![[r#"
                PD015: agent "ada" could be any of 2 campaigns
                detail: It is the agentId of morning, evening.
                hint: Name the campaign."#]],
        )
        .await;
    dialer.check("select dialer.agent_campaign('evening')", expect!["evening"]).await;
    dialer.run("select dialer.stop_campaign('morning')").await;
    dialer.check("select dialer.agent_campaign('ada')", expect!["evening"]).await;
}

// R042, R141: calls are found by the campaign and the customer of their metadata, whoever's they are and whether they come back.
#[tokio::test]
async fn calls_are_found_by_what_their_metadata_says() {
    let dialer = office().await;
    for (number, metadata, more) in [
        ("+919812345670", r#"{"campaignId": "c1", "customerId": 77}"#, ""),
        ("+919812345671", r#"{"campaignId": "c1", "customerId": "78"}"#, ", every => 'daily'"),
        ("+919812345672", r#"{"campaignId": "c2", "customerId": "77"}"#, ""),
        ("+919812345673", r#"{"campaignId": null}"#, ""),
        ("+919812345674", "{}", ""),
    ] {
        let call = schedule(
            number,
            "2025-11-03 10:00+05:30",
            &format!(", metadata => '{metadata}'{more}"),
        );
        dialer.run(&format!("select from {call}")).await;
    }
    for (filter, found) in [
        (
            "metadata_campaign => 'c1'",
            expect![[r#"
            +919812345670
            +919812345671"#]],
        ),
        (
            "metadata_customer => '77'",
            expect![[r#"
            +919812345670
            +919812345672"#]],
        ),
        ("metadata_campaign => 'c1', metadata_customer => '78'", expect!["+919812345671"]),
        ("metadata_campaign => 'c3'", expect![""]),
    ] {
        dialer.check(&format!("select distinct phone_number from dialer.scheduled_calls('u1', {filter}) order by 1"), found).await;
    }
    // An index takes no long texts; two that begin alike differ.
    let long = "(select string_agg(md5(i::text), '') from generate_series(1, 200) i)";
    for end in ["a", "b"] {
        let of_length =
            format!(", metadata => jsonb_build_object('campaignId', {long} || '{end}')");
        let call = schedule("+919812345675", "2025-11-03 10:00+05:30", &of_length);
        let call = call.replace("owner => 'u1'", &format!("owner => {long}"));
        dialer.run(&format!("select from {call}")).await;
    }
    dialer.check(&format!("select dialer.scheduled_calls_total({long}), dialer.scheduled_calls_total({long}, metadata_campaign => {long} || 'a')"), expect!["2 | 1"]).await;
    dialer.check("select dialer.scheduled_calls_total('u1', metadata_campaign => 'c2'), dialer.scheduled_calls_total('u2', metadata_campaign => 'c2')", expect!["1 | 0"]).await;
    dialer
        .check(
            "select address from dialer.find_calls(metadata_customer => '77') order by 1",
            expect![[r#"
        +919812345670
        +919812345672"#]],
        )
        .await;
    dialer
        .check(
            "select status, metadata from dialer.scheduled_call_status where metadata ->> 'campaignId' = 'c2'",
            expect![[r#"pending | {"campaignId": "c2", "customerId": "77"}"#]],
        )
        .await;
}

// R034, R047, R182: every column of a call with hours of its own, of one that comes back, and when each was last changed.
#[tokio::test]
async fn the_list_shows_the_hours_of_a_call_and_when_it_was_changed() {
    let dialer = office().await;
    let hours = ", hours => 'Mo-Fr 09:00-18:00', hours_tz => 'Asia/Kolkata'";
    let call = schedule("+919812345670", "2025-11-03 10:00+05:30", hours);
    dialer.run(&format!("select from {call}")).await;
    let series = schedule(
        "+919812345671",
        "2025-11-03 11:00+05:30",
        &format!("{hours}, every => 'weekly', times => 2"),
    );
    dialer.run(&format!("select from {series}")).await;
    dialer.run("select dialer.schedule_call('agent-1', '+919812345672', '2025-11-03 10:00+05:30', tz => 'Asia/Kolkata', payload => '{\"userId\": \"u1\"}')").await;
    let list = "select id, phone_number, agent_id, user_id, scheduled_for, requested_for, timezone, weekday, adjusted, status, respect_business_hours, business_hours,
        recurring ->> 'rule' as rule, metadata, priority, call_log_id, processed_at, failed_at, failure_reason, next_run, parent_scheduled_call_id, occurrence_number, is_recurring, can_cancel,
        updated_at > created_at as changed from dialer.scheduled_calls('u1') order by phone_number, id";
    dialer.check(list, expect![[r#"
        1 | +919812345670 | agent-1 | u1 | 2025-11-03 10:00:00+05:30 | 2025-11-03 10:00:00+05:30 | Asia/Kolkata | Monday | f | pending | t | {"hours": "Mo-Fr 09:00-18:00", "timezone": "Asia/Kolkata"} | - | {} | 5 | - | - | - | - | - | - | - | f | t | f
        series-1 | +919812345671 | agent-1 | u1 | 2025-11-03 11:00:00+05:30 | 2025-11-03 11:00:00+05:30 | Asia/Kolkata | Monday | f | pending | t | {"hours": "Mo-Fr 09:00-18:00", "timezone": "Asia/Kolkata"} | FREQ=WEEKLY;COUNT=2 | {} | 5 | - | - | - | - | 2025-11-03 11:00:00+05:30 | - | - | t | t | f
        2 | +919812345672 | agent-1 | u1 | 2025-11-03 10:00:00+05:30 | 2025-11-03 10:00:00+05:30 | Asia/Kolkata | Monday | f | pending | f | - | - | {} | 5 | - | - | - | - | - | - | - | f | t | f"#]]).await;
    at(&dialer, "2025-11-01 10:05").await;
    dialer.run("select dialer.reschedule_scheduled('1', '2025-11-04 12:00+05:30')").await;
    dialer
        .check(
            "select scheduled_for, updated_at from dialer.scheduled_call_named('1')",
            expect!["2025-11-04 12:00:00+05:30 | 2025-11-01 10:05:00+05:30"],
        )
        .await;
    // When it was taken up stays known after it has ended.
    at(&dialer, "2025-11-04 12:00").await;
    dialer.place().await;
    dialer.end("completed").await;
    dialer
        .check(
            "select status, processing_at from dialer.scheduled_call_status where call_id = 1",
            expect!["completed | 2025-11-04 12:00:00+05:30"],
        )
        .await;
}
