//! Dialled digits (RFC 4733): many packets of one event, reported once, with the time it was held.

use std::time::Duration;

use shared::Time;

use crate::player::SAMPLES_PER_MS;

/// The event a stream is in, or was in last.
#[derive(Debug, Default)]
pub struct Digits {
    current: Option<Event>,
}

/// A digit that ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digit {
    /// 0 to 15 (RFC 4733 §3.2).
    pub code: u8,
    /// How long it was held.
    pub duration_ms: u16,
}

/// What one packet says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Payload {
    /// Which event.
    pub code: u8,
    /// Whether it is over.
    pub end: bool,
    /// Timestamp units since the packet's timestamp.
    pub duration: u16,
}

/// Silence that ends an event whose last packets were lost.
pub const LOST_END: Duration = Duration::from_millis(400);

/// DTMF: the codes above are modem tones and the like.
const CODE_MAX: u8 = 15;

#[derive(Debug)]
struct Event {
    code: u8,
    timestamp: u32,
    duration: u16,
    /// Of earlier segments of a long event (§2.5.1.3).
    before: u32,
    heard: Time,
    reported: bool,
}

impl Payload {
    /// Reads the payload of an event packet (§2.3); `None` when it is too short.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let [code, flags, high, low] = *bytes.first_chunk()?;
        Some(Self {
            code,
            end: flags & 0x80 != 0,
            duration: u16::from_be_bytes([high, low]),
        })
    }
}

impl Digits {
    /// Takes note of an event packet; gives the digits that ended: perhaps the one before, perhaps
    /// this one.
    pub fn receive(&mut self, now: Time, timestamp: u32, payload: Payload) -> [Option<Digit>; 2] {
        if payload.code > CODE_MAX {
            return [None, None];
        }
        let mut before = None;
        match &mut self.current {
            Some(event) if event.timestamp == timestamp => {
                event.duration = event.duration.max(payload.duration);
            }
            Some(event) if event.continues(timestamp, payload.code) => {
                event.before += u32::from(u16::MAX);
                event.timestamp = timestamp;
                event.duration = payload.duration;
            }
            Some(event) if timestamp.wrapping_sub(event.timestamp) > u32::MAX / 2 => {
                return [None, None]; // a late packet of an earlier event
            }
            _ => {
                before = self.end();
                self.current = Some(Event::new(timestamp, payload));
            }
        }
        if let Some(event) = &mut self.current {
            event.heard = now;
        }
        [before, payload.end.then(|| self.end()).flatten()]
    }

    /// The digit whose end was lost.
    pub fn expire(&mut self, now: Time) -> Option<Digit> {
        let silent = self
            .current
            .as_ref()
            .is_some_and(|event| now - event.heard >= LOST_END);
        if silent { self.end() } else { None }
    }

    /// Whether an event has begun and its end was not reported.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.current.as_ref().is_some_and(|event| !event.reported)
    }

    fn end(&mut self) -> Option<Digit> {
        let event = self.current.as_mut().filter(|event| !event.reported)?;
        event.reported = true;
        let units = u64::from(event.before) + u64::from(event.duration);
        Some(Digit {
            code: event.code,
            duration_ms: u16::try_from(units / SAMPLES_PER_MS).unwrap_or(u16::MAX),
        })
    }
}

impl Event {
    const fn new(timestamp: u32, payload: Payload) -> Self {
        Self {
            code: payload.code,
            timestamp,
            duration: payload.duration,
            before: 0,
            heard: Time::ZERO,
            reported: false,
        }
    }

    fn continues(&self, timestamp: u32, code: u8) -> bool {
        let next = self.timestamp.wrapping_add(u32::from(u16::MAX));
        !self.reported && self.duration == u16::MAX && self.code == code && timestamp == next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(code: u8, duration: u16, end: bool) -> Payload {
        Payload {
            code,
            end,
            duration,
        }
    }

    fn hear(digits: &mut Digits, packets: &[(u32, Payload)]) -> Vec<(u8, u16)> {
        let heard = packets
            .iter()
            .flat_map(|(timestamp, payload)| digits.receive(Time::ZERO, *timestamp, *payload));
        heard
            .flatten()
            .map(|digit| (digit.code, digit.duration_ms))
            .collect()
    }

    #[test]
    fn a_digit_with_three_ends_is_reported_once() {
        let mut digits = Digits::default();
        let packets = [
            (160, false),
            (320, false),
            (800, true),
            (800, true),
            (800, true),
        ];
        let packets = packets.map(|(duration, end)| (1_000, packet(5, duration, end)));
        assert_eq!(hear(&mut digits, &packets), [(5, 100)]);
        assert!(!digits.is_held());
    }

    #[test]
    fn the_same_digit_twice_is_two_digits() {
        let mut digits = Digits::default();
        let packets = [(1_000, packet(5, 400, true)), (3_000, packet(5, 800, true))];
        assert_eq!(hear(&mut digits, &packets), [(5, 50), (5, 100)]);
    }

    #[test]
    fn a_digit_whose_end_was_lost_is_reported_by_the_next_one() {
        let mut digits = Digits::default();
        let packets = [
            (1_000, packet(1, 400, false)),
            (3_000, packet(2, 800, true)),
        ];
        assert_eq!(hear(&mut digits, &packets), [(1, 50), (2, 100)]);
    }

    #[test]
    fn a_digit_whose_end_was_lost_is_reported_after_a_silence() {
        let mut digits = Digits::default();
        hear(&mut digits, &[(1_000, packet(1, 400, false))]);
        assert_eq!(digits.expire(Time::from_millis(399)), None);
        assert_eq!(
            digits
                .expire(Time::from_millis(400))
                .map(|digit| digit.code),
            Some(1)
        );
        assert_eq!(digits.expire(Time::from_millis(800)), None);
        assert_eq!(
            hear(&mut digits, &[(1_000, packet(1, 800, true))]),
            [],
            "its end, late"
        );
    }

    #[test]
    fn a_late_packet_of_an_earlier_event_is_nothing_new() {
        let mut digits = Digits::default();
        hear(
            &mut digits,
            &[
                (1_000, packet(1, 400, true)),
                (3_000, packet(2, 160, false)),
            ],
        );
        assert_eq!(hear(&mut digits, &[(1_000, packet(1, 400, true))]), []);
        assert_eq!(
            hear(&mut digits, &[(3_000, packet(2, 400, true))]),
            [(2, 50)]
        );
    }

    #[test]
    fn a_long_event_in_segments_is_one_digit() {
        let mut digits = Digits::default();
        let packets = [
            (1_000, packet(9, u16::MAX, false)),
            (1_000 + 65_535, packet(9, 160, false)),
            (1_000 + 65_535, packet(9, 801, true)),
        ];
        assert_eq!(hear(&mut digits, &packets), [(9, 8_292)]);
    }

    #[test]
    fn other_events_than_dtmf_are_not_digits() {
        let mut digits = Digits::default();
        assert_eq!(hear(&mut digits, &[(1_000, packet(16, 400, true))]), []);
        assert_eq!(Payload::parse(&[1, 0x80, 0]), None);
    }
}
