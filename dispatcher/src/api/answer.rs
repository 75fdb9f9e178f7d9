//! What the API answers: `{success: true, data}`, or `{success: false, error}` with a code.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;
use utoipa::ToSchema;

/// An answer that is no refusal.
#[derive(Serialize, ToSchema)]
pub struct Success<T> {
    #[schema(example = true)]
    pub success: bool,
    pub data: T,
}

/// An answer that says no, and why.
#[derive(Serialize, ToSchema)]
pub struct Failure {
    #[schema(example = false)]
    pub success: bool,
    pub error: Problem,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// Which kind of error, for programs: VALIDATION_ERROR, INVALID_OPERATION, ...
    pub code: &'static str,
    /// What was wrong, with the value.
    pub message: String,
    /// The rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub details: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub hint: Option<String>,
    /// The database's own code, see docs/errors.md.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub sqlstate: Option<String>,
}

pub struct Answer<T> {
    pub status: StatusCode,
    pub data: T,
}

impl<T> Answer<T> {
    pub fn ok(data: T) -> Answer<T> {
        Answer { status: StatusCode::OK, data }
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        (self.status, Json(Success { success: true, data: self.data })).into_response()
    }
}

/// What every handler returns.
pub type Answered<T> = Result<Answer<T>, Refusal>;

/// Why there is no new answer.
#[derive(Debug)]
pub enum Refusal {
    No(Box<No>),
    /// The same was asked before under the same key: the answer of then.
    Again {
        status: StatusCode,
        data: Value,
    },
}

#[derive(Debug)]
pub struct No {
    status: StatusCode,
    problem: Problem,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Refusal {
        let message = message.into();
        let problem = Problem { code, message, details: None, hint: None, sqlstate: None };
        Refusal::No(Box::new(No { status, problem, retry_after: None }))
    }

    pub fn invalid(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", message)
    }

    pub fn not_found(code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, code, message)
    }

    pub fn no_such_call(id: &str) -> Refusal {
        let message = format!("scheduled call {id:?} does not exist");
        Refusal::not_found("SCHEDULED_CALL_NOT_FOUND", message)
            .with_hint("GET /api/v1/scheduling/scheduled-calls lists those of a user")
    }

    pub fn with_hint(self, hint: impl Into<String>) -> Refusal {
        self.changed(|no| no.problem.hint = Some(hint.into()))
    }

    pub fn retry_after(self, wait: Duration) -> Refusal {
        self.changed(|no| no.retry_after = Some(wait))
    }

    pub fn from_database(
        said: &tokio_postgres::error::DbError,
        status: StatusCode,
        code: &'static str,
    ) -> Refusal {
        Refusal::new(status, code, said.message()).changed(|no| {
            no.problem.details = said.detail().map(str::to_owned);
            no.problem.hint = said.hint().map(str::to_owned);
            no.problem.sqlstate = Some(said.code().code().to_owned());
        })
    }

    fn changed(mut self, change: impl FnOnce(&mut No)) -> Refusal {
        if let Refusal::No(no) = &mut self {
            change(no);
        }
        self
    }

    /// The same with another code, where it has this one.
    pub fn renamed(self, from: &str, to: &'static str) -> Refusal {
        self.changed(|no| {
            if no.problem.code == from {
                no.problem.code = to;
            }
        })
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Refusal::No(no) => no.into_response(),
            Refusal::Again { status, data } => {
                let replayed = [(HeaderName::from_static("idempotent-replayed"), "true")];
                let body = Json(json!({ "success": true, "data": data }));
                (status, replayed, body).into_response()
            }
        }
    }
}

impl IntoResponse for No {
    fn into_response(self) -> Response {
        let body = Json(Failure { success: false, error: self.problem });
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
