//! The sandbox's command line.

use super::chance::Span;
use super::mix::{DEFAULT_MIX, Lengths, Mix, PrefixMix};
use base64::Engine;
use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use ring::signature::{Ed25519KeyPair, KeyPair};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::path::PathBuf;

/// A provider in its own process: accepts calls and e-mails, lets them ring in simulated time,
/// reports by webhooks, and can be told to fail.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Address to listen on; the control endpoints ask for no key, so keep it on loopback
    #[arg(long, env = "SANDBOX_LISTEN", default_value = "127.0.0.1:7780", help_heading = "HTTP")]
    pub listen: SocketAddr,
    /// Bearer key that a caller must show; may be repeated, each is an organisation of its own.
    /// Without any, every key is accepted
    #[arg(
        long,
        env = "SANDBOX_API_KEY",
        value_delimiter = ',',
        hide_env_values = true,
        help_heading = "HTTP"
    )]
    pub api_key: Vec<String>,
    /// Webhooks sent at once
    #[arg(long, default_value_t = 64, help_heading = "HTTP")]
    pub hooks_at_once: usize,
    /// How voice webhooks prove where they come from
    #[arg(long, value_enum, default_value_t = HookAuth::Hmac, help_heading = "HTTP")]
    pub webhook_auth: HookAuth,
    /// Secret of the voice webhooks; without it they are not signed
    #[arg(long, env = "SANDBOX_WEBHOOK_SECRET", hide_env_values = true, help_heading = "HTTP")]
    pub webhook_secret: Option<String>,
    /// Where the webhooks of a vendor go that has one address for a whole workspace; without it
    /// none are sent
    #[arg(long, env = "SANDBOX_WORKSPACE_WEBHOOK_URL", help_heading = "HTTP")]
    pub workspace_webhook_url: Option<String>,
    /// Where e-mail webhooks go; without it none are sent
    #[arg(long, env = "SANDBOX_EMAIL_WEBHOOK_URL", help_heading = "HTTP")]
    pub email_webhook_url: Option<String>,
    /// Secret of the e-mail webhooks (whsec_...)
    #[arg(
        long,
        env = "SANDBOX_EMAIL_WEBHOOK_SECRET",
        hide_env_values = true,
        help_heading = "HTTP"
    )]
    pub email_webhook_secret: Option<String>,

    /// Calls at once that an organisation may have
    #[arg(long, default_value_t = 10, help_heading = "Limits")]
    pub max_concurrent: u32,
    /// How a call too many is refused
    #[arg(long, value_enum, default_value_t = OverLimitStyle::Error, help_heading = "Limits")]
    pub over_limit_style: OverLimitStyle,
    /// Requests per simulated second that an organisation may make
    #[arg(long, default_value_t = 100.0, help_heading = "Limits")]
    pub per_second: f64,
    /// Requests that may come at once [default: what comes in a tenth of a real second, at least
    /// what comes in a simulated one]
    #[arg(long, help_heading = "Limits")]
    pub burst: Option<f64>,

    /// Seed of everything that looks like chance
    #[arg(long, default_value_t = 1, help_heading = "What becomes of a call")]
    pub seed: u64,
    /// Weights of the outcomes: reason[:disposition]=weight, ...
    #[arg(long, default_value = DEFAULT_MIX, help_heading = "What becomes of a call")]
    pub mix: Mix,
    /// Another mix for the numbers that begin so: PREFIX=MIX; may be repeated, the longest wins
    #[arg(long, help_heading = "What becomes of a call")]
    pub mix_for: Vec<PrefixMix>,
    /// Simulated seconds of ringing before somebody picks up
    #[arg(long, default_value = "4..20", help_heading = "What becomes of a call")]
    pub ring: Span,
    /// Simulated seconds of ringing when nobody picks up
    #[arg(long, default_value = "15..40", help_heading = "What becomes of a call")]
    pub unanswered_ring: Span,
    /// Simulated seconds of talk
    #[arg(long, default_value = "20..180", help_heading = "What becomes of a call")]
    pub talk: Span,
    /// Simulated seconds on a voicemail
    #[arg(long, default_value = "8..30", help_heading = "What becomes of a call")]
    pub voicemail: Span,
    /// Simulated milliseconds until an answer is given
    #[arg(long, default_value = "20..120", help_heading = "What becomes of a call")]
    pub latency: Span,

    /// Simulated seconds per real second
    #[arg(long, default_value_t = 1.0, help_heading = "Clock")]
    pub clock_rate: f64,
    /// Simulated time at --clock-origin-at (RFC 3339) [default: the real time]
    #[arg(long, help_heading = "Clock")]
    pub clock_origin: Option<DateTime<Utc>>,
    /// Real time of --clock-origin (RFC 3339) [default: the start]
    #[arg(long, help_heading = "Clock")]
    pub clock_origin_at: Option<DateTime<Utc>>,

    /// A fault and its probability, e.g. lost_webhook=0.02; may be repeated. Names: lost_answer,
    /// error_before, error_after, over_limit, stall, stall_seconds, lost_webhook, doubled_webhook,
    /// late_webhook, late_seconds, out_of_order, hidden
    #[arg(long, help_heading = "Faults and log")]
    pub fault: Vec<String>,
    /// File that gets one JSON line for everything that happens
    #[arg(long, env = "SANDBOX_LOG", help_heading = "Faults and log")]
    pub log: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OverLimitStyle {
    /// 400 {"error":"Over Concurrency Limit"}
    Error,
    /// 201 with subscriptionLimits.concurrencyBlocked, and a call that has already ended
    Blocked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HookAuth {
    /// HMAC-SHA256 over `{timestamp}.{body}` in x-signature
    Hmac,
    /// The bare secret in X-Vapi-Secret
    Secret,
    None,
}

impl Options {
    pub fn lengths(&self) -> Lengths {
        Lengths {
            ring: self.ring,
            unanswered_ring: self.unanswered_ring,
            talk: self.talk,
            voicemail: self.voicemail,
        }
    }

    /// The mix for a number: that of the longest prefix, or the general one.
    pub fn mix_of(&self, number: &str) -> &Mix {
        let fitting = self.mix_for.iter().filter(|entry| number.starts_with(&entry.prefix));
        fitting.max_by_key(|entry| entry.prefix.len()).map_or(&self.mix, |entry| &entry.mix)
    }

    /// How many requests may come at once: the jitter of a real network counts for more when the
    /// simulated clock runs fast.
    pub fn burst(&self) -> f64 {
        self.burst.unwrap_or((self.per_second * (self.clock_rate * 0.1).max(1.0)).max(1.0))
    }

    /// The key pair of webhooks that are signed with one: grown from their secret.
    pub fn key_pair(&self) -> Option<Ed25519KeyPair> {
        let seed = Sha256::digest(self.webhook_secret.as_deref()?);
        Ed25519KeyPair::from_seed_unchecked(&seed).ok()
    }

    pub fn public_key(&self) -> Option<String> {
        let pair = self.key_pair()?;
        Some(base64::engine::general_purpose::STANDARD.encode(pair.public_key()))
    }
}
