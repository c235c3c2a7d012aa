//! Seeded mutations of seeds: what the network, a broken phone and an attacker do to a message.

/// Pieces that parsers trip over.
const PIECES: &[&[u8]] = &[
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\r",
    b"\r\n ",
    b"\0",
    b" ",
    b"\t",
    b"\"",
    b"\\",
    b"<",
    b">",
    b";",
    b";;",
    b",",
    b":",
    b"=",
    b"?",
    b"@",
    b"%",
    b"%00",
    b"%40",
    b"[",
    b"]",
    b"[::1]",
    b"\xff",
    b"\xc3\xbc",
    b"0",
    b"-1",
    b"65536",
    b"2147483648",
    b"4294967296",
    b"99999999999999999999",
    b";tag=",
    b";branch=",
    b";rport",
    b"SIP/2.0",
    b"Content-Length: 0\r\n",
    b"l: 7\r\n",
    b"Via: SIP/2.0/UDP a\r\n",
    b"a=",
    b"m=audio 9 RTP/AVP 0\r\n",
    b"c=IN IP6 ::\r\n",
];

/// Makes variants of inputs, the same ones for the same seed.
#[derive(Clone, Debug)]
pub struct Mutator {
    state: u64,
}

impl Mutator {
    /// A mutator that goes its own way for each seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// One of the seeds after one to eight mutations.
    ///
    /// # Panics
    /// Without seeds.
    pub fn variant(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = self.pick(seeds).clone();
        for _ in 0..=self.below(8) {
            self.mutate(&mut bytes, seeds);
        }
        bytes
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.below(bytes.len() + 1);
        let end = (at + self.below(40)).min(bytes.len());
        match self.below(7) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << self.below(8);
                }
            }
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = *self.pick(PIECES);
                bytes.splice(at..at, piece.iter().copied());
            }
            3 => {
                let piece = *self.pick(PIECES);
                bytes.splice(at..end, piece.iter().copied());
            }
            4 => {
                let piece = bytes[at..end].to_vec();
                let to = self.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            5 => bytes.truncate(at),
            _ => {
                let other = self.pick(seeds);
                let from = self.below(other.len() + 1);
                let to = (from + self.below(80)).min(other.len());
                bytes.splice(at..end, other[from..to].iter().copied());
            }
        }
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// A number below `limit`, or 0 where there is none (SplitMix64).
    fn below(&mut self, limit: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        let limit = u64::try_from(limit.max(1)).unwrap_or(1);
        usize::try_from(bits % limit).unwrap_or(0)
    }
}
