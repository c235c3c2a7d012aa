//! The limits of calls, together, with what relates them.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::limits::PIN_DIGITS;
use crate::sip::limits::{T1, TIMEOUT};

/// How long a retriever waits for the parkee to agree. Then 504, and the call is parked as before.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How much later than the media timeout, or the end of the wait for an ACK, a second leg that was
/// never there is noticed.
pub(crate) const PROOF_MARGIN: Duration = Duration::from_secs(5);
/// How much longer than we let it a phone may ring: our CANCEL comes first, but one whose responses
/// are lost cannot be sent any (RFC 3261 §9.1), and must stop by itself.
pub(crate) const EXPIRES_MARGIN: Duration = Duration::from_secs(2);
/// How long a worker may take to open a stream; it takes microseconds. Then 503.
pub(crate) const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long it may take until an adopted call has its streams and its turn: some ten thousand calls
/// wait for each other. Then it ends.
pub(crate) const ADOPT_TIMEOUT: Duration = Duration::from_secs(60);
/// How often a stream is asked for with other ports, or of another worker. Then 503.
pub(crate) const OPEN_ATTEMPTS_MAX: u8 = 8;
/// One in so many places of a worker, and of the pairs of ports, is kept for legs that join a call:
/// who could be parked can be retrieved, also when the house is full.
pub(crate) const RESERVE_SHARE: u32 = 32;
/// The part of a worker's time that a new stream is taken to need until the worker has measured it,
/// in millionths: so that many calls that come at once are spread.
pub(crate) const UNMEASURED_PPM: u64 = 100;
/// How long it is remembered where a party was in its music that is gone.
pub(crate) const MUSIC_MEMORY: Duration = Duration::from_mins(10);
/// Most parties of whom that is remembered.
pub(crate) const MUSIC_MEMORY_MAX: usize = 10_000;
/// How long who needs a PIN may take to begin.
pub(crate) const PIN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long after a digit the PIN is taken to be whole.
pub(crate) const PIN_DIGIT_TIMEOUT: Duration = Duration::from_secs(5);
/// Digits of a PIN that are kept: with one too many it is wrong.
pub(crate) const PIN_DIGITS_KEPT: usize = *PIN_DIGITS.end() + 1;
/// How often a PIN may be tried in one call.
pub(crate) const PIN_TRIES: u8 = 3;
/// How many wrong PINs a caller may dial, or may be dialled for an orbit, before none is heard.
pub(crate) const PINS_WRONG_MAX: u8 = 9;
/// How long a wrong PIN is remembered.
pub(crate) const PIN_MEMORY: Duration = Duration::from_mins(10);
/// Most callers and orbits whose wrong PINs are remembered.
pub(crate) const PIN_MEMORY_MAX: usize = 4_096;
/// How long two talk through us before they may send to each other: what their phones do at the
/// beginning of a call is over then, and both were heard.
pub(crate) const RELEASE_AFTER: Duration = Duration::from_secs(1);
/// How many offers may tell the two of a bridge where the other listens. It takes two, and two more
/// after each hold; phones that move whenever they are asked are left with us.
pub(crate) const RELEASE_OFFERS_MAX: u8 = 12;
/// How many answers of 491 in a row are taken for glare. Offers are some seconds apart then: who
/// has answered so for half a minute would for ever, and is left with what it had.
pub(crate) const EXCUSES_MAX: u8 = 10;
/// How long a stop waits for peers to answer BYE.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// What a 503 asks the peer to wait, in seconds: one of these at random, so that the refused do not
/// come back at once.
pub(crate) const RETRY_AFTER_S: RangeInclusive<usize> = 2..=9;

/// Retry-After for who dials an orbit whose stream is just being opened after a restart, in
/// seconds: all are open by then.
pub(crate) const ADOPTED_AFTER_S: u32 = 2;
/// The longest name of a peer that is kept and shown to others, in bytes. Longer: only the URI; a
/// longer URI: nothing.
pub(crate) const IDENTITY_BYTES_MAX: usize = 256;

/// The longest history of a call that is kept and shown to who is called back, in bytes. Longer:
/// none.
pub(crate) const HISTORY_BYTES_MAX: usize = 1_024;

// The retriever's stream is open, or known not to open, before its INVITE is given up.
const _: () = assert!(OPEN_TIMEOUT.as_millis() < CONNECT_TIMEOUT.as_millis());
// A lost re-INVITE is repeated a few times before the retriever is told that it failed.
const _: () = assert!(CONNECT_TIMEOUT.as_millis() > 8 * T1.as_millis());
// A BYE that is not answered must not hold up the stop.
const _: () = assert!(STOP_TIMEOUT.as_millis() < TIMEOUT.as_millis());
