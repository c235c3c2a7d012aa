//! A deterministic world around the control plane: virtual clock, seeded network, phones, workers
//! without packets.
//!
//! Everything follows from one number, so that every failure can be had again. Absent on purpose:
//! sockets, threads, sleeping.

#![allow(dead_code, reason = "each test program uses its own part of the world")]
#![allow(clippy::print_stdout, reason = "a world can be watched while it lives")]
#![allow(clippy::unwrap_used, reason = "a test stops at what should not be")]

use std::time::Duration;

pub(crate) mod checks;
pub(crate) mod clock;
pub(crate) mod death;
pub(crate) mod history;
pub(crate) mod link;
pub(crate) mod media;
pub(crate) mod phone;
pub(crate) mod questions;
pub(crate) mod seed;
pub(crate) mod site;
pub(crate) mod store;
pub(crate) mod trace;
mod transport;
pub(crate) mod wire;
pub(crate) mod world;

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
