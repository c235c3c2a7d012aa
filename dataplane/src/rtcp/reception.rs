//! What arrived from the peer: sequence numbers as RFC 3550 A.1 follows them, losses as A.3 counts
//! them, jitter as A.8 estimates it.

use std::time::Duration;

use shared::Time;

use super::receiver_report::Block;
use crate::output::samples;
use crate::rtp::Header;

/// The source that is heard, if any.
#[derive(Debug, Default)]
pub struct Reception {
    source: Option<Source>,
}

/// Where a packet stands among the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// The newest, after whatever loss.
    Newest,
    /// Late, or a second time.
    Late,
    /// The first of a source.
    First,
    /// The source began anew with other numbers.
    Restarted,
    /// So far from the others that only a second one makes it believable.
    Unlikely,
}

/// What a packet carries: events repeat their timestamp, so they say nothing of jitter (RFC 4733
/// §2.5.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carries {
    /// Audio of the negotiated codec.
    Speech,
    /// A telephone event.
    Event,
}

/// Another SSRC is believed once the present one was silent for so long.
const HANDOVER: Duration = Duration::from_millis(100);

/// A gap up to here is loss (RFC 3550 A.1).
const DROPOUT_MAX: u16 = 3_000;

/// Up to here a packet is late rather than from a new beginning (RFC 3550 A.1).
const MISORDER_MAX: u16 = 100;

#[derive(Debug)]
struct Source {
    ssrc: u32,
    heard: Time,
    /// The newest sequence number, with the wraps before it.
    newest: u32,
    base: u32,
    received: u32,
    /// Of the last report.
    expected_before: u32,
    received_before: u32,
    /// What would confirm a new beginning.
    unlikely_next: Option<u16>,
    transit: Option<u32>,
    /// Sixteen times the jitter.
    jitter: u32,
}

impl Reception {
    /// Whether RTP of this SSRC is believed now: it is the one heard, or that one has fallen
    /// silent.
    #[must_use]
    pub fn admits(&self, now: Time, ssrc: u32) -> bool {
        self.source
            .as_ref()
            .is_none_or(|source| source.ssrc == ssrc || now - source.heard >= HANDOVER)
    }

    /// Takes note of a packet.
    pub fn receive(&mut self, now: Time, header: &Header, carries: Carries) -> Arrival {
        let same = self
            .source
            .as_mut()
            .filter(|source| source.ssrc == header.ssrc.get());
        let (source, arrival) = match same {
            Some(source) => {
                let arrival = source.follow(header.sequence.get());
                (source, arrival)
            }
            None => (self.source.insert(Source::new(header)), Arrival::First),
        };
        source.heard = now;
        if arrival == Arrival::Unlikely {
            return arrival;
        }
        source.received = source.received.wrapping_add(1);
        if carries == Carries::Speech {
            source.time(now, header.timestamp.get());
        }
        arrival
    }

    /// What is missing before this packet was kept from us on purpose: it is no loss.
    pub fn excuse(&mut self, header: &Header) {
        if let Some(source) = self.source.as_mut()
            && source.ssrc == header.ssrc.get()
        {
            source.excuse(header.sequence.get());
        }
    }

    /// The SSRC heard.
    #[must_use]
    pub fn ssrc(&self) -> Option<u32> {
        self.source.as_ref().map(|source| source.ssrc)
    }

    /// Interarrival jitter in timestamp units.
    #[must_use]
    pub fn jitter(&self) -> u32 {
        self.source.as_ref().map_or(0, |source| source.jitter >> 4)
    }

    /// A report block of what arrived since the last one; `None` when nothing did.
    pub fn report(&mut self) -> Option<Block> {
        let source = self.source.as_mut()?;
        let expected = source.newest.wrapping_sub(source.base).wrapping_add(1);
        let expected_now = expected.wrapping_sub(source.expected_before);
        let received_now = source.received.wrapping_sub(source.received_before);
        if received_now == 0 {
            return None;
        }
        source.expected_before = expected;
        source.received_before = source.received;
        // More than expected when there were duplicates: then nothing was lost (A.3).
        let lost_now = u64::from(expected_now.saturating_sub(received_now));
        let fraction = (lost_now << 8)
            .checked_div(u64::from(expected_now))
            .unwrap_or(0);
        Some(Block {
            ssrc: source.ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            lost: expected
                .wrapping_sub(source.received)
                .cast_signed()
                .clamp(-LOST_MAX, LOST_MAX),
            newest: source.newest,
            jitter: source.jitter >> 4,
            last_report: 0,
            delay: 0,
        })
    }
}

/// The cumulative loss is a signed number of 24 bits.
const LOST_MAX: i32 = 0x7f_ffff;

impl Source {
    fn new(header: &Header) -> Self {
        let sequence = u32::from(header.sequence.get());
        Self {
            ssrc: header.ssrc.get(),
            heard: Time::ZERO,
            newest: sequence,
            base: sequence,
            received: 0,
            expected_before: 0,
            received_before: 0,
            unlikely_next: None,
            transit: None,
            jitter: 0,
        }
    }

