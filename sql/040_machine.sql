-- State machines as rows, and the guard that holds a column to one.
--
-- `dialer.define_machine` writes a machine; anybody attaches `dialer.guard_transition` to a table of
-- their own. The machines of pg_dialer itself come from `core` and cannot be redefined.
-- Invariants kept: 11 (a state changes along its machine only, whoever runs the statement).

create table dialer.machine (
    name text constraint machine_name_is_unique primary key,
    built_in boolean not null default false,
    constraint machine_name_is_a_word check (name ~ '^[A-Za-z][A-Za-z0-9_.-]{0,62}$')
);
comment on table dialer.machine is 'state machines; those that are built in belong to pg_dialer';
comment on column dialer.machine.built_in is 'shipped with pg_dialer, which relies on it';

create table dialer.machine_edge (
    machine text not null
        constraint edge_belongs_to_a_machine references dialer.machine (name) on delete cascade,
    from_state text not null,
    to_state text not null,
    constraint edge_is_listed_once primary key (machine, from_state, to_state),
    constraint state_has_1_to_63_bytes check (
        octet_length(from_state) between 1 and 63 and octet_length(to_state) between 1 and 63
    ),
    constraint nothing_moves_to_the_start check (to_state <> '[*]')
);
comment on table dialer.machine_edge is
    'legal moves; an edge from [*] names a state in which new rows begin (without one they begin anywhere)';

-- A dump keeps what users defined; what is built in comes back with the extension.
select pg_catalog.pg_extension_config_dump('dialer.machine', 'where not built_in');
select pg_catalog.pg_extension_config_dump(
    'dialer.machine_edge',
    'where machine in (select name from dialer.machine where not built_in)'
);

create function dialer.forget_machines()
returns trigger
volatile
language c as 'MODULE_PATHNAME', 'forget_machines_wrapper';

comment on function dialer.forget_machines() is
    'Trigger: tells every running session that machines have changed.';

create trigger _900_forget
    after insert or update or delete or truncate on dialer.machine_edge
    for each statement execute function dialer.forget_machines();

create function dialer.guard_transition()
returns trigger
volatile
language c as 'MODULE_PATHNAME', 'guard_transition';

comment on function dialer.guard_transition() is
    'Trigger for each row, before insert or update, on any table: holds a column to a machine. Arguments: machine, column (enum, text or varchar). Errors: PD001 illegal move, PD002 no state, PD003 wrong use. Where rows move between partitions, guard updates only, because Postgres inserts such rows anew.';

create view dialer.machine_edges as
select
    edge.machine,
    edge.from_state,
    edge.to_state,
    not exists (
        select from dialer.machine_edge next
        where next.machine = edge.machine and next.from_state = edge.to_state
    ) as final
from dialer.machine_edge edge;
comment on view dialer.machine_edges is
    'legal moves of all machines, and whether a move leads to an end; [*] is where new rows begin';

create function dialer.edge_pairs(edges jsonb)
returns table (from_state text, to_state text)
language sql immutable strict parallel safe
as $$
    select source.key, target.value
    from jsonb_each(case jsonb_typeof(edges) when 'object' then edges else '{}' end) source
    cross join jsonb_array_elements_text(
        case jsonb_typeof(source.value) when 'array' then source.value else '[]' end
    ) target
    union
    select pair.value ->> 0, pair.value ->> 1
    from jsonb_array_elements(case jsonb_typeof(edges) when 'array' then edges else '[]' end) pair
$$;
comment on function dialer.edge_pairs(jsonb) is
    'The moves in a definition, which is either {"from": ["to", ...], ...} or [["from", "to"], ...].';

