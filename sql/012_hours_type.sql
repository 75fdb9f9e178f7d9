-- Types of the calendar: opening hours, an opening (hours somewhere), a cap.
--
-- Used by every function that asks whether or when one may call, and by columns that store hours.
-- Invariant 6: malformed hours cannot exist; bad text is an error that names the byte.

create type dialer.hours;

create function dialer.hours_in(cstring)
returns dialer.hours
immutable strict parallel safe
language c as 'MODULE_PATHNAME', 'hours_in_wrapper';

create function dialer.hours_out(dialer.hours)
returns cstring
immutable strict parallel safe
language c as 'MODULE_PATHNAME', 'hours_out_wrapper';

create function dialer.hours_recv(internal)
returns dialer.hours
immutable strict parallel safe
language c as 'MODULE_PATHNAME', 'hours_recv_wrapper';

create function dialer.hours_send(dialer.hours)
returns bytea
immutable strict parallel safe
language c as 'MODULE_PATHNAME', 'hours_send_wrapper';

create type dialer.hours (
    input = dialer.hours_in,
    output = dialer.hours_out,
    receive = dialer.hours_recv,
    send = dialer.hours_send,
    internallength = variable,
    alignment = int4,
    storage = extended
);

comment on type dialer.hours is
    'Opening hours without a zone: Mo-Fr 09:00-12:00,13:00-18:00; Sa 10:00-14:00; 2026-12-24 off. Half-open windows; they may run past midnight and belong to the day on which they start. 24/7 and off are hours too. Dated exceptions replace the windows of their date. Bad text is error PD010, which names the byte.';
comment on function dialer.hours_in(cstring) is
    'Input of dialer.hours. Error PD010 for text that is not understood.';
comment on function dialer.hours_out(dialer.hours) is
    'Canonical text of dialer.hours.';
comment on function dialer.hours_recv(internal) is
    'Binary input of dialer.hours: its text.';
comment on function dialer.hours_send(dialer.hours) is
    'Binary output of dialer.hours: its canonical text.';

create function dialer.hours_eq(dialer.hours, dialer.hours)
returns boolean
immutable strict parallel safe leakproof
language c as 'MODULE_PATHNAME', 'hours_eq_wrapper';

create function dialer.hours_ne(dialer.hours, dialer.hours)
returns boolean
immutable strict parallel safe leakproof
language c as 'MODULE_PATHNAME', 'hours_ne_wrapper';

create function dialer.hours_lt(dialer.hours, dialer.hours)
returns boolean
immutable strict parallel safe leakproof
language c as 'MODULE_PATHNAME', 'hours_lt_wrapper';

create function dialer.hours_le(dialer.hours, dialer.hours)
returns boolean
immutable strict parallel safe leakproof
language c as 'MODULE_PATHNAME', 'hours_le_wrapper';

create function dialer.hours_gt(dialer.hours, dialer.hours)
returns boolean
immutable strict parallel safe leakproof
language c as 'MODULE_PATHNAME', 'hours_gt_wrapper';

create function dialer.hours_ge(dialer.hours, dialer.hours)
returns boolean
immutable strict parallel safe leakproof
language c as 'MODULE_PATHNAME', 'hours_ge_wrapper';

create function dialer.hours_cmp(dialer.hours, dialer.hours)
returns integer
immutable strict parallel safe leakproof
language c as 'MODULE_PATHNAME', 'hours_cmp_wrapper';

create function dialer.hours_hash(dialer.hours)
returns integer
immutable strict parallel safe leakproof
language c as 'MODULE_PATHNAME', 'hours_hash_wrapper';

comment on function dialer.hours_eq(dialer.hours, dialer.hours) is
    'Whether two hours have the same canonical text.';
comment on function dialer.hours_ne(dialer.hours, dialer.hours) is
    'Whether two hours differ in their canonical text.';
comment on function dialer.hours_hash(dialer.hours) is
    'Hash of hours, for distinct, group by and hash joins.';
comment on function dialer.hours_lt(dialer.hours, dialer.hours) is
    'Whether hours stand before others in an order that means nothing, for sorting.';
