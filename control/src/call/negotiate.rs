//! Offer and answer in a leg's dialog (RFC 3264; RFC 3261 §14; RFC 6141): what the peer offers is
//! answered with the leg's wish, and what it answers is settled.

use shared::Time;

use super::end::Farewell;
use super::identity::Told;
use super::leg::EarlyAnswer;
use super::offer::description;
use super::{Exchange, Refusal, State, Turn};
use crate::sdp::Description;
use crate::sip::agent::{DialogKey, Reply, RequestKey, session_description};
use crate::sip::header::Header;
use crate::sip::message::Message;
use crate::sip::status::Status;

impl Exchange {
    /// Answers a leg's first INVITE with 200 and its wish.
    pub(crate) fn answer_arrival(
        &mut self,
        now: Time,
        dialog: DialogKey,
        headers: Vec<(Header, String)>,
    ) -> Result<(), Refusal> {
        let leg = self.legs.get_mut(&dialog).expect("the caller looked");
        let Turn::Arriving(arrival) = std::mem::replace(&mut leg.turn, Turn::Idle) else {
            unreachable!("an INVITE is answered once")
        };
        leg.told = Told::of(&headers);
        let offer = arrival.offer.as_ref().map(|offer| &offer.description);
        match self.respond_to(now, dialog, offer, headers) {
            Ok(()) => Ok(()),
            Err(refusal) => {
                let leg = self.legs.get_mut(&dialog).expect("it was there before");
                leg.turn = Turn::Arriving(arrival);
                Err(refusal)
            }
        }
    }

    /// A re-INVITE of the peer.
    pub(crate) fn reinvited(&mut self, now: Time, dialog: DialogKey, request: &Message<'_>) {
        let Some(leg) = self.legs.get(&dialog) else {
            return self.refuse(now, dialog, Refusal::NoSuchDialog);
        };
        if !matches!(leg.turn, Turn::Idle) || self.is_to_agree_first(dialog) {
            return self.refuse(now, dialog, Refusal::Pending);
        }
        let wish = leg.wish;
        let offer = session_description(request);
        let read = offer.map(Description::parse).transpose();
        if !matches!(&read, Ok(Some(offer)) if self.repeats_release(dialog, offer)) {
            self.prefer_codec_of_other(dialog);
        }
        self.identified(now, dialog, request);
        let headers = self.introduce(dialog);
        let answered = read
            .map_err(Refusal::from)
            .and_then(|offer| self.respond_to(now, dialog, offer.as_ref(), headers));
        match answered {
            Ok(()) if offer.is_some() => self.settled_by_peer(now, dialog),
            Ok(()) => {}
            Err(refusal) => {
                // RFC 6141 §3.4: a refused re-INVITE changes nothing.
                self.legs.get_mut(&dialog).expect("it was there above").wish = wish;
                self.refuse(now, dialog, refusal);
            }
        }
        self.offer_if_wished(now, dialog);
    }

    /// Answers an INVITE or re-INVITE with 200: an answer to its offer, or an offer of ours.
    fn respond_to(
        &mut self,
        now: Time,
        dialog: DialogKey,
        offer: Option<&Description>,
        headers: Vec<(Header, String)>,
    ) -> Result<(), Refusal> {
        let bytes = if let Some(offer) = offer {
            self.answer_offer(dialog, offer)?
        } else {
            let local = self.local_offer(&self.legs[&dialog]);
            let leg = self.legs.get_mut(&dialog).expect("it was there above");
            leg.turn = Turn::OfferedInAnswer(leg.wish);
            leg.session.offer(&local)
        };
        // The agent escapes what must be.
        let contact_user = self.orbits.number(self.legs[&dialog].orbit);
        let body = Some(description(bytes));
        self.agent
            .accept(now, dialog, &contact_user, Reply { headers, body });
        Ok(())
    }

