//! How a telephone call ended, by the numbers of the network: SIP status and Q.850 cause.
//!
//! For providers that hand both through. A number that neither table (`sip`) knows has no outcome,
//! so that the database puts it to review. What a number means depends on whether the
//! call had been answered: then the contact was reached, whatever ended it.

use super::sip;
use super::word::{self, Word, WordKind};

/// Where a number comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The status of the final SIP response.
    Sip(u64),
    /// The cause value of ITU-T Q.850.
    Q850(u64),
}

impl Cause {
    /// The more telling of the two: a SIP status is finer than the cause that was made of it.
    pub fn of(sip: Option<u64>, q850: Option<u64>) -> Option<Cause> {
        let sip = sip.map(Cause::Sip);
        let q850 = q850.map(Cause::Q850);
        let known = [sip, q850].into_iter().flatten().find(|cause| cause.unanswered().is_some());
        known.or(sip).or(q850)
    }

    /// The outcome of a call that nobody answered; `None` when the number is not known, or says
    /// nothing by itself.
    pub fn unanswered(self) -> Option<&'static str> {
        match (self, self.row()?.outcome) {
            (Cause::Q850(UNSPECIFIED), _) => Some("provider_fault"),
            // Cleared as if it had been a call: by us, or by those who ask on our side.
            (_, Some("completed")) => Some("cancelled"),
            (_, outcome) => outcome,
        }
    }

    /// The outcome of a call that had been answered, however it ended. A fault leaves open what had
    /// been said by then.
    pub fn answered(self) -> &'static str {
        match self.unanswered() {
            Some("provider_fault") => "maybe_reached",
            _ => "completed",
        }
    }

    /// The word that is kept with an attempt; the two kinds have no number in common.
    pub fn word(self) -> String {
        let (Cause::Sip(number) | Cause::Q850(number)) = self;
        number.to_string()
    }

    fn row(self) -> Option<&'static Word> {
        let (words, kind) = match self {
            Cause::Sip(_) => (sip::SIP, WordKind::Sip),
            Cause::Q850(_) => (sip::Q850, WordKind::Q850),
        };
        word::find(words, kind, &self.word())
    }
}

/// Normal, unspecified: a fault if nobody answered, who knows what if somebody did.
const UNSPECIFIED: u64 = 31;

#[cfg(test)]
mod tests;
