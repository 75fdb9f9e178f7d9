-- The end of an attempt, and what becomes of its call. Webhooks, look-ups, refusals and the grace time all end here.
-- Invariants kept: 3, 8, 11, 12. Lock order: lease, then call.

create type dialer.attempt_end as (
    attempt_id uuid, outcome dialer.outcome, word text, disposition text, provider_call_id text, duration_seconds double precision,
    callback_at timestamptz, detail jsonb, answer text, success boolean);
comment on type dialer.attempt_end is 'how an attempt ended; outcome null: nobody knows what the word means, it goes to review; answer: what its step found out; success: the provider says that the task was (not) done';

create type dialer.ended_attempt as (
    attempt_id uuid, call_id bigint, account_id integer, outcome dialer.outcome, review boolean, word text, callback_at timestamptz, counts boolean,
    step text, answer text, success boolean);
comment on type dialer.ended_attempt is 'an attempt that has just ended';

create function dialer.end_attempts(ends dialer.attempt_end[], at timestamptz) returns integer
language plpgsql volatile as $$
declare ended dialer.ended_attempt[];
begin
    if cardinality(ends) = 0 then
        return 0;
    end if;
    perform from dialer.lease l where l.attempt_id in (select u.attempt_id from unnest(ends) u) order by l.call_id for update;
    -- The row of dialer.attempt logs the end, with its outcome; the disappearance of the lease says no more.
    perform set_config('dialer.ending', 'on', true);
    with gone as (delete from dialer.lease l using unnest(ends) u where l.attempt_id = u.attempt_id returning l.*),
    written as (
        insert into dialer.attempt (attempt_id, call_id, tenant_id, campaign_id, account_id, caller_id, contact_id, endpoint_id, step, channel, outcome, counts, review,
            word, disposition, dispatcher, due_at, claimed_at, place_at, intended_at, placed_at, ringing_at, answered_at, ended_at, dialled_at,
            duration_seconds, provider_call_id, decision, detail)
        select g.attempt_id, g.call_id, g.tenant_id, g.campaign_id, g.account_id, g.caller_id, g.contact_id, g.endpoint_id, g.step, g.channel,
            coalesce(u.outcome, 'unknown'), coalesce(dialer.outcome_counts(u.outcome) or g.ringing_at is not null or g.answered_at is not null, true), u.outcome is null, u.word, u.disposition, g.dispatcher,
            g.due_at, g.claimed_at, g.place_at, g.intended_at, g.placed_at, g.ringing_at, g.answered_at, at,
            coalesce(g.placed_at, g.intended_at, at), u.duration_seconds, coalesce(g.provider_call_id, u.provider_call_id), g.decision, coalesce(u.detail, '{}')
        from gone g join unnest(ends) u using (attempt_id)
        returning attempt_id, call_id, account_id, outcome, counts, review, coalesce(disposition, word) as word, step)
    select coalesce(array_agg(row(w.attempt_id, w.call_id, w.account_id, w.outcome, w.review, w.word, u.callback_at, w.counts, w.step, u.answer, u.success)::dialer.ended_attempt order by w.call_id), '{}')
    into ended from written w join unnest(ends) u using (attempt_id);
    perform set_config('dialer.ending', '', true);
    perform dialer.apply_consequences(ended, at);
    perform dialer.keep_answers(ended, at) where exists (select from unnest(ended) x where x.answer is not null);
    perform dialer.decide_next(ended, at);
    return cardinality(ended);
end $$;
comment on function dialer.end_attempts(dialer.attempt_end[], timestamptz) is
'Ends open attempts: the lease becomes a row of dialer.attempt, and the call ends or waits for its redial. Attempts that have ended before are passed over. Returns how many ended.';

