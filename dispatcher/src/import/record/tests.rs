//! Tests of the reader: good rows come out whatever stands between them.

use super::*;

fn read(text: &str) -> Vec<String> {
    let mut records = Records::new(text.as_bytes(), b',');
    let mut seen = Vec::new();
    while let Some(record) = records.next_record().expect("memory can be read") {
        match record {
            Record::Good { line, fields } => {
                if seen.is_empty() {
                    records.expect_width(fields.len());
                }
                let fields: Vec<_> = fields.iter().map(|f| String::from_utf8_lossy(f)).collect();
                seen.push(format!("{line}:{}", fields.join("|")));
            }
            Record::Bad { line, reason, .. } => seen.push(format!("{line}!{reason}")),
        }
    }
    seen
}

#[test]
fn quotes_doubled_quotes_and_lines_within_quotes_are_read() {
    assert_eq!(
        read("a,b\r\n\"x,y\",\"say \"\"hi\"\"\"\r\n\r\n\"two\nlines\",z\r\nlast,\"\""),
        ["1:a|b", "2:x,y|say \"hi\"", "4:two\nlines|z", "6:last|"]
    );
}

#[test]
fn an_unclosed_quote_costs_its_own_line_only() {
    assert_eq!(
        read("a,b\n\"open,1\ngood,2\ngood,3\n"),
        ["1:a|b", "2!a quote is not closed", "3:good|2", "4:good|3"]
    );
    assert_eq!(
        read("a,b\n\"open,1\n\"fine\",2\n"),
        ["1:a|b", "2!a quote is not closed", "3:fine|2"]
    );
}

#[test]
fn text_behind_a_quote_is_named() {
    assert_eq!(read("a,b\n\"x\"y,1\n"), ["1:a|b", "2!text follows a closing quote"]);
}

#[test]
fn a_row_of_the_wrong_width_is_named() {
    assert_eq!(
        read("a,b\n1\n1,2,3\n1,2\n"),
        ["1:a|b", "2!1 field, the header has 2", "3!3 fields, the header has 2", "4:1|2"]
    );
}

#[test]
fn a_line_without_end_is_cut_and_the_rest_goes_on() {
    let text = format!("a\n{}\nb\n", "x".repeat(LINE_MAX + 10));
    assert_eq!(read(&text), ["1:a", "2!the line is longer than 256 KiB", "3:b"]);
}

#[test]
fn the_delimiter_is_found_outside_quotes() {
    assert_eq!(delimiter(b"a;b;\"x,y,z,w\"\n1,2,3,4,5"), b';');
    assert_eq!(delimiter(b"a\tb\tc"), b'\t');
    assert_eq!(delimiter(b"phone"), b',');
}
