-- Dispositions: what a tenant's or a provider's words mean.
-- Who uses it: ingest_event and set_disposition. A word that nobody has mapped goes to review and is never final by accident.

create table dialer.disposition (
    tenant_id integer not null default dialer.current_tenant() references dialer.tenant,
    word text not null,
    outcome dialer.outcome,
    first_seen_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, word)
);
comment on table dialer.disposition is 'a business''s or a provider''s word -> outcome; without an outcome the word waits for a person''s decision';

-- LIMIT: 200 characters of a word tell it from others; an index entry cannot hold any length.
create function dialer.disposition_key(word text) returns text
language sql immutable parallel safe as $$
    select left(upper(btrim(word)), 200)
$$;
comment on function dialer.disposition_key(text) is 'A word as dialer.disposition knows it: upper case, at most 200 characters.';

create function dialer.own_outcome(tenant_id integer, word text) returns dialer.outcome
language sql stable as $$
    select d.outcome from dialer.disposition d where d.tenant_id = own_outcome.tenant_id and d.word = dialer.disposition_key(own_outcome.word)
$$;
comment on function dialer.own_outcome(integer, text) is 'Outcome that a tenant itself has given a word; null: it has said nothing of it.';

create function dialer.outcome_of(tenant_id integer, word text) returns dialer.outcome
language sql stable as $$
    select coalesce(dialer.own_outcome(outcome_of.tenant_id, outcome_of.word), dialer.normalize_outcome(outcome_of.word)::dialer.outcome)
$$;
comment on function dialer.outcome_of(integer, text) is 'Outcome of a word: the tenant''s own mapping first, then the known words of normalize_outcome; null: unknown, goes to review.';
