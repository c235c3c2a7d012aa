//! What limits a worker, and what helps.

use std::fmt;

use shared::RefuseReason;

use super::step::Step;
use crate::plane::Plane;

/// Why there are not more streams.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Limit {
    /// The worker needs all of its core.
    Cpu,
    /// Something else had the worker's CPU for this part of the time, in percent.
    OtherWork(u32),
    /// The worker had time, but was late.
    Stalls,
    /// Datagrams that the kernel did not take.
    SocketBuffers,
    /// No descriptors are left.
    Descriptors,
    /// No ports are left.
    Ports,
    /// The worker's table is full.
    Table,
    /// The kernel refused a socket for another reason.
    Kernel,
    /// Less than a tenth of the machine's memory is left.
    Memory,
    /// The time that was given.
    Time,
}

/// A worker that uses this part of its core has no time for more.
const BUSY: f64 = 0.8;

/// Waiting for a CPU for this part of the time spoils pacing by itself.
const KEPT_AWAY: f64 = 0.02;

impl Limit {
    /// Why this step broke the pacing rule.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "percent for the eye"
    )]
    pub(super) fn of_step(step: &Step) -> Self {
        if step.drops > 0 {
            Self::SocketBuffers
        } else if step.core >= BUSY {
            Self::Cpu
        } else if step.waited >= KEPT_AWAY {
            Self::OtherWork((step.waited * 100.0).round() as u32)
        } else {
            Self::Stalls
        }
    }

    pub(super) const fn of_refusal(reason: RefuseReason) -> Self {
        match reason {
            RefuseReason::NoDescriptor => Self::Descriptors,
            RefuseReason::PortTaken => Self::Ports,
            RefuseReason::WorkerFull => Self::Table,
            RefuseReason::AddressUnavailable | RefuseReason::Kernel => Self::Kernel,
        }
    }

    /// A worker that refused for want of time, and not of places, says so by a counter; why it has
    /// none, the last step shows.
    pub(super) fn by_admission(self, plane: &Plane, last: Option<&Step>) -> Self {
        let refused: u64 = plane.stats().iter().map(|stats| stats.refused.load()).sum();
        match last {
            Some(step) if self == Self::Table && refused > 0 => {
                if step.waited >= KEPT_AWAY && step.core < BUSY {
                    Self::of_step(step)
                } else {
                    Self::Cpu
                }
            }
            _ => self,
        }
    }

    pub(super) const fn is_cpu(&self) -> bool {
        matches!(self, Self::Cpu)
    }

    /// What to raise.
    pub(super) const fn remedy(&self) -> &'static str {
        match self {
            Self::Cpu => "more workers on more cores ([media] workers, cpus), or a faster core",
            Self::OtherWork(_) => {
                "a core of its own: [media] cpus for the worker, isolcpus or a cpuset for others \
                 (--realtime shows what that would allow)"
            }
            Self::Stalls => {
                "a quieter machine: a CPU of its own, no deep sleep states (cpuidle.off=1); \
                 --realtime shows what a real-time priority would allow"
            }
            Self::SocketBuffers => "net.core.wmem_max and the transmit queue of the interface",
            Self::Descriptors => "RLIMIT_NOFILE: LimitNOFILE= in the unit, or ulimit -Hn as root",
            Self::Ports => "[media] ports: a wider range, free of other programs",
            Self::Table => "more workers: one holds no more streams",
            Self::Kernel => "what the log names (RUST_LOG=debug)",
            Self::Memory => "memory: each stream's sockets need some KiB in the kernel",
            Self::Time => "--seconds: it ended before any limit",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("CPU: the worker needs its whole core"),
            Self::OtherWork(percent) => write!(
                f,
                "other work on this machine: the worker waited for its CPU for {percent} % of the \
                 time"
            ),
            Self::Stalls => f.write_str("stalls: the worker had time, but was woken late"),
            Self::SocketBuffers => f.write_str("socket buffers: the kernel did not take packets"),
            Self::Descriptors => f.write_str("descriptors"),
            Self::Ports => f.write_str("ports"),
            Self::Table => f.write_str("the worker's table of streams"),
            Self::Kernel => f.write_str("the kernel, which refused a socket"),
            Self::Memory => f.write_str("memory"),
            Self::Time => f.write_str("the time it was given"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_without_time_is_limited_by_its_core_and_one_kept_away_by_others() {
        let mut step = Step {
            streams: 100,
            share: 0.5,
            packets_a_second: 2_500.0,
            cpu_ns: 900.0,
            core: 0.97,
            waited: 0.0,
            late: std::time::Duration::from_millis(9),
            drops: 0,
        };
        assert_eq!(Limit::of_step(&step), Limit::Cpu);
        step.core = 0.4;
        assert_eq!(Limit::of_step(&step), Limit::Stalls);
        step.waited = 0.3;
        assert_eq!(Limit::of_step(&step), Limit::OtherWork(30));
        step.drops = 1;
        assert_eq!(Limit::of_step(&step), Limit::SocketBuffers);
    }
}