create function dialer.edges_fault(edges jsonb)
returns text
language sql immutable parallel safe
as $$
    with entry as (
        select format('state "%s"', source.key) as place, source.value
        from jsonb_each(case jsonb_typeof(edges) when 'object' then edges else '{}' end) source
        union all
        select format('edge %s', pair.number), pair.value
        from jsonb_array_elements(case jsonb_typeof(edges) when 'array' then edges else '[]' end)
            with ordinality pair (value, number)
    ),
    word as (
        select from_state as state from dialer.edge_pairs(edges)
        union
        select to_state from dialer.edge_pairs(edges)
    )
    select case
        when edges is null or jsonb_typeof(edges) not in ('object', 'array')
            then 'The edges are neither an object nor an array.'
        when exists (select from entry where jsonb_typeof(value) <> 'array') then (
            select format('At %s there is no array but %s.', place, value)
            from entry where jsonb_typeof(value) <> 'array' limit 1
        )
        when exists (
            select from entry, jsonb_array_elements(entry.value) item where jsonb_typeof(item) <> 'string'
        ) then (
            select format('At %s there is %s, which is not the name of a state.', place, item)
            from entry, jsonb_array_elements(entry.value) item where jsonb_typeof(item) <> 'string' limit 1
        )
        when jsonb_typeof(edges) = 'array' and exists (
            select from entry where jsonb_array_length(value) <> 2
        ) then (
            select format('At %s there are %s names instead of 2.', place, jsonb_array_length(value))
            from entry where jsonb_array_length(value) <> 2 limit 1
        )
        when not exists (select from word) then 'There is no edge.'
        when exists (select from word where octet_length(state) not between 1 and 63) then (
            select format('The name of a state has 1 to 63 bytes, not %s: "%s".', octet_length(state), left(state, 80))
            from word where octet_length(state) not between 1 and 63 limit 1
        )
        when exists (select from dialer.edge_pairs(edges) where to_state = '[*]')
            then 'Nothing moves to [*]; it only says where new rows begin.'
        when (select count(*) from word) > 200 then 'A machine has up to 200 states.'
    end
$$;
comment on function dialer.edges_fault(jsonb) is
    'What is wrong with the edges of a machine, as a sentence; null if nothing is.';

create function dialer.define_machine(name text, edges jsonb)
returns void
language plpgsql volatile
as $$
declare
    fault text := dialer.edges_fault(edges);
begin
    if name is null or name !~ '^[A-Za-z][A-Za-z0-9_.-]{0,62}$' then
        fault := 'Its name has up to 63 letters, digits, and _ . - and begins with a letter.';
    elsif exists (select from dialer.machine known where known.name = define_machine.name and known.built_in) then
        fault := 'The machine of that name belongs to pg_dialer, which relies on it.';
    end if;
    if fault is not null then
        raise exception using
            errcode = 'PD003',
            message = format('machine "%s" cannot be defined', name),
            detail = fault,
            hint = 'Write select dialer.define_machine(''lead'', ''{"[*]": ["new"], "new": ["called"], "called": ["new", "done"]}''), or the edges as [["new", "called"], ...]; [*] is where new rows begin.';
    end if;
    insert into dialer.machine (name) values (define_machine.name) on conflict do nothing;
    -- The lock makes two definitions at once follow one another instead of mixing.
    perform from dialer.machine known where known.name = define_machine.name for update;
    delete from dialer.machine_edge edge
    where edge.machine = define_machine.name
      and (edge.from_state, edge.to_state) not in (
          select pair.from_state, pair.to_state from dialer.edge_pairs(edges) pair
      );
    insert into dialer.machine_edge (machine, from_state, to_state)
    select define_machine.name, pair.from_state, pair.to_state from dialer.edge_pairs(edges) pair
    on conflict do nothing;
end
$$;
comment on function dialer.define_machine(text, jsonb) is
    'Defines a state machine, or replaces it: running sessions follow with their next statement. Edges: {"from": ["to", ...], ...} or [["from", "to"], ...]; from [*] to where new rows begin.';

