//! Pacing: each packet time is divided into slots of 1 ms, a stream lives in one slot of its packet
//! time, and the packets of many streams are thereby spread evenly. What a tick touches of a stream
//! is one cache line, and the lines of a slot lie next to each other.
//!
//! Absent on purpose: what is in the packets (`player`), clocks, sockets.

use std::num::NonZeroU32;

use shared::{Ptime, Time};

use crate::line::Line;

/// Where a line is: changes when a neighbour is removed, see [`Removed`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    slot: Slot,
    /// One more than the position among the lines of the slot: never 0, so that there can be no
    /// place in as much memory.
    number: NonZeroU32,
}

/// All lines by packet time and slot.
#[derive(Debug)]
pub struct Wheel {
    classes: [Class; Ptime::ALL.len()],
    lines: usize,
}

/// One slot of one packet time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slot {
    class: u8,
    slot: u8,
}

/// A line taken out.
#[derive(Debug)]
pub struct Removed {
    /// The line.
    pub line: Line,
    /// When its next packet would have been due.
    pub due: Time,
    /// The table index of the stream whose line moved into the gap.
    pub moved: Option<u32>,
}

/// One slot that is due.
#[derive(Debug)]
pub struct Due<'a> {
    /// When.
    pub at: Time,
    /// Its lines, never empty.
    pub lines: &'a mut [Line],
}

/// The lines of one packet time.
#[derive(Debug)]
struct Class {
    ptime_ms: u64,
    /// The first millisecond that was not worked yet.
    next_ms: u64,
    /// A bit for each slot that has lines.
    occupied: u64,
    slots: Vec<Vec<Line>>,
}

impl Place {
    const fn position(self) -> usize {
        self.number.get() as usize - 1
    }
}

impl Wheel {
    /// An empty wheel.
    #[must_use]
    pub fn new() -> Self {
        Self {
            classes: Ptime::ALL.map(Class::new),
            lines: 0,
        }
    }

    /// How many lines there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.lines
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// The emptiest slot of a packet time, and when a line put there would be due first.
    pub fn emptiest(&mut self, ptime: Ptime, now: Time) -> (Slot, Time) {
        let index = Ptime::ALL.iter().position(|one| *one == ptime);
        let index = index.unwrap_or_else(|| unreachable!("Ptime has no other values"));
        let class = &mut self.classes[index];
        class.forget_past(now);
        let counts = class.slots.iter().map(Vec::len).enumerate();
        let slot = counts
            .min_by_key(|(_, count)| *count)
            .map_or(0, |(slot, _)| slot);
        let place = Slot {
            class: small(index),
            slot: small(slot),
        };
        (place, class.due(place.slot))
    }

    /// Puts a line into a slot.
    pub fn insert(&mut self, slot: Slot, line: Line) -> Place {
        self.lines += 1;
        let class = &mut self.classes[usize::from(slot.class)];
        class.occupied |= 1 << slot.slot;
        let lines = &mut class.slots[usize::from(slot.slot)];
        lines.push(line);
        Place {
            slot,
            number: u32::try_from(lines.len())
                .ok()
                .and_then(NonZeroU32::new)
                .unwrap_or_else(|| unreachable!("at least the line that was put there")),
        }
    }

    /// Takes a line out.
    pub fn remove(&mut self, place: Place) -> Removed {
        let due = self.due_at(place);
        let Slot { class, slot } = place.slot;
        let class = &mut self.classes[usize::from(class)];
        let lines = &mut class.slots[usize::from(slot)];
        let line = lines.swap_remove(place.position());
        let moved = lines.get(place.position()).map(|line| line.index);
        if lines.is_empty() {
            class.occupied &= !(1 << slot);
        }
        self.lines -= 1;
        Removed { line, due, moved }
    }

    /// The line at a place.
    pub fn line(&mut self, place: Place) -> &mut Line {
        let Slot { class, slot } = place.slot;
        let lines = &mut self.classes[usize::from(class)].slots[usize::from(slot)];
        &mut lines[place.position()]
    }

    /// When the line at a place is due next.
    #[must_use]
    pub fn due_at(&self, place: Place) -> Time {
        self.classes[usize::from(place.slot.class)].due(place.slot.slot)
    }

    /// The time of the next slot that has lines.
    #[must_use]
    pub fn next_due(&self) -> Option<Time> {
        let next = self.classes.iter().filter_map(Class::next_due_ms).min();
        next.map(Time::from_millis)
    }

