//! Transactions (RFC 3261 §17 with the Accepted state of RFC 6026): how they are named and the four
//! machines.
//!
//! A machine knows its state and its deadlines, nothing else: it says what is to be done with a
//! message and when it wants to be woken. Absent on purpose: messages, addresses, the tables
//! (`agent` has them), a clock.

pub mod client;
pub mod invite_client;
pub mod invite_server;
pub mod key;
pub mod server;
pub mod timer;
mod timers;

use std::time::Duration;

use shared::Time;

use super::limits::T1;

/// What a client machine makes of a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Received {
    /// Nobody needs to see it.
    Absorb,
    /// For the layer above.
    Deliver,
    /// For the layer above, and an ACK of the transaction's own is due (§17.1.1.3).
    DeliverAndAck,
    /// A repetition: the ACK is due again, the layer above knows it already.
    Ack,
}

/// What the passing of time means for a machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expired {
    /// Nothing yet.
    Nothing,
    /// 100 is due (§17.2.1).
    Trying,
    /// Send the last message again.
    Retransmit,
    /// Nobody answered; the transaction is over.
    TimedOut,
    /// The transaction is over, as it should be.
    Over,
}

impl Expired {
    /// The end of a machine that was, or was not, still waiting for somebody.
    const fn end(is_waiting: bool) -> Self {
        match is_waiting {
            true => Self::TimedOut,
            false => Self::Over,
        }
    }
}

/// A retransmission whose interval doubles up to a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backoff {
    /// When it is due next.
    pub at: Time,
    interval: Duration,
    limit: Duration,
}

impl Backoff {
    /// First due after T1.
    #[must_use]
    pub fn new(now: Time, limit: Duration) -> Self {
        Self {
            at: now + T1,
            interval: T1,
            limit,
        }
    }

    /// Whether it is due; if so it is put off to its next moment.
    pub fn is_due(&mut self, now: Time) -> bool {
        if now < self.at {
            return false;
        }
        self.interval = (self.interval * 2).min(self.limit);
        self.at = now + self.interval;
        true
    }

    /// From its next moment on it comes at the limit (timer E in Proceeding, §17.1.2.2).
    pub fn slow_down(&mut self) {
        self.interval = self.limit;
    }
}

/// The earlier of two moments that may not be set.
pub(crate) fn earlier(a: Option<Time>, b: Option<Time>) -> Option<Time> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
