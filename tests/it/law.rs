//! The law: packs of calling rules, which of them hold for whom, and that the strictest wins.

use crate::calling_rule_pack::{Row, pack_of, rules, table};
use crate::dialer::Dialer;
use expect_test::expect;

const LOADED: &str = "select dialer.load_calling_rules('us-2026-11'); select dialer.load_calling_rules('world-2026-11')";

/// A campaign that is open around the clock with a policy without caps, and both packs loaded.
async fn around_the_clock() -> Dialer {
    let dialer = Dialer::open().await;
    dialer.run(LOADED).await;
    dialer
        .run(
            "select dialer.create_redial_policy('eager', '{0,1 min}');
             select dialer.create_campaign('any', 'voice', '24/7', policy => 'eager'); select dialer.start_campaign('any');
             update dialer.provider_account set max_concurrent = 100",
        )
        .await;
    dialer
}

/// Days of the week in the words of the table of rules, Monday first.
fn days(set: &str) -> Vec<usize> {
    const NAMES: [&str; 7] = ["mo", "tu", "we", "th", "fr", "sa", "su"];
    let place = |name: &str| NAMES.iter().position(|known| *known == name).unwrap();
    set.split('+')
        .filter(|part| *part != "holidays")
        .flat_map(|part| match part.split_once('-') {
            Some((from, to)) => (place(from)..=place(to)).collect::<Vec<_>>(),
            None => vec![place(part)],
        })
        .collect()
}

/// For each weekday of a week without holidays: the hours that the rows of a rule, as they were
/// read, allow.
fn windows(rule: &Row, all: &[Row]) -> Vec<Vec<(String, String)>> {
    let read = table("calling_rules.csv");
    let same =
        |row: &&Row| row["jurisdiction"] == rule["jurisdiction"] && row["scope"] == rule["scope"];
    let mut week = vec![Vec::new(); 7];
    let own: Vec<&Row> = read.iter().filter(same).filter(|row| days_are_told(row)).collect();
    // Two offices may say the same of the same: each row stands for itself then.
    let is_split = all
        .iter()
        .any(|other| other["not_enforced"] == format!("in force as part of {}", rule["code"]));
    for row in own
        .iter()
        .filter(|row| is_split || row["source"] == rule["source"] || rule["source"] == "same")
    {
        for day in days(&row["day_set"]) {
            week[day].push((row["start"].clone(), row["end"].clone()));
        }
    }
    week
}

fn days_are_told(row: &Row) -> bool {
    !row["day_set"].is_empty() && row["day_set"] != "none"
}

// R056, R052, R053, C25: each rule of hours as it was read, at its edges on each day of the week.
#[tokio::test]
async fn each_rule_opens_and_closes_when_its_source_says() {
    let dialer = around_the_clock().await;
    let all = rules();
    let mut checked = 0;
    let mut questions = Vec::new();
    for rule in
        all.iter().filter(|rule| rule["provision"] == "window" && rule["reading"].is_empty())
    {
        // What the old text of Canada says of weekends, and Nebraska of other days, stands in remarks.
        let remarks = ["ca-automated", "us-ne-automated"].contains(&rule["code"].as_str());
        let zone = if rule["tz"].is_empty() { "Pacific/Auckland" } else { rule["tz"].as_str() };
        for (day, spans) in windows(rule, &all).iter().enumerate() {
            if remarks && spans.is_empty() {
                continue;
            }
            let date = format!("2027-03-{:02}", 8 + day);
            let mut ask = |time: &str, seconds: i32, open: bool| {
                questions.push(format!(
                    "('{}', '{}', ('{date} {time}'::timestamp + interval '{seconds} seconds') at time zone '{zone}', {open})",
                    pack_of(rule), rule["code"]
                ));
            };
            for (start, end) in spans {
                ask(start, -1, false);
                ask(start, 0, true);
                ask(end, -1, true);
                ask(end, 0, false);
                checked += 1;
            }
            if spans.is_empty() {
                ["00:00", "09:00", "12:00", "18:30", "23:59"]
                    .iter()
                    .for_each(|time| ask(time, 0, false));
            }
        }
    }
    assert!(checked > 250, "{checked} windows");
    let asked = questions.join(",\n");
    dialer
        .check(
            &format!(
                "select q.code, q.at, q.open from (values {asked}) q(pack, code, at, open) left join dialer.calling_rule r using (pack, code)
                 where dialer.is_open_all(q.at, dialer.rule_openings(r, '{{Pacific/Auckland}}')) is distinct from q.open order by 1, 2"
            ),
            expect![[""]],
        )
        .await;
}

