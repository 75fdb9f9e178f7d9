//! What one tenant does is the same whether another exists or not, and changes nothing of the other.
//!
//! Every table and every function that an administrator may use is tried, found in the catalog, so
//! that a new one is tried as well. The victim is the tenant `zanzibar`: everything it has is
//! called that, its ids begin at 1000001, and its private words say `quetzal`.

use crate::database::Session;
use crate::dialer::Dialer;
use expect_test::expect;

/// Who looks: an administrator of the tenant `acme`.
const ACTOR: &str = "it_isolation_acme";
const IDS: &str = "select setval(c.oid, {first}) from pg_class c where c.relkind = 'S' and c.relnamespace = 'dialer'::regnamespace";

/// These work for all tenants by intent, or tell what no repetition tells again.
const NOT_TRIED: [(&str, &str); 3] = [
    ("tick", "upkeep of all tenants, in bounded steps; tells how much, not of whom"),
    ("old_snapshots", "sessions of the server, by age"),
    ("create_api_key", "returns a random key; tests/it/tenant.rs"),
];

/// Tables that are the server's, not a tenant's.
const NOBODYS: [&str; 9] = [
    "dispatcher",
    "machine",
    "machine_edge",
    "outage",
    "provider_word",
    "pulse",
    "shipped_holiday",
    "shipped_pack",
    "shipped_rule",
];
/// What only the owner sees.
const OWNERS: [&str; 3] = ["retention_choice", "retention_log", "upkeep_step"];

