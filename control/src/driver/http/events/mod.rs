//! `/v1/events`: every change as it happens, as server-sent events.
//!
//! `/v1/history` is folded from the same.
//!
//! One task (`press`) writes each happening once and remembers the last of them (`ring`); each
//! client has a task (`stream`) that brings it what it has missed, or else a snapshot, and then
//! what is new. A client that does not read is let go: it comes back with the last id it has seen.
//!
//! Absent on purpose: who has called. A happening names private parties too; an orbit does not.

mod event;
pub(super) mod history;
mod press;
mod ring;
pub(super) mod stream;

pub use event::{Event, Fact, RecallTarget};
pub(super) use press::Press;

pub use history::{HistoryList, Stay};
pub use stream::Snapshot;
