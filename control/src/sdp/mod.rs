//! SDP offer and answer (RFC 3264), whose syntax (RFC 8866) `sdp-types` reads: one audio stream is
//! taken, all else refused.
//!
//! Read from the outside in: [`Session`] is one dialog's negotiation; `offer` makes and takes
//! offers, `answer` takes answers; `description` reads what peers write, `write` writes ours;
//! `payload` binds numbers to formats for the life of the dialog.
//!
//! Absent on purpose: SIP, streams, ports (they are given), when to offer.

mod answer;
mod description;
mod direction;
mod error;
mod format;
pub mod limits;
mod offer;
mod payload;
mod record;
mod session;
mod sink;
#[cfg(test)]
mod tests;
mod write;

use std::net::{IpAddr, SocketAddr};

use shared::{Codec, PayloadType, Ptime};
use smallvec::SmallVec;

pub use description::Description;
pub use direction::Direction;
pub use error::SdpError;
pub use record::{FormatRecord, LineRecord, SessionRecord};
pub use session::Session;
pub use sink::Sink;

/// Our side of one negotiation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Local {
    /// The address we advertise, and our RTP port.
    pub address: SocketAddr,
    /// Codecs we would take, in our preference. An answer names one: the first of these that the
    /// peer has.
    pub codecs: Vec<Codec>,
    /// What we would like; the answer gives what the table of RFC 3264 §6.1 leaves of it.
    pub direction: Direction,
}

/// What offer and answer settled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Agreed {
    /// Where the peer wants RTP; `None` for `c=0.0.0.0` or `::` (hold of RFC 2543), or the discard
    /// port 9.
    pub remote: Option<SocketAddr>,
    /// Where the peer wants RTCP: `a=rtcp` (RFC 3605), or the RTP port with rtcp-mux, or the port
    /// above it. `None` without `remote`, or when the peer switched RTCP off (RFC 3556: `b=RS:0`
    /// and `b=RR:0`).
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
    /// From our side. Without a `remote` we never send, whatever the attributes say (RFC 3264
    /// §8.4).
    pub direction: Direction,
    /// Whether RTCP shares the RTP port.
    pub rtcp_mux: bool,
    /// All codecs built in that the peer named, in its preference.
    pub peer_codecs: SmallVec<[Codec; 4]>,
}

/// The audio codecs of ours that an offer or answer names, in its order: to choose before
/// answering. Empty when it has audio, but in no codec of ours.
///
/// # Errors
/// [`SdpError`] when it is not SDP or has no audio.
pub fn codecs(description: &[u8]) -> Result<Vec<Codec>, SdpError> {
    Description::parse(description)?.codecs()
}

/// Whether the address of a description is a placeholder that means hold (RFC 3264 §8.4).
#[must_use]
pub const fn is_hold_address(address: IpAddr) -> bool {
    address.is_unspecified()
}
