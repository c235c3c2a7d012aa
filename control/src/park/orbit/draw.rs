//! Orbits given out on trial.

use std::collections::BTreeMap;

use super::{Orbit, OrbitTable, Range};
use crate::call::{CallKey, Random};

impl OrbitTable {
    /// Gives out and takes back orbits of a copy, so many times, as a call gets one that names
    /// none; of one range where it is named. How many are free, and how often each was given out.
    pub(crate) fn draw(
        &self,
        random: &mut Random,
        count: usize,
        range: Option<&str>,
    ) -> (usize, BTreeMap<Orbit, u32>) {
        let is_wanted = |one: &Range| {
            let named = range.is_none_or(|name| one.name().eq_ignore_ascii_case(name));
            named && !one.is_closing()
        };
        let mut table = self.clone();
        table.ranges.retain(is_wanted);
        let mut drawn: BTreeMap<Orbit, u32> = BTreeMap::new();
        for _ in 0..count {
            let Some(orbit) = table.take_any(random, CallKey(0), None) else {
                break;
            };
            table.free(orbit);
            *drawn.entry(orbit).or_default() += 1;
        }
        (table.free_count(), drawn)
    }
}
