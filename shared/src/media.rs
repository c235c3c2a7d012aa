//! What a stream shall do, as control states it: absolute, complete, never relative to what was
//! before.

use std::net::{IpAddr, SocketAddr};

use crate::{Codec, PayloadType, PromptId, Ptime, StreamId};

/// Where a stream's RTCP goes on our side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RtcpPort {
    /// On the RTP port itself (RFC 5761).
    Mux,
    /// On the port above the RTP port (RFC 3550 §11).
    Next,
}

/// What offer and answer settled for one stream. Sent whole each time anything in it changes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Media {
    /// Where RTP is sent to; `None` while the peer has not said, or is on hold with `c=0.0.0.0`.
    pub remote: Option<SocketAddr>,
    /// Where RTCP is sent to; `None` when the peer takes none.
    pub remote_rtcp: Option<SocketAddr>,
    /// The codec of both directions.
    pub codec: Codec,
    /// Payload type on packets we send: the number the peer gave the codec (RFC 3264 §5.1).
    pub send_payload_type: PayloadType,
    /// Payload type on packets we accept: the number we gave the codec.
    pub receive_payload_type: PayloadType,
    /// RFC 4733 telephone-event on packets we send, if the peer takes it.
    pub send_event_payload_type: Option<PayloadType>,
    /// RFC 4733 telephone-event on packets we accept, if we offered it.
    pub receive_event_payload_type: Option<PayloadType>,
    /// Audio in each packet we send.
    pub ptime: Ptime,
    /// Whether the negotiated direction lets us send (RFC 3264 §6.1).
    pub send: bool,
    /// Whether the negotiated direction lets the peer send; arriving RTP is dropped otherwise.
    pub receive: bool,
    /// From where RTP is believed.
    pub latch: Latch,
    /// Whether silence of the peer for the media timeout shall be reported.
    pub supervise: bool,
}

/// From which sources a stream accepts RTP (RFC 7362).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Latch {
    /// Only from `Media::remote`.
    Closed,
    /// From `Media::remote`, or else from the first source with this address that sends the
    /// negotiated payload type; then locked, until the next [`crate::Command::Describe`] with
    /// another remote.
    From(IpAddr),
    /// As `From`, with any address. For peers behind a NAT when signalling comes through a proxy.
    Any,
}

/// The class of service that packets carry in the IP header (RFC 2474), 0 to 63.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dscp(u8);

impl Dscp {
    /// Expedited forwarding, the class of speech (RFC 3246, RFC 4594 §4.1).
    pub const EXPEDITED: Self = Self(46);

    /// The highest number.
    pub const MAX: u8 = 63;

    /// `None` for a number above [`Dscp::MAX`].
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number <= Self::MAX {
            Some(Self(number))
        } else {
            None
        }
    }

    /// The octet of the IP header that it stands in: IPv4's TOS, IPv6's traffic class.
    #[must_use]
    pub const fn traffic_class(self) -> u8 {
        self.0 << 2
    }
}

/// What a stream sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// Nothing.
    Silent,
    /// A prepared recording.
    Prompt {
        /// Which one.
        prompt: PromptId,
        /// Where in it to begin.
        start: PromptStart,
        /// How often to play it.
        repeat: Repeat,
    },
    /// Whatever the other stream receives, rewritten in place. The peer is on the same worker.
    Bridge {
        /// The stream whose arriving packets are sent here.
        peer: StreamId,
    },
    /// As `Bridge`, of a stream whose peer holds the call: it may play something of its own, or
    /// send silence, or nothing. As long as nothing of it can be heard, a prompt is played.
    Held {
        /// The stream whose arriving packets are sent here while they can be heard.
        peer: StreamId,
        /// What is played for ever otherwise, where everybody else is in it.
        prompt: PromptId,
    },
}

impl Source {
    /// The stream whose arriving packets are sent, if they are.
    #[must_use]
    pub const fn peer(self) -> Option<StreamId> {
        match self {
            Self::Bridge { peer } | Self::Held { peer, .. } => Some(peer),
            Self::Silent | Self::Prompt { .. } => None,
        }
    }
}

/// Where in a prompt a stream begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PromptStart {
    /// Where everybody else is: the position follows the monotonic clock.
    Programme,
    /// At this many milliseconds from the beginning (taken modulo the prompt's length).
    At {
        /// Milliseconds from the beginning.
        position_ms: u32,
    },
}

/// How often a prompt is played.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Repeat {
    /// Until told otherwise.
    Forever,
    /// This many times (at least 1), then [`crate::Event::PromptEnded`].
    Times(u16),
}
