//! When all paths are looked up again: soon after something has changed, and every ten seconds in
//! any case; but never so often that a routing table that does not come to rest takes a CPU.
//!
//! Absent on purpose: the looking up (`finder`).

use std::time::Duration;

use shared::Time;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Review {
    /// Not before.
    rested: Time,
    due: Time,
    is_stale: bool,
}

/// What no change was told of is found out then: an IPsec policy, an answer that was lost.
const EACH: Duration = Duration::from_secs(10);

/// Between two, at least.
const PAUSE: Duration = Duration::from_millis(20);

/// Of what one took, the least that passes before the next: a tenth of a CPU is spent at most.
const PAUSES: u32 = 9;

impl Review {
    /// The first is due after its time.
    pub(super) fn new(now: Time) -> Self {
        Self {
            rested: now,
            due: now + EACH,
            is_stale: false,
        }
    }

    /// Something has changed: what was found before is good no more.
    pub(super) fn hasten(&mut self) {
        self.is_stale = true;
        self.due = self.rested;
    }

    /// Whether what was found is not to be relied on until all is looked up again.
    pub(super) const fn is_stale(&self) -> bool {
        self.is_stale
    }

    pub(super) fn is_due(&self, now: Time) -> bool {
        now >= self.due
    }

    /// All has been looked up, from one moment to another.
    pub(super) fn done(&mut self, began: Time, ended: Time) {
        self.is_stale = false;
        self.rested = ended + PAUSE.max(PAUSES * (ended - began));
        self.due = self.rested.max(ended + EACH);
    }

    /// How long until the next is due.
    pub(super) fn wait(&self, now: Time) -> Duration {
        self.due - now.min(self.due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    #[test]
    fn what_nobody_tells_is_looked_for_every_ten_seconds() {
        let mut review = Review::new(at(0));
        assert_eq!(review.wait(at(4_000)), Duration::from_secs(6));
        assert!(!review.is_due(at(9_999)) && review.is_due(at(10_000)));
        review.done(at(10_000), at(10_001));
        assert!(!review.is_due(at(20_000)) && review.is_due(at(20_001)));
        assert_eq!(review.wait(at(30_000)), Duration::ZERO);
    }

    #[test]
    fn a_change_is_followed_at_once() {
        let mut review = Review::new(at(0));
        review.hasten();
        assert!(review.is_stale() && review.is_due(at(0)));
        review.done(at(0), at(1));
        assert!(!review.is_stale() && !review.is_due(at(1)));
    }

    #[test]
    fn changes_without_end_take_a_tenth_of_a_cpu() {
        let mut review = Review::new(at(0));
        let (mut now, mut busy) = (0, 0);
        while now < 60_000 {
            review.hasten();
            if review.is_due(at(now)) {
                review.done(at(now), at(now + 40));
                now += 40;
                busy += 40;
            }
            now += 1;
        }
        assert!((5_000..=6_100).contains(&busy), "{busy} ms of 60 s");
    }
}
