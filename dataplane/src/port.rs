//! What the core asks of whoever owns the sockets: a ring in production, a list in tests.

use std::net::SocketAddr;

use shared::{DropReason, RtcpPort};

use crate::address::Address;
use crate::intake::Intake;

/// A socket as its owner numbers it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Socket(pub u32);

/// A stream's sockets, once they are bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sockets {
    /// For RTP, and for RTCP when the two share a port.
    pub rtp: Socket,
    /// For RTCP; the same as `rtp` when they share a port.
    pub rtcp: Socket,
}

/// The place of a stream and which of its occupants, for what comes back later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owner {
    /// The place in the table.
    pub index: u32,
    /// The occupant.
    pub generation: u32,
}

/// Where packets go. What is asked for is done before the worker sleeps next, in order.
pub trait Port {
    /// Sends one datagram that `fill` writes to the beginning of the buffer it is given (at least
    /// [`SEND_BYTES_MAX`] bytes), giving its length.
    ///
    /// # Errors
    /// Why nothing is sent; `fill` is not called then.
    fn send(
        &mut self,
        socket: Socket,
        to: &Address,
        owner: Owner,
        fill: impl FnOnce(&mut [u8]) -> usize,
    ) -> Result<(), DropReason>;

    /// Binds the sockets of a stream; answered later by `Engine::opened`.
    fn open(&mut self, owner: Owner, local: SocketAddr, rtcp: RtcpPort);

    /// Lets the kernel keep away from an open stream's RTP socket what the intake leaves out;
    /// whether speech is left out from now on. What was left out is told by `Engine::lost`.
    fn aim(&mut self, _owner: Owner, _intake: &Intake) -> bool {
        false
    }

    /// Asks the kernel what it has left out since it was asked last.
    fn tally(&mut self, _owner: Owner) {}

    /// Closes the sockets of a stream, opened or still opening; answered later by `Engine::closed`.
    fn close(&mut self, owner: Owner);
}

/// The longest datagram the core makes itself: RTP of 60 ms, or an RTCP compound.
pub const SEND_BYTES_MAX: usize = 512;
