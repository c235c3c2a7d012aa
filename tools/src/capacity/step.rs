//! One number of streams, watched for a while: was everything sent, and on time?

use std::time::Duration;

use serde_json::{Value, json};
use shared::{Histogram, Time, WorkerStats};

use crate::bed::{grouped, time};

/// The worker's counters at one moment.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    at: Time,
    sent: u64,
    drops: u64,
    cpu: Duration,
    waited: Duration,
    late: [u64; Histogram::BUCKETS],
}

/// What happened between two marks.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Step {
    pub(super) streams: u32,
    /// Packets sent, of those due.
    pub(super) share: f64,
    pub(super) packets_a_second: f64,
    pub(super) cpu_ns: f64,
    /// What part of a core the worker used, and for what part it was ready but without one.
    pub(super) core: f64,
    pub(super) waited: f64,
    /// That 99 % of the packets did not exceed, within a factor of two.
    pub(super) late: Duration,
    pub(super) drops: u64,
}

/// 99 % of the packets leave within this after their time…
const LATE_MAX: Duration = Duration::from_micros(4_096);

/// … and all of them leave. Steps begin and end within a slot.
const SHARE_MIN: f64 = 0.99;

/// Above the columns of [`Step::line`].
pub(super) const HEAD: &str =
    "   streams  packets/s  CPU a packet   core   99 % late at most  of those due";

impl Mark {
    pub(super) fn new(at: Time, stats: &WorkerStats, cpu: Duration, waited: Duration) -> Self {
        Self {
            at,
            sent: stats.rtp_sent.load(),
            drops: stats.drops.iter().map(|count| count.load()).sum(),
            cpu,
            waited,
            late: stats.lateness.counts(),
        }
    }

    /// What happened since an earlier mark.
    #[expect(clippy::cast_precision_loss, reason = "counts of seconds fit a double")]
    pub(super) fn since(&self, before: &Self, streams: u32) -> Step {
        let seconds = (self.at - before.at).as_secs_f64();
        let sent = (self.sent - before.sent) as f64;
        let cpu = (self.cpu - before.cpu).as_secs_f64();
        let late = std::array::from_fn(|index| self.late[index] - before.late[index]);
        Step {
            streams,
            share: sent / (f64::from(streams) * 50.0 * seconds),
            packets_a_second: sent / seconds,
            cpu_ns: cpu * 1e9 / sent.max(1.0),
            core: cpu / seconds,
            waited: (self.waited - before.waited).as_secs_f64() / seconds,
            late: quantile(&late, 0.99),
            drops: self.drops - before.drops,
        }
    }
}

impl Step {
    /// The pacing rule.
    pub(super) fn is_good(&self) -> bool {
        self.share >= SHARE_MIN && self.late <= LATE_MAX && self.drops == 0
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate for the eye"
    )]
    pub(super) fn line(&self) -> String {
        format!(
            "{:>10} {:>10} {:>10.0} ns {:>5.0} % {:>19} {:>11.2} %{}",
            grouped(self.streams.into()),
            grouped(self.packets_a_second as u64),
            self.cpu_ns,
            self.core * 100.0,
            time(self.late),
            self.share * 100.0,
            if self.is_good() { "" } else { "  too many" }
        )
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "streams": self.streams,
            "good": self.is_good(),
            "packets_per_second": self.packets_a_second,
            "cpu_ns_per_packet": self.cpu_ns,
            "core_share": self.core,
            "waited_share": self.waited,
            "late_p99_us": u64::try_from(self.late.as_micros()).unwrap_or(u64::MAX),
            "share_sent": self.share,
            "drops": self.drops,
        })
    }
}

/// The upper bound of the bucket that this part of the packets is below.
#[expect(clippy::cast_precision_loss, reason = "counts of seconds fit a double")]
fn quantile(late: &[u64; Histogram::BUCKETS], part: f64) -> Duration {
    let all: u64 = late.iter().sum();
    let mut below = 0;
    for (bucket, count) in late.iter().enumerate() {
        below += count;
        if below as f64 >= all as f64 * part {
            return Duration::from_micros(Histogram::bound_us(bucket));
        }
    }
    Duration::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(sent: u64, late_us: u64) -> Step {
        let stats = WorkerStats::new();
        let before = Mark::new(Time::ZERO, &stats, Duration::ZERO, Duration::ZERO);
        stats.rtp_sent.add(sent);
        stats.lateness.record(late_us * 1_000, sent);
        let cpu = Duration::from_millis(500);
        Mark::new(Time::from_millis(1_000), &stats, cpu, Duration::ZERO).since(&before, 100)
    }

    #[test]
    fn all_packets_and_on_time_is_good() {
        let step = step(5_000, 900);
        assert!(step.is_good(), "{step:?}");
        assert!((step.core - 0.5).abs() < 1e-9 && (step.cpu_ns - 100_000.0).abs() < 1e-6);
    }

    #[test]
    fn packets_that_are_not_sent_break_the_rule() {
        assert!(!step(4_900, 900).is_good());
    }

    #[test]
    fn late_packets_break_the_rule() {
        assert!(step(5_000, 4_000).is_good());
        assert!(!step(5_000, 5_000).is_good());
    }
}
