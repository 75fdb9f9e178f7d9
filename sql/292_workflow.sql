-- Going on in a workflow: answers of calls, people and programs become classifications, and what waits for them takes its next step in
-- the same transaction, in all campaigns of the tenant.
-- Who uses it: settle, ingest_event, applications. Invariants kept: 11 (a step is no state: the machine of a call stays the same), the lock
-- order due, call. A step changes what is called, never when it may be: every gate is tested in the claim.

create function dialer.not_begun(campaign_id bigint) returns bigint[]
language sql stable as $$
    select array(
        select c.call_id from dialer.call c
        where c.campaign_id = not_begun.campaign_id and c.state = 'scheduled' and not exists (select from dialer.attempt a where a.call_id = c.call_id)
        order by c.call_id)
$$;
comment on function dialer.not_begun(bigint) is 'The calls of a campaign that wait and of which no attempt was ever made.';

create function dialer.use_workflow(campaign text, workflow text, at timestamptz default dialer.now(), out taken integer, out not_needed integer, out begun integer)
language plpgsql volatile as $$
declare
    id bigint := dialer.campaign_named(campaign);
    wanted integer := case when workflow is not null then dialer.workflow_named(workflow) end;
    before integer;
    waiting bigint[];
    in_steps bigint;
begin
    -- The campaign first: whoever chooses a law holds it while they wait for calls that somebody moves, who may be about to plan.
    select c.workflow_id into before from dialer.campaign c where c.campaign_id = id for no key update;
    -- Whoever plans calls waits for us, or we for them: none is planned by the choice before.
    perform pg_advisory_xact_lock(hashtextextended('dialer.workflow', id));
    -- Whoever moves a call and then plans one waits for us, so their call is passed over, as one that a claim is at.
    waiting := dialer.lock_free(dialer.not_begun(id));
    -- Asked again under the locks: one that had an attempt meanwhile has begun.
    waiting := array(select w from unnest(waiting) w where not exists (select from dialer.attempt a where a.call_id = w));
    select count(*) filter (where c.step is not null and (c.state <> 'scheduled' or exists (select from dialer.attempt a where a.call_id = c.call_id))), count(*)
    into in_steps, begun from dialer.call c where c.campaign_id = id and c.ended_at is null;
    if in_steps > 0 and wanted is distinct from before then
        perform dialer.fail('PD046', format('campaign "%s" has %s calls that have begun the workflow that it has', campaign, in_steps), 'What they have asked and what comes next are steps of that one.',
            'Wait until they have ended, cancel them, or make another campaign.');
    end if;
    taken := cardinality(waiting);
    begun := begun - in_steps - taken;
    update dialer.campaign c set workflow_id = wanted where c.campaign_id = id and c.workflow_id is distinct from wanted;
    update dialer.call c set step = null, workflow_metadata = null where wanted is null and c.call_id = any (waiting) and c.step is not null;
    perform dialer.restep(waiting, at);
    not_needed := (select count(*) from dialer.call c where c.call_id = any (waiting) and c.ended_at is not null);
end $$;
comment on function dialer.use_workflow(text, text, timestamptz) is
'Lets the calls of a campaign go in the steps of a workflow, such as preclassify; null: each is one call. What differs by step (who speaks) stands in the campaign''s settings, e.g. {"assistant_id": "task", "steps": {"classify": {"assistant_id": "probe"}}}. Calls that wait and have not begun take their first step at once: taken says how many, and not_needed how many of them were completed because nothing is left to do; begun: calls that have begun without steps (or are being claimed or moved by somebody at this moment), and stay one call each. Errors: PD025 campaign, PD046 no such workflow, or calls that have begun another.';

create function dialer.restep(call_ids bigint[], at timestamptz) returns integer
language plpgsql volatile as $$
declare
    changed integer;
    over bigint[];
