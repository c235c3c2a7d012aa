//! One range of orbits: which are free, and which of them is given out next.

use super::{Orbit, Settings};
use crate::call::CallKey;
use crate::config::{Allocation, Empty, OrbitRange};

/// The orbits of one range.
///
/// A free orbit is either *rested*, and then as likely as every other rested one to be given out,
/// or *resting*: it was freed lately. At most half of the free orbits rest, the ones freed last, so
/// that an orbit is not given to another call while somebody still walks to a phone to dial it.
/// Where orbits are given out in sequence the sequence sees to that.
#[derive(Clone, Debug)]
pub(super) struct Range {
    range: OrbitRange,
    settings: Settings,
    /// It was removed: it is there for its calls, and goes with the last of them.
    is_closing: bool,
    slots: Vec<Slot>,
    rested: Vec<u16>,
    resting: Resting,
    taken: usize,
    /// Where the search for the next in sequence begins.
    next: u16,
}

/// The state of an orbit, by its distance from the first of the range.
#[derive(Clone, Copy, Debug)]
enum Slot {
    Taken(CallKey),
    /// Free, at this place of the rested.
    Rested(u16),
    /// Free, in the queue of the resting.
    Resting {
        earlier: Option<u16>,
        later: Option<u16>,
    },
}

/// Both ends and the length of the queue whose links are in the slots.
#[derive(Clone, Debug, Default)]
struct Resting {
    earliest: Option<u16>,
    latest: Option<u16>,
    len: usize,
}

impl Range {
    /// All free and rested.
    pub(super) fn open(range: OrbitRange, settings: Settings) -> Self {
        assert!(range.start <= range.end, "the configuration checks ranges");
        let count = u16::try_from(range.count()).expect("the configuration bounds ranges");
        Self {
            range,
            settings,
            is_closing: false,
            slots: (0..count).map(Slot::Rested).collect(),
            rested: (0..count).collect(),
            resting: Resting::default(),
            taken: 0,
            next: 0,
        }
    }

    /// The same orbits, taken, resting and next as they are, where a change of the configuration
    /// has left them their numbers.
    pub(super) fn as_configured(&self, range: &OrbitRange, settings: &Settings) -> Option<Self> {
        let before = &self.range;
        let keeps = !self.is_closing
            && before.name == range.name
            && before.prefix == range.prefix
            && (before.start, before.end) == (range.start, range.end);
        keeps.then(|| Self {
            range: range.clone(),
            settings: settings.clone(),
            ..self.clone()
        })
    }

    /// What is left of a removed range: one orbit with its call.
    pub(super) fn closing(&self, orbit: Orbit, call: CallKey) -> Self {
        Self::rest_of(&self.range, self.settings.clone(), orbit, call)
    }

    /// What is left of a range that nobody remembers.
    pub(super) fn forgotten(settings: Settings, orbit: Orbit, call: CallKey) -> Self {
        let range = OrbitRange {
            name: String::new(),
            prefix: orbit.prefix,
            ..OrbitRange::default()
        };
        Self::rest_of(&range, settings, orbit, call)
    }

    fn rest_of(of: &OrbitRange, settings: Settings, orbit: Orbit, call: CallKey) -> Self {
        let range = OrbitRange {
            start: orbit.number,
            end: orbit.number,
            ..of.clone()
        };
        let mut rest = Self::open(range, settings);
        let is_taken = rest.take(orbit, call);
        assert!(is_taken, "a new range is free");
        rest.is_closing = true;
        rest
    }

    /// Whether it was removed in the time of an earlier process.
    pub(super) fn is_forgotten(&self) -> bool {
        self.is_closing && self.range.name.is_empty()
    }

    pub(super) fn name(&self) -> &str {
        &self.range.name
    }

    pub(super) fn range(&self) -> &OrbitRange {
        &self.range
    }

    pub(super) fn site(&self) -> Option<&str> {
        self.range.site.as_deref()
    }

    pub(super) fn policy(&self) -> Option<&str> {
        self.range.policy.as_deref()
    }

    pub(super) const fn empty(&self) -> Empty {
        self.range.empty
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn is_closing(&self) -> bool {
        self.is_closing
    }

    pub(super) fn first(&self) -> Orbit {
        self.orbit(0)
    }

    pub(super) fn has(&self, orbit: Orbit) -> bool {
        orbit.prefix == self.range.prefix
            && (self.range.start..=self.range.end).contains(&orbit.number)
    }

    pub(super) fn orbits(&self) -> impl Iterator<Item = Orbit> + '_ {
        let prefix = self.range.prefix;
        (self.range.start..=self.range.end).map(move |number| Orbit { prefix, number })
    }

    pub(super) fn occupant(&self, orbit: Orbit) -> Option<CallKey> {
        match self.slots[usize::from(self.place(orbit))] {
            Slot::Taken(call) => Some(call),
            Slot::Rested(_) | Slot::Resting { .. } => None,
        }
    }

