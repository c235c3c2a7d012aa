//! The clock and the seed: the two things a state machine cannot have of itself.

use std::io;

use rustix::time::{ClockId, clock_gettime};
use shared::Time;

/// Now, on `CLOCK_MONOTONIC`: the clock the dataplane uses as well.
pub(super) fn now() -> Time {
    read(ClockId::Monotonic)
}

/// Milliseconds from 1970 to the origin of [`now`].
pub(super) fn origin_unix_ms() -> u64 {
    let since_origin = now().as_millis();
    read(ClockId::Realtime)
        .as_millis()
        .saturating_sub(since_origin)
}

fn read(clock: ClockId) -> Time {
    let moment = clock_gettime(clock);
    let seconds = u64::try_from(moment.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(moment.tv_nsec).unwrap_or(0);
    Time::from_nanos(seconds * 1_000_000_000 + nanos)
}

/// 256 bits from the operating system.
///
/// # Errors
/// When the operating system has no entropy to give.
pub(super) fn seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(seed)
}