create function dialer.drop_machine(name text)
returns boolean
language plpgsql volatile
as $$
begin
    if exists (select from dialer.machine known where known.name = drop_machine.name and known.built_in) then
        raise exception using
            errcode = 'PD003',
            message = format('machine "%s" cannot be dropped', name),
            detail = 'It belongs to pg_dialer, which relies on it.',
            hint = 'Only machines of your own can be dropped.';
    end if;
    delete from dialer.machine known where known.name = drop_machine.name;
    return found;
end
$$;
comment on function dialer.drop_machine(text) is
    'Removes a machine that a user defined; false if there was none. Tables that are still guarded by it refuse every change of state (PD003).';

create function dialer.machine_diagram(name text)
returns text
language plpgsql stable
as $$
declare
    diagram text;
begin
    with word as (
        select from_state as state from dialer.machine_edge edge where edge.machine = machine_diagram.name
        union
        select to_state from dialer.machine_edge edge where edge.machine = machine_diagram.name
    ),
    -- Mermaid wants identifiers; other names become captions.
    labelled as (
        select
            state,
            case
                when state = '[*]' or state ~ '^[A-Za-z][A-Za-z0-9_]*$' then state
                else 's' || row_number() over (order by state collate "C")
            end as id
        from word
    ),
    line as (
        select 1 as part, state as a, '' as b, format('    state "%s" as %s', replace(state, '"', ''''), id) as text
        from labelled where id <> state
        union all
        select case edge.from_state when '[*]' then 2 else 3 end, edge.from_state, edge.to_state,
            format('    %s --> %s', source.id, target.id)
        from dialer.machine_edge edge
        join labelled source on source.state = edge.from_state
        join labelled target on target.state = edge.to_state
        where edge.machine = machine_diagram.name
        union all
        select 4, labelled.state, '', format('    %s --> [*]', labelled.id)
        from labelled
        where not exists (
            select from dialer.machine_edge edge
            where edge.machine = machine_diagram.name and edge.from_state = labelled.state
        )
    )
    select 'stateDiagram-v2' || string_agg(E'\n' || line.text, '' order by part, a collate "C", b collate "C")
    into diagram
    from line;
    if diagram is null then
        raise exception using
            errcode = 'PD003',
            message = format('there is no machine "%s"', name),
            detail = coalesce(
                (select format('There are: %s.', string_agg(known.name, ', ' order by known.name)) from dialer.machine known),
                'There is none at all.'
            ),
            hint = 'dialer.define_machine(name, edges) defines one.';
    end if;
    return diagram;
end
$$;
comment on function dialer.machine_diagram(text) is
    'A machine as a Mermaid state diagram, ready to be pasted between ```mermaid fences.';

create function dialer.machine_states(name text) returns text[]
language sql stable as $$
    select array(select e.from_state from dialer.machine_edge e where e.machine = machine_states.name and e.from_state <> '[*]'
                 union select e.to_state from dialer.machine_edge e where e.machine = machine_states.name order by 1)
$$;
comment on function dialer.machine_states(text) is 'The states of a machine, by name: what a check constraint allows. Empty: no such machine.
e.g. select dialer.machine_states(''attempt'') --> {answered,claimed,ended,intended,placed,released,ringing}';

create function dialer.final_states(name text) returns text[]
language sql stable as $$
    select array(select distinct e.to_state from dialer.machine_edges e where e.machine = final_states.name and e.final order by 1)
$$;
comment on function dialer.final_states(text) is 'The states of a machine that nothing leaves: what a partial index on what is still to be done leaves out. Empty: no such machine, or none ends.
e.g. select dialer.final_states(''preclassify'') --> {classification_failed,completed,failed}';

create function dialer.built_in_edges()
returns table (machine text, from_state text, to_state text)
immutable parallel safe
language c as 'MODULE_PATHNAME', 'built_in_edges_wrapper';

comment on function dialer.built_in_edges() is
    'The machines that pg_dialer is written for, as its library knows them.';

insert into dialer.machine (name, built_in)
select distinct machine, true from dialer.built_in_edges();

insert into dialer.machine_edge (machine, from_state, to_state)
select machine, from_state, to_state from dialer.built_in_edges();
