//! Twilio's vocabulary: states of a call, who answered, and the codes of its errors. What a
//! telephone network answered comes as a SIP code, which all vendors share.

use crate::provider::word::{Word, vocabulary};

pub const WORDS: &[Word] = vocabulary! {
    Status, None, "before the end": "queued" "initiated" "ringing" "in-progress" "answered";
    Status, Some("completed"), "unless a machine answered": "completed";
    Status, Some("busy"), "": "busy";
    Status, Some("no_answer"), "": "no-answer";
    Status, Some("cancelled"), "": "canceled";
    Status, None, "the SIP code or the error code tells": "failed";
    AnsweredBy, Some("completed"), "": "human";
    AnsweredBy, None, "counts as answered by a person": "unknown";
    AnsweredBy, Some("voicemail"), "":
        "machine_start" "machine_end_beep" "machine_end_silence" "machine_end_other" "fax";
    Error, Some("account_error"), "credentials, permission, an account that is not active":
        "20003" "20005" "20006" "10001";
    Error, Some("account_error"), "a trial account may not": "21219" "32100" "10002";
    Error, Some("over_limit"), "requests at once; never processed": "20429";
    Error, Some("over_limit"), "more than a day of calls is queued": "22005";
    Error, Some("over_limit"), "calls at once": "10004" "86008";
    Error, Some("over_limit"), "calls a second of a trunk": "32001" "32012";
    Error, Some("invalid_number"), "": "21211" "21217" "13223" "13224" "13226" "21201" "32101";
    Error, Some("provider_fault"), "the number cannot be reached from there": "21214";
    Error, Some("blocked"), "a premium number": "21202";
    Error, Some("config_error"), "no permission for the country": "21215" "21203" "13227" "32205";
    Error, Some("blocked"), "on the vendor's block list": "21216" "13225" "32203";
    Error, Some("config_error"), "the number to call from": "21210" "21212" "21213" "32204";
    Error, Some("config_error"), "a parameter":
        "21205" "21206" "21208" "21209" "21218" "21234" "21263" "32018";
    Error, None, "the call is not in a state to change": "21220";
    Error, Some("blocked"), "the carrier blocks the number that calls": "32017";
    Error, Some("no_answer"), "nothing was heard after dialling": "32016";
    Error, Some("provider_fault"), "the SIP side is out of reach": "32009" "32011";
    Error, Some("provider_fault"), "comes with 5xx, and then nobody knows": "20500" "20503";
    Error, Some("config_error"), "our webhook or document":
        "11200" "11205" "11206" "11210" "11215" "11220" "11235" "11236" "11237" "12100" "12200";
};
