-- Enrolments: which contacts are members of which campaigns, whatever became of their calls.
-- Who uses it: imports and enrol write; imports ask, so that a list that comes again calls nobody a second time, even when retention has
-- deleted the calls; the ticks make the next calls of members (269_recurring_enrolment.sql).
-- Invariants kept: none of its own; the calls that come from here are planned and claimed like any other.

create table dialer.enrolment (
    contact_id bigint not null references dialer.contact on delete cascade,
    campaign_id bigint not null references dialer.campaign,
    tenant_id integer not null,
    enrolled_at timestamptz not null,
    next_at timestamptz,
    end_reason text,
    primary key (contact_id, campaign_id)
) with (fillfactor = 80);
create index enrolment_that_is_next on dialer.enrolment (campaign_id, next_at) where next_at is not null;
comment on index dialer.enrolment_that_is_next is 'tick finds the members whose next call is to be planned';
comment on table dialer.enrolment is 'a contact is a member of a campaign: person, numbers (endpoint) and membership are three things, with caps on each';
comment on column dialer.enrolment.next_at is 'when the ticks look whether the member gets another call; null: no call comes by itself';
comment on column dialer.enrolment.end_reason is 'why no call comes any more: converted, contact_limit, caps_spent; or, with next_at, why the last look could plan none';

create function dialer.note_members(campaign_id bigint, contact_ids bigint[], at timestamptz) returns void
language sql volatile as $$
    insert into dialer.enrolment as m (contact_id, campaign_id, tenant_id, enrolled_at, next_at)
    select p.contact_id, c.campaign_id, c.tenant_id, at, case when c.recurs then at end
    from (select distinct u from unnest(contact_ids) u) x join dialer.contact p on p.contact_id = x.u join dialer.campaign c on c.campaign_id = note_members.campaign_id and c.tenant_id = p.tenant_id
    order by p.contact_id
    on conflict do nothing
$$;
comment on function dialer.note_members(bigint, bigint[], timestamptz) is 'Makes contacts members of a campaign; those who are stay as they are.';
