//! Phone numbers, places and outcomes in SQL.

use crate::datum::refuse;
use dialer_core::{Outcome, PhoneNumber};
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
fn normalize_outcome(word: &str) -> Option<&'static str> {
    Outcome::normalize(word).map(Outcome::as_str)
}
