//! The law of the simulation: a small pack of calling rules as an owner would load one, and the
//! judge's own reading of it. Written from docs/compliance.md, and without a line of the database's
//! arithmetic: whose rules hold, what they ask, and who is excepted from them, from when until when.

use crate::truth::{Days, Home, Hours, Window};
use chrono::{DateTime, Duration, NaiveDate, Utc, Weekday};
use chrono_tz::Tz;
use std::collections::{BTreeMap, BTreeSet};

pub const PACK: &str = "sim-2027";
/// Of whom this list of holidays is.
pub const HOLIDAYS: &str = "SIM-HI";
/// Under which consents are recorded; a campaign names one of them.
pub const PURPOSES: [&str; 2] = ["offers", "service"];
pub const STATES: [&str; 5] = ["US-NY", "US-CO", "US-HI", "US-AZ", "CA-ON"];
/// Area codes, and where their numbers are: the last is nobody's.
pub const AREAS: [(&str, Option<&str>); 6] = [
    ("212", Some("US-NYC")),
    ("303", Some("US-CO")),
    ("808", Some("US-HI")),
    ("480", Some("US-AZ")),
    ("416", Some("CA-ON")),
    ("800", None),
];

pub const EVERY_DAY: Days = Days {
    text: "Mo-Su",
    are: &[
        Weekday::Mon,
        Weekday::Tue,
        Weekday::Wed,
        Weekday::Thu,
        Weekday::Fri,
        Weekday::Sat,
        Weekday::Sun,
    ],
};
/// The law of a state has a day without calls.
pub const NOT_FRIDAYS: Days = Days {
    text: "Mo-Th,Sa,Su",
    are: &[Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Sat, Weekday::Sun],
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Consent,
    Relationship,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Kind::Consent => "consent",
            Kind::Relationship => "relationship",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub enum Provision {
    Hours(Hours),
    /// So many attempts in any so many seconds.
    Rolling(usize, i64),
    /// So many attempts a local date.
    Daily(usize),
}

#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub code: &'static str,
    pub place: &'static str,
    pub purposes: &'static [&'static str],
    pub provision: Provision,
    /// The rule's own zone; else that of the person.
    pub zone: Option<Tz>,
    pub has_holidays: bool,
    pub exempt: &'static [Kind],
    /// How old a relationship may be.
    pub within_hours: Option<i64>,
}

const SALES: &[&str] = &["telemarketing"];
const BOTH: &[Kind] = &[Kind::Consent, Kind::Relationship];

const fn rule(code: &'static str, place: &'static str, provision: Provision) -> Rule {
    Rule {
        code,
        place,
        purposes: SALES,
        provision,
        zone: None,
        has_holidays: false,
        exempt: &[],
        within_hours: None,
    }
}

const fn hours(days: Days, opens: u32, closes: u32) -> Provision {
    Provision::Hours(Hours { days, opens, closes })
}

fn pack() -> Vec<Rule> {
    vec![
        Rule {
            exempt: BOTH,
            within_hours: Some(40),
            ..rule("sim-us", "US", hours(EVERY_DAY, 12, 19))
        },
        Rule { exempt: &[Kind::Consent], ..rule("sim-ny", "US-NY", hours(NOT_FRIDAYS, 11, 18)) },
        Rule {
            exempt: &[Kind::Relationship],
            ..rule("sim-nyc-often", "US-NYC", Provision::Rolling(1, 7200))
        },
        Rule {
            exempt: BOTH,
            within_hours: Some(16),
            ..rule("sim-co", "US-CO", hours(EVERY_DAY, 13, 17))
        },
        rule("sim-co-often", "US-CO", Provision::Rolling(2, 3600)),
        Rule {
            zone: Some(chrono_tz::Pacific::Honolulu),
            has_holidays: true,
            ..rule("sim-hi", "US-HI", hours(EVERY_DAY, 11, 16))
        },
        Rule { exempt: &[Kind::Consent], ..rule("sim-hi-often", "US-HI", Provision::Daily(1)) },
        Rule {
            purposes: &["telemarketing", "prerecorded"],
            exempt: &[Kind::Consent],
            ..rule("sim-az-voice", "US-AZ", hours(EVERY_DAY, 14, 16))
        },
    ]
}

