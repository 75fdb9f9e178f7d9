-- Old snapshots: whoever looks at the database as it was long ago keeps every row that has died since, and claims read past them.
-- Who uses it: doctor, the gauge dialerd_oldest_snapshot_seconds, people. Real time, because it is Postgres that waits, not the dialer.

create function dialer.old_snapshots(older_than interval default '5 minutes')
returns table (kind text, age interval, transactions bigint, pid integer, name text, state text)
language sql volatile security definer set search_path = pg_catalog, dialer, pg_temp as $$
    -- Vacuum's own snapshots hold nothing up. Sessions in other databases do not, either; standbys and slots do, wherever they look.
    select h.kind, h.age, h.transactions, h.pid, h.name, h.state
    from (select case when a.backend_type = 'walsender' then 'standby' else 'session' end as kind,
                 clock_timestamp() - a.xact_start as age, pg_catalog.age(a.backend_xmin)::bigint as transactions, a.pid, a.application_name as name, a.state
          from pg_catalog.pg_stat_activity a
          where a.backend_xmin is not null and a.pid <> pg_backend_pid() and a.backend_type <> 'autovacuum worker'
            and (a.backend_type = 'walsender' or a.datname = current_database())
          union all
          select 'prepared', clock_timestamp() - p.prepared, pg_catalog.age(p.transaction)::bigint, null, p.gid, 'prepared'
          from pg_catalog.pg_prepared_xacts p where p.database = current_database()
          union all
          select 'slot', null, greatest(pg_catalog.age(s.xmin), pg_catalog.age(s.catalog_xmin))::bigint, s.active_pid, s.slot_name,
                 case when s.active then 'active' else 'inactive' end
          from pg_catalog.pg_replication_slots s where s.xmin is not null or s.catalog_xmin is not null and s.database = current_database()) h
    -- Of slots and standbys no age is known: 100,000 transactions are some minutes of a busy dialer.
    where coalesce(h.age >= older_than, h.transactions >= 100000)
    order by h.age desc nulls last, h.transactions desc
$$;
comment on function dialer.old_snapshots(interval) is
'Who looks at the database as it was longer ago than this: sessions in long transactions, prepared transactions, replication slots and standbys (kind, and the name by which to find it). While they do, dead rows stay and claims slow down. Never says what anybody asked. transactions: how many began since.';

create function dialer.oldest_snapshot_seconds() returns double precision
language sql volatile security definer set search_path = pg_catalog, dialer, pg_temp as $$
    select coalesce(max(extract(epoch from s.age)), 0)::double precision from dialer.old_snapshots('0') s
$$;
comment on function dialer.oldest_snapshot_seconds() is 'Age of the oldest transaction that keeps dead rows in this database, in real seconds; 0: none.';
