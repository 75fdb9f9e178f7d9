-- Reach of bans: for which dates the lists of bans are complete, and the calls that lie beyond.
-- Who uses it: planning refuses what lies beyond; explain and doctor tell of it.
-- Invariants kept: 6 (a list that ended is not taken for a year without bans).

create function dialer.bans_reach(campaign_id bigint) returns datemultirange
language sql stable as $$
    select range_intersect_agg(r.loaded)
    from dialer.campaign c join dialer.closure_range r on r.tenant_id = c.tenant_id and (r.calendar_id is null or r.calendar_id = c.calendar_id)
    where c.campaign_id = bans_reach.campaign_id and r.kind = 'ban'
$$;
comment on function dialer.bans_reach(bigint) is 'The dates for which all imported lists of bans of a campaign are complete; null if none was imported.';

create function dialer.reach_text(reach datemultirange) returns text
language sql immutable as $$
    select coalesce(string_agg(format('%s to %s', lower(r), upper(r) - 1), ' and ' order by lower(r)), 'no date') from unnest(reach) r
$$;
comment on function dialer.reach_text(datemultirange) is 'A range of dates in words.';

create function dialer.within_bans(campaign_id bigint, reach datemultirange, due_at timestamptz, zones text[]) returns boolean
language plpgsql stable as $$
declare beyond date;
begin
    if reach is null or due_at is null or not isfinite(due_at) then
        return true;
    end if;
    select (within_bans.due_at at time zone z)::date into beyond from unnest(zones) z where not reach @> (within_bans.due_at at time zone z)::date limit 1;
    if beyond is not null then
        perform dialer.fail('PD017', format('bans are not loaded for %s', beyond),
            format('The call would be due on that date; the bans of campaign "%s" are loaded for %s.',
                (select c.name from dialer.campaign c where c.campaign_id = within_bans.campaign_id), dialer.reach_text(reach)),
            'Import the bans of that year with dialer.import_closures, or plan an earlier time.');
    end if;
    return true;
end $$;
comment on function dialer.within_bans(bigint, datemultirange, timestamptz, text[]) is
'True where bans are loaded for the local date of a due time in all zones, or where no list of bans was imported. Error PD017: bans are not loaded for the date.';

create function dialer.check_bans(lane_id bigint, due_at timestamptz) returns boolean
language sql stable as $$
    select dialer.within_bans(l.campaign_id, dialer.bans_reach(l.campaign_id), check_bans.due_at, array(select o.tz from unnest(l.openings) o))
    from dialer.lane l where l.lane_id = check_bans.lane_id
$$;
comment on function dialer.check_bans(bigint, timestamptz) is 'within_bans for a call of a lane. Error PD017.';

create function dialer.bans_gap(campaign_id bigint, at timestamptz, tz text) returns text
language sql stable as $$
    select format('bans are not loaded for %s, only for %s', g.on_, dialer.reach_text(g.reach))
    from (select (bans_gap.at at time zone tz)::date as on_, dialer.bans_reach(bans_gap.campaign_id) as reach) g
    where isfinite(bans_gap.at) and not g.reach @> g.on_
$$;
comment on function dialer.bans_gap(bigint, timestamptz, text) is 'That bans are not loaded for the local date of an instant, in words; null if they are, or if no list of bans was imported.';

create function dialer.bans_short() returns table (campaign text, loaded text, calls bigint, last_on date)
language sql stable as $$
    select g.name, dialer.reach_text(r.reach), count(*), max(d.on_)
    from dialer.campaign g cross join lateral (select dialer.bans_reach(g.campaign_id) as reach) r
    join dialer.call c on c.campaign_id = g.campaign_id and c.state = 'scheduled' and c.due_at < 'infinity'
    join dialer.lane l on l.lane_id = c.lane_id and l.openings <> '{}'
    cross join lateral (select (c.due_at at time zone l.openings[1].tz)::date as on_) d
    where r.reach is not null and not r.reach @> d.on_
    group by g.name, r.reach order by g.name
$$;
comment on function dialer.bans_short() is
'Campaigns with calls that wait for a date for which their bans are not loaded: how many calls, and the last date. Redials get there by themselves when a list of bans ends.';
