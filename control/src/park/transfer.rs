//! INVITEs that take the place of one of our dialogs (RFC 3891): an attended transfer of a parked
//! or retrieved call.

use shared::Time;

use super::{Dialled, Errand, ParkToken, Parked, Parking};
use crate::call::arrival::{Arrival, callable};
use crate::call::end::Farewell;
use crate::call::open::NewLeg;
use crate::call::{Adopted, CallKey, Exchange, Purpose, Refusal, State, Wish};
use crate::happening::Dialect;
use crate::lamp::End;
use crate::sip::agent::{DialogKey, DialogName};
use crate::sip::header::Replaces;

impl Exchange {
    /// The parked call that a Replaces wants to speak with. A watcher of an orbit learns our dialog
    /// with the parkee, and names it to the parkee (RFC 5359 §2.15): to-tag is the parkee's, and
    /// we, who are the other end of it, join them. Where to-tag is ours, the parkee's own place is
    /// to be taken: [`Exchange::replaced`].
    pub(super) fn retrieved_by(&self, replaces: &Replaces<'_>) -> Result<Option<CallKey>, Refusal> {
        let name = DialogName {
            call_id: replaces.call_id,
            local_tag: replaces.from_tag,
            remote_tag: replaces.to_tag,
        };
        let Some(dialog) = self.agent.find(&name) else {
            return Ok(None);
        };
        let (key, state) = self.call_of(dialog).ok_or(Refusal::DialogEnded)?;
        if replaces.early_only {
            return Err(Refusal::NotEarly);
        }
        match state {
            State::Parked(_) | State::Adopting(Adopted::Parked(_)) => Ok(Some(key)),
            State::Recalling(_, recall) if recall != dialog => Ok(Some(key)),
            State::Retrieving(..) => Err(Refusal::BeingRetrieved),
            State::Bridged(_) | State::Adopting(Adopted::Bridged(_)) => Err(Refusal::DialogEnded),
            State::Recalling(..)
            | State::Parking(_)
            | State::Fetching(_)
            | State::Asking(_)
            | State::Joining { .. } => Err(Refusal::NoSuchDialog),
        }
    }

    /// The leg that a Replaces names.
    pub(super) fn replaced(&self, replaces: &Replaces<'_>) -> Result<DialogKey, Refusal> {
        let name = DialogName {
            call_id: replaces.call_id,
            local_tag: replaces.to_tag,
            remote_tag: replaces.from_tag,
        };
        let dialog = self.agent.find(&name).ok_or(Refusal::NoSuchDialog)?;
        let leg = self.legs.get(&dialog).ok_or(Refusal::DialogEnded)?;
        // RFC 3891 §3: an early dialog that we did not begin is not replaced; nor is a recall, as
        // the orbit can be dialled.
        if leg.is_early() {
            return Err(Refusal::NoSuchDialog);
        }
        if replaces.early_only {
            return Err(Refusal::NotEarly);
        }
        Ok(dialog)
    }

    /// Puts a new leg in the place of `replaced`.
    pub(super) fn replace(
        &mut self,
        now: Time,
        dialog: DialogKey,
        mut arrival: Box<Arrival>,
        replaced: DialogKey,
    ) -> Result<(), Refusal> {
        let (key, _) = self.call_of(replaced).ok_or(Refusal::DialogEnded)?;
        self.adopt_now(now, key);
        let state = self.state(key).ok_or(Refusal::DialogEnded)?;
        if let Some(parker) = self.parker_of_replaced(key, replaced) {
            arrival.parker = Some(parker);
        }
        match state {
            State::Parked(parked) | State::Recalling(parked, _) => match arrival.dialled {
                Dialled::Orbit(orbit) | Dialled::ParkAt(orbit) if orbit != parked.orbit => {
                    self.permit(&arrival, Errand::ParkAt(orbit))?;
                    self.park_at(now, dialog, arrival, orbit, Some(key))
                }
                Dialled::Orbit(_) | Dialled::ParkAt(_) | Dialled::Park => {
                    self.permit(&arrival, Errand::ParkAt(parked.orbit))?;
                    self.take_over(now, dialog, arrival, parked, key)
                }
                Dialled::Retrieve(_) | Dialled::RetrieveWhat | Dialled::Unknown => {
                    Err(Refusal::UnknownUser)
                }
            },
            // Whom somebody talks to once it is retrieved is no matter of parking.
            State::Bridged(_) => self.join(now, dialog, arrival, key, replaced),
            State::Retrieving(..) => Err(Refusal::BeingRetrieved),
            State::Adopting(_) => Err(Refusal::BeingAdopted),
            State::Parking(_) | State::Fetching(_) | State::Asking(_) | State::Joining { .. } => {
                Err(Refusal::NoSuchDialog)
            }
        }
    }

    /// Who has parked a call that takes the place of another: who has parked the other; where that
    /// called by itself, it was the parker, who now leaves its place to the parkee.
    fn parker_of_replaced(&self, key: CallKey, replaced: DialogKey) -> Option<Box<str>> {
        let of_call = self.calls[&key].parker.clone();
        of_call.or_else(|| callable(self.agent.remote(replaced)?))
    }

    /// Parks a call in the orbit of another, once it can be answered.
    fn take_over(
        &mut self,
        now: Time,
        dialog: DialogKey,
        arrival: Box<Arrival>,
        parked: Parked,
        replaces: CallKey,
    ) -> Result<(), Refusal> {
        let key = self.new_call_key();
        let leg = NewLeg::alone(dialog, key, parked.orbit, Wish::PARKED);
        let dialect = Dialect::of(&arrival);
        self.open_leg(&leg, arrival)?;
        let parking = Parking {
            orbit: None,
            replaces: Some(replaces),
            dialect,
        };
        self.add_call(now, key, dialog, State::Parking(parking));
        Ok(())
    }

    /// Brings a leg into a bridge, once it can be answered.
    fn join(
        &mut self,
        now: Time,
        dialog: DialogKey,
        arrival: Box<Arrival>,
        call: CallKey,
        replaced: DialogKey,
    ) -> Result<(), Refusal> {
        let key = self.new_call_key();
        let place = &self.legs[&replaced];
        let leg = NewLeg {
            dialog,
            call: key,
            orbit: place.orbit,
            wish: Wish::talk(None),
            purpose: Purpose::Join(place.stream.worker),
        };
        self.open_leg(&leg, arrival)?;
        self.add_call(now, key, dialog, State::Joining { call, replaced });
        Ok(())
    }

    /// Whether a call that shall be replaced is parked still: it may have been retrieved or have
    /// ended meanwhile. Its token, with which who takes its place goes on.
    pub(super) fn still_parked(&self, key: CallKey) -> Result<ParkToken, Refusal> {
        match self.state(key) {
            Some(State::Parked(parked) | State::Recalling(parked, _)) => Ok(parked.token),
            Some(State::Retrieving(..)) => Err(Refusal::BeingRetrieved),
            _ => Err(Refusal::DialogEnded),
        }
    }

    /// Ends the call whose place another has taken; its orbit is free unless the other has that as
    /// well.
    pub(super) fn end_replaced(&mut self, now: Time, key: CallKey, by: Parking) {
        let Some(call) = self.remove_call(key, End::Replaced) else {
            return;
        };
        if let (Some(_), Some(orbit)) = (by.orbit, call.orbit()) {
            self.orbits.free(orbit);
        }
        for dialog in call.legs() {
            self.end_leg(now, dialog, Farewell::Replaced);
        }
    }
}