begin
    perform dialer.lock_waiting(call_ids);
    with chosen as materialized (
        select c.call_id, dialer.step_now(g.workflow_id, c.tenant_id, e.address, greatest(at, nullif(c.due_at, 'infinity'))) as step
        from dialer.call c join dialer.campaign g using (campaign_id) join dialer.endpoint e using (endpoint_id)
        where c.call_id = any (call_ids) and c.state = 'scheduled' and g.workflow_id is not null),
    moved as (
        update dialer.call c set step = coalesce((n.step).name, c.step), workflow_metadata = (n.step).found
        from chosen n where c.call_id = n.call_id and (c.step is distinct from (n.step).name or c.workflow_metadata is distinct from (n.step).found)
        returning c.call_id, (n.step).name as name)
    select count(*), coalesce(array_agg(m.call_id) filter (where m.name is null), '{}') into changed, over from moved m;
    perform dialer.end_waiting(over, 'completed', 'not_needed', at) where over <> '{}';
    return changed;
end $$;
comment on function dialer.restep(bigint[], timestamptz) is
'Chooses the step of waiting calls anew by what is known of their numbers at the time they are due; a call for which no step is left is completed as not_needed. Due times stay. Returns how many changed.';

create function dialer.classification_changed() returns trigger
language plpgsql security definer set search_path = pg_catalog, dialer, pg_temp as $$
begin
    -- Every channel is named, because the index begins with tenant and channel.
    perform dialer.restep(w.call_ids, dialer.now()) from (
        select array_agg(c.call_id) as call_ids
        from changed x join dialer.endpoint e on e.tenant_id = x.tenant_id and e.channel = any (enum_range(null::dialer.channel)) and e.address = x.address
        join dialer.call c on c.contact_id = e.contact_id and c.endpoint_id = e.endpoint_id
        where c.state = 'scheduled' and c.step is not null) w
    where w.call_ids is not null;
    return null;
end $$;
comment on function dialer.classification_changed() is 'Trigger: calls that wait take the step that what is known of their number means now, in the same transaction.';
create trigger _500_restep_new after insert on dialer.classification referencing new table as changed for each statement execute function dialer.classification_changed();
create trigger _500_restep after update on dialer.classification referencing new table as changed for each statement execute function dialer.classification_changed();
create trigger _500_restep_gone after delete on dialer.classification referencing old table as changed for each statement execute function dialer.classification_changed();

create function dialer.note_classification(note dialer.classification) returns bigint
language plpgsql volatile as $$
declare noted bigint;
begin
    insert into dialer.classification as k (tenant_id, kind, address, result, classified_at, expires_at, source, call_id, attempt_id)
    values (note.tenant_id, note.kind, note.address, note.result, note.classified_at, note.expires_at, note.source, note.call_id, note.attempt_id)
    on conflict (tenant_id, address, kind) do update
    set result = excluded.result, active = true, classified_at = excluded.classified_at, expires_at = excluded.expires_at, source = excluded.source,
        call_id = excluded.call_id, attempt_id = excluded.attempt_id
    -- Events may come in any order: an older answer does not replace a newer one.
    where k.classified_at <= excluded.classified_at or not k.active
    returning k.classification_id into noted;
    return noted;
end $$;
comment on function dialer.note_classification(dialer.classification) is 'Keeps an answer for a number in place of the one before; null: a newer one is known.';

create function dialer.keep_answers(ended dialer.ended_attempt[], at timestamptz) returns void
language plpgsql volatile as $$
begin
    perform dialer.note_classification(row(null, c.tenant_id, q.finds, e.address, x.answer, true, at, at + q.keep, 'call ' || c.call_id, c.call_id, x.attempt_id)::dialer.classification)
    from unnest(ended) x join dialer.call c using (call_id) join dialer.campaign g using (campaign_id) join dialer.endpoint e using (endpoint_id)
    join dialer.workflow_step q on q.workflow_id = g.workflow_id and q.name = x.step and q.finds is not null
    where x.answer is not null order by c.call_id;
end $$;
comment on function dialer.keep_answers(dialer.ended_attempt[], timestamptz) is 'What the calls of asking steps have found out, kept for their numbers.';

create function dialer.go_on(call_id bigint, before text, at timestamptz) returns void
language plpgsql volatile as $$
begin
    perform dialer.move_waiting(array[c.call_id], array[coalesce(dialer.next_open_all(at + coalesce(q.wait, '0'), l.openings), 'infinity')], 'next_step')
    from dialer.call c join dialer.campaign g using (campaign_id) join dialer.lane l on l.lane_id = c.lane_id
    left join dialer.workflow_step q on q.workflow_id = g.workflow_id and q.name = before
    where c.call_id = go_on.call_id and c.state = 'scheduled' and c.step is distinct from before and c.wait_reason = 'redial' and l.openings <> '{}';
