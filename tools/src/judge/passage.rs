//! One direction of a bridge: what one phone stamped and sent, as it arrives at the other.

use shared::Time;

use super::stamp::{Audio, BYTES, Stamp};
use super::stream::{Packet, is_rtcp};
use super::window::Window;
use super::{Findings, Pacing};

/// Judges what a phone in a bridge hears. Ahead of the first stamped packet it may hear music.
#[derive(Clone, Debug)]
pub struct Passage {
    payload_type: u8,
    findings: Findings,
    run: Option<Run>,
    /// Packets of another kind, ahead of the first stamped one.
    before: u64,
}

/// The stamped packets so far.
#[derive(Clone, Debug)]
struct Run {
    pair: u32,
    side: u8,
    ssrc: u32,
    /// What number 0 had, or would have had.
    sequence_origin: u16,
    timestamp_origin: u32,
    window: Window,
}

impl Passage {
    /// Nothing heard yet.
    #[must_use]
    pub fn new(payload_type: u8) -> Self {
        Self {
            payload_type,
            findings: Findings::default(),
            run: None,
            before: 0,
        }
    }

    /// Takes a datagram that arrived at `at`, by the clock of the stamps; how long it was on its
    /// way goes into `latency`.
    pub fn take(&mut self, at: Time, datagram: &[u8], latency: &mut Pacing) {
        if is_rtcp(datagram) {
            self.findings.rtcp += 1;
            return;
        }
        let Some(packet) = Packet::parse(datagram) else {
            self.findings.malformed += 1;
            return;
        };
        let stamp = match Audio::read(packet.payload) {
            Audio::Stamped(stamp) => stamp,
            Audio::Other if self.run.is_none() => {
                self.before += 1;
                return;
            }
            _ => {
                self.findings.wrong_music += 1;
                return;
            }
        };
        let run = self.run.get_or_insert_with(|| Run::new(&packet, &stamp));
        if (stamp.pair, stamp.side) != (run.pair, run.side) || packet.ssrc != run.ssrc {
            self.findings.foreign += 1;
            return;
        }
        if packet.payload_type != self.payload_type {
            self.findings.wrong_format += 1;
        }
        if run.window.count(stamp.number, &mut self.findings) {
            run.check_numbers(&packet, stamp.number, &mut self.findings);
            latency.record(at - stamp.sent);
        }
    }

    /// What was found so far; `received` is of stamped packets.
    #[must_use]
    pub fn findings(&self) -> Findings {
        let run = self.run.as_ref();
        let sent = run.map_or(0, |run| run.window.span());
        Findings {
            lost: sent.saturating_sub(self.findings.received),
            ..self.findings
        }
    }

    /// Whose packets these are: the pair and the side.
    #[must_use]
    pub fn speaker(&self) -> Option<(u32, u8)> {
        self.run.as_ref().map(|run| (run.pair, run.side))
    }

    /// Packets ahead of the first stamped one.
    #[must_use]
    pub fn before(&self) -> u64 {
        self.before
    }
}

impl Run {
    fn new(packet: &Packet<'_>, stamp: &Stamp) -> Self {
        Self {
            pair: stamp.pair,
            side: stamp.side,
            ssrc: packet.ssrc,
            sequence_origin: packet.sequence.wrapping_sub(low16(stamp.number)),
            timestamp_origin: packet.timestamp.wrapping_sub(units(stamp.number)),
            window: Window::new(stamp.number),
        }
    }

    /// The relay moves sequence numbers and timestamps by a constant, each.
    fn check_numbers(&mut self, packet: &Packet<'_>, number: u64, findings: &mut Findings) {
        let sequence = packet.sequence.wrapping_sub(low16(number));
        let timestamp = packet.timestamp.wrapping_sub(units(number));
        if (sequence, timestamp) != (self.sequence_origin, self.timestamp_origin) {
            findings.timestamp_jumps += 1;
            (self.sequence_origin, self.timestamp_origin) = (sequence, timestamp);
        }
    }
}

