//! Dates without opening: from iCalendar text, and how far a list of bans reaches.

use crate::database::Database;
use crate::dialer::Dialer;
use expect_test::expect;

const HOLIDAYS: &str = "E'BEGIN:VCALENDAR\\r\\nVERSION:2.0\\r\\nBEGIN:VEVENT\\r\\nDTSTART;VALUE=DATE:20261224\\r\\n\
    DTEND;VALUE=DATE:20261227\\r\\nSUMMARY:Christmas\\\\, all\\r\\n  of it\\r\\nEND:VEVENT\\r\\nBEGIN:VEVENT\\r\\nDTSTART:20261226\\r\\n\
    END:VEVENT\\r\\nBEGIN:VEVENT\\r\\nDTSTART:20261231T200000\\r\\nSUMMARY:Party\\r\\nEND:VEVENT\\r\\nEND:VCALENDAR\\r\\n'";

// R055
#[tokio::test]
async fn an_icalendar_becomes_closures_and_says_what_became_of_each_event() {
    let db = Database::fresh().await;
    db.run("set dialer.clock = '2026-12-04 12:00Z'; select dialer.create_calendar('office', 'Mo-Fr 09:00-17:00')").await;
    db.check(
        &format!(
            "select line, closed_on, result from dialer.import_closures('office', {HOLIDAYS})"
        ),
        expect![[r#"
            4 | 2026-12-24 | added
            4 | 2026-12-25 | added
            4 | 2026-12-26 | added
            10 | 2026-12-26 | exists
            13 | - | ignored: the event is at a time of day, not a whole day"#]],
    )
    .await;
    db.check(
        &format!("select count(*), count(*) filter (where result = 'exists') from dialer.import_closures('office', {HOLIDAYS})"),
        expect!["5 | 4"],
    )
    .await;
    db.check(
        "select closed_on, kind, name from dialer.closure order by 1",
        expect![[r#"
            2026-12-24 | closed | Christmas, all of it
            2026-12-25 | closed | Christmas, all of it
            2026-12-26 | closed | Christmas, all of it"#]],
    )
    .await;
    db.check(
        "select kind, loaded from dialer.closure_range",
        expect!["closed | {[2026-01-01,2027-01-01)}"],
    )
    .await;
    db.check_refusal(
        "select dialer.import_closures('office', E'BEGIN:VCALENDAR\\nBEGIN:VEVENT\\nDTSTART:20260230\\nEND:VEVENT\\nEND:VCALENDAR')",
        expect![[r#"
            PD016: invalid calendar at line 3: "20260230"
            detail: A date is written 20261224 and must exist.
            hint: Export the calendar again, or give the dates to dialer.add_closures."#]],
    )
    .await;
    db.check_refusal(
        "select dialer.import_closures('home', '')",
        expect![[r#"
        PD022: calendar "home" does not exist
        hint: Add it with dialer.create_calendar, or give null for the whole tenant."#]],
    )
    .await;
    db.check_refusal("select dialer.import_closures('office', '', 'open')", expect![[r#"
        PD015: closures of kind "open" from the first until 2036-12-31
        detail: The kind is closed or ban; the range ends after it begins and at most a hundred years from now.
        hint: Correct kind, from_on or until_on."#]]).await;
    db.check_refusal(
        "select dialer.import_closures('office', '', until_on => 'infinity')",
        expect![[r#"
            PD015: closures of kind "closed" from the first until infinity
            detail: The kind is closed or ban; the range ends after it begins and at most a hundred years from now.
            hint: Correct kind, from_on or until_on."#]],
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
            expect!["2026-12-28 11:00:00-05 | scheduled"],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.schedule_call('spring', '+12125550102', '2027-12-31 21:00', tz => 'America/New_York')",
            expect![[r#"
                PD017: bans are not loaded for 2028-01-03
                detail: The call would be due on that date; the bans of campaign "spring" are loaded for 2026-01-01 to 2027-12-31.
                hint: Import the bans of that year with dialer.import_closures, or plan an earlier time."#]],
        )
        .await;
    dialer.check_refusal("select dialer.reschedule_call(1, '2028-03-01 12:00')", expect![[r#"
        PD017: bans are not loaded for 2028-03-01
        detail: The call would be due on that date; the bans of campaign "spring" are loaded for 2026-01-01 to 2027-12-31.
        hint: Import the bans of that year with dialer.import_closures, or plan an earlier time."#]]).await;
    dialer
        .check_refusal("select dialer.restagger(array[1], '2028-03-01 12:00', '1 minute')", expect![[r#"
            PD017: bans are not loaded for 2028-03-01
            detail: The call would be due on that date; the bans of campaign "spring" are loaded for 2026-01-01 to 2027-12-31.
            hint: Import the bans of that year with dialer.import_closures, or plan an earlier time."#]])
        .await;
    dialer.check("select dialer.bans_short()", expect![""]).await;
}

#[tokio::test]
async fn a_call_that_lies_beyond_the_bans_is_told_of() {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.schedule_call('spring', '+12125550101', '2028-03-01 12:00', tz => 'America/New_York')").await;
    dialer.run(BANS).await;
    dialer
        .check("select detail from dialer.explain(1) where gate = 'window'", expect!["it is Fri 2026-12-04 12:00 there; hours are Mo-Fr 11:00-20:00; bans are not loaded for 2028-03-01, only for 2026-01-01 to 2027-12-31"])
        .await;
    dialer
        .check(
            "select campaign, loaded, calls, last_on from dialer.bans_short()",
            expect!["spring | 2026-01-01 to 2027-12-31 | 1 | 2028-03-01"],
        )
        .await;
}

#[tokio::test]
async fn lanes_are_looked_at_once_a_statement_whatever_it_closes() {
    let dialer = Dialer::open().await;
    dialer.people(2).await;
    dialer
        .run(
            "create table look (lanes bigint);
             create function note() returns trigger language plpgsql as $$
                 begin insert into public.look select count(*) from now_closed; return null; end $$;
             create trigger note after update on dialer.lane referencing new table as now_closed for each statement execute function note();
             select dialer.create_calendar('other', 'Mo-Fr 11:00-20:00');
             select dialer.claim('d1', 0); truncate look",
        )
        .await;
    let looks =
        "with looked as (delete from look returning lanes) select count(*), sum(lanes) from looked";
    dialer
        .check(
            "select dialer.add_closures(null, array(select date '2026-12-04' + i * 27 from generate_series(0, 399) i))",
            expect!["400"],
        )
        .await;
    dialer.check(looks, expect!["1 | 1"]).await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["0"]).await;
    // Both what it held for and what it holds for now.
    dialer
        .run(
            "truncate look; update dialer.closure set calendar_id = dialer.calendar_named('other')",
        )
        .await;
    dialer.check(looks, expect!["2 | 1"]).await;
    dialer.check("select count(*) from dialer.claim('d1', 100)", expect!["2"]).await;
    dialer.run("truncate look; delete from dialer.closure").await;
    dialer.check(looks, expect!["1 | 0"]).await;
}
