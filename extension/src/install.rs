//! The order in which the SQL files are installed: one line a file, read from the top.
//!
//! pgrx sorts SQL by a graph of requirements, not by the order of lines, so every file requires
//! the one above it.

use pgrx::extension_sql_file;

macro_rules! install_in_order {
    ($name:literal: $path:literal, $($rest:tt)*) => {
        extension_sql_file!($path, name = $name);
        install_in_order!(after $name; $($rest)*);
    };
    (after $previous:literal; $name:literal: $path:literal, $($rest:tt)*) => {
        extension_sql_file!($path, name = $name, requires = [$previous]);
        install_in_order!(after $name; $($rest)*);
    };
    (after $previous:literal;) => {};
}

install_in_order! {
    "010_schema": "../../sql/010_schema.sql",
    "015_zone": "../../sql/015_zone.sql",
    "020_clock": "../../sql/020_clock.sql",
    "040_machine": "../../sql/040_machine.sql",
}
