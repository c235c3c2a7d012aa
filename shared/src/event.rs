//! What a worker tells control. None is ever lost: a worker that cannot queue one keeps it and
//! takes no further commands until it can (dialled digits excepted: see [`Event::Digit`]).

use std::fmt;
use std::net::SocketAddr;

use crate::{Share, StreamId, StreamStats};

/// One event of one worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// The ports are bound, the stream exists.
    Opened {
        /// The stream of the command.
        stream: StreamId,
    },
    /// The stream was not opened; its place is free.
    Refused {
        /// The stream of the command.
        stream: StreamId,
        /// Why.
        reason: RefuseReason,
    },
    /// The stream is gone and its ports are free.
    Closed {
        /// The stream of the command.
        stream: StreamId,
        /// What it did in its life.
        stats: StreamStats,
    },
    /// RTP is now believed from this source (see [`crate::Latch`]).
    Latched {
        /// The stream.
        stream: StreamId,
        /// The learned source.
        remote: SocketAddr,
    },
    /// A supervised stream heard neither RTP nor RTCP for [`crate::limits::MEDIA_TIMEOUT`].
    /// Reported once until the peer is heard again.
    MediaTimeout {
        /// The stream.
        stream: StreamId,
    },
    /// The peer said RTCP BYE.
    PeerBye {
        /// The stream.
        stream: StreamId,
    },
    /// A dialled digit (RFC 4733) ended; reported once. Dropped, and counted, when the queue is
    /// full.
    Digit {
        /// The stream it came from.
        stream: StreamId,
        /// The event code of RFC 4733 §3.2: 0 to 9, 10 `*`, 11 `#`, 12 to 15 `A` to `D`.
        code: u8,
        /// Milliseconds it was held.
        duration_ms: u16,
    },
    /// A prompt with [`crate::Repeat::Times`] was played to its end.
    PromptEnded {
        /// The stream.
        stream: StreamId,
    },
    /// The part of its time that the worker needs for its streams has changed notably, or one that
    /// refused to begin calls takes them again.
    Utilisation {
        /// Now, smoothed.
        share: Share,
    },
    /// The worker has ended: in order after `Stop`, or because of a fault that it logged.
    Stopped,
}

/// Why a worker did not open a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefuseReason {
    /// Somebody else has the port: try another.
    PortTaken,
    /// The address is not one of this host's: the configuration is wrong.
    AddressUnavailable,
    /// No descriptor is left: raise RLIMIT_NOFILE.
    NoDescriptor,
    /// The worker's table is full, or its streams need as much of its time as it may give: answer
    /// 503.
    WorkerFull,
    /// The kernel refused for another reason, which the worker logged.
    Kernel,
}

impl fmt::Display for RefuseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PortTaken => "port taken",
            Self::AddressUnavailable => "address not of this host",
            Self::NoDescriptor => "no descriptor left (RLIMIT_NOFILE)",
            Self::WorkerFull => "worker full",
            Self::Kernel => "kernel refused",
        })
    }
}