/// Something of everything: waiting, in flight and ended calls, lists, bans, keys.
const VICTIM: &str = r#"
    select dialer.create_tenant('zanzibar');
    set dialer.tenant = 'zanzibar';
    select dialer.set_tenant_limits('zanzibar', 50, 100);
    select dialer.create_account('zanzibar', 'sandbox', 5, secret_name => 'QUETZAL_KEY', settings => '{"assistant": "quetzal"}');
    select dialer.add_caller_id('zanzibar', '+14155550199', 5);
    select dialer.create_calendar('zanzibar', '24/7', 'America/Los_Angeles');
    select dialer.add_closures('zanzibar', '{2026-12-25}', 'quetzal', 'closed');
    insert into dialer.closure_range (tenant_id, calendar_id, kind, loaded) values (1000001, 1000001, 'closed', '{[2026-01-01,2028-01-01)}');
    select dialer.create_redial_policy('zanzibar', '{0,5 min}', 8);
    select dialer.create_campaign('zanzibar', 'zanzibar', '24/7');
    select dialer.start_campaign('zanzibar');
    select dialer.schedule_call('zanzibar', '+14155550101', name => 'Quetzal One', tz => 'America/Los_Angeles', external_key => 'zanzibar', payload => '{"note": "quetzal"}', idempotency_key => 'zanzibar');
    select dialer.schedule_call('zanzibar', '+14155550102', name => 'Quetzal Two', tz => 'America/Los_Angeles');
    create temporary table mine as select attempt_id, token from dialer.claim('d1', 10) where call_id > 1000000;
    select dialer.intend('d1', array_agg(attempt_id), array_agg(token)) from mine;
    select dialer.mark_placed(array_agg(attempt_id), array_agg(token), array_agg('quetzal-' || attempt_id)) from mine;
    select dialer.ingest_event(account_id, jsonb_agg(jsonb_build_object('event_key', 'quetzal', 'kind', 'ended', 'attempt_id', attempt_id, 'outcome', 'no_answer', 'raw', '{"text": "quetzal"}'::jsonb)))
        from dialer.lease where call_id = 1000001 group by account_id;
    select dialer.schedule_call('zanzibar', '+14155550103', name => 'Quetzal Three', tz => 'America/Los_Angeles', due_at => '2026-12-20 12:00');
    select dialer.request_callback(call_id, '2026-12-20 15:00') from dialer.call where due_at = '2026-12-20 12:00';
    select dialer.map_disposition('zanzibar', 'no_answer');
    select dialer.add_do_not_call('+14155550104', 'quetzal');
    select dialer.give_consent('+14155550101', 'zanzibar', 'quetzal');
    select dialer.schedule_series('zanzibar', '+14155550105', '2027-01-01 12:00', 'FREQ=DAILY', 'America/Los_Angeles', name => 'Quetzal Five');
    select dialer.mark_converted(address => '+14155550105', source => 'quetzal');
    select dialer.begin_import('zanzibar', 'quetzal.csv');
    insert into dialer.import_row (import_id, line, name, phone, tz) values (1000001, 2, 'Quetzal Six', '+14155550106', 'America/Los_Angeles'), (1000001, 3, 'Quetzal Seven', '+14155550106', 'America/Los_Angeles');
    select dialer.import_contacts(1000001);
    insert into dialer.import_row (import_id, line, name, phone, tz) values (1000001, 4, 'Quetzal Eight', '+14155550108', 'America/Los_Angeles');
    select dialer.begin_backfill('zanzibar', 'zanzibar', '2026-11-01', '2026-12-04');
    select dialer.take_backfill(1000001, '[{"provider_call_id": "zanzibar", "address": "+14155550109", "called_at": "2026-12-01T18:00:00Z", "outcome": "no_answer", "name": "Quetzal Nine"}]', null);
    select dialer.note_backfill_status(1000001, '{+14155550109}', '{active}');
    select dialer.create_api_key('zanzibar');
    select dialer.begin_request('zanzibar', 'quetzal');
    select dialer.create_workflow('zanzibar', '[{"step": "ask", "finds": "quetzal", "answers": ["zanzibar"]}, {"step": "talk"}]');
    select dialer.classify_number('+14155550101', 'zanzibar', kind => 'quetzal');
    select dialer.map_classification('quetzal', 'zanzibar', 'quetzal');
    select dialer.clean_queue();
    select dialer.bind_role('it_isolation_zanzibar', 'zanzibar');
    select dialer.allow_secret('zanzibar', 'QUETZAL_KEY');
    select dialer.schedule_call('zanzibar', '+14155550110', tz => 'America/Los_Angeles');
    select dialer.erase_person('+14155550110', reason => 'quetzal');
    select dialer.load_calling_rules('us-2026-11');
    select dialer.create_campaign('zanzibar law', 'zanzibar', '24/7');
    select dialer.choose_law('zanzibar law', '{us-2026-11}', '{telemarketing}');
    select dialer.set_tenant_cap('zanzibar', 100, 'rolling', 86400);
    select dialer.declare_ban('quetzal', '{US-HI}');
    select dialer.request_callback(1000003, '2026-12-20 13:00');
    select dialer.create_recurring_campaign('zanzibar again', 'zanzibar', '24/7', 'America/Los_Angeles');
    select dialer.enrol('zanzibar again', '{1000001}');
    select dialer.mark_converted(external_key => 'zanzibar', source => 'quetzal');
    select dialer.pause_queue('quetzal');
    reset dialer.tenant;
"#;

/// The victim's rows of a table: by its tenant, else by the ids that are its own.
const TABLES: &str = "
    select c.relname, case when k.attname = 'tenant_id' then 't.tenant_id = 1000001' else format('t.%I between 1000001 and 1999999', k.attname) end
    from pg_class c join lateral (select a.attname from pg_attribute a join unnest('{tenant_id,account_id,call_id,import_id,backfill_id}'::text[]) with ordinality w(name, rank) on w.name = a.attname
        where a.attrelid = c.oid and not a.attisdropped order by w.rank limit 1) k on true
    where c.relnamespace = 'dialer'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition order by 1";

const FUNCTIONS: &str = "
    select p.proname, coalesce((select string_agg(format_type(t, null), ',' order by n) from unnest(p.proargtypes::oid[]) with ordinality a(t, n)), '')
    from pg_proc p join pg_language l on l.oid = p.prolang
    where p.pronamespace = 'dialer'::regnamespace and l.lanname in ('sql', 'plpgsql') and p.prokind = 'f' and p.prorettype <> 'trigger'::regtype
      and has_function_privilege('dialer_admin', p.oid, 'execute') order by p.oid::regprocedure::text";

