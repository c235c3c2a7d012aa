//! The embedded store: one SQLite file with one owner.
//!
//! Absent on purpose: what is in a record (`crate::store`), when it is written (`crate::control`).

mod audit_table;
mod cdr_table;
mod lines;
mod lock;
mod notebook;
mod object_table;
mod recorder;
mod schema;
mod sqlite;
#[cfg(test)]
mod tests;
mod writer;

pub(super) use recorder::Recorder;
pub use sqlite::Sqlite;
pub(super) use writer::{Deeds, Work, Writer};
