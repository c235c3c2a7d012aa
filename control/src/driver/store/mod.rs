//! The embedded store: one SQLite file with one owner.
//!
//! Absent on purpose: what is in a record (`crate::store`), when it is written (`crate::control`).

mod lock;
mod schema;
mod sqlite;
#[cfg(test)]
mod tests;
mod writer;

pub use sqlite::Sqlite;
pub(super) use writer::Writer;
