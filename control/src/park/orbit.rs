//! The orbits of a node: which are free, which call holds which, and which one the next call gets.
//!
//! Absent on purpose: what is parked there; when it ends.

use std::fmt::Write as _;

use crate::call::{CallKey, Random};
use crate::config::OrbitRange;

/// One orbit: a place in the [`OrbitTable`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Orbit(u32);

/// All orbits. Every operation takes constant time, but for `find`, which searches the ranges.
///
/// A free orbit is either *rested*, and then as likely as every other rested one to be given out,
/// or *resting*: it was freed lately. At most half of the free orbits rest, the ones freed last, so
/// that an orbit is not given to another call while somebody still walks to a phone to dial it.
#[derive(Debug)]
pub(crate) struct OrbitTable {
    /// By prefix and first number.
    ranges: Vec<Range>,
    slots: Vec<Slot>,
    rested: Vec<Orbit>,
    resting: Resting,
    taken: usize,
}

#[derive(Debug)]
struct Range {
    prefix: Option<char>,
    start: u32,
    end: u32,
    /// The place of `start` in the slots.
    first: u32,
}

#[derive(Clone, Copy, Debug)]
enum Slot {
    Taken(CallKey),
    /// Free, at this place of the rested.
    Rested(u32),
    /// Free, in the queue of the resting.
    Resting {
        earlier: Option<Orbit>,
        later: Option<Orbit>,
    },
}

/// Both ends and the length of the queue whose links are in the slots.
#[derive(Debug, Default)]
struct Resting {
    earliest: Option<Orbit>,
    latest: Option<Orbit>,
    len: usize,
}

impl OrbitTable {
    /// All orbits of the ranges, free and rested.
    pub(crate) fn new(ranges: &[OrbitRange]) -> Self {
        let mut table = Self {
            ranges: Vec::with_capacity(ranges.len()),
            slots: Vec::new(),
            rested: Vec::new(),
            resting: Resting::default(),
            taken: 0,
        };
        for range in ranges {
            table.add(range);
        }
        table
            .ranges
            .sort_unstable_by_key(|range| (range.prefix, range.start));
        table
    }

    fn add(&mut self, range: &OrbitRange) {
        assert!(range.start <= range.end, "the configuration checks ranges");
        self.ranges.push(Range {
            prefix: range.prefix,
            start: range.start,
            end: range.end,
            first: index(self.slots.len()),
        });
        for _ in range.start..=range.end {
            let orbit = Orbit(index(self.slots.len()));
            self.slots.push(Slot::Rested(index(self.rested.len())));
            self.rested.push(orbit);
        }
    }

    /// Gives a free orbit to a call, at random among the rested.
    pub(crate) fn take_any(&mut self, random: &mut Random, call: CallKey) -> Option<Orbit> {
        if self.rested.is_empty() {
            return None;
        }
        let orbit = self.rested[random.below(self.rested.len())];
        self.take(orbit, call).then_some(orbit)
    }

    /// Gives one orbit to a call. False when it is taken.
    pub(crate) fn take(&mut self, orbit: Orbit, call: CallKey) -> bool {
        match self.slot(orbit) {
            Slot::Taken(_) => return false,
            Slot::Rested(place) => self.remove_rested(place),
            Slot::Resting { earlier, later } => self.unlink(earlier, later),
        }
        self.slots[orbit.0 as usize] = Slot::Taken(call);
        self.taken += 1;
        self.rest_no_more_than_half();
        true
    }

    /// Gives a taken orbit to another call.
    pub(crate) fn hand_over(&mut self, orbit: Orbit, call: CallKey) {
        let slot = &mut self.slots[orbit.0 as usize];
        assert!(
            matches!(slot, Slot::Taken(_)),
            "only a taken orbit changes hands"
        );
        *slot = Slot::Taken(call);
    }

    /// Takes an orbit back.
    pub(crate) fn free(&mut self, orbit: Orbit) {
        assert!(self.occupant(orbit).is_some(), "an orbit is freed once");
        self.taken -= 1;
        let earlier = self.resting.latest.replace(orbit);
        self.slots[orbit.0 as usize] = Slot::Resting {
            earlier,
            later: None,
        };
        match earlier {
            Some(earlier) => self.relink(earlier, |_, later| *later = Some(orbit)),
            None => self.resting.earliest = Some(orbit),
        }
        self.resting.len += 1;
        self.rest_no_more_than_half();
    }

    /// The call that holds an orbit.
    pub(crate) fn occupant(&self, orbit: Orbit) -> Option<CallKey> {
        match self.slot(orbit) {
            Slot::Taken(call) => Some(call),
            Slot::Rested(_) | Slot::Resting { .. } => None,
        }
    }