    fn follow(&mut self, sequence: u16) -> Arrival {
        let ahead = sequence.wrapping_sub(low_half(self.newest));
        if ahead == 0 || ahead > u16::MAX - MISORDER_MAX {
            return Arrival::Late;
        }
        if ahead < DROPOUT_MAX {
            self.unlikely_next = None;
            self.newest = self.newest.wrapping_add(ahead.into());
            return Arrival::Newest;
        }
        if self.unlikely_next != Some(sequence) {
            self.unlikely_next = Some(sequence.wrapping_add(1));
            return Arrival::Unlikely;
        }
        self.newest = sequence.into();
        self.base = sequence.into();
        self.received = 0;
        self.expected_before = 0;
        self.received_before = 0;
        self.unlikely_next = None;
        self.transit = None;
        Arrival::Restarted
    }

    fn excuse(&mut self, sequence: u16) {
        let ahead = sequence.wrapping_sub(low_half(self.newest));
        if ahead == 0 || ahead > u16::MAX - MISORDER_MAX {
            return;
        }
        let missing = u32::from(ahead) - 1;
        self.newest = self.newest.wrapping_add(missing);
        self.base = self.base.wrapping_add(missing);
        self.unlikely_next = None;
        self.transit = None;
    }

    fn time(&mut self, now: Time, timestamp: u32) {
        let transit = samples(now - Time::ZERO).wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let change = transit.wrapping_sub(before).cast_signed().unsigned_abs();
            self.jitter = self
                .jitter
                .saturating_add(change)
                .saturating_sub((self.jitter + 8) >> 4);
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the wraps are left out")]
const fn low_half(extended: u32) -> u16 {
    extended as u16
}

#[cfg(test)]
mod tests {
    use shared::PayloadType;

    use super::*;

    fn header(sequence: u16, timestamp: u32) -> Header {
        Header::new(PayloadType::new(0).unwrap(), sequence, timestamp, 5)
    }

    fn receive(reception: &mut Reception, sequence: u16) -> Arrival {
        let time = Time::from_millis(u64::from(sequence) * 20);
        reception.receive(
            time,
            &header(sequence, u32::from(sequence) * 160),
            Carries::Speech,
        )
    }

    #[test]
    fn losses_are_counted_over_the_wrap() {
        let mut reception = Reception::default();
        for sequence in [65_533, 65_534, 1, 2] {
            receive(&mut reception, sequence);
        }
        let block = reception.report().unwrap();
        assert_eq!(block.lost, 2);
        assert_eq!(block.fraction_lost, u8::try_from(2 * 256 / 6).unwrap());
        assert_eq!(block.newest, 65_536 + 2);
    }

    #[test]
    fn the_fraction_is_of_the_time_since_the_last_report() {
        let mut reception = Reception::default();
        (0..10).chain(20..30).for_each(|sequence| {
            receive(&mut reception, sequence);
        });
        reception.report();
        (30..40).for_each(|sequence| {
            receive(&mut reception, sequence);
        });
        let block = reception.report().unwrap();
        assert_eq!((block.fraction_lost, block.lost), (0, 10));
        assert!(reception.report().is_none(), "nothing new, no block");
    }

    #[test]
    fn duplicates_make_the_loss_negative_and_the_fraction_zero() {
        let mut reception = Reception::default();
        for sequence in [1, 2, 2, 2] {
            receive(&mut reception, sequence);
        }
        let block = reception.report().unwrap();
        assert_eq!((block.lost, block.fraction_lost), (-2, 0));
    }

    #[test]
    fn order_is_told_from_disorder() {
        let mut reception = Reception::default();
        let arrivals = [10, 12, 11, 12, 13].map(|sequence| receive(&mut reception, sequence));
        use Arrival::{First, Late, Newest};
        assert_eq!(arrivals, [First, Newest, Late, Late, Newest]);
    }

    #[test]
    fn a_jump_is_believed_when_a_second_packet_confirms_it() {
        let mut reception = Reception::default();
        let arrivals =
            [10, 20_000, 11, 30_000, 30_001, 30_002].map(|it| receive(&mut reception, it));
        use Arrival::{First, Newest, Restarted, Unlikely};
        assert_eq!(
            arrivals,
            [First, Unlikely, Newest, Unlikely, Restarted, Newest]
        );
    }

    #[test]
    fn jitter_follows_the_change_of_transit_times() {
        let mut steady = Reception::default();
        let mut shaky = Reception::default();
        for sequence in 0..200_u16 {
            receive(&mut steady, sequence);
            let delay = if sequence % 2 == 0 { 0 } else { 5 };
            let time = Time::from_millis(u64::from(sequence) * 20 + delay);
            shaky.receive(
                time,
                &header(sequence, u32::from(sequence) * 160),
                Carries::Speech,
            );
        }
        assert_eq!(steady.jitter(), 0);
        assert!(
            (38..=41).contains(&shaky.jitter()),
            "5 ms is 40 units: {}",
            shaky.jitter()
        );
    }

    #[test]
    fn another_source_is_admitted_when_the_first_falls_silent() {
        let mut reception = Reception::default();
        receive(&mut reception, 0);
        assert!(reception.admits(Time::from_millis(20), 5));
        assert!(!reception.admits(Time::from_millis(20), 6));
        assert!(reception.admits(Time::from_millis(100), 6));
    }
}
