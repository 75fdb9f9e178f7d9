//! How a telephone call ended, in the numbers of the network: SIP status and Q.850 cause.
//!
//! For providers that hand the network's own numbers through. A number that neither table knows has
//! no outcome, so that the database puts it to review. What a number means depends on whether the
//! call had been answered: then the contact was reached, whatever ended it.

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
        let known = [sip, q850].into_iter().flatten().find(|cause| cause.row().is_some());
        known.or(sip).or(q850)
    }

    /// The outcome of a call that nobody answered; `None` when the number is not known, or says
    /// nothing by itself.
    pub fn unanswered(self) -> Option<&'static str> {
        match self.row()? {
            // Cleared as if it had been a call: by us, or by those who ask on our side.
            "completed" => Some("cancelled"),
            outcome => Some(outcome),
        }
    }

    /// The outcome of a call that had been answered, however it ended. A fault leaves open what had
    /// been said by then.
    pub fn answered(self) -> &'static str {
        match (self, self.row()) {
            (_, Some("provider_fault")) | (Cause::Q850(UNSPECIFIED), _) => "maybe_reached",
            _ => "completed",
        }
    }

    /// The word that is kept with an attempt.
    pub fn word(self) -> String {
        match self {
            Cause::Sip(number) => format!("sip {number}"),
            Cause::Q850(number) => format!("q850 {number}"),
        }
    }

    fn row(self) -> Option<&'static str> {
        let (table, number) = match self {
            Cause::Sip(number) => (SIP, number),
            Cause::Q850(number) => (Q850, number),
        };
        table.iter().find(|(_, numbers)| numbers.contains(&number)).map(|(outcome, _)| *outcome)
    }
}

/// Normal, unspecified: a fault if it was not answered, nobody knows what if it was.
const UNSPECIFIED: u64 = 31;

type Table = &'static [(&'static str, &'static [u64])];

/// Final SIP responses.
const SIP: Table = &[
    ("completed", &[200]),
    ("no_answer", &[408, 480, 487]),
    ("busy", &[486, 600]),
    ("rejected", &[603]),
    ("invalid_number", &[404, 410, 484, 485, 604]),
    ("blocked", &[403, 607, 608]),
    ("account_error", &[401, 402, 407]),
    ("config_error", &[400, 488, 501, 606]),
    ("provider_fault", &[302, 482, 483, 500, 502, 503, 504]),
];

/// Causes of release. 0 is none of Q.850's: whoever cleared the call gave no cause.
const Q850: Table = &[
    ("completed", &[16]),
    ("no_answer", &[0, 18, 19, 20]),
    ("busy", &[17]),
    ("rejected", &[21]),
    ("invalid_number", &[1, 22, 28]),
    ("blocked", &[54]),
    ("account_error", &[50, 52, 57]),
    ("config_error", &[2, 3, 29, 58]),
    ("provider_fault", &[23, 27, UNSPECIFIED, 34, 38, 41, 42, 44, 102]),
];

#[cfg(test)]
mod tests;
