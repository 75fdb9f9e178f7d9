//! The shipped calling rules: generated from the table of rules, from what the dialer makes of each
//! of its rows, and from the lists of holidays. A test keeps the three and the SQL alike.

use std::collections::BTreeMap;
use std::fmt::Write;

pub type Row = BTreeMap<String, String>;

const PACKS: [(&str, &str); 2] = [
    ("us-2026-11", "the United States: federal, state and New York City rules"),
    ("world-2026-11", "Australia, Canada, France, Germany, India, Spain, the United Kingdom"),
];
const HEAD: &str = "\
-- Shipped calling rules: generated from tests/fixtures/calling_rules.csv (the rules as they were read), calling_rules_meaning.csv (what
-- the dialer makes of each) and legal_holidays.csv (holidays, from the library holidays 0.109, MIT, both the day and the day observed).
-- Who uses it: load_calling_rules. A test keeps the files alike; UPDATE_EXPECT=1 writes this one anew.
-- Invariants kept: 6 (what cannot be enforced is loaded as a note that says so; nothing is dropped).
";

fn fixture(name: &str) -> String {
    let path = format!("{}/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Rows of a fixture by the names of its columns.
pub fn table(name: &str) -> Vec<Row> {
    let text = fixture(name);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names: Vec<String> = reader.headers().unwrap().iter().map(str::to_string).collect();
    reader
        .records()
        .map(|record| {
            names.iter().cloned().zip(record.unwrap().iter().map(str::to_string)).collect()
        })
        .collect()
}

/// The rules with their meaning: the columns of both files.
pub fn rules() -> Vec<Row> {
    let read = table("calling_rules.csv");
    let mut meant = table("calling_rules_meaning.csv");
    for (number, row) in read.iter().enumerate() {
        assert!(
            meant.iter().any(|rule| rule["row"] == number.to_string()),
            "row {number}: {row:?}"
        );
    }
    for rule in &mut meant {
        let source = read_as(&read, rule["row"].parse().unwrap());
        for (name, value) in source {
            rule.entry(name).or_insert(value);
        }
    }
    meant
}

/// A row in which "same" is what the row before it says.
fn read_as(read: &[Row], number: usize) -> Row {
    let mut row = read[number].clone();
    for name in ["source", "url"] {
        let said = (0..=number).rev().map(|at| &read[at][name]).find(|value| *value != "same");
        row.insert(name.to_string(), said.unwrap().clone());
    }
    row.remove("confidence");
    row
}

pub fn pack_of(rule: &Row) -> &'static str {
    if rule["jurisdiction"].starts_with("US") { PACKS[0].0 } else { PACKS[1].0 }
}

fn text(value: &str) -> String {
    if value.is_empty() { "null".to_string() } else { quoted(value) }
}

fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

fn list(value: &str) -> String {
    quoted(&format!("{{{}}}", value.replace(';', ",")))
}

fn number(value: &str) -> &str {
    if value.is_empty() { "null" } else { value }
}

fn rule_values(rule: &Row) -> String {
    let jurisdiction = match rule["jurisdiction"].as_str() {
        // The rest of the country has the country's own rule.
        "US other states and territories" => "US",
        code => code,
    };
    let note = match rule["reading"].as_str() {
        "" => rule["note"].clone(),
        reading => format!("another reading: {reading}"),
    };
    let channels =
        if rule["channels"].is_empty() { "null".to_string() } else { list(&rule["channels"]) };
    format!(
        "    ({}, {}, {}, {},\n     {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},\n     {}, {}, {}, {}, {}, {},\n     {}, {}, {}, {})",
        quoted(pack_of(rule)),
        quoted(&rule["code"]),
        quoted(jurisdiction),
        quoted(&rule["scope"]),
        list(&rule["purposes"]),
        quoted(&rule["provision"]),
        text(&rule["hours"]),
        text(&rule["tz"]),
        text(&rule["holidays"]),
        text(&rule["holiday_hours"]),
        number(&rule["max_count"]),
        text(&rule["kind"]),
        number(&rule["amount"]),
        text(&rule["cap_key"]),
        text(&rule["counts"]),
        channels,
        quoted(&rule["confidence"]),
        text(&rule["contradicts"]),
        text(&rule["not_enforced"]),
        text(&rule["partly"]),
        list(&rule["exempt_with"]),
        text(&rule["relationship_within"]),
        quoted(&rule["source"]),
        quoted(&rule["as_of"]),
        quoted(&rule["url"]),
        quoted(&note),
    )
}

fn as_sql() -> String {
    let mut sql = HEAD.to_string();
    for (pack, about) in PACKS {
        let _ = writeln!(
            sql,
            "\ninsert into dialer.shipped_pack (pack, as_of, holidays_until, about) values ('{pack}', '2026-11-21', '2031-12-31', '{about}');"
        );
    }
    sql += "\ninsert into dialer.shipped_rule (pack, code, jurisdiction, scope, purposes, provision, hours, tz, holidays, holiday_hours, max_count, kind,\n    \
            amount, cap_key, counts, channels, confidence, contradicts, not_enforced, partly, exempt_with, relationship_within,\n    \
            source, as_of, url, note) values\n";
    let rules: Vec<String> = rules().iter().map(rule_values).collect();
    sql += &rules.join(",\n");
    sql += ";\n\ninsert into dialer.shipped_holiday (pack, list, closed_on, name)\nselect h.pack, h.list, unnest(h.dates::date[]), h.name from (values\n";
    let mut days: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for day in table("legal_holidays.csv") {
        days.entry((day["list"].clone(), day["name"].clone()))
            .or_default()
            .push(day["closed_on"].clone());
    }
    let lines: Vec<String> = days
        .iter()
        .map(|((list, name), dates)| {
            let pack = if list.starts_with("US") { PACKS[0].0 } else { PACKS[1].0 };
            format!("    ('{pack}', '{list}', {}, '{{{}}}')", quoted(name), dates.join(","))
        })
        .collect();
    sql + &lines.join(",\n") + ") h(pack, list, name, dates);\n"
}

// R056: every rule that was read is in the pack, as a window, a cap or a note that says why not.
#[test]
fn the_shipped_rules_are_what_the_tables_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../sql/146_calling_rule_pack.sql");
    let expected = as_sql();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == expected,
        "sql/146_calling_rule_pack.sql is not what the tables say; UPDATE_EXPECT=1 writes it"
    );
}
