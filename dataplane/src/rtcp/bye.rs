//! Goodbye (RFC 3550 §6.6).

use super::Writer;

pub(super) fn write(writer: &mut Writer<'_>, ssrc: u32) {
    let packet = writer.begin(super::GOODBYE, 1);
    writer.word(ssrc);
    writer.end(packet);
}
