//! One stream: sequence, timestamps, source, format, music and pacing of what arrives at one port
//! (RFC 3550 §5.1, A.1).

use std::time::Duration;

use shared::Time;

use super::window::Window;
use super::{Findings, Music, Pacing};

/// What was agreed for a stream.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// The number of the codec.
    pub payload_type: u8,
    /// Samples, which are bytes in G.711, of a packet.
    pub samples: u16,
    /// Nanoseconds from packet to packet.
    pub packet_ns: u64,
}

/// Judges the packets of one stream in the order in which they arrive.
#[derive(Clone, Debug)]
pub struct StreamJudge {
    expected: Expected,
    findings: Findings,
    run: Option<Run>,
    grid: Grid,
}

/// What a stream was so far; begins with its first packet.
#[derive(Clone, Debug)]
struct Run {
    ssrc: u32,
    /// Of sequence numbers extended beyond 16 bits.
    window: Window,
    /// The timestamp that packet number 0 would have had.
    timestamp_origin: u32,
    /// Where in the music packet number 0 would have been, modulo its length.
    music_origin: Option<u64>,
    /// The music is long, and to search it costs: a stream that plays something else is not
    /// searched for ever.
    searches_left: u8,
}

/// A stream's own clock: packet `n` is due at `origin + n · packet_ns`. A sender can be late, but
/// not early: the packet that came earliest of all, by its number, shows the clock, and the others
/// are as late as they are behind it.
#[derive(Clone, Debug)]
enum Grid {
    /// Arrivals less their number on the grid, until there are enough to begin with.
    Learning(Vec<i128>),
    /// The earliest so far.
    Known(i128),
}

/// Packets by which a stream's grid is first learned; an earlier one corrects it.
const LEARNED_BY: usize = 16;

/// Sequence numbers begin here, so that a packet before the first is still a positive number.
const SEQUENCE_ORIGIN: u64 = 1 << 32;

const SEARCHES_MAX: u8 = 4;

impl StreamJudge {
    /// A stream of which nothing has arrived.
    #[must_use]
    pub fn new(expected: Expected) -> Self {
        Self {
            expected,
            findings: Findings::default(),
            run: None,
            grid: Grid::Learning(Vec::new()),
        }
    }

    /// Takes a datagram that arrived at `at`; its deviation goes into `pacing`.
    pub fn take(&mut self, at: Time, datagram: &[u8], music: Option<&Music>, pacing: &mut Pacing) {
        if is_rtcp(datagram) {
            self.findings.rtcp += 1;
            return;
        }
        let Some(packet) = Packet::parse(datagram) else {
            self.findings.malformed += 1;
            return;
        };
        let is_agreed = packet.payload_type == self.expected.payload_type
            && packet.payload.len() == usize::from(self.expected.samples);
        if !is_agreed {
            self.findings.wrong_format += 1;
        }
        let run = self
            .run
            .get_or_insert_with(|| Run::new(&packet, self.expected));
        if packet.ssrc != run.ssrc {
            self.findings.foreign += 1;
            return;
        }
        let number = run.number(packet.sequence);
        if !run.window.count(number, &mut self.findings) {
            return;
        }
        run.check_timestamp(number, &packet, self.expected, &mut self.findings);
        if let Some(music) = music {
            run.check_music(number, &packet, music, self.expected, &mut self.findings);
        }
        self.grid
            .record(at, number, self.expected.packet_ns, pacing);
    }

    /// What was found so far.
    #[must_use]
    pub fn findings(&self) -> Findings {
        let sent = self.run.as_ref().map_or(0, |run| run.window.span());
        Findings {
            lost: sent.saturating_sub(self.findings.received),
            ..self.findings
        }
    }
}

impl Run {
    fn new(packet: &Packet<'_>, expected: Expected) -> Self {
        let first = SEQUENCE_ORIGIN + u64::from(packet.sequence);
        Self {
            ssrc: packet.ssrc,
            window: Window::new(first),
            timestamp_origin: packet.timestamp.wrapping_sub(units(first, expected)),
            music_origin: None,
            searches_left: SEARCHES_MAX,
        }
    }

    /// The extended number nearest to the highest so far.
    fn number(&self, sequence: u16) -> u64 {
        let [.., high, low] = self.window.highest.to_be_bytes();
        let step = sequence.wrapping_sub(u16::from_be_bytes([high, low]));
        self.window
            .highest
            .wrapping_add_signed(i64::from(step.cast_signed()))
    }

    fn check_timestamp(
        &mut self,
        number: u64,
        packet: &Packet<'_>,
        expected: Expected,
        findings: &mut Findings,
    ) {
        let origin = packet.timestamp.wrapping_sub(units(number, expected));
        if origin != self.timestamp_origin {
            findings.timestamp_jumps += 1;
            self.timestamp_origin = origin;
        }
    }

