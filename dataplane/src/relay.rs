//! Relaying: the packets of one stream become packets of another. Sequence numbers and timestamps
//! are moved by a constant, so loss, disorder and duplicates arrive as they were sent; at a change
//! of source the constant is chosen anew, so that the receiver hears one sender without a jump.
//!
//! Absent on purpose: whether the packet may be relayed at all (`receive`), and its bytes
//! (`rewrite`).

use std::time::Duration;

use shared::Time;

use crate::output::Output;
use crate::rtp::Header;

/// How one stream's packets become another's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Relay {
    /// The source that is passed on.
    ssrc: u32,
    /// What is added to its timestamps, modulo 2^32.
    timestamp: u32,
    /// What is added to its sequence numbers, modulo 2^16.
    sequence: u16,
    /// Its newest sequence number.
    newest: u16,
    /// Packets since the change of source, as far as that matters.
    age: u16,
    /// The others mean something: a packet of this source has passed.
    begun: bool,
}

/// The numbers a relayed packet gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Numbers {
    /// Its sequence number.
    pub sequence: u16,
    /// Its timestamp.
    pub timestamp: u32,
    /// Whether a new talk spurt begins with it.
    pub marker: bool,
}

/// What a packet holds, in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Span {
    /// Speech of this many timestamp units, which begins with the packet.
    Ahead(u32),
    /// An event that began this many timestamp units ago (RFC 4733 §2.1).
    Past(u32),
}

/// A packet later than this was given up by `Reception` already.
const AGE_MAX: u16 = 1_000;

impl Relay {
    /// The next packet is the first of another source.
    pub const fn switch(&mut self) {
        self.begun = false;
    }

    /// Numbers for an arriving packet; `None` for one from before the change of source, whose
    /// numbers are taken.
    pub fn pass(
        &mut self,
        output: &mut Output,
        now: Time,
        arrived: &Header,
        span: Span,
    ) -> Option<Numbers> {
        let ssrc = arrived.ssrc.get();
        let (sequence, timestamp) = (arrived.sequence.get(), arrived.timestamp.get());
        let first = !self.begun || self.ssrc != ssrc;
        if first {
            *self = Self {
                ssrc,
                timestamp: output.resume(now).wrapping_sub(timestamp),
                sequence: output.sequence.wrapping_sub(sequence),
                newest: sequence,
                age: 0,
                begun: true,
            };
        }
        let ahead = sequence.wrapping_sub(self.newest).cast_signed();
        if i32::from(ahead) + i32::from(self.age) < 0 {
            return None;
        }
        let numbers = Numbers {
            sequence: sequence.wrapping_add(self.sequence),
            timestamp: timestamp.wrapping_add(self.timestamp),
            marker: first || arrived.marker(),
        };
        if ahead > 0 || first {
            self.newest = sequence;
            self.age = self.age.saturating_add(ahead.unsigned_abs()).min(AGE_MAX);
            let next = numbers.sequence.wrapping_add(1);
            match span {
                Span::Ahead(units) => {
                    let end = now + Duration::from_micros(u64::from(units) * 125);
                    output.advance(next, numbers.timestamp.wrapping_add(units), end);
                }
                Span::Past(units) => {
                    output.advance(next, numbers.timestamp.wrapping_add(units), now);
                }
            }
        }
        Some(numbers)
    }
}

#[cfg(test)]
mod tests {
    use shared::PayloadType;

    use super::*;

    fn arrived(sequence: u16, timestamp: u32, ssrc: u32) -> Header {
        Header::new(PayloadType::new(0).unwrap(), sequence, timestamp, ssrc)
    }

    /// Passes packets that arrive every 20 ms with sequence numbers as given and timestamps to
    /// match.
    fn pass(
        relay: &mut Relay,
        output: &mut Output,
        start_ms: u64,
        sequences: &[u16],
    ) -> Vec<Option<Numbers>> {
        let times = (start_ms..).step_by(20).map(Time::from_millis);
        sequences
            .iter()
            .zip(times)
            .map(|(sequence, now)| {
                let header = arrived(*sequence, u32::from(*sequence) * 160, 7);
                relay.pass(output, now, &header, Span::Ahead(160))
            })
            .collect()
    }

    fn sequences(numbers: &[Option<Numbers>]) -> Vec<Option<u16>> {
        numbers
            .iter()
            .map(|numbers| numbers.map(|it| it.sequence))
            .collect()
    }

    #[test]
    fn disorder_loss_and_duplicates_arrive_as_they_were_sent() {
        let (mut relay, mut output) = (Relay::default(), Output::new(1, 65_534, 0));
        let numbers = pass(&mut relay, &mut output, 0, &[10, 12, 11, 12, 15]);
        let expected = [65_534, 0, 65_535, 0, 3].map(Some);
        assert_eq!(sequences(&numbers), expected);
        let timestamps: Vec<_> = numbers.iter().flatten().map(|it| it.timestamp).collect();
        assert_eq!(timestamps, [0, 320, 160, 320, 800]);
    }

    #[test]
    fn a_change_of_source_goes_on_with_the_numbers_and_sets_the_marker() {
        let (mut relay, mut output) = (Relay::default(), Output::new(1, 100, 5_000));
        pass(&mut relay, &mut output, 0, &[10, 11]);
        relay.switch();
        let numbers = pass(&mut relay, &mut output, 140, &[900, 901]);
        let first = numbers[0].unwrap();
        assert_eq!((first.sequence, first.marker), (102, true));
        assert_eq!(first.timestamp, 5_000 + 140 * 8, "the silence counts");
        let second = numbers[1].unwrap();
        assert_eq!(
            (second.sequence, second.timestamp),
            (103, first.timestamp + 160)
        );
        assert!(!second.marker);
    }

    #[test]
    fn another_ssrc_is_another_source() {
        let (mut relay, mut output) = (Relay::default(), Output::new(1, 100, 0));
        pass(&mut relay, &mut output, 0, &[10]);
        let other = arrived(50_000, 1, 8);
        let numbers = relay.pass(&mut output, Time::from_millis(20), &other, Span::Ahead(160));
        let expected = Numbers {
            sequence: 101,
            timestamp: 160,
            marker: true,
        };
        assert_eq!(numbers, Some(expected));
    }

    #[test]
    fn a_packet_from_before_the_change_is_not_passed() {
        let (mut relay, mut output) = (Relay::default(), Output::new(1, 100, 0));
        let numbers = pass(&mut relay, &mut output, 0, &[10, 9, 11, 9, 10]);
        assert_eq!(
            sequences(&numbers),
            [Some(100), None, Some(101), None, Some(100)]
        );
    }

    #[test]
    fn after_an_event_time_has_passed_by_its_duration() {
        let (mut relay, mut output) = (Relay::default(), Output::new(1, 100, 0));
        for (sequence, duration) in [(1, 160), (2, 320), (3, 800)] {
            let now = Time::from_millis(u64::from(duration) / 8);
            relay.pass(
                &mut output,
                now,
                &arrived(sequence, 0, 7),
                Span::Past(duration),
            );
        }
        assert_eq!(output.resume(Time::from_millis(100)), 800);
    }
}