// R056: a rule with holidays is closed on each of them, open on an ordinary day, and closed where its list ends.
#[tokio::test]
async fn holidays_close_and_a_list_that_has_ended_does_too() {
    let dialer = around_the_clock().await;
    dialer
        .check(
            "select r.code, count(*), count(*) filter (where h.shut) from dialer.calling_rule r cross join lateral (
                 select not exists (select from generate_series(0, 23) n
                     where dialer.is_open_all((d.closed_on + make_interval(hours => n)) at time zone coalesce(r.tz, 'UTC'), dialer.rule_openings(r, '{UTC}'))) as shut
                 from dialer.legal_holiday d where d.list = r.holidays) h
             where r.holidays is not null and r.holiday_hours is null group by 1 having count(*) <> count(*) filter (where h.shut) or count(*) < 30 order by 1",
            expect![""],
        )
        .await;
    let open = |at: &str, code: &str| {
        format!(
            "select dialer.is_open_all('{at} UTC', dialer.rule_openings(r, '{{UTC}}')) from dialer.calling_rule r where r.code = '{code}'"
        )
    };
    // Pioneer Day of Utah; the day that the governor of Louisiana proclaimed; a Sunday and a holiday of Nebraska.
    dialer.check(&open("2026-07-24 12:00", "us-ut"), expect!["f"]).await;
    dialer.check(&open("2026-07-23 12:00", "us-ut"), expect!["t"]).await;
    dialer.check(&open("2026-12-28 12:00", "us-la"), expect!["t"]).await;
    dialer.check("select dialer.add_legal_holidays('US-LA', '{2026-12-28}', 'proclaimed by the governor')", expect!["1"]).await;
    dialer.check(&open("2026-12-28 12:00", "us-la"), expect!["f"]).await;
    // Added by mistake; Christmas is the pack's and stays.
    dialer
        .check(
            "select dialer.remove_legal_holidays('US-LA', '{2026-12-28,2026-12-25}')",
            expect!["1"],
        )
        .await;
    dialer.check(&open("2026-12-28 12:00", "us-la"), expect!["t"]).await;
    dialer.check(&open("2026-12-25 12:00", "us-la"), expect!["f"]).await;
    dialer.check(&open("2026-12-25 12:59:59", "us-ne-automated"), expect!["f"]).await;
    dialer.check(&open("2026-12-25 13:00", "us-ne-automated"), expect!["t"]).await;
    dialer.check(&open("2026-12-27 12:59:59", "us-ne-automated"), expect!["f"]).await;
    // Nobody has listed the holidays of 2032.
    dialer.check(&open("2031-12-30 12:00", "us-la"), expect!["t"]).await;
    dialer.check(&open("2032-01-07 12:00", "us-la"), expect!["f"]).await;
    dialer.check(&open("2032-01-07 12:00", "us-fl"), expect!["t"]).await;
}

/// Each cap with one attempt less than it allows, and with as many.
const TRY_EACH_CAP: &str = "create table tried (code text, made integer, callable_at timestamptz);
             create function pg_temp.attempted(k dialer.capping, made integer, at timestamptz) returns timestamptz language plpgsql as $$
             declare outcome_ dialer.outcome := case k.counts when 'refusals' then 'not_interested' when 'hang_ups' then 'rejected' when 'conversations' then 'sale'
                 when 'answered' then 'voicemail' else 'no_answer' end;
             begin
                 insert into dialer.attempt (attempt_id, call_id, tenant_id, campaign_id, account_id, contact_id, endpoint_id, channel, outcome, counts, dispatcher, due_at,
                     claimed_at, place_at, ended_at, dialled_at, decision)
                 select gen_random_uuid(), c.call_id, c.tenant_id, c.campaign_id, 1, c.contact_id, c.endpoint_id, 'voice', outcome_, true, 'test', x.t, x.t, x.t, x.t, x.t, '{}'
                 from dialer.call c cross join lateral (select at - interval '10 minutes' * n as t from generate_series(1, made) n) x;
                 return (dialer.capped(array[k], '{America/New_York}', c.contact_id, c.endpoint_id, c.campaign_id, 'voice', null, at)).callable_at from dialer.call c;
             end $$;
             do $$
             declare r dialer.calling_rule; made_ integer; found timestamptz; n integer;
             begin
                 for r in select * from dialer.calling_rule where provision = 'cap' order by code loop
                     n := case when ((r.capping).cap).kind = 'cooldown_dates' then 1 else ((r.capping).cap).max_count end;
                     for made_ in n - 1 .. n loop
                         begin
                             found := pg_temp.attempted(r.capping, made_, '2026-12-04 17:00+00');
                             raise exception using errcode = 'PD099', message = found::text;
                         exception when sqlstate 'PD099' then insert into tried values (r.code, made_, sqlerrm::timestamptz);
                         end;
                     end loop;
                 end loop;
             end $$";

