//! Whole processes: dispatchers that run side by side, are killed, and face a provider that
//! fails; lists, webhooks and mails as they really come. The provider's journal is the judge.
//!
//! One test after the other, because each keeps both cores busy.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod api;
mod api_answers;
mod api_doors;
mod api_page;
mod backfill;
mod browser;
mod console;
mod crash;
mod database;
mod day;
mod failover;
mod fuzz;
mod incident;
mod limit;
mod list;
mod mail;
mod network;
mod overview;
mod pooler;
mod punctual;
mod rate;
mod secret;
mod silence;
mod snapshot;
mod storm;
mod vendors;
mod webhook;
mod workflow;

static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
