//! Which of an account's own numbers a call goes out from.

use crate::area::zones_of;

/// A number to call from: the pool it belongs to, how many more calls may go out from it, and how
/// many are in use.
///
/// ```
/// use dialer_core::Caller;
/// let caller = Caller { number: "+12125550100", pool: "sales", room: 2, used: 0 };
/// assert_eq!(caller.room, 2);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller<'a> {
    pub number: &'a str,
    pub pool: &'a str,
    pub room: i64,
    pub used: i64,
}

/// How near two numbers look to the person who is called, 0 (not at all) to 3.
///
/// In the North American plan: 3 with the same area code, 2 with a time zone in common, 1 else.
/// Elsewhere: 3 with five leading digits in common (country and place), 1 with two (country).
///
/// ```
/// use dialer_core::nearness;
/// assert_eq!(nearness("+12125550123", "+12125550100"), 3);
/// assert_eq!(nearness("+12125550123", "+16175550100"), 2);
/// assert_eq!(nearness("+12125550123", "+13105550100"), 1);
/// assert_eq!(nearness("+442079460018", "+442079460100"), 3);
/// assert_eq!(nearness("+442079460018", "+12125550100"), 0);
/// ```
pub fn nearness(called: &str, caller: &str) -> u8 {
    let shared = called.bytes().zip(caller.bytes()).take_while(|(one, other)| one == other).count();
    let both_north_american = called.starts_with("+1") && caller.starts_with("+1");
    if both_north_american {
        let zones = zones_of(called);
        match shared {
            5.. => 3,
            _ if zones_of(caller).iter().any(|zone| zones.contains(zone)) => 2,
            _ => 1,
        }
    } else {
        match shared {
            6.. => 3,
            3.. => 1,
            _ => 0,
        }
    }
}

/// Gives each call (number and pool; no pool: any) the caller that is nearest to it, and of these
/// the one least in use, then the first; `None` where none with room is left. Uses up the room.
///
/// ```
/// use dialer_core::{Caller, choose_callers};
/// let mut callers = [
///     Caller { number: "+12125550100", pool: "sales", room: 1, used: 0 },
///     Caller { number: "+13105550100", pool: "sales", room: 9, used: 0 },
/// ];
/// let calls = [("+13105550123", None), ("+12125550123", Some("sales")), ("+12125550124", None)];
/// assert_eq!(choose_callers(&calls, &mut callers), [Some(1), Some(0), Some(1)]);
/// assert_eq!(choose_callers(&[("+13105550123", Some("care"))], &mut callers), [None]);
/// ```
pub fn choose_callers(
    calls: &[(&str, Option<&str>)],
    callers: &mut [Caller<'_>],
) -> Vec<Option<usize>> {
    let mut chosen = Vec::with_capacity(calls.len());
    for (number, pool) in calls {
        let free = callers
            .iter()
            .enumerate()
            .filter(|(_, caller)| caller.room > 0 && pool.is_none_or(|pool| pool == caller.pool));
        let best = free
            .min_by_key(|(index, caller)| {
                (u8::MAX - nearness(number, caller.number), caller.used, *index)
            })
            .map(|(index, _)| index);
        if let Some(caller) = best.and_then(|index| callers.get_mut(index)) {
            caller.room -= 1;
            caller.used += 1;
        }
        chosen.push(best);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_to_far_numbers_spread_over_all_callers() {
        let caller = |number| Caller { number, pool: "default", room: 5, used: 0 };
        let mut callers = [caller("+12125550100"), caller("+13105550100")];
        let calls = [("+442079460018", None); 4];
        assert_eq!(choose_callers(&calls, &mut callers), [Some(0), Some(1), Some(0), Some(1)]);
    }

    #[test]
    fn a_number_without_room_is_passed_over_though_it_is_near() {
        let mut callers = [
            Caller { number: "+12125550100", pool: "a", room: 0, used: 3 },
            Caller { number: "+13105550100", pool: "a", room: 1, used: 0 },
        ];
        let calls = [("+12125550123", None), ("+12125550124", None)];
        assert_eq!(choose_callers(&calls, &mut callers), [Some(1), None]);
    }

    #[test]
    fn what_is_no_number_is_near_to_nothing() {
        assert_eq!(nearness("ada@example.com", "+12125550100"), 0);
        assert_eq!(nearness("", ""), 0);
        assert_eq!(nearness("+1", "+1"), 1);
    }
}
