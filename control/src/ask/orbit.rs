//! Orbits as they are shown: which are taken, by whom, and what happens next.

use shared::Time;

use crate::call::{Adopted, Call, CallKey, Exchange, State};
use crate::happening::CallNumber;
use crate::park::{Orbit, Parked};

use super::AskError;
use super::limits::ORBITS_PER_PAGE_MAX;

/// Which taken orbits.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OrbitsAsk {
    /// Only those of the range of this name, whatever its case.
    pub range: Option<String>,
    /// Only those behind this one, in the order of the answer: by prefix, then number. It need not
    /// be taken any more.
    pub after: Option<String>,
    /// At most so many; [`ORBITS_PER_PAGE_MAX`] where it says more.
    pub limit: usize,
}

/// Some of the taken orbits.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OrbitPage {
    /// By prefix, then number.
    pub orbits: Vec<OrbitView>,
    /// Whether others follow behind the last of these.
    pub has_more: bool,
}

/// One orbit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrbitView {
    /// As dialled.
    pub orbit: String,
    /// The name of its range.
    pub range: String,
    /// What it is at.
    pub state: OrbitState,
    /// The call there; none where it is free.
    pub call: Option<WaitingCall>,
}

/// What an orbit is at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrbitState {
    /// Nobody waits there.
    Free,
    /// It is given out, and its call is being connected.
    Parking,
    /// A call waits.
    Parked,
    /// A call waits, and somebody is being connected to it.
    Retrieving,
    /// A call waits, and its parker, the fallback, or a phone that an operator has chosen is being
    /// called.
    Recalling,
    /// A call of an earlier process, whose phone has not yet agreed to our new address.
    Adopting,
}

/// A call in an orbit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WaitingCall {
    /// Its name until it is over.
    pub call: CallNumber,
    /// The Call-ID of the parkee's dialog.
    pub call_id: String,
    /// Who waits.
    pub parkee: PartyView,
    /// The URI of who has parked it; none where nobody did but the parkee itself.
    pub parker: Option<String>,
    /// Since when it waits; none while it is being connected.
    pub since: Option<Time>,
    /// When somebody is called unless it is retrieved, or it ends; none while it is being
    /// connected.
    pub deadline: Option<Time>,
    /// How often somebody was called.
    pub recalls: u8,
    /// How often its parker is called before the fallback is.
    pub recalls_max: u8,
    /// The name of the music it hears; none where it hears silence.
    pub music: Option<String>,
}

/// A party, as others may know it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartyView {
    /// Its display name.
    pub display: Option<String>,
    /// Its URI; an anonymous one for who does not want to be known (RFC 3323 §4.1).
    pub uri: String,
}

impl Exchange {
    /// A page of the taken orbits.
    pub(super) fn orbit_page(&self, ask: &OrbitsAsk) -> Result<OrbitPage, AskError> {
        let range = ask.range.as_deref();
        if let Some(name) = range.filter(|name| !self.orbits.has_range(name)) {
            return Err(AskError::NoSuchRange(name.to_owned()));
        }
        let after = match ask.after.as_deref() {
            None => None,
            Some(text) => {
                let orbit = Orbit::parse(text);
                Some(orbit.ok_or_else(|| AskError::NotAnOrbit(text.to_owned()))?)
            }
        };
        let limit = ask.limit.min(ORBITS_PER_PAGE_MAX);
        let mut taken = self.orbits.taken_behind(range, after);
        let orbits: Vec<OrbitView> = taken
            .by_ref()
            .take(limit)
            .map(|(orbit, key)| self.orbit_view(orbit, Some(key)))
            .collect();
        Ok(OrbitPage {
            has_more: taken.next().is_some(),
            orbits,
        })
    }

    /// One orbit, taken or free.
    pub(super) fn orbit_named(&self, number: &str) -> Result<OrbitView, AskError> {
        let orbit = self.orbits.find(number);
        let orbit = orbit.ok_or_else(|| AskError::NoSuchOrbit(number.to_owned()))?;
        Ok(self.orbit_view(orbit, self.orbits.occupant(orbit)))
    }

    pub(super) fn orbit_view(&self, orbit: Orbit, occupant: Option<CallKey>) -> OrbitView {
        let call = occupant.map(|key| (key, &*self.calls[&key]));
        OrbitView {
            orbit: self.orbits.number(orbit),
            range: self.orbits.range_name(orbit).unwrap_or("").to_owned(),
            state: call.map_or(OrbitState::Free, |(_, call)| self.orbit_state(call)),
            call: call.map(|(key, call)| self.waiting_call(orbit, key, call)),
        }
    }

    fn orbit_state(&self, call: &Call) -> OrbitState {
        match call.state {
            State::Parked(_) if self.legs[&call.first].session.agreed().is_none() => {
                OrbitState::Adopting
            }
            State::Parked(_) => OrbitState::Parked,
            State::Retrieving(..) => OrbitState::Retrieving,
            State::Recalling(..) => OrbitState::Recalling,
            State::Adopting(_) => OrbitState::Adopting,
            State::Parking(_)
            | State::Fetching(_)
            | State::Asking(_)
            | State::Bridged(_)
            | State::Joining { .. } => OrbitState::Parking,
        }
    }

    fn waiting_call(&self, orbit: Orbit, key: CallKey, call: &Call) -> WaitingCall {
        let leg = &self.legs[&call.first];
        let (display, uri) = leg.identity.to_be_shown();
        let parked = parked(call);
        let settings = self.settings(orbit);
        WaitingCall {
            call: CallNumber(key.0),
            call_id: leg.call_id.to_string(),
            parkee: PartyView {
                display,
                uri: uri.to_owned(),
            },
            parker: call.parker.as_deref().map(str::to_owned),
            since: parked.map(|parked| parked.since),
            deadline: parked.map(|parked| parked.deadline),
            recalls: parked.map_or(0, |parked| parked.recalls),
            recalls_max: settings.max_pickup_attempts,
            music: self.music_name(leg),
        }
    }
}

fn parked(call: &Call) -> Option<Parked> {
    match call.state {
        State::Parked(parked)
        | State::Retrieving(parked, _)
        | State::Recalling(parked, _)
        | State::Adopting(Adopted::Parked(parked)) => Some(parked),
        State::Parking(_)
        | State::Fetching(_)
        | State::Asking(_)
        | State::Bridged(_)
        | State::Joining { .. }
        | State::Adopting(Adopted::Bridged(_)) => None,
    }
}
