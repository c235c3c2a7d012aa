//! The clocks of a worker. Absent on purpose: everybody else's clock; the core is given `now`.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};
use shared::Time;

/// Now on `CLOCK_MONOTONIC`, which deadlines of the ring are measured on.
#[must_use]
pub(crate) fn now() -> Time {
    Time::ZERO + duration(clock_gettime(ClockId::Monotonic))
}

/// Time since 1970, for the NTP timestamps of sender reports.
#[must_use]
pub(crate) fn wall() -> Duration {
    duration(clock_gettime(ClockId::Realtime))
}

/// What this thread has used of its CPU.
#[must_use]
pub(crate) fn thread_cpu() -> Duration {
    duration(clock_gettime(ClockId::ThreadCPUTime))
}

fn duration(time: Timespec) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}