    fn check_music(
        &mut self,
        number: u64,
        packet: &Packet<'_>,
        music: &Music,
        expected: Expected,
        findings: &mut Findings,
    ) {
        let offset = number * u64::from(expected.samples);
        match self.music_origin {
            Some(origin) if music.has_at(origin + offset, packet.payload) => return,
            // The first place that was found may be one of several alike.
            _ if self.searches_left == 0 => {}
            _ => {
                self.searches_left -= 1;
                let is_first = self.music_origin.is_none();
                self.music_origin = music
                    .find(packet.payload)
                    .map(|at| music.origin(at, offset));
                if is_first && self.music_origin.is_some() {
                    return;
                }
            }
        }
        findings.wrong_music += 1;
    }
}

impl Grid {
    fn record(&mut self, at: Time, number: u64, packet_ns: u64, pacing: &mut Pacing) {
        let origin = i128::from(at.as_nanos()) - i128::from(number) * i128::from(packet_ns);
        match self {
            Self::Known(known) => {
                *known = origin.min(*known);
                pacing.record(lateness(origin, *known));
            }
            Self::Learning(origins) => {
                origins.push(origin);
                if origins.len() < LEARNED_BY {
                    return;
                }
                let known = origins.iter().copied().fold(origin, i128::min);
                origins
                    .iter()
                    .for_each(|origin| pacing.record(lateness(*origin, known)));
                *self = Self::Known(known);
            }
        }
    }
}

fn lateness(origin: i128, known: i128) -> Duration {
    Duration::from_nanos(u64::try_from(origin - known).unwrap_or(u64::MAX))
}

/// RFC 5761 §4: these second bytes are RTCP's.
pub(super) fn is_rtcp(datagram: &[u8]) -> bool {
    let kind = datagram.get(1);
    kind.is_some_and(|byte| (192..=223).contains(byte))
}

/// RTP timestamp units from packet number 0 to this one, modulo 2^32.
#[expect(
    clippy::cast_possible_truncation,
    reason = "timestamps are modulo 2^32"
)]
fn units(number: u64, expected: Expected) -> u32 {
    (number as u32).wrapping_mul(u32::from(expected.samples))
}

