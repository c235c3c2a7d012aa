//! Codecs the media path carries, and the RTP numbers that name them (RFC 3551).

use std::fmt;

/// An audio codec. All of today's have an 8,000 Hz RTP clock and one channel.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Codec {
    /// G.711 µ-law, RFC 3551 §4.5.14.
    Pcmu,
    /// G.711 A-law, RFC 3551 §4.5.14.
    Pcma,
}

impl Codec {
    /// Every codec built in, in the order of preference where nobody states one.
    pub const ALL: [Self; 2] = [Self::Pcmu, Self::Pcma];

    /// The encoding name of `a=rtpmap` (compared without case).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }

    /// RTP clock rate in Hz.
    #[must_use]
    pub const fn clock_hz(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma => 8_000,
        }
    }

    /// The static payload type of RFC 3551 §6, if the codec has one.
    #[must_use]
    pub const fn static_payload_type(self) -> Option<PayloadType> {
        match self {
            Self::Pcmu => Some(PayloadType::new_const(0)),
            Self::Pcma => Some(PayloadType::new_const(8)),
        }
    }

    /// RTP timestamp units in one packet.
    #[must_use]
    pub const fn samples_per_packet(self, ptime: Ptime) -> u32 {
        self.clock_hz() / 1_000 * ptime.as_millis() as u32
    }

    /// Payload bytes in one packet.
    #[must_use]
    pub const fn bytes_per_packet(self, ptime: Ptime) -> usize {
        match self {
            Self::Pcmu | Self::Pcma => self.samples_per_packet(ptime) as usize,
        }
    }

    /// The payload byte that decodes to silence.
    #[must_use]
    pub const fn silence(self) -> u8 {
        match self {
            Self::Pcmu => 0xff,
            Self::Pcma => 0xd5,
        }
    }
}

/// An RTP payload type, 0 to 127.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PayloadType(u8);

impl PayloadType {
    /// `None` above 127.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number < 128 {
            Some(Self(number))
        } else {
            None
        }
    }

    const fn new_const(number: u8) -> Self {
        assert!(number < 128);
        Self(number)
    }

    /// The number, below 128.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for PayloadType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Milliseconds of audio in one packet: 10, 20, 30, 40 or 60.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ptime(u8);

impl Ptime {
    /// What RFC 3551 §4.2 recommends, and what everybody sends.
    pub const DEFAULT: Self = Self(20);

    /// The supported values.
    pub const ALL: [Self; 5] = [Self(10), Self(20), Self(30), Self(40), Self(60)];

    /// `None` for a packet time that is not in [`Ptime::ALL`].
    #[must_use]
    pub const fn new(millis: u8) -> Option<Self> {
        match millis {
            10 | 20 | 30 | 40 | 60 => Some(Self(millis)),
            _ => None,
        }
    }

    /// Milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u8 {
        self.0
    }
}

impl Default for Ptime {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_g711_packet_of_20_ms_has_160_bytes() {
        for codec in Codec::ALL {
            assert_eq!(codec.samples_per_packet(Ptime::DEFAULT), 160);
            assert_eq!(codec.bytes_per_packet(Ptime::DEFAULT), 160);
        }
    }

    #[test]
    fn payload_types_end_at_127() {
        assert_eq!(PayloadType::new(127).map(PayloadType::number), Some(127));
        assert_eq!(PayloadType::new(128), None);
    }

    #[test]
    fn odd_packet_times_are_refused() {
        assert_eq!(Ptime::new(25), None);
        assert!(
            Ptime::ALL
                .iter()
                .all(|p| Ptime::new(p.as_millis()) == Some(*p))
        );
    }
}
