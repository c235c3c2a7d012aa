//! Source descriptions (RFC 3550 §6.5): the canonical name, which RFC 7022 wants random, and
//! nothing else about anybody.

use shared::sync_source::CNAME_BYTES;

use super::Writer;

/// A canonical name: 96 random bits as text.
pub type Cname = [u8; 16];

/// The item that holds a canonical name.
const CNAME: u8 = 1;

/// A name of random bits.
#[must_use]
pub fn cname(random: [u8; CNAME_BYTES]) -> Cname {
    let mut name = Cname::default();
    for (three, four) in random.chunks_exact(3).zip(name.chunks_exact_mut(4)) {
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for (place, letter) in four.iter_mut().enumerate() {
            let six = bits >> (18 - 6 * place) & 0x3f;
            *letter = ALPHABET[six as usize];
        }
    }
    name
}

pub(super) fn write(writer: &mut Writer<'_>, ssrc: u32, cname: &Cname) {
    let packet = writer.begin(super::SOURCE_DESCRIPTION, 1);
    writer.word(ssrc);
    writer.bytes(&[CNAME, LENGTH]);
    writer.bytes(cname);
    // The list of items ends with a zero, and the chunk at a word's end.
    writer.bytes(&[0, 0]);
    writer.end(packet);
}

const LENGTH: u8 = 16;
const _: () = assert!(size_of::<Cname>() == LENGTH as usize);

/// Of base64 (RFC 4648 §4).
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
