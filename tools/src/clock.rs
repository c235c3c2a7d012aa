//! The clocks of the tools. A tool is a driver of its own: it reads them here and hands the time
//! on.

use rustix::time::{ClockId, Timespec, clock_gettime};
use shared::Time;

/// The monotonic clock.
#[must_use]
pub fn now() -> Time {
    from_timespec(clock_gettime(ClockId::Monotonic))
}

/// The wall clock, which the kernel stamps arriving packets with.
#[must_use]
pub fn wall() -> Time {
    from_timespec(clock_gettime(ClockId::Realtime))
}

fn from_timespec(time: Timespec) -> Time {
    let part = |count: i64| u64::try_from(count).expect("the clock is not before its origin");
    Time::from_nanos(part(time.tv_sec) * 1_000_000_000 + part(time.tv_nsec))
}
