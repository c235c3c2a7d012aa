//! A change of the ranges while calls wait: each call keeps its orbit until it is retrieved or
//! ends, also where its range is gone.

use std::collections::BTreeSet;
use std::fmt;

use super::{Orbit, OrbitTable, Range, Settings};
use crate::config::OrbitRange;

/// Why the ranges stay as they are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Unchangeable {
    /// Another name for numbers that are there under this one.
    Renamed { from: String, to: String },
    /// An orbit that shall be in another range holds a call.
    Taken {
        orbit: String,
        from: String,
        to: String,
    },
}

impl fmt::Display for Unchangeable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Renamed { from, to } => write!(
                f,
                "the range \"{to}\" has numbers of the range \"{from}\", and a range keeps its \
                 name; remove \"{from}\" first, then add \"{to}\""
            ),
            Self::Taken { orbit, from, to } => write!(
                f,
                "a call waits in {orbit} of the range \"{from}\", which cannot be of the range \
                 \"{to}\" meanwhile; try again when it is over"
            ),
        }
    }
}

impl OrbitTable {
    /// The table with other ranges in the place of those that are here. A range is the same by its
    /// name. Calls stay in their orbits; an orbit that is in no range any more goes with its call.
    pub(crate) fn changed(
        &self,
        ranges: impl IntoIterator<Item = (OrbitRange, Settings)>,
    ) -> Result<Self, Unchangeable> {
        let changed = ranges.into_iter().map(|(range, settings)| {
            let mut same = self.ranges.iter();
            same.find_map(|before| before.as_configured(&range, &settings))
                .unwrap_or_else(|| Range::open(range, settings))
        });
        let mut changed = Self {
            ranges: changed.collect(),
        };
        changed.ranges.sort_unstable_by_key(Range::first);
        self.refuse_renaming(&changed)?;
        let mut closing = Vec::new();
        for range in &self.ranges {
            for (orbit, call) in range.taken() {
                match changed.range_mut(orbit) {
                    Some(other) if other.name() != range.name() && !range.is_forgotten() => {
                        return Err(Unchangeable::Taken {
                            orbit: orbit.to_string(),
                            from: range.name().to_owned(),
                            to: other.name().to_owned(),
                        });
                    }
                    Some(same) if same.occupant(orbit) == Some(call) => {}
                    Some(same) => assert!(same.take(orbit, call), "each orbit is taken once"),
                    None => closing.push(range.closing(orbit, call)),
                }
            }
        }
        changed.ranges.extend(closing);
        changed.ranges.sort_unstable_by_key(Range::first);
        Ok(changed)
    }

    /// The orbit of a removed range that holds a call, and the range's policy, where that is none
    /// of these: nobody could retrieve the call.
    pub(crate) fn closing_without(&self, policies: &[&str]) -> Option<(Orbit, &str)> {
        let mut closing = self.ranges.iter().filter(|range| range.is_closing());
        closing.find_map(|range| {
            let policy = range.policy().filter(|policy| !policies.contains(policy))?;
            Some((range.first(), policy))
        })
    }

    fn refuse_renaming(&self, changed: &Self) -> Result<(), Unchangeable> {
        fn names(table: &OrbitTable) -> BTreeSet<&str> {
            let open = table.ranges.iter().filter(|range| !range.is_closing());
            open.map(Range::name).collect()
        }
        let (before, after) = (names(self), names(changed));
        let gone = |range: &&Range| !range.is_closing() && !after.contains(range.name());
        for from in self.ranges.iter().filter(gone) {
            let new = |range: &&Range| !before.contains(range.name());
            let mut new = changed.ranges.iter().filter(new);
            if let Some(to) = new.find(|to| overlap(from.range(), to.range())) {
                return Err(Unchangeable::Renamed {
                    from: from.name().to_owned(),
                    to: to.name().to_owned(),
                });
            }
        }
        Ok(())
    }
}

fn overlap(one: &OrbitRange, other: &OrbitRange) -> bool {
    let orbit = |number| Orbit {
        prefix: one.prefix,
        number,
    };
    one.prefix == other.prefix
        && orbit(one.start) <= orbit(other.end)
        && orbit(other.start) <= orbit(one.end)
}
