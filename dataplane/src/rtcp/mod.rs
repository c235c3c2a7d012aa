//! RTCP (RFC 3550 §6): compound packets read by the rules of A.2, and written. One noun of the RFC
//! a file.
//!
//! Absent on purpose: when to send (`reports`), and where to.

pub mod bye;
pub mod interval;
pub mod receiver_report;
pub mod reception;
pub mod sdes;
pub mod sender_report;

use receiver_report::{BLOCK_BYTES, Block};
use sdes::Cname;
use sender_report::SenderReport;

/// A compound packet that passed [`parse`].
#[derive(Clone, Copy, Debug)]
pub struct Compound<'a> {
    rest: &'a [u8],
}

/// One packet of a compound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packet<'a> {
    /// What a sender sent, and what it received.
    SenderReport {
        /// The reporter.
        ssrc: u32,
        /// The middle of its NTP timestamp.
        ntp_middle: u32,
        /// What it received.
        blocks: Blocks<'a>,
    },
    /// What a receiver received.
    ReceiverReport {
        /// The reporter.
        ssrc: u32,
        /// What it received.
        blocks: Blocks<'a>,
    },
    /// Somebody leaves.
    Bye(Sources<'a>),
    /// Anything else.
    Other,
}

/// The report blocks of a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Blocks<'a>(&'a [u8]);

/// The SSRCs of a goodbye.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sources<'a>(&'a [u8]);

/// Why a datagram is not RTCP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Malformed {
    /// Shorter than its headers say, or with bytes left over.
    Length,
    /// Not version 2.
    Version,
    /// It does not begin with a report.
    First,
    /// Padding elsewhere than in the last packet, or more than there is.
    Padding,
}

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;

const VERSION: u8 = 2;
const PADDING: u8 = 0x20;
const COUNT: u8 = 0x1f;
const HEADER_BYTES: usize = 4;
const SENDER_BYTES: usize = 20;

/// Checks a compound by RFC 3550 A.2: lengths, versions, a report at the front, padding at the end
/// only.
///
/// # Errors
/// [`Malformed`]; nothing of the datagram may be used then.
pub fn parse(datagram: &[u8]) -> Result<Compound<'_>, Malformed> {
    let mut rest = datagram;
    let mut first = true;
    loop {
        let (header, length) = header(rest).ok_or(Malformed::Length)?;
        if header[0] >> 6 != VERSION {
            return Err(Malformed::Version);
        }
        if first && !matches!(header[1], SENDER_REPORT | RECEIVER_REPORT) {
            return Err(Malformed::First);
        }
        let packet = rest.get(..length).ok_or(Malformed::Length)?;
        let last = rest.len() == length;
        body(packet, last)?;
        if last {
            return Ok(Compound { rest: datagram });
        }
        rest = &rest[length..];
        first = false;
    }
}

/// Writes a compound packet (§6.1): a sender or a receiver report, the canonical name, and a
/// goodbye when we leave. Gives its length; `out` has at least [`crate::port::SEND_BYTES_MAX`]
/// bytes.
pub fn write(out: &mut [u8], report: &Report<'_>) -> usize {
    let mut writer = Writer { out, length: 0 };
    match report.sender {
        Some(sender) => sender_report::write(&mut writer, &sender, report.block.as_ref()),
        None => receiver_report::write(&mut writer, report.ssrc, report.block.as_ref()),
    }
    sdes::write(&mut writer, report.ssrc, report.cname);
    if report.bye {
        bye::write(&mut writer, report.ssrc);
    }
    writer.length
}

/// What a compound of ours says.
#[derive(Debug)]
pub struct Report<'a> {
    /// Who we are.
    pub ssrc: u32,
    /// Our name.
    pub cname: &'a Cname,
    /// What we sent, if we did lately.
    pub sender: Option<SenderReport>,
    /// What we received, if we did lately.
    pub block: Option<Block>,
    /// Whether we leave.
    pub bye: bool,
}

impl<'a> Iterator for Compound<'a> {
    type Item = Packet<'a>;

