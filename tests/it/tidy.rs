//! The rules of the code that neither compiler nor clippy checks: lengths, names, forbidden words.
//!
//! Line by line and without a parser: simple enough to be trusted, and where it errs, the rule is
//! rephrased, not the check bent. `unwrap`, `panic!`, `todo!`, `dbg!` and undocumented `unsafe` are
//! clippy's (see the workspace's lints).

use std::fs;
use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;
const CORE_MAY_USE: [&str; 3] = ["chrono", "chrono-tz", "rlibphonenumber"];
const PLACES: [&str; 8] =
    [".ci", "core", "deploy", "dispatcher", "extension", "sql", "tests", "xtask"];

struct Source {
    /// Relative to the checkout, with `/`.
    name: String,
    text: String,
}

impl Source {
    fn is_rust(&self) -> bool {
        self.name.ends_with(".rs")
    }

    fn is_sql(&self) -> bool {
        self.name.starts_with("sql/") && self.name.ends_with(".sql")
    }

    /// Tests may do what the product may not.
    fn is_product(&self) -> bool {
        let is_test = self.name.contains("/tests/") || self.name.contains("tests.rs");
        let places = ["core/", "dispatcher/", "extension/"];
        self.is_rust() && !is_test && places.iter().any(|place| self.name.starts_with(place))
    }

    /// Numbered lines of code, without comments and without the tests at the end of a file.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
        let is_code =
            |line: &str| !["//", "--"].iter().any(|mark| line.trim_start().starts_with(mark));
        lines.enumerate().map(|(at, line)| (at + 1, line)).filter(move |(_, line)| is_code(line))
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in a checkout").to_path_buf()
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for place in PLACES {
        collect(&root(), &root().join(place), &mut found);
    }
    assert!(found.len() > 20, "the checkout has not been found");
    found
}

fn collect(root: &Path, dir: &Path, found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries {
        let path = entry.expect("a directory can be read").path();
        let name = path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
        if path.is_dir() {
            collect(root, &path, found);
        } else if ["rs", "sql", "sh", "toml", "js"]
            .iter()
            .any(|end| name.ends_with(&format!(".{end}")))
        {
            let text = fs::read_to_string(&path).expect("a source is text");
            found.push(Source { name, text });
        }
    }
}

/// Fails with all places at which a rule is broken.
fn none(rule: &str, broken: Vec<String>) {
    assert!(broken.is_empty(), "{rule}:\n  {}\n", broken.join("\n  "));
}

fn lines_with(
    sources: &[Source],
    applies: impl Fn(&Source) -> bool,
    is_broken: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut broken = Vec::new();
    for source in sources.iter().filter(|source| applies(source)) {
        for (number, line) in source.code().filter(|(_, line)| is_broken(line)) {
            broken.push(format!("{}:{number}: {}", source.name, line.trim()));
        }
    }
    broken
}

#[test]
fn no_file_is_longer_than_a_reader_s_patience() {
    let is_code = |source: &&Source| !source.name.ends_with(".toml");
    let sources = sources();
    let broken = sources.iter().filter(is_code).filter_map(|source| {
        let lines = source.text.lines().count();
        (lines > FILE_LINES_MAX).then(|| format!("{}: {lines} lines", source.name))
    });
    none("a file has at most 800 lines", broken.collect());
}

#[test]
fn no_function_is_longer_than_a_screen() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| source.is_rust()) {
        for (name, lines) in functions(&source.text) {
            if lines > FUNCTION_LINES_MAX {
                broken.push(format!("{}: {name} has {lines} lines", source.name));
            }
        }
    }
    none("a function has at most 70 lines", broken);
}

