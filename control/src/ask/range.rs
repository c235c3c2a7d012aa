//! Ranges as they are shown.

use crate::call::Exchange;
use crate::config::{Allocation, OrbitRange, RangeKind, Reserved};

/// One range, or what is left of a removed one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RangeView {
    /// As configured.
    pub range: OrbitRange,
    /// What it is for.
    pub kind: RangeKind,
    /// The node it belongs to, where that is another one.
    pub node: Option<String>,
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

    /// Nobody parks there.
    fn of_reserved(reserved: &Reserved) -> Self {
        Self {
            range: reserved.range.clone(),
            kind: reserved.kind,
            node: reserved.node.clone(),
            free: 0,
            taken: 0,
            is_closing: false,
        }
    }

    fn number(&self, number: u32) -> String {
        let prefix = self.range.prefix.map(String::from).unwrap_or_default();
        format!("{prefix}{number}")
    }
}

impl Exchange {
    /// All ranges, by prefix and start.
    pub(super) fn range_views(&self) -> Vec<RangeView> {
        let reserved = self.rules.reserved.iter().map(RangeView::of_reserved);
        let mut views: Vec<_> = self.orbits.views().chain(reserved).collect();
        views.sort_by_key(|view| (view.range.prefix, view.range.start));
        views
    }
}
