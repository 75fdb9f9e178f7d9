//! Campaigns with windows and frequencies: daily with 100 contacts, Mon/Wed/Fri with 50, stopped with 200.

use crate::dialer::Dialer;
use expect_test::expect;

/// A campaign of the source, with so many contacts from a CSV file of name, phone and address.
async fn campaign(hours: &str, tz: &str, more: &str, contacts: u32) -> Dialer {
    let dialer = Dialer::closed().await;
    dialer.clock("2026-12-04 08:00").await;
    dialer
        .run(&format!(
            "select dialer.set_limits('voice', 100); select dialer.create_recurring_campaign('clinic', 'voice', '{hours}', '{tz}'{more}, settings => '{{\"assistant_id\": \"a1\"}}');
             select dialer.begin_import('clinic', 'contacts.csv');
             insert into dialer.import_row (import_id, line, name, phone, attributes) select 1, i, 'Person ' || i, '+1312555' || to_char(100 + i, 'FM0000'), jsonb_build_object('address', i || ' Main St')
             from generate_series(1, {contacts}) i;
             select dialer.import_contacts(1); select dialer.finish_import(1)"
        ))
        .await;
    dialer
}

/// A dispatcher that looks each minute, and calls of so many minutes; returns the most at once.
async fn minutes(dialer: &Dialer, day: &str, from: u32, to: u32, lasts: &str) -> u32 {
    let mut most = 0;
    for minute in from..to {
        dialer.clock(&format!("{day} {:02}:{:02}", minute / 60, minute % 60)).await;
        dialer.end_after(lasts, "'completed'").await;
        dialer.run("select dialer.tick()").await;
        dialer.place().await;
        let open: u32 =
            dialer.rows("select count(*) from dialer.lease").await.parse().expect("a count");
        most = most.max(open);
    }
    most
}

const BY_DAY: &str = "select to_char(dialled_at, 'Dy MM-DD'), count(*), count(distinct contact_id), min(to_char(dialled_at, 'HH24:MI')) from dialer.attempt group by 1, dialled_at::date order by dialled_at::date";