    pub(super) fn taken(&self) -> impl Iterator<Item = (Orbit, CallKey)> + '_ {
        let call = |(place, slot): (u16, &Slot)| match slot {
            Slot::Taken(call) => Some((self.orbit(place), *call)),
            Slot::Rested(_) | Slot::Resting { .. } => None,
        };
        (0..).zip(&self.slots).filter_map(call)
    }

    pub(super) fn taken_count(&self) -> usize {
        self.taken
    }

    pub(super) fn free_count(&self) -> usize {
        self.slots.len() - self.taken
    }

    /// How many of its orbits may be given out to who names none.
    pub(super) fn choices(&self) -> usize {
        match self.range.allocation {
            _ if self.is_closing => 0,
            Allocation::Random => self.rested.len(),
            Allocation::Sequential => self.free_count(),
        }
    }

    /// Gives out one of them.
    pub(super) fn take_choice(&mut self, choice: usize, call: CallKey) -> Orbit {
        let place = match self.range.allocation {
            Allocation::Random => self.rested[choice],
            Allocation::Sequential => self.next_in_sequence(),
        };
        let orbit = self.orbit(place);
        let is_taken = self.take(orbit, call);
        assert!(is_taken, "a choice is free");
        orbit
    }

    /// Gives one orbit to a call. False when it is taken.
    pub(super) fn take(&mut self, orbit: Orbit, call: CallKey) -> bool {
        let place = self.place(orbit);
        match self.slots[usize::from(place)] {
            Slot::Taken(_) => return false,
            Slot::Rested(rested) => self.remove_rested(rested),
            Slot::Resting { earlier, later } => self.unlink(earlier, later),
        }
        self.slots[usize::from(place)] = Slot::Taken(call);
        self.taken += 1;
        self.rest_no_more_than_half();
        true
    }

    /// Gives a taken orbit to another call.
    pub(super) fn hand_over(&mut self, orbit: Orbit, call: CallKey) {
        let place = usize::from(self.place(orbit));
        let is_taken = matches!(self.slots[place], Slot::Taken(_));
        assert!(is_taken, "only a taken orbit changes hands");
        self.slots[place] = Slot::Taken(call);
    }

    /// Takes an orbit back.
    pub(super) fn free(&mut self, orbit: Orbit) {
        assert!(self.occupant(orbit).is_some(), "an orbit is freed once");
        let place = self.place(orbit);
        self.taken -= 1;
        let earlier = self.resting.latest.replace(place);
        self.slots[usize::from(place)] = Slot::Resting {
            earlier,
            later: None,
        };
        match earlier {
            Some(earlier) => self.relink(earlier, |_, later| *later = Some(place)),
            None => self.resting.earliest = Some(place),
        }
        self.resting.len += 1;
        self.rest_no_more_than_half();
    }

    fn orbit(&self, place: u16) -> Orbit {
        Orbit {
            prefix: self.range.prefix,
            number: self.range.start + u32::from(place),
        }
    }

    fn place(&self, orbit: Orbit) -> u16 {
        assert!(self.has(orbit), "the table finds the range of an orbit");
        u16::try_from(orbit.number - self.range.start).expect("the configuration bounds ranges")
    }

    fn next_in_sequence(&mut self) -> u16 {
        let count = u16::try_from(self.slots.len()).expect("the configuration bounds ranges");
        let is_free = |place: &u16| !matches!(self.slots[usize::from(*place)], Slot::Taken(_));
        let mut around = (self.next..count).chain(0..self.next);
        let place = around.find(is_free).expect("the caller looked");
        self.next = (place + 1) % count;
        place
    }

    fn remove_rested(&mut self, at: u16) {
        self.rested.swap_remove(usize::from(at));
        if let Some(&moved) = self.rested.get(usize::from(at)) {
            self.slots[usize::from(moved)] = Slot::Rested(at);
        }
    }

    fn unlink(&mut self, earlier: Option<u16>, later: Option<u16>) {
        match earlier {
            Some(place) => self.relink(place, |_, link| *link = later),
            None => self.resting.earliest = later,
        }
        match later {
            Some(place) => self.relink(place, |link, _| *link = earlier),
            None => self.resting.latest = earlier,
        }
        self.resting.len -= 1;
    }

    fn relink(&mut self, place: u16, change: impl FnOnce(&mut Option<u16>, &mut Option<u16>)) {
        match &mut self.slots[usize::from(place)] {
            Slot::Resting { earlier, later } => change(earlier, later),
            Slot::Taken(_) | Slot::Rested(_) => unreachable!("the queue links resting orbits only"),
        }
    }

    fn rest_no_more_than_half(&mut self) {
        while self.resting.len > self.free_count() / 2 {
            let place = self
                .resting
                .earliest
                .expect("the queue is as long as it says");
            let Slot::Resting { earlier, later } = self.slots[usize::from(place)] else {
                unreachable!("the queue links resting orbits only")
            };
            self.unlink(earlier, later);
            let at = u16::try_from(self.rested.len()).expect("the configuration bounds ranges");
            self.slots[usize::from(place)] = Slot::Rested(at);
            self.rested.push(place);
        }
    }

    /// Free orbits that are in neither list, for tests: there are none.
    #[cfg(test)]
    pub(super) fn astray(&self) -> usize {
        self.free_count() - self.rested.len() - self.resting.len
    }
}
