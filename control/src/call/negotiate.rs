//! Offer and answer in a leg's dialog (RFC 3264; RFC 3261 §14; RFC 6141): what the peer offers is
//! answered with the leg's wish; where the wish is not what is settled, we offer as soon as nothing
//! is pending.

use shared::{Codec, Time};

use super::end::Farewell;
use super::identity::Told;
use super::leg::EarlyAnswer;
use super::{Exchange, Leg, Refusal, State, Turn, Wish};
use crate::sdp::{Description, Local, Session};
use crate::sip::agent::{DialogKey, Reply, RequestKey, session_description};
use crate::sip::header::Header;
use crate::sip::message::Message;
use crate::sip::status::Status;
use crate::sip::write::Body;

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
        if !matches!(leg.turn, Turn::Idle) {
            return self.refuse(now, dialog, Refusal::Pending);
        }
        let wish = leg.wish;
        self.prefer_codec_of_other(dialog);
        let offer = session_description(request);
        self.identified(now, dialog, request);
        let headers = self.introduce(dialog);
        let read = offer.map(Description::parse).transpose();
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
        let leg = self.legs.get_mut(&dialog).expect("the caller looked");
        let (answer, _) = leg.session.answer_to(offer, &local)?;
        leg.peer_codecs = peer_codecs;
        leg.settled = Some(leg.wish);
        leg.refused = None;
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
                self.prefer_codec_of_other(dialog);
                let offer = Description::parse(offer).map_err(Refusal::from);
                offer.and_then(|offer| self.answer_offer(dialog, &offer))
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

    /// The agent asks for a re-INVITE although nothing has changed: the same is offered once more.
    /// Where something is pending, that serves as well.
    pub(crate) fn refresh(&mut self, now: Time, dialog: DialogKey) {
        let Some(leg) = self.legs.get(&dialog) else {
            return;
        };
        if matches!(leg.turn, Turn::Idle) && leg.settled.is_some() {
            let local = self.local_offer(leg);
            self.offer(now, dialog, |session| session.repeat(&local));
        }
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
        self.identified(now, dialog, response);
        let leg = self.legs.get_mut(&dialog).expect("it was there above");
        let early = leg.early.take();
        let early = early.filter(|early| response.to_tag() == Some(&*early.tag));
        let before = early.as_ref().map(|early| &*early.description);
        let answer = session_description(response).or(before).unwrap_or_default();
        let Ok(agreed) = leg.session.answered(answer) else {
            return self.answer_failed(now, dialog);
        };
        if leg.peer_codecs.is_empty() {
            leg.peer_codecs = agreed.peer_codecs;
        }
        leg.settled = Some(wish);
        leg.refused = None;
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
        if status == Status::REQUEST_PENDING {
            // The agent says when to try again; whom it talks to, the peer has not taken in.
            leg.told = Told::default();
            return;
        }
        leg.refused = Some(wish);
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

    /// The back-off after a 491 is over.
    pub(crate) fn retry(&mut self, now: Time, dialog: DialogKey) {
        let Some(leg) = self.legs.get_mut(&dialog) else {
            return;
        };
        if matches!(leg.turn, Turn::Offering(_)) {
            leg.turn = Turn::Idle;
            leg.session.withdraw();
        }
        self.offer_if_wished(now, dialog);
    }

    /// Gives a leg another wish.
    pub(crate) fn wish(&mut self, now: Time, dialog: DialogKey, wish: Wish) {
        let leg = self.legs.get_mut(&dialog).expect("the caller looked");
        if std::mem::replace(&mut leg.wish, wish) != wish {
            leg.refused = None;
        }
        self.offer_if_wished(now, dialog);
    }

    pub(super) fn offer_if_wished(&mut self, now: Time, dialog: DialogKey) {
        let Some(leg) = self.legs.get(&dialog) else {
            return;
        };
        if leg.wants_to_offer() {
            let local = self.local_offer(leg);
            self.offer(now, dialog, |session| session.offer(&local));
        } else {
            self.introduce_if_new(now, dialog);
        }
    }

    fn offer(
        &mut self,
        now: Time,
        dialog: DialogKey,
        describe: impl FnOnce(&mut Session) -> Vec<u8>,
    ) {
        let told = self.legs[&dialog].told;
        let headers = self.introduce(dialog);
        let leg = self.legs.get_mut(&dialog).expect("it was there above");
        // A description that is never sent must leave no gap in the versions (RFC 3264 §8).
        let mut session = leg.session.clone();
        let body = Some(description(describe(&mut session)));
        // While something is pending, its end brings us here again.
        if self.agent.reinvite(now, dialog, Reply { headers, body }) {
            leg.session = session;
            leg.turn = Turn::Offering(leg.wish);
        } else {
            leg.told = told;
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

    /// The wished codec where the peer offers it, or else the first of its own choice (RFC 3264
    /// §6.1).
    fn local_answer(&self, leg: &Leg, offered: &[Codec]) -> Local {
        let mut codecs = if offered.is_empty() {
            // Nothing in common, which the answer finds out.
            self.rules.media.codecs.clone()
        } else {
            offered.to_vec()
        };
        prefer(&mut codecs, leg.wish.codec);
        self.local(leg, codecs)
    }

    /// All codecs, the wished one first, or else the one in use.
    pub(crate) fn local_offer(&self, leg: &Leg) -> Local {
        let mut codecs = self.rules.media.codecs.clone();
        prefer(&mut codecs, leg.wish.codec.or_else(|| leg.codec()));
        self.local(leg, codecs)
    }

    fn local(&self, leg: &Leg, codecs: Vec<Codec>) -> Local {
        let ports = self.streams.ports(leg.stream).expect("a leg has a stream");
        Local {
            address: (self.rules.media.advertise, ports.rtp()).into(),
            codecs,
            direction: leg.wish.direction,
        }
    }
}

/// Puts a codec first, if it is there; the others keep their order.
fn prefer(codecs: &mut [Codec], first: Option<Codec>) {
    codecs.sort_by_key(|&codec| Some(codec) != first);
}

pub(crate) fn description(bytes: Vec<u8>) -> Body {
    Body {
        content_type: "application/sdp",
        bytes,
    }
}
