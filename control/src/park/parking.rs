//! Parking a call: an orbit is taken and a stream opened, then the call is answered with music.

use shared::Time;

use super::{Orbit, ParkToken, Parked, Parking};
use crate::call::arrival::{Arrival, Referred};
use crate::call::end::Farewell;
use crate::call::open::NewLeg;
use crate::call::{CallKey, Exchange, Leg, Refusal, State, Turn, Wish};
use crate::config::Word;
use crate::happening::Dialect;
use crate::lamp::End;
use crate::sip::agent::DialogKey;
use crate::sip::header::Header;

impl Exchange {
    /// Parks a call in an orbit chosen at random. There is a free one.
    pub(super) fn park_anywhere(
        &mut self,
        now: Time,
        dialog: DialogKey,
        arrival: Box<Arrival>,
    ) -> Result<(), Refusal> {
        let key = self.new_call_key();
        let parker = self.parker(&arrival, None)?;
        let orbit = self
            .orbits
            .take_any(&mut self.random, key, Some(&parker))
            .ok_or(Refusal::NoOrbit)?;
        self.begin_parking(now, key, dialog, arrival, orbit, None)
    }

    /// Parks a call in a free orbit that was named, in place of another parked call if one is
    /// given.
    pub(super) fn park_at(
        &mut self,
        now: Time,
        dialog: DialogKey,
        arrival: Box<Arrival>,
        orbit: Orbit,
        replaces: Option<CallKey>,
    ) -> Result<(), Refusal> {
        let key = self.new_call_key();
        if !self.orbits.take(orbit, key) {
            return Err(Refusal::OrbitTaken);
        }
        self.begin_parking(now, key, dialog, arrival, orbit, replaces)
    }

    fn begin_parking(
        &mut self,
        now: Time,
        key: CallKey,
        dialog: DialogKey,
        arrival: Box<Arrival>,
        orbit: Orbit,
        replaces: Option<CallKey>,
    ) -> Result<(), Refusal> {
        let dialect = Dialect::of(&arrival);
        let opened = self.open_leg(&NewLeg::alone(dialog, key, orbit, Wish::PARKED), arrival);
        if let Err(refusal) = opened {
            self.orbits.free(orbit);
            return Err(refusal);
        }
        let parking = Parking {
            orbit: Some(orbit),
            replaces,
            dialect,
        };
        self.add_call(now, key, dialog, State::Parking(parking));
        Ok(())
    }

    /// The stream of a call to be parked is open: it is answered, and from here on it is parked.
    pub(crate) fn park_opened(&mut self, now: Time, key: CallKey, parking: Parking) {
        let dialog = self.calls[&key].first;
        if let Err(refusal) = self.park_now(now, key, dialog, parking) {
            self.fail_arrival(now, dialog, refusal);
        }
    }

    fn park_now(
        &mut self,
        now: Time,
        key: CallKey,
        dialog: DialogKey,
        parking: Parking,
    ) -> Result<(), Refusal> {
        let token = match parking.replaces {
            Some(replaced) => self.still_parked(replaced)?,
            None => ParkToken::new(&mut self.random),
        };
        let orbit = self.legs[&dialog].orbit;
        let headers = self.told_when_parked(&self.legs[&dialog], token);
        self.speak_when_parked(dialog);
        self.answer_arrival(now, dialog, headers)?;
        if parking.orbit.is_none() {
            self.orbits.hand_over(orbit, key);
        }
        self.begin_waiting(now, key, orbit, token, parking.dialect);
        if let Some(replaced) = parking.replaces {
            self.end_replaced(now, replaced, parking);
        }
        Ok(())
    }

    /// The call is in its orbit from here on, and its time begins.
    pub(super) fn begin_waiting(
        &mut self,
        now: Time,
        key: CallKey,
        orbit: Orbit,
        token: ParkToken,
        dialect: Dialect,
    ) {
        let deadline = now + self.settings(orbit).pickup_timeout;
        let parked = Parked {
            orbit,
            token,
            since: now,
            deadline,
            recalls: 0,
        };
        self.set_state(key, State::Parked(parked));
        self.set_deadline(key, Some(deadline));
        self.tell_parked(key, &parked, dialect);
        self.tell_orbit(now, key);
        self.apply(key);
        self.totals.parked += 1;
        let dialog = self.calls[&key].first;
        let (orbit, call_id) = self.log_fields(dialog);
        tracing::info!(call_id, orbit, dialog = dialog.0, "parked");
    }

    /// Puts a call back into its orbit, or another when that was given away, because the leg that
    /// it was bridged with was never there. It has as much time left as if nobody had come.
    pub(crate) fn park_again(&mut self, now: Time, key: CallKey, mut parked: Parked) {
        let dialog = self.calls[&key].first;
        if !self.orbits.take(parked.orbit, key) {
            let Some(orbit) = self.orbits.take_any(&mut self.random, key, None) else {
                self.remove_call(key, End::TimedOut);
                return self.end_leg(now, dialog, Farewell::NotRetrieved);
            };
            parked.orbit = orbit;
        }
        let leg = self.legs.get_mut(&dialog).expect("a call has legs");
        if std::mem::replace(&mut leg.orbit, parked.orbit) != parked.orbit {
            self.tell_orbit(now, key);
        }
        let (orbit, call_id) = self.log_fields(dialog);
        tracing::info!(call_id, orbit, dialog = dialog.0, "parked again");
        self.unretrieve(now, key, parked);
    }

    /// What the answer to a call that is parked says: the orbit; to who has parked itself, which is
    /// a parker who is about to leave its place to the parkee, also how to retrieve safely.
    fn told_when_parked(&self, leg: &Leg, token: ParkToken) -> Vec<(Header, String)> {
        let mut headers = vec![(Header::PAssertedIdentity, self.orbit_identity(leg))];
        if let Turn::Arriving(arrival) = &leg.turn
            && arrival.referred == Referred::No
        {
            let uri = self.safe_uri(leg.orbit, token, &leg.host);
            headers.push((Header::CallInfo, format!("<{uri}>;purpose=park")));
        }
        headers
    }

    /// Who parks by a call of its own hears the orbit, twice; a parkee may be asked to hold on.
    fn speak_when_parked(&mut self, dialog: DialogKey) {
        let leg = &self.legs[&dialog];
        let is_parker = matches!(
            &leg.turn,
            Turn::Arriving(arrival) if arrival.referred == Referred::No && !arrival.replaces
        );
        let speech = &self.rules.park.speech;
        if speech.announce && is_parker {
            let number = self.orbits.number(leg.orbit);
            let number = Word::of_number(&number);
            let said = [Word::ParkedAt]
                .into_iter()
                .chain(number.clone())
                .chain(number);
            self.say(dialog, said);
        } else if speech.comfort {
            self.say(dialog, [Word::PleaseHold].into_iter());
        }
    }

    /// The orbit as the display of who is parked there shows it.
    pub(crate) fn orbit_identity(&self, leg: &Leg) -> String {
        let number = self.orbits.number(leg.orbit);
        let user = self.orbits.user(leg.orbit);
        format!("\"Parked at {number}\" <sip:{user}@{}>", leg.host)
    }
}
