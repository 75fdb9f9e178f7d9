//! Outcomes: the one vocabulary for how an attempt ended.
//!
//! Words of providers and businesses are translated here: whole labels first, then ordered patterns
//! of whole tokens, never substrings, so that NO_SALE or WHOLESALE can never be a sale. What is not
//! known stays unknown and goes to review; it is never final by accident.

use crate::error::Error;
use std::fmt;

macro_rules! outcomes {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)+) => {
        /// How an attempt ended.
        ///
        /// ```
        /// use dialer_core::Outcome;
        /// assert_eq!("no_answer".parse::<Outcome>().unwrap(), Outcome::NoAnswer);
        /// assert_eq!(Outcome::NoAnswer.as_str(), "no_answer");
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Outcome {
            $($(#[$doc])* $variant,)+
        }

        impl Outcome {
            /// Every outcome, in the order of the documentation.
            ///
            /// ```
            /// assert_eq!(dialer_core::Outcome::ALL.len(), 20);
            /// ```
            pub const ALL: &'static [Outcome] = &[$(Outcome::$variant,)+];

            /// Its word in SQL, logs and documents.
            ///
            /// ```
            /// assert_eq!(dialer_core::Outcome::NotSent.as_str(), "not_sent");
            /// ```
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Outcome::$variant => $word,)+
                }
            }
        }
    };
}

outcomes! {
    /// The conversation or the message took place.
    Completed = "completed",
    /// It rang and nobody answered.
    NoAnswer = "no_answer",
    /// The line was busy.
    Busy = "busy",
    /// A machine answered.
    Voicemail = "voicemail",
    /// The person refused the call.
    Rejected = "rejected",
    /// There is no such number.
    InvalidNumber = "invalid_number",
    /// The carrier or the person blocks us.
    Blocked = "blocked",
    /// We ended it before it was placed.
    Cancelled = "cancelled",
    /// The provider was at its limit.
    OverLimit = "over_limit",
    /// The provider's account is unpaid, closed or wrongly keyed.
    AccountError = "account_error",
    /// What we asked for cannot be placed as configured.
    ConfigError = "config_error",
    /// The provider failed.
    ProviderFault = "provider_fault",
    /// It may have reached somebody; nobody can tell.
    MaybeReached = "maybe_reached",
    /// Nothing was heard of it any more.
    Unknown = "unknown",
    /// It certainly never left us.
    NotSent = "not_sent",
    /// Sold.
    Sale = "sale",
    /// The person asked not to be called.
    Dnc = "dnc",
    /// Handed over to an agent; not a sale.
    Transferred = "transferred",
    /// The person asked to be called at another time.
    Callback = "callback",
    /// The person is not interested this time.
    NotInterested = "not_interested",
}

impl Outcome {
    /// Does it use up an attempt? What never reached the telephone network does not.
    ///
    /// ```
    /// use dialer_core::Outcome;
    /// assert!(Outcome::Unknown.counts_as_attempt());
    /// assert!(!Outcome::OverLimit.counts_as_attempt());
    /// ```
    pub const fn counts_as_attempt(self) -> bool {
        !matches!(
            self,
            Outcome::OverLimit
                | Outcome::AccountError
                | Outcome::ConfigError
                | Outcome::ProviderFault
                | Outcome::NotSent
                | Outcome::Cancelled
        )
    }

    /// Did a person speak with us?
    ///
    /// ```
    /// use dialer_core::Outcome;
    /// assert!(Outcome::Callback.reached_human());
    /// assert!(!Outcome::Voicemail.reached_human());
    /// ```
    pub const fn reached_human(self) -> bool {
        matches!(
            self,
            Outcome::Completed
                | Outcome::Sale
                | Outcome::Dnc
                | Outcome::Transferred
                | Outcome::Callback
                | Outcome::NotInterested
        )
    }

    /// Does it end redialling unless a policy says otherwise?
    ///
    /// ```
    /// use dialer_core::Outcome;
    /// assert!(Outcome::Dnc.final_by_default());
    /// assert!(!Outcome::Transferred.final_by_default());
    /// ```
    pub const fn final_by_default(self) -> bool {
        matches!(self, Outcome::Sale | Outcome::Dnc | Outcome::InvalidNumber | Outcome::Blocked)
    }

    /// The outcome that a provider's word or a business label means; `None` goes to review.
    ///
    /// ```
    /// use dialer_core::Outcome;
    /// assert_eq!(Outcome::normalize("No-Answer"), Some(Outcome::NoAnswer));
    /// assert_eq!(Outcome::normalize("TRANSFER_SALE"), Some(Outcome::Transferred));
    /// assert_eq!(Outcome::normalize("NO_SALE"), Some(Outcome::NotInterested));
    /// assert_eq!(Outcome::normalize("WHOLESALE"), None);
    /// ```
    pub fn normalize(text: &str) -> Option<Outcome> {
        if text.len() > LABEL_MAX {
            return None;
        }
        let label = label_of(text);
        let exact = LABELS.iter().find(|(_, words)| words.contains(&label.as_str()));
        exact.map(|(outcome, _)| *outcome).or_else(|| match_tokens(&label))
    }
}

