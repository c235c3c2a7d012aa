//! What an operator does with a call: ends it, puts it into another orbit, parks it again.
//!
//! An operator is no party: policies, which say what parties may do, are not asked. Absent on
//! purpose: who is an operator (`driver::http`).

use shared::Time;

use super::{Orbit, ParkToken, Parked};
use crate::ask::AskError;
use crate::call::arrival::callable;
use crate::call::end::Farewell;
use crate::call::{Bridge, CallKey, Exchange, Phase, State, Wish};
use crate::happening::{CallNumber, Dialect};

impl Exchange {
    /// Ends the call in an orbit, whatever it is at.
    pub(crate) fn hang_up_in(
        &mut self,
        now: Time,
        orbit: &str,
        call: Option<CallNumber>,
    ) -> Result<(), AskError> {
        let (_, key) = self.call_in(orbit, call)?;
        self.end_call(now, key, Farewell::Operator);
        Ok(())
    }

    /// Puts a parked call into another orbit. It has as much time left as before; from then on
    /// what its new range says holds.
    pub(crate) fn move_call(
        &mut self,
        now: Time,
        orbit: &str,
        call: Option<CallNumber>,
        to: &str,
    ) -> Result<Orbit, AskError> {
        let (from, key) = self.call_in(orbit, call)?;
        let parked = self.parked_still(orbit, key)?;
        let to = self.orbit_to_be(to)?;
        if !self.orbits.take(to, key) {
            return Err(AskError::OrbitTaken(self.orbits.number(to)));
        }
        self.orbits.free(from);
        let dialog = self.calls[&key].first;
        let leg = self.legs.get_mut(&dialog).expect("a call has legs");
        leg.orbit = to;
        // Its phone is offered the same again, and so learns where it is now.
        leg.settled = None;
        self.set_state(
            key,
            State::Parked(Parked {
                orbit: to,
                ..parked
            }),
        );
        self.tell_orbit(now, key);
        self.apply(key);
        self.wish(now, dialog, Wish::PARKED);
        let (orbit, call_id) = self.log_fields(dialog);
        tracing::info!(call_id, orbit, from = %from, dialog = dialog.0, "moved");
        Ok(to)
    }

    /// Parks the first leg of two that talk, in an orbit or in any; the other one's call is over.
    pub(crate) fn park_call(
        &mut self,
        now: Time,
        call: CallNumber,
        orbit: Option<&str>,
    ) -> Result<Orbit, AskError> {
        if self.phase != Phase::Serving {
            return Err(AskError::Stopping);
        }
        let key = CallKey(call.0);
        let second = match self.state(key) {
            Some(State::Bridged(Bridge { second, .. })) => second,
            Some(_) => return Err(AskError::NoConversation(call)),
            None => return Err(AskError::NoSuchCall(call)),
        };
        let named = orbit.map(|orbit| self.orbit_to_be(orbit)).transpose()?;
        let anew = self.new_call_key();
        let orbit = match named {
            Some(orbit) if self.orbits.take(orbit, anew) => orbit,
            Some(orbit) => return Err(AskError::OrbitTaken(self.orbits.number(orbit))),
            None => { self.orbits.take_any(&mut self.random, anew, None) }
                .ok_or(AskError::NoFreeOrbit)?,
        };
        let parkee = self.calls[&key].first;
        let parker = self.agent.remote(second).and_then(callable);
        self.part(now, key, anew, parkee, (orbit, parker));
        let token = ParkToken::new(&mut self.random);
        self.legs.get_mut(&parkee).expect("a call has legs").orbit = orbit;
        self.begin_waiting(now, anew, orbit, token, Dialect::Operator);
        self.end_leg(now, second, Farewell::Parked);
        self.wish(now, parkee, Wish::PARKED);
        Ok(orbit)
    }

    /// The call in an orbit, and no other one than was meant.
    pub(crate) fn call_in(
        &self,
        number: &str,
        meant: Option<CallNumber>,
    ) -> Result<(Orbit, CallKey), AskError> {
        let orbit = self.orbits.find(number);
        let orbit = orbit.ok_or_else(|| AskError::NoSuchOrbit(number.to_owned()))?;
        let key = self.orbits.occupant(orbit);
        let key = key.ok_or_else(|| AskError::EmptyOrbit(number.to_owned()))?;
        match meant {
            Some(meant) if meant.0 != key.0 => Err(AskError::OtherCall(number.to_owned())),
            _ => Ok((orbit, key)),
        }
    }

    /// What is parked and nothing else: neither being connected nor being called back.
    pub(super) fn parked_still(&self, number: &str, key: CallKey) -> Result<Parked, AskError> {
        match self.state(key) {
            Some(State::Parked(parked)) => Ok(parked),
            _ => Err(AskError::NotAtRest(number.to_owned())),
        }
    }

    /// An orbit that a call shall be in.
    fn orbit_to_be(&self, number: &str) -> Result<Orbit, AskError> {
        let orbit = self.orbits.find(number);
        orbit.ok_or_else(|| AskError::NoOrbitToBe(number.to_owned()))
    }
}
