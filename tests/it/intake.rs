//! Contacts in: single calls, batches, imports; bad rows, duplicates, do-not-call.

use crate::database::Session;
use crate::dialer::{Dialer, set_clock};
use expect_test::expect;

// R036, R048
#[tokio::test]
async fn a_call_is_moved_into_its_window_and_says_so() {
    let dialer = Dialer::open().await;
    dialer
        .check(
            "select planned_at, result from dialer.schedule_call('spring', '(212) 555-0100', due_at => '2026-12-05 09:00', state => 'NY')",
            expect!["2026-12-07 11:00:00-05 | scheduled"],
        )
        .await;
    dialer
        .check(
            "select zones, zone_source, jurisdiction from dialer.contact",
            expect!["{America/New_York} | state | US-NY"],
        )
        .await;
}

// R041, R050
#[tokio::test]
async fn bad_arguments_of_a_single_call_are_refused_with_a_remedy() {
    let dialer = Dialer::open().await;
    dialer
        .check_refusal(
            "select dialer.schedule_call('winter', '+12125550100')",
            expect![[r#"
            PD025: campaign "winter" does not exist
            detail: Campaigns belong to a tenant and are named in dialer.campaign.
            hint: Add it with dialer.create_campaign."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.schedule_call('spring', 'call me')",
            expect![[r#"
        PD014: invalid phone number: short code
        detail: The value is "call me".
        hint: Give a number with its country code, such as +12125550123, or an e-mail address."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.schedule_call('spring', '911')",
            expect![[r#"
        PD014: invalid phone number: emergency number
        detail: The value is "911".
        hint: Give a number with its country code, such as +12125550123, or an e-mail address."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.schedule_call('spring', '+12125550100', due_at => '2026-12-01 12:00')",
            expect![[r#"
                PD027: due time 2026-12-01 12:00:00-05 is in the past
                detail: It is now 2026-12-04 12:00:00-05.
                hint: Leave due_at out to call as soon as it is allowed."#]],
        )
        .await;
    dialer.check_refusal("select dialer.schedule_call('spring', '+12125550100', expires_at => '2026-12-01 12:00')", expect![[r#"
        PD027: the call would expire at 2026-12-01 12:00:00-05, before it is due at 2026-12-04 12:00:00-05
        hint: Give a later expires_at, or none."#]]).await;
}

#[tokio::test]
async fn bad_settings_are_refused_with_a_remedy() {
    let dialer = Dialer::open().await;
    dialer.check_refusal("select dialer.create_campaign('x', 'voice')", expect![[r#"
        PD026: campaign "x" has no calling window
        detail: A campaign is given either hours or the name of a calendar; without one it could call at night.
        hint: Say e.g. hours => 'Mo-Fr 09:00-17:00', or hours => '24/7' if every hour is meant."#]]).await;
    dialer
        .check_refusal(
            "select dialer.create_campaign('x', 'nobody', '24/7')",
            expect![[r#"
            PD021: provider account "nobody" does not exist
            detail: Accounts belong to a tenant and are named in dialer.provider_account.
            hint: Add it with dialer.create_account."#]],
        )
        .await;
    dialer
        .check_refusal("select dialer.create_campaign('x', 'voice', 'Mo-Fr 9-25')", expect![[r#"
            PD010: invalid hours at byte 7: "9-25"
            detail: A time of day is written 09:30 or 09:30:15, from 00:00 to 24:00.
            hint: Write for example 'Mo-Fr 09:00-12:00,13:00-18:00; Sa 10:00-14:00; 2026-12-24 off', '24/7' or 'off'."#]])
        .await;
    dialer
        .check_refusal(
            "select dialer.create_campaign('x', 'voice', '24/7', tz => 'Mars/Olympus')",
            expect![[r#"
                PD011: time zone "Mars/Olympus" is not known
                detail: Zones are IANA names such as America/New_York.
                hint: Leave tz out to use each contact's own zone."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.create_campaign('x', 'voice', '24/7', policy => 'hourly')",
            expect![[r#"
                PD023: redial policy "hourly" does not exist
                detail: Known are: once, once-a-day, once-a-week, queue-backoff, redial-8-a-day, workflow-30min-3.
                hint: Add it with dialer.create_redial_policy."#]],
        )
        .await;
}

#[tokio::test]
async fn bad_policies_and_accounts_are_refused_with_a_remedy() {
    let dialer = Dialer::open().await;
    dialer
        .check_refusal(
            "select dialer.create_redial_policy('x', '{0,5 min,2 min}')",
            expect![[r#"
            PD012: ladder step 3 is '00:02:00'
            detail: Steps of a redial ladder are zero or more and never get shorter.
            hint: Order the steps, e.g. {0,2 min,5 min,10 min}."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.create_redial_policy('x', '{-1 min}')",
            expect![[r#"
            PD012: ladder step 1 is '-00:01:00'
            detail: Steps of a redial ladder are zero or more and never get shorter.
            hint: Order the steps, e.g. {0,2 min,5 min,10 min}."#]],
        )
        .await;
    dialer
        .check_refusal(
            "insert into dialer.redial_policy (name, ladder) values ('x', '{5 min,1 min}')",
            expect![[r#"
                23514: new row for relation "redial_policy" violates check constraint "ladder_has_steps_in_ascending_order_and_none_negative"
                detail: Failing row contains (7, null, x, {00:05:00,00:01:00}, day, null, null, null, {}, contact, {}, {}, {sale,dnc,invalid_number,blocked}, {00:00:02,00:00:04,00:00:08,00:00:30,00:02:00,00:10:00}, 10)."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.start_campaign('winter')",
            expect![[r#"
        PD025: campaign "winter" does not exist
        detail: Campaigns belong to a tenant and are named in dialer.campaign.
        hint: Add it with dialer.create_campaign."#]],
        )
        .await;
    dialer.check_refusal("select dialer.create_account('x', 'acme', 1)", expect![[r#"
        PD035: provider "acme" is not known
        hint: Known are: sandbox, vapi, bland, twilio, retell, telnyx, elevenlabs, asterisk, resend, smtp, http."#]]).await;
    dialer
        .check_refusal(
            "select dialer.create_account('x', 'vapi', -1)",
            expect![[r#"
                PD035: account "x" may not have max_concurrent -1 and per_second 
                detail: Calls at once are 0 to 100000; calls a second are 0.0001 to 10000, or null for no limit.
                hint: Give max_concurrent => 0 to stop new calls."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.create_account('x', 'vapi', 1, secret_name => 'sk-live-123 456')",
            expect![[r#"
                PD035: account "x" is given something that is not the name of a secret
                detail: A secret is named by the environment variable or credential that holds it: letters, digits, _, . and -, at most 64.
                hint: Put the secret into the environment of dialerd and give the variable's name."#]],
        )
        .await;
    dialer
        .check_refusal(
            "set dialer.tenant = 'nobody'; select dialer.start_campaign('spring')",
            expect![[r#"
                PD020: tenant "nobody" does not exist
                detail: The setting dialer.tenant names the tenant of this session.
                hint: Create it with dialer.create_tenant, or: set dialer.tenant = 'default'."#]],
        )
        .await;
}

// R001-R010, C4: two channels, own base and step, global index; what does not fit goes to the next opening.
#[tokio::test]
async fn a_batch_is_staggered_on_two_channels_and_spills_into_the_next_day() {
    let dialer = Dialer::open().await;
    dialer.run(MAIL_CAMPAIGN).await;
    dialer.run("select dialer.create_campaign('cases', 'voice', 'Mo-Fr 09:00-18:00')").await;
    dialer.run(
        "create table batch as select * from dialer.schedule_batch((select jsonb_agg(jsonb_build_object('external_key', 'case-' || i,
             'phone', '+1212555' || to_char(100 + i, 'FM0000'), 'email', 'c' || i || '@example.com', 'tz', 'America/New_York')) from generate_series(1, 33) i),
             'cases', 'mails', '2026-12-04 17:00', '2026-12-04 13:00', batch_key => 'b')",
    )
    .await;
    dialer
        .check("select channel, position, due_at, result from batch where position in (1, 2, 30, 31, 32) order by channel, position", expect![[r#"
            email | 1 | 2026-12-04 13:00:00-05 | scheduled
            email | 2 | 2026-12-04 13:00:03-05 | scheduled
            email | 30 | 2026-12-04 13:01:27-05 | scheduled
            email | 31 | 2026-12-04 13:01:30-05 | scheduled
            email | 32 | 2026-12-04 13:01:33-05 | scheduled
            voice | 1 | 2026-12-04 17:00:00-05 | scheduled
            voice | 2 | 2026-12-04 17:02:00-05 | scheduled
            voice | 30 | 2026-12-04 17:58:00-05 | scheduled
            voice | 31 | 2026-12-07 09:00:00-05 | scheduled
            voice | 32 | 2026-12-07 09:02:00-05 | scheduled"#]])
        .await;
    dialer
        .check(
            "select result, count(*) from dialer.schedule_batch((select jsonb_agg(jsonb_build_object('external_key', 'case-' || i,
             'phone', '+1212555' || to_char(100 + i, 'FM0000'), 'tz', 'America/New_York')) from generate_series(1, 33) i), 'cases', batch_key => 'b') group by 1",
            expect!["exists | 33"],
        )
        .await;
    dialer.sound().await;
}

const MAIL_CAMPAIGN: &str = "select dialer.create_account('mail', 'resend', 5, channel => 'email');
    select dialer.create_campaign('mails', 'mail', '24/7', tz => 'UTC', policy => 'once'); select dialer.start_campaign('mails')";

const DIRTY: &str = r#"'[{"external_key": "1", "phone": "+12125550100", "email": "A@Example.com", "tz": "America/New_York"},
    {"external_key": "2", "phone": "12345"}, {"phone": "(212) 555-0100", "status": "DNC"}, {"email": "nonsense"}, {},
    {"external_key": "6", "phone": "+18005550123"}, {"external_key": "7", "phone": "+12125550107", "tz": "Mars/Olympus"},
    {"external_key": "8", "phone": "+12125550108", "status": "perhaps"}, {"external_key": "9", "phone": "+12125550109", "status": "SALE"}]'"#;

// R018, R230
#[tokio::test]
async fn a_preview_shows_what_would_happen_and_stores_nothing() {
    let dialer = Dialer::open().await;
    let preview = format!(
        "select position, channel, due_at, result from dialer.preview_batch({DIRTY}, 'spring') order by position, channel"
    );
    let run = preview.replace("preview_batch", "schedule_batch");
    let shown = dialer.rows(&preview).await;
    dialer.check("select count(*) from dialer.call", expect!["0"]).await;
    dialer.check("select count(*) from dialer.contact", expect!["0"]).await;
    assert_eq!(dialer.rows(&run).await, shown);
    expect![[r#"
        1 | row | - | do_not_call
        2 | phone | - | invalid phone number: short code
        3 | row | - | do_not_call
        4 | email | - | not an e-mail address
        5 | phone | - | neither a phone number nor an e-mail address
        6 | voice | - | waiting
        7 | voice | 2026-12-04 12:12:00-05 | scheduled
        8 | voice | 2026-12-04 12:14:00-05 | scheduled
        9 | row | - | finished"#]]
    .assert_eq(&shown);
    dialer.sound().await;
}

#[tokio::test]
async fn a_batch_is_rolled_back_with_its_transaction() {
    let dialer = Dialer::open().await;
    dialer.run(&format!("begin; select dialer.schedule_batch({DIRTY}, 'spring'); rollback")).await;
    dialer.check("select count(*) from dialer.call", expect!["0"]).await;
}

async fn stage(session: &Session, rows: &str) {
    session.run(&format!("insert into dialer.import_row (import_id, line, external_key, name, phone, email, tz, state, status, attributes) values {rows}")).await;
}

// R060, R106, R144, R145, R150, C13
#[tokio::test]
async fn an_import_takes_every_good_row_and_tells_of_the_others() {
    let dialer = Dialer::open().await;
    dialer.check("select dialer.begin_import('spring', 'contacts.csv')", expect!["1"]).await;
    stage(&dialer,
        "(1, 2, 'a', 'Ada', '+12125550101', null, 'America/New_York', null, null, '{\"city\": \"NY\"}'),
         (1, 3, 'b', 'Ben', '12345', null, null, null, null, null),
         (1, 4, 'c', 'Ada again', '(212) 555-0101', null, null, null, 'dnc', null),
         (1, 5, 'd', 'Dov', '+12125550104', null, 'Nowhere', 'NY', 'new', null),
         (1, 6, null, 'Eve', '800-555-0123', null, null, null, null, null),
         (1, 7, 'f', 'Fay', null, null, null, null, null, null),
         (1, 8, 'g', 'Gus', '+12125550108', 'gus@', null, null, 'sold?', null),
         (1, 9, 'h', 'Hal', '+12125550109', null, null, null, 'SALE', null),
         (1, 10, 'i', 'Ida', '+16025550110', null, 'mst', null, null, null)").await;
    dialer.check("select * from dialer.import_contacts(1)", expect![[r#"
        2 | row | - | the number is on the do-not-call list: kept, not enrolled | note
        3 | phone | 12345 | invalid phone number: short code | error
        4 | phone | +12125550101 | same as in line 2: merged, the first line wins | note
        4 | row | - | the number is on the do-not-call list: kept, not enrolled | note
        5 | tz | Nowhere | not a known time zone, America/New_York used instead | note
        6 | phone | +18005550123 | no time zone is known for it: will not be called where hours follow the contact | note
        7 | phone | - | neither a phone number nor an e-mail address | error
        8 | email | gus@ | not an e-mail address | note
        8 | status | - | a sale was made before: kept, not enrolled | note
        9 | status | - | a sale was made before: kept, not enrolled | note
        10 | tz | mst | an abbreviation, which is read as America/Denver and America/Phoenix | note"#]]).await;
    dialer
        .check("select * from dialer.finish_import(1)", expect!["9 | 6 | 0 | 1 | 2 | 1 | 3"])
        .await;
    dialer
        .check(
            "select state, wait_reason, count(*) from dialer.call group by 1, 2 order by 1, 2",
            expect![[r#"
                scheduled | zone_unknown | 1
                scheduled | - | 2"#]],
        )
        .await;
    // The same file again adds nothing.
    dialer.run("select dialer.begin_import('spring', 'contacts.csv')").await;
    stage(&dialer, "(2, 2, 'a', 'Ada', '+12125550101', null, 'America/New_York', null, null, null), (2, 5, 'd', 'Dov', '+12125550104', null, null, 'NY', 'new', null)").await;
    dialer
        .check(
            "select * from dialer.import_contacts(2)",
            expect![
                "2 | row | - | the number is on the do-not-call list: kept, not enrolled | note"
            ],
        )
        .await;
    dialer
        .check("select * from dialer.finish_import(2)", expect!["2 | 0 | 2 | 0 | 0 | 1 | 0"])
        .await;
    dialer.sound().await;
}

// R146, C39
#[tokio::test]
async fn a_duplicate_in_a_later_chunk_is_merged_and_its_mark_holds() {
    let dialer = Dialer::open().await;
    dialer.run("begin; select dialer.begin_import('spring', 'contacts.csv')").await;
    stage(
        &dialer,
        "(1, 2, null, 'Ada', '+12125550101', null, null, 'NY', null, null), (1, 3, null, 'Ben', '+12125550102', null, null, 'NY', null, null),
         (1, 4, null, 'Cy', '+12125550103', null, null, 'NY', null, null)",
    )
    .await;
    dialer.check("select * from dialer.import_contacts(1)", expect![[""]]).await;
    stage(
        &dialer,
        "(1, 5, null, 'Ada B', '+12125550101', null, null, 'NY', null, null), (1, 6, null, 'Ben B', '+12125550102', null, null, 'NY', 'dnc', null),
         (1, 7, null, 'Ben C', '+12125550102', null, null, 'NY', 'dnc', null), (1, 8, null, 'Cy B', '+12125550103', null, null, 'NY', 'sale', null)",
    )
    .await;
    dialer
        .check(
            "select line, reason from dialer.import_contacts(1)",
            expect![[r#"
        5 | same as in line 2: merged, the first line wins
        6 | same as in line 3: merged, the first line wins
        6 | the number is on the do-not-call list: kept, not enrolled
        7 | same as in line 3: merged, the first line wins
        7 | the number is on the do-not-call list: kept, not enrolled
        8 | same as in line 4: merged, the first line wins
        8 | a sale was made before: kept, not enrolled"#]],
        )
        .await;
    dialer
        .check("select * from dialer.finish_import(1)", expect!["7 | 3 | 0 | 4 | 0 | 1 | 1"])
        .await;
    dialer
        .check(
            "select p.name, c.state, c.end_reason from dialer.call c join dialer.contact p using (contact_id) order by 1",
            expect![[r#"
                Ada | scheduled | -
                Ben | cancelled | do_not_call
                Cy | cancelled | converted"#]],
        )
        .await;
    dialer.check("select count(*) from dialer.import_line", expect!["0"]).await;
    dialer.sound().await;
    // A dry run is this, rolled back.
    dialer.run("rollback").await;
    dialer
        .check(
            "select (select count(*) from dialer.import) + (select count(*) from dialer.contact) + (select count(*) from dialer.call)
             + (select count(*) from dialer.do_not_call)",
            expect!["0"],
        )
        .await;
}

// C37, D4
#[tokio::test]
async fn do_not_call_cancels_what_waits_in_the_same_transaction() {
    let dialer = Dialer::open().await;
    dialer.people(3).await;
    dialer.run("begin; select dialer.add_do_not_call('212 555 0102', 'letter')").await;
    dialer
        .check(
            "select call_id, state, end_reason from dialer.call order by 1",
            expect![[r#"
            1 | scheduled | -
            2 | cancelled | do_not_call
            3 | scheduled | -"#]],
        )
        .await;
    dialer.run("rollback").await;
    dialer
        .check(
            "select call_id, state from dialer.call order by 1",
            expect![[r#"
        1 | scheduled
        2 | scheduled
        3 | scheduled"#]],
        )
        .await;
    dialer.run("select dialer.add_do_not_call('212 555 0102', 'letter')").await;
    dialer
        .check(
            "select result from dialer.schedule_call('spring', '+12125550102')",
            expect!["do_not_call"],
        )
        .await;
    dialer.sound().await;
}

// R037, R038, R151
#[tokio::test]
async fn a_waiting_call_can_be_moved_cancelled_and_called_back_and_another_cannot() {
    let dialer = Dialer::open().await;
    dialer.people(3).await;
    dialer
        .check(
            "select dialer.reschedule_call(1, '2026-12-05 10:00')",
            expect!["2026-12-07 11:00:00-05"],
        )
        .await;
    dialer
        .check(
            "select dialer.request_callback(2, '2026-12-04 15:00')",
            expect!["2026-12-04 15:00:00-05"],
        )
        .await;
    dialer.run("select dialer.cancel_call(3)").await;
    dialer.check("select call_id, state, due_at, coalesce(wait_reason, end_reason) from dialer.call order by 1", expect![[r#"
        1 | scheduled | 2026-12-07 11:00:00-05 | rescheduled
        2 | scheduled | 2026-12-04 15:00:00-05 | callback
        3 | cancelled | 2026-12-04 12:00:00-05 | cancelled by a person"#]]).await;
    dialer
        .check_refusal(
            "select dialer.cancel_call(3)",
            expect![[r#"
        PD029: call 3 does not wait: it is cancelled
        detail: Only a call in state scheduled can be moved or cancelled.
        hint: A call in flight ends by itself; an ended call can be planned anew."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.reschedule_call(4, now())",
            expect![[r#"
        PD028: call 4 does not exist
        hint: Calls of this tenant are in dialer.call."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.reschedule_call(1, '2026-12-01 10:00')",
            expect![[r#"
            PD027: due time 2026-12-01 10:00:00-05 is in the past
            detail: It is now 2026-12-04 12:00:00-05.
            hint: Give a time in the future."#]],
        )
        .await;
    dialer.sound().await;
}

// R015, R164: many calls at one instant are spread, in open time.
#[tokio::test]
async fn calls_at_one_instant_are_restaggered() {
    let dialer = Dialer::open().await;
    dialer.people(4).await;
    dialer
        .check(
            "select * from dialer.restagger(array(select call_id from dialer.call order by call_id), '2026-12-04 19:56', '2 minutes')",
            expect![[r#"
                1 | 1 | 2026-12-04 12:00:00-05 | 2026-12-04 19:56:00-05 | Fri 2026-12-04 19:56:00 | America/New_York | moved
                2 | 2 | 2026-12-04 12:00:00-05 | 2026-12-04 19:58:00-05 | Fri 2026-12-04 19:58:00 | America/New_York | moved
                3 | 3 | 2026-12-04 12:00:00-05 | 2026-12-07 11:00:00-05 | Mon 2026-12-07 11:00:00 | America/New_York | moved
                4 | 4 | 2026-12-04 12:00:00-05 | 2026-12-07 11:02:00-05 | Mon 2026-12-07 11:02:00 | America/New_York | moved"#]],
        )
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_restagger_overrules_no_doubt_and_lets_no_call_run_out() {
    let dialer = Dialer::open().await;
    dialer.people(2).await;
    dialer.place().await;
    dialer
        .run(
            "select dialer.ingest_event(1, jsonb_agg(jsonb_build_object('event_key', call_id, 'kind', 'ended', 'attempt_id', attempt_id, 'outcome', 'completed',
                 'disposition', case call_id when 1 then 'LEAVE ME BE' end))) from dialer.lease",
        )
        .await;
    dialer.run("select dialer.schedule_call('spring', '+12125550103', tz => 'America/New_York', expires_at => '2026-12-04 12:30')").await;
    let spread = "select position, due_at::time, result from dialer.%('{1,2,3}', '2026-12-04 12:10', '10 min')";
    let shown = dialer.rows(&spread.replace('%', "preview_restagger")).await;
    expect![[r#"
        1 | - | review
        2 | 12:20:00 | moved
        3 | 12:30:00 | too_late"#]]
    .assert_eq(&shown);
    dialer
        .check(
            &spread.replace('%', "restagger"),
            expect![[r#"
        1 | - | review
        2 | 12:20:00 | moved
        3 | 12:00:00 | too_late"#]],
        )
        .await;
    dialer
        .check(
            "select call_id, due_at, wait_reason from dialer.call order by 1",
            expect![[r#"
            1 | infinity | review
            2 | 2026-12-04 12:20:00-05 | restaggered
            3 | 2026-12-04 12:00:00-05 | -"#]],
        )
        .await;
    dialer.sound().await;
}

// R038: a person moves a call to where it can be made, and not past a doubt.
#[tokio::test]
async fn a_call_is_not_moved_past_its_end_nor_out_of_a_review() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer.place().await;
    dialer.run("select dialer.ingest_event(1, jsonb_build_object('event_key', 'x', 'kind', 'ended', 'attempt_id', attempt_id, 'outcome', 'completed', 'disposition', 'LEAVE ME BE')) from dialer.lease").await;
    dialer
        .check_refusal("select dialer.reschedule_call(1, '2026-12-04 14:00')", expect![[r#"
            PD029: call 1 waits for review
            detail: Nobody has said what the last word in it means; it may have been a refusal.
            hint: Say it with dialer.set_disposition or dialer.map_disposition; then the call goes on, or can be moved."#]])
        .await;
    dialer
        .check_refusal("select dialer.request_callback(1, '2026-12-04 14:00')", expect![[r#"
            PD029: call 1 waits for review
            detail: Nobody has said what the last word in it means; it may have been a refusal.
            hint: Say it with dialer.set_disposition or dialer.map_disposition; then the call goes on, or can be moved."#]])
        .await;
    dialer.run("select dialer.schedule_call('spring', '+12125550102', tz => 'America/New_York', expires_at => '2026-12-05 12:00')").await;
    dialer
        .check_refusal("select dialer.reschedule_call(2, '2026-12-04 20:00')", expect![[r#"
            PD027: call 2 would be over at 2026-12-05 12:00:00-05, before it is due at 2026-12-07 11:00:00-05
            detail: That is its own expires_at, or the valid_until of its campaign.
            hint: Give an earlier time."#]])
        .await;
    dialer
        .check_refusal(
            "select dialer.schedule_call('spring', '+12125550103', '2026-12-04 20:00', tz => 'America/New_York', expires_at => '2026-12-05 12:00')",
            expect![[r#"
                PD027: the call would expire at 2026-12-05 12:00:00-05, before it may first be placed at 2026-12-07 11:00:00-05
                hint: Give a later expires_at, or none."#]],
        )
        .await;
    dialer
        .check(
            "select call_id, due_at from dialer.call order by 1",
            expect![[r#"
        1 | infinity
        2 | 2026-12-04 12:00:00-05"#]],
        )
        .await;
    dialer.sound().await;
}

// R149
#[tokio::test]
async fn enrolment_plans_a_call_for_each_contact_that_has_none() {
    let dialer = Dialer::open().await;
    dialer.people(2).await;
    dialer.run("select dialer.create_campaign('summer', 'voice', '24/7', tz => 'UTC')").await;
    let enrol = "select contact_id, result from dialer.enrol('summer', array(select contact_id from dialer.contact order by 1))";
    dialer
        .check(
            enrol,
            expect![[r#"
        1 | scheduled
        2 | scheduled"#]],
        )
        .await;
    dialer.check(enrol, expect![[""]]).await;
    dialer.sound().await;
}

// R146
#[tokio::test]
async fn two_imports_at_once_make_one_contact_of_one_number() {
    let dialer = Dialer::open().await;
    let other = dialer.another_session().await;
    set_clock(&other, "2026-12-04 12:00").await;
    dialer.run("begin; select dialer.schedule_call('spring', '+12125550100', tz => 'America/New_York')").await;
    let waiting = tokio::spawn(async move {
        other.rows("select result from dialer.schedule_call('spring', '+12125550100', tz => 'America/New_York')").await
    });
    assert!(
        dialer
            .becomes(
                "select count(*) from pg_locks where not granted and locktype = 'advisory'",
                "1"
            )
            .await
    );
    dialer.run("commit").await;
    assert_eq!(waiting.await.expect("the session ends"), "scheduled");
    dialer.check("select count(*) from dialer.contact", expect!["1"]).await;
}

#[tokio::test]
async fn a_contact_who_is_deleted_leaves_no_call_behind_that_never_ends() {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.set_limits('voice', 10)").await;
    dialer.people(2).await;
    dialer.run("create temporary table mine as select * from dialer.claim('d1', 100)").await;
    dialer.run("select dialer.intend('d1', array[attempt_id], array[token]) from mine where call_id = 1").await;
    dialer.people(3).await;
    dialer.run("delete from dialer.contact").await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer.run("select dialer.release(array[attempt_id], array[token], array['not_sent']) from mine where call_id = 2").await;
    dialer.end("no_answer").await;
    dialer.clock("2026-12-04 12:05").await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer
        .check(
            "select state, end_reason, count(*) from dialer.call group by 1, 2",
            expect!["failed | number_unusable | 5"],
        )
        .await;
    dialer.sound().await;
}

// Two people are known by their keys; then a list says that the second has the first one's number.
#[tokio::test]
async fn a_call_belongs_to_the_contact_whose_number_rings() {
    let dialer = Dialer::open().await;
    let plan = |key: &str, phone: &str| {
        format!(
            "select result from dialer.schedule_call('spring', '{phone}', external_key => '{key}', tz => 'America/New_York')"
        )
    };
    dialer.run(&plan("ann", "+12125550101")).await;
    dialer.run(&plan("bob", "+12125550102")).await;
    dialer.check(&plan("bob", "+12125550101"), expect!["scheduled"]).await;
    dialer
        .check(
            "select c.call_id, p.external_key, e.address from dialer.call c join dialer.contact p using (contact_id) join dialer.endpoint e using (endpoint_id) order by 1",
            expect![[r#"
                1 | ann | +12125550101
                2 | bob | +12125550102
                3 | ann | +12125550101"#]],
        )
        .await;
    dialer.run("select dialer.add_do_not_call('+12125550101')").await;
    dialer
        .check(
            "select call_id, state from dialer.call order by 1",
            expect![[r#"
                1 | cancelled
                2 | scheduled
                3 | cancelled"#]],
        )
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn a_person_is_enrolled_once_however_often_a_list_names_them() {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.begin_import('spring', 'list'); insert into dialer.import_row (import_id, line, external_key, phone, tz) values
        (1, 1, 'ann', '+12125550101', 'America/New_York'), (1, 2, 'ann', '+12125550102', 'America/New_York'); select dialer.import_contacts(1)").await;
    dialer
        .check("select count(*), count(distinct contact_id) from dialer.endpoint", expect!["2 | 1"])
        .await;
    dialer.check("select count(*) from dialer.call", expect!["1"]).await;
    dialer.run("select dialer.create_campaign('summer', 'voice', '24/7', tz => 'UTC')").await;
    dialer
        .check(
            "select contact_id, result from dialer.enrol('summer', '{1,1,1}')",
            expect!["1 | scheduled"],
        )
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn arguments_that_are_missing_are_named() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    for (statement, message) in [
        ("select dialer.start_campaign(null)", "PD025: no campaign is named"),
        (
            "select * from dialer.schedule_batch('{}', 'spring')",
            "PD015: a batch is a JSON array, not object",
        ),
        (
            "select * from dialer.schedule_batch(null, 'spring')",
            "PD015: a batch is a JSON array, not null",
        ),
        ("select dialer.cancel_call(null)", "PD028: call null does not exist"),
        ("select dialer.reschedule_call(1, null)", "PD027: call 1 is to be moved to no time"),
        ("select dialer.request_callback(1, null)", "PD027: call 1 is to be moved to no time"),
        (
            "select dialer.add_do_not_call(null)",
            "PD014: \"\" is neither a phone number nor an e-mail address",
        ),
        (
            "select dialer.add_do_not_call('@')",
            "PD014: \"@\" is neither a phone number nor an e-mail address",
        ),
        (
            "select dialer.begin_import('spring', 'list', 'nowhere')",
            "PD014: region \"nowhere\" is not known",
        ),
        ("select dialer.finish_import(99)", "PD031: import 99 does not exist"),
        ("select dialer.report_today('Mars')", "PD011: time zone \"Mars\" is not known"),
    ] {
        let refusal = dialer.refusal(statement).await;
        assert!(refusal.starts_with(message), "{statement}: {refusal}");
    }
}

/// R003, R004, R005, R010: the worked examples of a team that discharges patients in batches.
#[tokio::test]
async fn presets_of_a_batch_give_the_steps_of_each_channel() {
    let dialer = Dialer::open().await;
    dialer
        .run(
            "select dialer.create_account('mail', 'resend', 5, null, 'email'); select dialer.create_campaign('mails', 'mail', '24/7', tz => 'UTC');
             select dialer.create_campaign('calls', 'voice', '24/7', tz => 'UTC')",
        )
        .await;
    let times = |arguments: &str| {
        format!(
            "select channel, string_agg(to_char(due_at at time zone 'America/New_York', 'HH24:MI:SS'), ' ' order by position)
             from dialer.preview_batch((select jsonb_agg(jsonb_build_object('phone', '+1212555010' || i, 'email', 'p' || i || '@example.com')) from generate_series(1, 5) i),
                 'calls', 'mails', '2026-12-05 14:00-05', '2026-12-05 10:00-05'{arguments}) group by channel order by channel"
        )
    };
    dialer
        .check(
            &times(", preset => 'discharge_batch'"),
            expect![[r#"
        email | 10:00:00 10:00:20 10:00:40 10:01:00 10:01:20
        voice | 14:00:00 14:02:00 14:04:00 14:06:00 14:08:00"#]],
        )
        .await;
    dialer
        .check(
            &times(""),
            expect![[r#"
        email | 10:00:00 10:00:03 10:00:06 10:00:09 10:00:12
        voice | 14:00:00 14:02:00 14:04:00 14:06:00 14:08:00"#]],
        )
        .await;
    dialer
        .check(
            &times(", preset => 'immediate', call_step => '30 s'"),
            expect![[r#"
        email | 10:00:00 10:01:00 10:02:00 10:03:00 10:04:00
        voice | 14:00:00 14:00:30 14:01:00 14:01:30 14:02:00"#]],
        )
        .await;
    dialer
        .check_refusal(
            &times(", preset => 'hasty'"),
            expect![[r#"
        PD015: batch preset "hasty" is not known
        detail: Known are: discharge_batch, resend_safe, immediate.
        hint: Use one of them, or state call_step and email_step."#]],
        )
        .await;
}
