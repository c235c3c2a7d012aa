//! The limits of the SIP core, together, with what relates them. What exceeds one is answered or
//! counted, never silently cut.

use std::time::Duration;

/// RFC 3261 §17.1.1.1: the round-trip estimate.
pub const T1: Duration = Duration::from_millis(500);
/// RFC 3261 §17.1.2.2: the longest retransmission interval.
pub const T2: Duration = Duration::from_secs(4);
/// RFC 3261 §17.1.2.2: how long a message lives in the network.
pub const T4: Duration = Duration::from_secs(5);
/// RFC 3261 §17: timers B, F, H, and L and M of RFC 6026.
pub const TIMEOUT: Duration = Duration::from_secs(32);
/// RFC 3261 §17.1.1.2: timer D for unreliable transports.
pub const TIMER_D: Duration = Duration::from_secs(32);

/// RFC 3261 §17.2.1: after this long without an answer from the layer above, 100 is sent.
pub const TRYING_DELAY: Duration = Duration::from_millis(200);
/// After a provisional response to our INVITE, a final one is awaited this long before CANCEL: as
/// timer C of RFC 3261 §16.6, which must exceed three minutes.
pub const PATIENCE: Duration = Duration::from_secs(181);

/// RFC 4028 §4: the session interval, unless the operator says otherwise.
pub const SESSION_EXPIRES: Duration = Duration::from_mins(30);
/// RFC 4028 §5: the shortest session interval. Shorter: 422.
pub const SESSION_EXPIRES_MIN: Duration = Duration::from_secs(90);
/// After a refresh that came to nothing, another is tried as long as the session lasts.
pub const REFRESH_RETRY: Duration = Duration::from_secs(10);

/// Longest message accepted, head and body, in bytes. Longer: 513.
pub const MESSAGE_BYTES_MAX: usize = 65_535;
/// Longest start line and header fields, in bytes. Longer: 513.
pub const HEAD_BYTES_MAX: usize = 32_768;
/// Longest body, in bytes. Longer: 413.
pub const BODY_BYTES_MAX: usize = 16_384;
/// Most header fields. More: 400.
pub const HEADERS_MAX: usize = 256;
/// Longest URI, in bytes. Longer: 414 for a Request-URI, 400 elsewhere.
pub const URI_BYTES_MAX: usize = 2_048;
/// Most parameters, and most headers, of one URI: they are compared each with each. More: 400.
pub const URI_PARTS_MAX: usize = 64;
/// Longest Call-ID, in bytes. Longer: 400.
pub const CALL_ID_BYTES_MAX: usize = 256;
/// Longest tag or branch, in bytes. Longer: 400.
pub const TAG_BYTES_MAX: usize = 256;
/// Most routes in a dialog's route set. More: 400.
pub const ROUTES_MAX: usize = 16;
/// RFC 3261 §18.1.1: a request above this many bytes goes by TCP when the target takes it.
pub const UDP_BYTES_MAX: usize = 1_300;

/// Most server and client transactions at once. Beyond: 503 with Retry-After.
pub const TRANSACTIONS_MAX: usize = 262_144;
/// Most dialogs at once. Beyond: 503 with Retry-After.
pub const DIALOGS_MAX: usize = 131_072;

/// Most subscriptions at once. Beyond: 503 with Retry-After.
pub const SUBSCRIPTIONS_MAX: usize = 131_072;
/// RFC 6665 §4.2.1.1: whoever asks for this much or more is not refused for too short a time.
pub const SHORT_LEASE: Duration = Duration::from_secs(3_600);
/// How long a REFER may be reported on.
pub const REFER_DURATION: Duration = Duration::from_secs(300);
/// How often one NOTIFY is sent, each with the retransmissions of a transaction of its own.
pub const NOTIFY_ATTEMPTS_MAX: u8 = 3;
/// How long after a NOTIFY failed it is sent again, where the answer does not say.
pub const NOTIFY_RETRY: Duration = Duration::from_secs(1);
/// The longest Retry-After that a NOTIFY waits.
pub const NOTIFY_RETRY_MAX: Duration = Duration::from_secs(60);

/// 2xx of ours that may wait for their ACK at once in one dialog: the peer may re-INVITE although
/// its ACK got lost. Beyond: 500 with Retry-After.
pub const UNACKED_MAX: usize = 2;
/// Forks of one INVITE of ours that are acknowledged and ended; further ones are left to their own
/// timeout.
pub const FORKS_MAX: usize = 8;
/// Retry-After of a 503 for a full table, in seconds.
pub const OVERLOAD_RETRY_S: u32 = 5;

const _: () = assert!(HEAD_BYTES_MAX + BODY_BYTES_MAX <= MESSAGE_BYTES_MAX);
const _: () = assert!(SUBSCRIPTIONS_MAX < TRANSACTIONS_MAX);
const _: () = assert!(REFER_DURATION.as_secs() > PATIENCE.as_secs());
const _: () = assert!(URI_BYTES_MAX < HEAD_BYTES_MAX);
