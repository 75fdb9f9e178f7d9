//! The people around a dialer: they change limits, hours and minds at any moment.
//!
//! Draws a decision: what to tell the database, and what then goes into the judge's book.

use crate::chance::Chance;
use crate::truth::{Ban, Campaign, Effect, Holder, Home, Truth};
use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;

pub const ZONES: [Tz; 4] = [
    chrono_tz::America::New_York,
    chrono_tz::America::Denver,
    chrono_tz::America::Phoenix,
    chrono_tz::Pacific::Honolulu,
];
pub const ACCOUNTS: [&str; 2] = ["voice", "second"];

pub struct Decision {
    pub what: &'static str,
    pub sql: String,
    pub effects: Vec<Effect>,
}

pub fn decision(what: &'static str, sql: String, effects: Vec<Effect>) -> Decision {
    Decision { what, sql, effects }
}

/// A statement that may be refused, because the call is being placed or has ended, or the time is
/// past.
fn if_allowed(sql: &str) -> String {
    format!(
        "do $$ begin perform {sql}; exception when sqlstate 'PD027' or sqlstate 'PD029' then null; end $$"
    )
}

fn contact_moves(chance: &mut Chance, number: String) -> Decision {
    let zone = *chance.pick(&ZONES);
    let sql = format!(
        "update dialer.contact p set zones = '{{{zone}}}', zone_source = 'stated' from dialer.endpoint e where e.contact_id = p.contact_id and e.address = '{number}'"
    );
    decision("a contact moves", sql, vec![Effect::Moved(number, Home::of(zone))])
}

/// What authorities and the tenant decide about everybody's calls.
pub fn decide_rules(
    chance: &mut Chance,
    truth: &Truth,
    now: DateTime<Utc>,
    busy: &[String],
) -> Decision {
    let numbers: Vec<String> = truth.homes.keys().cloned().collect();
    let number = chance.pick(if busy.is_empty() { &numbers } else { busy }).clone();
    match chance.below(8) {
        0..3 => {
            let prefix = number[..*chance.pick(&[4, 11, number.len()])].to_owned();
            let from = now + Duration::seconds(*chance.pick(&[0, 0, 1, 3]));
            let to = chance.pick(&[Some(20), Some(60), Some(600), None]).map(Duration::seconds);
            let to = to.map(|lasts| from + lasts);
            let until = to.map_or("null".to_owned(), |to| format!("'{to}'"));
            decision(
                "calls are banned",
                format!(
                    "select dialer.declare_ban('storm', area_codes => '{{{prefix}}}', from_at => '{from}', to_at => {until})"
                ),
                vec![Effect::Banned(Ban { prefix, from, to })],
            )
        }
        3 | 4 => decision(
            "bans are lifted",
            "select dialer.lift_ban(ban_id) from dialer.ban where lifted_at is null and coalesce(to_at, 'infinity') > dialer.now()".to_owned(),
            vec![Effect::Lifted],
        ),
        5 => {
            let limit = *chance.pick(&[Some(1), Some(2), None]);
            let sql = match limit {
                Some(limit) => {
                    format!("select dialer.set_tenant_cap('hour', {limit}, 'rolling', 3600)")
                }
                None => "select dialer.remove_tenant_cap(name) from dialer.tenant_cap".to_owned(),
            };
            decision("another cap of the tenant", sql, vec![Effect::Hourly(limit)])
        }
        _ => contact_moves(chance, number),
    }
}

/// One decision. `busy` are the numbers that are just being called: the most telling moment.
pub fn decide(chance: &mut Chance, truth: &Truth, now: DateTime<Utc>, busy: &[String]) -> Decision {
    let numbers: Vec<&String> = truth.homes.keys().collect();
    let anybody = (*chance.pick(&numbers)).clone();
    let number =
        if !busy.is_empty() && chance.happens(60) { chance.pick(busy).clone() } else { anybody };
    match chance.below(30) {
        0 => decision(
            "do not call",
            format!("select dialer.add_do_not_call('{number}')"),
            vec![Effect::Forbidden(number)],
        ),
        1..5 => campaign_state(chance, truth),
        5..14 => go_on(chance, truth),
        14..20 => limits(chance, truth),
        20..24 => hours(chance, truth, now),
        24 | 25 => contact_moves(chance, number),
        _ => call(chance, truth, now, &number),
    }
}

fn campaign<'a>(chance: &mut Chance, truth: &'a Truth) -> (i64, &'a Campaign) {
    let alive: Vec<i64> =
        truth.campaigns.iter().filter(|(_, one)| !one.over).map(|(id, _)| *id).collect();
    let id = *chance.pick(&alive);
    (id, &truth.campaigns[&id])
}

fn campaign_state(chance: &mut Chance, truth: &Truth) -> Decision {
    let (id, Campaign { name, fixed, .. }) = campaign(chance, truth);
    if *name == "autumn" && chance.happens(10) {
        let stop = format!("select dialer.stop_campaign('{name}')");
        return decision("a campaign is stopped", stop, vec![Effect::Over(id)]);
    }
    if chance.happens(30) {
        let rule = if *fixed { "contact" } else { "fixed" };
        let sql = format!("update dialer.campaign set zone_rule = '{rule}' where name = '{name}'");
        return decision("another zone rule", sql, vec![Effect::Fixed(id, !fixed)]);
    }
    let running = truth.campaigns[&id].running;
    let sql = match running {
        true => format!("select dialer.pause_campaign('{name}')"),
        false => format!("select dialer.start_campaign('{name}')"),
    };
    decision("pause or resume", sql, vec![Effect::Running(id, !running)])
}