create function dialer.apply_consequences(ended dialer.ended_attempt[], at timestamptz) returns void
language plpgsql volatile as $$
declare outcomes dialer.outcome[] := array(select distinct x.outcome from unnest(ended) x);
begin
    if 'dnc' = any (outcomes) then
        insert into dialer.do_not_call (tenant_id, address, contact_id, source, added_at)
        select c.tenant_id, e.address, c.contact_id, 'said in call ' || c.call_id, at
        from unnest(ended) x join dialer.call c using (call_id) left join dialer.endpoint e using (endpoint_id)
        where x.outcome = 'dnc' and not dialer.must_not_call(c.tenant_id, c.contact_id, e.address, at);
    end if;
    if 'sale' = any (outcomes) then
        perform dialer.conversions_in(array(select x.call_id from unnest(ended) x where x.outcome = 'sale'), at);
    end if;
    if 'invalid_number' = any (outcomes) then
        update dialer.endpoint e set status = 'unusable'
        from unnest(ended) x join dialer.call c using (call_id) where e.endpoint_id = c.endpoint_id and x.outcome = 'invalid_number';
    end if;
    -- All that follows touches, in one order for everybody.
    if outcomes && '{over_limit,provider_fault}' then
        perform from dialer.account_health h where h.account_id in (select x.account_id from unnest(ended) x) order by h.account_id for update;
    end if;
    if 'over_limit' = any (outcomes) then
        -- Over the provider's limit: the account rests, 1, 2, 4 ... 64 real seconds, or as long as the provider asks for.
        -- LIMIT: an hour; then it is tried again.
        update dialer.account_health h
        set over_limit_count = least(h.over_limit_count + 1, 7), blocked_reason = 'over_limit',
            blocked_until = greatest(h.blocked_until, at + dialer.real_interval(make_interval(secs => greatest(power(2, least(h.over_limit_count, 6)), least(o.asked, 3600)))))
        from (select x.account_id, coalesce(max((a.detail ->> 'retry_after_seconds')::double precision) filter (where jsonb_typeof(a.detail -> 'retry_after_seconds') = 'number'), 0) as asked
              from unnest(ended) x left join dialer.attempt a on a.attempt_id = x.attempt_id and a.ended_at = at
              where x.outcome = 'over_limit' group by x.account_id) o
        where h.account_id = o.account_id;
    end if;
    if 'provider_fault' = any (outcomes) then
        perform dialer.account_failed(array(select x.account_id from unnest(ended) x where x.outcome = 'provider_fault'), at);
    end if;
    perform dialer.account_fine(array(select x.account_id from unnest(ended) x where x.counts and x.attempt_id is not null));
    if 'account_error' = any (outcomes) then
        update dialer.provider_account a set state = 'stopped', state_reason = coalesce(x.word, 'the provider refuses the account')
        from unnest(ended) x where x.outcome = 'account_error' and a.account_id = x.account_id and a.state = 'open';
    end if;
    if 'config_error' = any (outcomes) then
        update dialer.campaign g set state = 'paused', state_reason = coalesce(x.word, 'the provider refuses the configuration')
        from unnest(ended) x join dialer.call c using (call_id)
        where x.outcome = 'config_error' and g.campaign_id = c.campaign_id and g.state = 'running';
    end if;
    if exists (select from unnest(ended) x where x.review and x.word is not null) then
        insert into dialer.disposition (tenant_id, word)
        select distinct c.tenant_id, dialer.disposition_key(x.word) from unnest(ended) x join dialer.call c using (call_id)
        where x.review and x.word is not null on conflict do nothing;
    end if;
end $$;
comment on function dialer.apply_consequences(dialer.ended_attempt[], timestamptz) is
'What an outcome means beyond its call: do-not-call, an unusable number, an account that rests or stops, a campaign that pauses, a word for review.';

create type dialer.next_step as (call_id bigint, state dialer.call_state, due_at timestamptz, reason text, technical_count smallint, outcome dialer.outcome, step dialer.step);
comment on type dialer.next_step is 'what becomes of a call after an attempt';

create type dialer.decision as (state dialer.call_state, reason text);
comment on type dialer.decision is 'where a call goes after an attempt, and why';

create function dialer.next_steps(ended dialer.ended_attempt[], at timestamptz) returns dialer.next_step[]
language plpgsql stable as $$
declare
    steps dialer.next_step[];
    oldest timestamptz := dialer.oldest_horizon(array(select distinct c.lane_id from unnest(ended) x join dialer.call c using (call_id)), at);
