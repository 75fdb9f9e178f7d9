-- The words of others: every call, attempt and campaign in the status names of the systems that pg_dialer replaces.
-- Who uses it: dashboards and programs that were written for those names, the REST API. Nothing here is stored.
-- Each word is computed from our states; docs/cookbook/status-names.md has the tables. Rows are found quickly by
-- call_id, contact_id or campaign_id, and among all calls of a tenant otherwise.

create function dialer.scheduled_call_word(state dialer.call_state) returns text
language sql immutable parallel safe as $$
    select case state when 'scheduled' then 'pending' when 'claimed' then 'processing' when 'in_flight' then 'processing'
                      when 'completed' then 'completed' when 'cancelled' then 'cancelled' else 'failed' end
$$;
comment on function dialer.scheduled_call_word(dialer.call_state) is
'A call in the words of a call scheduler: pending, processing, completed, cancelled, failed (also: expired).
e.g. select dialer.scheduled_call_word(''in_flight'') --> processing';

create view dialer.scheduled_call_status as
    select c.tenant_id, c.call_id, g.name as campaign, e.address as phone_number, dialer.scheduled_call_word(c.state) as status,
           c.state = 'scheduled' as is_pending, c.series_id is not null as is_recurring, c.state = 'scheduled' as can_cancel,
           nullif(c.due_at, 'infinity') as scheduled_for, c.created_at, a.claimed_at as processing_at,
           case when c.state in ('failed', 'expired') then c.ended_at end as failed_at,
           case when c.state in ('failed', 'expired') then c.end_reason end as failure_reason, c.ended_at, c.outcome,
           a.provider_call_id as call_log_id,
           c.series_id, c.occurrence as occurrence_number, s.next_at as next_run, coalesce(c.payload -> 'metadata', '{}') as metadata, c.campaign_id, c.contact_id
    from dialer.call c join dialer.campaign g using (campaign_id) join dialer.endpoint e using (endpoint_id)
    left join dialer.series s on s.series_id = c.series_id
    left join lateral (select (array_agg(x.claimed_at order by x.claimed_at desc))[1] as claimed_at,
                              (array_agg(x.provider_call_id order by x.claimed_at desc) filter (where x.provider_call_id is not null))[1] as provider_call_id
                       from dialer.attempt_all x where x.call_id = c.call_id and x.intended_at is not null) a on true;
comment on view dialer.scheduled_call_status is
'every call in the words of a call scheduler (scheduled_call_word): pending, processing, completed, cancelled, failed; with can_cancel, is_recurring, scheduled_for, next_run, failure_reason, metadata as its sender wrote it, when the last attempt was taken up (processing_at) and the provider''s id of it';

create function dialer.workflow_word(state dialer.call_state, asks boolean, wait_reason text, end_reason text, due boolean, tried boolean) returns text
language sql immutable parallel safe as $$
    select case
        when state = 'completed' then 'completed'
        when state = 'failed' and asks and end_reason ~ '(_failed|technical_retries_spent)$' then 'classification_failed'
        when state in ('failed', 'cancelled', 'expired') then 'failed'
        when state in ('claimed', 'in_flight') then case when asks then 'classifying' else 'calling' end
        when wait_reason = 'next_step' and not asks and not due then 'classification_pending'
        when tried and not due then 'retry_pending'
        when asks then 'needs_classification'
        else 'ready_to_call' end
$$;
comment on function dialer.workflow_word(dialer.call_state, boolean, text, text, boolean, boolean) is
'A call in the words of the machine preclassify. asks: its step is a question; due: its time has come; tried: an attempt of this step has ended. new and checking_classification are passed through while a call is planned; cancelled and expired are failed, with the reason.
e.g. select dialer.workflow_word(''in_flight'', true, null, null, true, false) --> classifying';

create function dialer.workflow_result(word text, wait_reason text, end_reason text, tried boolean) returns text
language sql immutable parallel safe as $$
    select case word
        when 'needs_classification' then case when tried then 'retry_scheduled' else 'needs_classification' end
        when 'classifying' then 'classification_call_triggered'
        when 'classification_pending' then 'still_waiting'
        when 'ready_to_call' then case when tried then 'retry_scheduled' when wait_reason = 'next_step' then 'ready_for_task_call' else 'classification_found' end
        when 'calling' then 'task_call_triggered'
        when 'retry_pending' then 'retry_scheduled'
        when 'completed' then 'skipped'
        else case when end_reason ~ '(_failed|_spent)$' then 'max_retries_exceeded' when end_reason in ('do_not_call', 'campaign_stopped', 'expired') or word = 'new' then 'skipped'
             else 'error' end end
