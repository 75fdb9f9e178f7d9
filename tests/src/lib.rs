//! Tests that need Postgres.
