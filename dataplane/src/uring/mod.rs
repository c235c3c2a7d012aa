//! The driver of a worker: its io_uring, its sockets, its buffers, its clock, its doorbell. The
//! only unsafe code.
//!
//! What makes it sound, in one place:
//! - A send never outlives the `io_uring_enter` that submits it: it is flagged `MSG_DONTWAIT`, so
//!   the kernel completes it or fails it there and never parks it. The bytes and the address of a
//!   send are therefore left alone from the push until the submission queue is empty, and only that
//!   long (`lane.rs`).
//! - A receive writes only to buffers that lie in the buffer ring; one taken out belongs to us
//!   until it is put back (`buffer_ring.rs`).
//! - Memory the kernel may write to is freed only after every request was cancelled (`Lane::drop`).
//!
//! Absent on purpose: RTP, streams, what a datagram means.

#![allow(unsafe_code, reason = "io_uring is memory shared with the kernel")]

mod aim;
mod arrivals;
mod buffer_ring;
pub(crate) mod clock;
pub(crate) mod doorbell;
#[cfg(test)]
mod forms;
mod frames;
mod lane;
mod opening;
mod option;
mod outlet;
pub(crate) mod pin;
pub(crate) mod probe;
mod request;
pub(crate) mod ring;
mod sending;
mod sends;
mod sockaddr;
mod socket;
#[cfg(test)]
mod tests;

pub(crate) use buffer_ring::Filled;
pub(crate) use ring::{Completion, Ring, RingConfig};
pub(crate) use socket::STREAM_BYTES;
