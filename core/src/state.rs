//! State machines as data: which moves are legal, and a picture of them.
//!
//! Our own machines are here; users define theirs the same way. A state without a way out is
//! terminal, and staying where one is, is no move.

use crate::error::Error;
use std::fmt::Write;

/// LIMIT: states of a machine, so that a row of moves is one word.
const STATES_MAX: usize = 64;
/// LIMIT: bytes of a state's name.
const NAME_MAX: usize = 63;

/// Named states and the legal moves between them.
///
/// ```
/// use dialer_core::Machine;
/// let call = Machine::builtin("call").unwrap();
/// assert!(call.allows("scheduled", "claimed"));
/// assert!(!call.allows("completed", "scheduled"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    name: String,
    /// The initial state is the first.
    states: Vec<String>,
    /// Bit j of entry i: the move from state i to state j is legal.
    moves: Vec<u64>,
}

/// From each state that can be left, the states to which one may move.
type Moves = &'static [(&'static str, &'static [&'static str])];

/// The moves of our own machines; the first state named is the initial one.
const BUILTIN: &[(&str, Moves)] =
    &[("call", CALL), ("attempt", ATTEMPT), ("preclassify", PRECLASSIFY)];

const CALL: Moves = &[
    ("scheduled", &["claimed", "cancelled", "expired", "completed", "failed"]),
    ("claimed", &["in_flight", "scheduled", "cancelled", "expired"]),
    ("in_flight", &["scheduled", "completed", "failed", "cancelled", "expired"]),
];

const ATTEMPT: Moves = &[
    ("claimed", &["intended", "released"]),
    ("intended", &["placed", "ringing", "answered", "released", "ended"]),
    ("placed", &["ringing", "answered", "ended"]),
    ("ringing", &["answered", "ended"]),
    ("answered", &["ended"]),
];

/// R093: the two-call workflow. A number that turns out to be human may be finished by the
/// classification call itself or go on to the task call: the outcome decides (C28).
const PRECLASSIFY: Moves = &[
    ("new", &["checking_classification", "failed"]),
    ("checking_classification", &["ready_to_call", "needs_classification", "failed"]),
    ("needs_classification", &["classifying", "retry_pending", "classification_failed", "failed"]),
    (
        "classifying",
        &[
            "classification_pending",
            "ready_to_call",
            "calling",
            "completed",
            "retry_pending",
            "classification_failed",
            "failed",
        ],
    ),
    ("classification_pending", &["ready_to_call", "calling", "failed"]),
    ("ready_to_call", &["calling", "retry_pending", "failed"]),
    ("calling", &["completed", "retry_pending", "failed"]),
    ("retry_pending", &["ready_to_call", "checking_classification", "failed"]),
];

impl Machine {
    /// A machine from its moves.
    ///
    /// ```
    /// use dialer_core::Machine;
    /// let door = Machine::new("door", "open", &[("open", "shut"), ("shut", "open")]).unwrap();
    /// assert_eq!(door.states(), ["open", "shut"]);
    /// assert!(Machine::new("door", "ajar", &[("open", "shut")]).is_err());
    /// ```
    pub fn new(name: &str, initial: &str, moves: &[(&str, &str)]) -> Result<Machine, Error> {
        let mut machine = Machine { name: name.to_string(), states: Vec::new(), moves: Vec::new() };
        if moves.is_empty() || !moves.iter().any(|(from, _)| *from == initial) {
            let message =
                format!("machine \"{name}\" cannot leave its initial state \"{initial}\"");
            let detail = "The initial state must be the start of at least one move.";
            return Err(Error::limit(message, detail, "Add a move from the initial state."));
        }
        machine.add_state(initial)?;
        for (from, to) in moves {
            let (from, to) = (machine.add_state(from)?, machine.add_state(to)?);
            if from == to {
                let message = format!("machine \"{name}\" moves from a state to itself");
                let detail = "Staying in a state is always allowed and is no move.";
                return Err(Error::limit(message, detail, "Leave the move out."));
            }
            machine.moves[from] |= 1 << to;
        }
        machine.check_reachable()?;
        Ok(machine)
    }

    /// One of our own machines: `call`, `attempt` or `preclassify`.
    ///
    /// ```
    /// assert!(dialer_core::Machine::builtin("attempt").is_some());
    /// assert!(dialer_core::Machine::builtin("nothing").is_none());
    /// ```
    pub fn builtin(name: &str) -> Option<Machine> {
        let (name, table) = BUILTIN.iter().find(|(known, _)| *known == name)?;
        let targets = |(from, to): &(&'static str, &'static [&'static str])| {
            let from = *from;
            to.iter().map(move |to| (from, *to)).collect::<Vec<_>>()
        };
        let moves: Vec<(&str, &str)> = table.iter().flat_map(targets).collect();
        Machine::new(name, table.first()?.0, &moves).ok()
    }

    /// The names of our own machines.
    ///
    /// ```
    /// assert!(dialer_core::Machine::builtin_names().any(|name| name == "call"));
    /// ```
    pub fn builtin_names() -> impl Iterator<Item = &'static str> {
        BUILTIN.iter().map(|(name, _)| *name)
    }

