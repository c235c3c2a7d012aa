//! The limits of a configuration, together, with what relates them.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::sip::limits::SESSION_EXPIRES_MIN;

/// Longest file, in bytes.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// Longest name of anything, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// Longest host name, in bytes (RFC 1035 §2.3.4).
pub const HOST_BYTES_MAX: usize = 253;
/// Longest URI, in bytes.
pub const URI_BYTES_MAX: usize = 1_024;

/// Most listeners.
pub const LISTENERS_MAX: usize = 16;
/// How long a session lasts that nobody refreshes (RFC 4028 §4).
pub const SESSION_EXPIRES: RangeInclusive<Duration> =
    SESSION_EXPIRES_MIN..=Duration::from_hours(24);
/// Most trusted networks; each packet is looked up in them.
pub const TRUSTED_MAX: usize = 1_024;
/// Most networks and hosts that a REFER may lead to.
pub const REFER_TO_MAX: usize = 1_024;
/// Highest CPU number that a worker can be pinned to.
pub const CPU_MAX: u16 = 1_023;

/// How long a call may wait in an orbit.
pub const PICKUP_TIMEOUT: RangeInclusive<Duration> =
    Duration::from_secs(10)..=Duration::from_mins(10);
/// How long a call may wait in a range that gives its orbits out in sequence.
pub const PICKUP_TIMEOUT_IN_SEQUENCE: RangeInclusive<Duration> =
    Duration::from_mins(2)..=Duration::from_mins(30);
/// How often the parker may be called back.
pub const PICKUP_ATTEMPTS: RangeInclusive<u8> = 1..=10;
/// How long a phone that is called back may ring.
pub const RECALL_RING_TIMEOUT: RangeInclusive<Duration> =
    Duration::from_secs(5)..=Duration::from_mins(2);
/// The class of service of packets (RFC 2474).
pub const DSCP: RangeInclusive<u8> = 0..=shared::Dscp::MAX;
/// How long a peer may be silent.
pub const MEDIA_TIMEOUT: RangeInclusive<Duration> =
    Duration::from_secs(5)..=Duration::from_hours(1);
/// What part of its time a worker may be said to use before it refuses calls, in percent. Less than
/// the lowest is a slip of the pen.
pub const ADMISSION: RangeInclusive<u8> = 10..=100;

/// Most sites.
pub const SITES_MAX: usize = 1_000;
/// Most patterns or numbers in one list.
pub const PATTERNS_MAX: usize = 1_000;

/// Most tokens of the API.
pub const TOKENS_MAX: usize = 1_000;
/// How long a drain may be let run.
pub const DRAIN_LIMIT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24);

/// Days that a call detail record may be kept.
pub const CDR_DAYS: RangeInclusive<u32> = 1..=3_650;

/// Digits of a PIN.
pub const PIN_DIGITS: RangeInclusive<usize> = 4..=12;
/// Most policies.
pub const POLICIES_MAX: usize = 1_000;
/// Digits of the longest extension.
pub const EXTENSION_DIGITS: RangeInclusive<u8> = 2..=15;

/// Most ranges of orbits; parking looks at each.
pub const RANGES_MAX: usize = 1_000;
/// Most orbits in one range.
pub const ORBITS_PER_RANGE_MAX: u32 = 10_000;
/// Most orbits of one node.
pub const ORBITS_MAX: u32 = 50_000;
/// Digits of an orbit without a prefix; one less with one.
pub const ORBIT_DIGITS_MAX: usize = 9;
/// A prefixed orbit is above this number: `*1` to `*100` are for the telephones' own services.
pub const PREFIXED_ORBIT_ABOVE: u32 = 100;

const _: () = assert!(ORBITS_PER_RANGE_MAX <= ORBITS_MAX);
const _: () = assert!(10_u32.checked_pow(9).is_some(), "an orbit is a u32");
