//! One person's data: shown whole, and erased so that nothing in the database names them.

use crate::dialer::Dialer;
use expect_test::expect;

/// Ada was called, is to be called again, and stands in every list.
async fn ada() -> Dialer {
    let dialer = Dialer::open().await;
    dialer
        .run(
            r#"select dialer.schedule_call('spring', '+12125550101', name => 'Quetzal Ada', tz => 'America/New_York', external_key => 'quetzal-7',
                   payload => '{"note": "quetzal"}', idempotency_key => 'quetzal-key');
               select dialer.schedule_call('spring', '+12125550102', name => 'Other', tz => 'America/New_York')"#,
        )
        .await;
    assert_eq!(dialer.place().await, "2");
    dialer
        .run(
            r#"select dialer.ingest_event(account_id, jsonb_agg(jsonb_build_object('event_key', 'end-' || call_id, 'kind', 'ended', 'attempt_id', attempt_id, 'outcome', 'no_answer',
                   'raw', '{"transcript": "quetzal here", "from": "+12125550101"}'::jsonb, 'detail', '{"transcript": "quetzal here"}'::jsonb))) from dialer.lease group by account_id;
               select dialer.give_consent('+12125550101', 'sales', 'web form', evidence => '{"words": "I, Quetzal Ada, agree"}');
               select dialer.classify_number('+12125550101', 'human', source => 'quetzal');
               select dialer.schedule_series('spring', '+12125550101', '2026-12-07 12:00', 'FREQ=WEEKLY', 'America/New_York', payload => '{"note": "quetzal"}');
               select dialer.classify_number('+12125550101', 'human');
               select dialer.request_callback(1, '2026-12-04 15:00');
               select dialer.mark_converted(address => '+12125550101', campaigns => '{spring}');
               select dialer.begin_import('spring', 'list');
               insert into dialer.import_row (import_id, line, name, phone, tz) values (1, 2, 'Quetzal Ada', '+12125550101', 'America/New_York');
               select dialer.import_contacts(1);
               select dialer.begin_backfill('voice', 'spring', '2026-11-01', '2026-12-04');
               select dialer.take_backfill(1, '[{"provider_call_id": "quetzal", "address": "+12125550101", "called_at": "2026-12-01T18:00:00Z", "outcome": "no_answer", "name": "Quetzal Ada"}]', null);
               select dialer.note_backfill_status(1, '{+12125550101}', '{active}');
               select dialer.ingest_event(1, '[{"event_key": "stray", "kind": "ended", "provider_call_id": "never-ours", "outcome": "busy", "raw": {"customer": {"number": "12125550101", "name": "Quetzal"}}}]')"#,
        )
        .await;
    dialer
}

