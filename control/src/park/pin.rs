//! Retrieving with a PIN: the caller is answered, asked for it, and dials it by RFC 4733; then it
//! has the call, if it is still there, as if it had dialled only now.
//!
//! Absent on purpose: who needs a PIN (`policy`). No digit is ever logged.

use std::fmt;

use shared::{StreamId, Time};

use super::{CallKey, Orbit, ParkToken};
use crate::call::arrival::Arrival;
use crate::call::limits::{PIN_DIGIT_TIMEOUT, PIN_DIGITS_KEPT, PIN_TIMEOUT, PIN_TRIES};
use crate::call::open::NewLeg;
use crate::call::{Exchange, Purpose, Refusal, State, Wish};
use crate::config::Word;
use crate::policy::{Party, PolicyKey};
use crate::sip::agent::DialogKey;
use crate::sip::header::Header;

/// A PIN that is being dialled.
pub(crate) struct Entry {
    /// By whom.
    party: Party,
    /// The policy that has the PIN.
    policy: PolicyKey,
    /// In ASCII; one more than can be right at most.
    digits: Vec<u8>,
    /// Wrong ones so far.
    wrong: u8,
    /// How its digits come: who sends each key both ways is heard once.
    by: Option<By>,
}

/// How a key that was pressed is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum By {
    /// RFC 4733.
    Rtp,
    /// INFO.
    Info,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("party", &self.party)
            .field("wrong", &self.wrong)
            .finish_non_exhaustive()
    }
}

impl Exchange {
    /// Asks who wants to retrieve a call for its PIN first.
    pub(super) fn ask_pin(
        &mut self,
        now: Time,
        dialog: DialogKey,
        arrival: Box<Arrival>,
        target: CallKey,
        policy: PolicyKey,
    ) -> Result<(), Refusal> {
        // Who dials does not wait for the turn of an adopted call.
        self.adopt_now(now, target);
        let (parked, _) = self.claimable(now, target)?;
        let party = arrival.caller.clone();
        if self.attempts.is_blocked(now, &party, parked.orbit) {
            return Err(Refusal::TooManyPins);
        }
        let key = self.new_call_key();
        let parkee = self.calls[&target].first;
        let leg = NewLeg {
            dialog,
            call: key,
            orbit: parked.orbit,
            wish: Wish::talk(None),
            purpose: Purpose::Join(self.legs[&parkee].stream.worker),
        };
        self.open_leg(&leg, arrival)?;
        self.add_call(now, key, dialog, State::Asking(parked.token));
        let call = self.calls.get_mut(&key).expect("it was added above");
        call.entry = Some(Box::new(Entry {
            party,
            policy,
            digits: Vec::new(),
            wrong: 0,
            by: None,
        }));
        Ok(())
    }

    /// The stream of who is to dial a PIN is open: it is answered, and asked.
    pub(crate) fn pin_opened(&mut self, now: Time, key: CallKey) {
        let dialog = self.calls[&key].first;
        let identity = self.orbit_identity(&self.legs[&dialog]);
        let headers = vec![(Header::PAssertedIdentity, identity)];
        if let Err(refusal) = self.answer_arrival(now, dialog, headers) {
            return self.fail_arrival(now, dialog, refusal);
        }
        let agreed = self.legs[&dialog].session.agreed();
        let has_no_event = agreed.is_some_and(|a| a.receive_event_payload_type.is_none());
        if has_no_event && !self.agent.sends_info(dialog) {
            return self.fail_arrival(now, dialog, Refusal::NoDigits);
        }
        let (orbit, call_id) = self.log_fields(dialog);
        tracing::info!(call_id, orbit, dialog = dialog.0, "asked for a PIN");
        self.say(dialog, [Word::EnterPin].into_iter());
        self.set_deadline(key, Some(now + PIN_TIMEOUT));
        self.apply(key);
    }

    /// A digit was dialled (RFC 4733 §3.2).
    pub(crate) fn digit(&mut self, now: Time, stream: StreamId, code: u8) {
        if let Some(dialog) = self.streams.owner(stream) {
            self.key_pressed(now, dialog, code, By::Rtp);
        }
    }

