//! The clock and the seed: the two things a state machine cannot have of itself.

use std::io;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use shared::Time;

/// Now, on `CLOCK_MONOTONIC`, with an origin long before the machine started: a call that was
/// parked before a reboot, and is taken up after it, has a time on this clock.
pub(super) fn now() -> Time {
    read(ClockId::Monotonic) + LEAD
}

/// No call is older.
const LEAD: Duration = Duration::from_hours(24 * 1_000);

/// A moment of [`now`]'s clock on that of the workers and of whoever writes captures, which begins
/// as the machine starts.
pub(super) fn of_workers(time: Time) -> Time {
    Time::ZERO + (time - (Time::ZERO + LEAD))
}

/// A moment of the workers' clock on [`now`]'s.
pub(super) fn from_workers(time: Time) -> Time {
    time + LEAD
}

/// Milliseconds from 1970 to the origin of [`now`].
pub(super) fn origin_unix_ms() -> u64 {
    let since_origin = now().as_millis();
    read(ClockId::Realtime)
        .as_millis()
        .saturating_sub(since_origin)
}

/// A moment of [`now`]'s clock, in milliseconds since 1970.
pub(super) fn unix_ms(at: Time) -> u64 {
    origin_unix_ms() + at.as_millis()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_before_the_machine_started_has_a_time_of_its_own() {
        let wall_ms = read(ClockId::Realtime).as_millis();
        let origin_ms = origin_unix_ms();
        assert!(wall_ms.abs_diff(origin_ms + now().as_millis()) < 10_000);
        let at = now();
        assert!(from_workers(of_workers(at)) == at && of_workers(at) <= read(ClockId::Monotonic));
        let uptime_ms = read(ClockId::Monotonic).as_millis();
        let year_ms = 365 * 24 * 3_600 * 1_000;
        assert!(origin_ms + year_ms < wall_ms - uptime_ms);
    }
}