    /// The answer to an offer, which is settled by it.
    fn answer_offer(&mut self, dialog: DialogKey, offer: &Description) -> Result<Vec<u8>, Refusal> {
        let peer_codecs = self.known(&offer.codecs()?);
        let local = self.local_answer(&self.legs[&dialog], &peer_codecs);
        let sink = self.told_sink(dialog);
        let leg = self.legs.get_mut(&dialog).expect("the caller looked");
        let answer = match sink {
            Some(sink) => leg.session.answer_sink(offer, &local, &sink)?,
            None => leg.session.answer_to(offer, &local)?.0,
        };
        leg.peer_codecs = peer_codecs;
        leg.settled = Some(leg.wish);
        leg.begin_anew();
        Ok(answer)
    }

    /// An UPDATE of the peer (RFC 3311): as a re-INVITE, where it has an offer; else it says that
    /// the peer lives, or who it is now.
    pub(crate) fn updated(
        &mut self,
        now: Time,
        dialog: DialogKey,
        key: RequestKey,
        request: &Message<'_>,
    ) {
        let Some(leg) = self.legs.get(&dialog) else {
            let status = Status::CALL_DOES_NOT_EXIST;
            return self.agent.respond(now, key, status, Reply::default());
        };
        let (wish, is_idle) = (leg.wish, matches!(leg.turn, Turn::Idle));
        let is_idle = is_idle && !self.is_to_agree_first(dialog);
        self.identified(now, dialog, request);
        let Some(offer) = session_description(request) else {
            let headers = self.introduce(dialog);
            let reply = Reply {
                headers,
                body: None,
            };
            return self.agent.respond(now, key, Status::OK, reply);
        };
        let answered = match is_idle {
            false => Err(Refusal::Pending),
            true => {
                let offer = Description::parse(offer).map_err(Refusal::from);
                offer.and_then(|offer| {
                    if !self.repeats_release(dialog, &offer) {
                        self.prefer_codec_of_other(dialog);
                    }
                    self.answer_offer(dialog, &offer)
                })
            }
        };
        match answered {
            Ok(answer) => {
                let headers = self.introduce(dialog);
                let body = Some(description(answer));
                let reply = Reply { headers, body };
                self.agent.respond(now, key, Status::OK, reply);
                self.settled_by_peer(now, dialog);
            }
            Err(refusal) => {
                self.legs.get_mut(&dialog).expect("it was there above").wish = wish;
                let reply = self.refusal_reply(refusal);
                self.agent.respond(now, key, refusal.status(), reply);
            }
        }
        self.offer_if_wished(now, dialog);
    }

    /// The ACK of a 200 of ours.
    pub(crate) fn acked(&mut self, now: Time, dialog: DialogKey, request: &Message<'_>) {
        let Some(leg) = self.legs.get_mut(&dialog) else {
            return;
        };
        let Turn::OfferedInAnswer(wish) = leg.turn else {
            self.retrieval_confirmed(dialog);
            return self.offer_if_wished(now, dialog);
        };
        leg.turn = Turn::Idle;
        let answer = session_description(request).unwrap_or_default();
        let Ok(agreed) = leg.session.answered(answer) else {
            return self.answer_failed(now, dialog);
        };
        leg.settled = Some(wish);
        if leg.peer_codecs.is_empty() {
            leg.peer_codecs = agreed.peer_codecs;
        }
        self.retrieval_confirmed(dialog);
        self.settled_by_peer(now, dialog);
        self.offer_if_wished(now, dialog);
    }

    /// A provisional response to our first INVITE: an answer in it is kept, for a 2xx without.
    pub(crate) fn progressed(&mut self, dialog: DialogKey, response: &Message<'_>) {
        let leg = self.legs.get_mut(&dialog);
        let answer = session_description(response);
        if let (Some(leg), Some(answer), Some(tag)) = (leg, answer, response.to_tag()) {
            leg.early = Some(Box::new(EarlyAnswer {
                tag: tag.into(),
                description: answer.into(),
            }));
        }
    }

