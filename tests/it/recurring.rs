//! Campaigns that call their members again and again; edited, limited, stopped and run again.

use crate::dialer::Dialer;
use expect_test::expect;

/// A recurring campaign with so many members, created on Friday, 4 December 2026, at noon.
async fn campaign(arguments: &str, members: u32) -> Dialer {
    let dialer = Dialer::closed().await;
    dialer
        .run(&format!(
            "select dialer.set_limits('voice', 100); select dialer.create_recurring_campaign('news', 'voice', 'Mo-Fr 11:00-20:00', {arguments});
             select dialer.begin_import('news', 'list');
             insert into dialer.import_row (import_id, line, name, phone, tz) select 1, i, 'Person ' || i, '+1212555' || to_char(100 + i, 'FM0000'), 'America/New_York' from generate_series(1, {members}) i;
             select dialer.import_contacts(1); select dialer.finish_import(1)"
        ))
        .await;
    dialer
}

/// Ticks and calls each hour of these days of December; every call ends a minute later.
async fn days(dialer: &Dialer, days: std::ops::RangeInclusive<u32>, outcome: &str) {
    for day in days {
        for hour in 11..20 {
            dialer.clock(&format!("2026-12-{day:02} {hour}:00")).await;
            dialer.run("select dialer.tick()").await;
            dialer.place().await;
            dialer.clock(&format!("2026-12-{day:02} {hour}:01")).await;
            dialer.end_after("0 seconds", outcome).await;
        }
    }
}

const BY_DAY: &str = "select to_char(dialled_at, 'Dy DD'), count(*), count(distinct contact_id), count(distinct call_id) from dialer.attempt group by 1, (dialled_at)::date order by (dialled_at)::date";

