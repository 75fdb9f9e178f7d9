//! What people have decided, as the simulation itself remembers it: the judge's own book, kept
//! apart from the database and without a line of its arithmetic.

use crate::law::{Consent, Law, LegalTerms, Provision, Statutes};
use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc, Weekday};
use chrono_tz::Tz;
use std::collections::{BTreeMap, BTreeSet};

/// What is wrong comes back as a sentence, so that a mutant's failure can be told from a success.
pub type Verdict<T> = Result<T, String>;

/// Days of the week, as people write them.
#[derive(Clone, Copy, Debug)]
pub struct Days {
    pub text: &'static str,
    pub are: &'static [Weekday],
}

pub const WORKDAYS: Days = Days {
    text: "Mo-Fr",
    are: &[Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri],
};

#[derive(Clone, Copy, Debug)]
pub struct Hours {
    pub days: Days,
    pub opens: u32,
    pub closes: u32,
}

impl std::fmt::Display for Hours {
    fn fmt(&self, to: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(to, "{} {:02}:00-{:02}:00", self.days.text, self.opens, self.closes)
    }
}

/// Opening hours on one wall clock.
#[derive(Clone, Debug)]
pub struct Window {
    pub zone: Tz,
    pub hours: Hours,
    pub closed: BTreeSet<NaiveDate>,
}

impl Window {
    pub fn is_open(&self, at: DateTime<Utc>) -> bool {
        let local = at.with_timezone(&self.zone);
        let Hours { days, opens, closes } = self.hours;
        let open = days.are.contains(&local.weekday()) && (opens..closes).contains(&local.hour());
        open && !self.closed.contains(&local.date_naive())
    }
}

/// Where somebody lives: in which zones it may be, and in which state, if anybody has said.
#[derive(Clone, Debug)]
pub struct Home {
    pub zones: Vec<Tz>,
    pub state: Option<&'static str>,
}

impl Home {
    pub fn of(zone: Tz) -> Home {
        Home { zones: vec![zone], state: None }
    }

    /// The zones as people write them.
    pub fn clocks(&self) -> String {
        self.zones.iter().map(|zone| zone.name()).collect::<Vec<_>>().join(",")
    }
}

/// What is asked of a call, as it stood at an instant: by its campaign and by the law.
#[derive(Clone, Debug)]
pub struct Terms {
    pub windows: Vec<Window>,
    pub legal: LegalTerms,
}

impl Terms {
    pub fn wants_consent(&self, at: DateTime<Utc>) -> bool {
        self.windows.iter().all(|window| window.is_open(at)) && self.legal.wants_consent(at)
    }

    /// Why somebody who was called at those instants may not be called at this one.
    pub fn objection(&self, at: DateTime<Utc>, calls: &[DateTime<Utc>]) -> Option<String> {
        let closed = self.windows.iter().find(|window| !window.is_open(at));
        let closed = closed.map(|window| format!("{at} is outside {window:?}"));
        closed.or_else(|| self.legal.objection(at, calls).map(|why| format!("at {at}, {why}")))
    }
}

/// Whose calls at once are limited.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    Account(i32),
    Tenant,
    Campaign(i64),
    Caller(String),
}

pub type Limits = BTreeMap<Holder, usize>;

#[derive(Clone, Debug)]
pub struct Campaign {
    pub name: &'static str,
    pub running: bool,
    pub over: bool,
    pub opens: u32,
    pub closes: u32,
    /// Hours by the calendar's zone, whoever is called.
    pub fixed: bool,
}

/// A planned call.
#[derive(Clone, Debug)]
pub struct Planned {
    pub number: String,
    pub expires_at: Option<DateTime<Utc>>,
}

/// From and until when numbers that begin so must not be called.
#[derive(Clone, Debug)]
pub struct Ban {
    pub prefix: String,
    pub from: DateTime<Utc>,
    pub to: Option<DateTime<Utc>>,
}

impl Ban {
    pub fn holds(&self, number: &str, at: DateTime<Utc>) -> bool {
        number.starts_with(&self.prefix) && self.from <= at && self.to.is_none_or(|to| at < to)
    }
}

pub const OFFICE: Tz = chrono_tz::America::New_York;

#[derive(Default)]
pub struct Truth {
    pub campaigns: BTreeMap<i64, Campaign>,
    pub calls: BTreeMap<i64, Planned>,
    pub homes: BTreeMap<String, Home>,
    pub statutes: Statutes,
    pub closed: BTreeSet<NaiveDate>,
    pub limits: Limits,
    pub callers: Vec<String>,
    /// Rates of accounts, and since when.
    pub rates: Vec<(DateTime<Utc>, i32, Option<f64>)>,
    pub forbidden: BTreeSet<String>,
    pub bans: Vec<Ban>,
    /// How often a person may be called within an hour, over all campaigns.
    pub hourly: Option<usize>,
    /// Calls that ended with what is final, as far as the dialer was told.
    pub finished: BTreeSet<i64>,
    /// Numbers that were forbidden in the very moment in which a call to them was being planned.
    pub raced: BTreeSet<String>,
}

