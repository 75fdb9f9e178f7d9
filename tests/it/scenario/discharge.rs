//! A clinic that mails and calls its discharged patients in batches.

use crate::dialer::Dialer;
use expect_test::expect;

/// Twenty-seven cases of the clinic, two of which are not ready, and the campaigns of two channels.
async fn clinic() -> Dialer {
    let dialer = Dialer::closed().await;
    dialer
        .run(
            "select dialer.create_account('mail', 'resend', 5, 2, 'email'); select dialer.set_limits('voice', 10);
             select dialer.create_campaign('mails', 'mail', '24/7', tz => 'UTC', policy => 'once'); select dialer.start_campaign('mails');
             select dialer.create_campaign('calls', 'voice', 'Mo-Fr 09:00-18:00', policy => 'once'); select dialer.start_campaign('calls');
             create table cases as select i as id, 'Patient ' || i as patient, '+1212555' || to_char(100 + i, 'FM0000') as mobile,
                 'p' || i || '@example.com' as email, 'America/New_York' as tz, i not in (5, 9) as ready, 3 as ward from generate_series(1, 27) i",
        )
        .await;
    dialer
}

/// The eligible ones, in the order in which they are to be called.
const ELIGIBLE: &str = "dialer.cases_of('select id as external_key, patient as name, mobile as phone, email, tz, ward from cases where ready order by id')";

const BASES: &str = "'calls', 'mails', '2026-12-04 14:00', '2026-12-04 13:00', batch_key => 'friday', preset => 'discharge_batch'";