/// Names and lengths: from the line with `fn` to the brace that closes at the same indentation,
/// which rustfmt guarantees.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indentation = &line[..line.len() - line.trim_start().len()];
        let closing = format!("{indentation}}}");
        let has_body = |line: &&&str| **line != closing.as_str();
        let body = lines[start..].iter().take_while(has_body).count();
        let is_one_line = line.trim_end().ends_with(['}', ';']);
        found.push((name, if is_one_line { 1 } else { body + 1 }));
    }
    found
}

fn function_name(line: &str) -> Option<String> {
    let code = line.trim_start();
    let (before, after) = code.split_once("fn ")?;
    let words = [
        "pub",
        "pub(crate)",
        "pub(super)",
        "async",
        "const",
        "unsafe",
        "extern",
        "\"C-unwind\"",
        "\"C\"",
    ];
    let only_qualifiers = before.split_whitespace().all(|word| words.contains(&word));
    let name: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (only_qualifiers && !name.is_empty()).then_some(name)
}

#[test]
fn every_file_is_named_after_what_it_holds() {
    let forbidden = ["utils", "util", "common", "helpers", "helper", "manager", "misc"];
    let is_vague = |source: &&Source| {
        source
            .name
            .split('/')
            .any(|part| forbidden.contains(&part.split('.').next().unwrap_or(part)))
    };
    let broken = sources().iter().filter(is_vague).map(|source| source.name.clone()).collect();
    none("no file is called utils, common, helpers, manager or misc", broken);
}

#[test]
fn every_module_says_what_it_is_for() {
    // Tables in data/ are included into a module, where a second //! would not compile.
    let is_module = |source: &Source| source.is_rust() && !source.name.contains("/data/");
    let is_mute = |source: &&Source| is_module(source) && !source.text.starts_with("//!");
    let sources = sources();
    let broken = sources.iter().filter(is_mute).map(|source| source.name.clone());
    let is_test_of_module = |name: &String| name.ends_with("tests.rs") || name.contains("/tests/");
    none("a module opens with //!", broken.filter(|name| !is_test_of_module(name)).collect());
}

#[test]
fn every_sql_file_is_numbered_and_says_what_it_holds() {
    let is_wrong = |source: &&Source| {
        let stem = source.name.trim_start_matches("sql/").trim_end_matches(".sql");
        let (number, noun) = stem.split_once('_').unwrap_or_default();
        let numbered = number.len() == 3 && number.bytes().all(|b| b.is_ascii_digit());
        let plain = noun.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        !numbered || noun.is_empty() || !plain || !source.text.starts_with("-- ")
    };
    let sources = sources();
    let sql = sources.iter().filter(|source| source.is_sql());
    let broken = sql.filter(is_wrong).map(|source| source.name.clone()).collect();
    none("a file of sql/ is NNN_noun.sql and opens with a comment", broken);
}

#[test]
fn every_sql_file_is_installed() {
    let sources = sources();
    let order = sources.iter().find(|source| source.name == "extension/src/install.rs");
    let order = &order.expect("the list of SQL files").text;
    let is_missing =
        |source: &&Source| source.is_sql() && !order.contains(&format!("../../{}\"", source.name));
    let broken = sources.iter().filter(is_missing).map(|source| source.name.clone()).collect();
    none("a file of sql/ is listed in extension/src/install.rs", broken);
}

#[test]
fn sql_names_the_columns_it_reads() {
    let is_star = |line: &str| {
        let line = line.to_lowercase();
        line.contains("select *") || line.contains("returning *")
    };
    none("no select * in sql/", lines_with(&sources(), Source::is_sql, is_star));
}

// D10
#[test]
fn sql_asks_the_dialer_what_time_it_is() {
    let is_other_clock = |line: &str| {
        let line = line.to_lowercase().replace("dialer.now()", "");
        let is_quoted = line.contains('\'');
        let words = ["current_timestamp", "statement_timestamp(", "transaction_timestamp("];
        !is_quoted
            && (words.iter().any(|word| line.contains(word))
                || line.split(' ').any(|word| word.starts_with("now()")))
    };
    none(
        "only dialer.now() is asked for the time",
        lines_with(&sources(), Source::is_sql, is_other_clock),
    );
}

