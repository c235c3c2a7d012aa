//! The packets of an attack: what RTP-bleed probes, injectors and fuzzers send. Their audio, where
//! they have any, is marked, so that it is known wherever it comes out.

use crate::judge::stamp::{BYTES, write_foe};

/// A kind of packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// From a stranger: sound RTP of the agreed codec, as RTP-bleed probes send it.
    Bleed,
    /// From a stranger: RTP that goes on as the phone's own source.
    Injection,
    /// From the phone's own address: RTP of another source.
    WrongSource,
    /// A codec that nobody agreed to.
    WrongCodec,
    /// A digit that nobody dialled (RFC 4733).
    Digit,
    /// RTP whose header promises more than there is, or is of another version.
    MalformedRtp,
    /// RTCP that says goodbye, or reports, in the name of a phone.
    Rtcp,
    /// RTCP whose lengths do not fit.
    MalformedRtcp,
    /// STUN, DTLS, SIP and noise.
    OtherProtocol,
    /// Nothing, or far too much.
    OddLength,
}

/// The most that any of them has.
pub(super) const PACKET_BYTES_MAX: usize = 4_000;

/// Of the fixed header.
const HEADER: usize = 12;

impl Kind {
    pub(super) const ALL: [Self; 10] = [
        Self::Bleed,
        Self::Injection,
        Self::WrongSource,
        Self::WrongCodec,
        Self::Digit,
        Self::MalformedRtp,
        Self::Rtcp,
        Self::MalformedRtcp,
        Self::OtherProtocol,
        Self::OddLength,
    ];

    /// In a report.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Bleed => "RTP-bleed probes",
            Self::Injection => "injections with the phone's SSRC",
            Self::WrongSource => "wrong SSRC from the right address",
            Self::WrongCodec => "wrong payload type",
            Self::Digit => "forged digits",
            Self::MalformedRtp => "malformed RTP",
            Self::Rtcp => "forged RTCP",
            Self::MalformedRtcp => "malformed RTCP",
            Self::OtherProtocol => "other protocols",
            Self::OddLength => "odd lengths",
        }
    }

    /// Whether a server that learns addresses must believe it from whoever comes first.
    pub(super) const fn can_be_learned(self) -> bool {
        matches!(
            self,
            Self::Bleed | Self::Injection | Self::WrongSource | Self::Rtcp | Self::OddLength
        )
    }

    /// Whether the phone's own address may send it without breaking the call by right: RTCP and
    /// digits in the phone's name, from the phone's address, are the phone's.
    pub(super) const fn suits_right_address(self) -> bool {
        matches!(
            self,
            Self::WrongSource
                | Self::WrongCodec
                | Self::MalformedRtp
                | Self::MalformedRtcp
                | Self::OtherProtocol
                | Self::OddLength
        )
    }

    /// Whether only the phone's own address sends it.
    pub(super) const fn needs_right_address(self) -> bool {
        matches!(self, Self::WrongSource)
    }
}

/// Chance, from a seed (xorshift).
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(super) fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Below `sides`.
    pub(super) fn below(&mut self, sides: usize) -> usize {
        usize::try_from(self.roll() >> 32).unwrap_or(0) % sides.max(1)
    }

    fn byte(&mut self) -> u8 {
        self.roll().to_be_bytes()[0]
    }
}

/// Makes a packet against the phone with this SSRC.
pub(super) fn forge(kind: Kind, dice: &mut Dice, ssrc: u32, packet: &mut Vec<u8>) {
    packet.clear();
    match kind {
        Kind::Bleed | Kind::WrongSource => {
            let strange = strange(dice, ssrc);
            rtp(packet, dice, 0, strange);
        }
        Kind::Injection => rtp(packet, dice, 0, ssrc),
        Kind::WrongCodec => {
            let codecs = [8, 9, 18, 34, 96, 111, 127];
            let codec = codecs[dice.below(codecs.len())];
            rtp(packet, dice, codec, ssrc);
        }
        Kind::Digit => {
            rtp(packet, dice, 101, ssrc);
            packet.truncate(HEADER);
            packet.extend([5, 0x8a, 3, 0x20]);
        }
        Kind::MalformedRtp => malformed_rtp(packet, dice, ssrc),
        Kind::Rtcp => rtcp(packet, dice, ssrc),
        Kind::MalformedRtcp => {
            rtcp(packet, dice, ssrc);
            let place = 1 + dice.below(3);
            packet[place] = [203, 255, 127][dice.below(3)];
            packet.truncate(4 + dice.below(packet.len()));
        }
        Kind::OtherProtocol => other_protocol(packet, dice),
        Kind::OddLength => {
            let lengths = [0, 1, 2, 11, 12, 13, 1_473, 1_500, PACKET_BYTES_MAX];
            let length = lengths[dice.below(lengths.len())];
            let strange = strange(dice, ssrc);
            rtp(packet, dice, 0, strange);
            packet.resize(length, 0x2a);
        }
    }
}

