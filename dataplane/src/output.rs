//! What a stream sends, over all changes of its source: one SSRC, one row of sequence numbers, and
//! timestamps that keep pace with the clock even while nothing is sent (RFC 3550 §5.1).

use std::time::Duration;

use shared::Time;

use crate::player::SAMPLES_PER_MS;

/// The numbers of the next packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Output {
    /// Who we are to the peer.
    pub ssrc: u32,
    /// The next sequence number.
    pub sequence: u16,
    /// The timestamp of what is spoken at `at`.
    timestamp: u32,
    at: Time,
    /// Something was sent: the first packet has the random timestamp, whenever it leaves.
    begun: bool,
}

impl Output {
    /// With random beginnings.
    #[must_use]
    pub const fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self {
            ssrc,
            sequence,
            timestamp,
            at: Time::ZERO,
            begun: false,
        }
    }

    /// The timestamp of a source that begins at `time`: never before what was sent already.
    #[must_use]
    pub fn resume(&self, time: Time) -> u32 {
        let at = if self.begun { self.at } else { time };
        self.timestamp.wrapping_add(samples(time - at))
    }

    /// The next packet would carry `sequence` and `timestamp` at `time`.
    pub const fn advance(&mut self, sequence: u16, timestamp: u32, time: Time) {
        self.sequence = sequence;
        self.timestamp = timestamp;
        self.at = time;
        self.begun = true;
    }

    /// The timestamp that corresponds to a moment, for sender reports (RFC 3550 §6.4.1).
    #[must_use]
    pub fn timestamp_at(&self, time: Time) -> u32 {
        let at = if self.begun { self.at } else { time };
        let ahead = samples(at - time);
        self.resume(time).wrapping_sub(ahead)
    }
}

/// Timestamp units in a stretch of time, modulo 2^32.
#[must_use]
pub fn samples(time: Duration) -> u32 {
    let whole = time.as_secs().wrapping_mul(SAMPLES_PER_MS * 1_000);
    let part = u64::from(time.subsec_nanos()) * SAMPLES_PER_MS / 1_000_000;
    truncated(whole.wrapping_add(part))
}

#[expect(clippy::cast_possible_truncation, reason = "modulo 2^32 is meant")]
const fn truncated(value: u64) -> u32 {
    value as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_advances_the_timestamp_by_its_length() {
        let mut output = Output::new(1, 2, u32::MAX);
        assert_eq!(
            output.resume(Time::from_millis(9_999)),
            u32::MAX,
            "the first packet"
        );
        output.advance(3, 100, Time::from_millis(20));
        assert_eq!(output.resume(Time::from_millis(1_020)), 8_100);
        assert_eq!(output.resume(Time::from_millis(10)), 100, "never backwards");
    }

    #[test]
    fn a_report_names_the_timestamp_of_its_own_moment() {
        let mut output = Output::new(1, 2, 3);
        output.advance(3, 1_000, Time::from_millis(20));
        assert_eq!(output.timestamp_at(Time::from_millis(10)), 920);
        assert_eq!(output.timestamp_at(Time::from_millis(30)), 1_080);
    }
}
