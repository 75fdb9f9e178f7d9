//! Tests of the mapping, one per class and one per prefix.

use super::outcome;

#[test]
fn every_class_has_its_words() {
    let expected = [
        ("customer-ended-call", Some("completed")),
        ("call.forwarding.no-answer", Some("completed")),
        ("customer-did-not-answer", Some("no_answer")),
        ("customer-busy", Some("busy")),
        ("voicemail", Some("voicemail")),
        ("manually-canceled", Some("cancelled")),
        ("call.start.error-subscription-concurrency-limit-reached", Some("over_limit")),
        ("call.start.error-subscription-frozen", Some("account_error")),
        ("twilio-reported-customer-misdialed", Some("invalid_number")),
        ("vonage-rejected", Some("blocked")),
        ("assistant-request-returned-error", Some("config_error")),
        ("call.start.error-get-assistant", Some("config_error")),
        ("call.start.error-vapifault-get-org", Some("provider_fault")),
        ("call.in-progress.error-vapifault-worker-not-available", Some("provider_fault")),
        ("call.in-progress.error-vapifault-worker-died", Some("maybe_reached")),
        ("pipeline-error-of-a-vendor-not-yet-known", Some("maybe_reached")),
        ("a-word-never-heard", None),
    ];
    for (reason, class) in expected {
        assert_eq!(outcome(reason), class, "{reason}");
    }
}
