//! Two legs that talk: which codec each is asked for, who each is told the other is, and a leg that
//! takes the place of another (RFC 3891, an attended transfer of a retrieved call).

use shared::Time;

use super::end::Farewell;
use super::identity::{Identity, Told};
use super::{Bridge, CallKey, Exchange, Refusal, State, Turn, Wish};
use crate::lamp::End;
use crate::sip::agent::{DialogKey, Reply};
use crate::sip::header::Header;
use crate::sip::message::Message;

impl Exchange {
    /// A peer that offers anew is asked for what the other side uses, so that nothing need be
    /// transcoded.
    pub(crate) fn prefer_codec_of_other(&mut self, dialog: DialogKey) {
        let Some((key, State::Bridged(_))) = self.call_of(dialog) else {
            return;
        };
        let other = self.calls[&key]
            .other(dialog)
            .expect("a bridge has two legs");
        let codec = self.legs[&other].codec();
        let leg = self.legs.get_mut(&dialog).expect("it has a call");
        leg.wish = Wish::talk(codec);
    }

    /// A peer has changed to a codec that the other side does not use: the other side is offered
    /// it, and where it will not have it, the worker transcodes.
    pub(crate) fn follow_codec(&mut self, now: Time, key: CallKey, dialog: DialogKey) {
        let other = self.calls[&key]
            .other(dialog)
            .expect("a bridge has two legs");
        let codec = self.legs[&dialog].codec();
        let leg = &self.legs[&other];
        if leg.is_arriving() || leg.codec().is_none() || leg.codec() == codec {
            return;
        }
        if codec.is_some_and(|codec| leg.peer_codecs.contains(&codec)) {
            self.wish(now, other, Wish::talk(codec));
        }
    }

    /// Who a leg is told that it is connected to: the leg that it talks to or is about to; the
    /// orbit, where it waits.
    pub(crate) fn connected_identity(&self, dialog: DialogKey) -> Vec<(Header, String)> {
        let Some(leg) = self.legs.get(&dialog) else {
            return Vec::new();
        };
        match self.calls[&leg.call].other(dialog) {
            Some(other) => self.legs[&other].identity.headers(),
            None => vec![(Header::PAssertedIdentity, self.orbit_identity(leg))],
        }
    }

    /// The same, on its way: it is told now, and by From as well where the peer follows that.
    pub(crate) fn introduce(&mut self, dialog: DialogKey) -> Vec<(Header, String)> {
        let headers = self.connected_identity(dialog);
        let Some(leg) = self.legs.get_mut(&dialog) else {
            return headers;
        };
        leg.told = Told::of(&headers);
        let leg = &self.legs[&dialog];
        match self.calls[&leg.call].other(dialog) {
            Some(other) => {
                if let Some(name) = self.legs[&other].identity.from() {
                    self.agent.rename(dialog, name);
                }
            }
            None => self.agent.rename(dialog, &self.orbit_identity(leg)),
        }
        headers
    }

    /// Tells a leg of a bridge whom it talks to, where that is news to it: by UPDATE, or by a
    /// re-INVITE that says the same as before. While something is pending its end brings us here
    /// again.
    pub(crate) fn introduce_if_new(&mut self, now: Time, dialog: DialogKey) {
        let Some((_, State::Bridged(_))) = self.call_of(dialog) else {
            return;
        };
        let leg = &self.legs[&dialog];
        let is_free = matches!(leg.turn, Turn::Idle) && leg.settled.is_some();
        if !is_free || leg.told == Told::of(&self.connected_identity(dialog)) {
            return;
        }
        let told = leg.told;
        let headers = self.introduce(dialog);
        let body = None;
        if self.agent.tell(now, dialog, Reply { headers, body }) {
            return;
        }
        self.refresh(now, dialog);
        let leg = self.legs.get_mut(&dialog).expect("it was there above");
        if matches!(leg.turn, Turn::Idle) {
            leg.told = told;
        }
    }

    /// A peer says who it is now, or who has answered: the other side of its call is told.
    pub(crate) fn identified(&mut self, now: Time, dialog: DialogKey, message: &Message<'_>) {
        let said = Identity::said_by(message, self.agent.remote(dialog));
        let (Some(identity), Some(leg)) = (said, self.legs.get_mut(&dialog)) else {
            return;
        };
        if std::mem::replace(&mut leg.identity, identity.clone()) == identity {
            return;
        }
        let other = self.calls[&leg.call].other(dialog);
        if let Some(other) = other {
            self.introduce_if_new(now, other);
        }
    }

    /// The stream of a leg is open that wants to take the place of `replaced`.
    pub(crate) fn joiner_opened(
        &mut self,
        now: Time,
        joining: CallKey,
        key: CallKey,
        replaced: DialogKey,
    ) {
        let joiner = self.calls[&joining].first;
        let other = match (self.state(key), self.legs.get(&replaced)) {
            (Some(State::Bridged(_)), Some(leg)) if leg.call == key => self.calls[&key]
                .other(replaced)
                .expect("a bridge has two legs"),
            _ => return self.fail_arrival(now, joiner, Refusal::DialogEnded),
        };
        let identity = self.legs[&other].identity.headers();
        let codec = self.legs[&other].codec();
        let leg = self.legs.get_mut(&joiner).expect("its stream has opened");
        leg.wish = Wish::talk(codec);
        if let Err(refusal) = self.answer_arrival(now, joiner, identity) {
            return self.fail_arrival(now, joiner, refusal);
        }
        self.take_place(now, key, replaced, joiner);
        self.remove_call(joining, End::Replaced);
        let (orbit, call_id) = self.log_fields(joiner);
        tracing::info!(
            call_id,
            orbit,
            dialog = joiner.0,
            replaced = replaced.0,
            "leg replaced"
        );
        self.apply(key);
        self.end_leg(now, replaced, Farewell::Replaced);
        self.anchor_replaced(now, key);
        self.follow_codec(now, key, joiner);
        self.introduce_if_new(now, other);
    }

    fn take_place(&mut self, now: Time, key: CallKey, replaced: DialogKey, joiner: DialogKey) {
        let call = self.calls.get_mut(&key).expect("the caller looked");
        if call.first == replaced {
            call.first = joiner;
        } else {
            call.state = State::Bridged(Bridge {
                second: joiner,
                since: now,
                way_back: None,
            });
        }
        self.legs.get_mut(&joiner).expect("the caller looked").call = key;
    }
}
