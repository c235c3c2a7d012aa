//! Retrieving a parked call. The claim is made when the retriever asks: of many, one wins. Then the
//! parkee is asked to talk, and only when it agrees is the retriever answered and the orbit free.
//! Whatever fails before leaves the call parked, with its deadline as it was.

use shared::Time;

use super::Parked;
use crate::call::arrival::Arrival;
use crate::call::limits::CONNECT_TIMEOUT;
use crate::call::open::NewLeg;
use crate::call::{Bridge, CallKey, Exchange, Purpose, Refusal, State, Wish};
use crate::sip::agent::DialogKey;

impl Exchange {
    /// Claims the call and opens a stream for the retriever.
    pub(super) fn retrieve(
        &mut self,
        now: Time,
        dialog: DialogKey,
        arrival: Box<Arrival>,
        key: CallKey,
    ) -> Result<(), Refusal> {
        // Who dials does not wait for the turn of an adopted call.
        self.adopt_now(now, key);
        let (parked, recall) = self.claimable(now, key)?;
        let parkee = self.calls[&key].first;
        let leg = NewLeg {
            dialog,
            call: key,
            orbit: parked.orbit,
            wish: Wish::talk(None),
            purpose: Purpose::Join(self.legs[&parkee].stream.worker),
        };
        self.open_leg(&leg, arrival)?;
        self.claim(now, key, parked, recall, dialog);
        let (orbit, call_id) = self.log_fields(dialog);
        tracing::debug!(
            call_id,
            orbit,
            dialog = dialog.0,
            parkee = parkee.0,
            "retrieving"
        );
        Ok(())
    }

    /// A call that can be had, and who is being called meanwhile.
    pub(super) fn claimable(
        &self,
        now: Time,
        key: CallKey,
    ) -> Result<(Parked, Option<DialogKey>), Refusal> {
        match self.state(key) {
            Some(State::Parked(parked)) => Ok((parked, None)),
            // Who dials has it before who is called.
            Some(State::Recalling(parked, recall)) => {
                Ok((self.with_time_left(now, parked), Some(recall)))
            }
            Some(State::Retrieving(..)) => Err(Refusal::BeingRetrieved),
            Some(State::Adopting(_)) => Err(Refusal::BeingAdopted),
            // Its orbit is taken, but nobody was told yet.
            _ => Err(Refusal::EmptyOrbit),
        }
    }

    /// Somebody is awake who may dial: a call whose time is over has as much as at first, should
    /// that somebody not get it.
    pub(super) fn with_time_left(&self, now: Time, mut parked: Parked) -> Parked {
        if parked.deadline <= now {
            parked.deadline = now + self.settings(parked.orbit).pickup_timeout;
        }
        parked
    }

    /// From here on nobody else can have it.
    pub(super) fn claim(
        &mut self,
        now: Time,
        key: CallKey,
        parked: Parked,
        recall: Option<DialogKey>,
        retriever: DialogKey,
    ) {
        if let Some(recall) = recall {
            self.turn_away(now, recall, Refusal::RetrievedElsewhere);
            self.drop_leg(recall);
        }
        self.set_state(key, State::Retrieving(parked, retriever));
        self.set_deadline(key, Some(now + CONNECT_TIMEOUT));
    }

    /// The retriever's stream is open: the parkee is asked to talk.
    pub(crate) fn retriever_opened(&mut self, now: Time, key: CallKey, retriever: DialogKey) {
        let parkee = self.calls[&key].first;
        let takes = &self.legs[&parkee].peer_codecs;
        // None in common is no reason to refuse: the worker transcodes between all that are built
        // in.
        let codec = self.legs[&retriever]
            .peer_codecs
            .iter()
            .copied()
            .find(|codec| takes.contains(codec));
        self.wish(now, parkee, Wish::talk(codec));
        if let Some(State::Retrieving(parked, retriever)) = self.state(key) {
            self.connect_if_agreed(now, key, parked, retriever);
        }
    }

    /// Answers the retriever if the parkee agrees to talk and the retriever's stream is open.
    pub(crate) fn connect_if_agreed(
        &mut self,
        now: Time,
        key: CallKey,
        parked: Parked,
        retriever: DialogKey,
    ) {
        let parkee = &self.legs[&self.calls[&key].first];
        if parkee.wish.direction() != Wish::talk(None).direction() || !parkee.is_satisfied() {
            return;
        }
        let codec = parkee.codec();
        let identity = parkee.identity.headers();
        let leg = self
            .legs
            .get_mut(&retriever)
            .expect("a retrieval has a retriever");
        if leg.is_arriving() {
            leg.wish = Wish::talk(codec);
            if let Err(refusal) = self.answer_arrival(now, retriever, identity) {
                return self.fail_arrival(now, retriever, refusal);
            }
        }
        self.orbits.free(parked.orbit);
        self.stop_saying(self.calls[&key].first);
        self.stop_saying(retriever);
        let bridge = Bridge {
            second: retriever,
            since: now,
            way_back: Some(parked),
        };
        self.set_state(key, State::Bridged(bridge));
        self.set_deadline(key, None);
        self.apply(key);
        self.totals.retrieved += 1;
        let (orbit, call_id) = self.log_fields(retriever);
        tracing::info!(call_id, orbit, dialog = retriever.0, "retrieved");
        self.follow_codec(now, key, retriever);
        self.tend_release(now, key);
    }

    /// A retriever has shown that it knows of the answer: from here on, its end is the end of the
    /// call.
    pub(crate) fn retrieval_confirmed(&mut self, dialog: DialogKey) {
        let Some((key, State::Bridged(bridge))) = self.call_of(dialog) else {
            return;
        };
        if bridge.second == dialog {
            let way_back = None;
            self.set_state(key, State::Bridged(Bridge { way_back, ..bridge }));
        }
    }

    /// The parkee will not talk; it stays parked.
    pub(crate) fn retrieval_refused(
        &mut self,
        now: Time,
        key: CallKey,
        parked: Parked,
        retriever: DialogKey,
        refusal: Refusal,
    ) {
        self.turn_away(now, retriever, refusal);
        self.drop_leg(retriever);
        self.unretrieve(now, key, parked);
    }

    /// The retriever is gone before it was connected: the claim is lifted, and the parkee hears
    /// what it heard before.
    pub(crate) fn unretrieve(&mut self, now: Time, key: CallKey, parked: Parked) {
        let parkee = self.calls[&key].first;
        self.set_state(key, State::Parked(parked));
        self.set_deadline(key, Some(parked.deadline));
        self.apply(key);
        if !self.is_about_to_end(now, key, &parked) {
            self.wish(now, parkee, Wish::PARKED);
        }
    }
}
