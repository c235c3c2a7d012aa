//! The table of orbits as whoever asks is shown it.

use super::{Orbit, OrbitTable};
use crate::ask::RangeView;
use crate::call::CallKey;
use crate::config::RangeKind;

impl OrbitTable {
    /// Whether there is a range of this name, whatever its case, or a rest of one.
    pub(crate) fn has_range(&self, name: &str) -> bool {
        let mut ranges = self.ranges.iter();
        ranges.any(|range| range.name().eq_ignore_ascii_case(name))
    }

    /// The taken orbits behind one, by prefix and number; of one range where it is named.
    pub(crate) fn taken_behind(
        &self,
        range: Option<&str>,
        after: Option<Orbit>,
    ) -> impl Iterator<Item = (Orbit, CallKey)> {
        let is_wanted = move |name: &str| range.is_none_or(|it| it.eq_ignore_ascii_case(name));
        let ranges = self.ranges.iter();
        ranges
            .filter(move |range| is_wanted(range.name()))
            .flat_map(|range| range.taken())
            .filter(move |(orbit, _)| after.is_none_or(|after| *orbit > after))
    }

    /// Every range, by prefix and start.
    pub(crate) fn views(&self) -> impl Iterator<Item = RangeView> {
        self.ranges.iter().map(|range| RangeView {
            range: range.range().clone(),
            kind: RangeKind::Park,
            node: None,
            free: range.free_count(),
            taken: range.taken_count(),
            is_closing: range.is_closing(),
        })
    }
}
