//! The shared vectors, answered by the functions of SQL with the zone rules of this server.
//!
//! A server whose zone data is as old as 2025b answers as of then; the probe is Winnipeg, which has
//! stayed on summer time since 2026.

use crate::database::Database;
use expect_test::expect;
use std::path::Path;

/// A table with the vectors of one file, all columns text.
async fn vectors(file: &str, table: &str) -> Database {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/vectors").join(file);
    let csv = std::fs::read_to_string(path).unwrap().replace('\r', "");
    let header = csv.lines().next().unwrap().to_string();
    let columns: Vec<String> = header.split(',').map(|name| format!("{name} text")).collect();
    let database = Database::fresh().await;
    database.load(
        format!(
            "create table {table} ({});\ncopy {table} from stdin with (format csv, header);\n{csv}\\.\n",
            columns.join(", ")
        )
        .as_bytes(),
    );
    database.run(VECTOR_FUNCTIONS).await;
    database
}

const VECTOR_FUNCTIONS: &str = "
    set timezone to 'UTC';
    create function stale() returns boolean stable language sql as $$
        select timestamptz '2026-12-01 12:00Z' at time zone 'America/Winnipeg' = '2026-12-01 06:00'
    $$;
    create function show(at timestamptz) returns text immutable language sql as $$
        select coalesce(to_char(at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), 'null')
    $$;
    create function list(words text) returns text[] immutable language sql as $$
        select coalesce(string_to_array(nullif(words, ''), ';'), '{}')
    $$;
    create function cap_of(words text) returns dialer.cap immutable language sql as $$
        select case
            when words ~ 'per rolling' then row(split_part(words, ' ', 1)::int, 'rolling',
                rtrim(split_part(words, ' ', 4), 's')::int, null)::dialer.cap
            when words ~ 'local dates' then row(split_part(words, ' ', 1)::int, 'local_dates',
                split_part(words, ' ', 3)::int, null)::dialer.cap
            when words ~ '^gap' then row(null, 'gap', rtrim(split_part(words, ' ', 2), 's')::int, null)::dialer.cap
            else row(null, 'cooldown_dates', split_part(words, ' ', 5)::int,
                (split_part(words, ' ', 3) || ' 17:00Z')::timestamptz)::dialer.cap
        end
    $$";

// R047-R055, R066, R067
#[tokio::test]
async fn every_business_hours_vector_is_answered_as_expected() {
    let database = vectors("vectors_business_hours.csv", "vector").await;
    database
        .check(
            "with question as (
                select v.*, t_utc::timestamptz as at,
                    (replace(weekly_hours, '|', ';') || ';'
                        || replace(replace(exceptions, '=', ' '), 'closed', 'off'))::text as text,
                    string_to_array(zones, '+') as tzs, list(bans)::date[] as banned,
                    case when min_tzdata <> '' and stale() then expected_with_2025b else expected end as wanted
                from (select id, kind, t_utc, coalesce(t2_utc, '') t2_utc, zones,
                        coalesce(weekly_hours, '') weekly_hours, coalesce(exceptions, '') exceptions,
                        coalesce(bans, '') bans, coalesce(agent_zone, '') agent_zone,
                        coalesce(agent_hours, '') agent_hours, coalesce(minutes, '') minutes,
                        coalesce(attempts_utc, '') attempts_utc, coalesce(caps, '') caps, expected,
                        coalesce(expected_callable, '') expected_callable,
                        coalesce(min_tzdata, '') min_tzdata, expected_with_2025b
                      from vector) v),
            opened as (
                select q.*, trim(both ';' from text)::dialer.hours as hours,
                    array(select row(trim(both ';' from text)::dialer.hours, z, '{}', banned)::dialer.opening from unnest(tzs) z)
                    || case when agent_zone = '' then '{}'
                        else array[row(agent_hours::dialer.hours, agent_zone, '{}', '{}')::dialer.opening] end as openings
                from question q),
            answered as (
                select o.*, minutes <> '' as adds,
                    case kind
                        when 'is_open' then dialer.is_open_all(at, openings)::text
                        when 'next_open' then show(dialer.next_open_all(at, openings))
                        when 'next_close' then show(dialer.next_close_all(at, openings))
                        when 'add' then show(dialer.add_open_all(at, minutes::int * interval '1 minute', openings))
                        when 'between' then (extract(epoch from dialer.open_between_all(at, t2_utc::timestamptz, openings)) / 60)::int::text
                        when 'next_redial' then show(dialer.next_callable(at, openings, list(attempts_utc)::timestamptz[],
                            array(select cap_of(c) from unnest(list(caps)) c), tzs[1]))
                    end as got,
                    case when agent_zone <> '' then null
                        when kind = 'is_open' then dialer.is_open(at, hours, tzs, bans => banned)::text
                        when kind = 'next_open' then show(dialer.next_open(at, hours, tzs, bans => banned))
                        when kind = 'next_close' then show(dialer.next_close(at, hours, tzs, bans => banned))
                        when kind = 'add' then show(dialer.add_open(at, minutes::int * interval '1 minute', hours, tzs, bans => banned))
                        when kind = 'between' then (extract(epoch from dialer.open_between(at, t2_utc::timestamptz, hours, tzs, bans => banned)) / 60)::int::text
                    end as got_in_zones,
                    case when kind = 'add' then show(dialer.next_open_all(
                        dialer.add_open_all(at, minutes::int * interval '1 minute', openings), openings)) else '' end as callable
                from opened o)
            select count(*) as vectors,
                string_agg(format('%s: %s %s %s, not %s %s', id, got, got_in_zones, callable, wanted, expected_callable), e'\\n'
                    order by id) filter (where got <> wanted or got_in_zones <> wanted or callable <> expected_callable) as wrong
            from answered",
            expect!["93 | -"],
        )
        .await;
}