/// A source that no phone has.
fn strange(dice: &mut Dice, ssrc: u32) -> u32 {
    let [.., a, b, c] = dice.roll().to_be_bytes();
    let other = u32::from_be_bytes([0xee, a, b, c]);
    if other == ssrc { !other } else { other }
}

fn rtp(packet: &mut Vec<u8>, dice: &mut Dice, payload_type: u8, ssrc: u32) {
    let [s0, s1, t0, t1, t2, t3, ..] = dice.roll().to_be_bytes();
    packet.extend([0x80, payload_type, s0, s1, t0, t1, t2, t3]);
    packet.extend(ssrc.to_be_bytes());
    let mut audio = [0; BYTES];
    write_foe(&mut audio);
    packet.extend(audio);
}

fn malformed_rtp(packet: &mut Vec<u8>, dice: &mut Dice, ssrc: u32) {
    rtp(packet, dice, 0, ssrc);
    match dice.below(5) {
        // Another version.
        0 => packet[0] = [0x00, 0x40, 0xc0][dice.below(3)],
        // More contributing sources than fit.
        1 => {
            packet[0] = 0x8f;
            packet.truncate(HEADER + 8);
        }
        // An extension that runs on.
        2 => {
            packet[0] = 0x90;
            packet[HEADER..HEADER + 4].copy_from_slice(&[0xbe, 0xde, 0xff, 0xff]);
        }
        // Padding longer than the packet, or none where some is promised.
        3 => {
            packet[0] = 0xa0;
            let last = packet.len() - 1;
            packet[last] = [0, 255][dice.below(2)];
        }
        _ => packet.truncate(dice.below(HEADER)),
    }
}

fn rtcp(packet: &mut Vec<u8>, dice: &mut Dice, ssrc: u32) {
    // An empty receiver report, which a compound begins with (RFC 3550 §6.1).
    packet.extend([0x80, 201, 0, 1]);
    packet.extend(ssrc.to_be_bytes());
    match dice.below(3) {
        0 => {
            packet.extend([0x81, 203, 0, 1]);
            packet.extend(ssrc.to_be_bytes());
        }
        // A report of everything being lost.
        1 => {
            packet[0] = 0x81;
            packet[3] = 7;
            packet.extend([0xff; 24]);
        }
        // Feedback without end: a picture loss indication.
        _ => {
            packet.extend([0x81, 206, 0, 2]);
            packet.extend(ssrc.to_be_bytes());
            packet.extend([0; 4]);
        }
    }
}

fn other_protocol(packet: &mut Vec<u8>, dice: &mut Dice) {
    match dice.below(4) {
        // A STUN binding request (RFC 8489 §5).
        0 => {
            packet.extend([0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
            packet.extend((0..12).map(|_| dice.byte()));
        }
        // The beginning of a DTLS ClientHello (RFC 9147).
        1 => packet.extend([22, 254, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0]),
        2 => packet.extend(b"OPTIONS sip:x SIP/2.0\r\n\r\n"),
        _ => {
            let length = 1 + dice.below(200);
            packet.extend((0..length).map(|_| dice.byte()));
            // Noise that would be sound RTP is what the other kinds are for.
            packet[0] &= 0x7f;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::stamp::Audio;

    fn forged(kind: Kind) -> Vec<Vec<u8>> {
        let mut dice = Dice::new(7);
        let one = |_| {
            let mut packet = Vec::new();
            forge(kind, &mut dice, 0x5000_0001, &mut packet);
            packet
        };
        (0..500).map(one).collect()
    }

    #[test]
    fn each_kind_is_bounded_and_its_audio_is_marked() {
        for kind in Kind::ALL {
            for packet in forged(kind) {
                assert!(packet.len() <= PACKET_BYTES_MAX, "{}", kind.name());
                let is_audio = matches!(kind, Kind::Bleed | Kind::Injection | Kind::WrongSource);
                let marked = packet.get(12..).map(Audio::read) == Some(Audio::Foe);
                assert!(marked || !is_audio, "{}: {packet:?}", kind.name());
            }
        }
    }

    #[test]
    fn an_injection_has_the_phones_source_and_the_wrong_source_has_not() {
        let ssrc = 0x5000_0001_u32.to_be_bytes();
        assert!(
            forged(Kind::Injection)
                .iter()
                .all(|packet| packet[8..12] == ssrc)
        );
        assert!(
            forged(Kind::WrongSource)
                .iter()
                .all(|packet| packet[8..12] != ssrc)
        );
    }

    #[test]
    fn what_the_right_address_sends_is_never_by_right() {
        for kind in Kind::ALL
            .into_iter()
            .filter(|kind| kind.suits_right_address())
        {
            let ssrc = 0x5000_0001_u32.to_be_bytes();
            for packet in forged(kind) {
                let is_sound =
                    packet.len() == 12 + BYTES && packet[..2] == [0x80, 0] && packet[8..12] == ssrc;
                assert!(!is_sound, "{}", kind.name());
            }
        }
    }
}
