//! Which names are zones.

use crate::database::Database;
use expect_test::expect;

#[tokio::test]
async fn areas_and_utc_are_zones_in_any_case() {
    let db = Database::fresh().await;
    db.check(
        "select name, dialer.is_zone(name), dialer.canonical_zone(name)
         from unnest(array['america/new_york', 'Europe/Berlin', 'AMERICA/ARGENTINA/BUENOS_AIRES', 'utc', 'GMT', 'Etc/UTC']) name",
        expect![[r#"
            america/new_york | t | America/New_York
            Europe/Berlin | t | Europe/Berlin
            AMERICA/ARGENTINA/BUENOS_AIRES | t | America/Argentina/Buenos_Aires
            utc | t | UTC
            GMT | t | GMT
            Etc/UTC | t | Etc/UTC"#]],
    )
    .await;
}

// R050, C13
#[tokio::test]
async fn abbreviations_offsets_and_paths_are_no_zones() {
    let db = Database::fresh().await;
    db.check(
        "select name, dialer.canonical_zone(name)
         from unnest(array['CET', 'EET', 'MET', 'WET', 'EST', 'EST5EDT', 'FOO+3', '+02', 'localtime', 'posix/Europe/Berlin',
                           'right/Europe/Berlin', 'Europe', 'Europe/', '/etc/passwd', '../zoneinfo/UTC', 'Europe/Berlin ', '']) name
         where dialer.is_zone(name)",
        expect![""],
    )
    .await;
    // R060: who means a clock of North America is told which zone that is.
    db.check_refusal("select dialer.next_open('2026-12-04 12:00', '24/7', 'EST')", expect![[r#"
        PD011: unknown time zone "EST"
        detail: A zone is an IANA name that this server knows; abbreviations and fixed offsets are refused.
        hint: In North America it means America/New_York: use that."#]])
        .await;
}

#[tokio::test]
async fn every_zone_of_the_server_is_named_as_the_server_names_it() {
    let db = Database::fresh().await;
    db.check(
        "select name from pg_timezone_names
         where name like '%/%' and name !~ '^(posix|right|SystemV)/'
           and dialer.canonical_zone(lower(name)) is distinct from name",
        expect![""],
    )
    .await;
}

// R050
/// Every second is asked by hours that hold that second of that local date and no other, so one
/// difference of a second in one zone would be seen. Transitions are found by the server alone: a
/// weekly grid, then bisection.
#[tokio::test]
async fn every_wall_clock_agrees_with_at_time_zone() {
    let db = Database::fresh().await;
    db.run(
        "set timezone = 'UTC';
         create table zone as select name from pg_timezone_names where dialer.is_zone(name);
         create table transition as
         with recursive grid as (
             select z.name, at, at at time zone z.name - at at time zone 'UTC' as offset_,
                    lead(at at time zone z.name - at at time zone 'UTC') over (partition by z.name order by at) as later
             from zone z, generate_series(timestamptz '2000-01-01', '2037-12-31', '7 days') at),
         cut as (
             select name, at as low, at + interval '7 days' as high, offset_ from grid where offset_ <> later
             union all
             select name, case when same then middle else low end, case when same then high else middle end, offset_
             from (select c.*, middle, middle at time zone name - middle at time zone 'UTC' = offset_ as same
                   from cut c, lateral (select date_trunc('second', low + (high - low) / 2) as middle) m
                   where high - low > interval '1 second') c)
         select name, high as at from cut where high - low = interval '1 second';
         create table asked as
         select name, at + shift as at from transition,
             unnest(array['-1 day', '-1 hour', '-1 second', '0', '1 second', '29 min 59 s', '1 hour', '7 days 1 hour']::interval[]) shift
         union
         select z.name, at from zone z, generate_series(timestamptz '2000-02-29 23:59:59', '2037-12-31', '97 days 5:13:07') at",
    )
    .await;
    db.check(
        "select count(distinct name) > 400 as zones, count(*) > 100000 as questions,
                count(*) filter (where not dialer.is_open(at, (to_char(local, 'YYYY-MM-DD HH24:MI:SS-')
                    || case when local::time = '23:59:59' then '24:00' else to_char(local + interval '1 second', 'HH24:MI:SS') end)::dialer.hours, name)) as wrong
         from (select name, at, at at time zone name as local from asked) a",
        expect!["t | t | 0"],
    )
    .await;
}
