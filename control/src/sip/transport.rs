//! What passes between SIP and the sockets (RFC 3261 §18): whole messages in, whole messages out.
//!
//! Absent on purpose: the sockets; the cutting of a TCP stream into messages is `frame`.

use std::fmt;
use std::net::SocketAddr;

/// A transport protocol of SIP.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Transport {
    /// RFC 3261 §18, unreliable: timers A, E and G retransmit.
    Udp,
    /// RFC 3261 §18, reliable.
    Tcp,
}

impl Transport {
    /// As written in Via: `UDP`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }

    /// Whether the transport itself delivers or says that it cannot.
    #[must_use]
    pub const fn is_reliable(self) -> bool {
        matches!(self, Self::Tcp)
    }
}

/// A UDP socket of ours or one TCP connection, as the driver numbers them; never reused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Flow(pub u64);

/// One message as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The protocol it came by.
    pub transport: Transport,
    /// The socket or connection it came by.
    pub flow: Flow,
    /// Our address it was sent to.
    pub local: SocketAddr,
    /// Who sent it.
    pub source: SocketAddr,
    /// One whole message, or as much of one as could be had.
    pub bytes: &'a [u8],
}

/// One message to send.
#[derive(Clone, PartialEq, Eq)]
pub struct Transmit {
    /// The protocol to send it by.
    pub transport: Transport,
    /// The UDP socket (always given for UDP), or the TCP connection to prefer while it lives.
    pub flow: Option<Flow>,
    /// Where to; for TCP, where to connect to when `flow` is `None` or gone.
    pub destination: SocketAddr,
    /// Given back in [`crate::Input::TransmitFailed`] when the driver knows it was not sent.
    pub ticket: Ticket,
    /// The message.
    pub bytes: Vec<u8>,
}

/// Names a transmission to the agent that asked for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Ticket(pub u64);

impl fmt::Debug for Transmit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transmit")
            .field("transport", &self.transport)
            .field("flow", &self.flow)
            .field("destination", &self.destination)
            .field("bytes", &String::from_utf8_lossy(&self.bytes))
            .finish_non_exhaustive()
    }
}

/// A socket the driver listens on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listener {
    /// Its protocol.
    pub transport: Transport,
    /// Its number. For UDP messages are sent by it; for TCP it only names the listener.
    pub flow: Flow,
    /// The bound address, with the real port.
    pub local: SocketAddr,
    /// Host (name, IPv4, or IPv6 without brackets) that peers reach it at: for Via and Contact.
    pub advertise: String,
}