$$;
comment on function dialer.workflow_result(text, text, text, boolean) is
'What processing a call in this state of workflow_word came to, in the words of a scheduler that processes rows one by one: classification_found, needs_classification, classification_call_triggered, still_waiting, ready_for_task_call, task_call_triggered, retry_scheduled, max_retries_exceeded, skipped, error.
e.g. select dialer.workflow_result(''classifying'', null, null, false) --> classification_call_triggered';

create function dialer.failure_text(end_reason text) returns text
language sql immutable parallel safe as $$
    select case when end_reason ~ '(^attempts_spent|_failed)$' then 'Max retries exceeded' else end_reason end
$$;
comment on function dialer.failure_text(text) is 'Why a call failed, in words that others know: attempts that are spent are "Max retries exceeded".
e.g. select dialer.failure_text(''attempts_spent'') --> Max retries exceeded';

create view dialer.workflow_state as
    select c.tenant_id, c.call_id, g.name as campaign, e.address as phone_number, w.word as workflow_state, dialer.workflow_result(w.word, c.wait_reason, c.end_reason, t.tried) as result,
           c.step, k.result as detection, k.classification_id, c.created_at as classification_lookup_at, t.attempts as retry_count, case when s.policy_id is null then y.max_lifetime else s.max_lifetime end as max_retries,
           case when c.state = 'scheduled' then nullif(c.due_at, 'infinity') end as next_action_at, t.last_attempt_at,
           coalesce(t.last_word, case when c.state in ('failed', 'cancelled', 'expired') then c.end_reason end) as last_error,
           case when c.state in ('failed', 'cancelled', 'expired') then c.ended_at end as failed_at,
           case when c.state in ('failed', 'cancelled', 'expired') then dialer.failure_text(c.end_reason) end as failure_reason,
           coalesce(c.workflow_metadata, '{}') as workflow_metadata, c.campaign_id, c.contact_id
    from dialer.call c join dialer.campaign g using (campaign_id) join dialer.redial_policy y using (policy_id) join dialer.endpoint e on e.endpoint_id = c.endpoint_id
    left join dialer.workflow_step q on q.workflow_id = g.workflow_id and q.name = c.step left join dialer.redial_policy s on s.policy_id = q.policy_id
    left join dialer.classification k on k.classification_id = (c.workflow_metadata ->> 'classification_id')::bigint
    cross join lateral (
        select count(*) as attempts, count(*) > 0 as tried, max(a.dialled_at) as last_attempt_at,
               (array_agg(coalesce(a.disposition, a.word, a.outcome::text) order by a.ended_at desc))[1] as last_word
        from dialer.attempt a where a.call_id = c.call_id and a.counts and a.step is not distinct from c.step) t
    cross join lateral (select dialer.workflow_word(c.state, q.finds is not null, c.wait_reason, c.end_reason, c.due_at <= dialer.now(), t.tried) as word) w
    where c.step is not null;
comment on view dialer.workflow_state is
'every call of a campaign with a workflow in the words of the machine preclassify, with the columns that such a system keeps: workflow_state, result, retry_count (attempts of the step), max_retries (of its policy), next_action_at, last_error (what the last attempt of the step came to), failure_reason (Max retries exceeded, or what else ended it), workflow_metadata. Found quickly by call_id, campaign_id or contact_id';

create function dialer.campaign_call_word(state dialer.call_state, attempt dialer.attempt_state) returns text
language sql immutable parallel safe as $$
    select case when state = 'scheduled' then 'scheduled' when state in ('claimed', 'in_flight') then case when attempt = 'answered' then 'in_progress' else 'calling' end
                when state = 'completed' then 'completed' when state = 'cancelled' then 'cancelled' else 'failed' end
$$;
comment on function dialer.campaign_call_word(dialer.call_state, dialer.attempt_state) is
'A call in the words of a campaign scheduler: scheduled, calling, in_progress (answered), completed, failed (also: expired), cancelled.
e.g. select dialer.campaign_call_word(''in_flight'', ''answered'') --> in_progress';

create function dialer.webhook_word(state text, outcome dialer.outcome) returns text
language sql immutable parallel safe as $$
    select case when state = 'answered' then 'in-progress' when state <> 'ended' then 'ringing'
                when dialer.outcome_counts(outcome) and outcome not in ('invalid_number', 'blocked') then 'ended' else 'failed' end
