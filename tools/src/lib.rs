//! Programs around orbit, as a library so that each can be tested.

#![forbid(unsafe_code)]

pub mod bed;
pub mod capacity;
pub mod clock;
pub mod command_line;
pub mod compose;
pub mod correlate;
pub mod ctl;
pub mod demo;
pub mod ear;
pub mod flood;
pub mod judge;
pub mod log;
pub mod pages;
pub mod phone;
pub mod plane;
pub mod server;
mod signals;
pub mod speech;
pub mod token;
pub mod wav;
