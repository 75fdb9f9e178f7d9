use super::*;
use expect::check;

mod expect {
    use super::super::HolidayCalendar;
    use crate::civil::{date_of, ymd_of};

    /// Parses events inside a calendar and compares dates, notes and range, or the error.
    pub fn check(events: &str, expected: &str) {
        let text = format!("BEGIN:VCALENDAR\r\n{}\r\nEND:VCALENDAR", events.trim());
        assert_eq!(shown(&text), expected, "{events}");
    }

    pub fn shown(text: &str) -> String {
        let until = date_of(2030, 12, 31).unwrap();
        let day = |date| {
            let (year, month, day) = ymd_of(date);
            format!("{year:04}-{month:02}-{day:02}")
        };
        match HolidayCalendar::parse(text, until) {
            Ok(found) => {
                let date =
                    |it: &super::HolidayDate| format!("{} {} {}", it.line, day(it.date), it.name);
                let note = |it: &super::HolidayNote| format!("{} {}", it.line, it.text);
                let range =
                    found.loaded.map(|(first, last)| format!("{}..{}", day(first), day(last)));
                let dates = found.dates.iter().map(date).chain(found.notes.iter().map(note));
                dates.chain(range).map(|it| it.trim().to_string()).collect::<Vec<_>>().join("; ")
            }
            Err(error) => format!("{error}: {}", error.detail()),
        }
    }
}

fn event(lines: &str) -> String {
    format!("BEGIN:VEVENT\n{lines}\nEND:VEVENT")
}

#[test]
fn whole_days_have_an_exclusive_end_or_a_duration() {
    check(
        &event("DTSTART;VALUE=DATE:20261225\nSUMMARY:Christmas"),
        "3 2026-12-25 Christmas; 2026-01-01..2026-12-31",
    );
    check(
        &event("DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261227"),
        "3 2026-12-25; 3 2026-12-26; 2026-01-01..2026-12-31",
    );
    check(
        &event("DTSTART:20261231\nDURATION:P2D"),
        "3 2026-12-31; 3 2027-01-01; 2026-01-01..2027-12-31",
    );
    check(&event("DTSTART:20261225\nDTEND:20261225"), "3 2026-12-25; 2026-01-01..2026-12-31");
    check(
        &event("DTSTART:20261225\nDURATION:P401D"),
        "invalid calendar at line 3: The event is longer than 400 days.",
    );
}

#[test]
fn folded_lines_and_escapes_are_read_as_one() {
    let lines = "DTSTART;VALUE=DA\r\n TE:2026\r\n\t1225\r\nSUMMARY;LANGUAGE=\"a:b;c\":Day\\, after\\nall\\; \\\\ done\r\n \r\n";
    check(&event(lines), "3 2026-12-25 Day, after all; \\ done; 2026-01-01..2026-12-31");
}

#[test]
fn yearly_rules_are_followed_within_bounds_and_others_are_refused() {
    check(
        &event("DTSTART:20270704\nRRULE:FREQ=YEARLY;COUNT=2"),
        "3 2027-07-04; 3 2028-07-04; 2027-01-01..2028-12-31",
    );
    check(
        &event("DTSTART:20290704\nRRULE:FREQ=YEARLY"),
        "3 2029-07-04; 3 2030-07-04; 2029-01-01..2030-12-31",
    );
    check(&event("DTSTART:20280229\nRRULE:FREQ=YEARLY"), "3 2028-02-29; 2028-01-01..2030-12-31");
    check(
        &event(
            "DTSTART:20281123\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH\nEXDATE;VALUE=DATE:20291122\nRDATE;VALUE=DATE:20281225",
        ),
        "3 2028-11-23; 3 2028-12-25; 3 2030-11-28; 2028-01-01..2030-12-31",
    );
    check(
        &event("DTSTART:20261225\nRRULE:FREQ=MONTHLY"),
        "invalid calendar at line 4: \"FREQ=MONTHLY\": Only events that repeat yearly are understood.",
    );
    check(
        &event("DTSTART:20261225\nRRULE:FREQ=YEARLY;BYSETPOS=1"),
        "invalid calendar at line 4: \"FREQ=YEARLY;BYSETPOS=1\": BYSETPOS is not supported.",
    );
}

#[test]
fn an_endless_rule_does_not_widen_what_single_dates_speak_for() {
    let both = [event("DTSTART:20201225\nRRULE:FREQ=YEARLY"), event("DTSTART:20260403")].join("\n");
    let until_2030 = (2020..=2030).map(|year| format!("{year}-12-25")).collect::<Vec<_>>();
    let shown = expect::shown(&format!("BEGIN:VCALENDAR\n{both}\nEND:VCALENDAR"));
    assert!(until_2030.iter().all(|date| shown.contains(date)));
    assert!(shown.ends_with("2026-01-01..2026-12-31"), "{shown}");
}

#[test]
fn timed_and_cancelled_events_are_noted_and_other_components_skipped() {
    check(
        &event("DTSTART:20261225T100000Z\nDTEND:20261225T110000Z"),
        "3 ignored: the event is at a time of day, not a whole day",
    );
    check(
        &event("DTSTART;TZID=Europe/Paris:20261225T100000\nRRULE:FREQ=DAILY"),
        "3 ignored: the event is at a time of day, not a whole day",
    );
    check(&event("DTSTART:20261225\nSTATUS:CANCELLED"), "3 ignored: the event is cancelled");
    check(&event("SUMMARY:never"), "2 ignored: the event has no DTSTART");
    check(
        "BEGIN:VTIMEZONE\nBEGIN:STANDARD\nDTSTART:bad\nRRULE:FREQ=DAILY\nEND:STANDARD\nEND:VTIMEZONE",
        "",
    );
    check(
        &event("DTSTART:20261225\nBEGIN:VALARM\nDURATION:PT5M\nEND:VALARM"),
        "3 2026-12-25; 2026-01-01..2026-12-31",
    );
}

#[test]
fn what_would_lose_a_date_is_refused_with_its_line() {
    check(
        &event("DTSTART:20260230"),
        "invalid calendar at line 3: \"20260230\": A date is written 20261224 and must exist.",
    );
    check(
        &event("DTSTART:20261225\nDTEND:20261224"),
        "invalid calendar at line 3: The event ends before it starts.",
    );
    check(
        &event("DTSTART:20261225\nDURATION:PT24H"),
        "invalid calendar at line 4: \"PT24H\": The length of a whole-day event is written P1D or P2W.",
    );
    check(
        &event("DTSTART:20261225\nRECURRENCE-ID:20261225"),
        "invalid calendar at line 4: \"20261225\": An event that replaces one repetition is not understood.",
    );
    check(
        "BEGIN:VEVENT\nDTSTART:20261225",
        "invalid calendar at line 4: \"VCALENDAR\": What ends here did not begin last.",
    );
    let broken = |text| expect::shown(text);
    assert_eq!(
        broken(""),
        "invalid calendar at line 1: An iCalendar text begins with BEGIN:VCALENDAR."
    );
    assert_eq!(
        broken("\n<html>"),
        "invalid calendar at line 2: \"<HTML>\": An iCalendar text begins with BEGIN:VCALENDAR."
    );
    assert_eq!(
        broken("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261225\nEND:VEVENT\n"),
        "invalid calendar at line 4: The text ends inside the calendar: END:VCALENDAR is missing."
    );
}
