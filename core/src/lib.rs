//! Pure mathematics of the dialer.
