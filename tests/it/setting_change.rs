//! Who changed which setting, and where a person came from.

use crate::dialer::Dialer;
use expect_test::expect;

// R201, C37: every change of a setting is kept, with who made it, and nobody can rewrite that.
#[tokio::test]
async fn what_was_changed_of_settings_and_by_whom_stays_known() {
    let dialer = Dialer::open().await;
    dialer.people(3).await;
    dialer
        .run(
            "set application_name = 'office';
             select * from dialer.edit_campaign('spring', '{\"max_concurrent\": 7, \"hours\": \"Mo-Fr 09:00-17:00\"}');
             select dialer.pause_campaign('spring', 'lunch'); select dialer.resume_campaign('spring');
             select dialer.set_limits('voice', 5); select dialer.pause_account('voice', 'invoice'); select dialer.reopen_account('voice');
             select dialer.create_redial_policy('gentle', '{0,1 hour}'); update dialer.redial_policy set max_per_day = 2 where name = 'gentle';
             delete from dialer.redial_policy where name = 'gentle';
             select dialer.set_tenant_limits('default', 9); select dialer.pause_queue('fire drill')",
        )
        .await;
    // What a claim writes of a campaign is no setting.
    dialer.place().await;
    let changes = "select thing, name, before - '{account_id,calendar_id,policy_id,changed_at}'::text[], after - '{account_id,calendar_id,policy_id,changed_at}'::text[], actor from dialer.setting_change order by setting_change_id";
    dialer.check(changes, expect![[r#"
        campaign | spring | {"state": "draft"} | {"state": "running"} | postgres
        calendar | campaign spring | {"hours": "Mo-Fr 11:00-20:00"} | {"hours": "Mo-Fr 09:00-17:00"} | postgres/office
        campaign | spring | {"max_concurrent": null} | {"max_concurrent": 7} | postgres/office
        campaign | spring | {"state": "running", "state_reason": null} | {"state": "paused", "state_reason": "lunch"} | postgres/office
        campaign | spring | {"state": "paused", "state_reason": "lunch"} | {"state": "running", "state_reason": null} | postgres/office
        provider_account | voice | {"max_concurrent": 2} | {"max_concurrent": 5} | postgres/office
        provider_account | voice | {"state": "open", "state_reason": null} | {"state": "paused", "state_reason": "invoice"} | postgres/office
        provider_account | voice | {"state": "paused", "state_reason": "invoice"} | {"state": "open", "state_reason": null} | postgres/office
        redial_policy | gentle | {"max_per_day": null} | {"max_per_day": 2} | postgres/office
        redial_policy | gentle | {"caps": [], "name": "gentle", "ladder": ["00:00:00", "01:00:00"], "min_gap": null, "cap_scope": "contact", "tenant_id": 1, "max_per_day": 2, "outcome_max": {}, "ladder_scope": "day", "max_lifetime": null, "outcome_waits": {}, "technical_max": 10, "final_outcomes": ["sale", "dnc", "invalid_number", "blocked"], "technical_ladder": ["00:00:02", "00:00:04", "00:00:08", "00:00:30", "00:02:00", "00:10:00"]} | - | postgres/office
        tenant | default | {"max_concurrent": null} | {"max_concurrent": 9} | postgres/office
        queue_control | queue_control | {"paused": false, "reason": null} | {"paused": true, "reason": "fire drill"} | postgres/office"#]]).await;
    for sql in
        ["delete from dialer.setting_change", "update dialer.setting_change set actor = 'nobody'"]
    {
        let said = dialer.refusal(sql).await;
        assert!(said.starts_with("PD004"), "{sql}: {said}");
    }
}

// C39: what brought a person is known, and the merge with what came later.
#[tokio::test]
async fn a_person_says_what_brought_them() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer
        .run(
            "select dialer.begin_import('spring', 'list.csv');
             insert into dialer.import_row (import_id, line, name, phone, tz) values (1, 2, 'Ada', '(212) 555-0101', 'America/New_York'), (1, 3, 'Ben', '+12125550155', 'America/New_York');
             select dialer.import_contacts(1); select dialer.finish_import(1);
             select dialer.schedule_call('spring', '+12125550155', tz => 'America/New_York'); select dialer.schedule_call('spring', '+12125550155', tz => 'America/New_York')",
        )
        .await;
    dialer
        .check(
            "select name, sources from dialer.contact order by 1",
            expect![[r#"
        Ada | {schedule_call,"import 1"}
        Ben | {"import 1",schedule_call}"#]],
        )
        .await;
    dialer
        .check(
            "select dialer.export_person('+12125550155') -> 'contact' -> 'sources'",
            expect![[r#"["import 1", "schedule_call"]"#]],
        )
        .await;
}
