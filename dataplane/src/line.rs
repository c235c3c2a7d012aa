//! The hot state of a playing stream: all that a tick touches, in one cache line.

use crate::address::Address;
use crate::library::Track;
use crate::port::Socket;
use crate::rtp::Header;

/// All that a tick needs of one playing stream.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Line {
    /// The header of the next packet.
    pub header: Header,
    /// The next sample of the track.
    pub cursor: u32,
    /// Where to.
    pub remote: Address,
    /// Where from.
    pub socket: Socket,
    /// The stream's place in the table.
    pub index: u32,
    /// The stream's generation.
    pub generation: u32,
    /// Packets sent since the line was put here.
    pub sent: u32,
    /// What is played.
    pub track: Track,
    /// Samples in a packet.
    pub samples: u16,
    /// Times still to be played, this one included; 0: for ever.
    pub repeats: u16,
    /// Whether the position follows the clock.
    pub programme: bool,
    /// Whether its packets are copied for a capture.
    pub captured: bool,
}

const _: () = assert!(size_of::<Line>() == 64);

#[cfg(test)]
pub(crate) mod testing {
    use shared::PayloadType;

    use super::*;

    /// A line that plays nothing to nobody.
    pub(crate) fn line(index: u32) -> Line {
        Line {
            header: Header::new(PayloadType::new(0).unwrap(), 0, 0, 0),
            cursor: 0,
            remote: Address::NONE,
            socket: Socket(0),
            index,
            generation: 0,
            sent: 0,
            track: Track::default(),
            samples: 160,
            repeats: 0,
            programme: false,
            captured: false,
        }
    }
}
