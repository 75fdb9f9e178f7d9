//! SIP responses and Q.850 causes as outcomes: what telephone networks say, whatever the vendor.

use super::word::{Word, vocabulary};

/// SIP responses to an INVITE.
pub const SIP: &[Word] = vocabulary! {
    Sip, Some("completed"), "answered": "200";
    Sip, Some("no_answer"), "": "408" "480";
    Sip, Some("no_answer"), "cancelled when our ringing time was over; else by us": "487";
    Sip, Some("busy"), "": "486" "600";
    Sip, Some("rejected"), "": "603";
    Sip, Some("invalid_number"), "": "404" "410" "484" "485" "604";
    Sip, Some("blocked"), "some trunks say so of too many calls: read the text": "403";
    Sip, Some("blocked"), "unwanted, or rejected by a call analytics service": "607" "608";
    Sip, Some("account_error"), "": "401" "402" "407";
    Sip, Some("config_error"), "": "400" "488" "501" "606";
    Sip, Some("provider_fault"), "": "302" "482" "483" "500" "502" "503" "504";
};

/// Q.850 causes of release.
pub const Q850: &[Word] = vocabulary! {
    Q850, Some("invalid_number"), "unallocated, changed, incomplete": "1" "22" "28";
    Q850, Some("config_error"), "no route": "2" "3";
    Q850, Some("completed"), "normal clearing": "16";
    Q850, Some("busy"), "": "17";
    Q850, Some("no_answer"), "": "18" "19" "20";
    Q850, Some("no_answer"), "none of Q.850's: whoever cleared the call gave no cause": "0";
    Q850, Some("rejected"), "some networks say so of a call they block": "21";
    Q850, Some("provider_fault"), "": "23" "27" "34" "38" "41" "42" "44" "102";
    Q850, Some("config_error"), "codec or service not to be had": "29" "58" "79" "88";
    Q850, None, "unspecified: once it was answered it may have reached somebody": "31";
    Q850, Some("account_error"), "": "50" "52" "57";
    Q850, Some("blocked"), "": "54";
    Q850, None, "interworking, nothing more is known": "127";
};