end $$;
comment on function dialer.go_on(bigint, text, timestamptz) is 'A call that waited to ask again, and need not any more, waits for its next step instead.';

create function dialer.learn_answer(call_id bigint, attempt_id uuid, answer text, source text, at timestamptz) returns bigint
language plpgsql volatile as $$
declare
    asked record;
    noted bigint;
begin
    -- Whoever is ending an attempt of the call comes first.
    perform from dialer.lease l where l.call_id = learn_answer.call_id for update;
    select c.tenant_id, q.name as step, e.address, q.finds, q.keep, coalesce(a.ended_at, at) as known_at into asked
    from dialer.call c left join lateral (select x.step, x.ended_at from dialer.attempt x where x.attempt_id = learn_answer.attempt_id limit 1) a on true join dialer.campaign g using (campaign_id) join dialer.endpoint e using (endpoint_id)
    join dialer.workflow_step q on q.workflow_id = g.workflow_id and q.finds is not null
         and q.name = coalesce(a.step, c.step)
    where c.call_id = learn_answer.call_id;
    if asked.finds is null then
        return null;
    end if;
    noted := dialer.note_classification(row(null, asked.tenant_id, asked.finds, asked.address, answer, true, asked.known_at, asked.known_at + asked.keep, source, call_id, attempt_id)::dialer.classification);
    perform dialer.go_on(call_id, asked.step, at);
    return noted;
end $$;
comment on function dialer.learn_answer(bigint, uuid, text, text, timestamptz) is
'Keeps what became known of a call''s number outside its attempts, and lets the call go on; null: its step does not ask.';

create function dialer.classify_number(address text, result text, expires_at timestamptz default null, source text default 'stated', kind text default 'classification',
    region text default 'US', at timestamptz default dialer.now()) returns bigint
language plpgsql volatile as $$
declare
    known text := dialer.read_address(address, region);
    meant text := coalesce(case when kind = 'classification' then dialer.answer_of(dialer.current_tenant(), kind, '{human,ivr_only,ivr_then_human}', result) end,
        case when kind <> 'classification' then nullif(btrim(result), '') end);
begin
    if meant is null or coalesce(kind, '') !~ '^[a-z][a-z0-9_]{0,62}$' or coalesce(btrim(source), '') = '' or expires_at <= at then
        perform dialer.fail('PD047', format('"%s" is no %s from "%s" until %s', coalesce(result, 'null'), coalesce(nullif(kind, ''), 'classification'), coalesce(source, 'null'), coalesce(expires_at::text, 'for ever')),
            'A number is human, ivr_only or ivr_then_human; a kind of your own is a word in small letters with any answer; it names its source and ends in the future.',
            'E.g. select dialer.classify_number(''+12125550123'', ''ivr_only'', now() + interval ''90 days''); dialer.map_classification teaches another word.');
    end if;
    return dialer.note_classification(row(null, dialer.current_tenant(), kind, known, meant, true, at, classify_number.expires_at, btrim(source), null, null)::dialer.classification);
end $$;
comment on function dialer.classify_number(text, text, timestamptz, text, text, text, timestamptz) is
'Notes what a number is (human, ivr_only, ivr_then_human, or the answer of another kind), until when (null: until something else is known) and from where that is known. Calls of this tenant that wait to ask it go straight to their next step. Errors: PD014 no number, PD047 no such classification.';

create function dialer.forget_classification(address text, kind text default 'classification', region text default 'US') returns boolean
language plpgsql volatile as $$
begin
    update dialer.classification k set active = false
    where k.tenant_id = dialer.current_tenant() and k.address = dialer.read_address(forget_classification.address, region) and k.kind = forget_classification.kind and k.active;
    return found;
end $$;
comment on function dialer.forget_classification(text, text, text) is
'What is known of a number does not hold any more: its row becomes inactive, and calls that wait ask again. False: nothing was known. Error PD014: no number.';

create function dialer.set_classification(call_id bigint, result text, at timestamptz default dialer.now()) returns text
language plpgsql volatile as $$
declare
    asked record;
    meant text;
