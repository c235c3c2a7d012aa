//! Choices nobody can guess, from the seed that the driver drew (or the simulator chose).

use rand_chacha::ChaCha12Rng;
use rand_core::{RngCore as _, SeedableRng as _};
use shared::SyncSource;
use shared::sync_source::CNAME_BYTES;

/// A seeded generator.
#[derive(Clone, Debug)]
pub(crate) struct Random(ChaCha12Rng);

impl Random {
    pub(crate) fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    /// A number below `bound`, all equally likely (to one part in 2^64 / `bound`).
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "there is no number below zero");
        let scaled = (u128::from(self.0.next_u64()) * bound as u128) >> 64;
        usize::try_from(scaled).expect("the product of a fraction and a usize is one")
    }

    /// A session id of SDP: below 2^63, as signed 64-bit readers of it exist (RFC 8866 §5.2).
    pub(crate) fn session_id(&mut self) -> u64 {
        self.0.next_u64() >> 1
    }

    /// What names something and cannot be guessed.
    pub(crate) fn token(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Who a stream is to its peer.
    pub(crate) fn sync_source(&mut self) -> SyncSource {
        let mut cname = [0; CNAME_BYTES];
        self.0.fill_bytes(&mut cname);
        let [first, second, ..] = self.0.next_u32().to_be_bytes();
        SyncSource {
            ssrc: self.0.next_u32(),
            sequence: u16::from_be_bytes([first, second]),
            timestamp: self.0.next_u32(),
            cname,
        }
    }

    /// A seed for another generator.
    pub(crate) fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        seed
    }

    /// Puts a list in random order.
    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last + 1));
        }
    }
}