    /// The earliest slot that is due and was not worked; it counts as worked from now on.
    pub fn take_due(&mut self, now: Time) -> Option<Due<'_>> {
        let classes = self.classes.iter_mut();
        let (at_ms, class) = classes
            .filter_map(|class| class.next_due_ms().map(|at_ms| (at_ms, class)))
            .min_by_key(|(at_ms, _)| *at_ms)
            .filter(|(at_ms, _)| Time::from_millis(*at_ms) <= now)?;
        class.next_ms = at_ms + 1;
        let slot = usize::try_from(at_ms % class.ptime_ms).unwrap_or(0);
        Some(Due {
            at: Time::from_millis(at_ms),
            lines: &mut class.slots[slot],
        })
    }

    /// Every line, with the time it is due next.
    pub fn for_each(&mut self, mut visit: impl FnMut(&mut Line, Time)) {
        for class in &mut self.classes {
            for slot in 0..class.slots.len() {
                let due = class.due(small(slot));
                class.slots[slot]
                    .iter_mut()
                    .for_each(|line| visit(line, due));
            }
        }
    }

    /// Leaves out every slot up to `now`, telling of each line how many milliseconds it misses.
    pub fn skip(&mut self, now: Time, mut visit: impl FnMut(&mut Line, u64)) {
        for class in &mut self.classes {
            let next_ms = class.next_ms.max(now.as_millis() + 1);
            for slot in 0..class.slots.len() {
                let missed = class.due_ms_from(next_ms, small(slot)) - class.due_ms(small(slot));
                class.slots[slot]
                    .iter_mut()
                    .for_each(|line| visit(line, missed));
            }
            class.next_ms = next_ms;
        }
    }
}

impl Default for Wheel {
    fn default() -> Self {
        Self::new()
    }
}

impl Class {
    fn new(ptime: Ptime) -> Self {
        Self {
            ptime_ms: ptime.as_millis().into(),
            next_ms: 0,
            occupied: 0,
            slots: vec![Vec::new(); ptime.as_millis().into()],
        }
    }

    /// Time without lines was not missed: only slots that have lines are worked late. So a line
    /// that joins is due in the future, or together with what is late.
    fn forget_past(&mut self, now: Time) {
        let future_ms = now.as_millis() + 1;
        let due_ms = self.next_due_ms().unwrap_or(future_ms);
        self.next_ms = self.next_ms.max(due_ms.min(future_ms));
    }

    fn next_due_ms(&self) -> Option<u64> {
        if self.occupied == 0 {
            return None;
        }
        let phase = self.next_ms % self.ptime_ms;
        let ahead = self.occupied >> phase;
        Some(if ahead != 0 {
            self.next_ms + u64::from(ahead.trailing_zeros())
        } else {
            self.next_ms + (self.ptime_ms - phase) + u64::from(self.occupied.trailing_zeros())
        })
    }

    fn due(&self, slot: u8) -> Time {
        Time::from_millis(self.due_ms(slot))
    }

    fn due_ms(&self, slot: u8) -> u64 {
        self.due_ms_from(self.next_ms, slot)
    }

    /// The first millisecond from `from_ms` on that belongs to the slot.
    fn due_ms_from(&self, from_ms: u64, slot: u8) -> u64 {
        let phase = from_ms % self.ptime_ms;
        from_ms + (u64::from(slot) + self.ptime_ms - phase) % self.ptime_ms
    }
}

