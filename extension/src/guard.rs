//! `dialer.guard_transition('machine', 'column')`: a row trigger that lets a column move along the
//! edges of a machine only, on anybody's table, whoever runs the statement.
//!
//! Attributes are read raw, and what a trigger needs to know of its table is remembered per backend:
//! a legal move costs 60 ns for an enum and 130 ns for a text (500,000 rows, release build), where
//! pgrx' tuples cost 4 to 5 us.

use crate::machine::{self, Machine};
use crate::raise::{Complaint, raise};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::CStr;
use std::num::NonZeroUsize;
use std::rc::Rc;

/// LIMIT: guarded triggers remembered in one backend.
const REMEMBERED_MAX: usize = 4096;
/// LIMIT: labels of one enum remembered; more are looked up each time.
const LABELS_MAX: usize = 256;

/// What a trigger needs to know, found once.
struct Guard {
    machine: Rc<Machine>,
    column: NonZeroUsize,
    is_enum: bool,
    /// Enum labels met so far, and the states that they are.
    labels: RefCell<Vec<(pg_sys::Oid, Option<usize>)>>,
}

#[derive(Default)]
struct Remembered {
    generation: u64,
    guards: HashMap<pg_sys::Oid, Rc<Guard>>,
}

thread_local! {
    static REMEMBERED: RefCell<Remembered> = RefCell::default();
}

/// One firing of the trigger. Pointers are valid for as long as the call lasts.
#[derive(Clone, Copy)]
struct Firing<'a> {
    data: &'a pg_sys::TriggerData,
}

/// A row's state: a number of the machine, or a word that the machine does not know.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Null,
    Unknown,
    Known(usize),
}

#[unsafe(no_mangle)]
pub extern "C-unwind" fn pg_finfo_guard_transition() -> &'static pg_sys::Pg_finfo_record {
    const VERSION_1: pg_sys::Pg_finfo_record = pg_sys::Pg_finfo_record { api_version: 1 };
    &VERSION_1
}

/// # Safety
/// Called by Postgres.
#[pg_guard]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn guard_transition(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: Postgres passes a valid call; its context is checked before it is used.
    let firing = unsafe { Firing::of(call) };
    let guard = guard_of(firing);
    let (old, new) = firing.tuples();
    let to = firing.state(&guard, new);
    match old.map(|old| firing.state(&guard, old)) {
        None | Some(State::Null) => check_beginning(firing, &guard, to, new),
        Some(from) => check_move(firing, &guard, from, to),
    }
    pg_sys::Datum::from(new)
}

impl<'a> Firing<'a> {
    /// # Safety
    /// The call must come from Postgres.
    unsafe fn of(call: pg_sys::FunctionCallInfo) -> Firing<'a> {
        // SAFETY: a call's context is null or a node.
        let is_trigger = unsafe {
            !(*call).context.is_null() && (*(*call).context).type_ == pg_sys::NodeTag::T_TriggerData
        };
        if !is_trigger {
            misuse("dialer.guard_transition is a trigger function", "It was called as a function.");
        }
        // SAFETY: the node is trigger data, as just checked.
        let data = unsafe { &*(*call).context.cast::<pg_sys::TriggerData>() };
        let row_event = data.tg_event & pg_sys::TRIGGER_EVENT_ROW != 0;
        let kind = data.tg_event & pg_sys::TRIGGER_EVENT_OPMASK;
        if !row_event
            || !matches!(kind, pg_sys::TRIGGER_EVENT_INSERT | pg_sys::TRIGGER_EVENT_UPDATE)
        {
            misuse(
                "dialer.guard_transition guards inserted and updated rows only",
                "The trigger is for each statement, or for delete or truncate.",
            );
        }
        Firing { data }
    }

    /// The row before (of an update) and after.
    fn tuples(self) -> (Option<pg_sys::HeapTuple>, pg_sys::HeapTuple) {
        match self.data.tg_event & pg_sys::TRIGGER_EVENT_OPMASK {
            pg_sys::TRIGGER_EVENT_UPDATE => (Some(self.data.tg_trigtuple), self.data.tg_newtuple),
            _ => (None, self.data.tg_trigtuple),
        }
    }

    fn shape(self) -> pg_sys::TupleDesc {
        // SAFETY: a trigger's relation is open.
        unsafe { (*self.data.tg_relation).rd_att }
    }

    fn state(self, guard: &Guard, tuple: pg_sys::HeapTuple) -> State {
        // SAFETY: the tuple is of the relation's shape, and the column is one of its columns.
        let Some(datum) =
            (unsafe { pgrx::htup::heap_getattr_raw(tuple, guard.column, self.shape()) })
        else {
            return State::Null;
        };
        let known = if guard.is_enum {
            guard.label(pg_sys::Oid::from(datum.value() as u32))
        } else {
            // SAFETY: the column's type is text or varchar, as checked when the guard was made.
            unsafe { with_text(datum, |text| guard.machine.index(text)) }
        };
        known.map_or(State::Unknown, State::Known)
    }
}

