//! The limits of captures, together with those of [`shared::limits`].

use std::time::Duration;

/// How long a capture lasts that does not say so.
pub const CAPTURE_USUAL: Duration = Duration::from_secs(60);

/// A capture goes on so long after its call is over: until the last answer and the last reports
/// have come.
pub const CAPTURE_LINGERS: Duration = Duration::from_secs(2);

/// Dialogs of one capture: a call has two at once, and another for each time that somebody is
/// called.
pub const DIALOGS_MAX: usize = 64;

/// How long a file may take to be made.
pub const BEGIN_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a driver looks whether a capture has ended.
pub const LOOK: Duration = Duration::from_millis(250);

const _: () = assert!(CAPTURE_USUAL.as_secs() < shared::limits::CAPTURE_MAX.as_secs());
