//! Orbits and who is parked under them: parking, retrieving, expiry, and transfers into orbits.
//!
//! Absent on purpose: what a stream is told, offers and answers (`call`).

use std::net::IpAddr;

use shared::Time;

use crate::call::arrival::{Arrival, Referred, replaces};
use crate::call::{CallKey, Exchange, Phase, Refusal};
use crate::config::Empty;
use crate::happening::Dialect;
use crate::sip::agent::{DialogKey, session_description};
use crate::sip::message::Message;

mod attempts;
mod configure;
mod deliver;
mod dial;
mod dialect;
mod expire;
mod fetch;
mod info;
mod limits;
mod lync;
pub mod ms_call_park;
mod operate;
mod orbit;
mod parking;
mod permit;
mod pin;
mod recall;
mod refer;
mod retrieve;
mod settings;
mod token;
mod transfer;

pub(crate) use attempts::Attempts;
pub(crate) use dial::Dialled;
pub(crate) use fetch::Fetch;
pub(crate) use lync::ControlDialogs;
pub(crate) use orbit::{Orbit, OrbitTable};
pub(crate) use permit::Parker;
pub(crate) use pin::Entry;
pub(crate) use settings::{NumbersMusic, Settings, music_of_numbers};
pub(crate) use token::ParkToken;

/// A call on its way into an orbit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parking {
    /// The orbit it has taken already; `None` when it takes over the one of `replaces`.
    pub(crate) orbit: Option<Orbit>,
    /// The parked call whose place it takes.
    pub(crate) replaces: Option<CallKey>,
    /// How that was asked for.
    pub(crate) dialect: Dialect,
}

/// A call in an orbit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parked {
    pub(crate) orbit: Orbit,
    /// Names the call wherever it waits, and no later one in its orbit.
    pub(crate) token: ParkToken,
    pub(crate) since: Time,
    /// When somebody is called unless it is retrieved, or it ends. A retrieval that fails leaves it
    /// as it is.
    pub(crate) deadline: Time,
    /// How often somebody was called.
    pub(crate) recalls: u8,
}

impl Exchange {
    /// Takes a new INVITE.
    pub(crate) fn invited(
        &mut self,
        now: Time,
        dialog: DialogKey,
        request: &Message<'_>,
        source: IpAddr,
    ) {
        let admitted = match lync::is_park_request(request) {
            true => self.park_requested(now, dialog, request, source),
            false => self.admit(now, dialog, request, source),
        };
        if let Err(refusal) = admitted {
            self.tell_invite_refused(request, refusal);
            self.refuse(now, dialog, refusal);
        }
    }

    fn admit(
        &mut self,
        now: Time,
        dialog: DialogKey,
        request: &Message<'_>,
        source: IpAddr,
    ) -> Result<(), Refusal> {
        if self.is_stopping() {
            return Err(Refusal::Stopping);
        }
        let mut arrival = Box::new(self.read_arrival(request, source)?);
        let errand = if let Some(replaces) = replaces(request)? {
            let Some(parked) = self.retrieved_by(&replaces)? else {
                let target = self.replaced(&replaces)?;
                arrival.offer = self.read_offer(session_description(request))?;
                return self.replace(now, dialog, arrival, target);
            };
            Errand::Retrieve(parked)
        } else {
            self.errand(&arrival)?
        };
        if matches!(errand, Errand::ParkAnywhere | Errand::ParkAt(_)) {
            self.take_on()?;
        }
        let pin = self.permit(&arrival, errand)?;
        arrival.offer = self.read_offer(session_description(request))?;
        match (errand, pin) {
            (Errand::ParkAnywhere, _) => self.park_anywhere(now, dialog, arrival),
            (Errand::ParkAt(orbit), _) => self.park_at(now, dialog, arrival, orbit, None),
            (Errand::Retrieve(call), None) => self.retrieve(now, dialog, arrival, call),
            (Errand::Retrieve(call), Some(pin)) => self.ask_pin(now, dialog, arrival, call, pin),
        }
    }

    /// Refuses to park another call where none is taken any more.
    fn take_on(&self) -> Result<(), Refusal> {
        match self.phase {
            Phase::Serving => Ok(()),
            Phase::Draining => Err(Refusal::Draining),
            Phase::Stopping(_) | Phase::Stopped => Err(Refusal::Stopping),
        }
    }

    /// What an INVITE without Replaces comes for. A transferred call is never joined to a parked
    /// one: who transfers a caller to an orbit wants it parked, and who wants to retrieve dials.
    fn errand(&self, arrival: &Arrival) -> Result<Errand, Refusal> {
        if let Some(token) = arrival.token {
            let orbit = arrival.dialled.orbit().ok_or(Refusal::NoOrbitDialled)?;
            let call = self.named_by(token, orbit).ok_or(Refusal::OtherCall)?;
            return Ok(Errand::Retrieve(call));
        }
        match arrival.dialled {
            Dialled::Park if self.orbits.free_count() == 0 => Err(Refusal::NoOrbit),
            Dialled::Park => Ok(Errand::ParkAnywhere),
            Dialled::ParkAt(orbit) => self.park_errand(orbit),
            Dialled::Orbit(orbit) if arrival.referred == Referred::Yes => self.park_errand(orbit),
            Dialled::Orbit(orbit) if self.parks_who_dials(orbit) => Ok(Errand::ParkAt(orbit)),
            Dialled::Orbit(orbit) | Dialled::Retrieve(orbit) => self.retrieve_errand(orbit),
            Dialled::RetrieveWhat => Err(Refusal::NoOrbitDialled),
            Dialled::Unknown => Err(Refusal::UnknownUser),
        }
    }

    fn parks_who_dials(&self, orbit: Orbit) -> bool {
        self.orbits.occupant(orbit).is_none() && self.orbits.empty(orbit) == Empty::Park
    }

    fn park_errand(&self, orbit: Orbit) -> Result<Errand, Refusal> {
        match self.orbits.occupant(orbit) {
            Some(_) => Err(Refusal::OrbitTaken),
            None => Ok(Errand::ParkAt(orbit)),
        }
    }

    fn retrieve_errand(&self, orbit: Orbit) -> Result<Errand, Refusal> {
        let call = self.orbits.occupant(orbit).ok_or(Refusal::EmptyOrbit)?;
        Ok(Errand::Retrieve(call))
    }
}

/// What an INVITE comes for.
#[derive(Clone, Copy, Debug)]
enum Errand {
    ParkAnywhere,
    ParkAt(Orbit),
    Retrieve(CallKey),
}
