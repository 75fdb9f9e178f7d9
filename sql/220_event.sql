-- Events from providers, as received. Who uses it: ingest_event writes; replay and people read.
-- Invariants kept: 12 (an event is stored once per key and day of receipt; applying it twice changes nothing).

create table dialer.provider_event (
    account_id integer not null,
    event_key text not null,
    received_on date not null,
    tenant_id integer not null,
    received_at timestamptz not null,
    attempt_id uuid,
    call_id bigint,
    kind text not null,
    source text not null,
    result text not null,
    raw jsonb not null
) partition by range (received_on);
-- The key is on the partition, as the indexes of attempt are.
create table dialer.provider_event_other partition of dialer.provider_event (constraint event_comes_once primary key (account_id, event_key, received_on)) default;
comment on table dialer.provider_event is 'every webhook and look-up answer as received, with what became of it';
comment on table dialer.provider_event_other is 'events outside the months that have partitions; the pattern of these';
