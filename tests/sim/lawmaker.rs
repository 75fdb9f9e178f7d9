//! Those who move a law's bounds: it is chosen and read anew, people move from state to state, agree
//! and take it back, mostly in the moment in which they are called.

use crate::chance::Chance;
use crate::law::{AREAS, Consent, EVERY_DAY, HOLIDAYS, Kind, Law, NOT_FRIDAYS, PACK, Provision};
use crate::law::{PURPOSES, STATES, loaded};
use crate::operator::{Decision, ZONES, decision};
use crate::truth::{Effect, Home, Hours, Truth, Verdict};
use crate::world::{CAMPAIGNS, World};
use chrono::{DateTime, Days, Duration, Utc};

/// Until when the pack knows its holidays.
const KNOWN_YEARS: u64 = 4;
const PURPOSES_OF_LAWS: [&[&str]; 4] =
    [&["telemarketing"], &["telemarketing"], &["telemarketing", "prerecorded"], &["informational"]];

pub fn home(chance: &mut Chance) -> Home {
    let mut zones = vec![*chance.pick(&ZONES)];
    let other = *chance.pick(&ZONES);
    if chance.happens(20) && other != zones[0] {
        zones.push(other);
    }
    let state = Some(*chance.pick(&STATES)).filter(|_| chance.happens(50));
    Home { zones, state }
}

/// A number of the nth person: every area in turn.
pub fn number(nth: usize) -> String {
    format!("+1{}555{:04}", AREAS[nth % AREAS.len()].0, 100 + nth)
}

pub fn decide(chance: &mut Chance, truth: &Truth, now: DateTime<Utc>, busy: &[String]) -> Decision {
    let numbers: Vec<String> = truth.homes.keys().cloned().collect();
    let anybody = chance.pick(&numbers).clone();
    let number =
        if !busy.is_empty() && chance.happens(80) { chance.pick(busy).clone() } else { anybody };
    match chance.below(20) {
        0..5 => moves(chance, number),
        5..9 => agrees(chance, truth, now, number),
        9..12 => agrees_for_a_moment(chance, truth, now, number),
        12..16 => {
            let purpose = Some(*chance.pick(&PURPOSES)).filter(|_| chance.happens(70));
            let named = purpose.map_or("null".to_owned(), |purpose| format!("'{purpose}'"));
            decision(
                "a consent is withdrawn",
                format!("select dialer.withdraw_consent('{number}', {named})"),
                vec![Effect::Withdrawn(number, purpose)],
            )
        }
        16 | 17 => chooses(chance, truth),
        18 => reads_anew(chance),
        _ => {
            let day = now.date_naive() + Days::new(u64::try_from(chance.below(3)).unwrap());
            decision(
                "a legal holiday",
                format!(
                    "select dialer.add_legal_holidays('{HOLIDAYS}', '{{{day}}}', 'proclaimed')"
                ),
                vec![Effect::Holiday(day)],
            )
        }
    }
}

fn moves(chance: &mut Chance, number: String) -> Decision {
    let home = home(chance);
    let state = home.state.map_or("null".to_owned(), |state| format!("'{state}'"));
    let mut zones: Vec<&str> = home.zones.iter().map(|zone| zone.name()).collect();
    zones.sort_unstable();
    let sql = format!(
        "update dialer.contact p set zones = '{{{}}}', zone_source = 'stated', jurisdiction = {state} from dialer.endpoint e where e.contact_id = p.contact_id and e.address = '{number}'",
        zones.join(",")
    );
    decision("a contact moves", sql, vec![Effect::Moved(number, home)])
}

fn agrees(chance: &mut Chance, truth: &Truth, now: DateTime<Utc>, number: String) -> Decision {
    let kind = *chance.pick(&[Kind::Consent, Kind::Relationship]);
    let purpose = *chance.pick(&PURPOSES);
    // Some are as old as what they lift: they end in a moment.
    let ages = truth.statutes.rules.iter().filter_map(|rule| rule.within_hours);
    let ages: Vec<i64> = ages.map(|hours| hours * 3600 - 30).chain([0, 0, 3600]).collect();
    let given_at = now - Duration::seconds(*chance.pick(&ages));
    let lasts = *chance.pick(&[None, Some(8), Some(15), Some(25), Some(21_600), Some(90_000)]);
    let expires_at = lasts.map(|seconds| now + Duration::seconds(seconds));
    given(number, Consent { kind, purpose, given_at, expires_at, withdrawn_at: None })
}

