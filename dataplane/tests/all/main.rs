//! Tests of the data plane as a whole: its core under a virtual clock, and all of it on loopback.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod admission;
mod believing;
mod capturing;
mod common;
mod intake;
mod life;
mod loopback;
mod music;
mod panicking;
mod relaying;
mod reporting;