struct Stage {
    dialer: Dialer,
    /// Table, and which of its rows are the victim's.
    tables: Vec<(String, String)>,
}

async fn stage() -> Stage {
    let dialer = Dialer::open().await;
    for role in [ACTOR, "it_isolation_zanzibar"] {
        dialer
            .run(&format!("do $$ begin create role {role} in role dialer_admin; exception when duplicate_object or unique_violation then null; end $$"))
            .await;
    }
    dialer
        .run(&format!(
            "select dialer.create_tenant('acme'); select dialer.bind_role('{ACTOR}', 'acme'); set dialer.tenant = 'acme';
             select dialer.create_account('own', 'sandbox', 5); select dialer.create_campaign('own', 'own', '24/7'); select dialer.start_campaign('own');
             select dialer.schedule_call('own', '+12125550101', tz => 'America/New_York'); reset dialer.tenant"
        ))
        .await;
    dialer.rows(&IDS.replace("{first}", "1000000")).await;
    dialer.run(VICTIM).await;
    let tables = pairs(&dialer.rows(TABLES).await);
    Stage { dialer, tables }
}

fn pairs(rows: &str) -> Vec<(String, String)> {
    rows.lines()
        .map(|row| row.split_once(" | ").unwrap_or((row.trim_end_matches(" |"), "")))
        .map(|(first, second)| (first.to_owned(), second.to_owned()))
        .collect()
}

impl Stage {
    /// All that the victim has, as one word.
    fn fingerprint(&self) -> String {
        let each = self.tables.iter().map(|(table, whose)| {
            format!("select '{table}', t::text from dialer.{table} t where {whose}")
        });
        let all = each.collect::<Vec<_>>().join(" union all ");
        format!("select md5(string_agg(r::text, '' order by r::text)) from ({all}) r")
    }

    /// As if the victim had never been.
    fn without_victim(&self) -> String {
        let each = self
            .tables
            .iter()
            .map(|(table, whose)| format!("delete from dialer.{table} t where {whose};"));
        format!(
            "set local session_replication_role = replica; {} set local session_replication_role = origin;",
            each.collect::<String>()
        )
    }
}

// R224, D12: for every table.
#[tokio::test]
async fn no_table_shows_or_gives_up_another_tenant_s_rows() {
    let stage = stage().await;
    let dialer = &stage.dialer;
    let tables = dialer.rows("select c.relname from pg_class c where c.relnamespace = 'dialer'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition order by 1").await;
    for table in tables.lines().filter(|table| !NOBODYS.contains(table) && !OWNERS.contains(table))
    {
        let (_, whose) = stage.tables.iter().find(|(name, _)| name == table).unwrap_or_else(|| {
            panic!(
                "{table}: whose rows are these? Give it a tenant, or say here that it is nobody's"
            )
        });
        let count = format!("select count(*) from dialer.{table} t where {whose}");
        assert_ne!(
            dialer.rows(&count).await,
            "0",
            "{table}: the victim has nothing in it, so nothing is shown here"
        );
        let before = dialer.rows(&stage.fingerprint()).await;
        dialer.run(&format!("set role {ACTOR}")).await;
        let columns = dialer.rows(&format!("select string_agg(quote_ident(a.attname), ', ') from pg_attribute a where a.attrelid = 'dialer.{table}'::regclass and a.attnum > 0 and not a.attisdropped and has_column_privilege(a.attrelid, a.attname, 'select')")).await;
        let seen = dialer.rows(&format!("select count(*) from (select {columns} from dialer.{table}) t where {whose} or t::text ~* 'quetzal|zanzibar|141555501'")).await;
        assert_eq!(seen, "0", "{table} shows another tenant's rows");
        for change in [
            format!("delete from dialer.{table} t where {whose}"),
            format!("update dialer.{table} t set {} where {whose}", sets(&columns)),
        ] {
            dialer.run("begin").await;
            let refused = dialer.refusal(&change).await;
            assert!(
                refused == "not refused"
                    || refused.starts_with("42501")
                    || refused.starts_with("428C9"),
                "{table}: {refused}"
            );
            if refused == "not refused" {
                dialer.run("reset role").await;
                assert_eq!(
                    dialer.rows(&stage.fingerprint()).await,
                    before,
                    "{change} changed another tenant's rows"
                );
            }
            dialer.run(&format!("rollback; set role {ACTOR}")).await;
        }
        dialer.run("reset role").await;
    }
}

