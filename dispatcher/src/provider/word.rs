//! A vendor's vocabulary as data: each word it can say, of which kind, and what it means to us.
//!
//! The tables are compiled in, and shipped as `dialer.provider_word` so that tenants can see them.
//! A word that ends in `*` stands for all words that begin so; the longest that fits counts, a
//! whole word before all of them. A word that no row fits has no outcome and goes to review.

/// Where a vendor says a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordKind {
    /// The state of a call.
    Status,
    /// Why a call ended.
    EndedReason,
    /// Who or what answered.
    AnsweredBy,
    /// An error of the vendor's API, by code or text.
    Error,
    /// A SIP response code.
    Sip,
    /// A Q.850 cause.
    Q850,
}

impl WordKind {
    /// The word of the database.
    pub fn as_str(self) -> &'static str {
        match self {
            WordKind::Status => "status",
            WordKind::EndedReason => "ended_reason",
            WordKind::AnsweredBy => "answered_by",
            WordKind::Error => "error",
            WordKind::Sip => "sip",
            WordKind::Q850 => "q850",
        }
    }
}

/// One row of a vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    pub kind: WordKind,
    pub word: &'static str,
    /// None where the word alone says nothing about the end of a call.
    pub outcome: Option<&'static str>,
    pub note: &'static str,
}

impl Word {
    /// How well the row fits a word: by how many letters, a whole word best.
    fn fits(&self, said: &str) -> Option<usize> {
        match self.word.strip_suffix('*') {
            _ if self.word == said => Some(usize::MAX),
            Some(beginning) if said.starts_with(beginning) => Some(beginning.len()),
            _ => None,
        }
    }
}

/// Writes a vocabulary in groups: kind, outcome, remark, and the words that they hold for.
macro_rules! vocabulary {
    ($($kind:ident, $outcome:expr, $note:literal: $($word:literal)+;)*) => {
        &[$($($crate::provider::Word {
            kind: $crate::provider::WordKind::$kind,
            word: $word,
            outcome: $outcome,
            note: $note,
        },)+)*]
    };
}
pub(super) use vocabulary;

/// The row for a word; none when nobody knows it.
pub fn find(words: &'static [Word], kind: WordKind, said: &str) -> Option<&'static Word> {
    let fitting = words.iter().filter(|word| word.kind == kind);
    let ranked = fitting.filter_map(|word| Some((word.fits(said)?, word)));
    ranked.max_by_key(|(length, _)| *length).map(|(_, word)| word)
}

/// The outcome of a word; none when it is not known or says nothing by itself.
pub fn outcome(words: &'static [Word], kind: WordKind, said: &str) -> Option<&'static str> {
    find(words, kind, said)?.outcome
}

/// The row whose words stand within a text, in capital or small letters; the longest counts.
pub fn within(
    words: impl IntoIterator<Item = &'static Word>,
    kind: WordKind,
    text: &str,
) -> Option<&'static Word> {
    let text = text.to_lowercase();
    let rows = words.into_iter().filter(|word| word.kind == kind);
    rows.filter(|word| text.contains(&word.word.to_lowercase())).max_by_key(|word| word.word.len())
}

#[cfg(test)]
mod tests;
