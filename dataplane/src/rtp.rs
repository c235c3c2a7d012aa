//! The RTP packet (RFC 3550 §5.1): its header as plain old bytes, and the validity checks of
//! Appendix A.1 that need no history. Absent on purpose: who may send it (`latch`), and what was
//! received before (`rtcp::reception`).

use std::ops::Range;

use bytemuck::{Pod, Zeroable};
use shared::PayloadType;

/// Bytes of the fixed header.
pub const HEADER_BYTES: usize = 12;

/// A 16-bit number in network order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Pod, Zeroable)]
#[repr(transparent)]
pub struct Be16([u8; 2]);

/// A 32-bit number in network order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Pod, Zeroable)]
#[repr(transparent)]
pub struct Be32([u8; 4]);

/// The fixed header, as it is on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Header {
    /// Version, padding, extension, CSRC count.
    first: u8,
    /// Marker and payload type.
    second: u8,
    /// Grows by one for each packet.
    pub sequence: Be16,
    /// In units of the codec's clock.
    pub timestamp: Be32,
    /// Who speaks.
    pub ssrc: Be32,
}

/// A packet that passed [`parse`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packet {
    /// Its fixed header.
    pub header: Header,
    /// Where the payload lies in the datagram: after CSRCs and extension, before padding.
    pub payload: Range<usize>,
}

/// Why a datagram is not RTP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Malformed {
    /// Shorter than the header, the CSRC list or the extension says.
    Short,
    /// Not version 2.
    Version,
    /// A padding count of zero, or one that reaches into the header.
    Padding,
}

/// Checks a datagram by RFC 3550 A.1 and finds its payload.
///
/// # Errors
/// [`Malformed`]; nothing of the datagram may be used then.
pub fn parse(datagram: &[u8]) -> Result<Packet, Malformed> {
    let bytes = datagram.get(..HEADER_BYTES).ok_or(Malformed::Short)?;
    let header: Header = bytemuck::pod_read_unaligned(bytes);
    if header.first >> 6 != VERSION {
        return Err(Malformed::Version);
    }
    let mut start = HEADER_BYTES + 4 * usize::from(header.first & CSRC_COUNT);
    if header.first & EXTENSION != 0 {
        let words = datagram.get(start + 2..start + 4).ok_or(Malformed::Short)?;
        start += 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
    }
    if start > datagram.len() {
        return Err(Malformed::Short);
    }
    let mut end = datagram.len();
    if header.first & PADDING != 0 {
        let count = usize::from(datagram[end - 1]);
        if count == 0 || count > end - start {
            return Err(Malformed::Padding);
        }
        end -= count;
    }
    Ok(Packet {
        header,
        payload: start..end,
    })
}

/// Whether a datagram on a shared port is RTCP rather than RTP: the ranges of RFC 5761 §4.
#[must_use]
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram, [_, 192..=223, ..])
}

const VERSION: u8 = 2;
const PADDING: u8 = 0x20;
const EXTENSION: u8 = 0x10;
const CSRC_COUNT: u8 = 0x0f;
const MARKER: u8 = 0x80;

impl Header {
    /// A header without padding, extension, CSRCs and marker.
    #[must_use]
    pub const fn new(payload_type: PayloadType, sequence: u16, timestamp: u32, ssrc: u32) -> Self {
        Self {
            first: VERSION << 6,
            second: payload_type.number(),
            sequence: Be16::new(sequence),
            timestamp: Be32::new(timestamp),
            ssrc: Be32::new(ssrc),
        }
    }

    /// The payload type's number, below 128.
    #[must_use]
    pub const fn payload_type(&self) -> u8 {
        self.second & !MARKER
    }

    /// Puts in another payload type; the marker stays.
    pub const fn set_payload_type(&mut self, payload_type: PayloadType) {
        self.second = self.second & MARKER | payload_type.number();
    }

    /// Whether the marker is set: the first packet after a silence (RFC 3551 §4.1).
    #[must_use]
    pub const fn marker(&self) -> bool {
        self.second & MARKER != 0
    }

    /// Sets or clears the marker.
    pub const fn set_marker(&mut self, marker: bool) {
        self.second = self.payload_type() | if marker { MARKER } else { 0 };
    }

    /// The header as it is sent.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        bytemuck::bytes_of(self)
    }
}