/// The parts of an RTP packet that are judged.
pub(super) struct Packet<'a> {
    pub(super) payload_type: u8,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) ssrc: u32,
    pub(super) payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// `None` unless it is of version 2 and at least as long as its header says.
    pub(super) fn parse(datagram: &'a [u8]) -> Option<Self> {
        let (header, rest) = datagram.split_first_chunk::<12>()?;
        let [flags, payload_type, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *header;
        if flags >> 6 != 2 {
            return None;
        }
        let mut payload = rest.get(4 * usize::from(flags & 0x0f)..)?;
        if flags & 0x10 != 0 {
            let (extension, behind) = payload.split_first_chunk::<4>()?;
            let words = u16::from_be_bytes([extension[2], extension[3]]);
            payload = behind.get(4 * usize::from(words)..)?;
        }
        if flags & 0x20 != 0 {
            let padding = usize::from(*payload.last()?);
            payload = payload.get(..payload.len().checked_sub(padding)?)?;
        }
        Some(Self {
            payload_type: payload_type & 0x7f,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
            payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use dataplane::prompt::Prompt;
    use shared::Codec;

    use super::*;

    const EXPECTED: Expected = Expected {
        payload_type: 0,
        samples: 160,
        packet_ns: 20_000_000,
    };

    /// What an orderly sender sends as packet `n`, beginning shortly before both counters wrap.
    fn packet(n: u32, payload: &[u8]) -> Vec<u8> {
        let sequence = u16::try_from((65_530 + n) % 65_536).unwrap();
        let timestamp = 0xffff_ff00_u32.wrapping_add(n * 160);
        let mut bytes = vec![0x80, 0];
        bytes.extend(sequence.to_be_bytes());
        bytes.extend(timestamp.to_be_bytes());
        bytes.extend(0x1234_5678_u32.to_be_bytes());
        bytes.extend(payload);
        bytes
    }

    /// Packets by number, each on time.
    fn judge(numbers: impl IntoIterator<Item = u32>) -> (Findings, Pacing) {
        let (mut judge, mut pacing) = (StreamJudge::new(EXPECTED), Pacing::new());
        for n in numbers {
            let at = Time::from_millis(1_000 + u64::from(n) * 20);
            judge.take(at, &packet(n, &[0xff; 160]), None, &mut pacing);
        }
        (judge.findings(), pacing)
    }

    #[test]
    fn an_orderly_stream_is_clean_also_where_its_counters_wrap() {
        let (findings, pacing) = judge(0..1_000);
        assert_eq!(
            findings,
            Findings {
                received: 1_000,
                ..Findings::default()
            }
        );
        assert!(findings.is_clean());
        assert_eq!(
            (pacing.count(), pacing.max()),
            (1_000, Duration::from_nanos(1))
        );
    }

    #[test]
    fn a_gap_is_loss() {
        let (findings, _) = judge((0..100).chain(103..200));
        assert_eq!((findings.received, findings.lost), (197, 3));
        assert!(!findings.is_clean());
    }

    #[test]
    fn a_late_packet_is_overtaken_and_not_lost() {
        let (findings, _) = judge((0..50).chain([51, 52, 50, 53]));
        assert_eq!(
            (findings.received, findings.lost, findings.overtaken),
            (54, 0, 1)
        );
    }

    #[test]
    fn a_packet_that_comes_twice_is_repeated() {
        let (findings, _) = judge((0..50).chain([40, 49]));
        assert_eq!(
            (findings.received, findings.lost, findings.repeated),
            (50, 0, 2)
        );
    }

    #[test]
    fn lateness_is_measured_against_the_streams_own_grid() {
        let (mut judge, mut pacing) = (StreamJudge::new(EXPECTED), Pacing::new());
        for n in 0..100 {
            let late_us = if n == 70 { 3_000 } else { 0 };
            let at = Time::from_nanos(5_000_123_000 + u64::from(n) * 20_000_000 + late_us * 1_000);
            judge.take(at, &packet(n, &[0xff; 160]), None, &mut pacing);
        }
        assert!(
            pacing.max() >= Duration::from_millis(3),
            "{:?}",
            pacing.max()
        );
        assert!(
            pacing.quantile(0.98) < Duration::from_micros(1),
            "the others were on time"
        );
    }

    #[test]
    fn a_stream_that_began_late_is_late_until_the_end_of_that_and_not_early_afterwards() {
        let (mut judge, mut pacing) = (StreamJudge::new(EXPECTED), Pacing::new());
        for n in 0..200 {
            let late_ms = if n < 50 { 80 } else { 0 };
            let at = Time::from_millis(1_000 + u64::from(n) * 20 + late_ms);
            judge.take(at, &packet(n, &[0xff; 160]), None, &mut pacing);
            if n == 49 {
                pacing.clear();
            }
        }
        assert_eq!(
            (pacing.count(), pacing.max()),
            (150, Duration::from_nanos(1))
        );
    }

    #[test]
    fn a_jump_of_the_timestamp_is_counted_once() {
        let (mut judge, mut pacing) = (StreamJudge::new(EXPECTED), Pacing::new());
        for n in 0..10 {
            let mut bytes = packet(n, &[0xff; 160]);
            if n >= 5 {
                bytes[4] ^= 0x40;
            }
            judge.take(
                Time::from_millis(u64::from(n) * 20),
                &bytes,
                None,
                &mut pacing,
            );
        }
        assert_eq!(judge.findings().timestamp_jumps, 1);
    }

    #[test]
    fn what_was_not_agreed_is_counted_by_kind() {
        let (mut judge, mut pacing) = (StreamJudge::new(EXPECTED), Pacing::new());
        let mut foreign = packet(1, &[0xff; 160]);
        foreign[11] ^= 1;
        let mut format = packet(2, &[0xff; 160]);
        format[1] = 8;
        let rtcp_bye = [0x81, 203, 0, 1, 1, 2, 3, 4];
        for bytes in [
            &packet(0, &[0xff; 160])[..],
            &foreign,
            &format,
            &rtcp_bye,
            b"hello",
        ] {
            judge.take(Time::ZERO, bytes, None, &mut pacing);
        }
        let findings = judge.findings();
        assert_eq!((findings.foreign, findings.wrong_format), (1, 1));
        assert_eq!((findings.rtcp, findings.malformed), (1, 1));
    }

    #[test]
    fn the_music_is_followed_over_its_loop_point() {
        let music = Music::new(Prompt::builtin(), Codec::Pcmu);
        let prompt = Prompt::builtin();
        let (mut judge, mut pacing) = (StreamJudge::new(EXPECTED), Pacing::new());
        let begin = prompt.samples() - 1_000;
        for n in 0..20_u32 {
            let position = (begin + n as usize * 160) % prompt.samples();
            let payload = prompt.payload(Codec::Pcmu, position, 160);
            judge.take(Time::ZERO, &packet(n, payload), Some(&music), &mut pacing);
        }
        assert_eq!(judge.findings().wrong_music, 0);
        judge.take(
            Time::ZERO,
            &packet(20, &[0x55; 160]),
            Some(&music),
            &mut pacing,
        );
        assert_eq!(judge.findings().wrong_music, 1);
    }
}
