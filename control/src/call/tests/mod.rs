//! Calls end to end in memory: every message a phone sends is written here.

mod bench;
mod bridge;
mod identity;
mod park;
mod recall;
mod retrieve;
mod session;
mod transfer;
