//! What the database refuses, as an answer: which status, which code.
//!
//! Bad input is never an error of ours; an error of ours is logged here, once, and tells the asker
//! nothing of what lies inside.

use super::answer::Refusal;
use crate::db;
use axum::http::StatusCode;
use std::time::Duration;

/// LIMIT: when it is worth asking again while the database is away.
const COME_AGAIN: Duration = Duration::from_secs(2);

const NO_SUCH: [(&str, &str); 11] = [
    ("PD018", "CONTACT_NOT_FOUND"),
    ("PD020", "TENANT_NOT_FOUND"),
    ("PD021", "ACCOUNT_NOT_FOUND"),
    ("PD022", "CALENDAR_NOT_FOUND"),
    ("PD023", "POLICY_NOT_FOUND"),
    ("PD025", "CAMPAIGN_NOT_FOUND"),
    ("PD028", "SCHEDULED_CALL_NOT_FOUND"),
    ("PD031", "IMPORT_NOT_FOUND"),
    ("PD051", "AGENT_NOT_FOUND"),
    ("PD052", "ENTRY_NOT_FOUND"),
    ("PD062", "BAN_NOT_FOUND"),
];

impl From<db::Error> for Refusal {
    fn from(error: db::Error) -> Refusal {
        match error.said() {
            Some(said) => said_no(said, &error),
            None => not_answered(&error),
        }
    }
}

fn said_no(said: &tokio_postgres::error::DbError, error: &db::Error) -> Refusal {
    let state = said.code().code();
    if let Some((_, code)) = NO_SUCH.iter().find(|(known, _)| *known == state) {
        return Refusal::from_database(said, StatusCode::NOT_FOUND, code);
    }
    let (status, code) = match state {
        "PD011" => (StatusCode::BAD_REQUEST, "INVALID_TIMEZONE"),
        "PD027" => (StatusCode::BAD_REQUEST, "INVALID_SCHEDULED_TIME"),
        "PD001" | "PD029" | "PD054" | "PD063" => (StatusCode::CONFLICT, "INVALID_OPERATION"),
        "PD039" => (StatusCode::UNAUTHORIZED, "UNAUTHORIZED"),
        "PD050" => (StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED"),
        "42501" => (StatusCode::FORBIDDEN, "FORBIDDEN"),
        _ => return by_class(said, error),
    };
    if state == "42501" {
        return Refusal::new(status, code, "this key may not do that");
    }
    Refusal::from_database(said, status, code)
}

fn by_class(said: &tokio_postgres::error::DbError, error: &db::Error) -> Refusal {
    let state = said.code().code();
    match (state.get(..2), state) {
        (Some("PD"), _) => {
            Refusal::from_database(said, StatusCode::BAD_REQUEST, "VALIDATION_ERROR")
        }
        // The name of a constraint is the rule that it enforces.
        (_, "23505") => {
            Refusal::new(StatusCode::CONFLICT, "ALREADY_EXISTS", rule(said.constraint()))
        }
        (_, "23502") => {
            Refusal::invalid(format!("{} is missing", said.column().unwrap_or("a value")))
        }
        (_, "23514" | "23P01") => Refusal::invalid(rule(said.constraint())),
        (_, "23503") => {
            Refusal::new(StatusCode::CONFLICT, "INVALID_OPERATION", "something still depends on it")
        }
        // Data exceptions: out of range, not of the type.
        (Some("22"), _) => Refusal::invalid(said.message()),
        // A limit of the server's own, such as that of a value that is looked up by an index.
        (Some("54"), _) => Refusal::invalid("a value is too long"),
        // Waited for somebody else's lock, or met them: worth another try.
        (_, "55P03" | "40001" | "40P01") => busy("somebody else is at it; ask again"),
        (_, "57014") => busy("it took too long; ask for less, or again"),
        (Some("53" | "57" | "08" | "25"), _) => away(),
        _ => internal(error),
    }
}

fn rule(constraint: Option<&str>) -> String {
    constraint.unwrap_or("a rule of the database").replace('_', " ")
}

fn not_answered(error: &db::Error) -> Refusal {
    match error {
        db::Error::NoRow(_) | db::Error::Shape { .. } | db::Error::Meaning { .. } => {
            internal(error)
        }
        db::Error::NoYear(_) => Refusal::invalid(error.to_string()),
        db::Error::TimedOut(_) => busy("it took too long; ask for less, or again"),
        // What cannot be written as the argument's type never reached the database.
        db::Error::Statement { source, .. }
            if !source.is_closed()
                && std::error::Error::source(source).is_some_and(is_about_values) =>
        {
            Refusal::invalid("a value is out of range")
        }
        _ => away(),
    }
}

fn is_about_values(source: &(dyn std::error::Error + 'static)) -> bool {
    !source.is::<std::io::Error>()
}

pub fn busy(message: &str) -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "BUSY", message).retry_after(COME_AGAIN)
}

fn away() -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "DATABASE_UNAVAILABLE", "the database is away")
        .retry_after(COME_AGAIN)
}

/// The login lacks what every request needs: nothing that an asker could do about.
pub fn not_set_up(error: &db::Error) -> Refusal {
    let said = error.said().map(|said| said.message()).unwrap_or_default();
    tracing::error!(
        said,
        "the login of the API lacks a right: grant dialer_api to it; dialerd doctor tells more"
    );
    broken()
}

fn internal(error: &db::Error) -> Refusal {
    // The code and not the text, in which there may be a number or a name.
    let (state, function) = (error.code(), error.function());
    tracing::error!(?state, function, "a request failed");
    broken()
}

fn broken() -> Refusal {
    let message = "an error of the server, which has been logged";
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", message)
}
