//! Changing a received packet in place into one of another stream: a new header right before the
//! payload, G.711 from one law to the other. CSRCs, extension and padding are left behind: they
//! were negotiated with the other side, if at all.

use std::ops::Range;

use audio_codec_algorithms::{convert_alaw_to_ulaw, convert_ulaw_to_alaw};
use shared::Codec;

use crate::rtp::{HEADER_BYTES, Header, Packet};

/// Puts `header` before the payload; gives the part of the datagram that is to be sent.
pub fn readdress(datagram: &mut [u8], packet: &Packet, header: &Header) -> Range<usize> {
    // A packet has a header, so its payload begins after at least as many bytes.
    let start = packet.payload.start - HEADER_BYTES;
    datagram[start..packet.payload.start].copy_from_slice(header.as_bytes());
    start..packet.payload.end
}

/// G.711 between its two laws, by table.
#[derive(Debug)]
pub struct Transcoder {
    to_alaw: [u8; 256],
    to_ulaw: [u8; 256],
}

impl Transcoder {
    /// With its tables filled.
    #[must_use]
    pub fn new() -> Self {
        let fill = |convert: fn(u8) -> u8| {
            let mut table = [0; 256];
            (0..=u8::MAX).for_each(|byte| table[usize::from(byte)] = convert(byte));
            table
        };
        Self {
            to_alaw: fill(convert_ulaw_to_alaw),
            to_ulaw: fill(convert_alaw_to_ulaw),
        }
    }

    /// Turns speech of one codec into speech of the other, of the same length.
    pub fn transcode(&self, from: Codec, to: Codec, speech: &mut [u8]) {
        let table = match (from, to) {
            (Codec::Pcmu, Codec::Pcma) => &self.to_alaw,
            (Codec::Pcma, Codec::Pcmu) => &self.to_ulaw,
            (Codec::Pcmu, Codec::Pcmu) | (Codec::Pcma, Codec::Pcma) => return,
        };
        // Eight at a time: one load and one store, and eight looks into the table between.
        let (words, rest) = speech.as_chunks_mut::<8>();
        for word in words {
            *word = word.map(|byte| table[usize::from(byte)]);
        }
        for byte in rest {
            *byte = table[usize::from(*byte)];
        }
    }
}

impl Default for Transcoder {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use audio_codec_algorithms::{decode_alaw, decode_ulaw};
    use shared::PayloadType;

    use super::*;
    use crate::rtp;

    #[test]
    fn what_the_other_side_did_not_negotiate_is_left_behind() {
        let mut bytes = vec![0x80 | 0x20 | 0x10 | 1, 0x80, 0, 1, 0, 0, 0, 160, 0, 0, 0, 9];
        bytes.extend([1, 1, 1, 1]); // a CSRC
        bytes.extend([0xbe, 0xde, 0, 1, 2, 2, 2, 2]); // an extension
        bytes.extend([10, 20, 30]);
        bytes.extend([0, 2]); // padding
        let packet = rtp::parse(&bytes).unwrap();
        let header = Header::new(PayloadType::new(8).unwrap(), 77, 88, 99);
        let part = readdress(&mut bytes, &packet, &header);
        let sent = rtp::parse(&bytes[part.clone()]).unwrap();
        assert_eq!(sent.header, header);
        assert_eq!(bytes[part][sent.payload], [10, 20, 30]);
    }

    #[test]
    fn both_laws_say_nearly_the_same() {
        let transcoder = Transcoder::new();
        for byte in 0..=u8::MAX {
            let mut alaw = [byte];
            transcoder.transcode(Codec::Pcmu, Codec::Pcma, &mut alaw);
            let (from, to) = (
                i32::from(decode_ulaw(byte)),
                i32::from(decode_alaw(alaw[0])),
            );
            assert!(
                (from - to).abs() <= from.abs() / 16 + 16,
                "{byte}: {from} and {to}"
            );
        }
    }

    #[test]
    fn the_same_law_is_left_alone() {
        let mut speech = [1, 2, 3];
        Transcoder::new().transcode(Codec::Pcma, Codec::Pcma, &mut speech);
        assert_eq!(speech, [1, 2, 3]);
    }
}
