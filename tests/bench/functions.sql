-- Rivals: the best twins that a team would write by hand, and the rows to measure on.
create schema bench;
set jit = off;
set max_parallel_workers_per_gather = 0;

create table bench.instant as
    select i as id, timestamptz '2026-01-01 00:00+00' + interval '31 seconds' * i as at from generate_series(1, 1000000) i;
create table bench.soon as
    select timestamptz '2027-05-01 12:59+00' + interval '50 microseconds' * i as at from generate_series(1, 1000000) i;
create table bench.closures as
    select array_agg(d::date order by d) as dates from (
        select generate_series(date '2020-01-01', date '2049-12-31', interval '33 days') as d) x;
alter table bench.closures add bits bit varying;
update bench.closures set bits = (
    select string_agg((d::date = any (dates))::int::text, '' order by d)::bit varying
    from generate_series(date '2020-01-01', date '2050-12-31', interval '1 day') d);

create function bench.next_open(at timestamptz, tz text, days int[], opens time, closes time) returns timestamptz
language plpgsql stable strict parallel safe as $$
declare
    local timestamp := at at time zone tz;
    day date := local::date;
begin
    for ahead in 0..7 loop
        if extract(isodow from day + ahead)::int = any (days) then
            if ahead > 0 or local::time < opens then
                return (day + ahead + opens) at time zone tz;
            elsif local::time < closes then
                return at;
            end if;
        end if;
    end loop;
    return null;
end $$;

-- Windows as rows of (weekday, opens, closes); closures as a sorted array.
create function bench.next_open_in(at timestamptz, tz text, days int[], opens time[], closes time[], closed date[]) returns timestamptz
language plpgsql stable strict parallel safe as $$
declare
    local timestamp := at at time zone tz;
    day date := local::date;
    weekday int;
begin
    for ahead in 0..400 loop
        weekday := extract(isodow from day + ahead)::int;
        if weekday = any (days) and not (day + ahead = any (closed)) then
            for slot in 1..array_length(days, 1) loop
                if days[slot] = weekday then
                    if ahead > 0 or local::time < opens[slot] then
                        return (day + ahead + opens[slot]) at time zone tz;
                    elsif local::time < closes[slot] then
                        return at;
                    end if;
                end if;
            end loop;
        end if;
    end loop;
    return null;
end $$;

-- Open in both zones: asked in turns until the second agrees with the first.
create function bench.next_open_both(at timestamptz, one text, other text, days int[], opens time[], closes time[], closed date[]) returns timestamptz
language plpgsql stable strict parallel safe as $$
declare
    found timestamptz := at;
    first timestamptz;
begin
    for round in 1..100 loop
        first := bench.next_open_in(found, one, days, opens, closes, closed);
        found := bench.next_open_in(first, other, days, opens, closes, closed);
        if found = first then
            return found;
        end if;
    end loop;
    return null;
end $$;

-- The same with closures as a bit a day since 2020, which nobody passes but which is quicker to ask.
create function bench.next_open_in(at timestamptz, tz text, days int[], opens time[], closes time[], closed bit varying) returns timestamptz
language plpgsql stable strict parallel safe as $$
declare
    local timestamp := at at time zone tz;
    day date := local::date;
    weekday int;
begin
    for ahead in 0..400 loop
        weekday := extract(isodow from day + ahead)::int;
        if weekday = any (days) and get_bit(closed, day + ahead - date '2020-01-01') = 0 then
            for slot in 1..array_length(days, 1) loop
                if days[slot] = weekday then
                    if ahead > 0 or local::time < opens[slot] then
                        return (day + ahead + opens[slot]) at time zone tz;
                    elsif local::time < closes[slot] then
                        return at;
                    end if;
                end if;
            end loop;
        end if;
    end loop;
    return null;
end $$;

create function bench.next_open_both(at timestamptz, one text, other text, days int[], opens time[], closes time[], closed bit varying) returns timestamptz
language plpgsql stable strict parallel safe as $$
declare
    found timestamptz := at;
    first timestamptz;
begin
    for round in 1..100 loop
        first := bench.next_open_in(found, one, days, opens, closes, closed);
        found := bench.next_open_in(first, other, days, opens, closes, closed);
        if found = first then
            return found;
        end if;
    end loop;
    return null;
end $$;

create function bench.next_open_sql(at timestamptz, tz text, days int[], opens time, closes time) returns timestamptz
language sql stable strict parallel safe as $$
    select greatest(at, (d::date + opens) at time zone tz)
    from generate_series((at at time zone tz)::date, (at at time zone tz)::date + 7, interval '1 day') d
    where extract(isodow from d)::int = any (days) and (d::date + closes) at time zone tz > at
    order by 1 limit 1
$$;

create type bench.state as enum ('a', 'b', 'c');
select dialer.define_machine('bench', '{"a": ["b"], "b": ["a", "c"]}');
create unlogged table bench.empty (id int primary key, state bench.state) with (fillfactor = 45);
create unlogged table bench.guarded (id int primary key, state bench.state) with (fillfactor = 45);
create unlogged table bench.twin (id int primary key, state bench.state) with (fillfactor = 45);
insert into bench.empty select i, 'a' from generate_series(1, 200000) i;
insert into bench.guarded select id, state from bench.empty;
insert into bench.twin select id, state from bench.empty;

create function bench.empty_trigger() returns trigger language c as '$libdir/pg_dialer', 'empty_trigger';
create function bench.guard() returns trigger language plpgsql as $$
begin
    if not (case old.state when 'a' then new.state = 'b' when 'b' then new.state in ('a', 'c') else false end) then
        raise exception using errcode = 'PD001', message = format('%s may not go from %s to %s', old.id, old.state, new.state);
    end if;
    return new;
end $$;
create trigger guard before update of state on bench.guarded for each row execute function dialer.guard_transition('bench', 'state');
create trigger guard before update of state on bench.empty for each row execute function bench.empty_trigger();
create trigger guard before update of state on bench.twin for each row execute function bench.guard();
