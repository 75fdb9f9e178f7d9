//! The machines that pg_dialer itself relies on, offered to SQL as rows.

use crate::machine::START;
use dialer_core::Machine;
use pgrx::prelude::*;

#[pg_extern(sql = false)]
fn built_in_edges() -> TableIterator<
    'static,
    (name!(machine, String), name!(from_state, String), name!(to_state, String)),
> {
    let machines = Machine::builtin_names().filter_map(Machine::builtin);
    let edges: Vec<(String, String, String)> = machines.flat_map(|it| rows(&it)).collect();
    TableIterator::new(edges)
}

fn rows(machine: &Machine) -> Vec<(String, String, String)> {
    let start = std::iter::once((START, machine.initial()));
    let row = |(from, to): (&str, &str)| (machine.name().into(), from.into(), to.into());
    start.chain(machine.edges()).map(row).collect()
}