    fn next(&mut self) -> Option<Packet<'a>> {
        let (header, length) = header(self.rest)?;
        let last = self.rest.len() == length;
        let body = body(self.rest.get(..length)?, last).ok()?;
        let count = usize::from(header[0] & COUNT);
        let packet = match header[1] {
            SENDER_REPORT => sender_report(body, count),
            RECEIVER_REPORT => receiver_report(body, count),
            GOODBYE => body
                .get(..4 * count)
                .map(|sources| Packet::Bye(Sources(sources))),
            _ => None,
        };
        self.rest = &self.rest[length..];
        Some(packet.unwrap_or(Packet::Other))
    }
}

impl Iterator for Blocks<'_> {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        let (block, rest) = self.0.split_at_checked(BLOCK_BYTES)?;
        self.0 = rest;
        Block::parse(block)
    }
}

impl Iterator for Sources<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let (source, rest) = self.0.split_at_checked(4)?;
        self.0 = rest;
        word(source, 0)
    }
}

fn sender_report(body: &[u8], count: usize) -> Option<Packet<'_>> {
    let [_, _, b, c] = word(body, 4)?.to_be_bytes();
    let [d, e, _, _] = word(body, 8)?.to_be_bytes();
    let blocks = body.get(4 + SENDER_BYTES..)?.get(..count * BLOCK_BYTES)?;
    Some(Packet::SenderReport {
        ssrc: word(body, 0)?,
        ntp_middle: u32::from_be_bytes([b, c, d, e]),
        blocks: Blocks(blocks),
    })
}

fn receiver_report(body: &[u8], count: usize) -> Option<Packet<'_>> {
    let blocks = body.get(4..)?.get(..count * BLOCK_BYTES)?;
    Some(Packet::ReceiverReport {
        ssrc: word(body, 0)?,
        blocks: Blocks(blocks),
    })
}

/// The first header, and the bytes of its packet.
fn header(bytes: &[u8]) -> Option<(&[u8; HEADER_BYTES], usize)> {
    let header: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
    let words = usize::from(u16::from_be_bytes([header[2], header[3]]));
    Some((header, HEADER_BYTES + 4 * words))
}

/// What is in a packet besides header and padding.
fn body(packet: &[u8], last: bool) -> Result<&[u8], Malformed> {
    let body = &packet[HEADER_BYTES..];
    if packet[0] & PADDING == 0 {
        return Ok(body);
    }
    let count = body.last().map_or(0, |count| usize::from(*count));
    if !last || count == 0 || !count.is_multiple_of(4) || count > body.len() {
        return Err(Malformed::Padding);
    }
    Ok(&body[..body.len() - count])
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word: &[u8; 4] = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*word))
}

/// Appends packets to a buffer that is long enough for all that [`Report`] can say.
struct Writer<'a> {
    out: &'a mut [u8],
    length: usize,
}

impl Writer<'_> {
    /// Begins a packet; its length is filled in by [`Writer::end`].
    fn begin(&mut self, packet_type: u8, count: u8) -> usize {
        let start = self.length;
        self.bytes(&[VERSION << 6 | count, packet_type, 0, 0]);
        start
    }

    fn end(&mut self, start: usize) {
        let words = (self.length - start) / 4 - 1;
        let words = u16::try_from(words).unwrap_or(u16::MAX);
        self.out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
    }

    fn word(&mut self, word: u32) {
        self.bytes(&word.to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        self.out[self.length..end].copy_from_slice(bytes);
        self.length = end;
    }
}

#[cfg(test)]
mod tests {
    use rtcp::packet::unmarshal;
    use rtcp::{goodbye, receiver_report as rr, sender_report as sr, source_description as sd};

    use super::*;

    const CNAME: Cname = *b"0123456789abcdef";

    fn block() -> Block {
        Block {
            ssrc: 9,
            fraction_lost: 3,
            lost: -2,
            newest: 70_000,
            jitter: 11,
            last_report: 12,
            delay: 13,
        }
    }

    fn sender() -> SenderReport {
        SenderReport {
            ssrc: 5,
            ntp: 0x0102_0304_0506_0708,
            timestamp: 160,
            packets: 7,
            octets: 1_120,
        }
    }

