//! The orbits of a node: which are free, which call holds which, and which one the next call gets.
//!
//! Absent on purpose: what is parked there; when it ends.

use std::fmt;

use super::{Parker, Settings};
use crate::call::{CallKey, Random};
use crate::config::{Empty, OrbitRange};

mod change;
mod draw;
mod range;
mod show;
#[cfg(test)]
mod tests;

use range::Range;

/// One orbit: a number, as it is dialled.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Orbit {
    prefix: Option<char>,
    number: u32,
}

/// All orbits. What concerns one orbit searches the ranges, and then takes constant time; giving
/// one out looks at each range.
#[derive(Clone, Debug)]
pub(crate) struct OrbitTable {
    /// By prefix and first number; they never overlap.
    ranges: Vec<Range>,
}

impl Orbit {
    /// As the user part of a URI, where `#` is not allowed (RFC 3261 §25.1).
    pub(crate) fn user(self) -> String {
        self.to_string().replace('#', "%23")
    }

    /// A user part, escapes already resolved, that could be an orbit.
    pub(crate) fn parse(user: &str) -> Option<Self> {
        let prefix = user.chars().next().filter(|c| matches!(c, '*' | '#'));
        let digits = &user[prefix.map_or(0, char::len_utf8)..];
        // A leading zero would let two texts name one orbit; `parse` would take a sign.
        if !digits.bytes().all(|b| b.is_ascii_digit()) || digits.starts_with('0') {
            return None;
        }
        let number = digits.parse().ok()?;
        Some(Self { prefix, number })
    }
}

impl fmt::Display for Orbit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix {
            Some(prefix) => write!(f, "{prefix}{}", self.number),
            None => write!(f, "{}", self.number),
        }
    }
}

impl OrbitTable {
    /// All orbits of the ranges, free and rested, with what holds for the calls there.
    pub(crate) fn new(ranges: impl IntoIterator<Item = (OrbitRange, Settings)>) -> Self {
        let open = |(range, settings)| Range::open(range, settings);
        let mut ranges: Vec<Range> = ranges.into_iter().map(open).collect();
        ranges.sort_unstable_by_key(Range::first);
        Self { ranges }
    }

    /// Gives a free orbit to a call: one of the parker's site, or else one of no site, in the
    /// ranges that are everybody's or its policy's. Where all of these have a site, who has none
    /// may take any of them. Without a parker any orbit will do.
    pub(crate) fn take_any(
        &mut self,
        random: &mut Random,
        call: CallKey,
        parker: Option<&Parker>,
    ) -> Option<Orbit> {
        let Some(parker) = parker else {
            return self.take_among(random, call, |_| true);
        };
        let site = parker.site.as_deref();
        let may = |range: &Range| {
            range
                .policy()
                .is_none_or(|p| parker.policy.as_deref() == Some(p))
        };
        let of_site = |range: &Range| site.is_some() && range.site() == site && may(range);
        let of_all = |range: &Range| range.site().is_none() && may(range);
        let has_one_of_all = self.ranges.iter().any(|r| of_all(r) && !r.is_closing());
        let of_any = |range: &Range| site.is_none() && !has_one_of_all && may(range);
        self.take_among(random, call, of_site)
            .or_else(|| self.take_among(random, call, of_all))
            .or_else(|| self.take_among(random, call, of_any))
    }

    /// Each orbit that can be given out now is as likely as every other.
    fn take_among(
        &mut self,
        random: &mut Random,
        call: CallKey,
        belongs: impl Fn(&Range) -> bool,
    ) -> Option<Orbit> {
        let among = || self.ranges.iter().filter(|range| belongs(range));
        let choices: usize = among().map(Range::choices).sum();
        if choices == 0 {
            return None;
        }
        let mut choice = random.below(choices);
        for range in self.ranges.iter_mut().filter(|range| belongs(range)) {
            if choice < range.choices() {
                return Some(range.take_choice(choice, call));
            }
            choice -= range.choices();
        }
        unreachable!("the choice is below the sum of the choices")
    }

    /// Gives one orbit to a call. False when it is taken, or is one no more.
    pub(crate) fn take(&mut self, orbit: Orbit, call: CallKey) -> bool {
        self.range_mut(orbit)
            .is_some_and(|range| range.take(orbit, call))
    }

    /// Gives an orbit to a call that had it in an earlier process, also where its range was removed
    /// meanwhile; what holds there is then `settings`. False when another call has it.
    pub(crate) fn take_again(&mut self, orbit: Orbit, call: CallKey, settings: &Settings) -> bool {
        if let Some(range) = self.range_mut(orbit) {
            return range.take(orbit, call);
        }
        let range = Range::forgotten(settings.clone(), orbit, call);
        self.ranges.push(range);
        self.ranges.sort_unstable_by_key(Range::first);
        true
    }

