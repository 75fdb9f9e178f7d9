//! Campaign control, ticks, reports, roles.

use crate::dialer::{Dialer, set_clock};
use crate::locks::waits;
use expect_test::expect;

#[tokio::test]
async fn a_campaign_goes_its_way_and_no_other() {
    let dialer = Dialer::closed().await;
    dialer
        .check(
            "select dialer.start_campaign('spring'), dialer.start_campaign('spring')",
            expect!["draft | running"],
        )
        .await;
    dialer.check("select dialer.pause_campaign('spring'), dialer.resume_campaign('spring'), dialer.stop_campaign('spring')", expect!["running | paused | running"]).await;
    dialer
        .check_refusal(
            "select dialer.start_campaign('spring')",
            expect![[r#"
        PD001: campaign "spring" may not go from "stopped" to "running"
        detail: To "running" it goes from: draft, paused.
        hint: A stopped campaign is over; make a new one."#]],
        )
        .await;
    dialer.check("select dialer.archive_campaign('spring')", expect!["stopped"]).await;
}

// R137
#[tokio::test]
async fn a_stop_cancels_what_waits_and_lets_what_is_in_flight_finish() {
    let dialer = Dialer::open().await;
    dialer.people(4).await;
    dialer.place().await;
    dialer.run("select dialer.stop_campaign('spring')").await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    dialer
        .check(
            "select task, done from dialer.tick() where done > 0 and task <> 'partitions'",
            expect!["campaigns | 2"],
        )
        .await;
    dialer.end("no_answer").await;
    dialer
        .check(
            "select state, end_reason, count(*) from dialer.call group by 1, 2 order by 1, 2",
            expect!["cancelled | campaign_stopped | 4"],
        )
        .await;
    dialer.sound().await;
}

/// Twelve calls with twelve outcomes, one cancelled, one put on do-not-call.
async fn twelve_outcomes() -> Dialer {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.set_limits('voice', 100)").await;
    dialer.people(12).await;
    dialer.place().await;
    dialer
        .run(
            "select dialer.ingest_event(1, jsonb_agg(jsonb_build_object('event_key', call_id::text, 'kind', 'ended', 'attempt_id', attempt_id, 'outcome',
             (array['sale', 'dnc', 'no_answer', 'transferred', 'invalid_number', 'voicemail', 'busy', 'completed', 'sale', 'maybe_reached', 'callback', 'not_interested'])[call_id])))
             from dialer.lease",
        )
        .await;
    dialer.run("select dialer.cancel_call(3); select dialer.add_do_not_call('+12125550107')").await;
    dialer
}