    fn written(sender: Option<SenderReport>, block: Option<Block>, bye: bool) -> Vec<u8> {
        let mut out = [0; 512];
        let report = Report {
            ssrc: 5,
            cname: &CNAME,
            sender,
            block,
            bye,
        };
        let length = write(&mut out, &report);
        out[..length].to_vec()
    }

    #[test]
    fn another_implementation_reads_what_we_write() {
        let bytes = written(Some(sender()), Some(Block { lost: 2, ..block() }), true);
        let packets = unmarshal(&mut bytes.as_slice()).unwrap();
        assert_eq!(packets.len(), 3);
        let report = packets[0]
            .as_any()
            .downcast_ref::<sr::SenderReport>()
            .unwrap();
        assert_eq!((report.ssrc, report.ntp_time), (5, 0x0102_0304_0506_0708));
        assert_eq!((report.packet_count, report.octet_count), (7, 1_120));
        let reported = &report.reports[0];
        assert_eq!(
            (reported.ssrc, reported.fraction_lost, reported.total_lost),
            (9, 3, 2)
        );
        assert_eq!((reported.last_sender_report, reported.delay), (12, 13));
        let names = packets[1]
            .as_any()
            .downcast_ref::<sd::SourceDescription>()
            .unwrap();
        assert_eq!(names.chunks[0].items[0].text.as_ref(), CNAME);
        let bye = packets[2]
            .as_any()
            .downcast_ref::<goodbye::Goodbye>()
            .unwrap();
        assert_eq!(bye.sources, [5]);
    }

    #[test]
    fn a_receiver_report_without_a_block_is_still_one() {
        let bytes = written(None, None, false);
        let packets = unmarshal(&mut bytes.as_slice()).unwrap();
        let report = packets[0]
            .as_any()
            .downcast_ref::<rr::ReceiverReport>()
            .unwrap();
        assert_eq!((report.ssrc, report.reports.len()), (5, 0));
    }

    #[test]
    fn we_read_what_we_write() {
        let bytes = written(Some(sender()), Some(block()), true);
        let packets: Vec<_> = parse(&bytes).unwrap().collect();
        let Packet::SenderReport {
            ssrc,
            ntp_middle,
            mut blocks,
        } = packets[0]
        else {
            panic!("{packets:?}")
        };
        assert_eq!((ssrc, ntp_middle), (5, 0x0304_0506));
        assert_eq!(blocks.next(), Some(block()));
        assert_eq!(packets[1], Packet::Other);
        let Packet::Bye(sources) = packets[2] else {
            panic!("{packets:?}")
        };
        assert!(sources.eq([5]));
    }

    #[test]
    fn every_cut_of_a_compound_is_refused_or_a_shorter_compound() {
        let bytes = written(Some(sender()), Some(block()), true);
        let report = 4 + 4 + 20 + 24;
        let whole = [report, report + 28];
        for cut in 0..bytes.len() {
            let parsed = parse(&bytes[..cut]);
            assert_eq!(
                parsed.is_ok(),
                whole.contains(&cut),
                "cut at {cut}: {parsed:?}"
            );
        }
    }

    #[test]
    fn a_compound_begins_with_a_report() {
        let bytes = written(None, None, true);
        assert_eq!(parse(&bytes[8..]).unwrap_err(), Malformed::First);
    }

    #[test]
    fn padding_belongs_to_the_last_packet_only() {
        let mut bytes = written(None, None, false);
        bytes[0] |= PADDING;
        assert_eq!(parse(&bytes).unwrap_err(), Malformed::Padding);
        let mut padded = written(None, None, true);
        let bye = padded.len() - 8;
        padded[bye] |= PADDING;
        padded[bye + 3] += 1;
        padded.extend([0, 0, 0, 4]);
        assert!(parse(&padded).is_ok());
        *padded.last_mut().unwrap() = 0;
        assert_eq!(parse(&padded).unwrap_err(), Malformed::Padding);
    }

    #[test]
    fn a_report_that_counts_more_blocks_than_it_has_is_ignored() {
        let mut bytes = written(None, Some(block()), false);
        bytes[0] = VERSION << 6 | 31;
        assert_eq!(parse(&bytes).unwrap().next(), Some(Packet::Other));
    }
}