begin
    -- As in judge: what is the campaign's is looked up once, and nothing that calls a function is computed twice.
    with lane_facts as materialized (
        select l.lane_id, l.openings, l.openings[1].tz as tz, g.state as campaign_state, g.valid_until, g.workflow_id, g.campaign_id, g.contact_limit, g.contact_limit_counts, y.ladder, y.ladder_scope, y.outcome_waits, y.outcome_max, y.technical_ladder,
               y.technical_max, y.max_lifetime, y.final_outcomes, y.cap_scope, p.caps, dialer.cap_horizon(p.caps, at) as since
        from dialer.lane l join dialer.campaign g using (campaign_id) join dialer.redial_policy y using (policy_id)
        cross join lateral (select dialer.policy_caps(y) as caps offset 0) p
        where l.lane_id in (select c.lane_id from unnest(ended) x join dialer.call c using (call_id))),
    facts as materialized (
        select x.outcome, x.review or c.review_word is not null as review, x.callback_at, x.counts, x.answer, x.success, c.call_id, c.tenant_id, e.address, c.step,
               f.workflow_id, q.enough, q.wait as step_wait, w.now_, q.finds is not null and (w.now_).name is distinct from c.step as answered, q.finds as asks, c.technical_count, c.expires_at, c.channel, c.stated_outcome,
               f.openings, f.tz, f.campaign_state, f.valid_until, coalesce(sy.ladder, f.ladder) as ladder, coalesce(sy.ladder_scope, f.ladder_scope) as ladder_scope, coalesce(sy.outcome_waits, f.outcome_waits) as outcome_waits,
               coalesce(sy.technical_ladder, f.technical_ladder) as technical_ladder, coalesce(sy.technical_max, f.technical_max) as technical_max, case when sy.policy_id is null then f.max_lifetime else sy.max_lifetime end as max_lifetime,
               f.caps,
               exists (select from dialer.do_not_call_entries(c.tenant_id, c.contact_id, e.address, at)) as forbidden,
               exists (select from dialer.conversions(c.contact_id, c.campaign_id, c.created_at)) as converted,
               f.contact_limit is not null and dialer.contact_spent(c.contact_id, f.campaign_id, f.contact_limit, f.contact_limit_counts) as contact_spent,
               z.final,
               case when o.max_like_it is not null then
                   o.max_like_it <= (select count(*) from dialer.attempt a where a.call_id = c.call_id and a.counts and a.outcome = x.outcome and a.step is not distinct from c.step) end as spent,
               case when z.final and not x.review then '{}'
                    else array(select a.dialled_at from dialer.attempt a where a.call_id = c.call_id and a.counts and a.step is not distinct from c.step) end as own,
               case when z.final or f.caps = '{}' then '{}'
                    else array(select d from dialer.dialled(f.cap_scope, c.call_id, c.contact_id, c.endpoint_id, c.channel, f.since, oldest) d) end as dialled
        from unnest(ended) x join dialer.call c using (call_id) left join dialer.endpoint e using (endpoint_id) join lane_facts f using (lane_id)
        left join dialer.workflow_step q on q.workflow_id = f.workflow_id and q.name = c.step
        -- A step may have ladder and tries of its own.
        left join dialer.redial_policy sy on sy.policy_id = q.policy_id
        cross join lateral (select (coalesce(sy.outcome_max, f.outcome_max) ->> x.outcome::text)::integer as max_like_it offset 0) o
        -- What has just been learnt of the number is known by now (keep_answers).
        cross join lateral (select case when q.name is not null then dialer.step_now(f.workflow_id, c.tenant_id, e.address, at) end as now_ offset 0) w
        -- A mail that was accepted has arrived; voice policies often go on after completed, until a label says more.
        cross join lateral (select (x.outcome = any (f.final_outcomes || sy.final_outcomes) or (c.channel = 'email' and x.outcome = 'completed'))
            and not (q.name is not null and dialer.only_talked(q, x.outcome, x.answer, x.success)) as final offset 0) z
        where c.state in ('claimed', 'in_flight')),
    waits as materialized (
        select f.*, cardinality(f.own) as attempts,
               case when f.answered and not coalesce(f.success is false and f.answer = any (f.enough), false) then f.step_wait
                    when not f.counts and f.outcome = 'over_limit' then interval '0'
                    when not f.counts then f.technical_ladder[least(f.technical_count + 1, cardinality(f.technical_ladder))]
                    else coalesce((f.outcome_waits ->> f.outcome::text)::interval, f.ladder[least(1 + case f.ladder_scope when 'lifetime' then cardinality(f.own)
                        else (select count(*) from unnest(f.own) o where (o at time zone f.tz)::date = (at at time zone f.tz)::date) end, cardinality(f.ladder))]) end as wait
        from facts f),
    timed as materialized (
        select w.*, case when w.review or not w.final then dialer.next_callable(greatest(at + w.wait, w.callback_at), w.openings, w.dialled, w.caps, w.tz) end as next_at
        from waits w),
    decided as materialized (
        select t.*, case
            when t.stated_outcome is not null then row(dialer.outcome_end_state(t.stated_outcome), t.stated_outcome)::dialer.decision
            when t.final and not t.review then row(dialer.outcome_end_state(t.outcome), t.outcome)::dialer.decision
            when t.campaign_state in ('stopped', 'archived') then row('cancelled', 'campaign_stopped')::dialer.decision
            when t.forbidden then row('cancelled', 'do_not_call')::dialer.decision
            when t.converted then row('cancelled', 'converted')::dialer.decision
            when t.review then row('scheduled', 'review')::dialer.decision
            when t.answered and (t.now_).name is null then row('completed', 'answered')::dialer.decision
            when not t.answered and not t.counts and t.outcome <> 'over_limit' and t.technical_count >= t.technical_max then row('failed', 'technical_retries_spent')::dialer.decision
            when t.contact_spent then row('failed', 'contact_limit')::dialer.decision
            when not t.answered and t.counts and (t.attempts >= t.max_lifetime or t.spent) then row('failed', coalesce(t.asks || '_failed', 'attempts_spent'))::dialer.decision
            when t.next_at >= least(t.expires_at, t.valid_until) then row('expired', 'expired')::dialer.decision
            when t.next_at is null then row('scheduled', 'caps_spent')::dialer.decision
            else row('scheduled', case when t.callback_at is not null then 'callback' when t.answered then 'next_step' when t.counts then 'redial' else t.outcome::text end)::dialer.decision end as decision
        from timed t)
    select coalesce(array_agg(row(t.call_id, (t.decision).state,
               case when (t.decision).state = 'scheduled' then case when t.review then 'infinity' else coalesce(t.next_at, at + interval '1 day') end end, (t.decision).reason,
               case when t.counts or t.answered or t.outcome = 'over_limit' then 0 else t.technical_count + 1 end, coalesce(t.stated_outcome, t.outcome),
               -- A redial asks again what will not hold any more by then.
               case when t.now_ is null then null
                    when (t.decision).state = 'scheduled' and not t.review then dialer.step_now(t.workflow_id, t.tenant_id, t.address, coalesce(t.next_at, at))
                    else row(t.step, null, null, (t.now_).found)::dialer.step end)::dialer.next_step), '{}')
    into steps from decided t;
    return steps;
