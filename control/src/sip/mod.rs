//! SIP without IO (RFC 3261): message, transaction, dialog, and the agent that composes them.
//!
//! One RFC noun a file. Absent on purpose: calls, orbits, SDP (a body is bytes here), sockets, a
//! clock.

pub mod agent;
pub mod dialog;
mod field;
pub mod frame;
mod head;
pub mod header;
pub mod limits;
pub mod message;
mod messages;
pub mod method;
mod start;
pub mod status;
mod table;
mod token;
pub mod transaction;
pub mod transport;
pub mod uri;
pub mod write;

pub use messages::{Direction, MessageKind, Messages};