/// What a decision changes in the book.
#[derive(Clone, Debug)]
pub enum Effect {
    Forbidden(String),
    Banned(Ban),
    Lifted,
    Hourly(Option<usize>),
    Running(i64, bool),
    Over(i64),
    Limit(Holder, Option<usize>),
    Caller(String),
    Rate(i32, Option<f64>),
    Hours(i64, u32, u32),
    Closed(NaiveDate),
    Moved(String, Home),
    LawChosen(Option<i64>, Law),
    LawDropped(Option<i64>),
    LawReads(&'static str, Provision),
    Holiday(NaiveDate),
    Agreed(String, Consent),
    /// Consents and relationships of a purpose; none: of any.
    Withdrawn(String, Option<&'static str>),
    Fixed(i64, bool),
    Finished(i64),
}

impl Truth {
    pub fn apply(&mut self, effect: Effect, now: DateTime<Utc>) {
        match effect {
            Effect::Forbidden(number) => drop(self.forbidden.insert(number)),
            Effect::Banned(ban) => self.bans.push(ban),
            Effect::Lifted => self.bans.clear(),
            Effect::Hourly(limit) => self.hourly = limit,
            Effect::Running(id, running) => self.campaign(id).running = running,
            Effect::Over(id) => {
                self.campaign(id).running = false;
                self.campaign(id).over = true;
            }
            Effect::Limit(holder, Some(limit)) => drop(self.limits.insert(holder, limit)),
            Effect::Limit(holder, None) => drop(self.limits.remove(&holder)),
            Effect::Caller(number) => self.callers.push(number),
            Effect::Rate(account, rate) => self.rates.push((now, account, rate)),
            Effect::Hours(id, opens, closes) => {
                self.campaign(id).opens = opens;
                self.campaign(id).closes = closes;
            }
            Effect::Closed(date) => drop(self.closed.insert(date)),
            Effect::Moved(number, home) => drop(self.homes.insert(number, home)),
            Effect::Fixed(id, fixed) => self.campaign(id).fixed = fixed,
            Effect::Finished(call) => drop(self.finished.insert(call)),
            Effect::LawChosen(whose, law) => drop(self.statutes.laws.insert(whose, law)),
            Effect::LawDropped(whose) => drop(self.statutes.laws.remove(&whose)),
            Effect::LawReads(code, provision) => {
                let mut rules = self.statutes.rules.iter_mut();
                rules.find(|rule| rule.code == code).unwrap().provision = provision;
            }
            Effect::Holiday(date) => drop(self.statutes.holidays.insert(date)),
            Effect::Agreed(number, consent) => {
                self.statutes.consents.entry(number).or_default().push(consent);
            }
            Effect::Withdrawn(number, purpose) => {
                let consents = self.statutes.consents.entry(number).or_default();
                let meant = |one: &&mut Consent| purpose.is_none_or(|of| one.purpose == of);
                for consent in consents.iter_mut().filter(meant) {
                    consent.withdrawn_at = consent.withdrawn_at.or(Some(now));
                }
            }
        }
    }

    fn campaign(&mut self, id: i64) -> &mut Campaign {
        self.campaigns.get_mut(&id).unwrap()
    }

    /// When a campaign may call somebody who lives in a zone.
    pub fn window(&self, campaign: i64, zone: Tz) -> Window {
        let Campaign { opens, closes, fixed, .. } = self.campaigns[&campaign];
        let zone = if fixed { OFFICE } else { zone };
        let hours = Hours { days: WORKDAYS, opens, closes };
        Window { zone, hours, closed: self.closed.clone() }
    }

    pub fn terms(&self, campaign: i64, number: &str) -> Terms {
        let home = &self.homes[number];
        let windows = home.zones.iter().map(|zone| self.window(campaign, *zone));
        Terms { windows: windows.collect(), legal: self.statutes.terms(campaign, number, home) }
    }

    /// The highest rate that an account had in the last minute: what was claimed under a rate may
    /// still go out under it.
    pub fn rate(&self, account: i32, now: DateTime<Utc>) -> Option<f64> {
        let mut highest = None;
        for (since, _, rate) in self.rates.iter().rev().filter(|(_, of, _)| *of == account) {
            let rate = (*rate)?;
            highest = Some(highest.unwrap_or(rate).max(rate));
            if *since < now - chrono::Duration::seconds(60) {
                return highest;
            }
        }
        None
    }
}