    /// Gives a taken orbit to another call.
    pub(crate) fn hand_over(&mut self, orbit: Orbit, call: CallKey) {
        let range = self.range_mut(orbit).expect("a taken orbit has its range");
        range.hand_over(orbit, call);
    }

    /// Takes an orbit back. The last one of a range that was removed takes the range along.
    pub(crate) fn free(&mut self, orbit: Orbit) {
        let range = self.range_mut(orbit).expect("a taken orbit has its range");
        range.free(orbit);
        if range.is_closing() && range.taken_count() == 0 {
            self.ranges.retain(|range| !range.has(orbit));
        }
    }

    /// The call that holds an orbit.
    pub(crate) fn occupant(&self, orbit: Orbit) -> Option<CallKey> {
        self.range(orbit)?.occupant(orbit)
    }

    /// The orbit that a user part names, escapes already resolved.
    pub(crate) fn find(&self, user: &str) -> Option<Orbit> {
        Orbit::parse(user).filter(|orbit| self.range(*orbit).is_some())
    }

    /// What holds for the calls in an orbit, while its range is there.
    pub(crate) fn settings(&self, orbit: Orbit) -> Option<&Settings> {
        Some(self.range(orbit)?.settings())
    }

    /// The one policy whose parties may park and retrieve there, if its range has one.
    pub(crate) fn policy(&self, orbit: Orbit) -> Option<&str> {
        self.range(orbit)?.policy()
    }

    /// What dialling an orbit does in which nobody waits.
    pub(crate) fn empty(&self, orbit: Orbit) -> Empty {
        self.range(orbit).map_or(Empty::NotFound, Range::empty)
    }

    /// The name of an orbit's range.
    pub(crate) fn range_name(&self, orbit: Orbit) -> Option<&str> {
        Some(self.range(orbit)?.name())
    }

    /// A range by its name, without case, and how many orbits it has.
    pub(crate) fn range_named(&self, name: &str) -> Option<(&str, u32)> {
        let mut open = self.ranges.iter().filter(|range| !range.is_closing());
        let range = open.find(|range| range.name().eq_ignore_ascii_case(name))?;
        Some((range.name(), range.range().count()))
    }

    /// The orbits of a range, also those of its rest while it closes.
    pub(crate) fn of_range(&self, name: &str) -> Vec<Orbit> {
        let ranges = self.ranges.iter().filter(|range| range.name() == name);
        ranges.flat_map(Range::orbits).collect()
    }

    /// The number as dialled.
    #[expect(
        clippy::unused_self,
        reason = "callers need not know that an orbit is its number"
    )]
    pub(crate) fn number(&self, orbit: Orbit) -> String {
        orbit.to_string()
    }

    /// The number as the user part of a URI, where `#` is not allowed (RFC 3261 §25.1).
    #[expect(
        clippy::unused_self,
        reason = "callers need not know that an orbit is its number"
    )]
    pub(crate) fn user(&self, orbit: Orbit) -> String {
        orbit.user()
    }

    /// The taken orbits with their calls, by range and number.
    pub(crate) fn taken(&self) -> impl Iterator<Item = (Orbit, CallKey)> + '_ {
        self.ranges.iter().flat_map(Range::taken)
    }

    /// Each range: its name, how many of its orbits are free, how many taken.
    pub(crate) fn usage(&self) -> impl Iterator<Item = (&str, usize, usize)> + '_ {
        let ranges = self.ranges.iter();
        ranges.map(|range| (range.name(), range.free_count(), range.taken_count()))
    }

    /// How many orbits are taken.
    pub(crate) fn taken_count(&self) -> usize {
        self.ranges.iter().map(Range::taken_count).sum()
    }

    /// How many orbits are free.
    pub(crate) fn free_count(&self) -> usize {
        self.ranges.iter().map(Range::free_count).sum()
    }

    fn range(&self, orbit: Orbit) -> Option<&Range> {
        let after = self.ranges.partition_point(|range| range.first() <= orbit);
        self.ranges[..after].last().filter(|range| range.has(orbit))
    }

    fn range_mut(&mut self, orbit: Orbit) -> Option<&mut Range> {
        let after = self.ranges.partition_point(|range| range.first() <= orbit);
        let range = self.ranges[..after].last_mut();
        range.filter(|range| range.has(orbit))
    }
}
