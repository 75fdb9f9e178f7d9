//! The call history, and what leads mean for lines and days.

use crate::dialer::Dialer;
use expect_test::expect;

/// Four calls of four people, an hour apart.
async fn calls() -> Dialer {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.create_campaign('summer', 'voice', '24/7', tz => 'UTC', policy => 'once'); select dialer.start_campaign('summer');
             select dialer.edit_campaign('spring', '{\"policy\": \"once\"}')").await;
    for (hour, campaign, number, name, outcome) in [
        (12, "spring", "+12125550101", "Ada Lovelace", "no_answer"),
        (13, "summer", "+12125550102", "Ben Bitdiddle", "completed"),
        (14, "summer", "+12125550103", "adam_smith", "voicemail"),
        (15, "summer", "+12125550104", "Cy", "sale"),
    ] {
        dialer.clock(&format!("2026-12-04 {hour}:00")).await;
        dialer.run(&format!("select dialer.schedule_call('{campaign}', '{number}', name => '{name}', tz => 'America/New_York')")).await;
        dialer.place().await;
        dialer.end(outcome).await;
    }
    dialer
}

const FILTERS: [&str; 13] = [
    "",
    "'summer'",
    "status => 'sale'",
    "status => 'conversations'",
    "status => 'failed'",
    "contact => 'ada'",
    "contact => 'adam_'",
    "contact => '%'",
    "contact => '(212) 555-0102'",
    "from_at => '2026-12-04 13:00', to_at => '2026-12-04 14:00'",
    "'summer', 'voicemail', contact => 'ADAM'",
    "page_size => 2",
    "page_size => 2, before_at => (select ended_at from dialer.history_page() offset 1 limit 1), before_id => (select attempt_id from dialer.history_page() offset 1 limit 1)",
];