$$;
comment on function dialer.webhook_word(text, dialer.outcome) is
'An attempt in the words of a voice provider''s webhook: ringing (from the claim on), in-progress, ended, failed (nobody could be reached by it).
e.g. select dialer.webhook_word(''ended'', ''busy'') --> ended';

create view dialer.campaign_call_status as
    select c.tenant_id, c.call_id, g.name as campaign, p.name as contact, e.address as phone_number, dialer.campaign_call_word(c.state, l.state) as status,
           case when l.call_id is not null then dialer.webhook_word(l.state::text, null) when c.outcome is not null then dialer.webhook_word('ended', c.outcome) end as webhook_status,
           nullif(c.due_at, 'infinity') as scheduled_time, coalesce(l.placed_at, t.dialled_at) as called_at, c.ended_at, c.outcome, coalesce(c.end_reason, c.wait_reason) as message, c.campaign_id, c.contact_id,
           coalesce(l.provider_call_id, t.provider_call_id) as provider_call_id, t.word
    from dialer.call c join dialer.campaign g using (campaign_id) join dialer.contact p using (contact_id) join dialer.endpoint e on e.endpoint_id = c.endpoint_id
    left join dialer.lease l on l.call_id = c.call_id
    left join lateral (select a.dialled_at, a.provider_call_id, a.word from dialer.attempt a where a.call_id = c.call_id order by a.dialled_at desc limit 1) t on true;
comment on view dialer.campaign_call_status is
'every call in the words of a campaign scheduler (campaign_call_word), and its last attempt in those of a provider''s webhook (webhook_word; null before the first): called_at, provider_call_id, and word, what the provider said at the end of the last that has ended. message: why it ended or waits. Found quickly by call_id, campaign_id or contact_id';

create view dialer.campaign_status as
    select g.tenant_id, g.campaign_id, g.name, g.state = 'running' as is_active, g.state = 'archived' as is_deleted, g.state, g.state_reason
    from dialer.campaign g;
comment on view dialer.campaign_status is 'campaigns as on or off: is_active while running, is_deleted when archived (nothing is ever removed)';

create function dialer.redial_word(state dialer.call_state, day_spent boolean) returns text
language sql immutable parallel safe as $$
    select case when state not in ('scheduled', 'claimed', 'in_flight') then 'completed' when state = 'scheduled' and day_spent then 'daily_max_reached' else 'pending' end
$$;
comment on function dialer.redial_word(dialer.call_state, boolean) is
'A call in the words of a redial queue: pending, daily_max_reached (it waits, and its attempts of the local day are spent), completed (ended, however).
e.g. select dialer.redial_word(''scheduled'', true) --> daily_max_reached';

create view dialer.redial_status as
    select c.tenant_id, c.call_id, g.name as campaign, e.address as phone_number,
           dialer.redial_word(c.state, d.attempts_today >= d.max_today) as status, d.attempts_today, d.max_today,
           upper(c.outcome::text) as outcome, case when c.state = 'scheduled' then nullif(c.due_at, 'infinity') end as next_redial_timestamp, c.created_at, c.ended_at,
           coalesce(c.end_reason, c.wait_reason) as reason, c.campaign_id, c.contact_id
    from dialer.call c join dialer.campaign g using (campaign_id) join dialer.redial_policy y using (policy_id)
    join dialer.endpoint e on e.endpoint_id = c.endpoint_id join dialer.lane l on l.lane_id = c.lane_id
    cross join lateral (
        -- Counted from attempts, whenever it is asked: there is no counter, and nothing to be reset at midnight.
        select m.max_today, case when c.ended_at is null then dialer.dialled_on(y.cap_scope, c.call_id, c.contact_id, c.endpoint_id, c.channel, dialer.now(), l.openings[1].tz) end as attempts_today
        from (select dialer.policy_a_day(y) as max_today) m) d;
comment on view dialer.redial_status is
'every call in the words of a redial queue (redial_word), with the attempts of the contact''s local day and how many are allowed (null: any number), and the next redial. Found quickly by call_id, campaign_id or contact_id';

