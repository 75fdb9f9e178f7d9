//! The ends of time, empty and huge lists, nulls: every function that computes gives a value, null
//! or an error of ours, soon.

use crate::database::Database;
use expect_test::expect;

/// Arguments of a type: a plain one, and those at the edges.
struct Edges {
    kind: &'static str,
    plain: &'static str,
    edges: &'static [&'static str],
}

const EDGES: &[Edges] = &[
    Edges {
        kind: "timestamp with time zone",
        plain: "'2026-12-04 12:00Z'::timestamptz",
        edges: &[
            "null::timestamptz",
            "'infinity'::timestamptz",
            "'-infinity'::timestamptz",
            "'4713-01-01 00:00+00 BC'::timestamptz",
            "'294276-12-31 23:59:59.999999+00'::timestamptz",
        ],
    },
    Edges {
        kind: "timestamp without time zone",
        plain: "'2026-12-04 12:00'::timestamp",
        edges: &[
            "null::timestamp",
            "'infinity'::timestamp",
            "'-infinity'::timestamp",
            "'4713-01-01 00:00 BC'::timestamp",
            "'294276-12-31 23:59:59.999999'::timestamp",
        ],
    },
    Edges {
        kind: "interval",
        plain: "'1 hour'::interval",
        edges: &[
            "null::interval",
            "'0'::interval",
            "'-1 day'::interval",
            "'1 month'::interval",
            "'178000000 years'::interval",
            "'106751991 days'::interval",
            "'2147483647 days'::interval",
            "'-2147483648 days'::interval",
            "'9223372036854.775807 seconds'::interval",
        ],
    },
    Edges {
        kind: "interval[]",
        plain: "'{1 hour}'::interval[]",
        edges: &[
            "null::interval[]",
            "'{}'::interval[]",
            "'{null}'::interval[]",
            "'{2147483647 days}'::interval[]",
            "array_fill('1 hour'::interval, array[100000])",
        ],
    },
    Edges {
        kind: "dialer.hours",
        plain: "'Mo-Fr 09:00-17:00'::dialer.hours",
        edges: &[
            "null::dialer.hours",
            "'off'::dialer.hours",
            "'24/7'::dialer.hours",
            "'9999-12-31 22:00-02:00; 0001-01-01 00:00-24:00'::dialer.hours",
        ],
    },
    Edges {
        kind: "text[]",
        plain: "array['America/New_York']",
        edges: &[
            "null::text[]",
            "'{}'::text[]",
            "'{null}'::text[]",
            "array_fill('UTC'::text, array[100000])",
        ],
    },
    Edges {
        kind: "date[]",
        plain: "'{2026-12-25}'::date[]",
        edges: &[
            "null::date[]",
            "'{}'::date[]",
            "'{null}'::date[]",
            "'{infinity,-infinity}'::date[]",
            "'{4713-01-01 BC,5874897-12-31}'::date[]",
            "(select array_agg(date '2000-01-01' + i) from generate_series(1, 100000) i)",
        ],
    },
    Edges {
        kind: "date",
        plain: "'2028-12-31'::date",
        edges: &["null::date", "'infinity'::date", "'-infinity'::date", "'5874897-12-31'::date"],
    },
    Edges {
        kind: "timestamp with time zone[]",
        plain: "'{2026-12-04 11:00Z}'::timestamptz[]",
        edges: &[
            "null::timestamptz[]",
            "'{}'::timestamptz[]",
            "'{null}'::timestamptz[]",
            "'{infinity,-infinity,4713-01-01 00:00+00 BC,294276-12-31 23:59+00}'::timestamptz[]",
            "(select array_agg(timestamptz '2026-12-04 12:00Z' + i * interval '1 minute') from generate_series(1, 100000) i)",
        ],
    },
    Edges {
        kind: "dialer.opening[]",
        plain: "array[row('Mo-Fr 09:00-17:00', 'America/New_York', null, null)::dialer.opening]",
        edges: &[
            "null::dialer.opening[]",
            "'{}'::dialer.opening[]",
            "array[null]::dialer.opening[]",
            "array[row(null, null, null, null)::dialer.opening]",
            "array_fill(row('24/7', 'UTC', null, null)::dialer.opening, array[32])",
            "array_fill(row('24/7', 'UTC', null, null)::dialer.opening, array[100000])",
            "array[row('24/7', 'UTC', (select array_agg(date '2000-01-01' + i) from generate_series(1, 100000) i), '{infinity,null}')::dialer.opening]",
            "array[row('09:00-12:00', 'UTC', null, null), row('13:00-17:00', 'UTC', null, null)]::dialer.opening[]",
        ],
    },
    Edges {
        kind: "dialer.cap[]",
        plain: "array[row(3, 'local_dates', 1, null)::dialer.cap]",
        edges: &[
            "null::dialer.cap[]",
            "'{}'::dialer.cap[]",
            "array[null]::dialer.cap[]",
            "array[row(null, null, null, null)::dialer.cap]",
            "array[row(2147483647, 'rolling', 2147483647, null)::dialer.cap]",
            "array[row(0, 'calendar_week', null, null)::dialer.cap]",
            "array[row(1, 'local_dates', 2147483647, null)::dialer.cap]",
            "array[row(1, 'cooldown_dates', 2147483647, 'infinity')::dialer.cap]",
            "array[row(1, 'gap', 2147483647, null)::dialer.cap]",
            "array_fill(row(1, 'lifetime', null, null)::dialer.cap, array[100000])",
        ],
    },
    Edges {
        kind: "integer",
        plain: "2",
        edges: &["null::integer", "0", "-1", "2147483647", "(-2147483648)"],
    },
    Edges {
        kind: "bigint",
        plain: "2::bigint",
        edges: &[
            "null::bigint",
            "0::bigint",
            "-1::bigint",
            "9223372036854775807",
            "(-9223372036854775808)",
        ],
    },
    Edges {
        kind: "bigint[]",
        plain: "'{1}'::bigint[]",
        edges: &["null::bigint[]", "'{}'::bigint[]", "'{null}'::bigint[]", "'{1,2,3}'::bigint[]"],
    },
    Edges {
        kind: "integer[]",
        plain: "'{1}'::integer[]",
        edges: &[
            "null::integer[]",
            "'{}'::integer[]",
            "'{null}'::integer[]",
            "'{2147483647}'::integer[]",
            "'{-1,0}'::integer[]",
        ],
    },
    Edges {
        kind: "double precision",
        plain: "2::float8",
        edges: &[
            "null::float8",
            "'NaN'::float8",
            "'Infinity'::float8",
            "-1::float8",
            "1e300::float8",
        ],
    },
    Edges {
        kind: "jsonb",
        plain: "'{}'::jsonb",
        edges: &[
            "null::jsonb",
            "'{\"factor\": 1e300}'::jsonb",
            "'{\"x\": 1}'::jsonb",
            "'{\"until\": \"infinity\"}'::jsonb",
        ],
    },
    Edges {
        kind: "text",
        plain: "",
        edges: &["null::text", "''", "repeat('x', 100000)", "'\u{1F4DE}'", "'Europe/Berlin'"],
    },
];

