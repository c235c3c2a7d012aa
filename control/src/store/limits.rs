//! The limits of what is kept, together.

use std::time::Duration;

/// How long messages are held back until what they tell is durable. Below T1 (RFC 3261 §17.1.1.1),
/// so that a slow disk causes no retransmission of peers.
pub const HOLD_MAX: Duration = Duration::from_millis(400);

/// Time between one adopted call's re-INVITE and the next one's: 2,000 a second, so that neither
/// proxies nor phones see a storm.
pub const ADOPT_EVERY: Duration = Duration::from_micros(500);

/// By how much the re-INVITEs may be late and catch up: some ticks of a clock of milliseconds.
pub const ADOPT_LATE_MAX: Duration = Duration::from_millis(10);

/// How soon an adopted call whose proxy or phone could not take our re-INVITE is sent another;
/// twice as long each time.
pub const ADOPT_AGAIN: Duration = Duration::from_secs(1);

/// How often that is done: for two minutes in all. Then the call stays as it is until its peer, or
/// a session timer, ends it.
pub const ADOPT_AGAIN_MAX: u8 = 7;

/// How many of these re-INVITEs may be left without any answer, each for 64·T1 (RFC 3261
/// §17.1.1.2): with the last one, two minutes. Then the peer is gone.
pub const ADOPT_SILENT_MAX: u8 = 3;

/// Bytes a record may have as text. One that is longer is not kept: its call lives in memory only.
pub const RECORD_BYTES_MAX: usize = 32 * 1_024;
