//! The limits of the HTTP API, together: who speaks to it is a stranger until its token is read.

use std::time::Duration;

/// Connections at once; further ones wait in the kernel's queue.
pub const CONNECTIONS_MAX: usize = 256;
/// Connections of one peer that is not on this host.
pub const CONNECTIONS_PER_PEER_MAX: usize = 64;
/// How long the handshake of TLS may take.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the files of certificate and key are looked at.
pub const CERTIFICATE_LOOK: Duration = Duration::from_secs(60);
/// How long before its end a certificate is warned of.
pub const EXPIRY_WARNING: Duration = Duration::from_hours(14 * 24);
/// How often.
pub const EXPIRY_WARNING_AGAIN: Duration = Duration::from_hours(24);
/// How long the head of a request may take, and how long a connection may be idle before it.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of the head of a request.
pub const HEAD_BYTES_MAX: usize = 16 * 1_024;
/// Header fields of a request.
pub const HEADER_FIELDS_MAX: usize = 64;
/// Bytes of a body, unless a route says otherwise.
pub const BODY_BYTES_MAX: usize = 64 * 1_024;
/// How long a whole request may take until its answer begins, with its body.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the peer may leave what we send unacknowledged.
pub const UNREAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Questions that the control thread has not answered yet.
pub const ASKS_MAX: usize = 64;
/// How long the control thread may take for one answer.
pub const ASK_TIMEOUT: Duration = Duration::from_secs(5);
/// Most orbits of one list. The control thread is asked for some at a time.
pub const ORBITS_PER_LIST_MAX: usize = 10_000;
/// Orbits of a list that does not say how many.
pub const ORBITS_PER_LIST: usize = 100;

/// Bytes of a recording: half an hour of 16-bit WAV at 8 kHz fits.
pub const RECORDING_BYTES_MAX: usize = 32 * 1_024 * 1_024;
/// Most deeds of one list.
pub const AUDIT_PER_LIST_MAX: usize = 1_000;
/// Deeds of a list that does not say how many.
pub const AUDIT_PER_LIST: usize = 20;
/// Bytes of a pattern that objects of deeds are compared with.
pub const AUDIT_PATTERN_MAX: usize = 100;
/// Recordings that are on their way in or out; of those that come each is whole in memory.
pub const RECORDINGS_UNDER_WAY_MAX: usize = 4;

/// Clients that listen to events.
pub const EVENT_STREAMS_MAX: usize = 64;
/// The last events, for clients that come back: at a hundred calls a second some seconds of them.
pub const EVENTS_KEPT_MAX: usize = 4_096;
/// Events that wait for a client that reads slowly; beyond, it is let go and may come back.
pub const EVENTS_WAITING_MAX: usize = 1_024;
/// The calls parked last, with what became of them.
pub const HISTORY_KEPT_MAX: usize = 1_000;
/// Calls of a history that does not say how many.
pub const HISTORY_PER_LIST: usize = 20;
/// Clients that read the files of captures.
pub const CAPTURE_READERS_MAX: usize = 16;
/// How often a file that grows is looked at for who reads it.
pub const CAPTURE_LOOK: Duration = Duration::from_millis(100);
/// How often a client is told that it is still listening when nothing happens.
pub const EVENT_PING: Duration = Duration::from_secs(15);

const _: () = assert!(
    EVENTS_WAITING_MAX <= EVENTS_KEPT_MAX,
    "who is let go can resume"
);
const _: () = assert!(
    EVENT_STREAMS_MAX + CAPTURE_READERS_MAX < CONNECTIONS_MAX,
    "listeners leave room for others"
);
const _: () = assert!(ASKS_MAX <= CONNECTIONS_MAX);
const _: () = assert!(
    2 * CONNECTIONS_PER_PEER_MAX < CONNECTIONS_MAX,
    "one stranger leaves room for others"
);
const _: () = assert!(ASK_TIMEOUT.as_secs() < REQUEST_TIMEOUT.as_secs());
