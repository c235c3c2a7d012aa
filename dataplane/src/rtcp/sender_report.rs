//! Sender reports (RFC 3550 §6.4.1).

use std::time::Duration;

use super::Writer;
use super::receiver_report::Block;

/// What a sender says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SenderReport {
    /// Who.
    pub ssrc: u32,
    /// When: NTP seconds in the upper half, fractions in the lower.
    pub ntp: u64,
    /// The same moment as an RTP timestamp.
    pub timestamp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Payload bytes sent.
    pub octets: u32,
}

/// Seconds from 1900, where NTP begins, to 1970.
const NTP_EPOCH: u64 = 2_208_988_800;

pub(super) fn write(writer: &mut Writer<'_>, sender: &SenderReport, block: Option<&Block>) {
    let packet = writer.begin(super::SENDER_REPORT, u8::from(block.is_some()));
    writer.word(sender.ssrc);
    let [a, b, c, d, e, f, g, h] = sender.ntp.to_be_bytes();
    writer.word(u32::from_be_bytes([a, b, c, d]));
    writer.word(u32::from_be_bytes([e, f, g, h]));
    writer.word(sender.timestamp);
    writer.word(sender.packets);
    writer.word(sender.octets);
    if let Some(block) = block {
        block.write(writer);
    }
    writer.end(packet);
}

/// The NTP timestamp of a moment given as time since 1970; wraps in 2036, as NTP does.
#[must_use]
pub fn ntp(wall: Duration) -> u64 {
    let seconds = wall.as_secs().wrapping_add(NTP_EPOCH) << 32;
    let fraction = (u64::from(wall.subsec_nanos()) << 32) / 1_000_000_000;
    seconds | fraction
}

/// The middle 32 bits of an NTP timestamp: what reports refer to it by (§6.4.1).
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "the middle is meant")]
pub const fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ntp_counts_from_1900_in_fixed_point() {
        let ntp = ntp(Duration::new(1, 500_000_000));
        assert_eq!(ntp >> 32, 2_208_988_801);
        assert_eq!(ntp & 0xffff_ffff, 0x8000_0000);
        assert_eq!(middle(ntp) & 0xffff, 0x8000);
    }
}
