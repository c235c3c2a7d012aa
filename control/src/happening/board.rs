//! The orbits as whoever follows the happenings sees them: who waits where, and what is being done
//! about it.
//!
//! Absent on purpose: the orbits themselves (`park::orbit`). This is their shadow.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::Time;

use super::{AdoptedState, CallNumber, Fact, Happening};

/// The calls that wait.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Board {
    waiting: BTreeMap<CallNumber, Waiting>,
}

/// A call that waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// As dialled.
    pub orbit: Box<str>,
    /// The Call-ID of the parkee's leg.
    pub call_id: Arc<str>,
    /// Since when.
    pub since: Time,
    /// Whether somebody is being connected.
    pub retrieving: bool,
    /// Whether somebody is being called.
    pub recalling: bool,
}

impl Board {
    /// Takes in the next happening.
    pub fn fold(&mut self, happening: &Happening) {
        let Some(call) = happening.call else { return };
        match &happening.fact {
            Fact::Parked { .. } => self.enter(call, happening, happening.at),
            Fact::ParkedAgain { since, .. } => self.enter(call, happening, *since),
            Fact::Adopted {
                state: AdoptedState::Parked { since, .. },
                ..
            } => self.enter(call, happening, *since),
            Fact::Retrieved { .. } | Fact::Ended { .. } => {
                self.waiting.remove(&call);
            }
            Fact::Claimed { .. } => self.change(call, |waiting| waiting.retrieving = true),
            Fact::RetrieveFailed { .. } => self.change(call, |waiting| waiting.retrieving = false),
            Fact::RecallBegun { .. } => self.change(call, |waiting| waiting.recalling = true),
            Fact::RecallEnded { .. } => self.change(call, |waiting| waiting.recalling = false),
            Fact::Moved { .. } => {
                let orbit = happening.orbit.clone().unwrap_or_default();
                self.change(call, |waiting| waiting.orbit = orbit);
            }
            Fact::Adopted { .. }
            | Fact::NotAdopted
            | Fact::Released
            | Fact::Anchored { .. }
            | Fact::DrainBegun
            | Fact::Configured
            | Fact::Forsaken { .. }
            | Fact::ParkRefused { .. }
            | Fact::RetrieveRefused { .. }
            | Fact::MediaEnded { .. } => {}
        }
    }

    /// The calls that wait, with their numbers.
    pub fn waiting(&self) -> impl Iterator<Item = (CallNumber, &Waiting)> {
        self.waiting.iter().map(|(call, waiting)| (*call, waiting))
    }

    fn enter(&mut self, call: CallNumber, happening: &Happening, since: Time) {
        let waiting = Waiting {
            orbit: happening.orbit.clone().unwrap_or_default(),
            call_id: Arc::clone(&happening.call_id),
            since,
            retrieving: false,
            recalling: false,
        };
        self.waiting.insert(call, waiting);
    }

    fn change(&mut self, call: CallNumber, change: impl FnOnce(&mut Waiting)) {
        if let Some(waiting) = self.waiting.get_mut(&call) {
            change(waiting);
        }
    }
}