/// LIMIT: bytes of a label; longer text is prose and goes to review.
const LABEL_MAX: usize = 128;

/// Upper case, with one underscore for every run of anything that is no letter and no digit.
/// A capital after a small letter starts a new word, as in `customerBusy`.
fn label_of(text: &str) -> String {
    let mut label = String::with_capacity(text.len());
    let mut after_lower = false;
    for c in text.chars() {
        let starts_word = after_lower && c.is_uppercase();
        if (!c.is_alphanumeric() || starts_word) && !label.is_empty() && !label.ends_with('_') {
            label.push('_');
        }
        if c.is_alphanumeric() {
            label.extend(c.to_uppercase());
        }
        after_lower = c.is_lowercase();
    }
    label.trim_end_matches('_').to_string()
}

/// Whole labels, after `label_of`.
const LABELS: &[(Outcome, &[&str])] = &[
    (Outcome::Sale, &["SALE", "SALES", "SOLD", "SALE_MADE", "CLOSED_SALE"]),
    (
        Outcome::Dnc,
        &[
            "DNC",
            "DO_NOT_CALL",
            "DONOTCALL",
            "DO_NOT_CONTACT",
            "OPT_OUT",
            "OPTOUT",
            "OPTED_OUT",
            "UNSUBSCRIBE",
            "UNSUBSCRIBED",
            "REMOVE",
            "REMOVE_ME",
            "STOP",
            "DNC_REQUEST",
        ],
    ),
    (
        Outcome::Transferred,
        &[
            "TRANSFER",
            "TRANSFERRED",
            "TRANSFERED",
            "TRANSFER_SALE",
            "TRANSFERRED_SALE",
            "CALL_TRANSFER",
            "WARM_TRANSFER",
            "COLD_TRANSFER",
            "XFER",
            "ASSISTANT_FORWARDED_CALL",
        ],
    ),
    (
        Outcome::NoAnswer,
        &[
            "NO_ANSWER",
            "NOANSWER",
            "NA",
            "NOT_ANSWERED",
            "UNANSWERED",
            "NO_PICKUP",
            "RING_NO_ANSWER",
            "DIAL_NO_ANSWER",
            "CUSTOMER_DID_NOT_ANSWER",
            "NO_CONTACT",
            "TIMEOUT_NO_ANSWER",
        ],
    ),
    (
        Outcome::Busy,
        &["BUSY", "LINE_BUSY", "USER_BUSY", "DIAL_BUSY", "CUSTOMER_BUSY", "BUSY_SIGNAL"],
    ),
    (
        Outcome::Voicemail,
        &[
            "VOICEMAIL",
            "VOICE_MAIL",
            "VM",
            "LEFT_VOICEMAIL",
            "LEFT_VM",
            "LEFT_MESSAGE",
            "VOICEMAIL_REACHED",
            "MACHINE",
            "MACHINE_DETECTED",
            "ANSWERING_MACHINE",
            "AM",
            "MACHINE_START",
            "MACHINE_END_BEEP",
            "MACHINE_END_SILENCE",
            "MACHINE_END_OTHER",
        ],
    ),
    (
        Outcome::Callback,
        &[
            "CALLBACK",
            "CALL_BACK",
            "CALL_BACK_LATER",
            "CALL_LATER",
            "CALLBACK_REQUESTED",
            "CALL_ME_BACK",
            "CALLBACK_SCHEDULED",
        ],
    ),
    (
        Outcome::NotInterested,
        &["NOT_INTERESTED", "NI", "NO_SALE", "NOSALE", "NO_INTEREST", "DECLINED_OFFER"],
    ),
    (
        Outcome::Rejected,
        &["REJECTED", "CALL_REJECTED", "DECLINED", "USER_DECLINED", "HUNG_UP", "HANGUP", "HANG_UP"],
    ),
    (
        Outcome::InvalidNumber,
        &[
            "INVALID_NUMBER",
            "INVALID",
            "BAD_NUMBER",
            "DISCONNECTED",
            "DISCONNECTED_NUMBER",
            "NUMBER_DISCONNECTED",
            "UNALLOCATED_NUMBER",
            "NOT_IN_SERVICE",
            "OUT_OF_SERVICE",
            "INVALID_DESTINATION",
            "INVALID_PHONE_NUMBER",
            "NUMBER_CHANGED",
        ],
    ),
    (Outcome::Blocked, &["BLOCKED", "CALL_BLOCKED", "NUMBER_BLOCKED", "SPAM_LIKELY_BLOCKED"]),
    (
        Outcome::Completed,
        &[
            "COMPLETED",
            "COMPLETE",
            "ANSWERED",
            "HUMAN",
            "SUCCESS",
            "SUCCESSFUL",
            "CONTACTED",
            "ENDED_BY_CUSTOMER",
            "CUSTOMER_ENDED_CALL",
            "ASSISTANT_ENDED_CALL",
            "USER_HANGUP",
            "AGENT_HANGUP",
        ],
    ),
    (Outcome::Cancelled, &["CANCELLED", "CANCELED", "CANCEL", "MANUALLY_CANCELED"]),
    (
        Outcome::OverLimit,
        &[
            "OVER_LIMIT",
            "OVER_CONCURRENCY_LIMIT",
            "RATE_LIMITED",
            "RATE_LIMIT",
            "TOO_MANY_REQUESTS",
            "CONCURRENCY_LIMIT_REACHED",
            "CONCURRENCY_LIMIT",
        ],
    ),
    (
        Outcome::AccountError,
        &[
            "ACCOUNT_ERROR",
            "PAYMENT_REQUIRED",
            "INSUFFICIENT_FUNDS",
            "NO_VALID_PAYMENT",
            "ACCOUNT_SUSPENDED",
        ],
    ),
    (Outcome::ConfigError, &["CONFIG_ERROR", "CONFIGURATION_ERROR", "ASSISTANT_NOT_FOUND"]),
    (
        Outcome::ProviderFault,
        &[
            "PROVIDER_FAULT",
            "PROVIDER_ERROR",
            "SERVER_ERROR",
            "INTERNAL_ERROR",
            "SERVICE_UNAVAILABLE",
        ],
    ),
    (Outcome::MaybeReached, &["MAYBE_REACHED"]),
    (Outcome::Unknown, &["UNKNOWN"]),
    (Outcome::NotSent, &["NOT_SENT", "NOTSENT"]),
];

