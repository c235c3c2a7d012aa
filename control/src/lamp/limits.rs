//! The limits of lamps, together, with what relates them.

use std::time::Duration;

use crate::sip::limits::{BODY_BYTES_MAX, MESSAGE_BYTES_MAX};

/// How long somebody watches who does not say (RFC 4235 §3.4).
pub(crate) const WATCH_DEFAULT: Duration = Duration::from_secs(3_600);
/// Whoever asks for less gets 423.
pub(crate) const WATCH_MIN: Duration = Duration::from_secs(60);
/// Whoever asks for more gets this.
pub(crate) const WATCH_MAX: Duration = Duration::from_secs(86_400);

/// Most watchers of one orbit, of one range as a whole, of the park address. Beyond: 503.
pub(crate) const WATCHERS_MAX: usize = 1_024;
/// Most watches of one subscriber, by its From. Beyond: 403.
pub(crate) const WATCHES_PER_SUBSCRIBER_MAX: u32 = 512;
/// Longest From that is counted by, in bytes; longer ones count together.
pub(crate) const SUBSCRIBER_BYTES_MAX: usize = 256;
/// Most orbits of a range that is watched as a list (RFC 4662), as each full state names them all.
/// Longer ranges are told as one document, as the park address is.
pub(crate) const LIST_ORBITS_MAX: u32 = 200;
/// A subscription is written down once in so many documents, with a version that is ahead of all
/// of them, so that not every NOTIFY costs a write.
pub(crate) const VERSIONS_AHEAD: u64 = 64;
/// Bytes of a body after which what is left is told by the next NOTIFY.
pub(crate) const BODY_BYTES: usize = 10_000;

/// The same for the last NOTIFY, which has no next one. What does not fit is left out.
pub(crate) const BODY_BYTES_LAST: usize = 48_000;

// What names all orbits of a list, and the state of one more orbit, still fits.
const _: () = assert!(BODY_BYTES + 4_096 < BODY_BYTES_MAX);
const _: () = assert!(BODY_BYTES_LAST + 8_192 < MESSAGE_BYTES_MAX);
