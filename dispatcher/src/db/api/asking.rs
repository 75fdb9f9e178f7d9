//! A question to a function of schema `dialer`: its name, and its arguments by name.
//!
//! Arguments that are not stated are left out, so that the function's own defaults hold.

use super::super::{Error, Parameter, storable, without_nul};
use chrono::{DateTime, Datelike, NaiveDateTime, Utc};
use serde_json::{Map, Value};
use std::ops::RangeInclusive;
use tokio_postgres::types::{ToSql, Type};

/// LIMIT: years of an instant.
const YEARS: RangeInclusive<i32> = 1..=9999;

type Stored = Box<dyn ToSql + Sync + Send>;

struct Argument {
    name: &'static str,
    /// As what the value is read, where its own type is not the argument's.
    cast: &'static str,
    kind: Type,
    value: Stored,
}

pub struct Asking {
    function: &'static str,
    arguments: Vec<Argument>,
    /// An instant that no list could show again: years have four digits in RFC 3339.
    far: Option<&'static str>,
}

impl Asking {
    pub fn of(function: &'static str) -> Asking {
        Asking { function, arguments: Vec::new(), far: None }
    }

    fn with(
        mut self,
        name: &'static str,
        cast: &'static str,
        kind: Type,
        value: Option<Stored>,
    ) -> Asking {
        self.arguments.extend(value.map(|value| Argument { name, cast, kind, value }));
        self
    }

    pub fn text(self, name: &'static str, value: Option<&str>) -> Asking {
        self.read_as(name, "", value)
    }

    /// Text that the database reads as a type of its own, e.g. `::interval`.
    pub fn read_as(self, name: &'static str, cast: &'static str, value: Option<&str>) -> Asking {
        let value = value.map(|value| Box::new(without_nul(value.to_owned())) as Stored);
        self.with(name, cast, Type::TEXT, value)
    }

    pub fn integer(self, name: &'static str, value: Option<i32>) -> Asking {
        self.with(name, "", Type::INT4, value.map(|value| Box::new(value) as Stored))
    }

    pub fn bigint(self, name: &'static str, value: Option<i64>) -> Asking {
        self.with(name, "", Type::INT8, value.map(|value| Box::new(value) as Stored))
    }

    pub fn bigints(self, name: &'static str, value: Vec<i64>) -> Asking {
        self.with(name, "", Type::INT8_ARRAY, Some(Box::new(value)))
    }

    pub fn texts(self, name: &'static str, value: Option<&[String]>) -> Asking {
        let clean = |texts: &[String]| texts.iter().cloned().map(without_nul).collect::<Vec<_>>();
        self.with(name, "", Type::TEXT_ARRAY, value.map(|texts| Box::new(clean(texts)) as Stored))
    }

    pub fn boolean(self, name: &'static str, value: Option<bool>) -> Asking {
        self.with(name, "", Type::BOOL, value.map(|value| Box::new(value) as Stored))
    }

    pub fn instant(mut self, name: &'static str, value: Option<DateTime<Utc>>) -> Asking {
        if value.is_some_and(|at| !YEARS.contains(&at.year())) {
            self.far = Some(name);
        }
        self.with(name, "", Type::TIMESTAMPTZ, value.map(|value| Box::new(value) as Stored))
    }

    pub fn wall_clock(mut self, name: &'static str, value: Option<NaiveDateTime>) -> Asking {
        if value.is_some_and(|at| !YEARS.contains(&at.year())) {
            self.far = Some(name);
        }
        self.with(name, "", Type::TIMESTAMP, value.map(|value| Box::new(value) as Stored))
    }

    pub fn json(self, name: &'static str, value: Option<Value>) -> Asking {
        let value = value.map(|value| Box::new(storable(value)) as Stored);
        self.with(name, "", Type::JSONB, value)
    }

    pub fn bytes(self, name: &'static str, value: Vec<u8>) -> Asking {
        self.with(name, "", Type::BYTEA, Some(Box::new(value)))
    }

    pub(super) fn checked(&self) -> Result<(), Error> {
        self.far.map_or(Ok(()), |name| Err(Error::NoYear(name)))
    }

    pub(super) fn function(&self) -> &'static str {
        self.function
    }

    pub(super) fn rows_sql(&self) -> String {
        // A name that no column has: a column would come before the row.
        format!("select to_jsonb(row_) from {} row_", self.call())
    }

    pub(super) fn run_sql(&self) -> String {
        format!("select from {}", self.call())
    }

    fn call(&self) -> String {
        let places = self.arguments.iter().enumerate();
        let arguments: Vec<String> = places
            .map(|(at, argument)| format!("{} => ${}{}", argument.name, at + 1, argument.cast))
            .collect();
        format!("dialer.{}({})", self.function, arguments.join(", "))
    }

    pub(super) fn parameters(&self) -> Vec<Parameter<'_>> {
        let parameter = |argument: &'_ Argument| argument.kind.clone();
        self.arguments
            .iter()
            .map(|argument| (&*argument.value as &(dyn ToSql + Sync), parameter(argument)))
            .collect()
    }
}

/// The names of an object's keys as JSON writes them; what lies below is somebody's own.
pub(super) fn camel(value: Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(
            object.into_iter().map(|(k, v)| (camel_name(&k), v)).collect::<Map<_, _>>(),
        ),
        other => other,
    }
}

fn camel_name(name: &str) -> String {
    let mut parts = name.split('_');
    let mut camel = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut letters = part.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

#[cfg(test)]
mod tests;
