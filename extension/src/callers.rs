//! The choice of a caller id for each call of a claim.

use crate::raise::{Complaint, raise};
use dialer_core::Caller;
use pgrx::Array;
use pgrx::prelude::*;

/// The place (from 1) of the caller for each call, null for none.
#[pg_extern(sql = false)]
fn choose_callers(
    called: Array<'_, &str>,
    pools: Array<'_, &str>,
    numbers: Array<'_, &str>,
    number_pools: Array<'_, &str>,
    rooms: Array<'_, i32>,
    used: Array<'_, i32>,
) -> Vec<Option<i32>> {
    let lengths = [numbers.len(), number_pools.len(), rooms.len(), used.len()];
    if called.len() != pools.len() || lengths.iter().any(|&length| length != numbers.len()) {
        raise(Complaint {
            code: "PD015",
            message: format!(
                "{} numbers are called with {} pools, from {} numbers with {} pools, {} rooms and {} in use",
                called.len(),
                pools.len(),
                numbers.len(),
                number_pools.len(),
                rooms.len(),
                used.len()
            ),
            detail: "Every number has its own pool; every number to call from its room and use."
                .into(),
            hint: "Give arrays of one length.".into(),
        });
    }
    let calls: Vec<(&str, Option<&str>)> =
        called.iter().map(Option::unwrap_or_default).zip(pools.iter()).collect();
    let mut callers: Vec<Caller<'_>> = numbers
        .iter()
        .zip(number_pools.iter())
        .zip(rooms.iter().zip(used.iter()))
        .map(|((number, pool), (room, used))| Caller {
            number: number.unwrap_or_default(),
            pool: pool.unwrap_or_default(),
            room: room.unwrap_or(0).into(),
            used: used.unwrap_or(0).into(),
        })
        .collect();
    dialer_core::choose_callers(&calls, &mut callers)
        .into_iter()
        .map(|place| place.and_then(|place| i32::try_from(place + 1).ok()))
        .collect()
}