    /// 2xx to our re-INVITE.
    pub(crate) fn answered(&mut self, now: Time, dialog: DialogKey, response: &Message<'_>) {
        self.agent.ack(now, dialog, None);
        let Some(leg) = self.legs.get_mut(&dialog) else {
            return;
        };
        let (Turn::Offering(wish) | Turn::Calling(wish)) = leg.turn else {
            return;
        };
        leg.turn = Turn::Idle;
        if leg.session.agreed().is_none() {
            // Of an earlier process, and it knows of its dialog.
            self.retrieval_confirmed(dialog);
        }
        self.identified(now, dialog, response);
        let leg = self.legs.get_mut(&dialog).expect("it was there above");
        let early = leg.early.take();
        let early = early.filter(|early| response.to_tag() == Some(&*early.tag));
        let before = early.as_ref().map(|early| &*early.description);
        let answer = session_description(response).or(before).unwrap_or_default();
        let Ok(agreed) = leg.session.answered(answer) else {
            if wish.is_released() {
                // It has taken what it was told, and cannot do it.
                (leg.settled, leg.refused) = (Some(wish), Some(wish));
                return self.offer_if_wished(now, dialog);
            }
            return self.answer_failed(now, dialog);
        };
        if leg.peer_codecs.is_empty() {
            leg.peer_codecs = agreed.peer_codecs;
        }
        leg.settled = Some(wish);
        leg.begin_anew();
        self.leg_settled(now, dialog);
        self.offer_if_wished(now, dialog);
    }

    /// Our first INVITE failed, and the leg with it; or our re-INVITE did, then the dialog lives,
    /// and so does what was agreed before (RFC 6141 §3.4).
    pub(crate) fn rejected(&mut self, now: Time, dialog: DialogKey, status: Status) {
        let Some(leg) = self.legs.get_mut(&dialog) else {
            return;
        };
        let wish = match leg.turn {
            Turn::Offering(wish) => wish,
            Turn::Calling(_) => return self.call_rejected(now, dialog, status),
            _ => return,
        };
        leg.turn = Turn::Idle;
        leg.session.withdraw();
        if status == Status::REQUEST_PENDING && leg.excuse() {
            // The agent says when to try again; whom it talks to, the peer has not taken in. It
            // knew that before it was to talk to it past us.
            if !wish.is_released() {
                leg.told = Told::default();
            }
            return self.note_untold(dialog);
        }
        leg.refused = Some(wish);
        self.note_untold(dialog);
        if self.is_adopted_later(now, dialog, status) {
            let (orbit, call_id) = self.log_fields(dialog);
            tracing::info!(call_id, orbit, dialog = dialog.0, %status, "adopted later");
            return;
        }
        if let Some(leg) = self.legs.get_mut(&dialog) {
            leg.end_excuses();
        }
        let (orbit, call_id) = self.log_fields(dialog);
        tracing::info!(call_id, orbit, dialog = dialog.0, %status, "offer refused");
        if let Some((key, State::Retrieving(parked, retriever))) = self.call_of(dialog) {
            self.retrieval_refused(now, key, parked, retriever, Refusal::of_parkee(status));
        }
        self.offer_if_wished(now, dialog);
    }

    fn call_rejected(&mut self, now: Time, dialog: DialogKey, status: Status) {
        match self.call_of(dialog) {
            Some((key, State::Fetching(_))) => self.fetch_rejected(now, key, status),
            _ => self.recall_rejected(now, dialog, status),
        }
    }

    /// Something was settled that the peer began: the other side of a bridge may follow with its
    /// codec.
    fn settled_by_peer(&mut self, now: Time, dialog: DialogKey) {
        self.leg_settled(now, dialog);
        if let Some((key, State::Bridged(_))) = self.call_of(dialog) {
            self.follow_codec(now, key, dialog);
        }
    }

    /// What a leg agreed has changed.
    fn leg_settled(&mut self, now: Time, dialog: DialogKey) {
        let Some((key, state)) = self.call_of(dialog) else {
            return;
        };
        self.apply(key);
        match state {
            State::Retrieving(parked, retriever) => {
                self.connect_if_agreed(now, key, parked, retriever);
            }
            State::Fetching(orbit) => self.fetch_answered(now, key, orbit),
            State::Recalling(parked, recall) if recall == dialog => {
                self.recall_answered(now, key, parked, recall);
            }
            _ => {}
        }
    }

    fn answer_failed(&mut self, now: Time, dialog: DialogKey) {
        let (orbit, call_id) = self.log_fields(dialog);
        tracing::info!(call_id, orbit, dialog = dialog.0, "unusable answer");
        self.fail_leg(now, dialog, Farewell::BadAnswer);
    }
}
