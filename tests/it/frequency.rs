//! How often a campaign calls: so many times in a period, on the days that its hours name.

use crate::dialer::Dialer;

/// The local days on which one contact is called, in the two weeks from Friday, 4 December 2026.
async fn days(policy: &str, hours: &str) -> String {
    let dialer = Dialer::closed().await;
    dialer
        .run(&format!(
            "select dialer.create_redial_policy('twice-a-week', '{{0}}', max_per_day => 1, caps => array[row(2, 'calendar_week', null, null)::dialer.cap]);
             select dialer.create_campaign('regular', 'voice', '{hours}', policy => '{policy}'); select dialer.start_campaign('regular');
             select dialer.schedule_call('regular', '+12125550101', tz => 'America/New_York')"
        ))
        .await;
    for day in 4..=18 {
        for time in ["12:00", "18:00"] {
            dialer.clock(&format!("2026-12-{day:02} {time}")).await;
            dialer.run("drop table if exists mine").await;
            dialer.place().await;
            dialer.end("completed").await;
        }
    }
    dialer.sound().await;
    dialer.rows("select string_agg(to_char(dialled_at, 'DD HH24'), ', ' order by dialled_at) from dialer.attempt").await
}

// R066, R069
#[tokio::test]
async fn once_a_day_on_the_days_that_the_hours_name() {
    assert_eq!(
        days("once-a-day", "Mo,We,Fr 11:00-20:00").await,
        "04 12, 07 12, 09 12, 11 12, 14 12, 16 12, 18 12"
    );
}

#[tokio::test]
async fn once_a_week_whichever_of_its_days_comes_first() {
    assert_eq!(days("once-a-week", "Mo,We,Fr 11:00-20:00").await, "04 12, 07 12, 14 12");
}

// R068, C18
/// Friday serves only those whom Monday and Wednesday left over.
#[tokio::test]
async fn twice_a_week_and_not_twice_a_day() {
    assert_eq!(
        days("twice-a-week", "Mo,We,Fr 11:00-20:00").await,
        "04 12, 07 12, 09 12, 14 12, 16 12"
    );
}