impl Guard {
    fn label(&self, label: pg_sys::Oid) -> Option<usize> {
        let known = self.labels.borrow().iter().find(|(oid, _)| *oid == label).copied();
        if let Some((_, state)) = known {
            return state;
        }
        let (word, _, _) = pgrx::enum_helper::lookup_enum_by_oid(label);
        let state = self.machine.index(word.as_bytes());
        let mut labels = self.labels.borrow_mut();
        if labels.len() < LABELS_MAX {
            labels.push((label, state));
        }
        state
    }
}

/// # Safety
/// The datum must be a varlena.
unsafe fn with_text<T>(datum: pg_sys::Datum, read: impl FnOnce(&[u8]) -> T) -> T {
    // SAFETY: promised by the caller. Plain text is not copied; toasted text is, and is freed.
    unsafe {
        let stored = datum.cast_mut_ptr::<pg_sys::varlena>();
        let plain = pg_sys::pg_detoast_datum_packed(stored);
        let answer = read(pgrx::varlena::varlena_to_byte_slice(plain));
        if plain != stored {
            pg_sys::pfree(plain.cast());
        }
        answer
    }
}

fn guard_of(firing: Firing) -> Rc<Guard> {
    // SAFETY: Postgres sets it for every trigger.
    let trigger = unsafe { (*firing.data.tg_trigger).tgoid };
    let generation = machine::generation();
    let known = REMEMBERED.with_borrow_mut(|remembered| {
        if remembered.generation != generation || remembered.guards.len() >= REMEMBERED_MAX {
            remembered.guards.clear();
            remembered.generation = generation;
        }
        remembered.guards.get(&trigger).cloned()
    });
    known.unwrap_or_else(|| {
        let guard = Rc::new(make_guard(firing));
        // Reading the catalog may have brought news; then this guard serves this row only.
        if machine::generation() == generation {
            REMEMBERED.with_borrow_mut(|all| all.guards.insert(trigger, Rc::clone(&guard)));
        }
        guard
    })
}

fn make_guard(firing: Firing) -> Guard {
    let [name, column_name] = arguments(firing);
    let machine = machine::named(&name).unwrap_or_else(|| {
        misuse(
            &format!("there is no machine \"{name}\""),
            "dialer.define_machine(name, edges) defines one; dialer.machine_edges shows all.",
        )
    });
    let table = table_name(firing);
    let number = with_c_string(&column_name, |text| {
        // SAFETY: the shape is valid and the name terminated.
        unsafe { pg_sys::SPI_fnumber(firing.shape(), text.as_ptr()) }
    });
    let Some(column) = usize::try_from(number).ok().and_then(NonZeroUsize::new) else {
        misuse(
            &format!("table \"{table}\" has no column \"{column_name}\""),
            "The trigger's second argument names the column that holds the state.",
        )
    };
    let is_enum = is_enum_column(firing, number).unwrap_or_else(|| {
        misuse(
            &format!("column \"{column_name}\" of table \"{table}\" cannot hold a state"),
            "A state is an enum, text or varchar.",
        )
    });
    Guard { machine, column, is_enum, labels: RefCell::default() }
}

fn arguments(firing: Firing) -> [String; 2] {
    // SAFETY: Postgres passes as many terminated strings as it counts.
    let words: Vec<String> = unsafe {
        let trigger = &*firing.data.tg_trigger;
        (0..usize::try_from(trigger.tgnargs).unwrap_or(0))
            .map(|i| CStr::from_ptr(*trigger.tgargs.add(i)).to_string_lossy().into_owned())
            .collect()
    };
    words.try_into().unwrap_or_else(|words: Vec<String>| {
        misuse(
            &format!("dialer.guard_transition needs 2 arguments, not {}", words.len()),
            "They are the machine and the column, as in dialer.guard_transition('call', 'state').",
        )
    })
}

/// Whether the column is an enum (or else a text); `None` if it is neither.
fn is_enum_column(firing: Firing, number: i32) -> Option<bool> {
    // SAFETY: the shape is valid, and the column is one of its columns; both look-ups take any type.
    unsafe {
        let base = pg_sys::getBaseType(pg_sys::SPI_gettypeid(firing.shape(), number));
        if pg_sys::get_typtype(base) as u8 == pg_sys::TYPTYPE_ENUM {
            return Some(true);
        }
        matches!(base, pg_sys::TEXTOID | pg_sys::VARCHAROID).then_some(false)
    }
}

fn check_move(firing: Firing, guard: &Guard, from: State, to: State) {
    let legal = match (from, to) {
        (State::Known(from), State::Known(to)) => from == to || guard.machine.may_go(from, to),
        (_, State::Null) => refuse_null(firing, guard),
        // A word that the machine does not know may stay, so that other columns can be repaired.
        _ => firing.words(guard).is_some_and(|(from, to)| from == to),
    };
    if !legal {
        refuse_move(firing, guard, from);
    }
}

