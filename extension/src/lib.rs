//! SQL surface.
