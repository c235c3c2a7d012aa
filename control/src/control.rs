//! The whole control plane as one state machine: what goes in, what comes out.
//!
//! Absent on purpose: anything that decides. Calls are in `call`, orbits in `park`, SIP in `sip`; this file only joins them.

use std::net::IpAddr;

use shared::{Command, Event, Time, WorkerId};

use crate::config::Config;
use crate::sip::agent::Resolve;
use crate::sip::transport::{Listener, Packet, Ticket, Transmit};

/// What the control plane is told.
#[derive(Debug)]
pub enum Input<'a> {
    /// A message arrived.
    Packet(Packet<'a>),
    /// A message was not sent: connection refused, no route, queue full.
    TransmitFailed(Ticket),
    /// A worker said something.
    Media(WorkerId, Event),
    /// DNS answered; empty when it has nothing.
    Resolved(Ticket, Vec<IpAddr>),
    /// The deadline of `poll_timeout` has passed.
    Timeout,
    /// End every call with BYE, then say [`Output::Stopped`].
    Stop,
}

/// What the control plane wants done. In order.
#[derive(Debug)]
pub enum Output {
    /// Send a message.
    Transmit(Transmit),
    /// Tell a worker. The driver keeps it while the queue is full.
    Command(WorkerId, Command),
    /// Ask DNS.
    Resolve(Resolve),
    /// After [`Input::Stop`]: every call has ended, every stream is closed.
    Stopped,
}

/// What the control plane is built from.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The operator's.
    pub config: Config,
    /// The sockets the driver opened.
    pub listeners: Vec<Listener>,
    /// The workers, with the streams each can hold.
    pub workers: Vec<(WorkerId, u32)>,
    /// From the operating system, or a simulation's.
    pub seed: [u8; 32],
}

/// The control plane.
#[derive(Debug)]
pub struct Control {
    _private: (),
}

/// One taken orbit, for pages, tests and the demo.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrbitStatus {
    /// As dialled.
    pub orbit: String,
    /// The Call-ID of the parkee's leg.
    pub call_id: String,
    /// Since when.
    pub parked_at: Time,
    /// Whether a retriever is being connected.
    pub retrieving: bool,
}

/// Figures of the moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ControlStatus {
    /// Orbits taken.
    pub parked: usize,
    /// Orbits free.
    pub free: usize,
    /// Calls: parked, bridged or between.
    pub calls: usize,
    /// Legs: one dialog and one stream each.
    pub legs: usize,
    /// SIP transactions.
    pub transactions: usize,
    /// SIP dialogs.
    pub dialogs: usize,
    /// Streams open, opening or closing.
    pub streams: usize,
    /// Retrievals since the start.
    pub retrieved: u64,
    /// Calls parked since the start.
    pub parked_total: u64,
}

#[allow(unused_variables, reason = "signatures first")]
impl Control {
    /// A control plane without calls.
    #[must_use]
    pub fn new(setup: Setup, now: Time) -> Self {
        unimplemented!()
    }

    /// Takes one input. Drain `poll_output` afterwards.
    pub fn handle(&mut self, now: Time, input: Input<'_>) {
        unimplemented!()
    }

    /// The next thing to do, until `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        unimplemented!()
    }

    /// When to hand in [`Input::Timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        unimplemented!()
    }

    /// The taken orbits, by number.
    #[must_use]
    pub fn orbits(&self) -> Vec<OrbitStatus> {
        unimplemented!()
    }

    /// Figures of the moment.
    #[must_use]
    pub fn status(&self) -> ControlStatus {
        unimplemented!()
    }

    /// Invariants that hold after every input: an orbit holds at most one call, no leg outlives its call,
    /// every dialog belongs to a leg, every stream to a leg.
    ///
    /// # Panics
    /// When one does not hold, naming it. For tests and simulators.
    pub fn check(&self) {
        unimplemented!()
    }
}