fn check_beginning(firing: Firing, guard: &Guard, to: State, new: pg_sys::HeapTuple) {
    match to {
        State::Known(state) if guard.machine.may_begin(state) => {}
        State::Null => refuse_null(firing, guard),
        _ => {
            let word = firing.word(guard, new).unwrap_or_default();
            let name = &guard.machine.name;
            raise(Complaint {
                code: "PD001",
                message: format!("{} may not begin in \"{word}\"", firing.row()),
                detail: format!(
                    "In machine \"{name}\" a row begins in: {}.",
                    guard.machine.beginnings().join(", ")
                ),
                hint: format!(
                    "Insert the row there; select dialer.machine_diagram('{name}') shows the machine."
                ),
            })
        }
    }
}

fn refuse_move(firing: Firing, guard: &Guard, from: State) -> ! {
    let (from_word, to_word) = firing.words(guard).unwrap_or_default();
    let name = &guard.machine.name;
    let moves = match from {
        State::Known(from) => guard.machine.moves_from(from),
        _ => Vec::new(),
    };
    let (detail, hint) = match (from, moves.is_empty()) {
        (State::Known(_), true) => (
            format!("In machine \"{name}\" the state \"{from_word}\" is final."),
            "What has ended stays ended: insert a new row instead of changing this one.".to_string(),
        ),
        (State::Known(_), false) => (
            format!(
                "In machine \"{name}\" the legal moves from \"{from_word}\" are: {}.",
                moves.join(", ")
            ),
            format!("Move along these; select dialer.machine_diagram('{name}') shows the machine."),
        ),
        _ => (
            format!("Machine \"{name}\" has no state \"{from_word}\"."),
            "Add the state with dialer.define_machine, or correct the row with the trigger disabled."
                .to_string(),
        ),
    };
    let message = format!("{} may not go from \"{from_word}\" to \"{to_word}\"", firing.row());
    raise(Complaint { code: "PD001", message, detail, hint })
}

fn refuse_null(firing: Firing, guard: &Guard) -> ! {
    raise(Complaint {
        code: "PD002",
        message: format!("{} has no state", firing.row()),
        detail: format!(
            "A row guarded by machine \"{}\" is always in one of its states.",
            guard.machine.name
        ),
        hint: "Set the state, and declare its column not null.".to_string(),
    })
}

fn misuse(message: &str, hint: &str) -> ! {
    raise(Complaint {
        code: "PD003",
        message: message.to_string(),
        detail: "The guard works as: create trigger ... before insert or update of COLUMN on TABLE for each row execute function dialer.guard_transition('MACHINE', 'COLUMN').".to_string(),
        hint: hint.to_string(),
    })
}

/// What only error messages need.
impl Firing<'_> {
    /// The states before and after as words.
    fn words(self, guard: &Guard) -> Option<(String, String)> {
        let (old, new) = self.tuples();
        Some((self.word(guard, old?)?, self.word(guard, new)?))
    }

    fn word(self, guard: &Guard, tuple: pg_sys::HeapTuple) -> Option<String> {
        self.value(tuple, i32::try_from(guard.column.get()).ok()?)
    }

    fn value(self, tuple: pg_sys::HeapTuple, column: i32) -> Option<String> {
        // SAFETY: the tuple is of the relation's shape; the answer is null or a terminated string.
        unsafe {
            let text = pg_sys::SPI_getvalue(tuple, self.shape(), column);
            (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
        }
    }

    /// The table and, where its primary key is one column, the row: `call 42`.
    fn row(self) -> String {
        let table = table_name(self);
        let key = self.key_column().and_then(|column| self.value(self.tuples().1, column));
        match key {
            Some(key) => format!("{table} {key}"),
            None => format!("a row of {table}"),
        }
    }

    fn key_column(self) -> Option<i32> {
        // SAFETY: the relation is open; the set is a copy in our memory context.
        unsafe {
            let columns = pg_sys::RelationGetIndexAttrBitmap(
                self.data.tg_relation,
                pg_sys::IndexAttrBitmapKind::INDEX_ATTR_BITMAP_PRIMARY_KEY,
            );
            // Members are shifted so that system columns are not negative.
            (pg_sys::bms_num_members(columns) == 1).then(|| {
                pg_sys::bms_singleton_member(columns) + pg_sys::FirstLowInvalidHeapAttributeNumber
            })
        }
    }
}

fn table_name(firing: Firing) -> String {
    // SAFETY: the relation is open and its name terminated.
    unsafe {
        let name = CStr::from_ptr((*(*firing.data.tg_relation).rd_rel).relname.data.as_ptr());
        name.to_string_lossy().into_owned()
    }
}

fn with_c_string<T>(text: &str, use_it: impl FnOnce(&CStr) -> T) -> T {
    // Proof: the text came from a terminated string.
    use_it(&std::ffi::CString::new(text).expect("a trigger's argument holds no zero byte"))
}
