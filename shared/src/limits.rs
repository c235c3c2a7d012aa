//! The limits of the media path, together, with what relates them.

use std::time::Duration;

use crate::Share;

/// Streams one worker can hold. The kernel caps a ring's descriptor table at RLIMIT_NOFILE, which
/// is 20,000 on many hosts; a stream needs one place in it, and without rtcp-mux one in a second
/// table for RTCP.
pub const STREAMS_PER_WORKER_MAX: u32 = 32_768;

/// Workers one process can have.
pub const WORKERS_MAX: u8 = 64;

/// Commands that wait for a worker. Control keeps what does not fit and tries again.
pub const COMMAND_QUEUE_LENGTH: usize = 8_192;

/// Events that wait for control.
pub const EVENT_QUEUE_LENGTH: usize = 8_192;

/// Prompts one node can hold.
pub const PROMPTS_MAX: u16 = 1_024;

/// The longest RTP datagram accepted, in bytes: an Ethernet frame less IP and UDP.
pub const RTP_BYTES_MAX: usize = 1_472;

/// Calls that are captured at once, and files of captures that wait to be fetched.
pub const CAPTURES_MAX: usize = 8;

/// Bytes of one capture's file.
pub const CAPTURE_BYTES_MAX: u64 = 64 << 20;

/// How long a capture may last.
pub const CAPTURE_MAX: Duration = Duration::from_secs(3_600);

/// How long the file of a capture that has ended waits to be fetched.
pub const CAPTURE_KEPT: Duration = Duration::from_secs(3_600);

/// What is kept of one packet of a captured stream: the longest header of RTP without an extension
/// (RFC 3550 §5.1) twice over, and the reports of RTCP.
pub const CAPTURED_BYTES_MAX: usize = 192;

/// Packets of captured streams that wait for the writer: each capture has two streams of 50 packets
/// a second each way, and the writer comes ten times a second.
pub const CAPTURED_QUEUE_LENGTH: usize = 1_024;

/// The width of a pacing slot.
pub const SLOT: Duration = Duration::from_millis(1);

/// Silence after which a supervised peer is reported gone. Three times the longest usual RTCP
/// interval (RFC 3550 §6.2.1: 5 s, randomised up to 7.5 s), rounded up.
pub const MEDIA_TIMEOUT: Duration = Duration::from_secs(30);

/// The part of its time that a worker may need before it refuses to begin calls, if the
/// configuration says nothing else. What is left is for the accepted calls' bad moments.
pub const ADMISSION: Share = Share::percent(85);

const _: () = assert!(COMMAND_QUEUE_LENGTH.is_power_of_two());
const _: () = assert!(EVENT_QUEUE_LENGTH.is_power_of_two());
const _: () = assert!(
    CAPTURED_QUEUE_LENGTH >= CAPTURES_MAX * 2 * 2 * 50 / 2,
    "half a second of all captures waits"
);
const _: () = assert!(SLOT.as_millis() == 1);