/// Class and slot numbers are below 64.
fn small(number: usize) -> u8 {
    u8::try_from(number).unwrap_or_else(|_| unreachable!("at most 60 slots a packet time"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::line::testing::line;

    fn add(wheel: &mut Wheel, index: u32, ptime: Ptime, now: Time) -> (Place, Time) {
        let (slot, due) = wheel.emptiest(ptime, now);
        (wheel.insert(slot, line(index)), due)
    }

    #[test]
    fn streams_are_spread_evenly_over_the_slots() {
        let mut wheel = Wheel::new();
        for index in 0..100 {
            add(&mut wheel, index, Ptime::DEFAULT, Time::from_millis(5));
        }
        let mut counts = Vec::new();
        while let Some(due) = wheel.take_due(Time::from_millis(25)) {
            counts.push(due.lines.len());
        }
        assert_eq!(counts, [5; 20]);
    }

    #[test]
    fn a_line_is_due_once_in_each_packet_time_on_its_own_grid() {
        let mut wheel = Wheel::new();
        let (_, first) = add(
            &mut wheel,
            0,
            Ptime::new(30).unwrap(),
            Time::from_millis(100),
        );
        let mut dues = Vec::new();
        while let Some(due) = wheel.take_due(Time::from_millis(250)) {
            dues.push(due.at.as_millis());
        }
        let first = first.as_millis();
        assert!(first > 100 && first <= 130);
        assert_eq!(dues[..4], [first, first + 30, first + 60, first + 90]);
    }

    #[test]
    fn classes_due_in_the_same_millisecond_are_both_worked() {
        let mut wheel = Wheel::new();
        for (index, ptime) in Ptime::ALL.into_iter().enumerate() {
            add(&mut wheel, u32::try_from(index).unwrap(), ptime, Time::ZERO);
        }
        let mut worked = 0;
        while let Some(due) = wheel.take_due(Time::from_millis(120)) {
            worked += due.lines.len();
        }
        assert_eq!(worked, 12 + 6 + 4 + 3 + 2);
    }

    #[test]
    fn late_slots_come_in_order_and_none_is_left_out() {
        let mut wheel = Wheel::new();
        for index in 0..3 {
            add(&mut wheel, index, Ptime::new(10).unwrap(), Time::ZERO);
        }
        let mut dues = Vec::new();
        while let Some(due) = wheel.take_due(Time::from_millis(45)) {
            dues.push(due.at.as_millis());
        }
        assert!(dues.is_sorted());
        assert_eq!(
            dues.len(),
            3 * 4 + 2,
            "10 to 45 ms at slots 0, 1, 2: {dues:?}"
        );
    }

    #[test]
    fn a_line_that_joins_is_never_due_in_the_past() {
        let mut wheel = Wheel::new();
        add(&mut wheel, 0, Ptime::new(60).unwrap(), Time::ZERO);
        while wheel.take_due(Time::from_millis(60)).is_some() {}
        let now = Time::from_millis(90);
        let (_, due) = add(&mut wheel, 1, Ptime::new(60).unwrap(), now);
        assert!(due > now);
    }

    #[test]
    fn a_line_that_joins_while_one_is_late_is_not_due_before_that_one() {
        let mut wheel = Wheel::new();
        let (_, first) = add(&mut wheel, 0, Ptime::DEFAULT, Time::ZERO);
        while wheel.take_due(first).is_some() {}
        let late = first + Duration::from_millis(20);
        for index in 1..20 {
            let (_, due) = add(&mut wheel, index, Ptime::DEFAULT, late);
            assert!(due > late);
        }
    }

    #[test]
    fn removing_a_line_names_the_one_that_moved() {
        let mut wheel = Wheel::new();
        let places: Vec<_> = (0..41)
            .map(|index| add(&mut wheel, index, Ptime::DEFAULT, Time::ZERO).0)
            .collect();
        let removed = wheel.remove(places[0]);
        assert_eq!((removed.line.index, removed.moved), (0, Some(40)));
        assert_eq!(wheel.line(places[0]).index, 40);
        assert_eq!(wheel.remove(places[20]).moved, None);
        assert_eq!(wheel.len(), 39);
    }

    #[test]
    fn an_empty_wheel_has_nothing_due() {
        let mut wheel = Wheel::new();
        let (place, _) = add(&mut wheel, 0, Ptime::DEFAULT, Time::ZERO);
        wheel.remove(place);
        assert_eq!(wheel.next_due(), None);
        assert!(wheel.take_due(Time::from_millis(1_000)).is_none());
        assert!(wheel.is_empty());
    }

    #[test]
    fn skipped_time_is_a_whole_number_of_packets_for_each_line() {
        let mut wheel = Wheel::new();
        for index in 0..20 {
            add(&mut wheel, index, Ptime::DEFAULT, Time::ZERO);
        }
        let mut skipped = Vec::new();
        wheel.skip(Time::from_millis(5_007), |_, missed_ms| {
            skipped.push(missed_ms)
        });
        assert!(
            skipped
                .iter()
                .all(|missed_ms| missed_ms % 20 == 0 && *missed_ms >= 4_980)
        );
        assert!(wheel.next_due() > Some(Time::from_millis(5_007)));
    }
}
