//! The limits of parking, together, with what relates them.

use std::time::Duration;

use crate::call::limits::OPEN_TIMEOUT;
use crate::sip::limits::{T1, TIMEOUT};

/// Calls that are being taken over from their parkers at once. Beyond: 503 with Retry-After.
pub(crate) const FETCHES_MAX: usize = 1_024;
/// How long a phone may take to let us take the place of its parker; it asks nobody. Then 408, and
/// the call stays with the parker.
pub(crate) const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// How long what comes of the CANCEL after that is waited for before the parker is told.
pub(crate) const WITHDRAW_TIMEOUT: Duration = Duration::from_secs(1);
/// How long it may take after that until it is certain that the phone will not change over any
/// more (RFC 3261 §9.1).
pub(crate) const LATE_TIMEOUT: Duration = TIMEOUT.saturating_add(OPEN_TIMEOUT);

// A lost INVITE is repeated a few times before the parker is told that it failed.
const _: () = assert!(FETCH_TIMEOUT.as_millis() > 8 * T1.as_millis());
// The stream is open, or known not to open, before that.
const _: () = assert!(OPEN_TIMEOUT.as_millis() < FETCH_TIMEOUT.as_millis());
