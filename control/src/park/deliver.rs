//! Delivery: an operator has a parked call brought to a phone. The phone is called as in a recall,
//! and its answer is a retrieval; until then the call waits as before, and who dials its orbit has
//! it at once.
//!
//! The call's time goes on while the phone rings, but nobody else is called meanwhile: a parker
//! whose phone rings too would be told of a call that is as good as taken. Nothing that the phone
//! does counts as an attempt to call back.

use shared::Time;

use super::{Dialled, Orbit};
use crate::ask::AskError;
use crate::call::limits::OPEN_TIMEOUT;
use crate::call::{CallKey, Exchange, State};
use crate::happening::CallNumber;
use crate::policy::{Act, Party};
use crate::sip::uri::{Scheme, Uri};

impl Exchange {
    /// Begins to call the phone; [`State::Recalling`] goes on with it.
    ///
    /// # Errors
    /// Where the orbit has no call at rest, the URI is none that may be called, who is there may
    /// not retrieve, or no stream is to be had.
    pub(crate) fn deliver_call(
        &mut self,
        now: Time,
        orbit: &str,
        call: Option<CallNumber>,
        to: &str,
    ) -> Result<Orbit, AskError> {
        if self.is_stopping() {
            return Err(AskError::Stopping);
        }
        let (from, key) = self.call_in(orbit, call)?;
        let target = self.deliverable(to, key)?;
        // As who dials, it does not wait for the turn of an adopted call.
        self.adopt_now(now, key);
        let parked = self.parked_still(orbit, key)?;
        let leg = self.open_recall(key, parked.orbit, &target);
        let leg = leg.map_err(|_| AskError::NoMedia)?;
        let state = State::Recalling(parked, leg);
        self.calls.get_mut(&key).expect("it was found").chosen = Some(target.into());
        self.set_state(key, state);
        self.set_deadline(key, Some(now + OPEN_TIMEOUT));
        Ok(from)
    }

    /// A URI that may be called, whose phone may have this call. The same hosts as for REFER, and
    /// for the same reason: nobody shall make us call the whole world.
    fn deliverable(&self, to: &str, key: CallKey) -> Result<String, AskError> {
        let uri = Uri::parse(to).ok().filter(|uri| uri.scheme == Scheme::Sip);
        let uri = uri.filter(|uri| !uri.text.contains('?'));
        let uri = uri.ok_or_else(|| AskError::NotCallable(to.to_owned()))?;
        if !self.rules.refer_to.allows(&uri) {
            return Err(AskError::HostNotAllowed(uri.host.to_string()));
        }
        let party = Party::of_uri(uri.text).unwrap_or_default();
        let is_number_of_ours = self.dialled(&party.user) != Dialled::Unknown;
        if is_number_of_ours && self.rules.policies.is_ours(&party.host) {
            return Err(AskError::OwnNumber(to.to_owned()));
        }
        let only = { self.calls[&key].orbit() }.and_then(|orbit| self.only(orbit));
        let policies = &self.rules.policies;
        match policies.permit(&party, None, Act::Retrieve, only) {
            Ok(permit) if permit.pin.is_none() => Ok(uri.text.to_owned()),
            // A phone that is called cannot be asked for a PIN before it rings.
            Ok(_) => Err(AskError::NeedsPin(to.to_owned())),
            Err(denied) => Err(AskError::Denied(policies.words(denied))),
        }
    }
}