// R026, R029, R052, R057, R060, R066, R089, R090, R135, R140, R143, R144, R145, C3: each of 100 contacts once a day, ten at a time, from nine.
#[tokio::test]
async fn a_daily_campaign_calls_a_hundred_contacts_each_day() {
    let dialer =
        campaign("Mo-Fr 09:00-17:00", "America/New_York", ", per_minute => null", 100).await;
    for day in ["2026-12-04", "2026-12-05", "2026-12-07"] {
        let most = minutes(&dialer, day, 8 * 60 + 58, 9 * 60 + 32, "2 minutes").await;
        assert_eq!(most, if day == "2026-12-05" { 0 } else { 10 });
    }
    dialer
        .check(
            BY_DAY,
            expect![[r#"
        Fri 12-04 | 100 | 100 | 09:00
        Mon 12-07 | 100 | 100 | 09:00"#]],
        )
        .await;
    // The list comes again, with another address for one: nobody is called twice, and the address is the new one.
    dialer.run("select dialer.begin_import('clinic', 'contacts.csv')").await;
    dialer.run("insert into dialer.import_row (import_id, line, name, phone, attributes) values (2, 1, 'Person 1', '(312) 555-0101', '{\"address\": \"9 New St\"}')").await;
    dialer.check("select count(*) from dialer.import_contacts(2)", expect!["0"]).await;
    dialer.check("select name, attributes from dialer.contact where attributes ->> 'address' = '9 New St'", expect![[r#"Person 1 | {"address": "9 New St"}"#]]).await;
    dialer.check("select distinct c.settings, x.campaign_id = c.campaign_id from dialer.call x join dialer.campaign c using (campaign_id)", expect![[r#"{"assistant_id": "a1"} | t"#]]).await;
    dialer.sound().await;
}

// R053, R060, R067, R143, C18: once a week on Mon/Wed/Fri, ten to two Pacific: later days serve only whom the earlier ones left over.
#[tokio::test]
async fn a_weekly_campaign_serves_the_remainder_on_its_later_days() {
    let dialer = campaign(
        "Mo,We,Fr 10:00-14:00",
        "America/Los_Angeles",
        ", frequency => 'weekly', per_minute => null, max_concurrent => 1",
        50,
    )
    .await;
    dialer.clock("2026-12-05 12:00").await;
    dialer
        .check("select on_, weekday, open, due, capacity, calls, left_over from dialer.campaign_days('clinic', 9, '10 minutes') where open > '0'", expect![[r#"
            2026-12-07 | Mon | 04:00:00 | 50 | 24 | 24 | 26
            2026-12-09 | Wed | 04:00:00 | 26 | 24 | 24 | 2
            2026-12-11 | Fri | 04:00:00 | 2 | 24 | 2 | 0"#]])
        .await;
    for day in ["2026-12-07", "2026-12-08", "2026-12-09", "2026-12-11", "2026-12-14"] {
        minutes(&dialer, day, 12 * 60 + 55, 17 * 60 + 5, "10 minutes").await;
    }
    dialer
        .check(
            BY_DAY,
            expect![[r#"
        Mon 12-07 | 24 | 24 | 13:00
        Wed 12-09 | 24 | 24 | 13:00
        Fri 12-11 | 2 | 2 | 13:00
        Mon 12-14 | 24 | 24 | 13:00"#]],
        )
        .await;
    dialer
        .check(
            "select count(distinct contact_id) from dialer.attempt where dialled_at < '2026-12-12'",
            expect!["50"],
        )
        .await;
    dialer.sound().await;
}

// R136, R137, R138, R139, R143, C5, C17: a pause keeps what waits; a stop cancels all 200; a restored campaign is a new run.
#[tokio::test]
async fn a_campaign_is_stopped_with_two_hundred_calls_scheduled() {
    let dialer = campaign("Mo-Fr 09:00-17:00", "America/New_York", "", 210).await;
    dialer.clock("2026-12-04 09:00").await;
    dialer.run("update dialer.campaign set per_second = null").await;
    dialer.place().await;
    dialer.run("select dialer.pause_campaign('clinic')").await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer
        .check(
            "select state, count(*) from dialer.call group by 1 order by 1",
            expect![[r#"
            scheduled | 200
            in_flight | 10"#]],
        )
        .await;
    dialer
        .run("select dialer.resume_campaign('clinic'); select dialer.stop_campaign('clinic')")
        .await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer.check("select done from dialer.tick() where task = 'campaigns'", expect!["200"]).await;
    dialer.end("completed").await;
    dialer
        .check(
            "select state, end_reason, count(*) from dialer.call group by 1, 2 order by 1, 2",
            expect![[r#"
                completed | completed | 10
                cancelled | campaign_stopped | 200"#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.resume_campaign('clinic')",
            expect![[r#"
        PD001: campaign "clinic" may not go from "stopped" to "running"
        detail: To "running" it goes from: paused.
        hint: A stopped campaign is over; make a new one."#]],
        )
        .await;
    dialer
        .check(
            "select * from dialer.restore_campaign('clinic')",
            expect!["clinic (run 2) | 200 | 210 | 0 | 0"],
        )
        .await;
    dialer.run("select dialer.archive_campaign('clinic')").await;
    dialer
        .check(
            "select name, state from dialer.campaign where name ~ 'clinic' order by 1",
            expect![[r#"
                clinic | archived
                clinic (run 2) | draft"#]],
        )
        .await;
    dialer.sound().await;
}

// R027, R220: no more than fifty a minute, whoever dispatches.
#[tokio::test]
async fn a_campaign_begins_at_most_fifty_calls_a_minute() {
    let dialer =
        campaign("Mo-Fr 09:00-17:00", "America/New_York", ", max_concurrent => 100", 200).await;
    let mut begun = Vec::new();
    for tenths in (0..1800).step_by(5) {
        let (minute, second) = (tenths / 600, tenths % 600);
        dialer.clock(&format!("2026-12-04 09:{minute:02}:{:04.1}", f64::from(second) / 10.0)).await;
        dialer.place().await;
        dialer.end("completed").await;
    }
    for minute in 0..3 {
        let count: u32 = dialer
            .rows(&format!(
                "select count(*) from dialer.attempt where extract(minute from place_at) = {minute}"
            ))
            .await
            .parse()
            .expect("a count");
        begun.push(count);
    }
    assert!(begun.iter().all(|count| (40..=50).contains(count)), "{begun:?}");
}

// R119: what the provider refuses fails with its reason, and the others go on.
#[tokio::test]
async fn a_refused_call_fails_with_the_providers_reason_and_the_others_go_on() {
    let dialer = campaign("Mo-Fr 09:00-17:00", "America/New_York", ", per_minute => null", 3).await;
    dialer.clock("2026-12-04 09:00").await;
    dialer.place().await;
    dialer.run("select dialer.settle(array[attempt_id], array[token], '{invalid_number}', '{number is not in service}', array['{}']::jsonb[]) from dialer.lease order by call_id limit 1").await;
    dialer.end("completed").await;
    dialer.check("select c.state, c.end_reason, a.word, count(*) from dialer.call c join dialer.attempt a using (call_id) group by 1, 2, 3 order by 1", expect![[r#"
        completed | completed | - | 2
        failed | invalid_number | number is not in service | 1"#]]).await;
    dialer.sound().await;
}