// R001, R003, R006, R007, R009, R011, R012, R013, R228: eligible rows go out on two channels, each with its base and step; chunks change nothing.
#[tokio::test]
async fn a_query_gives_the_cases_of_a_batch_and_chunks_give_its_times() {
    let dialer = clinic().await;
    dialer
        .run(&format!(
            "create table whole as select * from dialer.preview_batch({ELIGIBLE}, {BASES})"
        ))
        .await;
    dialer
        .check(
            "select position, of_count, case_key, channel, campaign, after, local_time, utc_time, result from whole where position in (1, 2, 25) order by 4, 1",
            expect![[r#"
                1 | 25 | 1 | email | mails | 00:00:00 | Fri 2026-12-04 18:00:00 | Fri 2026-12-04 18:00:00 | scheduled
                2 | 25 | 2 | email | mails | 00:00:20 | Fri 2026-12-04 18:00:20 | Fri 2026-12-04 18:00:20 | scheduled
                25 | 25 | 27 | email | mails | 00:08:00 | Fri 2026-12-04 18:08:00 | Fri 2026-12-04 18:08:00 | scheduled
                1 | 25 | 1 | voice | calls | 00:00:00 | Fri 2026-12-04 14:00:00 | Fri 2026-12-04 19:00:00 | scheduled
                2 | 25 | 2 | voice | calls | 00:02:00 | Fri 2026-12-04 14:02:00 | Fri 2026-12-04 19:02:00 | scheduled
                25 | 25 | 27 | voice | calls | 00:48:00 | Fri 2026-12-04 14:48:00 | Fri 2026-12-04 19:48:00 | scheduled"#]],
        )
        .await;
    dialer.check("select count(*) from whole w where w::text ~ 'Patient'", expect!["0"]).await;
    dialer
        .check(
            "select (select count(*) from dialer.call) + (select count(*) from dialer.contact)",
            expect!["0"],
        )
        .await;
    let chunk = |from: &str, first: u32| {
        format!(
            "insert into chunks select * from dialer.schedule_batch(jsonb_path_query_array({ELIGIBLE}, '{from}'), {BASES}, first_position => {first}, of_count => 25)"
        )
    };
    dialer.run("create table chunks (like whole)").await;
    dialer.run(&chunk("$[0 to 9]", 1)).await;
    dialer.run(&chunk("$[10 to 24]", 11)).await;
    let columns = "position, of_count, case_key, channel, due_at, result";
    dialer
        .check(
            &format!("select count(*) from (select {columns} from whole except select {columns} from chunks) x"),
            expect!["0"],
        )
        .await;
    dialer.check("select count(*) from chunks", expect!["50"]).await;
    // Each case's own slot is what its call was given, not the base of the batch.
    dialer
        .check(
            "select count(*) from chunks b join dialer.call c using (call_id) where c.planned_at = b.due_at and c.due_at = b.due_at",
            expect!["50"],
        )
        .await;
    // Sent once more by an impatient hand.
    dialer
        .check(
            &format!(
                "select result, count(*) from dialer.schedule_batch({ELIGIBLE}, {BASES}) group by 1"
            ),
            expect!["exists | 50"],
        )
        .await;
    dialer
        .check(
            "select attributes from dialer.contact where external_key = '1'",
            expect![[r#"{"ward": 3}"#]],
        )
        .await;
    dialer.sound().await;
}

// R012: the query reads what its caller may read, and nothing more.
#[tokio::test]
async fn the_query_of_a_batch_runs_with_the_rights_of_its_caller() {
    let dialer = clinic().await;
    dialer.run("set role dialer_user").await;
    let send = format!("select count(*) from dialer.schedule_batch({ELIGIBLE}, 'calls')");
    dialer.check_refusal(&send, expect!["42501: permission denied for table cases"]).await;
    dialer.run("reset role; grant select on cases to dialer_user; set role dialer_user").await;
    dialer.check(&send, expect!["25"]).await;
    dialer.check_refusal("select dialer.cases_of('select 1 as number')", expect![[r#"
        PD015: the query gives neither a phone nor an email
        detail: Columns of a case are external_key, name, phone, email, tz, state, status, payload; others become attributes.
        hint: Name the column, e.g. mobile as phone."#]]).await;
}

// R016, R017, R020: each channel has a strategy of its own; even spreads over what is left of each contact's day.
#[tokio::test]
async fn every_strategy_staggers_a_batch() {
    let dialer = clinic().await;
    let times = |strategy: &str| {
        format!(
            "select string_agg(substring(local_time from 'Dy|[0-9:.]{{8,}}$'), ' ' order by position) from dialer.preview_batch(
                 jsonb_path_query_array({ELIGIBLE}, '$[0 to 3]'), 'calls', call_at => '2026-12-04 17:00', call_step => '2 min', {strategy})"
        )
    };
    let mut said = String::new();
    for strategy in [
        "call_strategy => 'fixed'",
        "call_strategy => 'exponential'",
        r#"call_strategy => 'exponential', call_options => '{"factor": 3, "max_step": "10 min"}'"#,
        "call_strategy => 'even'",
        r#"call_strategy => 'even', call_options => '{"until": "2026-12-04 17:20-05"}'"#,
        r#"call_strategy => 'jitter', call_options => '{"seed": 7}'"#,
        r#"call_strategy => 'custom', call_options => '{"offsets": ["0", "1 min", "45 min", "70 min"]}'"#,
    ] {
        said += &format!("{strategy}: {}\n", dialer.rows(&times(strategy)).await);
    }
    expect![[r#"
        call_strategy => 'fixed': 17:00:00 17:02:00 17:04:00 17:06:00
        call_strategy => 'exponential': 17:00:00 17:02:00 17:06:00 17:14:00
        call_strategy => 'exponential', call_options => '{"factor": 3, "max_step": "10 min"}': 17:00:00 17:02:00 17:08:00 17:18:00
        call_strategy => 'even': 17:00:00 17:15:00 17:30:00 17:45:00
        call_strategy => 'even', call_options => '{"until": "2026-12-04 17:20-05"}': 17:00:00 17:05:00 17:10:00 17:15:00
        call_strategy => 'jitter', call_options => '{"seed": 7}': 17:00:41.964 17:02:40.369 17:05:21.599 17:06:08.473
        call_strategy => 'custom', call_options => '{"offsets": ["0", "1 min", "45 min", "70 min"]}': 17:00:00 17:01:00 17:45:00 09:10:00
    "#]].assert_eq(&said);
    for (wrong, code) in [
        ("call_strategy => 'random'", "PD015"),
        (r#"call_strategy => 'custom', call_options => '{"offsets": ["0"]}'"#, "PD015"),
        (r#"call_options => '{"speed": 1}'"#, "PD015"),
        (r#"call_strategy => 'even', call_options => '{"until": "2026-12-04 16:00-05"}'"#, "PD015"),
        ("first_position => 4, of_count => 5", "PD015"),
    ] {
        let refusal = dialer.refusal(&times(wrong)).await;
        assert!(refusal.starts_with(code), "{wrong}: {refusal}");
    }
    dialer
        .check_refusal(
            &times("at => '2026-12-05 12:00'"),
            expect![[r#"
                PD027: a batch cannot begin at 2026-12-04 17:00:00-05
                detail: It is now 2026-12-05 12:00:00-05.
                hint: Leave call_at and email_at out to begin as soon as it is allowed."#]],
        )
        .await;
}

// An even spread is as long as what is left of the day where the contact lives.
#[tokio::test]
async fn an_even_spread_knows_each_contacts_closing_time() {
    let dialer = clinic().await;
    dialer
        .check(
            "select case_key, local_time, tz from dialer.preview_batch('[{\"external_key\": \"a\", \"phone\": \"+12125550101\", \"tz\": \"America/New_York\"},
                 {\"external_key\": \"b\", \"phone\": \"+13105550102\", \"tz\": \"America/Los_Angeles\"}]', 'calls', call_at => '2026-12-04 17:00', call_strategy => 'even')",
            expect![[r#"
                a | Fri 2026-12-04 17:00:00 | America/New_York
                b | Fri 2026-12-04 16:00:00 | America/Los_Angeles"#]],
        )
        .await;
}

// R018, C2, C4, C23: the preview shows what spills, the zones, the weekday, the finish and the calls at once.
#[tokio::test]
async fn the_summary_of_a_preview_says_what_a_batch_amounts_to() {
    let dialer = clinic().await;
    dialer.run("update cases set tz = 'America/Chicago' where id > 20; select dialer.add_do_not_call('+12125550103')").await;
    dialer.run("update cases set mobile = '12345' where id = 7").await;
    dialer
        .check(
            &format!("select channel, measure, value, definition from dialer.batch_summary(array(select b from dialer.preview_batch({ELIGIBLE}, 'calls', call_at => '2026-12-04 17:30') b))"),
            expect![[r#"
                all | cases | 25 | cases of the batch that were looked at
                row | left_out | 1 | do_not_call
                voice | left_out | 1 | no_number
                voice | planned | 23 | calls of campaign "calls" with a time
                voice | first | Fri 2026-12-04 17:30:00 | America/New_York
                voice | last | Mon 2026-12-07 09:04:00 | America/New_York
                voice | finish | Mon 2026-12-07 09:06:30 | last + 00:02:30
                voice | spilled | 3 | calls that did not fit before closing and went to a later local date than the base's
                voice | on Fri 2026-12-04 | 20 | calls on this local date
                voice | on Mon 2026-12-07 | 3 | calls on this local date
                voice | in America/Chicago | 7 | calls by the clock of this zone
                voice | in America/New_York | 16 | calls by the clock of this zone
                voice | most_at_once | 2 | calls in progress at one instant if each lasts 00:02:30; account "voice" carries 10, and what is more waits"#]],
        )
        .await;
    dialer.check("select count(*) from dialer.call", expect!["0"]).await;
}

// C23: a source's example calls 4 November 2025 a Monday.
#[tokio::test]
async fn a_weekday_that_is_stated_is_checked() {
    let dialer = Dialer::closed().await;
    let read = |wall: &str| format!("select dialer.at_wall('{wall}', 'America/New_York')");
    for (wall, instant) in [
        ("Tuesday 2025-11-04 09:00", "2025-11-04 09:00:00-05"),
        ("tue, 2025-11-04T09:00:30", "2025-11-04 09:00:30-05"),
        ("2025-11-04", "2025-11-04 00:00:00-05"),
        ("Sun 2026-03-08 02:30", "2026-03-08 03:30:00-04"),
        ("2025-11-02 01:30", "2025-11-02 01:30:00-04"),
    ] {
        assert_eq!(dialer.rows(&read(wall)).await, instant, "{wall}");
    }
    dialer
        .check_refusal(
            &read("Monday 2025-11-04 09:00"),
            expect![[r#"
        PD053: 2025-11-04 is a Tuesday in America/New_York, not a Monday
        detail: A weekday that is stated has to be that of the date, on the wall clock of the zone.
        hint: Correct the date or the weekday, or leave the weekday out."#]],
        )
        .await;
    dialer
        .check_refusal(
            &read("next Tuesday"),
            expect![[r#"
        PD055: "next Tuesday" is not a wall-clock time
        detail: It is a date, with its weekday if you like, and a time of day.
        hint: Write e.g. Tuesday 2025-11-04 09:00."#]],
        )
        .await;
    for wrong in ["2025-13-04 09:00", "2025-11-04 25:00", ""] {
        let refusal = dialer.refusal(&read(wrong)).await;
        assert!(refusal.starts_with("PD055"), "{wrong}: {refusal}");
    }
}

// R008, R015, R164, C4: 31 calls at one instant, the last of which would ring at 21:57 if they were spread by the clock alone.
#[tokio::test]
async fn calls_that_crowd_one_instant_are_found_previewed_and_spread_in_open_time() {
    let dialer = Dialer::closed().await;
    dialer.clock("2025-12-19 10:00").await;
    dialer
        .run(
            "select dialer.create_campaign('dec20', 'voice', 'Mo-Fr 09:00-21:00'); select dialer.start_campaign('dec20');
             select dialer.schedule_call('dec20', '+1212555' || to_char(100 + i, 'FM0000'), '2025-12-20 01:57:45.934+00', tz => 'America/New_York') from generate_series(1, 31) i;
             select dialer.schedule_call('dec20', '+12125550900', '2025-12-20 01:00+00', tz => 'America/New_York')",
        )
        .await;
    dialer
        .check("select * from dialer.crowded()", expect!["dec20 | 2025-12-19 20:57:45.934-05 | 31"])
        .await;
    let ids = "dialer.calls_due('2025-12-20 01:57:45.934+00', 'dec20')";
    let edges = "where position in (1, 2, 3, 31)";
    let preview =
        dialer.rows(&format!("select * from dialer.preview_restagger({ids}) {edges}")).await;
    dialer.check("select count(distinct due_at) from dialer.call", expect!["2"]).await;
    dialer.run(&format!("begin; select dialer.restagger({ids}); rollback")).await;
    dialer.check("select count(distinct due_at) from dialer.call", expect!["2"]).await;
    let done = dialer.rows(&format!("select * from dialer.restagger({ids}) {edges}")).await;
    assert_eq!(preview, done);
    expect![[r#"
        1 | 1 | 2025-12-19 20:57:45.934-05 | 2025-12-19 20:57:45.934-05 | Fri 2025-12-19 20:57:45.934 | America/New_York | same
        2 | 2 | 2025-12-19 20:57:45.934-05 | 2025-12-19 20:59:45.934-05 | Fri 2025-12-19 20:59:45.934 | America/New_York | moved
        3 | 3 | 2025-12-19 20:57:45.934-05 | 2025-12-22 09:01:45.934-05 | Mon 2025-12-22 09:01:45.934 | America/New_York | moved
        31 | 31 | 2025-12-19 20:57:45.934-05 | 2025-12-22 09:57:45.934-05 | Mon 2025-12-22 09:57:45.934 | America/New_York | moved"#]].assert_eq(&done);
    dialer.check("select count(*) from dialer.crowded()", expect!["0"]).await;
    dialer.check("select position, result from dialer.restagger('{32,999,1}', '2025-12-19 20:00', '0 s')", expect![[r#"
        1 | same
        2 | unknown
        3 | moved"#]]).await;
    dialer.sound().await;
}

// C1, C2, C3, R021, R022, R026: a stagger is a wish; the account's limit is what holds when batches meet at one instant.
#[tokio::test]
async fn batches_that_meet_never_exceed_the_lines() {
    let dialer = clinic().await;
    for batch in ["a", "b"] {
        dialer
            .run(&format!(
                "select dialer.schedule_batch(dialer.cases_of('select ''{batch}'' || id as external_key, replace(mobile, ''+1212'', case ''{batch}'' when ''a'' then ''+1212'' else ''+1646'' end) as phone,
                     tz, ''{batch}'' || email as email from cases order by id'), 'calls', 'mails', '2026-12-04 14:00', '2026-12-04 14:00', call_step => '0 s', email_step => '0 s', batch_key => '{batch}')"
            ))
            .await;
    }
    dialer.clock("2026-12-04 14:00").await;
    dialer.run("select dialer.claim('d1', 100)").await;
    dialer
        .check(
            "select channel, count(*), max(place_at) - min(place_at) from dialer.lease group by 1 order by 1",
            expect![[r#"
                voice | 10 | 00:00:00
                email | 1 | 00:00:00"#]],
        )
        .await;
    dialer.check("select count(*) from dialer.claim('d2', 100)", expect!["0"]).await;
    dialer.sound().await;
}
