//! SIP signalling and policy: one state machine without IO, and the one driver that feeds it.
//!
//! `handle(now, Input)` then `poll_output()` until `None`, then wait for `poll_timeout()`. Absent
//! on purpose, outside `driver`: sockets, threads, async, a clock, randomness that is not seeded.

#![forbid(unsafe_code)]

pub mod ask;
pub mod call;
pub mod capture;
pub mod cdr;
pub mod config;
pub mod control;
pub mod driver;
pub mod happening;
pub mod lamp;
pub mod park;
mod policy;
pub mod sdp;
pub mod sip;
pub mod store;

pub use control::{Control, Input, Output};
