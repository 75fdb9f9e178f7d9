use super::{Asking, camel};
use serde_json::json;

#[test]
fn only_what_is_stated_is_said() {
    let asking = Asking::of("schedule_call")
        .text("campaign", Some("spring"))
        .text("tz", None)
        .read_as("hours", "::dialer.hours", Some("Mo-Fr 09:00-17:00"))
        .integer("priority", Some(5));
    assert_eq!(
        asking.rows_sql(),
        "select to_jsonb(row_) from dialer.schedule_call(campaign => $1, hours => $2::dialer.hours, priority => $3) row_"
    );
    assert_eq!(asking.parameters().len(), 3);
}

#[test]
fn names_are_written_as_in_json_and_what_is_somebodys_own_is_left_alone() {
    let row = json!({"call_id": 7, "end_reason": null, "payload": {"user_id": "u1"}});
    let written = json!({"callId": 7, "endReason": null, "payload": {"user_id": "u1"}});
    assert_eq!(camel(row), written);
    assert_eq!(camel(json!(3)), json!(3));
}
