//! `dialerd`: the part of pg_dialer that talks to the world.
//!
//! The database decides who may be called and when; this crate carries it out and reports back.
//! It does no calendar arithmetic and keeps no state that a crash could lose.

pub mod api;
pub mod ask;
pub mod backfill;
mod body;
pub mod clock;
pub mod closures;
pub mod config;
pub mod console;
pub mod db;
pub mod doctor;
pub mod import;
pub mod provider;
pub mod recipe;
pub mod replay;
pub mod run;
pub mod sandbox;
pub mod secrets;