    /// Its name.
    ///
    /// ```
    /// assert_eq!(dialer_core::Machine::builtin("call").unwrap().name(), "call");
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Every state, the initial one first.
    ///
    /// ```
    /// assert_eq!(dialer_core::Machine::builtin("call").unwrap().states().len(), 7);
    /// ```
    pub fn states(&self) -> &[String] {
        &self.states
    }

    /// The state in which rows start.
    ///
    /// ```
    /// assert_eq!(dialer_core::Machine::builtin("preclassify").unwrap().initial(), "new");
    /// ```
    pub fn initial(&self) -> &str {
        self.states.first().map_or("", String::as_str)
    }

    /// Is the move legal? Unknown states have no legal moves.
    ///
    /// ```
    /// let attempt = dialer_core::Machine::builtin("attempt").unwrap();
    /// assert!(attempt.allows("ringing", "answered") && !attempt.allows("answered", "ringing"));
    /// ```
    pub fn allows(&self, from: &str, to: &str) -> bool {
        match (self.index(from), self.index(to)) {
            (Some(from), Some(to)) => self.moves[from] & (1 << to) != 0,
            _ => false,
        }
    }

    /// The states to which one may move from `from`, in the machine's order.
    ///
    /// ```
    /// let attempt = dialer_core::Machine::builtin("attempt").unwrap();
    /// assert_eq!(attempt.moves_from("claimed"), ["intended", "released"]);
    /// ```
    pub fn moves_from(&self, from: &str) -> Vec<&str> {
        let row = self.index(from).map_or(0, |index| self.moves[index]);
        let is_legal = |(index, _): &(usize, &String)| row & (1 << index) != 0;
        self.states.iter().enumerate().filter(is_legal).map(|(_, name)| name.as_str()).collect()
    }

    /// Is it a known state without a way out?
    ///
    /// ```
    /// let call = dialer_core::Machine::builtin("call").unwrap();
    /// assert!(call.is_terminal("expired") && !call.is_terminal("claimed"));
    /// assert!(!call.is_terminal("no such state"));
    /// ```
    pub fn is_terminal(&self, state: &str) -> bool {
        self.index(state).is_some_and(|index| self.moves[index] == 0)
    }

    /// Every legal move, in the machine's order.
    ///
    /// ```
    /// let attempt = dialer_core::Machine::builtin("attempt").unwrap();
    /// assert_eq!(attempt.edges().count(), 13);
    /// ```
    pub fn edges(&self) -> impl Iterator<Item = (&str, &str)> {
        let move_at = |from: usize, to: usize| {
            let is_legal = self.moves[from] & (1 << to) != 0;
            is_legal.then(|| (self.states[from].as_str(), self.states[to].as_str()))
        };
        let count = self.states.len();
        (0..count).flat_map(move |from| (0..count).filter_map(move |to| move_at(from, to)))
    }

    /// A Mermaid state diagram.
    ///
    /// ```
    /// let picture = dialer_core::Machine::builtin("attempt").unwrap().mermaid();
    /// assert!(picture.starts_with("stateDiagram-v2\n    [*] --> claimed\n"));
    /// assert!(picture.contains("    ended --> [*]\n"));
    /// ```
    pub fn mermaid(&self) -> String {
        let mut text = format!("stateDiagram-v2\n    [*] --> {}\n", self.initial());
        // Writing to a string cannot fail.
        for (from, to) in self.edges() {
            let _ = writeln!(text, "    {from} --> {to}");
        }
        for state in self.states.iter().filter(|state| self.is_terminal(state)) {
            let _ = writeln!(text, "    {state} --> [*]");
        }
        text
    }

    fn index(&self, state: &str) -> Option<usize> {
        self.states.iter().position(|known| known == state)
    }

    fn add_state(&mut self, state: &str) -> Result<usize, Error> {
        if let Some(index) = self.index(state) {
            return Ok(index);
        }
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ');
        if state.is_empty() || state.len() > NAME_MAX || !state.chars().all(is_plain) {
            let shown: String = state.chars().take(40).collect();
            let message = format!("machine \"{}\" has a state named \"{shown}\"", self.name);
            let detail = "A state is named by up to 63 bytes of letters, digits, blanks, - and _.";
            return Err(Error::limit(message, detail, "Rename the state."));
        }
        if self.states.len() >= STATES_MAX {
            let message = format!("machine \"{}\" has more than 64 states", self.name);
            return Err(Error::limit(message, "A machine has at most 64 states.", "Split it."));
        }
        self.states.push(state.to_string());
        self.moves.push(0);
        Ok(self.states.len() - 1)
    }

    fn check_reachable(&self) -> Result<(), Error> {
        let mut reached: u64 = 1;
        // Every round adds a state or is the last one.
        loop {
            let is_reached = |index: &usize| reached & (1 << index) != 0;
            let rows = (0..self.states.len()).filter(is_reached).map(|index| self.moves[index]);
            let next = rows.fold(reached, |mask, row| mask | row);
            if next == reached {
                break;
            }
            reached = next;
        }
        match (0..self.states.len()).find(|index| reached & (1 << index) == 0) {
            None => Ok(()),
            Some(index) => {
                let message = format!("state \"{}\" cannot be reached", self.states[index]);
                let detail = "Every state must be reachable from the initial one.";
                Err(Error::limit(message, detail, "Add a move that leads there, or remove it."))
            }
        }
    }
}

#[cfg(test)]
mod tests;
