//! Ranges as they are shown.

use crate::call::Exchange;
use crate::config::{Allocation, OrbitRange};

/// One range, or what is left of a removed one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RangeView {
    /// As configured.
    pub range: OrbitRange,
    /// How many of its orbits are free.
    pub free: usize,
    /// How many are taken.
    pub taken: usize,
    /// Whether it was removed and is there for the call in it only.
    pub is_closing: bool,
}

impl RangeView {
    /// Its first orbit, as dialled.
    #[must_use]
    pub fn first(&self) -> String {
        self.number(self.range.start)
    }

    /// Its last orbit, as dialled.
    #[must_use]
    pub fn last(&self) -> String {
        self.number(self.range.end)
    }

    /// Whether orbits are given out one after the other.
    #[must_use]
    pub fn is_sequential(&self) -> bool {
        self.range.allocation == Allocation::Sequential
    }

    fn number(&self, number: u32) -> String {
        let prefix = self.range.prefix.map(String::from).unwrap_or_default();
        format!("{prefix}{number}")
    }
}

impl Exchange {
    /// All ranges, by prefix and start.
    pub(super) fn range_views(&self) -> Vec<RangeView> {
        self.orbits.views().collect()
    }
}
