//! Offers of ours: where a leg's wish is not what is settled, we offer as soon as nothing is
//! pending; and what a description of ours says of us.

use shared::{Codec, Time};

use super::{Exchange, Leg, Turn, Wish};
use crate::sdp::{Local, Session};
use crate::sip::agent::{DialogKey, Reply};
use crate::sip::write::Body;

impl Exchange {
    /// The agent asks for a re-INVITE although nothing has changed: the same is offered once more.
    /// Where something is pending, that serves as well.
    pub(crate) fn refresh(&mut self, now: Time, dialog: DialogKey) {
        let Some(leg) = self.legs.get(&dialog) else {
            return;
        };
        if matches!(leg.turn, Turn::Idle) && leg.settled.is_some() {
            self.offer(now, dialog, Session::repeat);
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
            self.note_untold(dialog);
        }
        self.offer_if_wished(now, dialog);
    }

    /// Gives a leg another wish.
    pub(crate) fn wish(&mut self, now: Time, dialog: DialogKey, wish: Wish) {
        let leg = self.legs.get_mut(&dialog).expect("the caller looked");
        if std::mem::replace(&mut leg.wish, wish) != wish {
            leg.begin_anew();
        }
        self.offer_if_wished(now, dialog);
    }

    pub(super) fn offer_if_wished(&mut self, now: Time, dialog: DialogKey) {
        self.offer_or_introduce(now, dialog);
        if let Some((key, _)) = self.call_of(dialog) {
            self.tend_release(now, key);
        }
    }

    pub(super) fn offer_or_introduce(&mut self, now: Time, dialog: DialogKey) {
        let Some(leg) = self.legs.get(&dialog) else {
            return;
        };
        if leg.wants_to_offer() {
            self.offer_anew(now, dialog);
        } else {
            self.introduce_if_new(now, dialog);
        }
    }

    /// Offers what is wished, whatever is settled.
    pub(super) fn offer_anew(&mut self, now: Time, dialog: DialogKey) {
        self.offer(now, dialog, Session::offer);
    }

    /// `describe` is for a peer that sends to us.
    fn offer(
        &mut self,
        now: Time,
        dialog: DialogKey,
        describe: impl FnOnce(&mut Session, &Local) -> Vec<u8>,
    ) {
        let leg = &self.legs[&dialog];
        let (told, local) = (leg.told, self.local_offer(leg));
        let is_released = leg.wish.is_released();
        let sink = is_released.then(|| self.sink_for(dialog)).flatten();
        if is_released && sink.is_none() {
            // There is nothing to tell: it is about to be taken back.
            return;
        }
        let headers = self.introduce(dialog);
        let leg = self.legs.get_mut(&dialog).expect("it was there above");
        // A description that is never sent must leave no gap in the versions (RFC 3264 §8).
        let mut session = leg.session.clone();
        let text = match &sink {
            Some(sink) => session.offer_sink(&local, sink),
            None => describe(&mut session, &local),
        };
        let body = Some(description(text));
        // Who still sends to us is there, whether it answers or not.
        let is_with_us = leg.settled.is_some_and(|settled| !settled.is_released());
        let reply = Reply { headers, body };
        let is_forgiven = (sink.is_some() && is_with_us) || self.may_be_silent(now, dialog);
        let leg = self.legs.get_mut(&dialog).expect("it was there above");
        let is_under_way = match is_forgiven {
            true => self.agent.propose(now, dialog, reply),
            false => self.agent.reinvite(now, dialog, reply),
        };
        // While something is pending, its end brings us here again.
        if is_under_way {
            leg.session = session;
            leg.turn = Turn::Offering(leg.wish);
            if let Some(sink) = sink {
                self.note_told(dialog, sink);
            }
        } else {
            leg.told = told;
        }
    }

    /// The wished codec where the peer offers it, or else the first of its own choice (RFC 3264
    /// §6.1).
    pub(super) fn local_answer(&self, leg: &Leg, offered: &[Codec]) -> Local {
        let mut codecs = if offered.is_empty() {
            // Nothing in common, which the answer finds out.
            self.rules.media.codecs.clone()
        } else {
            offered.to_vec()
        };
        prefer(&mut codecs, leg.wish.codec());
        self.local(leg, codecs)
    }

    /// All codecs, the wished one first, or else the one in use.
    pub(crate) fn local_offer(&self, leg: &Leg) -> Local {
        let mut codecs = self.rules.media.codecs.clone();
        prefer(&mut codecs, leg.wish.codec().or_else(|| leg.codec()));
        self.local(leg, codecs)
    }

    fn local(&self, leg: &Leg, codecs: Vec<Codec>) -> Local {
        let ports = self.streams.ports(leg.stream).expect("a leg has a stream");
        Local {
            address: (self.rules.media.advertise, ports.rtp()).into(),
            codecs,
            direction: leg.wish.direction(),
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