#[test]
fn nothing_is_left_to_do() {
    // Assembled, so that this file does not find itself.
    let marks = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["XX", "X:"].concat()];
    let mut broken = Vec::new();
    for source in sources() {
        for (number, line) in source.text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark.as_str())) {
                broken.push(format!("{}:{}: {}", source.name, number + 1, line.trim()));
            }
        }
    }
    none("unfinished work is not merged", broken);
}

// C32
#[test]
fn sql_talks_to_nobody_but_the_database() {
    let words = [
        "http_post",
        "http_get",
        "net.http",
        "dblink",
        "to program",
        "from program",
        "pg_read_file",
    ];
    let is_broken = |line: &str| words.iter().any(|word| line.contains(word));
    let broken = lines_with(&sources(), |source| source.name.starts_with("sql/"), is_broken);
    none("what leaves the database is the dispatcher's to do", broken);
}

// D10
#[test]
fn time_and_chance_come_in_through_one_door() {
    let may = |source: &Source| {
        let file = source.name.rsplit('/').next().unwrap_or_default();
        !source.name.starts_with("core/") && ["clock.rs", "main.rs"].contains(&file)
    };
    let words =
        ["SystemTime::now", "Timestamp::now", "Utc::now", "Local::now", "thread_rng", "rand::rng("];
    let is_broken = |line: &str| words.iter().any(|word| line.contains(word));
    let broken = lines_with(&sources(), |source| source.is_product() && !may(source), is_broken);
    none("the time and chance are read in clock.rs and main.rs only", broken);
}

#[test]
fn only_programs_print() {
    // A benchmark is a program, too.
    let may =
        |source: &Source| source.name.ends_with("/main.rs") || source.name.contains("/benches/");
    let is_broken = |line: &str| {
        ["println!(", "print!("].iter().any(|word| line.trim_start().starts_with(word))
    };
    let broken = lines_with(&sources(), |source| source.is_product() && !may(source), is_broken);
    none("println! appears in main.rs and benchmarks only", broken);
}

// R013, R226
#[test]
fn logs_hold_no_numbers_and_no_secrets() {
    let logs = ["error!(", "warn!(", "info!(", "debug!(", "trace!("];
    let private = ["e164", "phone", "secret", "api_key", "token"];
    let is_broken = |line: &str| {
        let fields = line.split('"').step_by(2).collect::<String>();
        logs.iter().any(|log| line.contains(log))
            && private.iter().any(|word| fields.contains(word))
    };
    let in_dispatcher =
        |source: &Source| source.is_product() && source.name.starts_with("dispatcher/");
    none("numbers and secrets are not logged", lines_with(&sources(), in_dispatcher, is_broken));
}

#[test]
fn core_depends_on_calendars_and_numbers_only() {
    let text = fs::read_to_string(root().join("core/Cargo.toml")).expect("core has a manifest");
    let table = text.split("[dependencies]").nth(1).expect("core has dependencies");
    let entries = table
        .lines()
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.starts_with('#'));
    let names =
        entries.filter_map(|line| line.split_once('=')).map(|(name, _)| name.trim().to_string());
    let is_foreign = |name: &String| !CORE_MAY_USE.contains(&name.trim_end_matches(".workspace"));
    none(
        "core depends on chrono, chrono-tz and the phone numbers only",
        names.filter(is_foreign).collect(),
    );
}

#[test]
fn core_knows_no_provider() {
    let providers = ["vapi", "bland", "retell", "twilio", "telnyx", "asterisk"];
    let is_broken = |line: &str| providers.iter().any(|word| line.to_lowercase().contains(word));
    let in_core = |source: &Source| source.is_product() && source.name.starts_with("core/");
    none("providers' words stay in the dispatcher", lines_with(&sources(), in_core, is_broken));
}
