//! Stagger: spreading many calls over time, exactly and repeatably.
//!
//! A slot is a base plus an offset; the offset depends on the slot's global index alone, so that
//! working in chunks gives the same times as one pass. With hours the offset is walked as *open*
//! time: the slot after closing is tomorrow's opening. Randomness is a hash of a seed and the index.

use crate::error::Error;
use crate::instant::Instant;
use crate::open::{Opening, Span, add_open_callable, next_piece_all};
use crate::zone::ZoneRules;

/// LIMIT: pieces of open time that one series may walk, thousands of years of ordinary weeks.
const PIECES_MAX: usize = 1_000_000;
/// LIMIT: pieces that are remembered where somebody may ask for any distance; decades of ordinary weeks.
const PIECES_NEAR: usize = 10_000;

/// The base plus `index` steps; `None` outside the range of an instant.
///
/// ```
/// use dialer_core::{Instant, stagger, SECOND};
/// let base = Instant::from_micros(0);
/// assert_eq!(stagger(base, 4, 20 * SECOND), Some(Instant::from_micros(80 * SECOND)));
/// assert_eq!(stagger(base, i64::MAX, 2), None);
/// ```
pub fn stagger(base: Instant, index: i64, step_micros: i64) -> Option<Instant> {
    base.checked_add(index.checked_mul(step_micros)?)
}

/// The smallest step between calls of that average length that keeps a steady flow at or below the
/// limit of calls at once.
///
/// ```
/// use dialer_core::{safe_step, SECOND};
/// assert_eq!(safe_step(180 * SECOND, 10).unwrap(), 18 * SECOND);
/// assert!(safe_step(SECOND, 0).is_err());
/// ```
pub fn safe_step(average_micros: i64, max_concurrent: i32) -> Result<i64, Error> {
    if average_micros < 0 || max_concurrent < 1 {
        let message = format!("no step keeps calls of {average_micros} us within {max_concurrent}");
        let detail = "The duration must not be negative and at least one call must be allowed.";
        return Err(Error::limit(message, detail, "Give a limit of 1 or more calls at once."));
    }
    let concurrent = i64::from(max_concurrent);
    Ok(average_micros / concurrent + i64::from(average_micros % concurrent != 0))
}

/// How the offsets of a series grow.
///
/// ```
/// use dialer_core::Strategy;
/// assert_eq!(Strategy::Fixed.offset(3, 10, 100), Some(300));
/// assert_eq!(Strategy::Exponential { factor: 2.0, step_micros_max: None }.offset(3, 10, 100), Some(700));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Strategy {
    /// `index` steps.
    Fixed,
    /// The first gap is one step, every further gap is the one before times `factor`, up to
    /// `step_micros_max`.
    Exponential {
        /// At least 1.
        factor: f64,
        /// The longest gap.
        step_micros_max: Option<i64>,
    },
    /// `n` slots spread evenly over this much time, the first at its start and none at its end.
    Even {
        /// The time to spread over.
        total_micros: i64,
    },
    /// `index` steps, each moved later by a repeatable hash below `width_micros`.
    Jitter {
        /// The same seed gives the same times.
        seed: i64,
        /// The hash's upper bound; zero gives the fixed strategy.
        width_micros: i64,
    },
    /// These offsets, one a slot.
    Custom {
        /// Microseconds after the base.
        offsets: Vec<i64>,
    },
}