// R188: every call is in exactly one line of the breakdown.
#[tokio::test]
async fn the_breakdown_accounts_for_every_call() {
    let dialer = twelve_outcomes().await;
    dialer
        .check(
            "select measure, calls from dialer.report_breakdown(campaign => 'spring')",
            expect![[r#"
                total_leads | 12
                active_for_redial | 6
                completed_sale | 2
                completed_dnc | 1
                completed_other | 0
                failed | 1
                cancelled_do_not_call | 1
                cancelled_converted | 0
                cancelled_other | 1
                expired | 0
                should_continue | 6
                transferred_not_sale | 1
                non_sale | 10
                non_dnc | 11
                non_sale_non_dnc | 9"#]],
        )
        .await;
    dialer
        .check(
            "select (select calls from dialer.report_breakdown() where measure = 'total_leads')
                  = (select sum(calls) from dialer.report_breakdown() where measure in ('active_for_redial', 'completed_sale', 'completed_dnc',
                     'completed_other', 'failed', 'cancelled_do_not_call', 'cancelled_other', 'expired'))",
            expect!["t"],
        )
        .await;
    dialer.sound().await;
}

// R083, R189, R190, R191, C36
#[tokio::test]
async fn todays_attempts_and_the_totals_are_counted_from_one_source() {
    let dialer = twelve_outcomes().await;
    dialer
        .check(
            "select measure, value from dialer.report_today('America/New_York')",
            expect![[r#"
                leads_created | 12
                total_calls | 12
                redials | 0
                connectivity_rate | 0.5833
                transfer_rate | 0.2500
                outcome_busy | 1
                outcome_callback | 1
                outcome_completed | 1
                outcome_dnc | 1
                outcome_invalid_number | 1
                outcome_maybe_reached | 1
                outcome_no_answer | 1
                outcome_not_interested | 1
                outcome_sale | 2
                outcome_transferred | 1
                outcome_voicemail | 1"#]],
        )
        .await;
    dialer
        .check(
            "select measure, calls from dialer.report_totals('spring')",
            expect![[r#"
                total_leads | 12
                active | 6
                active_from_yesterday | 0
                active_older | 0
                tomorrow_or_later | 0
                daily_max_reached | 0
                completed | 3"#]],
        )
        .await;
    dialer.check("select campaign, state, calls, earliest_due_at, average_attempts from dialer.scheduler_dashboard", expect!["spring | scheduled | 6 | 2026-12-04 12:02:00-05 | 1.00"]).await;
    dialer.sound().await;
}

// D5
#[tokio::test]
async fn explain_names_every_gate_with_its_numbers() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer.place().await;
    dialer.end("no_answer").await;
    dialer.check("select * from dialer.explain(1, '2026-12-05 12:00')", expect![[r#"
        state | t | scheduled, waits for: redial | -
        campaign | t | campaign "spring" is running | -
        account | t | account "voice" is open | -
        queue | t | the queue runs | -
        due | t | due at 2026-12-04 12:02:00-05 | -
        number | t | number is ok | -
        do_not_call | t | not on the list | -
        zone | t | America/New_York (stated) | -
        window | f | it is Sat 2026-12-05 12:00 there; hours are Mo-Fr 11:00-20:00 | 2026-12-07 11:00:00-05
        cap: 8 a local day | t | 1 attempts counted for the contact, the last at 2026-12-04 12:00:00-05 | -
        expiry | t | does not expire | -
        one_call_at_a_time | t | no other call to the number or person is open | -
        account_slots | t | 0 of 2 in use, 0 kept for inbound | -
        campaign_slots | t | 0 of any number in use | -
        caller_id | t | the provider chooses the number to call from | -
        consent | t | the campaign asks for none | -
        lifetime | t | 1 attempts of any number | -
        contact_limit | t | the campaign has no limit per contact | -
        conversion | t | the person has not converted | -
        callback | t | none was promised | -
        attempts_today | f | 0 made on this local date, 0 more can be made | 2026-12-07 11:00:00-05"#]]).await;
}

// R225, D12
#[tokio::test]
async fn the_dispatcher_may_call_its_functions_and_nothing_else() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer.run("set role dialer_dispatcher").await;
    dialer.check("select count(*) from dialer.claim('d1', 10)", expect!["1"]).await;
    dialer.check("select rate from dialer.next_wake('d1')", expect!["1"]).await;
    dialer
        .check_refusal(
            "select * from dialer.call",
            expect!["42501: permission denied for table call"],
        )
        .await;
    dialer
        .check_refusal(
            "update dialer.lease set until = 'infinity'",
            expect!["42501: permission denied for table lease"],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.pause_campaign('spring')",
            expect!["42501: permission denied for function pause_campaign"],
        )
        .await;
    dialer
        .check_refusal(
            "set dialer.clock = '2030-01-01'",
            expect![[r#"42501: permission denied to set parameter "dialer.clock""#]],
        )
        .await;
    dialer
        .check(
            "select p.proname from pg_proc p where p.pronamespace = 'dialer'::regnamespace and has_function_privilege('dialer_dispatcher', p.oid, 'execute')
             and p.prolang in (select oid from pg_language where lanname in ('sql', 'plpgsql')) order by 1",
            expect![[r#"
                account_for_hook
                account_to_check
                claim
                cron_health
                heartbeat
                ingest_event
                intend
                look_again
                mark_placed
                mark_unknown
                next_wake
                old_snapshots
                oldest_snapshot_seconds
                queue_gauges
                release
                settle
                silent_attempts
                streaming_accounts
                tick"#]],
        )
        .await;
}

// R140, R224
#[tokio::test]
async fn a_tenant_sees_only_its_own_rows() {
    let dialer = Dialer::open().await;
    dialer.people(2).await;
    dialer
        .run(
            "select dialer.create_tenant('acme'); select dialer.bind_role('dialer_user', t) from unnest('{acme,default}'::text[]) t; set role dialer_user; set dialer.tenant = 'acme'",
        )
        .await;
    dialer.check("select (select count(*) from dialer.call), (select count(*) from dialer.contact), (select count(*) from dialer.campaign)", expect!["0 | 0 | 0"]).await;
    dialer
        .check_refusal(
            "select dialer.pause_campaign('spring')",
            expect![[r#"
        PD025: campaign "spring" does not exist
        detail: Campaigns belong to a tenant and are named in dialer.campaign.
        hint: Add it with dialer.create_campaign."#]],
        )
        .await;
    dialer
        .check(
            "with gone as (update dialer.contact set name = 'raid' returning 1) select count(*) from gone",
            expect!["0"],
        )
        .await;
    dialer.check_refusal("insert into dialer.do_not_call (tenant_id, address, source) values (1, '+12125550101', 'spite')", expect![[r#"42501: new row violates row-level security policy for table "do_not_call""#]]).await;
    dialer.run("set dialer.tenant = 'default'").await;
    dialer.check("select count(*) from dialer.call", expect!["2"]).await;
    dialer.check("select result from dialer.schedule_call('spring', '+12125550177', tz => 'America/New_York')", expect!["scheduled"]).await;
}

#[tokio::test]
async fn the_ticks_make_partitions_ahead_and_say_what_they_did() {
    let dialer = Dialer::open().await;
    dialer.clock("2027-03-15 12:00").await;
    dialer
        .check(
            "select * from dialer.tick()",
            expect![[r#"
                leases | 0
                expiry | 0
                campaigns | 0
                series | 0
                members | 0
                strays | 0
                partitions | 9
                lanes | 0"#]],
        )
        .await;
    dialer
        .check(
            "select * from dialer.tick()",
            expect![[r#"
                leases | 0
                expiry | 0
                campaigns | 0
                series | 0
                members | 0
                strays | 0
                partitions | 0
                lanes | 0"#]],
        )
        .await;
    dialer.check_refusal("select dialer.install_cron()", expect![[r#"
        PD034: pg_cron is not installed in this database
        detail: Ticks are then driven by dialerd, which needs no set-up.
        hint: To use pg_cron: load it in shared_preload_libraries, then create extension pg_cron."#]]).await;
}

#[tokio::test]
async fn a_tenant_cannot_reach_another_by_the_numbers_of_its_rows() {
    let dialer = Dialer::open().await;
    dialer.people(2).await;
    dialer.run("select dialer.create_tenant('acme'); select dialer.bind_role('dialer_admin', 'acme'); set role dialer_admin").await;
    // Campaign, calendar and policy of its own, and the account of somebody else.
    dialer.run("select dialer.create_account('own', 'sandbox', 1); select dialer.create_campaign('raid', 'own', '24/7')").await;
    dialer
        .check_refusal(
            "update dialer.campaign set account_id = 1",
            expect![[r#"
                PD021: provider account 1 does not exist
                detail: Account, calendar and policy of a campaign belong to its tenant."#]],
        )
        .await;
    dialer
        .check_refusal(
            "update dialer.campaign set calendar_id = 1",
            expect![[r#"
                PD022: calendar 1 does not exist
                detail: Account, calendar and policy of a campaign belong to its tenant."#]],
        )
        .await;
    dialer
        .check_refusal(
            "insert into dialer.endpoint (tenant_id, contact_id, channel, address, position) values (2, 1, 'voice', '+12125550199', 0)",
            expect![[r#"42501: new row violates row-level security policy "own_contacts_only" for table "endpoint""#]],
        )
        .await;
    dialer.run("insert into dialer.do_not_call (contact_id, source) values (1, 'spite')").await;
    dialer
        .check_refusal(
            "select * from dialer.claim('raid', 10)",
            expect!["42501: permission denied for function claim"],
        )
        .await;
    dialer
        .check_refusal(
            "update dialer.lane set openings = '{}'",
            expect!["42501: permission denied for table lane"],
        )
        .await;
    dialer.run("reset role; set dialer.tenant = 'default'").await;
    dialer
        .check("select state, count(*) from dialer.call group by 1", expect!["scheduled | 2"])
        .await;
    dialer.check("select count(*) from dialer.claim('d1', 10)", expect!["2"]).await;
    dialer.sound().await;
}

// One claim serves every tenant, and one batch of events every call: nothing that a row holds may make them fail.
#[tokio::test]
async fn what_would_make_every_claim_fail_is_refused_where_it_is_written() {
    let dialer = Dialer::open().await;
    let schedule = |payload: &str| {
        format!(
            "select dialer.schedule_call('spring', '+12125550101', tz => 'America/New_York', payload => '{payload}')"
        )
    };
    for payload in ["5", "[]", r#"{"settings": 7}"#] {
        let said = dialer.refusal(&schedule(payload)).await;
        assert!(said.contains("payload_and_its_settings_are_objects"), "{payload}: {said}");
    }
    let policy =
        |more: &str| format!("select dialer.create_redial_policy('odd', '{{0,1 min}}', {more})");
    for (more, code) in [
        ("caps => array[row(1, 'fortnight', 1, null)::dialer.cap]", "PD015"),
        ("caps => array[null::dialer.cap]", "PD015"),
        ("caps => array[row(1, 'local_dates', 2000000, null)::dialer.cap]", "PD015"),
        ("min_gap => '100 years'", "PD015"),
        (r#"outcome_waits => '{"busy": "soon"}'"#, "PD012"),
        (r#"outcome_waits => '{"busy": "-1 h"}'"#, "PD012"),
        (r#"outcome_waits => '{"busy": "300000 years"}'"#, "PD012"),
        (r#"outcome_waits => '{"engaged": "1 h"}'"#, "PD012"),
        ("outcome_waits => '[]'", "PD012"),
    ] {
        let said = dialer.refusal(&policy(more)).await;
        assert!(said.starts_with(code), "{more}: {said}");
    }
    let said =
        dialer.refusal("select dialer.create_redial_policy('odd', '{0,300000 years}')").await;
    assert!(said.starts_with("PD012"), "{said}");
    dialer.run(&policy(r#"min_gap => '10 min', outcome_waits => '{"busy": "5 min"}', caps => array[row(3, 'rolling', 3600, null)::dialer.cap]"#)).await;
    dialer.run(&schedule(r#"{"settings": {"voice": "x"}}"#)).await;
    dialer.check("select count(*) from dialer.claim('d1', 10)", expect!["1"]).await;
}

#[tokio::test]
async fn a_tick_does_not_try_for_ever_to_make_a_month_that_has_begun_without_it() {
    let dialer = Dialer::closed().await;
    let writer = dialer.another_session().await;
    dialer.people(1).await;
    // Before the campaign has ever run: the change of state is logged where months without a partition go.
    dialer.run("select dialer.cancel_call(1)").await;
    dialer.run("select dialer.start_campaign('spring')").await;
    writer.run("begin; lock table dialer.transition_other in row exclusive mode").await;
    dialer
        .check(
            "set lock_timeout = '1s'; select done from dialer.tick() where task = 'partitions'",
            expect!["0"],
        )
        .await;
}

#[tokio::test]
async fn who_writes_while_the_first_month_is_made_waits_and_is_not_refused() {
    let dialer = Dialer::closed().await;
    let office = dialer.another_session().await;
    let watch = dialer.another_session().await;
    dialer.people(1).await;
    set_clock(&office, "2026-12-04 12:00").await;
    office.run("begin; select dialer.ensure_partitions(dialer.now())").await;
    let cancels = dialer.refusal("select dialer.cancel_call(1)");
    tokio::pin!(cancels);
    tokio::select! {
        biased;
        said = &mut cancels => panic!("nobody waited: {said}"),
        () = waits(&watch) => {}
    }
    office.run("commit").await;
    assert_eq!(cancels.await, "not refused");
    dialer.check("select count(*) from dialer.transition_2026_12 where call_id = 1 and to_state = 'cancelled'", expect!["1"]).await;
}

#[tokio::test]
async fn calls_follow_a_campaign_whose_zone_rule_is_changed() {
    let dialer = Dialer::open().await;
    dialer
        .run("update dialer.calendar set tz = 'America/New_York'; update dialer.campaign set zone_rule = 'fixed'")
        .await;
    dialer.people(4).await;
    let claim = "select count(*) from dialer.claim('d1', 1)";
    dialer.check(claim, expect!["1"]).await;
    dialer.run("update dialer.campaign set zone_rule = 'contact'").await;
    dialer.check(claim, expect!["0"]).await;
    let strays = "select done, (select strays from dialer.campaign) from dialer.tick() where task = 'strays'";
    dialer.check(strays, expect!["3 | t"]).await;
    dialer.check(claim, expect!["1"]).await;
    // The one that was in flight comes back later.
    dialer.clock("2026-12-04 12:01").await;
    dialer.check("select done from dialer.tick() where task = 'leases'", expect!["2"]).await;
    dialer.check(strays, expect!["0 | t"]).await;
    dialer.check("select strays from dialer.campaign", expect!["f"]).await;
    dialer
        .check(
            "select zones, count(*) from dialer.call join dialer.lane using (lane_id) group by 1",
            expect!["{America/New_York} | 4"],
        )
        .await;
    dialer.sound().await;
}
