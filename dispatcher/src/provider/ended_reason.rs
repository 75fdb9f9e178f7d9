//! Vapi's ended reasons as our outcomes: by name, then by prefix.
//!
//! There are some 600 reasons and new ones come with every model vendor. One that neither list
//! knows has no outcome, so that the database puts it to review.

/// The outcome of a reason; `None` when it is not known.
pub fn outcome(reason: &str) -> Option<&'static str> {
    let exact = EXACT.iter().find(|(_, reasons)| reasons.contains(&reason));
    let prefix = || PREFIXES.iter().find(|(prefix, _)| reason.starts_with(prefix));
    exact.map(|(outcome, _)| *outcome).or_else(|| prefix().map(|(_, outcome)| *outcome))
}

const EXACT: [(&str, &[&str]); 12] = [
    (
        "completed",
        &[
            "assistant-ended-call",
            "assistant-ended-call-after-message-spoken",
            "assistant-ended-call-with-hangup-task",
            "assistant-said-end-call-phrase",
            "assistant-forwarded-call",
            "customer-ended-call",
            "customer-ended-call-before-warm-transfer",
            "customer-ended-call-after-warm-transfer-attempt",
            "customer-ended-call-during-transfer",
            "exceeded-max-duration",
            "silence-timed-out",
            "call.in-progress.twilio-completed-call",
            "call.in-progress.sip-completed-call",
            "call.in-progress.error-transfer-failed",
            "vonage-completed",
            "vonage-disconnected",
        ],
    ),
    (
        "no_answer",
        &[
            "customer-did-not-answer",
            "call.in-progress.error-providerfault-outbound-sip-408-request-timeout",
            "call.in-progress.error-providerfault-outbound-sip-480-temporarily-unavailable",
        ],
    ),
    ("busy", &["customer-busy"]),
    ("voicemail", &["voicemail"]),
    ("cancelled", &["manually-canceled", "scheduled-call-deleted", "call-deleted"]),
    (
        "over_limit",
        &[
            "call.start.error-subscription-concurrency-limit-reached",
            "call.start.error-vapi-number-outbound-daily-limit",
        ],
    ),
    (
        "account_error",
        &[
            "call.start.error-subscription-frozen",
            "call.start.error-subscription-insufficient-credits",
            "call.start.error-subscription-wallet-does-not-exist",
            "call.start.error-subscription-upgrade-failed",
            "call.start.error-fraud-check-failed",
            "call.start.error-enterprise-feature-not-available-recording-consent",
        ],
    ),
    (
        "invalid_number",
        &["twilio-reported-customer-misdialed", "call.start.error-vapi-number-international"],
    ),
    (
        "blocked",
        &["call.in-progress.error-providerfault-outbound-sip-403-forbidden", "vonage-rejected"],
    ),
    (
        "config_error",
        &[
            "call-start-error-neither-assistant-nor-server-set",
            "assistant-not-found",
            "assistant-not-valid",
            "call.start.assistant-version-error-validation",
            "call.in-progress.error-providerfault-outbound-sip-407-proxy-authentication-required",
        ],
    ),
    (
        "provider_fault",
        &[
            "assistant-request-failed",
            "assistant-join-timed-out",
            "twilio-failed-to-connect-call",
            "vonage-failed-to-connect-call",
            "phone-call-provider-bypass-enabled-but-no-call-received",
            "call.in-progress.error-sip-outbound-call-failed-to-connect",
            "call.in-progress.error-providerfault-outbound-sip-503-service-unavailable",
            "call.in-progress.error-providerfault-transport-never-connected",
            "call.in-progress.error-vapifault-transport-never-connected",
            "call.in-progress.error-vapifault-worker-not-available",
        ],
    ),
    ("maybe_reached", &["worker-shutdown", "phone-call-provider-closed-websocket"]),
];

/// The first that fits counts.
const PREFIXES: [(&str, &str); 11] = [
    ("call.ringing.hook-executed-", "completed"),
    ("call.ending.hook-executed-", "completed"),
    ("call.forwarding.", "completed"),
    ("call.in-progress.error-warm-transfer-", "completed"),
    ("assistant-request-returned-", "config_error"),
    ("call.start.error-get-", "config_error"),
    ("call.start.error-vapifault-", "provider_fault"),
    ("pipeline-error-", "maybe_reached"),
    ("call.in-progress.error-vapifault-", "maybe_reached"),
    ("call.in-progress.error-providerfault-", "maybe_reached"),
    ("call.in-progress.error-", "maybe_reached"),
];

#[cfg(test)]
mod tests;