// R085, R088, C27
#[tokio::test]
async fn every_recurrence_vector_is_answered_as_expected() {
    let database = vectors("vectors_recurrence.csv", "vector").await;
    database
        .check(
            "with question as (
                select id, concat('FREQ=', freq, ';INTERVAL=', interval, ';BYDAY=' || replace(byday, ' ', ','),
                        ';BYDAY=' || nth || weekday, ';COUNT=' || count) as rule,
                    dtstart_local::timestamp as start_local, zone, n::int as n, gap_policy, overlap_policy,
                    month_policy, coalesce(adjust, 'none') as adjust, coalesce(closed, '') as closed,
                    coalesce(from_utc, '-infinity')::timestamptz as from_at,
                    case when min_tzdata <> '' and stale() then expected_with_2025b else expected_utc end as wanted
                from vector),
            answered as (
                select q.*, array_to_string(array(select show(at) from dialer.occurrences(rule, start_local, zone, n,
                        from_at, gap_policy, overlap_policy, month_policy, adjust,
                        case when closed ~ 'we' then 'Mo-Fr 09:00-17:00' else '24/7' end::dialer.hours,
                        array_remove(list(closed), 'we')::date[]) at), ';') as got,
                    show(dialer.next_occurrence(rule, start_local, zone, from_at, gap_policy, overlap_policy,
                        month_policy, adjust, case when closed ~ 'we' then 'Mo-Fr 09:00-17:00' else '24/7' end::dialer.hours,
                        array_remove(list(closed), 'we')::date[])) as first
                from question q)
            select count(*) as vectors,
                string_agg(format('%s: %s, not %s', id, got, wanted), e'\\n' order by id)
                    filter (where got <> wanted or first <> split_part(wanted, ';', 1)) as wrong
            from answered",
            expect!["42 | -"],
        )
        .await;
}

#[tokio::test]
async fn the_planner_knows_how_long_a_series_is() {
    let database = Database::fresh().await;
    database
        .run(
            "create function planned_rows(query text) returns bigint language plpgsql as $$
             declare plan jsonb;
             begin
                 execute 'explain (format json) ' || query into plan;
                 return plan #> '{0,Plan,Plan Rows}';
             end $$",
        )
        .await;
    let rows =
        |query: &str| format!("select planned_rows($query$select 1 from dialer.{query}$query$)");
    let cases = [
        ("stagger_series('2026-12-04 15:00+00', 250000, '1 s')", expect!["250000"]),
        (
            "stagger_series('2026-12-04 15:00+00', 200 * 10, '1 s', 'fixed', 'Mo-Fr 09:00-17:00', array['UTC'])",
            expect!["2000"],
        ),
        ("stagger_series('2026-12-04 15:00+00', null, '1 s')", expect!["1"]),
        ("stagger_series('2026-12-04 15:00+00', -5, '1 s')", expect!["1"]),
        ("stagger_series('2026-12-04 15:00+00', (random() * 10)::bigint, '1 s')", expect!["1000"]),
        ("occurrences('FREQ=DAILY', '2026-12-04 15:00', 'UTC', 7)", expect!["7"]),
        (
            "occurrences(n => 12, tz => 'UTC', rule => 'FREQ=DAILY', start_local => '2026-12-04 15:00')",
            expect!["12"],
        ),
    ];
    for (query, expected) in cases {
        database.check(&rows(query), expected).await;
    }
}