    /// A key was pressed. `#` ends the PIN, `*` begins it anew.
    pub(super) fn key_pressed(&mut self, now: Time, dialog: DialogKey, code: u8, by: By) {
        let Some((key, State::Asking(_))) = self.call_of(dialog) else {
            return;
        };
        if self.legs[&dialog].is_arriving() {
            return;
        }
        let entry = self.entry(key);
        if *entry.by.get_or_insert(by) != by {
            return;
        }
        match code {
            0..=9 if entry.digits.len() < PIN_DIGITS_KEPT => entry.digits.push(b'0' + code),
            10 => entry.digits.clear(),
            11 => return self.pin_dialled(now, key),
            _ => {}
        }
        let wait = if entry.digits.is_empty() {
            PIN_TIMEOUT
        } else {
            PIN_DIGIT_TIMEOUT
        };
        self.set_deadline(key, Some(now + wait));
        self.stop_saying(dialog);
        self.apply(key);
    }

    /// Nothing more was dialled for a while: what was is the PIN, if anything was.
    pub(super) fn pin_deadline(&mut self, now: Time, key: CallKey) {
        let dialog = self.calls[&key].first;
        if self.legs[&dialog].is_arriving() {
            return self.fail_arrival(now, dialog, Refusal::NoMedia);
        }
        if self.entry(key).digits.is_empty() {
            return self.fail_arrival(now, dialog, Refusal::NoPin);
        }
        self.pin_dialled(now, key);
    }

    fn pin_dialled(&mut self, now: Time, key: CallKey) {
        let dialog = self.calls[&key].first;
        let orbit = self.legs[&dialog].orbit;
        let entry = self.entry(key);
        let digits = std::mem::take(&mut entry.digits);
        let (policy, party) = (entry.policy, entry.party.clone());
        let pin = self.rules.policies.pin(policy);
        if pin.is_some_and(|pin| pin.is(&digits)) {
            return self.pin_is_right(now, key, dialog, orbit);
        }
        self.attempts.note(now, &party, orbit);
        let entry = self.entry(key);
        entry.wrong += 1;
        let is_last = entry.wrong >= PIN_TRIES;
        let (number, call_id) = self.log_fields(dialog);
        tracing::warn!(call_id, orbit = number, dialog = dialog.0, "wrong PIN");
        if is_last || self.attempts.is_blocked(now, &party, orbit) {
            return self.fail_arrival(now, dialog, Refusal::WrongPin);
        }
        self.say(dialog, [Word::WrongPin, Word::EnterPin].into_iter());
        self.set_deadline(key, Some(now + PIN_TIMEOUT));
        self.apply(key);
    }

    /// The caller has the call, if that is still where it was.
    fn pin_is_right(&mut self, now: Time, key: CallKey, dialog: DialogKey, orbit: Orbit) {
        let target = match self.call_behind(key, dialog, orbit) {
            Ok(target) => target,
            Err(refusal) => return self.fail_arrival(now, dialog, refusal),
        };
        match self.claimable(now, target) {
            Ok((parked, recall)) => {
                self.stop_saying(dialog);
                self.calls.remove(&key);
                self.legs.get_mut(&dialog).expect("it dialled").call = target;
                self.claim(now, target, parked, recall, dialog);
                self.retriever_opened(now, target, dialog);
            }
            Err(refusal) => self.fail_arrival(now, dialog, refusal),
        }
    }

    fn call_behind(
        &mut self,
        key: CallKey,
        dialog: DialogKey,
        orbit: Orbit,
    ) -> Result<CallKey, Refusal> {
        let token: Option<ParkToken> = match self.state(key) {
            Some(State::Asking(token)) => Some(token),
            _ => None,
        };
        let target = token.and_then(|token| self.named_by(token, orbit));
        let target = target.ok_or(Refusal::OtherCall)?;
        let parkee = self.calls[&target].first;
        // The parkee may have been replaced by a leg elsewhere: a bridge is of one worker.
        let is_near = self.legs[&parkee].stream.worker == self.legs[&dialog].stream.worker;
        if !is_near {
            return Err(Refusal::NoMedia);
        }
        self.set_deadline(key, None);
        Ok(target)
    }

    fn entry(&mut self, key: CallKey) -> &mut Entry {
        let call = self.calls.get_mut(&key).expect("the caller looked");
        call.entry.as_mut().expect("who is asked dials")
    }
}