    /// The orbit that a user part names, escapes already resolved.
    pub(crate) fn find(&self, user: &str) -> Option<Orbit> {
        let prefix = user.chars().next().filter(|c| matches!(c, '*' | '#'));
        let digits = &user[prefix.map_or(0, char::len_utf8)..];
        // A leading zero would let two texts name one orbit; `parse` would take a sign.
        if !digits.bytes().all(|b| b.is_ascii_digit()) || digits.starts_with('0') {
            return None;
        }
        let number: u32 = digits.parse().ok()?;
        let after = self
            .ranges
            .partition_point(|range| (range.prefix, range.start) <= (prefix, number));
        let range = self.ranges[..after].last()?;
        (range.prefix == prefix && number <= range.end)
            .then(|| Orbit(range.first + (number - range.start)))
    }

    /// The number as dialled.
    pub(crate) fn number(&self, orbit: Orbit) -> String {
        let range = self
            .ranges
            .iter()
            .find(|range| (range.first..=range.last()).contains(&orbit.0))
            .expect("an orbit comes from a range");
        let mut number = String::with_capacity(10);
        number.extend(range.prefix);
        let _ = write!(number, "{}", range.start + (orbit.0 - range.first));
        number
    }

    /// The number as the user part of a URI, where `#` is not allowed (RFC 3261 §25.1).
    pub(crate) fn user(&self, orbit: Orbit) -> String {
        self.number(orbit).replace('#', "%23")
    }

    /// The taken orbits with their calls, by range and number.
    pub(crate) fn taken(&self) -> impl Iterator<Item = (Orbit, CallKey)> + '_ {
        self.ranges
            .iter()
            .flat_map(|range| range.first..=range.last())
            .filter_map(|place| Some((Orbit(place), self.occupant(Orbit(place))?)))
    }

    /// How many orbits are taken.
    pub(crate) fn taken_count(&self) -> usize {
        self.taken
    }

    /// How many orbits are free.
    pub(crate) fn free_count(&self) -> usize {
        self.slots.len() - self.taken
    }

    fn slot(&self, orbit: Orbit) -> Slot {
        self.slots[orbit.0 as usize]
    }

    fn remove_rested(&mut self, place: u32) {
        self.rested.swap_remove(place as usize);
        if let Some(moved) = self.rested.get(place as usize) {
            self.slots[moved.0 as usize] = Slot::Rested(place);
        }
    }

    fn unlink(&mut self, earlier: Option<Orbit>, later: Option<Orbit>) {
        match earlier {
            Some(orbit) => self.relink(orbit, |_, link| *link = later),
            None => self.resting.earliest = later,
        }
        match later {
            Some(orbit) => self.relink(orbit, |link, _| *link = earlier),
            None => self.resting.latest = earlier,
        }
        self.resting.len -= 1;
    }

    fn relink(
        &mut self,
        orbit: Orbit,
        change: impl FnOnce(&mut Option<Orbit>, &mut Option<Orbit>),
    ) {
        match &mut self.slots[orbit.0 as usize] {
            Slot::Resting { earlier, later } => change(earlier, later),
            Slot::Taken(_) | Slot::Rested(_) => unreachable!("the queue links resting orbits only"),
        }
    }

    fn rest_no_more_than_half(&mut self) {
        while self.resting.len > self.free_count() / 2 {
            let orbit = self
                .resting
                .earliest
                .expect("the queue is as long as it says");
            let Slot::Resting { earlier, later } = self.slot(orbit) else {
                unreachable!("the queue links resting orbits only")
            };
            self.unlink(earlier, later);
            self.slots[orbit.0 as usize] = Slot::Rested(index(self.rested.len()));
            self.rested.push(orbit);
        }
    }
}

impl Range {
    fn last(&self) -> u32 {
        self.first + (self.end - self.start)
    }
}