impl Be16 {
    /// From a number of this machine.
    #[must_use]
    pub const fn new(value: u16) -> Self {
        Self(value.to_be_bytes())
    }

    /// As a number of this machine.
    #[must_use]
    pub const fn get(self) -> u16 {
        u16::from_be_bytes(self.0)
    }
}

impl Be32 {
    /// From a number of this machine.
    #[must_use]
    pub const fn new(value: u32) -> Self {
        Self(value.to_be_bytes())
    }

    /// As a number of this machine.
    #[must_use]
    pub const fn get(self) -> u32 {
        u32::from_be_bytes(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pcmu(bytes: &[u8]) -> Vec<u8> {
        let header = Header::new(PayloadType::new(0).unwrap(), 7, 160, 0xdead_beef);
        [header.as_bytes(), bytes].concat()
    }

    #[test]
    fn a_plain_packet_is_header_and_payload() {
        let packet = parse(&pcmu(&[1, 2, 3])).unwrap();
        assert_eq!(packet.header.sequence.get(), 7);
        assert_eq!(packet.header.timestamp.get(), 160);
        assert_eq!(packet.header.ssrc.get(), 0xdead_beef);
        assert_eq!(
            (packet.header.payload_type(), packet.header.marker()),
            (0, false)
        );
        assert_eq!(packet.payload, 12..15);
    }

    #[test]
    fn csrcs_extension_and_padding_are_not_payload() {
        let mut bytes = pcmu(&[]);
        bytes[0] |= 0x20 | 0x10 | 2;
        bytes.extend([9; 8]); // two CSRCs
        bytes.extend([0xbe, 0xde, 0, 1, 7, 7, 7, 7]); // an extension of one word
        bytes.extend([1, 2, 3, 4]);
        bytes.extend([0, 0, 3]); // padding
        assert_eq!(parse(&bytes).unwrap().payload, 28..32);
    }

    #[test]
    fn what_claims_more_than_there_is_is_refused() {
        assert_eq!(parse(&[]), Err(Malformed::Short));
        assert_eq!(parse(&pcmu(&[])[..11]), Err(Malformed::Short));
        let mut csrc = pcmu(&[0; 4]);
        csrc[0] |= 2;
        assert_eq!(parse(&csrc), Err(Malformed::Short));
        let mut extension = pcmu(&[0, 0, 0, 1]);
        extension[0] |= 0x10;
        assert_eq!(parse(&extension), Err(Malformed::Short));
        let mut extension_header = pcmu(&[0, 0]);
        extension_header[0] |= 0x10;
        assert_eq!(parse(&extension_header), Err(Malformed::Short));
    }

    #[test]
    fn padding_that_reaches_into_the_header_is_refused() {
        for count in [0, 4] {
            let mut bytes = pcmu(&[1, 2, count]);
            bytes[0] |= 0x20;
            assert_eq!(parse(&bytes), Err(Malformed::Padding), "count {count}");
        }
        let mut empty = pcmu(&[]);
        empty[0] |= 0x20;
        assert_eq!(
            parse(&empty),
            Err(Malformed::Padding),
            "the last byte is the header's"
        );
    }

    #[test]
    fn other_versions_are_refused() {
        for version in [0, 1, 3] {
            let mut bytes = pcmu(&[1]);
            bytes[0] = version << 6;
            assert_eq!(parse(&bytes), Err(Malformed::Version));
        }
    }

    #[test]
    fn the_marker_and_the_payload_type_do_not_disturb_each_other() {
        let mut header = Header::new(PayloadType::new(101).unwrap(), 0, 0, 0);
        header.set_marker(true);
        header.set_payload_type(PayloadType::new(8).unwrap());
        assert_eq!((header.payload_type(), header.marker()), (8, true));
        header.set_marker(false);
        assert_eq!((header.payload_type(), header.marker()), (8, false));
    }

    #[test]
    fn rtcp_on_a_shared_port_is_told_by_its_packet_type() {
        assert!(is_rtcp(&[0x80, 200]) && is_rtcp(&[0x81, 203]));
        assert!(!is_rtcp(&[0x80, 0]) && !is_rtcp(&[0x80, 0x80 | 8]) && !is_rtcp(&[0x80, 101]));
        assert!(!is_rtcp(&[0x80]));
    }
}