// R066, R069, R089, R090, C27: a fresh call each allowed day, made by nobody but the ticks; missed days do not pile up.
#[tokio::test]
async fn a_daily_campaign_gives_each_member_a_fresh_call_each_day() {
    let dialer = campaign("per_minute => null", 3).await;
    days(&dialer, 4..=8, "'completed'").await;
    dialer
        .check(
            BY_DAY,
            expect![[r#"
        Fri 04 | 3 | 3 | 3
        Mon 07 | 3 | 3 | 3
        Tue 08 | 3 | 3 | 3"#]],
        )
        .await;
    // Two days without a tick and a dispatcher: one call each, not three.
    days(&dialer, 11..=11, "'completed'").await;
    dialer.check("select count(*), count(distinct contact_id) from dialer.attempt where dialled_at >= '2026-12-09'", expect!["3 | 3"]).await;
    dialer.run("select dialer.tick(); select dialer.tick()").await;
    dialer.check("select count(*) from dialer.call where state = 'scheduled'", expect!["0"]).await;
    dialer.sound().await;
}

// R067, R068, C18: a week's call whichever day comes first; three a week fill three days, and who was missed is served on the next.
#[tokio::test]
async fn a_frequency_is_kept_over_all_calls_of_a_member() {
    let mut said = String::new();
    for frequency in ["weekly", "3 per week", "2 per day", "1 per 3 days"] {
        let dialer = campaign(&format!("frequency => '{frequency}', per_minute => null"), 2).await;
        // One of the two is only reached in the afternoon.
        for day in 4..=18 {
            days(&dialer, day..=day, "case when l.contact_id = 2 and extract(hour from dialer.now()) < 15 then 'no_answer' else 'completed' end").await;
        }
        said += &format!(
            "{frequency}: {}\n",
            dialer.rows("select string_agg(t, '; ' order by t) from (select contact_id || ' on ' || string_agg(to_char(dialled_at, 'DD HH24'), ', ' order by dialled_at) as t from dialer.attempt group by contact_id) x").await
        );
        dialer.sound().await;
    }
    expect![[r#"
        weekly: 1 on 04 12, 07 11, 14 11; 2 on 04 12, 07 11, 14 11
        3 per week: 1 on 04 12, 07 11, 08 11, 09 11, 14 11, 15 11, 16 11; 2 on 04 12, 07 11, 08 11, 09 11, 14 11, 15 11, 16 11
        2 per day: 1 on 04 12, 04 13, 07 11, 07 12, 08 11, 08 12, 09 11, 09 12, 10 11, 10 12, 11 11, 11 12, 14 11, 14 12, 15 11, 15 12, 16 11, 16 12, 17 11, 17 12, 18 11, 18 12; 2 on 04 12, 04 14, 07 11, 07 13, 08 11, 08 13, 09 11, 09 13, 10 11, 10 13, 11 11, 11 13, 14 11, 14 13, 15 11, 15 13, 16 11, 16 13, 17 11, 17 13, 18 11, 18 13
        1 per 3 days: 1 on 04 12, 07 11, 10 11, 14 11, 17 11; 2 on 04 12, 07 11, 10 11, 14 11, 17 11
    "#]].assert_eq(&said);
}

// R070, C7, C19: three attempts, three answered calls or three conversations with a contact in a campaign, over all their calls.
#[tokio::test]
async fn retry_attempts_count_what_the_campaign_says() {
    let mut said = String::new();
    for counted in ["attempts", "answered", "conversations"] {
        let dialer = campaign(&format!("retry_attempts => 3, retry_counts => '{counted}', frequency => '2 per day', per_minute => null"), 1).await;
        let outcome = "(array['no_answer', 'voicemail', 'completed'])[1 + (select count(*) from dialer.attempt a where a.contact_id = l.contact_id) % 3]";
        days(&dialer, 7..=11, outcome).await;
        days(&dialer, 14..=18, outcome).await;
        said += &format!(
            "{counted}: {}\n",
            dialer
                .rows(
                    "select string_agg(outcome::text, ', ' order by dialled_at) from dialer.attempt"
                )
                .await
        );
        dialer
            .check(
                "select end_reason, next_at is null from dialer.enrolment",
                expect!["contact_limit | t"],
            )
            .await;
        dialer.check("select count(*) from dialer.call where ended_at is null", expect!["0"]).await;
        dialer.sound().await;
    }
    expect![[r#"
        attempts: no_answer, voicemail, completed
        answered: no_answer, voicemail, completed, no_answer, voicemail
        conversations: no_answer, voicemail, completed, no_answer, voicemail, completed, no_answer, voicemail, completed
    "#]].assert_eq(&said);
}

// R154: a sale ends a membership; do-not-call does, too.
#[tokio::test]
async fn whoever_has_converted_is_called_no_more() {
    let dialer = campaign("per_minute => null", 4).await;
    days(
        &dialer,
        4..=4,
        "case (select p.name from dialer.contact p where p.contact_id = l.contact_id) when 'Person 1' then 'sale' when 'Person 2' then 'dnc' else 'completed' end",
    )
    .await;
    dialer.run("select dialer.mark_converted(address => '+12125550103')").await;
    days(&dialer, 7..=9, "'completed'").await;
    dialer
        .check(
            "select p.name, count(*) from dialer.attempt join dialer.contact p using (contact_id) group by 1 order by 1",
            expect![[r#"
                Person 1 | 1
                Person 2 | 1
                Person 3 | 1
                Person 4 | 4"#]],
        )
        .await;
    dialer.check("select p.name, m.end_reason from dialer.enrolment m join dialer.contact p using (contact_id) where m.end_reason is not null order by 1", expect![[r#"
        Person 1 | converted
        Person 3 | converted"#]]).await;
    dialer.sound().await;
}

// R027, R135, R220: fifty a minute and ten at once, active when it is created.
#[tokio::test]
async fn a_recurring_campaign_begins_at_once_within_its_limits() {
    let dialer = campaign("per_minute => 60", 120).await;
    dialer.check("select state, max_concurrent, per_second, recurs from dialer.campaign where name = 'news'", expect!["running | 10 | 1.000000 | t"]).await;
    let mut begun = 0;
    for second in 0..60 {
        dialer.clock(&format!("2026-12-04 12:00:{second:02}")).await;
        dialer.place().await;
        dialer.end("completed").await;
        begun = dialer.rows("select count(*) from dialer.attempt").await.parse().expect("a count");
    }
    // A rate keeps five per cent below itself, and here a claim comes only once a second.
    assert!((50..=60).contains(&begun), "{begun} calls in a minute of 60");
    dialer.sound().await;
}

// R136, R142: what is edited holds at the next claim.
#[tokio::test]
async fn settings_are_edited_while_calls_wait() {
    let dialer = campaign("per_minute => null", 5).await;
    dialer.check("select * from dialer.edit_campaign('news', '{\"max_concurrent\": 2, \"settings\": {\"assistant_id\": \"a1\"}, \"priority\": 3, \"per_minute\": 30}')", expect![[r#"
        max_concurrent | 10 | 2
        per_second | - | 0.500000
        priority | 5 | 3
        settings | {} | {"assistant_id": "a1"}"#]]).await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["1"]).await;
    dialer.run("select dialer.edit_campaign('news', '{\"per_minute\": null, \"settings\": {\"assistant_id\": null}}')").await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["1"]).await;
    dialer
        .check(
            "select settings, priority from dialer.campaign where name = 'news'",
            expect!["{} | 3"],
        )
        .await;
    dialer.check("select distinct priority from dialer.lane", expect!["3"]).await;
    // Closed at once, and open again.
    dialer.run("select dialer.edit_campaign('news', '{\"hours\": \"Mo-Fr 14:00-20:00\", \"max_concurrent\": null}')").await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer.run("select dialer.edit_campaign('news', '{\"tz\": \"UTC\"}')").await;
    dialer.check("select setting, after from dialer.edit_campaign('news', '{\"frequency\": \"weekly\", \"name\": \"letters\"}')", expect![[r#"
        frequency | weekly
        name | letters"#]]).await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["3"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused() {
    let dialer = campaign("per_minute => null", 1).await;
    dialer.check_refusal("select dialer.edit_campaign('news', '{\"speed\": 1}')", expect![[r#"
        PD057: a campaign has no setting "speed"
        detail: Known are: name, account, calendar, hours, tz, policy, frequency, priority, weight, max_concurrent, per_second, per_minute, misfire, misfire_after, finish_within, caller_pool, consent, subject, valid_until, callback_priority, callback_tolerance, callback_late, conversion_reach, recurs, contact_limit, contact_limit_counts, settings.
        hint: Correct the name; what the provider is to be told goes into settings."#]]).await;
    for (changes, code) in [
        (r#"{"policy": "once", "frequency": "daily"}"#, "PD057"),
        (r#"{"hours": null}"#, "PD057"),
        (r#"{"max_concurrent": "many"}"#, "PD057"),
        (r#"{"hours": "Mo 25-26"}"#, "PD010"),
        (r#"{"frequency": "often"}"#, "PD058"),
        (r#"{"frequency": "0 per day"}"#, "PD058"),
        (r#"{"frequency": "1 per 400 days"}"#, "PD058"),
        (r#"{"policy": "hourly"}"#, "PD023"),
        (r#"{"account": "x"}"#, "PD021"),
        (r#"{"calendar": "x"}"#, "PD022"),
        (r#"{"tz": "Mars"}"#, "PD011"),
        (r#"{"priority": 0}"#, "PD036"),
        (r#"{"priority": 99999}"#, "PD057"),
        (r#"{"callback_late": "never"}"#, "23514"),
        // It could not be added to a time, and no attempt with a callback would ever end.
        (r#"{"callback_tolerance": "290000 years"}"#, "23514"),
        (r#"{"misfire_after": "290000 years"}"#, "23514"),
        (r#"{"valid_until": "2026-12-04 11:00 America/New_York"}"#, "PD057"),
        (r#"{"name": ["a"]}"#, "PD057"),
        (r#"{"settings": 5}"#, "PD057"),
        ("[]", "PD057"),
    ] {
        let refusal =
            dialer.refusal(&format!("select dialer.edit_campaign('news', '{changes}')")).await;
        assert!(refusal.starts_with(code), "{changes}: {refusal}");
    }
    dialer.run("select dialer.stop_campaign('news')").await;
    dialer
        .check_refusal(
            "select dialer.edit_campaign('news', '{\"priority\": 1}')",
            expect![[r#"
        PD057: campaign "news" is stopped
        detail: A campaign that is over is not edited.
        hint: dialer.restore_campaign runs it again, as a new one."#]],
        )
        .await;
}

// R139, C17: stopped for good, put out of sight, and run again as another campaign.
#[tokio::test]
async fn a_stopped_campaign_is_run_again_as_a_new_one() {
    let dialer = campaign("per_minute => null", 4).await;
    dialer.run("select dialer.set_limits('voice', 1); select dialer.schedule_call('news', '+12125550900', tz => 'America/New_York', payload => '{\"topic\": \"x\"}')").await;
    dialer.place().await;
    dialer
        .check_refusal(
            "select dialer.restore_campaign('news')",
            expect![[r#"
        PD001: campaign "news" is running
        detail: A campaign that was stopped can be run again.
        hint: A pause ends with dialer.resume_campaign."#]],
        )
        .await;
    dialer.run("select dialer.stop_campaign('news'); select dialer.archive_campaign('news'); select dialer.mark_converted(address => '+12125550102')").await;
    dialer
        .check(
            "select * from dialer.restore_campaign('news')",
            expect!["news (run 2) | 3 | 3 | 0 | 0"],
        )
        .await;
    dialer.run("select dialer.tick()").await;
    dialer.end("completed").await;
    dialer.check("select g.name, g.state, c.state, c.end_reason, count(*), count(*) filter (where c.payload <> '{}') from dialer.call c join dialer.campaign g using (campaign_id) group by 1, 2, 3, 4 order by 1, 2, 3, 4", expect![[r#"
        news | archived | completed | completed | 1 | 0
        news | archived | cancelled | campaign_stopped | 3 | 1
        news | archived | cancelled | converted | 1 | 0
        news (run 2) | draft | scheduled | - | 3 | 1"#]]).await;
    dialer
        .run("select dialer.start_campaign('news (run 2)'); select dialer.set_limits('voice', 10)")
        .await;
    days(&dialer, 7..=8, "'completed'").await;
    dialer.check("select to_char(dialled_at, 'DD'), count(*) from dialer.attempt join dialer.campaign using (campaign_id) where name ~ 'run' group by 1 order by 1", expect![[r#"
        07 | 4
        08 | 3"#]]).await;
    dialer.sound().await;
}

// C17: nobody is called sooner than was planned or promised, nor after a word that nobody understands; steps, priorities and series go along.
#[tokio::test]
async fn another_run_keeps_times_priorities_steps_and_doubts() {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.use_workflow('spring', 'preclassify')").await;
    dialer.people(2).await;
    dialer.place().await;
    dialer
        .run(
            "select dialer.ingest_event(1, jsonb_build_object('event_key', call_id, 'kind', 'ended', 'attempt_id', attempt_id)
                 || case call_id when 1 then '{\"outcome\": \"no_answer\"}' else '{\"outcome\": \"completed\", \"disposition\": \"LEAVE ME BE\"}' end::jsonb) from dialer.lease;
             select dialer.request_callback(1, '2026-12-04 16:00');
             select dialer.schedule_call('spring', '+12125550103', '2026-12-07 15:00', tz => 'America/New_York');
             select dialer.schedule_call('spring', '+12125550104', tz => 'America/New_York', priority => 2);
             select dialer.schedule_series('spring', '+12125550105', '2026-12-04 12:20', 'FREQ=DAILY;COUNT=4', 'America/New_York')",
        )
        .await;
    dialer.clock("2026-12-04 12:20").await;
    dialer
        .run("select dialer.tick(); select dialer.stop_campaign('spring'); select dialer.tick()")
        .await;
    dialer.clock("2026-12-04 12:30").await;
    dialer
        .check(
            "select * from dialer.restore_campaign('spring')",
            expect!["spring (run 2) | 3 | 0 | 1 | 1"],
        )
        .await;
    dialer
        .check(
            "select e.address, c.due_at, l.priority, c.step from dialer.call c join dialer.campaign g using (campaign_id) join dialer.lane l using (lane_id)
             join dialer.endpoint e using (endpoint_id) where g.name ~ 'run' order by 1",
            expect![[r#"
                +12125550101 | 2026-12-04 16:00:00-05 | 5 | classify
                +12125550103 | 2026-12-07 15:00:00-05 | 5 | classify
                +12125550104 | 2026-12-04 12:30:00-05 | 2 | classify"#]],
        )
        .await;
    dialer
        .check(
            "select g.name, s.state, s.next_at, s.occurrence_count from dialer.series s join dialer.campaign g using (campaign_id) order by 1",
            expect![[r#"
                spring | active | 2026-12-05 12:20:00-05 | 1
                spring (run 2) | active | 2026-12-05 12:20:00-05 | 1"#]],
        )
        .await;
    // Once it is known what the word means, the call may go on, unless it was final.
    dialer.run("select dialer.map_disposition('LEAVE ME BE', 'dnc')").await;
    dialer.check("select left_out from dialer.restore_campaign('spring')", expect!["1"]).await;
    dialer.run("select dialer.map_disposition('LEAVE ME BE', 'busy')").await;
    dialer
        .check("select left_out, planned from dialer.restore_campaign('spring')", expect!["0 | 4"])
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn members_whose_call_cannot_be_planned_hold_nobodys_upkeep_up() {
    let dialer = campaign("per_minute => null", 2).await;
    dialer
        .run(
            "select dialer.create_recurring_campaign('other', 'voice', 'Mo-Fr 11:00-20:00'); select dialer.enrol('other', '{2}');
             select dialer.import_closures('campaign news', '2026-12-05', 'ban', until_on => '2026-12-06')",
        )
        .await;
    days(&dialer, 4..=4, "'completed'").await;
    dialer.clock("2026-12-07 11:00").await;
    dialer
        .check(
            "select task, done from dialer.tick() where task = 'members'",
            expect!["members | 1"],
        )
        .await;
    const MEMBERS: &str = "select g.name, m.contact_id, m.next_at, m.end_reason from dialer.enrolment m join dialer.campaign g using (campaign_id) order by 1, 2";
    dialer
        .check(
            MEMBERS,
            expect![[r#"
        news | 1 | 2026-12-07 12:00:00-05 | put off: bans are not loaded for 2026-12-07
        news | 2 | 2026-12-07 12:00:00-05 | put off: bans are not loaded for 2026-12-07
        other | 2 | 2026-12-08 00:00:00-05 | -"#]],
        )
        .await;
    dialer.run("select dialer.import_closures('campaign news', '2027-12-24', 'ban', from_on => '2026-12-07', until_on => '2027-12-31')").await;
    dialer.clock("2026-12-07 12:00").await;
    dialer
        .check(
            "select task, done from dialer.tick() where task = 'members'",
            expect!["members | 2"],
        )
        .await;
    dialer
        .check(
            MEMBERS,
            expect![[r#"
        news | 1 | 2026-12-08 00:00:00-05 | -
        news | 2 | 2026-12-08 00:00:00-05 | -
        other | 2 | 2026-12-08 00:00:00-05 | -"#]],
        )
        .await;
    dialer.sound().await;
}

// C17: a name that is free again belongs to another campaign, with hours and a frequency of its own.
#[tokio::test]
async fn a_campaign_that_was_renamed_keeps_its_hours_and_its_frequency() {
    let dialer = campaign("frequency => 'daily'", 1).await;
    dialer.run("select dialer.edit_campaign('news', '{\"name\": \"letters\"}')").await;
    dialer.run("select dialer.create_recurring_campaign('news', 'voice', 'Sa 11:00-12:00', frequency => 'weekly')").await;
    let settings = "select g.name, k.hours, y.name, dialer.cap_text(y.caps[1]) from dialer.campaign g join dialer.calendar k using (calendar_id) join dialer.redial_policy y using (policy_id)
        where g.recurs order by 1";
    dialer
        .check(
            settings,
            expect![[r#"
        letters | Mo-Fr 11:00-20:00 | frequency of news | 1 a local day
        news | Sa 11:00-12:00 | frequency of news (2) | 1 a calendar week"#]],
        )
        .await;
    dialer.run("select dialer.edit_campaign('letters', '{\"frequency\": \"2 per day\"}'); select dialer.edit_campaign('news', '{\"frequency\": \"monthly\"}')").await;
    dialer
        .check(
            settings,
            expect![[r#"
        letters | Mo-Fr 11:00-20:00 | frequency of news | 2 a local day
        news | Sa 11:00-12:00 | frequency of news (2) | 1 in 30 local dates"#]],
        )
        .await;
    // Another run shares the policy until either is edited.
    dialer.run("select dialer.stop_campaign('news'); select dialer.restore_campaign('news', 'again'); select dialer.edit_campaign('again', '{\"frequency\": \"daily\"}')").await;
    dialer
        .check(
            settings,
            expect![[r#"
        again | Sa 11:00-12:00 | frequency of again | 1 a local day
        letters | Mo-Fr 11:00-20:00 | frequency of news | 2 a local day
        news | Sa 11:00-12:00 | frequency of news (2) | 1 in 30 local dates"#]],
        )
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn the_days_of_a_campaign_that_keeps_a_law_are_open() {
    let dialer = Dialer::closed().await;
    dialer
        .run(
            "select dialer.load_calling_rules('us-2026-11'); select dialer.choose_law(null, '{us-2026-11}', '{telemarketing}');
             select dialer.create_recurring_campaign('news', 'voice', 'Mo-Fr 06:00-23:00'); select dialer.begin_import('news', 'list');
             insert into dialer.import_row (import_id, line, phone, state) select 1, i, '+1212555' || to_char(100 + i, 'FM0000'), 'NY' from generate_series(1, 3) i;
             select dialer.import_contacts(1); select dialer.finish_import(1)",
        )
        .await;
    dialer
        .check(
            "select on_, open, due, calls from dialer.campaign_days('news', 4)",
            expect![[r#"
            2026-12-04 | 09:00:00 | 3 | 3
            2026-12-05 | 00:00:00 | 3 | 0
            2026-12-06 | 00:00:00 | 3 | 0
            2026-12-07 | 13:00:00 | 3 | 3"#]],
        )
        .await;
}