/// A place and those that it lies in.
fn within(place: &str) -> Vec<&str> {
    match place {
        "US-NYC" => vec!["US-NYC", "US-NY", "US"],
        _ => vec![place, &place[..2]],
    }
}

/// A choice of law.
#[derive(Clone, Debug)]
pub struct Law {
    pub purposes: &'static [&'static str],
    /// Whose consents lift rules.
    pub exempt: Option<&'static str>,
    /// Countries of which the pack does not speak are open.
    pub open_elsewhere: bool,
}

/// What somebody has agreed to, or since when they are a customer.
#[derive(Clone, Debug)]
pub struct Consent {
    pub kind: Kind,
    pub purpose: &'static str,
    pub given_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub withdrawn_at: Option<DateTime<Utc>>,
}

impl Consent {
    /// From when until when it lifts a rule that such consents lift.
    fn span(&self, rule: &Rule) -> (DateTime<Utc>, DateTime<Utc>) {
        let aged = rule.within_hours.filter(|_| self.kind == Kind::Relationship);
        let aged = aged.map(|hours| self.given_at + Duration::hours(hours));
        let ends = [self.expires_at, self.withdrawn_at, aged].into_iter().flatten().min();
        (self.given_at, ends.unwrap_or(DateTime::<Utc>::MAX_UTC))
    }
}

/// The judge's book of law.
pub struct Statutes {
    pub rules: Vec<Rule>,
    pub holidays: BTreeSet<NaiveDate>,
    /// The choice of the tenant (none) and of campaigns, which replaces it.
    pub laws: BTreeMap<Option<i64>, Law>,
    pub consents: BTreeMap<String, Vec<Consent>>,
}

impl Default for Statutes {
    fn default() -> Statutes {
        Statutes {
            rules: pack(),
            holidays: BTreeSet::new(),
            laws: BTreeMap::new(),
            consents: BTreeMap::new(),
        }
    }
}

impl Statutes {
    /// What the law asks of calls of a campaign to somebody, as it stands now.
    pub fn terms(&self, campaign: i64, number: &str, home: &Home) -> LegalTerms {
        let Some(law) = self.laws.get(&Some(campaign)).or_else(|| self.laws.get(&None)) else {
            return LegalTerms::default();
        };
        let places = places(number, home);
        if places.is_empty() {
            return LegalTerms::closed("nobody knows whose law holds");
        }
        let spoken_of = |place: &&str| self.rules.iter().any(|rule| rule.place[..2] == place[..2]);
        if !law.open_elsewhere && !places.iter().all(spoken_of) {
            return LegalTerms::closed("the pack does not speak of the country");
        }
        let around: BTreeSet<&str> = places.iter().flat_map(|place| within(place)).collect();
        let in_force = |rule: &&Rule| {
            around.contains(rule.place)
                && rule.purposes.iter().all(|purpose| law.purposes.contains(purpose))
        };
        let bound = |rule: &Rule| self.bound(rule, law, number, home);
        LegalTerms { closed: None, rules: self.rules.iter().filter(in_force).map(bound).collect() }
    }

    fn bound(&self, rule: &Rule, law: &Law, number: &str, home: &Home) -> Bound {
        let recorded = self.consents.get(number).into_iter().flatten();
        let lifts =
            |one: &&Consent| Some(one.purpose) == law.exempt && rule.exempt.contains(&one.kind);
        let holidays = if rule.has_holidays { self.holidays.clone() } else { BTreeSet::new() };
        Bound {
            rule: *rule,
            zones: rule.zone.map_or_else(|| home.zones.clone(), |zone| vec![zone]),
            holidays,
            lifted: recorded.filter(lifts).map(|one| one.span(rule)).collect(),
        }
    }
}

/// Where somebody is, by the number and by what was stated.
fn places(number: &str, home: &Home) -> Vec<&'static str> {
    let area = AREAS.iter().find(|(area, _)| number[2..].starts_with(area));
    area.and_then(|(_, place)| *place).into_iter().chain(home.state).collect()
}

