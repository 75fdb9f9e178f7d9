use super::*;

#[test]
fn a_page_says_where_the_next_begins_and_the_last_says_that_it_is() {
    let span = Span::read(None, Some(2)).expect("a span");
    let page = span.page(vec![9, 8, 7], |row: &i32| row.to_string());
    assert_eq!(page.items, [9, 8]);
    let next = page.next_cursor.expect("there is another");
    let span = Span::read(Some(&next), Some(2)).expect("a span");
    assert_eq!(span.before_id().ok(), Some(Some(8)));
    assert!(span.page(vec![7], |row: &i32| row.to_string()).next_cursor.is_none());
}

#[test]
fn what_is_no_cursor_is_refused() {
    for cursor in ["", "***", "\u{e4}", "eHl6"] {
        let span = Span::read(Some(cursor), None);
        assert!(span.is_err() || span.is_ok_and(|span| span.before_id().is_err()), "{cursor:?}");
    }
    for limit in [0, -1, 201, i32::MAX] {
        assert!(Span::read(None, Some(limit)).is_err(), "{limit}");
    }
}

#[test]
fn an_instant_and_a_name_come_back_as_they_were() {
    let at = chrono::DateTime::from_timestamp_micros(1_700_000_000_123_456).expect("an instant");
    let cursor = written(&place(at, "series-7"));
    let span = Span::read(Some(&cursor), None).expect("a span");
    assert_eq!(span.before_at().ok(), Some(Some((at, "series-7".to_owned()))));
}
