//! What control tells a worker. Commands are idempotent and absolute; one that names a stream of
//! another generation than the table holds is dropped and counted.

use std::net::SocketAddr;

use crate::{CaptureId, Media, RtcpPort, Source, StreamId, SyncSource};

/// One command to one worker. Plain data, at most [`COMMAND_BYTES_MAX`] bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// Take the table place and bind the ports. Answered by [`crate::Event::Opened`] or
    /// [`crate::Event::Refused`]; a repetition for an open stream is answered `Opened` again.
    Open {
        /// The new stream.
        stream: StreamId,
        /// The RTP address to bind; the port is even (RFC 3550 §11).
        local: SocketAddr,
        /// Where RTCP is.
        rtcp: RtcpPort,
        /// What for.
        role: Role,
        /// Who it is to its peer.
        source: SyncSource,
    },
    /// What offer and answer settled.
    Describe {
        /// An open stream.
        stream: StreamId,
        /// All of it.
        media: Media,
    },
    /// What to send from now on. Sequence numbers and timestamps go on without a jump.
    Send {
        /// An open stream.
        stream: StreamId,
        /// The source.
        source: Source,
    },
    /// Copy what is sent and arrives for a capture from now on, or for none. Not control's but the
    /// driver's: whether anybody looks changes nothing else.
    Capture {
        /// An open stream.
        stream: StreamId,
        /// The capture.
        capture: Option<CaptureId>,
        /// The RTP address that it was bound to.
        local: SocketAddr,
    },
    /// Send RTCP BYE, give the ports back. Answered by [`crate::Event::Closed`] once nothing of the
    /// stream is in flight; only then may control reuse the place and the ports.
    Close {
        /// The stream.
        stream: StreamId,
    },
    /// Close every stream, then end the worker.
    Stop,
}

/// What a stream is opened for. A busy worker refuses to begin calls long before it refuses to go
/// on with one: who is parked shall be retrieved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// It begins a call.
    Begin,
    /// It joins a call that is there.
    Join,
}

/// A command travels by value through the queue: keep it within two cache lines.
pub const COMMAND_BYTES_MAX: usize = 128;

const _: () = assert!(size_of::<Command>() <= COMMAND_BYTES_MAX);
