//! Phone numbers, places and outcomes in SQL.

use crate::datum::refuse;
use crate::server_zone::ServerZone;
use dialer_core::{Outcome, PhoneNumber, ZonesResolved};
use pgrx::prelude::*;

#[pg_extern(sql = false)]
fn normalize_phone(phone: &str, region: &str) -> String {
    match PhoneNumber::normalize(phone, region) {
        Ok(number) => number.as_str().to_string(),
        Err(error) => refuse(&error),
    }
}

#[pg_extern(sql = false)]
fn zones_of(phone: &str) -> Vec<&'static str> {
    dialer_core::zones_of(phone)
}

#[pg_extern(sql = false)]
fn zones_of_state(state: &str) -> Vec<&'static str> {
    dialer_core::zones_of_state(state).to_vec()
}

#[pg_extern(sql = false)]
fn zones_of_abbreviation(
    abbreviation: Option<&str>,
    phone: Option<&str>,
) -> Option<Vec<&'static str>> {
    Some(dialer_core::zones_of_abbreviation(abbreviation?, phone).to_vec())
}

#[pg_extern(sql = false)]
fn jurisdiction_of(place: Option<&str>, phone: Option<&str>) -> Option<String> {
    dialer_core::jurisdiction_of(place?, phone)
}

#[pg_extern(sql = false)]
fn states_of_zip(zip: &str) -> Vec<&'static str> {
    dialer_core::states_of_zip(zip).to_vec()
}

#[pg_extern(sql = false)]
fn jurisdiction_chain(code: &str) -> Vec<String> {
    dialer_core::jurisdiction_chain(code)
}

#[pg_extern(sql = false)]
fn resolve_jurisdiction(
    stated: Option<&str>,
    phones: Option<Vec<Option<String>>>,
    zip: Option<&str>,
) -> TableIterator<'static, (name!(jurisdictions, Vec<String>), name!(source, &'static str))> {
    let phones: Vec<String> = phones.into_iter().flatten().flatten().collect();
    let phones: Vec<&str> = phones.iter().map(String::as_str).collect();
    let (codes, source) = dialer_core::jurisdictions(stated, zip, &phones);
    TableIterator::once((codes, source.as_str()))
}

#[pg_extern(sql = false)]
fn normalize_outcome(word: &str) -> Option<&'static str> {
    Outcome::normalize(word).map(Outcome::as_str)
}

#[pg_extern(sql = false)]
fn resolve_zone(
    stated: Option<&str>,
    state: Option<&str>,
    phone: Option<&str>,
) -> TableIterator<
    'static,
    (name!(zones, Vec<String>), name!(source, &'static str), name!(confidence, &'static str)),
> {
    let known = |name: &str| ServerZone::named(name).map(|zone| zone.name().to_string());
    let found = ZonesResolved::new(stated, state, phone, known);
    TableIterator::once((found.zones, found.source.as_str(), found.confidence.as_str()))
}
