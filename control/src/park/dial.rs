//! What a number means that somebody dials: the park address, an orbit, a feature code with or
//! without an orbit behind it.
//!
//! Absent on purpose: what follows from it, which depends on who is parked there.

use super::Orbit;
use crate::call::Exchange;

/// What the user part of a Request-URI names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dialled {
    /// The park address, or the park code alone.
    Park,
    /// The park code and an orbit.
    ParkAt(Orbit),
    /// One orbit.
    Orbit(Orbit),
    /// The retrieve code and an orbit.
    Retrieve(Orbit),
    /// The retrieve code without an orbit, or with one that is none.
    RetrieveWhat,
    /// Nothing of ours. A leg is replaced by whatever URI, as it is named by its dialog.
    Unknown,
}

impl Dialled {
    /// The orbit that was dialled, if one was.
    pub(crate) const fn orbit(self) -> Option<Orbit> {
        match self {
            Self::ParkAt(orbit) | Self::Orbit(orbit) | Self::Retrieve(orbit) => Some(orbit),
            Self::Park | Self::RetrieveWhat | Self::Unknown => None,
        }
    }
}

impl Exchange {
    /// What a user part names, escapes already resolved.
    pub(crate) fn dialled(&self, user: &str) -> Dialled {
        if user == self.rules.park.user {
            return Dialled::Park;
        }
        if let Some(orbit) = self.orbits.find(user) {
            return Dialled::Orbit(orbit);
        }
        let codes = &self.rules.codes;
        let behind = |code: &Option<String>| user.strip_prefix(code.as_deref()?);
        if let Some(number) = behind(&codes.park) {
            return match self.orbits.find(number) {
                Some(orbit) => Dialled::ParkAt(orbit),
                None if number.is_empty() => Dialled::Park,
                None => Dialled::Unknown,
            };
        }
        match behind(&codes.retrieve) {
            Some(number) => self
                .orbits
                .find(number)
                .map_or(Dialled::RetrieveWhat, Dialled::Retrieve),
            None => Dialled::Unknown,
        }
    }
}
