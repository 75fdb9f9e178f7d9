//! Repeatable chance: a value in [0, 1) from the seed, the number, the how-manieth call and a salt.
//!
//! Nothing here depends on the order in which calls arrive, so a run can be repeated exactly.

/// What a roll is about; two salts give independent values.
#[derive(Debug, Clone, Copy)]
pub struct Dice<'a> {
    pub seed: u64,
    pub number: &'a str,
    pub nth: u32,
}

impl Dice<'_> {
    pub fn roll(&self, salt: &str) -> f64 {
        let mut hash = absorb(OFFSET, &self.seed.to_le_bytes());
        hash = absorb(hash, self.number.as_bytes());
        hash = absorb(hash, &self.nth.to_le_bytes());
        hash = absorb(hash, salt.as_bytes());
        (finish(hash) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with the given probability.
    pub fn happens(&self, salt: &str, probability: f64) -> bool {
        probability > 0.0 && self.roll(salt) < probability
    }

    /// A value between the bounds.
    pub fn between(&self, salt: &str, span: Span) -> f64 {
        span.from + (span.to - span.from) * self.roll(salt)
    }
}

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// FNV-1a over some bytes.
fn absorb(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

/// The finishing steps of splitmix64: FNV alone leaves the high bits of short keys alike.
fn finish(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// A range of values, written `4..22` or `10`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    pub from: f64,
    pub to: f64,
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Span, String> {
        let (from, to) = text.split_once("..").unwrap_or((text, text));
        let number = |part: &str| part.trim().parse::<f64>().ok().filter(|value| *value >= 0.0);
        match (number(from), number(to)) {
            (Some(from), Some(to)) if from <= to => Ok(Span { from, to }),
            _ => Err(format!("`{text}` is not a range such as 4..22")),
        }
    }
}