end $$;
comment on function dialer.next_steps(dialer.ended_attempt[], timestamptz) is
'Decides by the redial policy what becomes of each call whose attempt has ended: an end with its reason, or the next due time within window and caps.';

create function dialer.decide_next(ended dialer.ended_attempt[], at timestamptz) returns void
language plpgsql volatile as $$
declare
    steps dialer.next_step[];
    promises dialer.promise[] := '{}';
begin
    perform from dialer.call c where c.call_id in (select x.call_id from unnest(ended) x) order by c.call_id for update;
    steps := dialer.next_steps(ended, at);
    if exists (select from unnest(steps) s where s.reason = 'callback') then
        promises := dialer.promise_callbacks(array(select row(s.call_id, x.callback_at, s.due_at, null, null)::dialer.promise
            from unnest(steps) s join unnest(ended) x using (call_id) where s.reason = 'callback'), 'said in the call', at);
    end if;
    with changed as (
        update dialer.call c
        set state = s.state, outcome = s.outcome, technical_count = s.technical_count, due_at = coalesce(s.due_at, c.due_at),
            -- A callback that failed for technical reasons is one still; any other attempt has kept the promise, and perhaps brought the next.
            not_before = case when x.counts then p.wanted_at else coalesce(p.wanted_at, c.not_before) end,
            callback_by = case when x.counts then p.keep_until else coalesce(p.keep_until, c.callback_by) end,
            lane_id = coalesce(p.lane_id, case when x.counts or c.callback_by is null then c.usual_lane_id end, c.lane_id),
            usual_lane_id = case when p.lane_id is not null then coalesce(c.usual_lane_id, c.lane_id) when not x.counts then c.usual_lane_id end,
            wait_reason = case when s.state = 'scheduled' then s.reason end, end_reason = case when s.state <> 'scheduled' then s.reason end,
            ended_at = case when s.state <> 'scheduled' then at end,
            step = coalesce((s.step).name, c.step), workflow_metadata = case when (s.step).name is null then c.workflow_metadata else (s.step).found end
        from unnest(steps) s join unnest(ended) x using (call_id) left join unnest(promises) p using (call_id) where c.call_id = s.call_id
        returning c.call_id, c.lane_id, c.due_at, c.state)
    insert into dialer.due (lane_id, due_at, call_id) select lane_id, due_at, call_id from changed where state = 'scheduled';
