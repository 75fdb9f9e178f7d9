//! `docs/coverage.md`: every requirement, and the tests that prove it. A requirement without a test
//! fails the build; `UPDATE_EXPECT=1` writes the page.
//!
//! A test says what it proves in a comment right above it that begins with numbers: `// R062, C12`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = "docs/coverage.md";
const HEAD: &str = "# Coverage\n\n\
    What the systems that pg_dialer replaces do, want or get wrong (R), how contradictions between them are resolved (C), what follows from that (D), and the tests that prove it.\n\
    The page is made from the comments above the tests; a number without a test fails the build.\n\n\
    | | requirement | proved by |\n|---|---|---|\n";

/// LIMIT: lines between a test's numbers and its name: further comments, attributes.
const DISTANCE_MAX: usize = 8;

#[test]
fn every_requirement_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the checkout");
    let listed =
        fs::read_to_string(root.join("tests/requirements.tsv")).expect("the list is there");
    let listed: Vec<_> =
        listed.lines().map(|line| line.split_once('\t').expect("number, text")).collect();
    let mut proofs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in ["core", "extension", "dispatcher", "tests"]
        .iter()
        .flat_map(|part| sources(&root.join(part)))
    {
        let name = file.strip_prefix(root).expect("below the root").display().to_string();
        for (number, test) in claims(&name, &fs::read_to_string(&file).expect("a source file")) {
            proofs.entry(number).or_default().push(test);
        }
    }
    let unknown: Vec<_> =
        proofs.keys().filter(|number| !listed.iter().any(|(known, _)| known == number)).collect();
    assert!(unknown.is_empty(), "tests name requirements that do not exist: {unknown:?}");
    let rows = listed.iter().map(|(number, text)| {
        let tests = proofs.get(*number).map(|tests| tests.join("<br>")).unwrap_or_default();
        format!("| {number} | {text} | {tests} |\n")
    });
    let page = HEAD.to_owned() + &rows.collect::<String>();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(root.join(PAGE), &page).expect("the page can be written");
    }
    let bare: Vec<_> = listed
        .iter()
        .map(|(number, _)| *number)
        .filter(|number| !proofs.contains_key(*number))
        .collect();
    assert!(bare.is_empty(), "{} requirements without a test: {}", bare.len(), bare.join(" "));
    let now = fs::read_to_string(root.join(PAGE)).unwrap_or_default();
    assert!(now == page, "{PAGE} is out of date: run the test with UPDATE_EXPECT=1");
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut found: Vec<_> = entries.map(|entry| entry.expect("a directory entry").path()).collect();
    found.sort();
    let below = found.into_iter().flat_map(|path| match path.is_dir() {
        true => sources(&path),
        false => Vec::from_iter((path.extension().is_some_and(|end| end == "rs")).then_some(path)),
    });
    below.collect()
}

/// Each number that a file's comments claim, with the test below the comment.
fn claims(file: &str, source: &str) -> Vec<(String, String)> {
    let lines: Vec<_> = source.lines().map(str::trim).collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let numbers = line.strip_prefix("//").map(numbers).unwrap_or_default();
        if numbers.is_empty() {
            continue;
        }
        let below = lines.iter().skip(at).take(DISTANCE_MAX);
        let below = below.skip_while(|line| !(line.starts_with("#[") && line.contains("test")));
        let Some((_, name)) = below.filter_map(|line| line.split_once("fn ")).next() else {
            continue;
        };
        let name = name.split(['(', '<']).next().unwrap_or(name);
        found.extend(
            numbers
                .into_iter()
                .map(|number| (number, format!("`{file}` {}", name.replace('_', " ")))),
        );
    }
    found
}

/// The numbers with which a comment begins: `R188-R195, C36: ...`.
fn numbers(comment: &str) -> Vec<String> {
    let comment = comment.trim_start_matches(['/', '!', ' ']);
    let mut found = Vec::new();
    for word in comment.split([' ', ',']).filter(|word| !word.is_empty()) {
        let ends = word.ends_with([':', '.']);
        let word = word.trim_end_matches([':', '.']);
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let (Some((kind, from)), Some((same, to))) = (number(first), number(last)) else { break };
        assert!(kind == same && from <= to, "{word} is no range");
        found.extend(
            (from..=to)
                .map(|n| if kind == 'R' { format!("R{n:03}") } else { format!("{kind}{n}") }),
        );
        if ends {
            break;
        }
    }
    found
}

fn number(word: &str) -> Option<(char, u32)> {
    let kind = word.chars().next().filter(|kind| "RCD".contains(*kind))?;
    let digits = &word[1..];
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten().map(|n| (kind, n))
}

#[test]
fn numbers_are_read_from_the_beginning_of_a_comment() {
    let cases = [
        (" R062, R063, C12", "R062 R063 C12"),
        ("/ R001-R003, C4: two channels, R9 elsewhere", "R001 R002 R003 C4"),
        (" D5: decision", "D5"),
        (" Rows and columns", ""),
        (" Reads R062", ""),
    ];
    for (comment, expected) in cases {
        assert_eq!(numbers(comment).join(" "), expected, "{comment}");
    }
}
