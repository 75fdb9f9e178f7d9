//! Tests of the table.

use super::*;

#[test]
fn numbers_stand_right_and_words_left() {
    let row = |fields: [Option<&str>; 3]| fields.map(|f| f.map(str::to_owned)).to_vec();
    let answer = Answer {
        columns: ["gate", "pass", "calls"].map(str::to_owned).to_vec(),
        rows: vec![
            row([Some("window"), Some("t"), Some("7")]),
            row([None, Some("f"), Some("1234567")]),
        ],
    };
    assert_eq!(
        aligned(&answer),
        "gate    pass  calls\n------  ----  -------\nwindow  yes         7\n        no    1234567\n"
    );
}

#[test]
fn no_rows_are_said() {
    let answer = Answer { columns: vec!["a".to_owned()], rows: vec![] };
    assert_eq!(aligned(&answer), "a\n-\n(nothing)\n");
}

#[test]
fn csv_quotes_what_needs_it_and_leaves_the_unknown_empty() {
    let row = vec![Some("a, \"b\"".to_owned()), None];
    let answer = Answer { columns: vec!["said".to_owned(), "by".to_owned()], rows: vec![row] };
    assert_eq!(csv(&answer).unwrap(), "said,by\n\"a, \"\"b\"\"\",\n");
}