end $$;
comment on function dialer.decide_next(dialer.ended_attempt[], timestamptz) is 'Moves the calls of ended attempts on: redial, or the end.';

create function dialer.settle(attempt_ids uuid[], tokens bigint[], outcomes text[], words text[], details jsonb[]) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, dialer, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
declare
    at timestamptz := dialer.now();
    own uuid[] := dialer.own_leases(attempt_ids, tokens, '{intended,placed,ringing,answered}');
begin
    return dialer.end_attempts(array(
        select distinct on (u.attempt_id) row(u.attempt_id,
            case when u.outcome = any (enum_range(null::dialer.outcome)::text[]) then u.outcome::dialer.outcome end,
            u.word, null, null, null, null, u.detail, null, null)::dialer.attempt_end
        from unnest(attempt_ids, outcomes, words, details) with ordinality u(attempt_id, outcome, word, detail, position)
        where u.attempt_id = any (own) order by u.attempt_id, u.position), at);
end $$;
comment on function dialer.settle(uuid[], bigint[], text[], text[], jsonb[]) is
'Ends attempts that the provider refused (or a dispatcher knows the end of), with outcome (null or no known one: the call waits for review), the provider''s word and detail. Returns how many tokens were valid. See docs/dispatcher-api.md.';

create function dialer.learn(call_id bigint, meaning dialer.outcome, at timestamptz) returns void
language plpgsql volatile as $$
declare
    target dialer.call;
    final boolean;
begin
    -- Whoever is ending an attempt of the call comes first; then it waits, and is found below, or has ended.
    perform from dialer.lease l where l.call_id = learn.call_id for update;
    select c.* into target from dialer.call c where c.call_id = learn.call_id;
    select meaning = any (y.final_outcomes || s.final_outcomes) into final
    from dialer.campaign g join dialer.redial_policy y using (policy_id) left join dialer.workflow_step q on q.workflow_id = g.workflow_id and q.name = target.step
    left join dialer.redial_policy s on s.policy_id = q.policy_id where g.campaign_id = target.campaign_id;
    if final and target.ended_at is null and dialer.end_waiting(array[target.call_id], dialer.outcome_end_state(meaning), meaning::text, at, meaning) = 0 then
        -- In flight: remembered, and applied when the attempt ends.
        update dialer.call c set stated_outcome = meaning where c.call_id = target.call_id and c.ended_at is null;
    end if;
    perform dialer.apply_consequences(array[row(null, target.call_id, null, meaning, false, null, null, true, null, null, null)::dialer.ended_attempt], at);
end $$;
comment on function dialer.learn(bigint, dialer.outcome, timestamptz) is
'Applies what became known of a call outside its attempts: a final outcome ends it (at once where it waits, else when its attempt ends).';

create function dialer.hold_for_review(call_id bigint, label text) returns void
language plpgsql volatile as $$
begin
    perform from dialer.lease l where l.call_id = hold_for_review.call_id for update;
    perform dialer.move_waiting(array[hold_for_review.call_id], '{infinity}', 'review');
    update dialer.call c set review_word = dialer.disposition_key(label) where c.call_id = hold_for_review.call_id and c.ended_at is null;
    insert into dialer.disposition (tenant_id, word)
    select c.tenant_id, dialer.disposition_key(label) from dialer.call c where c.call_id = hold_for_review.call_id on conflict do nothing;
end $$;
comment on function dialer.hold_for_review(bigint, text) is
'Keeps a call from being placed until a person has said what the business''s late label means; in flight, from its next attempt.';

