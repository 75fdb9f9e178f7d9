//! Tests of the escaping.

use super::*;

#[test]
fn what_would_end_a_field_or_a_row_is_escaped() {
    let mut buffer = Vec::new();
    let attributes = Map::from_iter([("a".to_owned(), Value::from("x\ty\\"))]);
    append_row(&mut buffer, 7, 3, &[Some(" a\tb "), None, Some(""), Some("\\.\n")], attributes);
    assert_eq!(
        String::from_utf8_lossy(&buffer),
        "7\t3\ta\\tb\t\\N\t\\N\t\\\\.\t{\"a\":\"x\\\\ty\\\\\\\\\"}\n"
    );
}
