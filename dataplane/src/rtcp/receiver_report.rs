//! Receiver reports and the report blocks they share with sender reports (RFC 3550 §6.4).

use super::{Writer, word};

/// What one side received of one source.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Block {
    /// The source reported on.
    pub ssrc: u32,
    /// Of 256, since the last report.
    pub fraction_lost: u8,
    /// In all; 24 bits, signed.
    pub lost: i32,
    /// The newest sequence number, with its wraps.
    pub newest: u32,
    /// In timestamp units.
    pub jitter: u32,
    /// The middle of the NTP timestamp of the last sender report; 0 when there was none.
    pub last_report: u32,
    /// Since that report, in 1/65,536 s.
    pub delay: u32,
}

/// Bytes of a block.
pub(super) const BLOCK_BYTES: usize = 24;

/// A receiver report with at most one block.
pub(super) fn write(writer: &mut Writer<'_>, ssrc: u32, block: Option<&Block>) {
    let packet = writer.begin(super::RECEIVER_REPORT, u8::from(block.is_some()));
    writer.word(ssrc);
    if let Some(block) = block {
        block.write(writer);
    }
    writer.end(packet);
}

impl Block {
    pub(super) fn write(&self, writer: &mut Writer<'_>) {
        writer.word(self.ssrc);
        let lost = self.lost.cast_unsigned() & 0xff_ffff;
        writer.word(u32::from(self.fraction_lost) << 24 | lost);
        writer.word(self.newest);
        writer.word(self.jitter);
        writer.word(self.last_report);
        writer.word(self.delay);
    }

    /// `None` when the bytes are too short.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let losses = word(bytes, 4)?;
        Some(Self {
            ssrc: word(bytes, 0)?,
            fraction_lost: losses.to_be_bytes()[0],
            lost: (losses << 8).cast_signed() >> 8,
            newest: word(bytes, 8)?,
            jitter: word(bytes, 12)?,
            last_report: word(bytes, 16)?,
            delay: word(bytes, 20)?,
        })
    }
}
