//! Journey: a discharge team plans 31 cases, looks at the preview, and lets them go.

use crate::dialer::Dialer;
use expect_test::expect;

const CASES: &str = "dialer.cases_of('select i as external_key, ''+1212555'' || to_char(100 + i, ''FM0000'') as phone, ''America/New_York'' as tz from generate_series(1, 31) i')";

// R002, R007, R018, R019, R020, R021, R030, C2, C4: 31 cases in one transaction, from 17:00, two minutes apart; ten lines.
#[tokio::test]
async fn thirty_one_cases_go_out_and_the_last_one_tomorrow() {
    let dialer = Dialer::closed().await;
    dialer.run("select dialer.set_limits('voice', 10); select dialer.create_campaign('discharge', 'voice', 'Mo-Su 09:00-18:00', policy => 'once')").await;
    let arguments = format!(
        "{CASES}, 'discharge', call_at => dialer.at_wall('Friday 2026-12-04 17:00', 'America/New_York'), preset => 'discharge_batch', batch_key => 'friday'"
    );
    dialer
        .check(&format!("select position, of_count, local_time, days_after, result from dialer.preview_batch({arguments}) where position in (1, 2, 30, 31)"), expect![[r#"
            1 | 31 | Fri 2026-12-04 17:00:00 | 0 | scheduled
            2 | 31 | Fri 2026-12-04 17:02:00 | 0 | scheduled
            30 | 31 | Fri 2026-12-04 17:58:00 | 0 | scheduled
            31 | 31 | Sat 2026-12-05 09:00:00 | 1 | scheduled"#]])
        .await;
    dialer
        .check(&format!("select measure, value from dialer.batch_summary(array(select b from dialer.preview_batch({arguments}) b))"), expect![[r#"
            cases | 31
            planned | 31
            first | Fri 2026-12-04 17:00:00
            last | Sat 2026-12-05 09:00:00
            finish | Sat 2026-12-05 09:02:30
            spilled | 1
            on Fri 2026-12-04 | 30
            on Sat 2026-12-05 | 1
            in America/New_York | 31
            most_at_once | 2"#]])
        .await;
    // The team's own row and the calls are stored together, or not at all.
    dialer.run("create table discharge (id int)").await;
    dialer.run(&format!("begin; insert into discharge values (1); select dialer.schedule_batch({arguments}); rollback")).await;
    dialer
        .check(
            "select (select count(*) from discharge) + (select count(*) from dialer.call)",
            expect!["0"],
        )
        .await;
    dialer.run(&format!("begin; insert into discharge values (1); select dialer.schedule_batch({arguments}); commit; select dialer.start_campaign('discharge')")).await;
    call_until_monday(&dialer).await;
    dialer
        .check(
            "select outcome, count(*), count(distinct call_id) from dialer.attempt group by 1",
            expect![["completed | 31 | 31"]],
        )
        .await;
    dialer
        .check("select measure, value from dialer.report_stagger('discharge', '2026-12-04', '2026-12-06')", expect![[r#"
            calls_planned | 31
            instants | 31
            most_at_one_instant | 1
            calls_begun | 31
            median_delay_seconds | 0.000
            worst_delay_seconds | 0.000
            peak_at_once | 2"#]])
        .await;
    dialer
        .check(
            "select dialer.wall_time(max(dialled_at), 'America/New_York') from dialer.attempt",
            expect![["Sat 2026-12-05 09:00:00"]],
        )
        .await;
    dialer.sound().await;
}

/// Calls of two and a half minutes, minute by minute, from 16:55 on and from 8:55 on the next day.
async fn call_until_monday(dialer: &Dialer) {
    let mut most = 0;
    for (day, first) in [(4, 16 * 60 + 55), (5, 8 * 60 + 55)] {
        for minute in first..first + 90 {
            dialer.clock(&format!("2026-12-{day:02} {:02}:{:02}", minute / 60, minute % 60)).await;
            dialer.end_after("150 seconds", "'completed'").await;
            dialer.place().await;
            let open: u32 =
                dialer.rows("select count(*) from dialer.lease").await.parse().expect("a count");
            most = most.max(open);
        }
    }
    assert_eq!(most, 2, "calls of 2.5 minutes, two minutes apart");
}
