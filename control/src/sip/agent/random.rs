//! Everything random that a user agent writes (RFC 3261 §8.1.1.4, §8.1.1.7, §19.3), from one seed.

use std::time::Duration;

use rand_chacha::ChaCha12Rng;
use rand_core::{RngCore, SeedableRng};

use crate::sip::dialog::Role;
use crate::sip::transaction::key::Branch;

/// The agent's generator: nobody who sees its output can guess what comes next.
#[derive(Debug)]
pub(super) struct Random(ChaCha12Rng);

impl Random {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    /// 64 bits.
    pub(super) fn tag(&mut self) -> String {
        format!("{:016x}", self.0.next_u64())
    }

    /// 64 bits.
    pub(super) fn branch(&mut self) -> Branch {
        Branch(self.0.next_u64())
    }

    /// 128 bits.
    pub(super) fn call_id(&mut self) -> String {
        format!("{:016x}{:016x}", self.0.next_u64(), self.0.next_u64())
    }

    /// A first CSeq number: far below 2^31, so that hours of requests and an adoption by another
    /// node fit above.
    pub(super) fn cseq(&mut self) -> u32 {
        1 + self.0.next_u32() % 0x1_0000
    }

    /// Seconds for Retry-After where a peer's own INVITE is in the way (§14.2): 0 to 10.
    pub(super) fn retry_after_s(&mut self) -> u32 {
        self.0.next_u32() % 11
    }

    /// How long to wait after 491 (§14.1), in units of 10 ms: 2.1 to 4 s for the owner of the
    /// Call-ID, else 0 to 2 s.
    pub(super) fn glare_backoff(&mut self, role: Role) -> Duration {
        let units = match role {
            Role::Uac => 210 + self.0.next_u32() % 191,
            Role::Uas => self.0.next_u32() % 201,
        };
        Duration::from_millis(u64::from(units) * 10)
    }

    /// A time below another, in milliseconds.
    pub(super) fn up_to(&mut self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX).max(1);
        Duration::from_millis(self.0.next_u64() % most)
    }

    /// A secret for tags that are computed instead of kept.
    pub(super) fn secret(&mut self) -> [u64; 2] {
        [self.0.next_u64(), self.0.next_u64()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_back_off_keeps_the_bounds_of_each_role_and_its_unit() {
        let mut random = Random::new([7; 32]);
        for _ in 0..2_000 {
            let owner = random.glare_backoff(Role::Uac).as_millis();
            let other = random.glare_backoff(Role::Uas).as_millis();
            assert!((2_100..=4_000).contains(&owner) && owner.is_multiple_of(10));
            assert!(other <= 2_000 && other.is_multiple_of(10));
        }
    }

    #[test]
    fn times_below_another_reach_all_of_it() {
        let mut random = Random::new([7; 32]);
        let most = Duration::from_millis(4);
        let mut times: Vec<_> = (0..200).map(|_| random.up_to(most).as_millis()).collect();
        times.sort_unstable();
        times.dedup();
        assert_eq!(times, [0, 1, 2, 3]);
        assert_eq!(random.up_to(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn the_same_seed_gives_the_same_names_and_another_gives_others() {
        let names = |seed| {
            let mut random = Random::new([seed; 32]);
            (random.tag(), random.branch(), random.call_id())
        };
        assert_eq!(names(1), names(1));
        assert_ne!(names(1).0, names(2).0);
        assert_eq!(names(1).2.len(), 32);
    }
}
