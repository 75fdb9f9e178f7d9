//! The order in which the SQL files are installed: one line a file, read from the top.
//!
//! pgrx sorts SQL by a graph of requirements, not by the order of lines, so every file requires
//! the one above it.

use pgrx::extension_sql_file;

macro_rules! install_in_order {
    ($name:literal: $path:literal, $($rest:tt)*) => {
        extension_sql_file!($path, name = $name);
        install_in_order!(after $name; $($rest)*);
    };
    (after $previous:literal; $name:literal: $path:literal, $($rest:tt)*) => {
        extension_sql_file!($path, name = $name, requires = [$previous]);
        install_in_order!(after $name; $($rest)*);
    };
    (after $previous:literal;) => {};
}

install_in_order! {
    "010_schema": "../../sql/010_schema.sql",
    "012_hours_type": "../../sql/012_hours_type.sql",
    "015_zone": "../../sql/015_zone.sql",
    "020_clock": "../../sql/020_clock.sql",
    "030_calendar": "../../sql/030_calendar.sql",
    "032_stagger": "../../sql/032_stagger.sql",
    "034_redial": "../../sql/034_redial.sql",
    "036_recurrence": "../../sql/036_recurrence.sql",
    "038_phone": "../../sql/038_phone.sql",
    "039_holiday": "../../sql/039_holiday.sql",
    "040_machine": "../../sql/040_machine.sql",
    "110_types": "../../sql/110_types.sql",
    "120_tenant": "../../sql/120_tenant.sql",
    "122_api_key": "../../sql/122_api_key.sql",
    "125_queue": "../../sql/125_queue.sql",
    "130_account": "../../sql/130_account.sql",
    "132_outage": "../../sql/132_outage.sql",
    "140_calendar": "../../sql/140_calendar.sql",
    "145_calling_rule": "../../sql/145_calling_rule.sql",
    "146_calling_rule_pack": "../../sql/146_calling_rule_pack.sql",
    "147_tenant_cap": "../../sql/147_tenant_cap.sql",
    "148_ban": "../../sql/148_ban.sql",
    "150_redial_policy": "../../sql/150_redial_policy.sql",
    "155_workflow": "../../sql/155_workflow.sql",
    "160_disposition": "../../sql/160_disposition.sql",
    "165_provider_word": "../../sql/165_provider_word.sql",
    "170_campaign": "../../sql/170_campaign.sql",
    "180_contact": "../../sql/180_contact.sql",
    "190_do_not_call": "../../sql/190_do_not_call.sql",
    "192_consent": "../../sql/192_consent.sql",
    "193_exemption": "../../sql/193_exemption.sql",
    "194_classification": "../../sql/194_classification.sql",
    "200_call": "../../sql/200_call.sql",
    "210_attempt": "../../sql/210_attempt.sql",
    "212_capped": "../../sql/212_capped.sql",
    "220_event": "../../sql/220_event.sql",
    "230_transition": "../../sql/230_transition.sql",
    "240_waiting": "../../sql/240_waiting.sql",
    "242_reach": "../../sql/242_reach.sql",
    "244_consent_given": "../../sql/244_consent_given.sql",
    "246_law": "../../sql/246_law.sql",
    "246_conversion": "../../sql/246_conversion.sql",
    "247_enrolment": "../../sql/247_enrolment.sql",
    "250_intake": "../../sql/250_intake.sql",
    "260_plan": "../../sql/260_plan.sql",
    "262_schedule": "../../sql/262_schedule.sql",
    "263_batch": "../../sql/263_batch.sql",
    "264_import": "../../sql/264_import.sql",
    "265_callback": "../../sql/265_callback.sql",
    "266_wish": "../../sql/266_wish.sql",
    "267_series": "../../sql/267_series.sql",
    "268_backfill": "../../sql/268_backfill.sql",
    "269_recurring_enrolment": "../../sql/269_recurring_enrolment.sql",
    "270_claim": "../../sql/270_claim.sql",
    "280_place": "../../sql/280_place.sql",
    "290_settle": "../../sql/290_settle.sql",
    "292_workflow": "../../sql/292_workflow.sql",
    "300_ingest": "../../sql/300_ingest.sql",
    "302_replay": "../../sql/302_replay.sql",
    "310_silence": "../../sql/310_silence.sql",
    "320_control": "../../sql/320_control.sql",
    "322_queue": "../../sql/322_queue.sql",
    "322_campaign_edit": "../../sql/322_campaign_edit.sql",
    "326_setting_change": "../../sql/326_setting_change.sql",
    "330_tick": "../../sql/330_tick.sql",
    "332_retention": "../../sql/332_retention.sql",
    "334_snapshot": "../../sql/334_snapshot.sql",
    "336_person": "../../sql/336_person.sql",
    "340_reports": "../../sql/340_reports.sql",
    "345_status": "../../sql/345_status.sql",
    "346_watch": "../../sql/346_watch.sql",
    "342_history": "../../sql/342_history.sql",
    "345_attainable": "../../sql/345_attainable.sql",
    "346_campaign_days": "../../sql/346_campaign_days.sql",
    "347_next_slot": "../../sql/347_next_slot.sql",
    "350_explain": "../../sql/350_explain.sql",
    "352_compliance": "../../sql/352_compliance.sql",
    "355_api": "../../sql/355_api.sql",
    "357_overview": "../../sql/357_overview.sql",
    "360_invariants": "../../sql/360_invariants.sql",
    "370_roles": "../../sql/370_roles.sql",
}