fn go_on(chance: &mut Chance, truth: &Truth) -> Decision {
    let alive = truth.campaigns.iter().filter(|(_, campaign)| !campaign.over);
    let alive: Vec<(i64, &str)> = alive.map(|(id, campaign)| (*id, campaign.name)).collect();
    let mut sql = String::new();
    if chance.happens(70) {
        sql += "select dialer.reopen_account('voice'), dialer.reopen_account('second');";
    }
    for (_, name) in &alive {
        sql += &format!("select dialer.start_campaign('{name}');");
    }
    decision(
        "everything goes on",
        sql,
        alive.iter().map(|(id, _)| Effect::Running(*id, true)).collect(),
    )
}

fn limits(chance: &mut Chance, truth: &Truth) -> Decision {
    let account = chance.below(2);
    let (name, id) = (ACCOUNTS[account], i32::try_from(account + 1).unwrap());
    let limit = *chance.pick(&[0, 1, 2, 2, 3, 3, 3, 4, 4, 4, 6]);
    let perhaps = Some(limit).filter(|_| chance.happens(60));
    let null = perhaps.map_or("null".to_owned(), |limit: usize| limit.to_string());
    match chance.below(7) {
        0 => {
            let reserve = usize::from(limit > 1 && chance.happens(30));
            decision(
                "another limit of an account",
                format!(
                    "update dialer.provider_account set max_concurrent = {limit}, inbound_reserve = {reserve} where name = '{name}'"
                ),
                vec![Effect::Limit(Holder::Account(id), Some(limit - reserve))],
            )
        }
        1 => {
            let limit = limit.max(2);
            decision(
                "another limit of an account",
                format!(
                    "select dialer.set_limits('{name}', {limit}); update dialer.provider_account set inbound_reserve = 0 where name = '{name}'"
                ),
                vec![Effect::Limit(Holder::Account(id), Some(limit))],
            )
        }
        2 => decision(
            "another limit of the tenant",
            format!("select dialer.set_tenant_limits('default', {null})"),
            vec![Effect::Limit(Holder::Tenant, perhaps)],
        ),
        3 => {
            let (id, Campaign { name, .. }) = campaign(chance, truth);
            decision(
                "another limit of a campaign",
                format!("update dialer.campaign set max_concurrent = {null} where name = '{name}'"),
                vec![Effect::Limit(Holder::Campaign(id), perhaps)],
            )
        }
        4 | 5 => {
            let number = *chance.pick(&["+12125550001", "+12125550002"]);
            decision(
                "a caller id",
                format!("select dialer.add_caller_id('voice', '{number}', {null})"),
                vec![
                    Effect::Caller(number.to_owned()),
                    Effect::Limit(Holder::Caller(number.to_owned()), perhaps),
                ],
            )
        }
        _ => {
            let rate = *chance.pick(&[None, None, Some(0.5), Some(1.0), Some(2.0)]);
            let per_second = rate.map_or("null".to_owned(), |rate: f64| rate.to_string());
            decision(
                "another rate",
                format!(
                    "update dialer.provider_account set per_second = {per_second} where name = '{name}'"
                ),
                vec![Effect::Rate(id, rate)],
            )
        }
    }
}

fn hours(chance: &mut Chance, truth: &Truth, now: DateTime<Utc>) -> Decision {
    let day = now.date_naive() + Duration::days(i64::try_from(chance.below(4)).unwrap());
    if chance.happens(10) && truth.closed.len() < 3 {
        let sql = format!("select dialer.add_closures(null, '{{{day}}}')");
        return decision("a holiday", sql, vec![Effect::Closed(day)]);
    }
    let (id, Campaign { name, .. }) = campaign(chance, truth);
    let (opens, closes) =
        *chance.pick(&[(11, 20), (11, 20), (11, 20), (12, 18), (13, 17), (9, 21)]);
    decision(
        "other hours",
        format!(
            "update dialer.calendar set hours = 'Mo-Fr {opens:02}:00-{closes:02}:00' where name = 'campaign {name}'"
        ),
        vec![Effect::Hours(id, opens, closes)],
    )
}

fn call(chance: &mut Chance, truth: &Truth, now: DateTime<Utc>, number: &str) -> Decision {
    let own = truth.calls.iter().filter(|(_, call)| call.number == number);
    let calls: Vec<i64> = own.map(|(id, _)| *id).collect();
    let id = *chance.pick(&calls);
    let later = now + Duration::seconds(*chance.pick(&[30, 60, 600, 3600]));
    match chance.below(9) {
        0 => decision(
            "a call is moved",
            if_allowed(&format!("dialer.reschedule_call({id}, '{later}')")),
            Vec::new(),
        ),
        1 => decision(
            "a callback is wanted",
            if_allowed(&format!("dialer.request_callback({id}, '{later}')")),
            Vec::new(),
        ),
        2 => decision(
            "calls are spread again",
            format!("select dialer.restagger('{{{}, {id}}}', '{now}', '5 s')", calls[0]),
            Vec::new(),
        ),
        3 | 8 => decision(
            "a sale",
            format!("select dialer.set_disposition({id}, 'SALE')"),
            vec![Effect::Finished(id)],
        ),
        4 => decision(
            "a label that is not final",
            format!("select dialer.set_disposition({id}, 'NOT_INTERESTED')"),
            Vec::new(),
        ),
        5 => decision(
            "a word is explained",
            "select dialer.map_disposition('MYSTERY', 'not_interested')".to_owned(),
            Vec::new(),
        ),
        6 => decision(
            "wishes are computed again",
            "select dialer.recompute_due()".to_owned(),
            Vec::new(),
        ),
        _ => decision(
            "a call is cancelled",
            if_allowed(&format!("dialer.cancel_call({id})")),
            Vec::new(),
        ),
    }
}
