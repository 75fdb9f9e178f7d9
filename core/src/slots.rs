//! Exact instants for calls that share rates: an account's, a campaign's, a caller id's.

use crate::Instant;
use std::collections::{BTreeMap, VecDeque};

/// A rate as exact instants: nothing before `next`, and then one every `step` microseconds.
///
/// ```
/// use dialer_core::{Instant, Pace, SECOND};
/// let pace = Pace { next: Instant::from_micros(0), step: SECOND };
/// assert_eq!(pace.step, 1_000_000);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    pub next: Instant,
    /// Microseconds, zero or more.
    pub step: i64,
}

/// A call that wants a slot: when it is ready, and the paces that it keeps (indexes).
///
/// ```
/// use dialer_core::{Instant, Wish};
/// let wish = Wish { ready: Instant::from_micros(0), paces: [0, 0, 0] };
/// assert_eq!(wish.paces.len(), 3);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    pub ready: Instant,
    pub paces: [usize; 3],
}

/// Gives every call the earliest instant that keeps all its paces, and moves the paces on.
///
/// Whoever can go first goes first, so that a call that waits for its campaign's pace does not
/// hold up those that need not; between equals the order given decides. An index beyond the
/// paces means none.
///
/// ```
/// use dialer_core::{Instant, Pace, SECOND, Wish, assign_slots};
/// let at = |second| Instant::from_micros(second * SECOND);
/// // The account takes one call a second, the first campaign one every three.
/// let mut paces = [Pace { next: at(0), step: SECOND }, Pace { next: at(0), step: 3 * SECOND }];
/// let slow = Wish { ready: at(0), paces: [0, 1, 9] };
/// let quick = Wish { ready: at(0), paces: [0, 9, 9] };
/// assert_eq!(assign_slots(&[slow, slow, quick], &mut paces), [at(0), at(3), at(1)]);
/// assert_eq!(paces[0].next, at(4));
/// ```
pub fn assign_slots(wishes: &[Wish], paces: &mut [Pace]) -> Vec<Instant> {
    // Calls with the same paces queue up; only the heads of the queues compete.
    let mut order: Vec<usize> = (0..wishes.len()).collect();
    order.sort_by_key(|&index| (wishes[index].ready, index));
    let mut queues: BTreeMap<[usize; 3], VecDeque<usize>> = BTreeMap::new();
    for index in order {
        queues.entry(wishes[index].paces).or_default().push_back(index);
    }
    let mut slots = vec![Instant::MAX; wishes.len()];
    // Ends: every round takes one call from its queue.
    while let Some((at, index)) = queues
        .values()
        .filter_map(|queue| queue.front())
        .map(|&index| (earliest(&wishes[index], paces), index))
        .min()
    {
        let wish = &wishes[index];
        slots[index] = at;
        for &pace in &wish.paces {
            if let Some(pace) = paces.get_mut(pace) {
                pace.next = at.checked_add(pace.step).unwrap_or(Instant::MAX);
            }
        }
        if let Some(queue) = queues.get_mut(&wish.paces) {
            queue.pop_front();
            if queue.is_empty() {
                queues.remove(&wish.paces);
            }
        }
    }
    slots
}

fn earliest(wish: &Wish, paces: &[Pace]) -> Instant {
    let starts = wish.paces.iter().filter_map(|&pace| paces.get(pace)).map(|pace| pace.next);
    starts.fold(wish.ready, Instant::max)
}