impl Strategy {
    /// Checks the parameters.
    ///
    /// ```
    /// use dialer_core::Strategy;
    /// assert!(Strategy::Custom { offsets: vec![0, 5] }.check(2, 0).is_ok());
    /// assert!(Strategy::Custom { offsets: vec![0, 5] }.check(3, 0).is_err());
    /// ```
    pub fn check(&self, n: i64, step_micros: i64) -> Result<(), Error> {
        let refuse = |message: &str, detail: &str, hint: &str| {
            Err(Error::limit(message.to_string(), detail, hint))
        };
        if step_micros < 0 {
            let hint = "Give a step of zero or more.";
            return refuse("stagger step is negative", "Slots go forward in time.", hint);
        }
        match self {
            Strategy::Exponential { factor, .. }
                if *factor != 1.0 && !(1.01..=1000.0).contains(factor) =>
            {
                let detail = "The gaps of an exponential stagger must not get shorter.";
                refuse(
                    "stagger factor is out of range",
                    detail,
                    "Give a factor of 1, or from 1.01 to 1000.",
                )
            }
            Strategy::Exponential { step_micros_max: Some(max), .. } if *max < 0 => {
                let hint = "Give a longest step of zero or more.";
                refuse("longest stagger step is negative", "Slots go forward in time.", hint)
            }
            Strategy::Jitter { width_micros, .. } if *width_micros < 0 => {
                let hint = "Give a jitter of zero or more.";
                refuse("stagger jitter is negative", "Slots are only moved later.", hint)
            }
            Strategy::Even { total_micros } if *total_micros < 0 => {
                let hint = "Give an end after the base.";
                refuse("stagger ends before it starts", "There is no time to spread over.", hint)
            }
            Strategy::Custom { offsets } if (offsets.len() as i64) < n => {
                let detail = "A custom stagger needs one offset for every slot.";
                refuse("stagger has too few offsets", detail, "Give as many offsets as slots.")
            }
            Strategy::Custom { offsets } if offsets.iter().any(|offset| *offset < 0) => {
                let hint = "Give offsets of zero or more.";
                refuse("stagger offset is negative", "Slots do not lie before the base.", hint)
            }
            _ => Ok(()),
        }
    }

    /// The offset of slot `index` of `n`, in microseconds; `None` if there is no such slot or it is
    /// out of range.
    ///
    /// ```
    /// use dialer_core::Strategy;
    /// assert_eq!(Strategy::Even { total_micros: 100 }.offset(1, 4, 0), Some(25));
    /// assert_eq!(Strategy::Fixed.offset(-1, 4, 1), None);
    /// ```
    pub fn offset(&self, index: i64, n: i64, step_micros: i64) -> Option<i64> {
        if index < 0 || index >= n {
            return None;
        }
        match self {
            Strategy::Fixed => index.checked_mul(step_micros),
            Strategy::Exponential { factor, step_micros_max } => {
                exponential(index, step_micros, *factor, step_micros_max.unwrap_or(i64::MAX))
            }
            Strategy::Even { total_micros } => {
                i64::try_from(i128::from(*total_micros) * i128::from(index) / i128::from(n)).ok()
            }
            Strategy::Jitter { seed, width_micros } => {
                let late = match u64::try_from(*width_micros) {
                    Ok(width) if width > 0 => hash(*seed, index) % width,
                    _ => 0,
                };
                index.checked_mul(step_micros)?.checked_add(late as i64)
            }
            Strategy::Custom { offsets } => offsets.get(index as usize).copied(),
        }
    }
}

/// The sum of `index` gaps: step, step x factor, step x factor^2 ..., each at most `step_max`.
fn exponential(index: i64, step: i64, factor: f64, step_max: i64) -> Option<i64> {
    let mut sum: i64 = 0;
    let mut gap = step as f64;
    let mut done = 0;
    // LIMIT: a factor of 1.01 or more reaches the longest gap or the end of time within 4,400 rounds;
    // at a factor of 1, or once the longest gap is reached, the rest is a product.
    while done < index {
        let rounded = if gap >= step_max as f64 { step_max } else { gap.round() as i64 };
        if rounded == step_max || factor < 1.01 || rounded == 0 {
            return sum.checked_add(rounded.checked_mul(index - done)?);
        }
        sum = sum.checked_add(rounded)?;
        gap *= factor;
        done += 1;
    }
    Some(sum)
}

/// A well-mixed number from a seed and an index: one round of a multiply-and-shift finalizer for
/// each.
fn hash(seed: i64, index: i64) -> u64 {
    let mix = |mut bits: u64| {
        bits = (bits ^ (bits >> 31)).wrapping_mul(0x7FB5_D329_728E_A185);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x81DA_DEF4_BC2D_D44D);
        bits ^ (bits >> 33)
    };
    mix(mix(seed as u64 ^ 0x5851_F42D_4C95_7F2D).wrapping_add(index as u64))
}

