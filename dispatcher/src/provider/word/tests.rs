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

/// LIMIT: characters of a generated line.
const LINE: usize = 180;

/// The vocabularies as SQL: one statement a vendor, in groups of the same kind, outcome and remark.
fn as_sql() -> String {
    let mut sql = include_str!("head.sql").to_owned();
    for (provider, words) in crate::provider::vocabularies() {
        sql += "insert into dialer.provider_word (provider, kind, outcome, note, word)\n";
        sql += &format!("select {}, g.kind, g.outcome::dialer.outcome, g.note, ", quoted(provider));
        sql += "unnest(g.words) from (values\n";
        let alike = |a: &Word, b: &Word| (a.kind, a.outcome, a.note) == (b.kind, b.outcome, b.note);
        let groups: Vec<String> = words.chunk_by(alike).map(group).collect();
        sql += &groups.join(",\n");
        sql += ") g(kind, outcome, note, words);\n";
    }
    sql
}

fn group(words: &[Word]) -> String {
    let outcome = words[0].outcome.map_or("null".to_owned(), quoted);
    let (kind, note) = (quoted(words[0].kind.as_str()), quoted(words[0].note));
    let (mut text, mut line) = (String::new(), format!("    ({kind}, {outcome}, {note}, array["));
    for (at, word) in words.iter().enumerate() {
        let word = quoted(word.word) + if at + 1 < words.len() { ", " } else { "])" };
        if line.len() + word.len() > LINE {
            text += &format!("{}\n", line.trim_end());
            line = String::from("        ");
        }
        line += &word;
    }
    text + &line
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[test]
fn the_database_is_told_the_vocabularies_as_they_are() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../sql/165_provider_word.sql");
    let sql = as_sql();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, &sql).expect("the file can be written");
    }
    let now = std::fs::read_to_string(path).expect("the file exists");
    assert!(now == sql, "sql/165_provider_word.sql is out of date: run with UPDATE_EXPECT=1");
}

#[test]
fn every_outcome_is_one_of_the_database_s_and_no_word_is_listed_twice() {
    let types = include_str!("../../../../sql/110_types.sql");
    let (_, rest) = types.split_once("create type dialer.outcome as enum (").expect("outcomes");
    let (outcomes, _) = rest.split_once(");").expect("their end");
    for (provider, words) in crate::provider::vocabularies() {
        let mut seen = std::collections::HashSet::new();
        for word in words {
            assert!(
                seen.insert((word.kind.as_str(), word.word)),
                "{provider}: {} twice",
                word.word
            );
            let known = |outcome: &str| outcomes.contains(&format!("'{outcome}'"));
            assert!(word.outcome.is_none_or(known), "{provider}: {word:?}");
        }
    }
}