comment on function dialer.hours_le(dialer.hours, dialer.hours) is
    'Whether hours stand before or at others in an order that means nothing, for sorting.';
comment on function dialer.hours_gt(dialer.hours, dialer.hours) is
    'Whether hours stand after others in an order that means nothing, for sorting.';
comment on function dialer.hours_ge(dialer.hours, dialer.hours) is
    'Whether hours stand after or at others in an order that means nothing, for sorting.';
comment on function dialer.hours_cmp(dialer.hours, dialer.hours) is
    'Order of hours, for sort and distinct.';

create operator dialer.= (
    leftarg = dialer.hours, rightarg = dialer.hours, function = dialer.hours_eq,
    commutator = operator(dialer.=), negator = operator(dialer.<>),
    restrict = eqsel, join = eqjoinsel, hashes, merges
);
create operator dialer.<> (
    leftarg = dialer.hours, rightarg = dialer.hours, function = dialer.hours_ne,
    commutator = operator(dialer.<>), negator = operator(dialer.=),
    restrict = neqsel, join = neqjoinsel
);
create operator dialer.< (
    leftarg = dialer.hours, rightarg = dialer.hours, function = dialer.hours_lt,
    commutator = operator(dialer.>), negator = operator(dialer.>=),
    restrict = scalarltsel, join = scalarltjoinsel
);
create operator dialer.<= (
    leftarg = dialer.hours, rightarg = dialer.hours, function = dialer.hours_le,
    commutator = operator(dialer.>=), negator = operator(dialer.>),
    restrict = scalarlesel, join = scalarlejoinsel
);
create operator dialer.> (
    leftarg = dialer.hours, rightarg = dialer.hours, function = dialer.hours_gt,
    commutator = operator(dialer.<), negator = operator(dialer.<=),
    restrict = scalargtsel, join = scalargtjoinsel
);
create operator dialer.>= (
    leftarg = dialer.hours, rightarg = dialer.hours, function = dialer.hours_ge,
    commutator = operator(dialer.<=), negator = operator(dialer.<),
    restrict = scalargesel, join = scalargejoinsel
);
create operator class dialer.hours_hash_ops default for type dialer.hours using hash as
    operator 1 dialer.= (dialer.hours, dialer.hours),
    function 1 dialer.hours_hash(dialer.hours);
create operator class dialer.hours_btree_ops default for type dialer.hours using btree as
    operator 1 dialer.< (dialer.hours, dialer.hours),
    operator 2 dialer.<= (dialer.hours, dialer.hours),
    operator 3 dialer.= (dialer.hours, dialer.hours),
    operator 4 dialer.>= (dialer.hours, dialer.hours),
    operator 5 dialer.> (dialer.hours, dialer.hours),
    function 1 dialer.hours_cmp(dialer.hours, dialer.hours);

create cast (text as dialer.hours) with inout as assignment;

create type dialer.opening as (
    hours dialer.hours,
    tz text,
    closures date[],
    bans date[]
);

comment on type dialer.opening is
    'Hours somewhere: open when the wall clock of tz lies in a window of hours. Unknown hours or an unknown (null) tz are never open.';
comment on column dialer.opening.hours is 'opening hours; null is never open';
comment on column dialer.opening.tz is 'IANA zone; null is never open';
comment on column dialer.opening.closures is 'dates whose own windows do not happen; null for none';
comment on column dialer.opening.bans is
    'local dates on which nothing is open, not even what started the evening before; null for none';

create type dialer.cap as (
    max_count integer,
    kind text,
    amount integer,
    since timestamptz
);

comment on type dialer.cap is
    'A limit on attempts: at most max_count in each period of the kind, counted from the list of attempts.';
comment on column dialer.cap.max_count is 'attempts allowed in a period; not used by gap and cooldown_dates';
comment on column dialer.cap.kind is
    'rolling (amount in seconds), local_dates (amount in consecutive local dates), calendar_week (Monday to Sunday), gap (amount in seconds since the last attempt), cooldown_dates (amount in local dates, the date of since being the first) or lifetime';
comment on column dialer.cap.amount is 'length of the period in the unit of the kind';
comment on column dialer.cap.since is 'the event from which a cool-down counts; null for no event, no cool-down';
