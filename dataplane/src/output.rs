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
    /// `None` until something is sent: the first packet has the random timestamp, whenever it
    /// leaves.
    at: Option<Time>,
}

impl Output {
    /// With random beginnings.
    #[must_use]
    pub const fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self {
            ssrc,
            sequence,
            timestamp,
            at: None,
        }
    }

    /// The timestamp of a source that begins at `time`: never before what was sent already.
    #[must_use]
    pub fn resume(&self, time: Time) -> u32 {
        let passed = self.at.map_or(Duration::ZERO, |at| time - at);
        self.timestamp.wrapping_add(samples(passed))
    }

    /// The next packet would carry `sequence` and `timestamp` at `time`.
    pub const fn advance(&mut self, sequence: u16, timestamp: u32, time: Time) {
        self.sequence = sequence;
        self.timestamp = timestamp;
        self.at = Some(time);
    }

    /// The timestamp that corresponds to a moment, for sender reports (RFC 3550 §6.4.1).
    #[must_use]
    pub fn timestamp_at(&self, time: Time) -> u32 {
        let at = self.at.unwrap_or(time);
        let ahead = samples(at - time);
        self.resume(time).wrapping_sub(ahead)
    }
}

/// Timestamp units in a stretch of time, modulo 2^32.
#[must_use]
pub fn samples(time: Duration) -> u32 {
    let samples = time.as_nanos() * u128::from(SAMPLES_PER_MS) / 1_000_000;
    u32::try_from(samples & u128::from(u32::MAX)).unwrap_or(0)
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
