//! Puts a worker thread on its CPU and makes its timers exact.

use std::num::NonZeroU64;

use rustix::thread::{CpuSet, sched_setaffinity, set_current_timer_slack};

/// Pins the calling thread to one CPU.
///
/// # Errors
/// The CPU does not exist or is not allowed to this process.
pub(crate) fn to_cpu(cpu: u16) -> std::io::Result<()> {
    if usize::from(cpu) >= CpuSet::MAX_CPU {
        return Err(rustix::io::Errno::INVAL.into());
    }
    let mut set = CpuSet::new();
    set.set(cpu.into());
    Ok(sched_setaffinity(None, &set)?)
}

/// Lets timers of the calling thread end when they are due instead of up to 50 µs later.
pub(crate) fn sharpen_timers() {
    if let Err(error) = set_current_timer_slack(NonZeroU64::new(1)) {
        tracing::debug!(%error, "timer slack stays as it is");
    }
}
