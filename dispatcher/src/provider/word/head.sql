-- What the words of vendors mean: generated from the adapters' own tables, which are what the dispatcher goes by.
-- Who uses it: people, who see what an attempt ended with. A test keeps the two alike; UPDATE_EXPECT=1 writes this file anew.
-- Invariants kept: 15 (a provider's words stop at its adapter: here they are shown and not read), 6 (a word without a row goes to review).

create table dialer.provider_word (
    provider text not null,
    kind text not null constraint word_kind_is_known check (kind in ('status', 'ended_reason', 'answered_by', 'error', 'sip', 'q850')),
    word text not null,
    outcome dialer.outcome,
    note text not null,
    primary key (provider, kind, word)
);
comment on table dialer.provider_word is
'what a vendor''s words mean, as this version knows them; a word that ends in * stands for all that begin so; the vendors sip and q850 are shared by those who speak them';
comment on column dialer.provider_word.outcome is 'null: the word alone says nothing about the end of a call';

create view dialer.word_meaning as
    select w.provider, w.kind, w.word, coalesce(d.outcome, w.outcome) as outcome, d.outcome is not null as own, w.note
    from dialer.provider_word w
    left join dialer.disposition d on d.tenant_id = dialer.current_tenant() and d.word = dialer.disposition_key(w.word);
comment on view dialer.word_meaning is 'what a vendor''s words mean to this tenant: its own mapping first (own), made with dialer.map_disposition, then the vendor''s table';