/// A rule that holds for somebody, but in the spans in which it is lifted.
#[derive(Clone, Debug)]
pub struct Bound {
    pub rule: Rule,
    zones: Vec<Tz>,
    holidays: BTreeSet<NaiveDate>,
    pub lifted: Vec<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Bound {
    pub fn windows(&self) -> impl Iterator<Item = Window> + '_ {
        self.zones.iter().filter_map(|zone| match self.rule.provision {
            Provision::Hours(hours) => {
                Some(Window { zone: *zone, hours, closed: self.holidays.clone() })
            }
            _ => None,
        })
    }

    /// Whether it allows a call at an instant to somebody who was called at those.
    fn allows(&self, at: DateTime<Utc>, calls: &[DateTime<Utc>]) -> bool {
        if self.lifted.iter().any(|(from, until)| *from <= at && at < *until) {
            return true;
        }
        match self.rule.provision {
            Provision::Hours(_) => self.windows().all(|window| window.is_open(at)),
            Provision::Rolling(most, seconds) => {
                let since = at - Duration::seconds(seconds);
                calls.iter().filter(|call| **call > since).count() < most
            }
            Provision::Daily(most) => self.zones.iter().all(|zone| {
                let date = |at: &DateTime<Utc>| at.with_timezone(zone).date_naive();
                calls.iter().filter(|call| date(call) == date(&at)).count() < most
            }),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct LegalTerms {
    /// Why nobody may be called whatever the hour.
    closed: Option<&'static str>,
    pub rules: Vec<Bound>,
}

impl LegalTerms {
    fn closed(why: &'static str) -> LegalTerms {
        LegalTerms { closed: Some(why), rules: Vec::new() }
    }

    /// Whether nothing but a consent is missing.
    pub fn wants_consent(&self, at: DateTime<Utc>) -> bool {
        let against = || self.rules.iter().filter(|bound| !bound.allows(at, &[]));
        let exempts = |bound: &Bound| bound.rule.exempt.contains(&Kind::Consent);
        self.closed.is_none() && against().next().is_some() && against().all(exempts)
    }

    pub fn objection(&self, at: DateTime<Utc>, calls: &[DateTime<Utc>]) -> Option<String> {
        let against = self.rules.iter().find(|bound| !bound.allows(at, calls));
        self.closed.map(str::to_owned).or_else(|| {
            against.map(|bound| {
                format!("{} forbids it, of which is known: {:?}", bound.rule.code, bound.lifted)
            })
        })
    }
}

/// What loads the pack.
pub fn loaded(until: NaiveDate) -> String {
    let rows: Vec<String> = pack().iter().map(row).collect();
    format!(
        "insert into dialer.shipped_pack (pack, as_of, holidays_until, about) values ('{PACK}', '2027-01-01', '{until}', 'rules of the simulation');
         insert into dialer.shipped_rule (pack, code, jurisdiction, scope, purposes, provision, hours, tz, holidays, max_count, kind, amount, cap_key, counts, channels,
             confidence, exempt_with, relationship_within, source, as_of, url, note) values {};
         select dialer.load_calling_rules('{PACK}')",
        rows.join(",\n")
    )
}

fn row(rule: &Rule) -> String {
    let quoted = |text: Option<String>| text.map_or("null".to_owned(), |text| format!("'{text}'"));
    let window = match rule.provision {
        Provision::Hours(hours) => Some(hours.to_string()),
        _ => None,
    };
    let cap = match rule.provision {
        Provision::Hours(_) => "null, null, null, null, null, null".to_owned(),
        Provision::Rolling(most, seconds) => {
            format!("{most}, 'rolling', {seconds}, 'person', 'attempts', '{{voice}}'")
        }
        Provision::Daily(most) => {
            format!("{most}, 'local_dates', 1, 'number', 'attempts', '{{voice}}'")
        }
    };
    format!(
        "('{PACK}', '{}', '{}', 'sales', '{{{}}}', '{}', {}, {}, {}, {cap}, 'high', '{{{}}}', {}, 'simulated', '2027', '', '')",
        rule.code,
        rule.place,
        rule.purposes.join(","),
        if window.is_some() { "window" } else { "cap" },
        quoted(window),
        quoted(rule.zone.map(|zone| zone.name().to_owned())),
        quoted(Some(HOLIDAYS.to_owned()).filter(|_| rule.has_holidays)),
        rule.exempt.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(","),
        quoted(rule.within_hours.map(|hours| format!("{hours} hours"))),
    )
}
