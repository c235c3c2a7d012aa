//! Whether the demo went well.

use std::time::Duration;

use control::control::ControlStatus;
use control::sip::status::Status;
use shared::DropReason;

use super::stage::Look;
use crate::judge::Pacing;
use crate::phone::Counts;

/// Everything that was seen.
pub(super) struct Verdict {
    pub(super) calls: usize,
    /// Still parked when the watching ended.
    pub(super) parked_throughout: usize,
    pub(super) counts: Counts,
    pub(super) failures: Vec<(Status, usize)>,
    /// Streams that the workers refused because they had no time for more.
    pub(super) refused_for_time: u64,
    /// While watched.
    pub(super) pacing: Pacing,
    /// The looks at the beginning and at the end of the watching.
    pub(super) watched: (Look, Look),
    /// After everybody hung up.
    pub(super) last: Look,
    /// What the server still had then.
    pub(super) leftovers: ControlStatus,
    pub(super) drops: Vec<(DropReason, u64)>,
    pub(super) has_music: bool,
}

impl Verdict {
    pub(super) fn is_good(&self) -> bool {
        self.all_parked() && self.all_hung_up() && self.is_empty() && self.all_heard()
    }

    /// More callers came than the server had time for; those it took were served well.
    pub(super) fn is_full(&self) -> bool {
        let others = self.calls - self.refused();
        self.refused() > 0
            && self.parked_throughout == others
            && self.counts.hung_up == others
            && self.is_empty()
            && self.all_heard()
    }

    pub(super) fn all_parked(&self) -> bool {
        self.parked_throughout == self.calls
    }

    pub(super) fn all_hung_up(&self) -> bool {
        self.counts.hung_up == self.calls
    }

    /// Callers that were refused for want of time.
    pub(super) fn refused(&self) -> usize {
        if self.refused_for_time == 0 {
            return 0;
        }
        let unavailable = self
            .failures
            .iter()
            .filter(|(status, _)| *status == Status::SERVICE_UNAVAILABLE);
        unavailable.map(|(_, count)| count).sum()
    }

    /// Whether the server has nothing left of the calls. Transactions stay for a while, as RFC 3261
    /// wants it.
    pub(super) fn is_empty(&self) -> bool {
        let left = &self.leftovers;
        left.parked + left.calls + left.legs + left.streams == 0
    }

    pub(super) fn all_heard(&self) -> bool {
        let heard = &self.last.heard;
        let others = self.calls - self.refused();
        heard.findings.is_clean() && heard.streams == others && self.missing() == 0
    }

    /// Packets the server sent that nobody heard: those within a stream, and those at its ends,
    /// where no gap shows.
    pub(super) fn missing(&self) -> u64 {
        let received = self.last.heard.findings.received + self.last.heard.findings.wrong_format;
        let unheard = self.last.sent.saturating_sub(received);
        unheard.max(self.last.heard.findings.lost)
    }

    /// CPU time of the server's workers for a packet while watched; `None` when they sent none.
    pub(super) fn cpu_a_packet(&self) -> Option<Duration> {
        cpu_a_packet(&self.watched.0, &self.watched.1)
    }

    /// What part of the watched time the workers were ready but without a CPU; `None` where the
    /// kernel does not say.
    pub(super) fn wait_share(&self) -> Option<f64> {
        let (first, last) = &self.watched;
        let waited = last.cpu_waited?.saturating_sub(first.cpu_waited?);
        Some(waited.as_secs_f64() / (last.at - first.at).as_secs_f64().max(f64::MIN_POSITIVE))
    }

    /// What part of one core the workers used while watched.
    pub(super) fn core_share(&self) -> f64 {
        let (first, last) = &self.watched;
        let used = Duration::from_nanos(last.cpu_nanos.saturating_sub(first.cpu_nanos));
        used.as_secs_f64() / (last.at - first.at).as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

/// CPU time of the server's workers for a packet between two looks; `None` when they sent none.
pub(super) fn cpu_a_packet(before: &Look, now: &Look) -> Option<Duration> {
    let used = now.cpu_nanos.saturating_sub(before.cpu_nanos);
    used.checked_div(now.sent.saturating_sub(before.sent))
        .map(Duration::from_nanos)
}