/// What a text means tells its name.
const WORDS: &[(&str, &str)] = &[
    ("tz", "'America/New_York'"),
    ("rule", "'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29'"),
    ("strategy", "'even'"),
    ("gap", "'forward'"),
    ("overlap", "'both'"),
    ("month_end", "'clamp'"),
    ("adjust", "'modified_following'"),
    ("outcome", "'busy'"),
    ("ladder_scope", "'day'"),
    ("region", "'US'"),
    ("state", "'TX'"),
    (
        "ical",
        "E'BEGIN:VCALENDAR\\nBEGIN:VEVENT\\nDTSTART:20200229\\nRRULE:FREQ=YEARLY\\nEND:VEVENT\\nEND:VCALENDAR'",
    ),
];

/// Functions that compute: those of files 012 to 039, and none that takes what only Postgres makes.
const FUNCTIONS: &str = "
    select p.proname, string_agg(format_type(t.kind, null) || '/' || coalesce(p.proargnames[t.place], ''), ';' order by t.place)
    from pg_proc p join pg_language l on l.oid = p.prolang
    cross join unnest(p.proargtypes::oid[]) with ordinality t(kind, place)
    where p.pronamespace = 'dialer'::regnamespace and p.provolatile <> 'v' and (l.lanname = 'c' or p.proname = 'stagger_series')
      and 'internal'::regtype <> all (p.proargtypes::oid[]) and 'cstring'::regtype <> all (p.proargtypes::oid[])
    group by p.oid, p.proname order by p.proname, p.oid";

/// The calls of a function: every edge at every place, and two at once where both are about time.
fn calls(line: &str) -> Vec<String> {
    let (name, arguments) = line.split_once(" | ").expect("two columns");
    let arguments: Vec<(&str, &str)> =
        arguments.split(';').map(|it| it.split_once('/').expect("type and name")).collect();
    let edges = |kind: &str| EDGES.iter().find(|it| it.kind == kind);
    let plain = |(kind, name): &(&str, &str)| match *kind {
        "text" => WORDS.iter().find(|it| it.0 == *name).map_or("'+12125550123'", |it| it.1),
        kind => edges(kind).unwrap_or_else(|| panic!("no edges of {kind} in {line}")).plain,
    };
    let base: Vec<&str> = arguments.iter().map(plain).collect();
    let is_time =
        |place: usize| matches!(arguments[place].0, "timestamp with time zone" | "interval");
    let mut calls = Vec::new();
    let call = |values: &[&str]| format!("select dialer.{name}({})", values.join(", "));
    for first in 0..base.len() {
        for edge in edges(arguments[first].0).map_or(&[][..], |it| it.edges) {
            let mut values = base.clone();
            values[first] = edge;
            calls.push(call(&values));
            for second in (first + 1..base.len()).filter(|at| is_time(first) && is_time(*at)) {
                for other in edges(arguments[second].0).map_or(&[][..], |it| it.edges) {
                    values[second] = other;
                    calls.push(call(&values));
                }
                values[second] = base[second];
            }
        }
    }
    calls
}

#[tokio::test]
async fn nothing_that_computes_breaks_or_hangs_at_the_edges() {
    let db = Database::fresh().await;
    // LIMIT: what takes long on a busy machine takes less; what hangs takes more.
    db.run("set statement_timeout = '20s'").await;
    let functions = db.rows(FUNCTIONS).await;
    let calls: Vec<String> = functions.lines().flat_map(calls).collect();
    let mut bad = Vec::new();
    for sql in &calls {
        let answer = db.refusal(sql).await;
        if answer != "not refused" && !answer.starts_with("PD") {
            bad.push(format!("{sql}\n    {}", answer.lines().next().unwrap_or("")));
        }
    }
    assert!(functions.lines().count() > 30 && calls.len() > 1000, "{functions}");
    expect![""].assert_eq(&bad.join("\n"));
}
