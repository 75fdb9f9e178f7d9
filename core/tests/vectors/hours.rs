//! `vectors_business_hours.csv`: every kind of question about opening hours, and redial caps.

use super::{Row, date, expected, instant, rows, show};
use dialer_core::{Attempts, Cap, DateSet, Hours, IanaZone, Opening};

struct Calendar {
    hours: Hours,
    agent_hours: Option<(Hours, IanaZone)>,
    zones: Vec<IanaZone>,
    bans: DateSet,
}

impl Calendar {
    fn of(row: &Row) -> Calendar {
        let weekly = row["weekly_hours"].replace('|', ";");
        let dated = row["exceptions"].replace('=', " ").replace("closed", "off");
        let texts: Vec<String> = [weekly, dated].into_iter().filter(|t| !t.is_empty()).collect();
        let zone = |name: &str| IanaZone::parse(name).unwrap();
        let agents = (!row["agent_zone"].is_empty())
            .then(|| (row["agent_hours"].parse().unwrap(), zone(&row["agent_zone"])));
        Calendar {
            hours: texts.join(";").parse().unwrap(),
            agent_hours: agents,
            zones: row["zones"].split('+').map(zone).collect(),
            bans: row["bans"].split(';').filter(|t| !t.is_empty()).map(date).collect(),
        }
    }

    fn openings(&self) -> Vec<Opening<'_, &IanaZone>> {
        let one = |zone| Opening { bans: &self.bans, ..Opening::new(&self.hours, zone) };
        let agents = self.agent_hours.iter().map(|(hours, zone)| Opening::new(hours, zone));
        self.zones.iter().map(one).chain(agents).collect()
    }
}

fn caps(text: &str) -> Vec<Cap> {
    text.split(';').map(cap).collect()
}

fn cap(text: &str) -> Cap {
    let number = |word: &str| word.trim_end_matches('s').parse::<i64>().unwrap();
    let made = match *text.split(' ').collect::<Vec<_>>() {
        [max, "per", "rolling", seconds] => {
            Cap::new(number(max), "rolling", Some(number(seconds)), None)
        }
        [max, "per", days, "local", "dates"] => {
            Cap::new(number(max), "local_dates", Some(number(days)), None)
        }
        ["gap", seconds] => Cap::new(1, "gap", Some(number(seconds)), None),
        ["after", "conversation", day, "wait", days, "dates"] => {
            // Noon in the zones of these vectors is the same date in UTC.
            let since = instant(&format!("{day}T17:00:00Z"));
            Cap::new(0, "cooldown_dates", Some(number(days)), Some(since))
        }
        _ => panic!("unknown cap {text}"),
    };
    made.unwrap()
}

fn answer(row: &Row) -> (String, Option<String>) {
    let calendar = Calendar::of(row);
    let openings = calendar.openings();
    let at = instant(&row["t_utc"]);
    let minutes = || row["minutes"].parse::<i64>().unwrap() * dialer_core::MINUTE;
    match row["kind"].as_str() {
        "is_open" => (dialer_core::is_open(&openings, at).to_string(), None),
        "next_open" => (show(dialer_core::next_open(&openings, at)), None),
        "next_close" => (show(dialer_core::next_close(&openings, at)), None),
        "between" => {
            let micros = dialer_core::open_between(&openings, at, instant(&row["t2_utc"]));
            assert_eq!(micros % dialer_core::MINUTE, 0);
            ((micros / dialer_core::MINUTE).to_string(), None)
        }
        "add" => {
            let callable = dialer_core::add_open_callable(&openings, at, minutes());
            (show(dialer_core::add_open(&openings, at, minutes())), Some(show(callable)))
        }
        "next_redial" => {
            let made = row["attempts_utc"].split(';').filter(|t| !t.is_empty()).map(instant);
            let attempts = Attempts::new(made);
            let zone = &calendar.zones[0];
            let caps = caps(&row["caps"]);
            (show(dialer_core::next_callable(at, &openings, &attempts, &caps, zone)), None)
        }
        kind => panic!("unknown kind {kind}"),
    }
}

// R047, R048, R049, R050, R054, R055
#[test]
fn every_business_hours_vector_is_answered_as_expected() {
    let rows = rows("vectors_business_hours.csv");
    assert_eq!(rows.len(), 93);
    let mut wrong = Vec::new();
    for row in &rows {
        let (got, callable) = answer(row);
        let wanted = expected(row, "expected");
        let callable_wanted = callable.as_ref().map(|_| row["expected_callable"].clone());
        if got != wanted || callable != callable_wanted {
            wrong.push(format!("{}: {got} {callable:?}, not {wanted}", row["id"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