// R226: access to one person's data.
#[tokio::test]
async fn all_that_is_known_of_a_person_comes_in_one_answer() {
    let dialer = ada().await;
    let parts = "select string_agg(k || ' ' || case jsonb_typeof(v) when 'array' then jsonb_array_length(v)::text else '-' end, ', ' order by k) from jsonb_each(dialer.export_person('(212) 555-0101')) x(k, v)";
    dialer.check(parts, expect!["attempts 1, callbacks 1, calls 1, changes 7, classifications 1, consents 1, contact -, conversions 1, do_not_call 0, events 3, exported_at -, memberships 0, numbers 1, series 1"]).await;
    dialer.check("select e -> 'contact' ->> 'name', e -> 'calls' -> 0 -> 'payload', e -> 'attempts' -> 0 ->> 'outcome', e -> 'attempts' -> 0 -> 'decision' ->> 'local_time' from dialer.export_person(external_key => 'quetzal-7') e",
        expect![[r#"Quetzal Ada | {"note": "quetzal"} | no_answer | Fri 2026-12-04 12:00:00"#]]).await;
    dialer
        .check_refusal(
            "select dialer.export_person(external_key => 'nobody')",
            expect![[r#"
        PD018: nobody is known by this external key
        detail: The key is not repeated here: errors are logged.
        hint: Look in dialer.contact."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.export_person()",
            expect![[r#"
        PD018: a person is named by a number or address, or by an external key
        hint: Give one of the two."#]],
        )
        .await;
}

// R226, D12: erasure, with the audit kept meaningful.
#[tokio::test]
async fn nothing_names_an_erased_person_and_what_happened_stays_known() {
    let dialer = ada().await;
    let report = "select measure, calls from dialer.report_breakdown('2026-12-01', '2027-01-01') where calls <> 0";
    dialer.check("select contact_id, calls_cancelled, cardinality(provider_calls), rows_erased > 8 from dialer.erase_person('+12125550101', reason => 'letter of 4 December')", expect!["1 | 0 | 1 | t"]).await;
    let dump = String::from_utf8(dialer.dump()).expect("a dump is text").to_lowercase();
    let named: Vec<_> = dump
        .lines()
        .filter(|line| line.contains("quetzal") || line.contains("2125550101"))
        .collect();
    // The number alone, so that no later list brings the person back.
    assert_eq!(named.len(), 1, "{named:#?}");
    assert!(named[0].contains("\terased\t"), "{named:#?}");
    dialer.check("select outcome, dialled_at, decision ->> 'local_time', decision ->> 'policy', detail from dialer.attempt where contact_id = 1",
        expect!["no_answer | 2026-12-04 12:00:00-05 | Fri 2026-12-04 12:00:00 | redial-8-a-day | {}"]).await;
    dialer
        .check(
            "select state, end_reason, payload from dialer.call where contact_id = 1",
            expect!["cancelled | converted | {}"],
        )
        .await;
    dialer
        .check("select contact_id, reason from dialer.erasure", expect!["1 | letter of 4 December"])
        .await;
    dialer
        .check(
            report,
            expect![[r#"
                total_leads | 2
                active_for_redial | 1
                cancelled_converted | 1
                should_continue | 1
                non_sale | 2
                non_dnc | 2
                non_sale_non_dnc | 2"#]],
        )
        .await;
    dialer.check("select result from dialer.schedule_call('spring', '+12125550101', tz => 'America/New_York')", expect!["do_not_call"]).await;
    dialer.sound().await;
}

#[tokio::test]
async fn nobody_is_erased_while_they_are_called() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    assert_eq!(dialer.place().await, "1");
    dialer
        .check_refusal(
            "select dialer.erase_person('+12125550101')",
            expect![[r#"
        PD029: this person is being called
        detail: What is in flight is erased when it is over: nothing was changed.
        hint: Repeat it in some minutes; do-not-call keeps further calls away meanwhile."#]],
        )
        .await;
    dialer.end("no_answer").await;
    dialer.check("select calls_cancelled from dialer.erase_person('+12125550101', keep_do_not_call => false)", expect!["1"]).await;
    // Without the entry the number is a stranger's.
    dialer.check("select result from dialer.schedule_call('spring', '+12125550101', tz => 'America/New_York')", expect!["scheduled"]).await;
    dialer
        .check_refusal(
            "update dialer.attempt set outcome = 'sale'",
            expect![[r#"
        PD004: rows of dialer.attempt_2026_12 are not changed
        detail: The table is an append-only record; retention drops whole partitions.
        hint: Add a new fact instead of changing an old one."#]],
        )
        .await;
    dialer
        .check_refusal(
            "begin; set local dialer.erasing = 'on'; update dialer.attempt set outcome = 'sale'",
            expect![[r#"
        PD004: rows of dialer.attempt_2026_12 are not changed
        detail: The table is an append-only record; retention drops whole partitions.
        hint: Add a new fact instead of changing an old one."#]],
        )
        .await;
}

// D4: a person is not called on any number, the later ones included, until the entry is over.
#[tokio::test]
async fn a_person_is_on_the_do_not_call_list_with_all_their_numbers() {
    let dialer = Dialer::open().await;
    let plan = |number: u32| {
        format!(
            "select result from dialer.schedule_call('spring', '+12125550{number}', tz => 'America/New_York', external_key => 'crm-7')"
        )
    };
    dialer.check(&plan(101), expect!["scheduled"]).await;
    dialer.run("select dialer.add_person_do_not_call('crm-7', 'letter', '2027-01-01')").await;
    dialer
        .check("select state, end_reason from dialer.call", expect!["cancelled | do_not_call"])
        .await;
    dialer.check(&plan(102), expect!["do_not_call"]).await;
    dialer
        .check_refusal(
            "select dialer.add_person_do_not_call('crm-8')",
            expect![[r#"
        PD018: nobody is known by this external key
        detail: The key is not repeated here: errors are logged.
        hint: Look in dialer.contact."#]],
        )
        .await;
    // Whoever asks about the number is told of the person's entry.
    let about = "select do_not_call_id, address, contact_id from dialer.find_do_not_call";
    for (whom, entries) in [
        ("'+12125550101'", "1 | - | 1"),
        ("external_key => 'crm-7'", "1 | - | 1"),
        ("'+12125550109'", ""),
    ] {
        assert_eq!(dialer.rows(&format!("{about}({whom})")).await, entries, "{whom}");
    }
    for (whom, refused) in [
        (
            "'crm-7', contact_id => 1",
            "PD018: a person is named by an external key or by the number of the contact, not both",
        ),
        ("contact_id => 99", "PD018: contact 99 does not exist"),
        ("", "PD018: a person is named by a number or address, or by an external key"),
    ] {
        let told = dialer.refusal(&format!("select dialer.add_person_do_not_call({whom})")).await;
        assert!(told.starts_with(refused), "{told}");
    }
    for entry in ["add_person_do_not_call('crm-7'", "add_do_not_call('+12125550101'"] {
        let over = dialer
            .refusal(&format!("select dialer.{entry}, expires_at => '2026-12-04 12:00')"))
            .await;
        assert!(over.starts_with("PD064: a do-not-call entry until 2026-12-04"), "{over}");
    }
    dialer.clock("2027-01-04 12:00").await;
    dialer.check(&plan(102), expect!["scheduled"]).await;
}

// D4: somebody who has no key of yours is forbidden as well, with a number that comes later.
#[tokio::test]
async fn a_person_is_forbidden_by_the_number_of_the_contact() {
    let dialer = Dialer::open().await;
    let plan = "select result from dialer.schedule_call('spring', '+12125550101', name => 'Ada', tz => 'America/New_York')";
    dialer.check(plan, expect!["scheduled"]).await;
    dialer.run("select dialer.add_person_do_not_call(contact_id => 1, source => 'letter')").await;
    dialer
        .check("select state, end_reason from dialer.call", expect!["cancelled | do_not_call"])
        .await;
    dialer
        .check(
            "select address, contact_id, contact, external_key, source from dialer.find_do_not_call()",
            expect!["- | 1 | Ada | - | letter"],
        )
        .await;
    dialer
        .run("insert into dialer.endpoint (tenant_id, contact_id, channel, address) values (1, 1, 'voice', '+12125550102')")
        .await;
    let later = plan.replace("0101", "0102");
    dialer.check(&later, expect!["do_not_call"]).await;
}