begin
    select c.call_id, c.step, q.finds, q.answers into asked
    from dialer.call c join dialer.campaign g using (campaign_id)
    left join dialer.workflow_step q on q.workflow_id = g.workflow_id and q.name = c.step and q.finds is not null
    where c.call_id = set_classification.call_id and c.tenant_id = dialer.current_tenant();
    if asked.call_id is null then
        perform dialer.fail('PD028', format('call %s does not exist', coalesce(set_classification.call_id::text, 'null')), null, 'Calls of this tenant are in dialer.call.');
    end if;
    meant := dialer.answer_of(dialer.current_tenant(), asked.finds, asked.answers, result);
    if meant is null then
        perform dialer.fail('PD047', format('"%s" says nothing to the step "%s" of call %s', coalesce(result, 'null'), coalesce(asked.step, 'none'), asked.call_id),
            case when asked.finds is null then 'The call does not ask anything of its number.' else format('It asks for one of: %s.', array_to_string(asked.answers, ', ')) end,
            'dialer.classify_number states what a number is, whatever its calls ask; dialer.map_classification teaches another word.');
    end if;
    perform dialer.release_from_review(asked.call_id, at);
    perform dialer.learn_answer(asked.call_id, null, meant, 'stated of call ' || asked.call_id, at);
    return meant;
end $$;
comment on function dialer.set_classification(bigint, text, timestamptz) is
'What the call of an asking step found out, said by a person or program: kept for the number, and the call goes on. Returns the answer that the word means. Errors: PD028 no such call, PD047 the step does not ask that.';

create function dialer.answers_step(target dialer.call, label text) returns boolean
language sql stable as $$
    select exists (select from dialer.campaign g join dialer.workflow_step q on q.workflow_id = g.workflow_id and q.name = (target).step and q.finds is not null
        where g.campaign_id = (target).campaign_id and dialer.answer_of((target).tenant_id, q.finds, q.answers, label) is not null)
$$;
comment on function dialer.answers_step(dialer.call, text) is 'Whether a label is an answer to what the call''s step asks.';

create function dialer.map_classification(word text, result text, kind text default 'classification', at timestamptz default dialer.now()) returns integer
language plpgsql volatile as $$
declare
    said text := replace(replace(dialer.disposition_key(word), ' ', '_'), '-', '_');
    waiting bigint[];
begin
    if coalesce(said, '') = '' or coalesce(btrim(result), '') = '' or kind = 'classification' and result <> all ('{human,ivr_only,ivr_then_human}') then
        perform dialer.fail('PD047', format('"%s" cannot be given the meaning %s', coalesce(word, 'null'), coalesce(result, 'null')), 'A word means human, ivr_only or ivr_then_human; of another kind, any answer.',
            'Say e.g. select dialer.map_classification(''PHONE_TREE'', ''ivr_then_human'').');
    end if;
    insert into dialer.classification_word (kind, word, result) values (map_classification.kind, said, map_classification.result)
    on conflict on constraint classification_word_pkey do update set result = excluded.result;
    waiting := array(
        select c.call_id from dialer.call c join dialer.campaign g using (campaign_id)
        join dialer.workflow_step q on q.workflow_id = g.workflow_id and q.name = c.step and q.finds = map_classification.kind and map_classification.result = any (q.answers)
        where c.tenant_id = dialer.current_tenant() and (c.state = 'scheduled' and c.wait_reason = 'review' or c.ended_at is null and c.review_word is not null)
          and replace(replace(coalesce(c.review_word, (select dialer.disposition_key(coalesce(a.disposition, a.word)) from dialer.attempt a
                                                       where a.call_id = c.call_id order by a.ended_at desc limit 1)), ' ', '_'), '-', '_') = said
        order by c.call_id);
    delete from dialer.disposition d where d.tenant_id = dialer.current_tenant() and d.outcome is null and replace(replace(d.word, ' ', '_'), '-', '_') = said;
    perform dialer.set_classification(w, map_classification.result, at) from unnest(waiting) w;
    return cardinality(waiting);
end $$;
comment on function dialer.map_classification(text, text, text, timestamptz) is
'Says which answer a provider''s or a business''s word means, for ever, and lets the calls that waited for its review go on; returns how many. Error PD047: no word or no such answer.';
