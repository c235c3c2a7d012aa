//! The targets of media: RTP packets and RTCP compounds.

use dataplane::digit::Payload;
use dataplane::rtcp::{self, Packet};
use dataplane::rtp;

/// One datagram of RTP. What parses has its payload behind its header and within the datagram.
///
/// # Panics
/// When that is not so.
pub fn rtp(bytes: &[u8]) {
    let Ok(packet) = rtp::parse(bytes) else {
        return;
    };
    let payload = bytes.get(packet.payload.clone());
    let payload = payload.expect("the payload lies within the datagram");
    assert!(packet.payload.start >= rtp::HEADER_BYTES);
    assert_eq!(packet.header.as_bytes(), &bytes[..rtp::HEADER_BYTES]);
    assert!(packet.header.payload_type() < 128);
    let is_rtcp = bytes[1] >= 192 && bytes[1] <= 223;
    assert_eq!(rtp::is_rtcp(bytes), is_rtcp);
    if let Some(event) = Payload::parse(payload) {
        assert_eq!(event.code, payload[0]);
    }
}

/// One datagram of RTCP. What parses is packets, the first of them a report, and no more blocks
/// than bytes for them.
///
/// # Panics
/// When that is not so.
pub fn rtcp(bytes: &[u8]) {
    let Ok(compound) = rtcp::parse(bytes) else {
        return;
    };
    assert_eq!(bytes.len() % 4, 0);
    let packets: Vec<Packet<'_>> = compound.collect();
    assert!(!packets.is_empty() && packets.len() <= bytes.len() / 4);
    for packet in packets {
        let (count, size) = match packet {
            Packet::SenderReport { blocks, .. } | Packet::ReceiverReport { blocks, .. } => {
                (blocks.count(), 24)
            }
            Packet::Bye(sources) => (sources.count(), 4),
            Packet::Other => (0, 0),
        };
        assert!(count <= 31 && count * size < bytes.len());
    }
}