/// Ordered patterns of consecutive whole words; the first that occurs decides. Refusals stand
/// first, then what negates a sale, then what is weaker than a sale. A bare SALE among other words
/// is deliberately no pattern: a sale ends redialling, so it must be said by a whole label.
const PATTERNS: &[(&[&str], Outcome)] = &[
    (&["DO", "NOT", "CALL"], Outcome::Dnc),
    (&["DO", "NOT", "CONTACT"], Outcome::Dnc),
    (&["DONT", "CALL"], Outcome::Dnc),
    (&["DNC"], Outcome::Dnc),
    (&["OPT", "OUT"], Outcome::Dnc),
    (&["OPTED", "OUT"], Outcome::Dnc),
    (&["NOT", "INTERESTED"], Outcome::NotInterested),
    (&["NO", "SALE"], Outcome::NotInterested),
    (&["WARM", "TRANSFER"], Outcome::Transferred),
    (&["CALL", "TRANSFERRED"], Outcome::Transferred),
    (&["TRANSFERRED"], Outcome::Transferred),
    (&["TRANSFER", "SALE"], Outcome::Transferred),
    (&["CALL", "BACK"], Outcome::Callback),
    (&["CALLBACK"], Outcome::Callback),
    (&["NO", "ANSWER"], Outcome::NoAnswer),
    (&["DID", "NOT", "ANSWER"], Outcome::NoAnswer),
    (&["ANSWERING", "MACHINE"], Outcome::Voicemail),
    (&["VOICEMAIL"], Outcome::Voicemail),
    (&["VOICE", "MAIL"], Outcome::Voicemail),
    (&["BUSY"], Outcome::Busy),
    (&["CONCURRENCY", "LIMIT"], Outcome::OverLimit),
    (&["RATE", "LIMIT"], Outcome::OverLimit),
    (&["INVALID", "NUMBER"], Outcome::InvalidNumber),
    (&["WRONG", "NUMBER"], Outcome::InvalidNumber),
];

/// Words that turn a pattern into something else than it says.
const NEGATIONS: &[&str] = &["NO", "NOT", "NEVER", "NON", "WITHOUT", "FAILED", "UNDO", "REMOVED"];

fn match_tokens(label: &str) -> Option<Outcome> {
    let tokens: Vec<&str> = label.split('_').collect();
    PATTERNS.iter().find_map(|(words, outcome)| {
        let place = tokens.windows(words.len()).position(|window| window == *words)?;
        // "NOT_BUSY" and "NO_VOICEMAIL" are not understood: review decides.
        let negated = place > 0 && NEGATIONS.contains(&tokens[place - 1]);
        (!negated).then_some(*outcome)
    })
}

impl std::str::FromStr for Outcome {
    type Err = Error;

    fn from_str(text: &str) -> Result<Outcome, Error> {
        Outcome::ALL.iter().find(|outcome| outcome.as_str() == text).copied().ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            let words: Vec<&str> = Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect();
            let detail = format!("The outcomes are {}.", words.join(", "));
            let hint = "Translate provider words with normalize_outcome first.";
            Error::limit(format!("unknown outcome \"{shown}\""), &detail, hint)
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
