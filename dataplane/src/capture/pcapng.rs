//! The blocks of a file of captured packets: pcapng (draft-ietf-opsawg-pcapng), as much of it as
//! one section with packets of raw IP needs. Little endian, as the section's first word says.
//!
//! Absent on purpose: reading; what the packets are (`wire`).

use std::time::Duration;

/// Begins a section: everything else follows it.
pub(crate) fn section(out: &mut Vec<u8>, application: &str, comment: &str) {
    let body = |out: &mut Vec<u8>| {
        out.extend(BYTE_ORDER.to_le_bytes());
        out.extend(VERSION.map(u16::to_le_bytes).as_flattened());
        out.extend(UNKNOWN_LENGTH.to_le_bytes());
        option(out, COMMENT, comment.as_bytes());
        option(out, SECTION_APPLICATION, application.as_bytes());
        end_options(out);
    };
    block(out, SECTION, body);
}

/// Describes an interface; packets name it by its place among all of them, from 0.
pub(crate) fn interface(out: &mut Vec<u8>, name: &str, description: &str) {
    let body = |out: &mut Vec<u8>| {
        out.extend(RAW_IP.to_le_bytes());
        out.extend([0; 2]);
        out.extend(NO_SNAP_LENGTH.to_le_bytes());
        option(out, INTERFACE_NAME, name.as_bytes());
        option(out, INTERFACE_DESCRIPTION, description.as_bytes());
        option(out, INTERFACE_RESOLUTION, &[NANOSECONDS]);
        end_options(out);
    };
    block(out, INTERFACE, body);
}

/// One packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    pub(crate) interface: u32,
    /// Since 1970.
    pub(crate) at: Duration,
    /// What was kept of it.
    pub(crate) bytes: &'a [u8],
    /// How long it was.
    pub(crate) length: usize,
    pub(crate) is_sent: bool,
    pub(crate) comment: Option<&'a str>,
}

/// Writes a packet.
pub(crate) fn packet(out: &mut Vec<u8>, packet: &Packet<'_>) {
    let body = |out: &mut Vec<u8>| {
        out.extend(packet.interface.to_le_bytes());
        moment(out, packet.at);
        out.extend(word(packet.bytes.len()).to_le_bytes());
        out.extend(word(packet.length).to_le_bytes());
        padded(out, packet.bytes);
        let course = if packet.is_sent { OUTBOUND } else { INBOUND };
        option(out, PACKET_FLAGS, &course.to_le_bytes());
        if let Some(comment) = packet.comment {
            option(out, COMMENT, comment.as_bytes());
        }
        end_options(out);
    };
    block(out, PACKET, body);
}

/// What an interface has seen from its beginning to now: packets, and those that are missing.
pub(crate) fn statistics(
    out: &mut Vec<u8>,
    interface: u32,
    at: Duration,
    (seen, missing): (u64, u64),
) {
    let body = |out: &mut Vec<u8>| {
        out.extend(interface.to_le_bytes());
        moment(out, at);
        option(out, STATISTICS_RECEIVED, &seen.to_le_bytes());
        option(out, STATISTICS_DROPPED, &missing.to_le_bytes());
        end_options(out);
    };
    block(out, STATISTICS, body);
}

/// Type, length, body, length.
fn block(out: &mut Vec<u8>, kind: u32, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend(kind.to_le_bytes());
    out.extend([0; 4]);
    body(out);
    let length = word(out.len() + 4 - start).to_le_bytes();
    out[start + 4..start + 8].copy_from_slice(&length);
    out.extend(length);
}

/// One option; a value that is too long for one is cut.
fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = &value[..value.len().min(OPTION_BYTES_MAX)];
    out.extend(code.to_le_bytes());
    out.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
    padded(out, value);
}

fn end_options(out: &mut Vec<u8>) {
    out.extend([0; 4]);
}

/// Up to the next multiple of four.
fn padded(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(bytes);
    out.extend(&[0; 3][..bytes.len().next_multiple_of(4) - bytes.len()]);
}

/// The high half first, each in the section's byte order.
fn moment(out: &mut Vec<u8>, at: Duration) {
    let nanos = u64::try_from(at.as_nanos())
        .unwrap_or(u64::MAX)
        .to_le_bytes();
    out.extend(&nanos[4..]);
    out.extend(&nanos[..4]);
}

fn word(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const STATISTICS: u32 = 5;
const PACKET: u32 = 6;

const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const VERSION: [u16; 2] = [1, 0];
const UNKNOWN_LENGTH: u64 = u64::MAX;
/// `LINKTYPE_RAW`: IPv4 or IPv6, as the first four bits say.
const RAW_IP: u16 = 101;
const NO_SNAP_LENGTH: u32 = 0;

const COMMENT: u16 = 1;
const SECTION_APPLICATION: u16 = 4;
const INTERFACE_NAME: u16 = 2;
const INTERFACE_DESCRIPTION: u16 = 3;
const INTERFACE_RESOLUTION: u16 = 9;
const PACKET_FLAGS: u16 = 2;
const STATISTICS_RECEIVED: u16 = 4;
const STATISTICS_DROPPED: u16 = 5;

/// Ten to the power of minus nine.
const NANOSECONDS: u8 = 9;
const INBOUND: u32 = 1;
const OUTBOUND: u32 = 2;
const OPTION_BYTES_MAX: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    /// Each block's kind and body, read as the draft says: both lengths agree, and are multiples of
    /// four.
    fn blocks(mut file: &[u8]) -> Vec<(u32, Vec<u8>)> {
        let mut found = Vec::new();
        while !file.is_empty() {
            let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
            let length = number(4) as usize;
            assert_eq!((length % 4, number(length - 4) as usize), (0, length));
            found.push((number(0), file[8..length - 4].to_vec()));
            file = &file[length..];
        }
        found
    }

    #[test]
    fn a_file_is_a_row_of_whole_blocks() {
        let mut file = Vec::new();
        section(&mut file, "orbit", "five");
        interface(&mut file, "rtp", "");
        let one = Packet {
            interface: 0,
            at: Duration::new(1_700_000_000, 123_456_789),
            bytes: &[1, 2, 3, 4, 5],
            length: 172,
            is_sent: true,
            comment: None,
        };
        packet(&mut file, &one);
        statistics(&mut file, 0, one.at, (7, 3));
        let blocks = blocks(&file);
        let kinds: Vec<u32> = blocks.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [SECTION, INTERFACE, PACKET, STATISTICS]);
        let body = &blocks[2].1;
        let number = |at: usize| u32::from_le_bytes(body[at..at + 4].try_into().unwrap());
        let nanos = u64::from(number(4)) << 32 | u64::from(number(8));
        assert_eq!(u128::from(nanos), one.at.as_nanos());
        assert_eq!((number(12), number(16)), (5, 172));
        assert_eq!(body[20..28], [1, 2, 3, 4, 5, 0, 0, 0], "filled up to four");
        assert_eq!(body[28..36], [2, 0, 4, 0, 2, 0, 0, 0], "sent");
    }

    #[test]
    fn a_comment_of_any_length_is_one_option() {
        let mut file = Vec::new();
        section(&mut file, "orbit", &"x".repeat(100_000));
        assert_eq!(blocks(&file).len(), 1);
    }
}
