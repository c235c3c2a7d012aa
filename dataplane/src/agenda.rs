//! When each stream is to be looked after: its reports, its silence, a digit whose end was lost.
//! One dense row of times, walked a part at a time, so that looking costs next to nothing and the
//! reports of many streams do not leave together.

use std::ops::Range;
use std::time::Duration;

use shared::Time;

/// The row.
#[derive(Debug)]
pub struct Agenda {
    due: Vec<Time>,
    part: u32,
    next: Time,
}

/// How often a part is walked.
const STEP: Duration = Duration::from_millis(10);

/// Parts of the row: each stream is looked at every 100 ms.
const PARTS: u32 = 10;

/// Nothing is due.
pub(crate) const NEVER: Time = Time::from_nanos(u64::MAX);

impl Agenda {
    /// For this many places.
    #[must_use]
    pub fn new(places: u32) -> Self {
        Self {
            due: vec![NEVER; places as usize],
            part: 0,
            next: Time::ZERO,
        }
    }

    /// Looks after a stream at `time`, or soon after it.
    pub fn set(&mut self, index: u32, time: Time) {
        self.due[index as usize] = time;
    }

    /// Looks after a stream as soon as possible.
    pub fn hurry(&mut self, index: u32) {
        self.set(index, Time::ZERO);
    }

    /// The stream is gone.
    pub fn clear(&mut self, index: u32) {
        self.set(index, NEVER);
    }

    /// When to walk next.
    #[must_use]
    pub const fn next(&self) -> Time {
        self.next
    }

    /// The places to walk now, of `used` ones, if it is time.
    pub fn walk(&mut self, now: Time, used: u32) -> Option<Range<u32>> {
        if now < self.next {
            return None;
        }
        self.next = now + STEP;
        self.part = (self.part + 1) % PARTS;
        let bound = |part| u64::from(used) * u64::from(part) / u64::from(PARTS);
        let start = u32::try_from(bound(self.part)).unwrap_or(u32::MAX);
        let end = u32::try_from(bound(self.part + 1)).unwrap_or(u32::MAX);
        Some(start..end)
    }

    /// Whether a place is due; it counts as done then, until it is set again.
    pub fn take(&mut self, now: Time, index: u32) -> bool {
        let due = &mut self.due[index as usize];
        if *due > now {
            return false;
        }
        *due = NEVER;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_walked_once_in_a_tenth_of_a_second() {
        for used in [1, 7, 10, 1_234] {
            let mut agenda = Agenda::new(2_000);
            let mut walked = Vec::new();
            for tick in 0..100 {
                walked.extend(
                    agenda
                        .walk(Time::from_millis(tick), used)
                        .into_iter()
                        .flatten(),
                );
            }
            walked.sort_unstable();
            assert!(walked.into_iter().eq(0..used), "{used} places");
        }
    }

    #[test]
    fn what_is_due_is_taken_once() {
        let mut agenda = Agenda::new(2);
        agenda.set(1, Time::from_millis(5));
        assert!(!agenda.take(Time::from_millis(4), 1));
        assert!(agenda.take(Time::from_millis(5), 1));
        assert!(!agenda.take(Time::from_millis(6), 1));
    }
}