/// Every column set to itself.
fn sets(columns: &str) -> String {
    columns.split(", ").map(|column| format!("{column} = {column}")).collect::<Vec<_>>().join(", ")
}

// R224, D12: for every function, by what it tells and by what it does.
#[tokio::test]
async fn no_function_tells_or_changes_anything_of_another_tenant() {
    let stage = stage().await;
    let dialer = &stage.dialer;
    let before = dialer.rows(&stage.fingerprint()).await;
    let mut wrong = Vec::new();
    let mut understood = 0;
    for (name, types) in pairs(&dialer.rows(FUNCTIONS).await) {
        if NOT_TRIED.iter().any(|(passed_over, _)| *passed_over == name) {
            continue;
        }
        for text in ["zanzibar", "+14155550101"] {
            let arguments: Vec<_> =
                types.split(',').filter(|t| !t.is_empty()).map(|t| argument(t, text)).collect();
            let call = format!("select x::text from dialer.{name}({}) x", arguments.join(", "));
            let with = tried(dialer, "", &call, Some((&stage.fingerprint(), &before))).await;
            let without = tried(dialer, &stage.without_victim(), &call, None).await;
            if with != without {
                wrong
                    .push(format!("{call}\n  with the other tenant: {with}\n  without: {without}"));
            }
            understood += u32::from(!with.starts_with("42501"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(understood > 150, "only {understood} calls got further than their rights");
}

/// What a call says, in a transaction that leaves nothing behind, with the same ids to give out.
async fn tried(
    session: &Session,
    first: &str,
    call: &str,
    unchanged: Option<(&str, &str)>,
) -> String {
    session
        .run(&format!(
            "begin; {}; {first} set local role {ACTOR}",
            IDS.replace("{first}", "5000000")
        ))
        .await;
    let said = session.answer(call).await;
    let mut told = said.clone().unwrap_or_else(|refused| refused);
    if let (Ok(_), Some((fingerprint, before))) = (said, unchanged) {
        session.run("reset role").await;
        if session.rows(fingerprint).await != before {
            told.push_str("\n  CHANGED the other tenant's rows");
        }
    }
    session.run("rollback").await;
    told
}

/// Something of the victim's, of a type.
fn argument(of: &str, text: &str) -> String {
    let (element, many) = of.strip_suffix("[]").map_or((of, false), |element| (element, true));
    let value = match element {
        "text" | "name" => text,
        "bigint" | "integer" | "smallint" | "numeric" | "double precision" => "1000001",
        "boolean" => "true",
        "interval" => "5 minutes",
        "date" => "2026-12-04",
        "timestamp with time zone" | "timestamp without time zone" => "2026-12-04 12:00",
        "jsonb" => {
            r#"[{"address": "+14155550101", "phone": "+14155550101", "key": "zanzibar", "external_key": "zanzibar", "provider_call_id": "zanzibar", "call_id": 1000001}]"#
        }
        "dialer.hours" => "24/7",
        "dialer.outcome" => "no_answer",
        "dialer.channel" => "voice",
        "dialer.call_state" => "cancelled",
        "dialer.campaign_state" => "running",
        "dialer.attempt_state" => "claimed",
        // Uuids, rows and sets of our own: row-level security does not depend on them.
        _ => return format!("null::{of}"),
    };
    match many {
        true => format!("array['{value}']::{of}"),
        false => format!("'{value}'::{of}"),
    }
}

#[tokio::test]
async fn what_is_not_a_tenant_s_is_little() {
    let stage = stage().await;
    stage.dialer.check("select string_agg(c.relname, ' ' order by c.relname) from pg_class c
        where c.relnamespace = 'dialer'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and not c.relrowsecurity",
        expect!["dispatcher machine machine_edge outage provider_word pulse retention_choice shipped_holiday shipped_pack shipped_rule"]).await;
}
