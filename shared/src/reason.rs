//! Why a packet was not sent or not forwarded. Every drop has a name here and a counter in
//! [`crate::WorkerStats`].

/// The reason of a drop in the dataplane.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum DropReason {
    /// Arrived: too short, wrong version, bad padding or extension (RFC 3550 A.1).
    Malformed,
    /// Arrived: from a source the stream does not believe.
    WrongSource,
    /// Arrived: a payload type that was not negotiated.
    WrongPayloadType,
    /// Arrived: RTP although the direction forbids it, or nobody listens.
    NotWanted,
    /// Arrived: speech that nobody listens to, dropped by the kernel on our behalf.
    Screened,
    /// Arrived: for a bridge whose other side is gone or may not send.
    NoPeer,
    /// Arrived: longer than the receive buffer.
    TooLong,
    /// Arrived: the kernel had no receive buffer of ours; the datagram stayed queued or was dropped
    /// there.
    NoBuffer,
    /// To send: the remote address is not known yet.
    NoRemote,
    /// To send: the ring was full.
    RingFull,
    /// To send: the kernel refused (ENOBUFS, EPERM, ENETUNREACH …).
    SendFailed,
    /// To send: the peer's port is closed (ICMP, ECONNREFUSED).
    PeerRefused,
    /// To send: the relayed packet does not fit the other side (longer than the buffer's head-room
    /// allows).
    CannotRelay,
    /// A command for a stream that is gone.
    StaleStream,
    /// A dialled digit that found the event queue full.
    EventQueueFull,
}

impl DropReason {
    /// Every reason, in the order of the counters.
    pub const ALL: [Self; 15] = [
        Self::Malformed,
        Self::WrongSource,
        Self::WrongPayloadType,
        Self::NotWanted,
        Self::Screened,
        Self::NoPeer,
        Self::TooLong,
        Self::NoBuffer,
        Self::NoRemote,
        Self::RingFull,
        Self::SendFailed,
        Self::PeerRefused,
        Self::CannotRelay,
        Self::StaleStream,
        Self::EventQueueFull,
    ];

    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The name in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::WrongSource => "wrong_source",
            Self::WrongPayloadType => "wrong_payload_type",
            Self::NotWanted => "not_wanted",
            Self::Screened => "screened",
            Self::NoPeer => "no_peer",
            Self::TooLong => "too_long",
            Self::NoBuffer => "no_buffer",
            Self::NoRemote => "no_remote",
            Self::RingFull => "ring_full",
            Self::SendFailed => "send_failed",
            Self::PeerRefused => "peer_refused",
            Self::CannotRelay => "cannot_relay",
            Self::StaleStream => "stale_stream",
            Self::EventQueueFull => "event_queue_full",
        }
    }

    /// The place of its counter.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_counter_of_its_own() {
        for (place, reason) in DropReason::ALL.iter().enumerate() {
            assert_eq!(reason.index(), place, "{}", reason.name());
        }
    }
}
