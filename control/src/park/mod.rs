//! Orbits and who is parked under them: parking, retrieving, expiry, and transfers into orbits.
//!
//! Absent on purpose: what a stream is told, offers and answers (`call`).

use shared::Time;

use crate::call::arrival::{Arrival, Dialled, Referred, replaces};
use crate::call::{CallKey, Exchange, Phase, Refusal};
use crate::sip::agent::{DialogKey, session_description};
use crate::sip::message::Message;

mod expire;
mod orbit;
mod parking;
mod recall;
mod retrieve;
mod transfer;

pub(crate) use orbit::{Orbit, OrbitTable};

/// A call on its way into an orbit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parking {
    /// The orbit it has taken already; `None` when it takes over the one of `replaces`.
    pub(crate) orbit: Option<Orbit>,
    /// The parked call whose place it takes.
    pub(crate) replaces: Option<CallKey>,
}

/// A call in an orbit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parked {
    pub(crate) orbit: Orbit,
    pub(crate) since: Time,
    /// When somebody is called unless it is retrieved, or it ends. A retrieval that fails leaves it
    /// as it is.
    pub(crate) deadline: Time,
    /// How often somebody was called.
    pub(crate) recalls: u8,
}

impl Exchange {
    /// Takes a new INVITE.
    pub(crate) fn invited(&mut self, now: Time, dialog: DialogKey, request: &Message<'_>) {
        if let Err(refusal) = self.admit(now, dialog, request) {
            self.refuse(now, dialog, refusal);
        }
    }

    fn admit(
        &mut self,
        now: Time,
        dialog: DialogKey,
        request: &Message<'_>,
    ) -> Result<(), Refusal> {
        if self.phase != Phase::Serving {
            return Err(Refusal::Stopping);
        }
        let mut arrival = Box::new(self.read_arrival(request)?);
        if let Some(replaces) = replaces(request)? {
            let target = self.replaced(&replaces)?;
            arrival.offer = self.read_offer(session_description(request))?;
            return self.replace(now, dialog, arrival, target);
        }
        let errand = self.errand(&arrival)?;
        arrival.offer = self.read_offer(session_description(request))?;
        match errand {
            Errand::ParkAnywhere => self.park_anywhere(now, dialog, arrival),
            Errand::ParkAt(orbit) => self.park_at(now, dialog, arrival, orbit, None),
            Errand::Retrieve(call) => self.retrieve(now, dialog, arrival, call),
        }
    }

    /// What an INVITE without Replaces comes for. A transferred call is never joined to a parked
    /// one: who transfers a caller to an orbit wants it parked, and who wants to retrieve dials.
    fn errand(&self, arrival: &Arrival) -> Result<Errand, Refusal> {
        let orbit = match arrival.dialled {
            Dialled::Park if self.orbits.free_count() == 0 => return Err(Refusal::NoOrbit),
            Dialled::Park => return Ok(Errand::ParkAnywhere),
            Dialled::Orbit(orbit) => orbit,
            Dialled::Unknown => return Err(Refusal::UnknownUser),
        };
        match (self.orbits.occupant(orbit), arrival.referred) {
            (Some(call), Referred::No) => Ok(Errand::Retrieve(call)),
            (Some(_), Referred::Yes) => Err(Refusal::OrbitTaken),
            (None, Referred::Yes) => Ok(Errand::ParkAt(orbit)),
            (None, Referred::No) => Err(Refusal::EmptyOrbit),
        }
    }
}

/// What an INVITE comes for.
#[derive(Clone, Copy, Debug)]
enum Errand {
    ParkAnywhere,
    ParkAt(Orbit),
    Retrieve(CallKey),
}
