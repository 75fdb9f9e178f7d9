-- The queue: all of a tenant's calls together, and whether it rests. Here is what it remembers; 322_queue.sql has its functions.
-- Who uses it: claim, intend, explain, next_wake and the queue's functions read it.
-- Invariants kept: 4 (a paused queue is a gate, tested in the claim and again in the instant of placing), 14 (a pause is one row).

create table dialer.queue_control (
    tenant_id integer primary key references dialer.tenant,
    paused boolean not null default false,
    reason text,
    changed_at timestamptz not null,
    completed_after timestamptz not null default '-infinity',
    failed_after timestamptz not null default '-infinity'
);
comment on table dialer.queue_control is 'one row for each tenant that has ever paused or cleaned its queue; no row: it runs';
comment on column dialer.queue_control.completed_after is 'clean_queue: calls that completed before this are not counted any more; failed_after likewise';

create function dialer.queue_rests(tenant_id integer) returns setof text
language sql stable rows 1 as $$
    select coalesce(q.reason, 'paused') from dialer.queue_control q where q.tenant_id = queue_rests.tenant_id and q.paused
$$;
comment on function dialer.queue_rests(integer) is 'Why the queue of a tenant rests; no row: it does not.';
