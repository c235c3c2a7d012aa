//! SDP offer and answer (RFC 3264) over `sdp-types` syntax (RFC 8866): one audio stream is taken, all else refused.
//!
//! Absent on purpose: SIP, streams, ports (they are given), when to offer.

use std::net::{IpAddr, SocketAddr};

use shared::{Codec, PayloadType, Ptime};

/// Who may send, from our side of the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// Both.
    SendRecv,
    /// Only we.
    SendOnly,
    /// Only the peer.
    RecvOnly,
    /// Nobody.
    Inactive,
}

impl Direction {
    /// Whether we may send.
    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the peer may send.
    #[must_use]
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }
}

/// Our side of one negotiation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Local {
    /// The address we advertise, and our RTP port.
    pub address: SocketAddr,
    /// Codecs we would take, in our preference.
    pub codecs: Vec<Codec>,
    /// What we would like; the answer gives what the table of RFC 3264 §6.1 leaves of it.
    pub direction: Direction,
}

/// What offer and answer settled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Agreed {
    /// Where the peer wants RTP; `None` for `c=0.0.0.0` or `::` (hold of RFC 2543) or port 9-like placeholders.
    pub remote: Option<SocketAddr>,
    /// Where the peer wants RTCP (`a=rtcp`, RFC 3605; or RTP port + 1; or the RTP port with rtcp-mux).
    pub remote_rtcp: Option<SocketAddr>,
    /// The codec.
    pub codec: Codec,
    /// The peer's number for it.
    pub send_payload_type: PayloadType,
    /// Our number for it.
    pub receive_payload_type: PayloadType,
    /// The peer's number for telephone-event, if it takes it.
    pub send_event_payload_type: Option<PayloadType>,
    /// Our number for telephone-event, if settled.
    pub receive_event_payload_type: Option<PayloadType>,
    /// What the peer asked for, or 20 ms.
    pub ptime: Ptime,
    /// From our side.
    pub direction: Direction,
    /// Whether RTCP shares the RTP port.
    pub rtcp_mux: bool,
    /// All audio codecs of ours that the peer could take, in the peer's preference.
    pub peer_codecs: Vec<Codec>,
}

/// The offer/answer state of one dialog: the session id and version of our `o=` line, the payload numbers once bound
/// (RFC 3264 §8.3.2), the m-lines in the order they first appeared (§8).
#[derive(Clone, Debug)]
pub struct Session {
    _private: (),
}

/// Why no session could be agreed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SdpError {
    /// Not SDP: 400.
    #[error("not a session description")]
    Syntax,
    /// No m=audio over RTP/AVP that is not disabled: 488, Warning 304.
    #[error("no audio over RTP/AVP")]
    NoAudio,
    /// No codec in common: 488, Warning 305.
    #[error("no codec in common")]
    NoCodec,
    /// Address family or network type we cannot use: 488, Warning 300 or 301.
    #[error("network address not usable")]
    Address,
    /// The answer does not fit the offer: end the call.
    #[error("the answer does not fit the offer")]
    Mismatch,
    /// An answer came without an offer outstanding, or an offer while one is.
    #[error("offer and answer out of order")]
    OutOfOrder,
}

#[allow(unused_variables, reason = "signatures first")]
impl Session {
    /// `id` is the session id of `o=`: random, below 2^63.
    #[must_use]
    pub fn new(id: u64) -> Self {
        unimplemented!()
    }

    /// Takes an offer of the peer and gives our answer with what was agreed. The state changes only on success.
    ///
    /// # Errors
    /// [`SdpError`]; what was agreed before stays.
    pub fn answer(&mut self, offer: &[u8], local: &Local) -> Result<(Vec<u8>, Agreed), SdpError> {
        unimplemented!()
    }

    /// Makes an offer. It replaces one that was not answered (its INVITE was refused).
    #[must_use]
    pub fn offer(&mut self, local: &Local) -> Vec<u8> {
        unimplemented!()
    }

    /// Takes the peer's answer to our last offer.
    ///
    /// # Errors
    /// [`SdpError`]; what was agreed before stays.
    pub fn answered(&mut self, answer: &[u8]) -> Result<Agreed, SdpError> {
        unimplemented!()
    }

    /// Our last offer was refused (RFC 6141: nothing changed).
    pub fn withdraw(&mut self) {
        unimplemented!()
    }

    /// What is agreed now.
    #[must_use]
    pub fn agreed(&self) -> Option<&Agreed> {
        unimplemented!()
    }
}

/// The audio codecs of ours that an offer or answer names, in its order: to choose before answering.
///
/// # Errors
/// [`SdpError`] when it is not SDP or has no audio.
pub fn codecs(_description: &[u8]) -> Result<Vec<Codec>, SdpError> {
    unimplemented!()
}

/// Whether the address of a description is a placeholder that means hold (RFC 3264 §8.4).
#[must_use]
pub const fn is_hold_address(address: IpAddr) -> bool {
    address.is_unspecified()
}