/// The last 16 bits.
fn low16(number: u64) -> u16 {
    let [.., high, low] = number.to_be_bytes();
    u16::from_be_bytes([high, low])
}

/// The last 32 bits of the samples that many packets have.
fn units(number: u64) -> u32 {
    let [.., a, b, c, d] = number.wrapping_mul(BYTES as u64).to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::stamp::write_foe;
    use super::*;

    const SENT: Time = Time::from_millis(1_000);

    fn packet(number: u64, pair: u32) -> Vec<u8> {
        let mut audio = [0; BYTES];
        let stamp = Stamp {
            pair,
            side: 0,
            number,
            sent: SENT,
        };
        stamp.write(&mut audio);
        rtp(number, &audio)
    }

    fn rtp(number: u64, audio: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x80, 0];
        bytes.extend(low16(number).wrapping_add(65_530).to_be_bytes());
        bytes.extend(units(number).wrapping_add(u32::MAX - 300).to_be_bytes());
        bytes.extend(9_u32.to_be_bytes());
        bytes.extend(audio);
        bytes
    }

    fn judge(packets: impl IntoIterator<Item = Vec<u8>>) -> (Passage, Pacing) {
        let (mut passage, mut latency) = (Passage::new(0), Pacing::new());
        for packet in packets {
            passage.take(SENT + Duration::from_micros(250), &packet, &mut latency);
        }
        (passage, latency)
    }

    #[test]
    fn what_comes_as_it_was_sent_is_clean_and_its_way_is_measured() {
        let (passage, latency) = judge((0..500).map(|n| packet(n, 1)));
        let expected = Findings {
            received: 500,
            ..Findings::default()
        };
        assert_eq!(passage.findings(), expected);
        assert_eq!(passage.speaker(), Some((1, 0)));
        let median = latency.quantile(0.5);
        assert!(median.abs_diff(Duration::from_micros(250)) < Duration::from_micros(5));
    }

    #[test]
    fn music_ahead_of_the_bridge_is_no_fault_and_behind_it_is_one() {
        let music = || rtp(0, &[0xff; BYTES]);
        let ahead = [music(), packet(0, 1), packet(1, 1)];
        let (passage, _) = judge(ahead.clone());
        assert!(passage.findings().is_clean() && passage.before() == 1);
        let (passage, _) = judge(ahead.into_iter().chain([music()]));
        assert_eq!(passage.findings().wrong_music, 1);
    }

    #[test]
    fn loss_repetition_and_disorder_are_counted() {
        let numbers = [0, 1, 4, 3, 3, 6];
        let (passage, _) = judge(numbers.map(|n| packet(n, 1)));
        let findings = passage.findings();
        assert_eq!((findings.received, findings.lost), (5, 2));
        assert_eq!((findings.repeated, findings.overtaken), (1, 1));
    }

    #[test]
    fn packets_of_another_call_are_foreign() {
        let (passage, _) = judge([packet(0, 1), packet(1, 2)]);
        assert_eq!(passage.findings().foreign, 1);
    }

    #[test]
    fn a_changed_packet_and_an_attack_are_other_audio() {
        let mut altered = packet(1, 1);
        altered[100] ^= 1;
        let mut foe = [0; BYTES];
        write_foe(&mut foe);
        let (passage, _) = judge([packet(0, 1), altered, rtp(2, &foe)]);
        assert_eq!(passage.findings().wrong_music, 2);
    }

    #[test]
    fn an_attack_ahead_of_the_first_packet_counts_too() {
        let mut foe = [0; BYTES];
        write_foe(&mut foe);
        let (passage, _) = judge([rtp(0, &foe)]);
        assert_eq!(passage.findings().wrong_music, 1);
    }

    #[test]
    fn a_jump_of_numbers_is_seen_once() {
        let mut jumped = packet(1, 1);
        jumped[3] ^= 0x40;
        let mut ahead = packet(2, 1);
        ahead[3] ^= 0x40;
        let (passage, _) = judge([packet(0, 1), jumped, ahead]);
        assert_eq!(passage.findings().timestamp_jumps, 1);
    }
}
