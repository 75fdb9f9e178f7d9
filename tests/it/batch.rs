//! Batches and calls that are asked for badly: each says why, and what is good goes on.

use crate::dialer::Dialer;
use expect_test::expect;

/// The campaign `spring` calls, `letters` writes.
async fn two_channels() -> Dialer {
    let dialer = Dialer::open().await;
    dialer
        .run(
            "select dialer.create_account('post', 'resend', 5, channel => 'email');
             select dialer.create_campaign('letters', 'post', '24/7', tz => 'UTC'); select dialer.start_campaign('letters')",
        )
        .await;
    dialer
}

// R106: a case that cannot be read stays behind with its reason, and the others are planned.
#[tokio::test]
async fn a_case_that_cannot_be_read_stops_no_batch() {
    let dialer = two_channels().await;
    let good = |number: u32, more: &str| {
        format!(r#"{{"phone": "+1212555010{number}", "tz": "America/New_York"{more}}}"#)
    };
    let cases = [
        good(1, ""),
        "7".to_owned(),
        good(2, r#", "payload": 5"#),
        good(3, r#", "payload": {"settings": "fast"}"#),
        good(4, r#", "attributes": ["x"]"#),
        good(5, r#", "payload": {"topic": "x"}, "attributes": null"#),
    ];
    dialer
        .check(
            &format!("select position, channel, call_id is not null, local_time, result from dialer.schedule_batch('[{}]', 'spring') order by 1", cases.join(", ")),
            expect![[r#"
                1 | voice | t | Fri 2026-12-04 12:00:00 | scheduled
                2 | row | f | - | a case is an object
                3 | row | f | - | payload is no object
                4 | row | f | - | settings in the payload are no object
                5 | row | f | - | attributes are no object
                6 | voice | t | Fri 2026-12-04 12:10:00 | scheduled"#]],
        )
        .await;
    dialer
        .check("select result from dialer.schedule_batch('[{\"phone\": \"2125550107\"}]', 'spring', region => null)", expect!["no region is stated for it"])
        .await;
    dialer
        .check("select position, of_count from dialer.schedule_batch('[{\"phone\": \"+12125550108\"}]', 'spring', first_position => null)", expect!["1 | 1"])
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn options_of_a_batch_that_make_no_sense_are_refused() {
    let dialer = two_channels().await;
    let mut said = String::new();
    for more in [
        "call_strategy => null",
        "call_options => '[]'",
        "call_strategy => 'even', call_options => '{\"until\": \"never\"}'",
        "call_strategy => 'custom', call_options => '{\"offsets\": [\"x\"]}'",
        "call_at => 'infinity'",
        "email_campaign => 'spring'",
    ] {
        let refusal = dialer.refusal(&format!("select dialer.schedule_batch('[{{\"phone\": \"+12125550101\", \"tz\": \"America/New_York\"}}]', 'spring', {more})")).await;
        said += &refusal.lines().take(2).collect::<Vec<_>>().join("; ");
        said += "\n";
    }
    expect![[r#"
        PD015: a stagger "null" with the options {} is not understood; detail: Options are a JSON object.
        PD015: a stagger "fixed" with the options [] is not understood; detail: Options are a JSON object.
        PD015: an option of the stagger has a value that is none; detail: invalid input syntax for type timestamp with time zone: "never"
        PD015: an option of the stagger has a value that is none; detail: invalid input syntax for type interval: "x"
        PD027: a batch cannot begin at infinity; detail: It is now 2026-12-04 12:00:00-05.
        PD066: campaign "spring" sends no e-mails; detail: Its account works over voice.
    "#]].assert_eq(&said);
    dialer.check("select count(*) from dialer.call", expect!["0"]).await;
}

// A number is not called through an account that writes letters, nor a letter sent by one that calls.
#[tokio::test]
async fn a_campaign_takes_what_its_account_can_reach() {
    let dialer = two_channels().await;
    for plan in [
        "schedule_call('letters', '+12125550101', tz => 'America/New_York')",
        "schedule_call('spring', 'ada@example.com', tz => 'America/New_York')",
        "schedule_series('letters', '+12125550101', '2026-12-04 12:30', 'FREQ=DAILY', 'America/New_York')",
        "schedule_batch('[{\"phone\": \"+12125550101\"}]', 'letters')",
    ] {
        let refusal = dialer.refusal(&format!("select dialer.{plan}")).await;
        assert!(refusal.starts_with("PD066"), "{plan}: {refusal}");
    }
    dialer
        .check_refusal(
            "select dialer.schedule_call('letters', '+12125550101')",
            expect![[r#"
            PD066: campaign "letters" sends e-mails and calls nobody
            detail: Its account works over email.
            hint: Name a campaign whose account has the channel."#]],
        )
        .await;
    dialer.people(1).await;
    dialer
        .check_refusal(
            "select dialer.edit_campaign('spring', '{\"account\": \"post\"}')",
            expect![[r#"
                PD066: campaign "spring" cannot go over to an account of another channel
                detail: It has calls that have not ended, and they go to numbers or addresses of the channel that it has.
                hint: Make another campaign for the other channel."#]],
        )
        .await;
    dialer.run("select dialer.cancel_call(call_id) from dialer.call; select dialer.edit_campaign('spring', '{\"account\": \"post\"}')").await;
    dialer.check("select result from dialer.schedule_call('spring', 'ada@example.com', tz => 'America/New_York')", expect!["scheduled"]).await;
    // What is planned past the doors is not planned either.
    dialer
        .check("select p.result from dialer.plan(dialer.campaign_named('spring'), array(select row(1, contact_id, endpoint_id, dialer.now(), null, '{}', null, null, null)::dialer.plan_row from dialer.endpoint where channel = 'voice'), dialer.now()) p", expect!["wrong_channel"])
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_call_that_is_named_twice_is_spread_once() {
    let dialer = two_channels().await;
    dialer.people(2).await;
    dialer
        .check("select position, call_id, due_at::time, result from dialer.restagger('{2,1,2}', '2026-12-04 13:00')", expect![[r#"
            1 | 2 | 13:00:00 | moved
            2 | 1 | 13:02:00 | moved"#]])
        .await;
    dialer.sound().await;
}

// R147: the same for rows that somebody has copied in.
#[tokio::test]
async fn attributes_of_an_imported_row_that_are_no_object_are_told_of_and_ignored() {
    let dialer = two_channels().await;
    dialer
        .run(
            "select dialer.begin_import('spring', 'list');
             insert into dialer.import_row (import_id, line, phone, tz, attributes) values (1, 1, '+12125550101', 'America/New_York', '5'), (1, 2, '+12125550102', 'America/New_York', '{\"a\": 1}'), (1, 3, '+12125550103', 'America/New_York', 'null')",
        )
        .await;
    dialer
        .check(
            "select line, col, value, reason, severity from dialer.import_contacts(1)",
            expect!["1 | attributes | 5 | not a JSON object: ignored | note"],
        )
        .await;
    dialer.check("select enrolled from dialer.finish_import(1)", expect!["3"]).await;
    dialer
        .check(
            "select attributes from dialer.contact order by contact_id",
            expect![[r#"
        {}
        {"a": 1}
        {}"#]],
        )
        .await;
    dialer.sound().await;
}

// R006, R107: a key that meets somebody else's call plans nothing, and does not say that it did.
#[tokio::test]
async fn a_batch_key_that_meets_the_call_of_somebody_else_leaves_the_case_out() {
    let dialer = two_channels().await;
    let batch = |numbers: &[u32], more: &str| {
        let cases: Vec<String> = numbers
            .iter()
            .map(|n| format!(r#"{{"phone": "+1212555{n:04}", "tz": "America/New_York"}}"#))
            .collect();
        format!(
            "select position, call_id, local_time, result from dialer.schedule_batch('[{}]', 'spring', batch_key => 'b', call_at => '2026-12-04 13:00', {more}) order by 1",
            cases.join(", ")
        )
    };
    let two = "first_position => 1, of_count => 4";
    dialer
        .check(
            &batch(&[101, 102], two),
            expect![[r#"
        1 | 1 | Fri 2026-12-04 13:00:00 | scheduled
        2 | 2 | Fri 2026-12-04 13:02:00 | scheduled"#]],
        )
        .await;
    // The next two, sent as if they were the first two; one of those is known.
    dialer
        .check(
            &batch(&[103, 102], two),
            expect![[r#"
        1 | - | Fri 2026-12-04 13:00:00 | key_of_another
        2 | 2 | Fri 2026-12-04 13:02:00 | exists"#]],
        )
        .await;
    dialer
        .check(
            &batch(&[103, 104], "first_position => 3, of_count => 4"),
            expect![[r#"
                3 | 3 | Fri 2026-12-04 13:04:00 | scheduled
                4 | 4 | Fri 2026-12-04 13:06:00 | scheduled"#]],
        )
        .await;
    dialer
        .check(
            "select result, call_id from dialer.schedule_call('spring', '+12125550109', tz => 'America/New_York', idempotency_key => 'b/voice/1')",
            expect!["key_of_another | -"],
        )
        .await;
    dialer.sound().await;
}