fn index(len: usize) -> u32 {
    u32::try_from(len).expect("the configuration bounds the orbits of a node")
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet, VecDeque};

    use super::*;

    fn range(prefix: Option<char>, start: u32, end: u32) -> OrbitRange {
        OrbitRange {
            name: format!("from-{start}"),
            prefix,
            start,
            end,
        }
    }

    fn table(start: u32, end: u32) -> OrbitTable {
        OrbitTable::new(&[range(None, start, end)])
    }

    #[test]
    fn a_number_is_found_by_its_exact_text_only() {
        let table = OrbitTable::new(&[
            range(None, 700, 799),
            range(Some('*'), 700, 709),
            range(Some('#'), 1000, 1999),
            range(None, 7000, 7009),
        ]);
        for number in [
            "700", "799", "*700", "*709", "#1000", "#1999", "7000", "7009",
        ] {
            let orbit = table.find(number).expect(number);
            assert_eq!(table.number(orbit), number);
        }
        for other in [
            "",
            "*",
            "#",
            "699",
            "800",
            "*710",
            "#700",
            "0700",
            "+700",
            "-700",
            "700 ",
            "7010",
            "70a",
            "**700",
            "*0700",
            "99999999999",
            "７００",
        ] {
            assert_eq!(table.find(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_number_sign_is_escaped_where_a_uri_needs_it() {
        let table = OrbitTable::new(&[range(Some('#'), 1000, 1001), range(Some('*'), 500, 501)]);
        let user = |number| table.user(table.find(number).unwrap());
        assert_eq!(user("#1001"), "%231001");
        assert_eq!(user("*500"), "*500");
    }

    #[test]
    fn every_orbit_is_given_out_once_until_none_is_left() {
        let mut table = table(700, 799);
        let mut random = Random::from_seed([1; 32]);
        let given: HashSet<_> = (0..100)
            .map(|n| table.take_any(&mut random, CallKey(n)).unwrap())
            .collect();
        assert_eq!(given.len(), 100);
        assert_eq!(table.take_any(&mut random, CallKey(100)), None);
        assert_eq!((table.taken_count(), table.free_count()), (100, 0));
    }

    #[test]
    fn row_25_the_choice_is_uniform() {
        const ORBITS: usize = 100;
        const DRAWS: usize = 100_000;
        let mut table = table(700, 799);
        let mut random = Random::from_seed([2; 32]);
        let mut counts = HashMap::new();
        for n in 0..DRAWS {
            let orbit = table.take_any(&mut random, CallKey(n as u64)).unwrap();
            *counts.entry(orbit).or_insert(0_u32) += 1;
            table.free(orbit);
        }
        let expected = DRAWS as f64 / ORBITS as f64;
        let chi_square: f64 = counts
            .values()
            .map(|&count| (f64::from(count) - expected).powi(2) / expected)
            .sum();
        assert_eq!(counts.len(), ORBITS);
        // 99 degrees of freedom: above 148.2 once in a thousand (resting only evens it out).
        assert!(chi_square < 148.2, "χ² = {chi_square}");
    }

    #[test]
    fn the_first_choice_is_uniform_over_all_orbits() {
        let mut counts = [0_u32; 10];
        let mut random = Random::from_seed([3; 32]);
        for _ in 0..10_000 {
            let mut table = table(700, 709);
            counts[table.take_any(&mut random, CallKey(0)).unwrap().0 as usize] += 1;
        }
        let chi_square: f64 = counts
            .iter()
            .map(|&count| (f64::from(count) - 1_000.0).powi(2) / 1_000.0)
            .sum();
        // 9 degrees of freedom: above 27.9 once in a thousand.
        assert!(chi_square < 27.9, "χ² = {chi_square}");
    }

    #[test]
    fn a_freed_orbit_comes_back_only_after_half_of_the_free_ones_were_freed() {
        let mut table = table(700, 799);
        let mut random = Random::from_seed([4; 32]);
        let mut last_freed = HashMap::new();
        let mut shortest = usize::MAX;
        for n in 0..20_000 {
            let orbit = table.take_any(&mut random, CallKey(n as u64)).unwrap();
            if let Some(freed) = last_freed.insert(orbit, n) {
                shortest = shortest.min(n - freed);
            }
            table.free(orbit);
        }
        assert!(shortest >= 50, "reused after {shortest}");
    }

    #[test]
    fn the_last_free_orbit_is_given_out_however_lately_it_was_freed() {
        let mut table = table(700, 700);
        let mut random = Random::from_seed([5; 32]);
        for n in 0..10 {
            let orbit = table.take_any(&mut random, CallKey(n)).unwrap();
            table.free(orbit);
        }
    }

    #[test]
    fn a_named_orbit_is_taken_from_wherever_it_is() {
        let mut table = table(700, 709);
        let orbit = table.find("705").unwrap();
        for n in 0..100 {
            assert!(table.take(orbit, CallKey(n)));
            assert!(!table.take(orbit, CallKey(n + 1)));
            assert_eq!(table.occupant(orbit), Some(CallKey(n)));
            table.free(orbit);
            assert_eq!(table.occupant(orbit), None);
        }
    }

    #[test]
    fn fifty_thousand_orbits_behave_like_a_plain_set_under_random_use() {
        let ranges: Vec<_> = (0..5)
            .map(|n| range(None, 100_000 + n * 10_000, 109_999 + n * 10_000))
            .collect();
        let mut table = OrbitTable::new(&ranges);
        let mut random = Random::from_seed([6; 32]);
        let mut held = VecDeque::new();
        for n in 0..200_000_u64 {
            if random.below(5) < 3 || held.is_empty() {
                let orbit = table.take_any(&mut random, CallKey(n)).unwrap();
                held.push_back((orbit, CallKey(n)));
            } else {
                let (orbit, call) = held.pop_front().unwrap();
                assert_eq!(table.occupant(orbit), Some(call));
                table.free(orbit);
            }
        }
        assert_eq!(table.free_count() + held.len(), 50_000);
        assert_eq!(table.rested.len() + table.resting.len, table.free_count());
        assert_eq!(table.taken().count(), held.len());
    }
}
