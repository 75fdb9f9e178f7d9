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
           nullif(c.due_at, 'infinity') as scheduled_for, c.created_at, l.claimed_at as processing_at,
           case when c.state in ('failed', 'expired') then c.ended_at end as failed_at,
           case when c.state in ('failed', 'expired') then c.end_reason end as failure_reason, c.ended_at, c.outcome,
           (select x.provider_call_id from dialer.attempt_all x where x.call_id = c.call_id and x.provider_call_id is not null
            order by x.claimed_at desc limit 1) as call_log_id,
           c.series_id, c.occurrence as occurrence_number, s.next_at as next_run, c.payload as metadata, c.campaign_id, c.contact_id
    from dialer.call c join dialer.campaign g using (campaign_id) join dialer.endpoint e using (endpoint_id)
    left join dialer.lease l on l.call_id = c.call_id and l.state <> 'claimed' left join dialer.series s on s.series_id = c.series_id;
comment on view dialer.scheduled_call_status is
'every call in the words of a call scheduler (scheduled_call_word): pending, processing, completed, cancelled, failed; with can_cancel, is_recurring, scheduled_for, next_run, failure_reason and the provider''s id of the last attempt';
