//! Bland's vocabulary. Its errors are sentences: a row holds for every text that it stands within.

use crate::provider::word::{Word, vocabulary};

pub const WORDS: &[Word] = vocabulary! {
    Status, None, "queue_status before the call": "new" "queued" "allocated" "started";
    Status, None, "queue_status at the end; status tells": "complete" "complete_error";
    Status, Some("completed"), "unless a machine answered": "completed";
    Status, Some("no_answer"), "": "no-answer";
    Status, Some("busy"), "": "busy";
    Status, Some("cancelled"), "": "canceled";
    Status, None, "the error tells": "failed";
    Status, None, "the vendor does not know itself": "unknown";
    Status, Some("config_error"), "queue_status: refused before it was queued": "pre_queue_error";
    Status, Some("provider_fault"), "queue_status; maybe_reached where something was said":
        "queue_error" "call_error";
    AnsweredBy, Some("completed"), "": "human";
    AnsweredBy, None, "counts as answered by a person": "unknown";
    AnsweredBy, Some("voicemail"), "": "voicemail";
    AnsweredBy, Some("no_answer"), "": "no-answer";
    EndedReason, Some("busy"), "within the error of a failed call": "busy" "SIP 486";
    EndedReason, Some("invalid_number"), "within the error of a failed call": "not found" "SIP 404";
    EndedReason, Some("no_answer"), "within the error of a failed call":
        "temporarily unavailable" "SIP 480";
    EndedReason, Some("blocked"), "within the error of a failed call; try another number to call from":
        "Spam or Number Reputation" "SIP 608";
    EndedReason, Some("account_error"), "within the error of a failed call": "Account not allowed to call";
    EndedReason, Some("provider_fault"), "within the error of a failed call; maybe_reached where something was said":
        "database error" "Unable to start call";
    EndedReason, Some("completed"), "tag that the vendor gives a conversation":
        "INTERESTED" "FOLLOW_UP_REQUIRED" "OBJECTION_RAISED" "NEEDS_MORE_INFO" "NOT_QUALIFIED"
        "COMPLETED_ACTION" "AGENT_ENDED_CALL";
    EndedReason, Some("not_interested"), "tag that the vendor gives a conversation": "NOT_INTERESTED";
    EndedReason, Some("callback"), "tag that the vendor gives a conversation": "CALL_BACK_SCHEDULED";
    EndedReason, Some("transferred"), "tag that the vendor gives a conversation": "TRANSFERRED";
    EndedReason, Some("dnc"), "tag that the vendor gives a conversation": "DO_NOT_CONTACT";
    EndedReason, None, "tag that repeats the status": "NO_CONTACT_MADE" "NO_ANSWER" "BUSY" "CANCELED" "FAILED";
    Error, Some("account_error"), "": "AUTH_FAILURE" "No billing record found" "Insufficient balance";
    Error, Some("blocked"), "": "DNC Error" "Cannot dial sensitive numbers" "This number is blacklisted";
    Error, Some("invalid_number"), "": "Invalid phone number";
    Error, Some("provider_fault"), "": "Unable to queue call" "Unable to save request body";
    Error, Some("config_error"), "": "OBJECTIVE_VALIDATION_ERROR";
    Error, Some("over_limit"), "one call in ten seconds to a number": "every 10 seconds to the same number";
    Error, Some("over_limit"), "": "Rate limit exceeded" "newly created accounts" "International rate limit";
};
