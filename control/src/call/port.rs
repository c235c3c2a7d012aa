//! Ports for RTP in even-odd pairs (RFC 3550 §11), each given out again as late as possible.
//!
//! Absent on purpose: binding them; that is the worker's, who may find one taken.

use std::collections::VecDeque;

use super::Random;
use super::limits::RESERVE_SHARE;
use super::stream::Purpose;

/// The even port of a pair; RTCP has the odd one above it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct PortPair(u16);

impl PortPair {
    /// The port for RTP.
    pub(crate) const fn rtp(self) -> u16 {
        self.0
    }
}

/// The free pairs. A pair that was given back goes to the end of the queue, so that late packets of
/// its last call die before the next one has it; the queue starts shuffled, so that the next port
/// is not easily guessed.
#[derive(Debug)]
pub(crate) struct PortPool {
    free: VecDeque<PortPair>,
    total: usize,
}

impl PortPool {
    /// All whole pairs between two ports, both inclusive.
    pub(crate) fn new((first, last): (u16, u16), random: &mut Random) -> Self {
        let even = u32::from(first).next_multiple_of(2);
        let mut pairs: Vec<_> = (even..u32::from(last))
            .step_by(2)
            .filter_map(|port| u16::try_from(port).ok().map(PortPair))
            .collect();
        random.shuffle(&mut pairs);
        Self {
            total: pairs.len(),
            free: pairs.into(),
        }
    }

    /// The pair that was free for longest. The last ones are kept for legs that join a call.
    pub(crate) fn take(&mut self, purpose: Purpose) -> Option<PortPair> {
        let reserve = match purpose {
            Purpose::Begin => self.total / RESERVE_SHARE as usize,
            Purpose::Join(_) => 0,
        };
        if self.free.len() <= reserve {
            return None;
        }
        self.free.pop_front()
    }

    /// Takes a pair back.
    pub(crate) fn put(&mut self, pair: PortPair) {
        self.free.push_back(pair);
        debug_assert!(self.free.len() <= self.total, "a pair is given back once");
    }

    /// How many pairs are in use.
    pub(crate) fn used(&self) -> usize {
        self.total - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use shared::WorkerId;

    use super::*;

    fn pool(ports: (u16, u16)) -> PortPool {
        PortPool::new(ports, &mut Random::from_seed([7; 32]))
    }

    const JOIN: Purpose = Purpose::Join(WorkerId(0));

    fn all(pool: &mut PortPool) -> Vec<u16> {
        std::iter::from_fn(|| pool.take(JOIN).map(PortPair::rtp)).collect()
    }

    #[test]
    fn pairs_lie_wholly_inside_the_range() {
        for (ports, expected) in [
            ((20_000, 20_005), vec![20_000, 20_002, 20_004]),
            ((20_001, 20_006), vec![20_002, 20_004]),
            ((20_000, 20_001), vec![20_000]),
            ((65_532, 65_535), vec![65_532, 65_534]),
        ] {
            let mut given = all(&mut pool(ports));
            given.sort_unstable();
            assert_eq!(given, expected, "{ports:?}");
        }
    }

    #[test]
    fn no_pair_is_given_out_twice_at_once() {
        let mut pool = pool((20_000, 59_999));
        let given = all(&mut pool);
        assert_eq!(given.iter().collect::<HashSet<_>>().len(), 20_000);
        assert_eq!(pool.used(), 20_000);
    }

    #[test]
    fn a_returned_pair_is_the_last_to_be_given_out_again() {
        let mut pool = pool((20_000, 20_199));
        let first = pool.take(Purpose::Begin).unwrap();
        pool.put(first);
        let given = all(&mut pool);
        assert_eq!(given.len(), 100);
        assert_eq!(*given.last().unwrap(), first.rtp());
    }

    #[test]
    fn pairs_do_not_come_in_order() {
        let given = all(&mut pool((20_000, 20_199)));
        let rising = given.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!((30..70).contains(&rising), "{rising} of 99 steps rise");
    }

    #[test]
    fn the_last_pairs_are_for_legs_that_join_a_call() {
        let mut pool = pool((20_000, 20_199));
        let begun = std::iter::from_fn(|| pool.take(Purpose::Begin)).count();
        assert_eq!((begun, all(&mut pool).len()), (97, 3));
    }
}