/// Turns offsets of open time into instants, remembering the open pieces it has walked.
///
/// ```
/// use dialer_core::{Hours, IanaZone, Instant, Opening, OpenTime, HOUR};
/// let hours = Hours::parse("09:00-17:00").unwrap();
/// let day = [Opening::new(&hours, IanaZone::parse("UTC").unwrap())];
/// let mut open_time = OpenTime::from(Instant::from_micros(16 * HOUR));
/// assert_eq!(open_time.instant(&day, 0), Some(Instant::from_micros(16 * HOUR)));
/// assert_eq!(open_time.instant(&day, HOUR), Some(Instant::from_micros(33 * HOUR)));
/// ```
#[derive(Debug, Clone)]
pub struct OpenTime {
    base: Instant,
    next_from: Instant,
    walked_micros: i64,
    /// Every piece with the open time that lies before it.
    pieces: Vec<(i64, Span)>,
    current: usize,
}

impl From<Instant> for OpenTime {
    /// Counts from the first open instant at or after `base`.
    fn from(base: Instant) -> Self {
        OpenTime { base, next_from: base, walked_micros: 0, pieces: Vec::new(), current: 0 }
    }
}

impl OpenTime {
    /// The open instant after that much open time; `None` if nothing opens any more. The openings
    /// must be the same at every call.
    ///
    /// ```
    /// use dialer_core::{IanaZone, Instant, OpenTime};
    /// assert_eq!(OpenTime::from(Instant::MIN).instant::<IanaZone>(&[], 5), None);
    /// ```
    pub fn instant<Z: ZoneRules>(
        &mut self,
        openings: &[Opening<'_, Z>],
        offset_micros: i64,
    ) -> Option<Instant> {
        if offset_micros < 0 {
            return None;
        }
        if let Some(at) = self.in_piece(self.current, offset_micros) {
            return Some(at);
        }
        // Each round walks one piece.
        while self.walked_micros <= offset_micros {
            self.walk(openings)?;
        }
        let after = self.pieces.partition_point(|(before, _)| *before <= offset_micros);
        self.current = after.checked_sub(1)?;
        self.in_piece(self.current, offset_micros)
    }

    /// The same for any distance: what lies beyond decades of ordinary weeks is found by leaps, and
    /// not remembered.
    ///
    /// ```
    /// use dialer_core::{DAY, Hours, IanaZone, Instant, Opening, OpenTime, add_open_callable};
    /// let hours = Hours::parse("Su 00:00-00:01").unwrap();
    /// let minute = [Opening::new(&hours, IanaZone::parse("UTC").unwrap())];
    /// let base = Instant::from_micros(0);
    /// let far = OpenTime::from(base).near_or_far(&minute, 30 * DAY);
    /// assert_eq!(far, add_open_callable(&minute, base, 30 * DAY));
    /// ```
    pub fn near_or_far<Z: ZoneRules>(
        &mut self,
        openings: &[Opening<'_, Z>],
        offset_micros: i64,
    ) -> Option<Instant> {
        // Each round walks one piece.
        while self.walked_micros <= offset_micros && self.pieces.len() < PIECES_NEAR {
            self.walk(openings)?;
        }
        if self.walked_micros <= offset_micros {
            return add_open_callable(openings, self.base, offset_micros);
        }
        self.instant(openings, offset_micros)
    }

    fn in_piece(&self, index: usize, offset_micros: i64) -> Option<Instant> {
        let (before, span) = *self.pieces.get(index)?;
        let inside = offset_micros.checked_sub(before)?;
        (0..span.micros()).contains(&inside).then(|| span.from.saturating_add(inside))
    }

    fn walk<Z: ZoneRules>(&mut self, openings: &[Opening<'_, Z>]) -> Option<()> {
        if self.pieces.len() >= PIECES_MAX {
            return None;
        }
        let piece = next_piece_all(openings, self.next_from)?;
        self.pieces.push((self.walked_micros, piece));
        self.walked_micros = self.walked_micros.checked_add(piece.micros())?;
        self.next_from = piece.to;
        Some(())
    }
}

#[cfg(test)]
mod tests;
