//! Figures between two looks at the server's counters.

use super::look::Look;

/// What a worker did between two looks.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub(super) struct Figures {
    pub(super) seconds: f64,
    /// RTP and RTCP.
    pub(super) packets: f64,
    /// RTP alone.
    pub(super) rtp: f64,
    /// CPU time a packet, in nanoseconds: exact.
    pub(super) cpu_ns: f64,
    /// The parts of it in user space and in the kernel, by clock ticks.
    pub(super) user_ns: f64,
    pub(super) system_ns: f64,
    /// What part of the time the worker was ready, but something else had its CPU.
    pub(super) waited_share: f64,
    /// What part of the time the host had taken the worker's CPU away, by clock ticks.
    pub(super) stolen_share: f64,
    /// What part of one core it used.
    pub(super) core_share: f64,
    /// Calls of `io_uring_enter` a packet.
    pub(super) enters: f64,
}

impl Figures {
    #[expect(clippy::cast_precision_loss, reason = "counts of a run fit a double")]
    pub(super) fn between(before: &Look, now: &Look) -> Self {
        let packets = (now.sent() - before.sent()) as f64;
        let seconds = (now.at - before.at).as_secs_f64();
        let share = 1e9 / packets.max(1.0);
        let (was, is) = (&before.cpu, &now.cpu);
        let cpu = (is.total - was.total).as_secs_f64();
        let (user, system) = (
            (is.user - was.user).as_secs_f64(),
            (is.system - was.system).as_secs_f64(),
        );
        Self {
            seconds,
            packets,
            rtp: (now.rtp_sent - before.rtp_sent) as f64,
            cpu_ns: cpu * share,
            user_ns: user * share,
            system_ns: system * share,
            waited_share: (is.waited - was.waited).as_secs_f64() / seconds,
            stolen_share: (is.stolen - was.stolen).as_secs_f64() / seconds,
            core_share: cpu / seconds,
            enters: (now.enters - before.enters) as f64 / packets.max(1.0),
        }
    }

    /// Packets a second.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate for the eye"
    )]
    pub(super) fn rate(&self) -> u64 {
        (self.packets / self.seconds).round() as u64
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shared::Time;

    use super::*;
    use crate::bed::look::ThreadCpu;

    #[test]
    fn figures_are_of_what_happened_between() {
        let before = Look {
            at: Time::from_millis(1_000),
            rtp_sent: 500,
            enters: 10,
            ..Look::default()
        };
        let now = Look {
            at: Time::from_millis(3_000),
            rtp_sent: 1_400,
            rtcp_sent: 100,
            enters: 60,
            cpu: ThreadCpu {
                total: Duration::from_millis(1),
                waited: Duration::from_millis(20),
                stolen: Duration::from_millis(10),
                ..ThreadCpu::default()
            },
            ..Look::default()
        };
        let figures = Figures::between(&before, &now);
        assert_eq!((figures.rate(), figures.seconds), (500, 2.0));
        assert!((figures.cpu_ns - 1_000.0).abs() < 1e-6);
        assert!((figures.enters - 0.05).abs() < 1e-9);
        assert!((figures.waited_share - 0.01).abs() < 1e-9);
        assert!((figures.stolen_share - 0.005).abs() < 1e-9);
    }
}
