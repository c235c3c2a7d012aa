//! Choices nobody can guess, from the seed that the driver drew (or the simulator chose).

use rand_chacha::ChaCha12Rng;
use rand_core::{RngCore as _, SeedableRng as _};

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
