//! How many rows a series gives, for the planner: as many as its argument says, where that is known
//! when the statement is planned. Without it every series counts as long as its `rows` clause says,
//! and a join with a million slots is planned for a thousand.

use pgrx::pg_sys;
use pgrx::prelude::*;

#[unsafe(no_mangle)]
pub extern "C-unwind" fn pg_finfo_series_rows() -> &'static pg_sys::Pg_finfo_record {
    const VERSION_1: pg_sys::Pg_finfo_record = pg_sys::Pg_finfo_record { api_version: 1 };
    &VERSION_1
}

/// # Safety
/// Called by the planner, with a support request.
#[pg_guard]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn series_rows(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: the SQL function is strict and takes one internal argument, which nobody but the
    // planner can make: a node. What the node is, is asked before it is used as such.
    unsafe {
        let node = (*call).args.as_slice(1)[0].value.cast_mut_ptr::<pg_sys::Node>();
        if node.is_null() || (*node).type_ != pg_sys::NodeTag::T_SupportRequestRows {
            return pg_sys::Datum::null();
        }
        let request = &mut *node.cast::<pg_sys::SupportRequestRows>();
        match count_of(request) {
            Some(count) => {
                request.rows = count.max(0) as f64;
                pg_sys::Datum::from(node)
            }
            // No answer: the rows clause holds.
            None => pg_sys::Datum::null(),
        }
    }
}

/// # Safety
/// The request must come from the planner.
unsafe fn count_of(request: &pg_sys::SupportRequestRows) -> Option<i64> {
    // SAFETY: the planner's nodes are valid, and each is cast to what its tag says.
    unsafe {
        if request.node.is_null() || (*request.node).type_ != pg_sys::NodeTag::T_FuncExpr {
            return None;
        }
        let arguments = (*request.node.cast::<pg_sys::FuncExpr>()).args;
        PLACES.iter().find_map(|place| {
            if arguments.is_null() || *place >= (*arguments).length {
                return None;
            }
            let argument = pg_sys::list_nth(arguments, *place).cast::<pg_sys::Node>();
            let value = pg_sys::estimate_expression_value(request.root, argument);
            if value.is_null() || (*value).type_ != pg_sys::NodeTag::T_Const {
                return None;
            }
            let value = &*value.cast::<pg_sys::Const>();
            match value.consttype {
                pg_sys::INT8OID | pg_sys::INT4OID if value.constisnull => Some(0),
                pg_sys::INT8OID => Some(value.constvalue.value() as i64),
                pg_sys::INT4OID => Some(i64::from(value.constvalue.value() as i32)),
                _ => None,
            }
        })
    }
}

/// Where `n` is: the second argument of a stagger, the fourth of occurrences. The other function has
/// no integer there.
const PLACES: [i32; 2] = [1, 3];