// R125, R195: campaign, status, dates, name and number; page by page.
#[tokio::test]
async fn the_history_is_filtered_and_paged() {
    let dialer = calls().await;
    let page = |filter: &str| {
        format!(
            "select to_char(ended_at, 'HH24'), campaign, contact, outcome, call_state from dialer.history_page({filter})"
        )
    };
    let mut said = String::new();
    for filter in FILTERS {
        said += &format!("{filter}\n{}\n", dialer.rows(&page(filter)).await);
    }
    expect![[r#"

        15 | summer | Cy | sale | completed
        14 | summer | adam_smith | voicemail | completed
        13 | summer | Ben Bitdiddle | completed | completed
        12 | spring | Ada Lovelace | no_answer | completed
        'summer'
        15 | summer | Cy | sale | completed
        14 | summer | adam_smith | voicemail | completed
        13 | summer | Ben Bitdiddle | completed | completed
        status => 'sale'
        15 | summer | Cy | sale | completed
        status => 'conversations'
        15 | summer | Cy | sale | completed
        13 | summer | Ben Bitdiddle | completed | completed
        status => 'failed'

        contact => 'ada'
        14 | summer | adam_smith | voicemail | completed
        12 | spring | Ada Lovelace | no_answer | completed
        contact => 'adam_'
        14 | summer | adam_smith | voicemail | completed
        contact => '%'

        contact => '(212) 555-0102'
        13 | summer | Ben Bitdiddle | completed | completed
        from_at => '2026-12-04 13:00', to_at => '2026-12-04 14:00'
        13 | summer | Ben Bitdiddle | completed | completed
        'summer', 'voicemail', contact => 'ADAM'
        14 | summer | adam_smith | voicemail | completed
        page_size => 2
        15 | summer | Cy | sale | completed
        14 | summer | adam_smith | voicemail | completed
        page_size => 2, before_at => (select ended_at from dialer.history_page() offset 1 limit 1), before_id => (select attempt_id from dialer.history_page() offset 1 limit 1)
        13 | summer | Ben Bitdiddle | completed | completed
        12 | spring | Ada Lovelace | no_answer | completed
    "#]].assert_eq(&said);
    dialer.check_refusal(&page("status => 'perhaps'"), expect![[r#"
        PD015: status "perhaps" is not known
        detail: It is an outcome of an attempt, a group of outcomes (answered, conversations), or the state of its call.
        hint: Use e.g. sale, no_answer, conversations, scheduled, failed."#]]).await;
    dialer
        .run(
            "select dialer.create_tenant('acme'); select dialer.bind_role('dialer_user', 'acme'); set role dialer_user; set dialer.tenant = 'acme'",
        )
        .await;
    dialer.check(&page(""), expect![[""]]).await;
}

// R219
/// A page must not read all attempts: it goes by the index, backwards, and stops.
#[tokio::test]
async fn a_page_of_the_history_is_read_by_its_index() {
    let dialer = calls().await;
    dialer.run("set enable_seqscan = off; set enable_sort = off").await;
    let plan = dialer
        .rows("explain (costs off) select a.attempt_id from dialer.attempt a where a.tenant_id = 1 and a.ended_at >= '2026-12-01' and a.ended_at < '2027-01-01' order by a.ended_at desc, a.attempt_id desc limit 50")
        .await;
    assert!(
        plan.contains("Index") && plan.contains("Backward") && !plan.contains("Sort"),
        "{plan}"
    );
}

// C10: eight attempts need 347 minutes, so a lead that comes at 14:13 cannot have them by 20:00.
#[tokio::test]
async fn attainable_attempts_are_known_before_they_are_made() {
    let dialer = Dialer::open().await;
    let count = |at: &str, more: &str| {
        format!(
            "select count(*), max(local_time) from dialer.attainable('spring', '2026-12-04 {at}', 'America/New_York'{more})"
        )
    };
    for (at, more, answer) in [
        ("11:00", "", "8 | Fri 2026-12-04 16:47:00"),
        ("14:12:59", "", "8 | Fri 2026-12-04 19:59:59"),
        ("14:13", "", "7 | Fri 2026-12-04 18:00:00"),
        ("19:59", "", "1 | Fri 2026-12-04 19:59:00"),
        ("20:00", "", "0 | -"),
        ("09:00", "", "8 | Fri 2026-12-04 16:47:00"),
        ("14:00", ", average_call => '3 minutes'", "7 | Fri 2026-12-04 18:05:00"),
    ] {
        assert_eq!(dialer.rows(&count(at, more)).await, answer, "{at}{more}");
    }
    dialer.check("select attempt, local_time from dialer.attainable('spring', '2026-12-04 14:13', 'America/New_York')", expect![[r#"
        1 | Fri 2026-12-04 14:13:00
        2 | Fri 2026-12-04 14:15:00
        3 | Fri 2026-12-04 14:20:00
        4 | Fri 2026-12-04 14:30:00
        5 | Fri 2026-12-04 15:00:00
        6 | Fri 2026-12-04 16:00:00
        7 | Fri 2026-12-04 18:00:00"#]]).await;
    dialer
        .check_refusal(
            "select dialer.attainable('spring')",
            expect![[r#"
                PD011: it is not known when the lead may be called
                detail: The hours of this campaign follow the contact, or its law the contact's state.
                hint: Give tz, e.g. America/New_York, or state, e.g. FL."#]],
        )
        .await;
    dialer.clock("2026-12-04 14:13").await;
    dialer.people(1).await;
    dialer.check("select * from dialer.attempts_today(1)", expect!["0 | 7"]).await;
    dialer.place().await;
    dialer.end("busy").await;
    dialer
        .check(
            "select detail from dialer.explain(1) where gate = 'attempts_today'",
            expect!["1 made on this local date, 6 more can be made"],
        )
        .await;
}

// R031, R193, C36: 124 leads become 850; 980 leads eight times in nine hours.
#[tokio::test]
async fn the_volume_that_leads_mean_is_shown_before_and_after() {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.set_limits('voice', 40)").await;
    dialer.people(124).await;
    dialer
        .check(
            "select measure, now_, after_ from dialer.expected_volume('spring', 850 - 124)",
            expect![[r#"
        leads | 124 | 850
        calls_a_day | 992 | 6800
        calls_a_minute | 1.84 | 12.59
        calls_at_once | 4.59 | 31.48
        ceiling_a_day | 8640 | 8640
        contacts_served | 124 | 850"#]],
        )
        .await;
    dialer.check("select measure, after_ from dialer.expected_volume('spring', 980 - 124) where measure ~ 'calls'", expect![[r#"
        calls_a_day | 7840
        calls_a_minute | 14.52
        calls_at_once | 36.30"#]]).await;
    dialer.run("select dialer.edit_campaign('spring', '{\"policy\": \"workflow-30min-3\"}')").await;
    dialer
        .check_refusal(
            "select dialer.expected_volume('spring')",
            expect![[r#"
        PD015: there is no volume to expect
        detail: attempts_a_day none in the policy, added 0
        hint: Give attempts_a_day, and a number of added leads that is not negative."#]],
        )
        .await;
    dialer.check("select after_ from dialer.expected_volume('spring', 0, 3) where measure = 'calls_a_day'", expect!["372"]).await;
}

// R063, R190, C12, C36: who has had the day's attempts is counted from attempts, in the contact's local day, whether a policy or a frequency allows so many.
#[tokio::test]
async fn the_daily_maximum_is_a_count_and_not_a_state() {
    for limit in ["\"policy\": \"once-a-day\"", "\"frequency\": \"daily\""] {
        let dialer = Dialer::open().await;
        dialer.run(&format!("select dialer.edit_campaign('spring', '{{{limit}}}')")).await;
        dialer.people(2).await;
        dialer.place().await;
        dialer.end("no_answer").await;
        dialer
            .check(
                "select * from dialer.daily_max_reached('spring')",
                expect![[r#"
        1 | 1 | 1
        2 | 1 | 1"#]],
            )
            .await;
        dialer.check("select measure, calls from dialer.report_totals('spring', tz => 'America/New_York') where measure ~ 'max|later'", expect![[r#"
        tomorrow_or_later | 2
        daily_max_reached | 2"#]]).await;
        dialer
            .check(
                "select count(*) from dialer.redial_status where status = 'daily_max_reached'",
                expect!["2"],
            )
            .await;
        dialer.clock("2026-12-05 00:00").await;
        dialer.check("select count(*) from dialer.daily_max_reached()", expect!["0"]).await;
    }
}
