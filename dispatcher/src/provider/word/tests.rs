//! Tests of the look-up.

use super::*;

const WORDS: &[Word] = vocabulary! {
    EndedReason, Some("maybe_reached"), "": "fault-*";
    EndedReason, Some("provider_fault"), "": "fault-before-*";
    EndedReason, Some("no_answer"), "": "fault-before-dinner";
    Status, None, "rings": "ringing";
};

#[test]
fn a_whole_word_counts_before_the_longest_beginning() {
    let said = |word| outcome(WORDS, WordKind::EndedReason, word);
    assert_eq!(said("fault-before-dinner"), Some("no_answer"));
    assert_eq!(said("fault-before-supper"), Some("provider_fault"));
    assert_eq!(said("fault-after-dinner"), Some("maybe_reached"));
    assert_eq!(said("fault"), None);
    assert_eq!(said("ringing"), None);
    assert!(find(WORDS, WordKind::Status, "ringing").is_some());
}
