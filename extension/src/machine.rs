//! State machines as rows: `dialer.machine_edge`, read once a backend.
//!
//! INVARIANT: what is remembered here is never older than the last committed change. A statement
//! trigger on the table sends a relation-cache invalidation, which reaches every session at commit
//! (and this one at once, also when it rolls back); our callback then drops what was read.

use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::rc::Rc;

/// Where a machine's edges start for rows that are new; also how Mermaid writes it.
pub const START: &str = "[*]";

/// One machine: its states in order, and for each pair whether the move is legal.
pub struct Machine {
    pub name: String,
    states: Vec<String>,
    /// `legal[from * states.len() + to]`
    legal: Vec<bool>,
    /// Empty if rows may begin anywhere.
    initial: Vec<bool>,
}

impl Machine {
    fn from_edges(name: &str, edges: &[(String, String)]) -> Machine {
        let ends = edges.iter().flat_map(|(from, to)| [from, to]);
        let states: BTreeSet<&String> = ends.filter(|state| *state != START).collect();
        let states: Vec<String> = states.into_iter().cloned().collect();
        let mut machine = Machine {
            name: name.to_string(),
            legal: vec![false; states.len() * states.len()],
            initial: Vec::new(),
            states,
        };
        for (from, to) in edges {
            machine.add(from, to);
        }
        machine
    }

    fn add(&mut self, from: &str, to: &str) {
        let Some(to) = self.index(to.as_bytes()) else { return };
        let count = self.states.len();
        if from == START {
            self.initial.resize(count, false);
            self.initial[to] = true;
        } else if let Some(from) = self.index(from.as_bytes()) {
            self.legal[from * count + to] = true;
        }
    }

    /// The number of a state; `None` if the machine does not know it.
    pub fn index(&self, state: &[u8]) -> Option<usize> {
        self.states.binary_search_by(|known| known.as_bytes().cmp(state)).ok()
    }

    pub fn may_go(&self, from: usize, to: usize) -> bool {
        self.legal[from * self.states.len() + to]
    }

    pub fn may_begin(&self, state: usize) -> bool {
        self.initial.is_empty() || self.initial[state]
    }

    /// Where a row may go from a state, as a list for people.
    pub fn moves_from(&self, from: usize) -> Vec<&str> {
        (0..self.states.len())
            .filter(|to| self.may_go(from, *to))
            .map(|to| self.states[to].as_str())
            .collect()
    }

    /// Where a row may begin, as a list for people.
    pub fn beginnings(&self) -> Vec<&str> {
        (0..self.states.len())
            .filter(|state| self.may_begin(*state))
            .map(|state| self.states[state].as_str())
            .collect()
    }
}

thread_local! {
    static KNOWN: RefCell<Option<HashMap<String, Rc<Machine>>>> = const { RefCell::new(None) };
    /// The table that was read, and whether it has changed since.
    static TABLE: Cell<pg_sys::Oid> = const { Cell::new(pg_sys::InvalidOid) };
    static CHANGED: Cell<bool> = const { Cell::new(false) };
    /// Goes up with every change of any relation, enum or machine.
    static GENERATION: Cell<u64> = const { Cell::new(0) };
}

/// What was derived from the catalog or from machines at another generation is no longer valid.
pub fn generation() -> u64 {
    GENERATION.get()
}

/// Called once a backend, when the library is loaded.
pub fn watch_changes() {
    // SAFETY: both callbacks only write to cells and stay loaded as long as the backend.
    unsafe {
        pg_sys::CacheRegisterRelcacheCallback(Some(relation_changed), pg_sys::Datum::null());
        pg_sys::CacheRegisterSyscacheCallback(
            pg_sys::SysCacheIdentifier::ENUMOID as i32,
            Some(enum_changed),
            pg_sys::Datum::null(),
        );
    }
}

/// May come at any point at which Postgres reads messages, so it only leaves a note.
unsafe extern "C-unwind" fn relation_changed(_: pg_sys::Datum, relation: pg_sys::Oid) {
    GENERATION.set(GENERATION.get().wrapping_add(1));
    if relation == pg_sys::InvalidOid || relation == TABLE.get() {
        CHANGED.set(true);
    }
}

/// A renamed label keeps its number.
unsafe extern "C-unwind" fn enum_changed(_: pg_sys::Datum, _cache: i32, _hash: u32) {
    GENERATION.set(GENERATION.get().wrapping_add(1));
}

/// The machine of that name, as it is now.
pub fn named(name: &str) -> Option<Rc<Machine>> {
    if CHANGED.replace(false) {
        KNOWN.set(None);
    }
    if KNOWN.with_borrow(Option::is_none) {
        let machines = read_all();
        KNOWN.set(Some(machines));
    }
    KNOWN.with_borrow(|known| known.as_ref()?.get(name).cloned())
}

fn read_all() -> HashMap<String, Rc<Machine>> {
    let mut edges: HashMap<String, Vec<(String, String)>> = HashMap::new();
    for (machine, from, to) in read_edges() {
        edges.entry(machine).or_default().push((from, to));
    }
    let build = |(name, edges): (String, Vec<_>)| {
        let machine = Rc::new(Machine::from_edges(&name, &edges));
        (name, machine)
    };
    edges.into_iter().map(build).collect()
}

/// Reads the table itself, not through SQL: whoever updates a guarded table needs no right to read
/// machines, and the snapshot is of this moment even in a transaction that keeps an old one.
fn read_edges() -> Vec<(String, String, String)> {
    let mut edges = Vec::new();
    // SAFETY: the relation is open and locked while it is scanned, tuples are read before the scan
    // moves on, and an error ends the transaction, which releases both.
    unsafe {
        let schema = pg_sys::get_namespace_oid(c"dialer".as_ptr(), true);
        let table = pg_sys::get_relname_relid(c"machine_edge".as_ptr(), schema);
        TABLE.set(table);
        if table == pg_sys::InvalidOid {
            return edges;
        }
        let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
        let relation = pg_sys::table_open(table, lock);
        let scan = pg_sys::systable_beginscan(
            relation,
            pg_sys::InvalidOid,
            false,
            std::ptr::null_mut(),
            0,
            std::ptr::null_mut(),
        );
        loop {
            let tuple = pg_sys::systable_getnext(scan);
            if tuple.is_null() {
                break;
            }
            let text = |column| text_of(tuple, column, (*relation).rd_att);
            if let (Some(machine), Some(from), Some(to)) = (text(1), text(2), text(3)) {
                edges.push((machine, from, to));
            }
        }
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(relation, lock);
    }
    edges
}

/// # Safety
/// The tuple must be valid and of that shape, and the column of type text.
unsafe fn text_of(
    tuple: pg_sys::HeapTuple,
    column: usize,
    shape: pg_sys::TupleDesc,
) -> Option<String> {
    let column = NonZeroUsize::new(column)?;
    // SAFETY: promised by the caller.
    unsafe {
        let datum = pgrx::htup::heap_getattr_raw(tuple, column, shape)?;
        String::from_datum(datum, false)
    }
}

/// Trigger of `dialer.machine_edge`: tells all sessions that machines have changed.
#[pg_trigger(sql = false)]
fn forget_machines<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, AllocatedByPostgres>>, PgTriggerError> {
    let table = trigger.relation()?.oid();
    // SAFETY: the relation exists, a statement on it is running.
    unsafe { pg_sys::CacheInvalidateRelcacheByRelid(table) };
    Ok(None)
}