create function dialer.release_from_review(call_id bigint, at timestamptz) returns void
language plpgsql volatile as $$
begin
    -- Where its lane does not open it waits there, and is due as soon as it does.
    perform dialer.move_waiting(array[c.call_id], array[coalesce(case when l.openings <> '{}' then dialer.next_open_all(at, l.openings) end, at)], 'redial')
    from dialer.call c join dialer.lane l using (lane_id)
    where c.call_id = release_from_review.call_id and c.state = 'scheduled' and c.wait_reason = 'review';
    update dialer.call c set review_word = null where c.call_id = release_from_review.call_id and c.review_word is not null;
end $$;
comment on function dialer.release_from_review(bigint, timestamptz) is
'Lets a call go on that waits for review, once the business''s word is known and not final. A provider''s own word is no such decision.';

create function dialer.set_disposition(call_id bigint, label text, at timestamptz default dialer.now()) returns text
language plpgsql volatile as $$
declare
    target dialer.call;
    meaning dialer.outcome;
begin
    select c.* into target from dialer.call c where c.call_id = set_disposition.call_id and c.tenant_id = dialer.current_tenant();
    if target.call_id is null then
        perform dialer.fail('PD028', format('call %s does not exist', coalesce(set_disposition.call_id::text, 'null')), null, 'Calls of this tenant are in dialer.call.');
    elsif coalesce(dialer.disposition_key(label), '') = '' then
        perform dialer.fail('PD033', 'a disposition is a word', 'None was given.', 'Say e.g. SALE, DNC or NO_ANSWER.');
    end if;
    meaning := dialer.outcome_of(target.tenant_id, label);
    if meaning is null and dialer.answers_step(target, label) then
        return dialer.set_classification(target.call_id, label, at);
    elsif meaning is null then
        perform dialer.fail('PD033', format('disposition "%s" is not known', label), 'No outcome is mapped to the word, and an unknown word is never final by accident.',
            'Map it once: select dialer.map_disposition(''' || label || ''', ''completed'').');
    end if;
    perform dialer.learn(target.call_id, meaning, at);
    perform dialer.release_from_review(target.call_id, at);
    return meaning::text;
end $$;
comment on function dialer.set_disposition(bigint, text, timestamptz) is
'What the business says of a call, e.g. SALE or DNC, whenever it says so: a final outcome ends a waiting call; dnc also puts the number on do-not-call. In a workflow it may be what a step asks for (set_classification). Returns the outcome, or the answer. Errors: PD028 no such call, PD033 unknown word.';

create function dialer.map_disposition(word text, outcome dialer.outcome, at timestamptz default dialer.now()) returns integer
language plpgsql volatile as $$
#variable_conflict use_column
declare released bigint[];
begin
    if coalesce(dialer.disposition_key(map_disposition.word), '') = '' or map_disposition.outcome is null then
        perform dialer.fail('PD033', format('"%s" cannot be given the meaning %s', coalesce(map_disposition.word, 'null'), coalesce(map_disposition.outcome::text, 'null')),
            'A word and an outcome belong to a mapping.', 'Say e.g. select dialer.map_disposition(''WARM_LEAD'', ''completed'').');
    end if;
    insert into dialer.disposition (word, outcome) values (dialer.disposition_key(map_disposition.word), map_disposition.outcome)
    on conflict (tenant_id, word) do update set outcome = excluded.outcome;
    released := array(
        select c.call_id from dialer.call c
        where c.tenant_id = dialer.current_tenant() and (c.state = 'scheduled' and c.wait_reason = 'review' or c.ended_at is null and c.review_word is not null)
          and coalesce(c.review_word, (select dialer.disposition_key(coalesce(a.disposition, a.word)) from dialer.attempt a
                                       where a.call_id = c.call_id order by a.ended_at desc limit 1))
              = dialer.disposition_key(map_disposition.word));
    perform dialer.set_disposition(r, map_disposition.word, at) from unnest(released) r;
    return cardinality(released);
end $$;
comment on function dialer.map_disposition(text, dialer.outcome, timestamptz) is
'Says what a word means for this tenant, for ever, and lets the calls that waited for its review go on; returns how many. Error PD033: no word or no outcome.';
