//! Everything that needs more than one process: the harness that rehearses campaigns with the real
//! parts, the judges that look at what happened, and the contact list both use.
//!
//! `it/` tests and the demo share it, so that the demo proves what the tests prove.

pub mod contacts;
pub mod judge;
pub mod proxy;
pub mod rehearsal;
pub mod server;
pub mod table;
