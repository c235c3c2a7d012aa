//! How often what happened since the start: the figures of reports and metrics.

use std::collections::BTreeMap;

use super::{Dialect, End, Fact, Happening, RecallEnd, Way, Whom, Why};

/// Counts since the start, by kind.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Calls parked.
    pub parked: BTreeMap<Dialect, u64>,
    /// Calls that were to be parked and are not.
    pub parks_failed: BTreeMap<Why, u64>,
    /// Calls retrieved.
    pub retrieved: BTreeMap<Way, u64>,
    /// Retrievals that came to nothing.
    pub retrieves_failed: BTreeMap<Why, u64>,
    /// How often the parker or the fallback was called.
    pub recalls: BTreeMap<Whom, u64>,
    /// How that ended; all statuses are one.
    pub recalls_ended: BTreeMap<(Whom, &'static str), u64>,
    /// Alarms: everybody was called and nobody came.
    pub forsaken: u64,
    /// Calls parked again, as who had retrieved them was never there.
    pub parked_again: u64,
    /// Calls that an operator has put into another orbit.
    pub moved: u64,
    /// Calls of an earlier process that were taken up.
    pub adopted: u64,
    /// Those that could not be.
    pub not_adopted: u64,
    /// Calls that ended.
    pub ended: BTreeMap<End, u64>,
}

impl Tally {
    /// Takes in the next happening.
    pub fn fold(&mut self, happening: &Happening) {
        match &happening.fact {
            Fact::Parked { dialect, .. } => count(&mut self.parked, *dialect),
            Fact::ParkRefused { why, .. } => count(&mut self.parks_failed, *why),
            Fact::Retrieved { way, .. } => count(&mut self.retrieved, *way),
            Fact::RetrieveRefused { why, .. } | Fact::RetrieveFailed { why, .. } => {
                count(&mut self.retrieves_failed, *why);
            }
            Fact::RecallBegun { whom, .. } => count(&mut self.recalls, *whom),
            Fact::RecallEnded { whom, how, .. } => self.recall_ended(*whom, *how),
            Fact::Forsaken { .. } => self.forsaken += 1,
            Fact::ParkedAgain { .. } => self.parked_again += 1,
            Fact::Moved { .. } => self.moved += 1,
            Fact::Adopted { .. } => self.adopted += 1,
            Fact::NotAdopted => self.not_adopted += 1,
            Fact::Ended { how, .. } => count(&mut self.ended, *how),
            Fact::Claimed { .. }
            | Fact::Released
            | Fact::Anchored { .. }
            | Fact::DrainBegun
            | Fact::Configured
            | Fact::MediaEnded { .. } => {}
        }
    }

    fn recall_ended(&mut self, whom: Whom, how: RecallEnd) {
        count(&mut self.recalls_ended, (whom, how.name()));
    }
}

fn count<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K) {
    *counts.entry(key).or_default() += 1;
}
