//! Dates without opening: from iCalendar text, and how far a list of bans reaches.

use crate::database::Database;
use crate::dialer::Dialer;
use expect_test::expect;

const HOLIDAYS: &str = "E'BEGIN:VCALENDAR\\r\\nVERSION:2.0\\r\\nBEGIN:VEVENT\\r\\nDTSTART;VALUE=DATE:20261224\\r\\n\
    DTEND;VALUE=DATE:20261227\\r\\nSUMMARY:Christmas\\\\, all\\r\\n  of it\\r\\nEND:VEVENT\\r\\nBEGIN:VEVENT\\r\\nDTSTART:20261226\\r\\n\
    END:VEVENT\\r\\nBEGIN:VEVENT\\r\\nDTSTART:20261231T200000\\r\\nSUMMARY:Party\\r\\nEND:VEVENT\\r\\nEND:VCALENDAR\\r\\n'";

#[tokio::test]
async fn an_icalendar_becomes_closures_and_says_what_became_of_each_event() {
    let db = Database::fresh().await;
    db.run("set dialer.clock = '2026-12-04 12:00Z'; select dialer.create_calendar('office', 'Mo-Fr 09:00-17:00')").await;
    db.check(
        &format!("select line, closed_on, result from dialer.import_closures('office', {HOLIDAYS})"),
        expect![""],
    )
    .await;
    db.check(
        &format!("select count(*), count(*) filter (where result = 'exists') from dialer.import_closures('office', {HOLIDAYS})"),
        expect![""],
    )
    .await;
    db.check(
        "select closed_on, kind, name from dialer.closure order by 1",
        expect![""],
    )
    .await;
    db.check("select kind, loaded from dialer.closure_range", expect![""]).await;
    db.check_refusal(
        "select dialer.import_closures('office', E'BEGIN:VCALENDAR\\nBEGIN:VEVENT\\nDTSTART:20260230\\nEND:VEVENT\\nEND:VCALENDAR')",
        expect![""],
    )
    .await;
    db.check_refusal("select dialer.import_closures('home', '')", expect![""]).await;
    db.check_refusal("select dialer.import_closures('office', '', 'open')", expect![""]).await;
    db.check_refusal(
        "select dialer.import_closures('office', '', until_on => 'infinity')",
        expect![""],
    )
    .await;
}

/// A ban on every Christmas, loaded for 2026 and 2027.
const BANS: &str = "select dialer.import_closures(null,
    E'BEGIN:VCALENDAR\\nBEGIN:VEVENT\\nDTSTART:20261225\\nRRULE:FREQ=YEARLY;COUNT=2\\nEND:VEVENT\\nEND:VCALENDAR', 'ban')";

#[tokio::test]
async fn no_call_is_planned_where_a_list_of_bans_ends() {
    let dialer = Dialer::open().await;
    dialer.run(BANS).await;
    dialer
        .check(
            "select planned_at, result from dialer.schedule_call('spring', '+12125550101', '2026-12-25 09:00', tz => 'America/New_York')",
            expect![""],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.schedule_call('spring', '+12125550102', '2027-12-31 21:00', tz => 'America/New_York')",
            expect![""],
        )
        .await;
    dialer.check_refusal("select dialer.reschedule_call(1, '2028-03-01 12:00')", expect![""]).await;
    dialer
        .check_refusal("select dialer.restagger(array[1], '2028-03-01 12:00', '1 minute')", expect![""])
        .await;
    dialer.check("select dialer.bans_short()", expect![""]).await;
}

#[tokio::test]
async fn a_call_that_lies_beyond_the_bans_is_told_of() {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.schedule_call('spring', '+12125550101', '2028-03-01 12:00', tz => 'America/New_York')").await;
    dialer.run(BANS).await;
    dialer
        .check("select detail from dialer.explain(1) where gate = 'window'", expect![""])
        .await;
    dialer
        .check("select campaign, loaded, calls, last_on from dialer.bans_short()", expect![""])
        .await;
}
