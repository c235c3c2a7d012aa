//! Deadlines: who wants to be woken when. One per owner; an owner with several timers registers the
//! earliest.
//!
//! Absent on purpose: a clock, and what a deadline means.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use shared::Time;

use crate::sip::table::give_back;

/// The next deadline of each owner. Exact: a deadline that was moved or cleared is not kept.
#[derive(Debug)]
pub struct Deadlines<K> {
    by_time: BTreeSet<(Time, K)>,
    by_key: HashMap<K, Time>,
}

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Self {
            by_time: BTreeSet::new(),
            by_key: HashMap::new(),
        }
    }
}

impl<K: Copy + Ord + Hash> Deadlines<K> {
    /// Moves the deadline of `key`, or clears it.
    pub fn set(&mut self, key: K, at: Option<Time>) {
        let before = match at {
            Some(at) => self.by_key.insert(key, at),
            None => self.remove(key),
        };
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.by_time.remove(&(before, key));
        }
        if let Some(at) = at {
            self.by_time.insert((at, key));
        }
    }

    /// The earliest deadline.
    #[must_use]
    pub fn earliest(&self) -> Option<Time> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes an owner whose deadline has passed: the earliest first, equals in the order of their
    /// keys.
    pub fn pop(&mut self, now: Time) -> Option<K> {
        let (at, key) = *self.by_time.first()?;
        if at > now {
            return None;
        }
        self.by_time.pop_first();
        self.remove(key);
        Some(key)
    }

    fn remove(&mut self, key: K) -> Option<Time> {
        let at = self.by_key.remove(&key);
        give_back(&mut self.by_key);
        at
    }

    /// How many owners wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_deadline_comes_first_and_only_when_it_has_passed() {
        let mut deadlines = Deadlines::default();
        deadlines.set('b', Some(Time::from_millis(20)));
        deadlines.set('a', Some(Time::from_millis(10)));
        assert_eq!(deadlines.earliest(), Some(Time::from_millis(10)));
        assert_eq!(deadlines.pop(Time::from_millis(9)), None);
        assert_eq!(deadlines.pop(Time::from_millis(30)), Some('a'));
        assert_eq!(deadlines.pop(Time::from_millis(30)), Some('b'));
        assert_eq!(deadlines.pop(Time::from_millis(30)), None);
    }

    #[test]
    fn a_moved_or_cleared_deadline_leaves_nothing_behind() {
        let mut deadlines = Deadlines::default();
        deadlines.set('a', Some(Time::from_millis(10)));
        deadlines.set('a', Some(Time::from_millis(40)));
        assert_eq!(deadlines.earliest(), Some(Time::from_millis(40)));
        assert_eq!(deadlines.pop(Time::from_millis(30)), None);
        deadlines.set('a', None);
        assert!(deadlines.is_empty() && deadlines.earliest().is_none());
    }
}