create view dialer.status_word as
    select v.system, v.thing, v.word, v.ours
    from (values
        ('scheduler', 'call', 'pending', 'scheduled'),
        ('scheduler', 'call', 'processing', 'claimed, in_flight'),
        ('scheduler', 'call', 'completed', 'completed'),
        ('scheduler', 'call', 'cancelled', 'cancelled'),
        ('scheduler', 'call', 'failed', 'failed, expired'),
        ('queue', 'job', 'waiting', 'scheduled, due, and queue and campaign run'),
        ('queue', 'job', 'delayed', 'scheduled, due later'),
        ('queue', 'job', 'paused', 'scheduled, due, and the queue or the campaign rests'),
        ('queue', 'job', 'active', 'claimed, in_flight'),
        ('queue', 'job', 'stalled', 'in_flight, and nobody has looked it up (dialer.stuck)'),
        ('queue', 'job', 'completed', 'completed'),
        ('queue', 'job', 'failed', 'failed, expired'),
        ('queue', 'job', 'removed', 'cancelled'),
        ('workflow', 'call', 'new', 'passed through while a call is planned'),
        ('workflow', 'call', 'checking_classification', 'passed through while a call is planned'),
        ('workflow', 'call', 'needs_classification', 'scheduled, step classify'),
        ('workflow', 'call', 'classifying', 'claimed, in_flight, step classify'),
        ('workflow', 'call', 'classification_pending', 'scheduled, step talk, in the wait after step classify'),
        ('workflow', 'call', 'ready_to_call', 'scheduled, step talk'),
        ('workflow', 'call', 'calling', 'claimed, in_flight, step talk'),
        ('workflow', 'call', 'retry_pending', 'scheduled, tried, due later'),
        ('workflow', 'call', 'completed', 'completed'),
        ('workflow', 'call', 'failed', 'failed, cancelled, expired'),
        ('workflow', 'call', 'classification_failed', 'failed, attempts of step classify are spent'),
        ('workflow', 'detection', 'human', 'classification human'),
        ('workflow', 'detection', 'ivr_only', 'classification ivr_only'),
        ('workflow', 'detection', 'ivr_then_human', 'classification ivr_then_human'),
        ('workflow', 'result', 'classification_found', 'scheduled, step talk, known when it was planned'),
        ('workflow', 'result', 'needs_classification', 'scheduled, step classify, not tried'),
        ('workflow', 'result', 'classification_call_triggered', 'claimed, in_flight, step classify'),
        ('workflow', 'result', 'still_waiting', 'scheduled, step talk, in the wait after step classify'),
        ('workflow', 'result', 'ready_for_task_call', 'scheduled, step talk, the wait is over'),
        ('workflow', 'result', 'task_call_triggered', 'claimed, in_flight, step talk'),
        ('workflow', 'result', 'retry_scheduled', 'scheduled, tried'),
        ('workflow', 'result', 'max_retries_exceeded', 'failed, attempts are spent'),
        ('workflow', 'result', 'skipped', 'completed; cancelled by do-not-call or a stop; expired'),
        ('workflow', 'result', 'error', 'failed otherwise; cancelled by a person'),
        ('campaign', 'call', 'scheduled', 'scheduled'),
        ('campaign', 'call', 'calling', 'claimed, in_flight'),
        ('campaign', 'call', 'in_progress', 'in_flight, attempt answered'),
        ('campaign', 'call', 'completed', 'completed'),
        ('campaign', 'call', 'failed', 'failed, expired'),
        ('campaign', 'call', 'cancelled', 'cancelled'),
        ('campaign', 'webhook', 'ringing', 'attempt claimed, intended, placed, ringing'),
        ('campaign', 'webhook', 'in-progress', 'attempt answered'),
        ('campaign', 'webhook', 'ended', 'attempt ended, any other outcome'),
        ('campaign', 'webhook', 'failed', 'attempt ended, technical outcome, invalid_number or blocked'),
        ('campaign', 'campaign', 'isActive', 'running'),
        ('campaign', 'campaign', 'deletedAt', 'archived'),
        ('redial', 'lead', 'pending', 'scheduled, claimed, in_flight'),
        ('redial', 'lead', 'daily_max_reached', 'scheduled, attempts of the local day are spent'),
        ('redial', 'lead', 'completed', 'completed, failed, cancelled, expired'),
        ('redial', 'outcome', 'SALE', 'outcome sale'),
        ('redial', 'outcome', 'DNC', 'outcome dnc'),
        ('redial', 'outcome', 'TRANSFERRED', 'outcome transferred'),
        ('redial', 'outcome', 'VOICEMAIL', 'outcome voicemail'),
        ('redial', 'outcome', 'NO_ANSWER', 'outcome no_answer'),
        ('redial', 'outcome', 'BUSY', 'outcome busy'),
        ('redial', 'outcome', 'CALLBACK', 'outcome callback')) v(system, thing, word, ours);
comment on view dialer.status_word is 'every status name of the systems that pg_dialer replaces, and what it is here';