/// Somebody who may be called because of it alone, for some seconds.
fn agrees_for_a_moment(
    chance: &mut Chance,
    truth: &Truth,
    now: DateTime<Utc>,
    anybody: String,
) -> Decision {
    let laws = truth.statutes.laws.iter();
    let exempting = laws.filter_map(|(whose, law)| Some(((*whose)?, law.exempt?)));
    let wanting: Vec<(&String, &'static str)> = exempting
        .flat_map(|(id, purpose)| {
            let wants = move |number: &&String| truth.terms(id, number).wants_consent(now);
            truth.homes.keys().filter(wants).map(move |number| (number, purpose))
        })
        .collect();
    if wanting.is_empty() {
        return agrees(chance, truth, now, anybody);
    }
    let (number, purpose) = *chance.pick(&wanting);
    let expires_at = Some(now + Duration::seconds(*chance.pick(&[6, 10, 14])));
    let kind = Kind::Consent;
    let consent = Consent { kind, purpose, given_at: now, expires_at, withdrawn_at: None };
    given(number.clone(), consent)
}

fn given(number: String, consent: Consent) -> Decision {
    let Consent { kind, purpose, given_at, expires_at, .. } = &consent;
    let until = expires_at.map_or("null".to_owned(), |until| format!("'{until}'"));
    let sql = format!(
        "select dialer.give_consent('{number}', '{purpose}', 'form', expires_at => {until}, at => '{given_at}', kind => '{}')",
        kind.word()
    );
    decision("a consent is given", sql, vec![Effect::Agreed(number, consent)])
}

fn chooses(chance: &mut Chance, truth: &Truth) -> Decision {
    let (id, name) = (1 + chance.below(CAMPAIGNS.len()), CAMPAIGNS);
    let whose = Some(id).filter(|_| chance.happens(70));
    let named = whose.map_or("null".to_owned(), |id| format!("'{}'", name[id - 1].0));
    let whose = whose.map(|id| i64::try_from(id).unwrap());
    if truth.statutes.laws.contains_key(&whose) && chance.happens(25) {
        let sql = format!("select dialer.drop_law({named})");
        return decision("a law is dropped", sql, vec![Effect::LawDropped(whose)]);
    }
    let exempt = Some(*chance.pick(&PURPOSES)).filter(|_| whose.is_some() && chance.happens(80));
    let purposes = *chance.pick(&PURPOSES_OF_LAWS);
    let law = Law { purposes, exempt, open_elsewhere: chance.happens(30) };
    decision("a law is chosen", choice(&named, &law), vec![Effect::LawChosen(whose, law)])
}

fn choice(named: &str, law: &Law) -> String {
    format!(
        "select dialer.choose_law({named}, '{{{PACK}}}', '{{{}}}', uncovered => '{}', exempt_consent => {})",
        law.purposes.join(","),
        if law.open_elsewhere { "open" } else { "closed" },
        law.exempt.map_or("null".to_owned(), |purpose| format!("'{purpose}'")),
    )
}

fn reads_anew(chance: &mut Chance) -> Decision {
    let code = *chance.pick(&["sim-us", "sim-ny", "sim-co"]);
    let days = *chance.pick(&[EVERY_DAY, NOT_FRIDAYS]);
    let (opens, closes) = *chance.pick(&[(12, 19), (10, 13), (13, 16), (15, 18)]);
    let hours = Hours { days, opens, closes };
    let sql = format!(
        "update dialer.shipped_rule set hours = '{hours}' where code = '{code}'; select dialer.load_calling_rules('{PACK}')"
    );
    decision("a law reads otherwise", sql, vec![Effect::LawReads(code, Provision::Hours(hours))])
}

/// Instants at which what holds for a number changes today.
fn turns(truth: &Truth, campaign: i64, number: &str, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let terms = truth.terms(campaign, number);
    let ends = terms.legal.rules.iter().flat_map(|bound| &bound.lifted).map(|(_, until)| *until);
    let windows = terms.legal.rules.iter().flat_map(|bound| bound.windows());
    let closings = windows.chain(terms.windows.iter().cloned()).map(|window| {
        let today = now.with_timezone(&window.zone).date_naive();
        let closing = today.and_hms_opt(window.hours.closes, 0, 0).unwrap();
        closing.and_local_timezone(window.zone).unwrap().with_timezone(&Utc)
    });
    let soon = now..now + Duration::days(1);
    closings.chain(ends).filter(|at| soon.contains(at)).collect()
}

impl World {
    /// The tenant goes by the law from the beginning, two campaigns except who has agreed, and many have.
    pub(crate) async fn legislate(&mut self) -> Verdict<()> {
        let until = self.now.date_naive() + Days::new(366 * KNOWN_YEARS);
        self.say(&loaded(until)).await?;
        for (id, exempt) in
            [(None, None), (Some(1), Some(PURPOSES[0])), (Some(2), Some(PURPOSES[1]))]
        {
            let law = Law { purposes: PURPOSES_OF_LAWS[0], exempt, open_elsewhere: false };
            let named =
                id.map_or("null".to_owned(), |id: usize| format!("'{}'", CAMPAIGNS[id - 1].0));
            self.say(&choice(&named, &law)).await?;
            let whose = id.map(|id| i64::try_from(id).unwrap());
            self.truth.apply(Effect::LawChosen(whose, law), self.now);
        }
        let numbers: Vec<String> = self.truth.homes.keys().cloned().collect();
        for number in numbers {
            let decision = agrees(&mut self.chance, &self.truth, self.now, number);
            self.say(&decision.sql).await?;
            self.decided(decision.effects);
        }
        Ok(())
    }

    /// Somebody decides, and at once a dispatcher asks what may be called now.
    pub(crate) async fn decide_and_claim(&mut self) -> Verdict<&'static str> {
        let what = self.meddle().await?;
        if self.chance.happens(60) {
            let at = self.chance.below(self.dispatchers.len());
            self.claim(at).await?;
        }
        Ok(what)
    }

    /// The clock goes to the last seconds before something changes for somebody.
    pub(crate) async fn nearly_otherwise(&mut self) -> Verdict<&'static str> {
        let ids: Vec<i64> = self.truth.campaigns.keys().copied().collect();
        let numbers: Vec<String> = self.truth.homes.keys().cloned().collect();
        let (campaign, number) = (*self.chance.pick(&ids), self.chance.pick(&numbers).clone());
        let turns = turns(&self.truth, campaign, &number, self.now);
        let seconds = i64::try_from(3 + self.chance.below(50)).unwrap();
        if !turns.is_empty() {
            let wanted = *self.chance.pick(&turns) - Duration::seconds(seconds);
            self.pass((wanted - self.now).num_milliseconds().max(0)).await?;
            let at = self.chance.below(self.dispatchers.len());
            self.claim(at).await?;
        }
        Ok("something nearly changes")
    }
}