// R062, C14, C19: each cap of the packs at its n-th attempt and before it.
#[tokio::test]
async fn each_cap_allows_as_many_as_it_says_and_not_one_more() {
    let dialer = around_the_clock().await;
    dialer
        .run("select dialer.schedule_call('any', '+13055550101', tz => 'America/New_York')")
        .await;
    dialer.run(TRY_EACH_CAP).await;
    dialer
        .check(
            "select code, made, case when callable_at = '2026-12-04 17:00+00' then 'now' else callable_at::text end from tried order by code, made",
            expect![[r#"
                fr-4-in-30 | 3 | now
                fr-4-in-30 | 4 | 2027-01-03 00:00:00-05
                fr-after-refusal | 0 | now
                fr-after-refusal | 1 | 2027-02-03 00:00:00-05
                us-bank-alert | 2 | now
                us-bank-alert | 3 | 2026-12-07 00:00:00-05
                us-debt-7-in-7 | 6 | now
                us-debt-7-in-7 | 7 | 2026-12-11 00:00:00-05
                us-debt-after-conversation | 0 | now
                us-debt-after-conversation | 1 | 2026-12-11 00:00:00-05
                us-fl-3-in-24h | 2 | now
                us-fl-3-in-24h | 3 | 2026-12-05 11:30:00-05
                us-health-line-day | 0 | now
                us-health-line-day | 1 | 2026-12-05 00:00:00-05
                us-health-line-week | 2 | now
                us-health-line-week | 3 | 2026-12-11 00:00:00-05
                us-health-mobile-day | 0 | now
                us-health-mobile-day | 1 | 2026-12-05 00:00:00-05
                us-health-mobile-week | 2 | now
                us-health-mobile-week | 3 | 2026-12-11 00:00:00-05
                us-informational | 2 | now
                us-informational | 3 | 2027-01-03 00:00:00-05
                us-ma-debt-2-in-7 | 1 | now
                us-ma-debt-2-in-7 | 2 | 2026-12-11 00:00:00-05
                us-md-3-in-24h | 2 | now
                us-md-3-in-24h | 3 | 2026-12-05 11:30:00-05
                us-me-automated-8h | 0 | now
                us-me-automated-8h | 1 | 2026-12-04 19:50:00-05
                us-noncommercial | 2 | now
                us-noncommercial | 3 | 2027-01-03 00:00:00-05
                us-nonprofit | 2 | now
                us-nonprofit | 3 | 2027-01-03 00:00:00-05
                us-nv-automated-hang-up | 0 | now
                us-nv-automated-hang-up | 1 | infinity
                us-nyc-debt-3-in-7 | 2 | now
                us-nyc-debt-3-in-7 | 3 | 2026-12-11 00:00:00-05
                us-ok-3-in-24h | 2 | now
                us-ok-3-in-24h | 3 | 2026-12-05 11:30:00-05
                us-or-3-in-24h | 2 | now
                us-or-3-in-24h | 3 | 2026-12-05 11:30:00-05
                us-wa-debt-3-in-7 | 2 | now
                us-wa-debt-3-in-7 | 3 | 2026-12-11 00:00:00-05
                us-wv-debt-10-conversations | 9 | now
                us-wv-debt-10-conversations | 10 | 2026-12-11 00:00:00-05
                us-wv-debt-30-in-7 | 29 | now
                us-wv-debt-30-in-7 | 30 | 2026-12-11 00:00:00-05"#]],
        )
        .await;
}
