//! Ends: of a leg, and what becomes of its call; of a call, and what its legs are told.

use shared::{Command, StreamId, Time, WorkerId};

use super::limits::PROOF_MARGIN;
use super::refusal::reason;
use super::{Bridge, CallKey, Exchange, Phase, Refusal, State};
use crate::happening;
use crate::lamp::End;
use crate::park::Parked;
use crate::sip::agent::{DialogKey, EndCause, Reply};
use crate::sip::header::Header;
use crate::sip::limits::TIMEOUT;
use crate::sip::message::Message;

/// Why we end a leg that was answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Farewell {
    /// Nobody retrieved it in time.
    NotRetrieved,
    /// Another leg has taken its place.
    Replaced,
    /// It has asked that the other leg be parked.
    Parked,
    /// Its answer does not fit our offer.
    BadAnswer,
    /// An operator has ended it.
    Operator,
    /// One of a bridge fell silent.
    MediaTimeout,
    /// Its worker ended.
    MediaLost,
    /// The server ends.
    Stopping,
}

impl Farewell {
    fn header(self) -> (Header, String) {
        match self {
            Self::NotRetrieved => reason(480, "Not retrieved in time"),
            Self::Replaced => reason(200, "Replaced"),
            Self::Parked => reason(200, "Parked"),
            Self::BadAnswer => reason(488, "The answer does not fit the offer"),
            Self::Operator => reason(480, "Ended by the operator"),
            Self::MediaTimeout => reason(480, "Media timeout"),
            Self::MediaLost => reason(503, "Media failed"),
            Self::Stopping => reason(503, "Server stopping"),
        }
    }

    /// A BYE that says so.
    pub(crate) fn reply(self) -> Reply {
        with(Some(self.header()))
    }

    /// What a leg of the same call is told whose INVITE is not answered yet.
    pub(crate) const fn refusal(self) -> Refusal {
        match self {
            Self::NotRetrieved
            | Self::Replaced
            | Self::Parked
            | Self::BadAnswer
            | Self::Operator
            | Self::MediaTimeout => Refusal::ParkeeGone,
            Self::MediaLost => Refusal::NoMedia,
            Self::Stopping => Refusal::Stopping,
        }
    }
}

impl Exchange {
    /// The peer, or its silence, has ended a dialog.
    pub(crate) fn dialog_ended(
        &mut self,
        now: Time,
        dialog: DialogKey,
        cause: EndCause,
        bye: Option<&Message<'_>>,
    ) {
        self.parker_left(now, dialog);
        let (orbit, call_id) = self.log_fields(dialog);
        tracing::info!(
            call_id,
            orbit,
            dialog = dialog.0,
            ?cause,
            "leg ended by its peer"
        );
        let why = match cause {
            EndCause::Bye => happening::End::HungUp,
            EndCause::NoAck => happening::End::NoAck,
            EndCause::Expired => happening::End::SessionExpired,
            EndCause::Gone => happening::End::PhoneGone,
        };
        self.news.gone = Some((dialog, why));
        let header = match cause {
            EndCause::Bye => {
                self.retrieval_confirmed(dialog);
                bye.and_then(|bye| bye.header(Header::Reason))
                    .map(|value| (Header::Reason, value.to_owned()))
            }
            EndCause::NoAck => Some(reason(408, "No ACK from the other side")),
            EndCause::Expired => Some(reason(408, "The session was not refreshed")),
            EndCause::Gone => Some(reason(408, "The other side does not answer")),
        };
        self.leg_gone(now, dialog, header);
    }

    /// The peer has cancelled its INVITE, which is answered already.
    pub(crate) fn cancelled(&mut self, now: Time, dialog: DialogKey) {
        self.parker_left(now, dialog);
        let (orbit, call_id) = self.log_fields(dialog);
        tracing::info!(call_id, orbit, dialog = dialog.0, "cancelled");
        self.news.gone = Some((dialog, happening::End::HungUp));
        self.leg_gone(now, dialog, None);
    }

    /// Ends a leg that was not connected yet, and its call as far as it cannot do without.
    pub(crate) fn fail_arrival(&mut self, now: Time, dialog: DialogKey, refusal: Refusal) {
        if let Some((key, State::Fetching(_))) = self.call_of(dialog) {
            self.fetch_failed(now, key, refusal);
        }
        self.turn_away(now, dialog, refusal);
        self.leg_gone(now, dialog, None);
    }

    /// Tells a leg that it will not be connected: its INVITE is refused, or, if we have called it,
    /// it is told by CANCEL or BYE.
    pub(crate) fn turn_away(&mut self, now: Time, dialog: DialogKey, refusal: Refusal) {
        self.news.refused = Some((dialog, refusal));
        if self.legs[&dialog].is_arriving() {
            return self.refuse(now, dialog, refusal);
        }
        let header = reason(refusal.status().code(), refusal.text());
        self.agent.bye(now, dialog, with(Some(header)));
    }

    /// Ends one leg, and its call as far as it cannot do without.
    pub(crate) fn fail_leg(&mut self, now: Time, dialog: DialogKey, farewell: Farewell) {
        let header = farewell.header();
        self.agent.bye(now, dialog, with(Some(header.clone())));
        self.news.gone = Some((dialog, farewell.into()));
        self.leg_gone(now, dialog, Some(header));
    }

    /// Ends a call with all its legs.
    pub(crate) fn end_call(&mut self, now: Time, key: CallKey, farewell: Farewell) {
        self.fetch_failed(now, key, farewell.refusal());
        self.news.farewell = Some((key, farewell));
        let Some(call) = self.forget_call(key, End::of(farewell)) else {
            return;
        };
        for dialog in call.legs() {
            self.end_leg(now, dialog, farewell);
        }
    }

    /// Ends one leg that its call has already let go of.
    pub(crate) fn end_leg(&mut self, now: Time, dialog: DialogKey, farewell: Farewell) {
        let (orbit, call_id) = self.log_fields(dialog);
        tracing::info!(call_id, orbit, dialog = dialog.0, ?farewell, "leg ended");
        if self.legs[&dialog].is_arriving() {
            self.refuse(now, dialog, farewell.refusal());
        } else {
            self.agent.bye(now, dialog, with(Some(farewell.header())));
        }
        self.drop_leg(dialog);
    }

    /// A peer of a bridge has sent neither RTP nor RTCP for too long.
    pub(crate) fn media_timed_out(&mut self, now: Time, stream: StreamId) {
        let Some(dialog) = self.streams.owner(stream) else {
            return;
        };
        let leg = &self.legs[&dialog];
        // It may have been put on hold while the event was under way.
        if leg.described.is_some_and(|media| media.supervise) {
            let key = leg.call;
            let (orbit, call_id) = self.log_fields(dialog);
            tracing::warn!(call_id, orbit, dialog = dialog.0, %stream, "media timeout");
            match self.state(key) {
                Some(State::Bridged(bridge)) if self.way_back(now, bridge, dialog).is_some() => {
                    self.fail_leg(now, dialog, Farewell::MediaTimeout);
                }
                _ => self.end_call(now, key, Farewell::MediaTimeout),
            }
        }
    }

    /// A worker has ended; the calls that had their media there end with it.
    pub(crate) fn worker_lost(&mut self, now: Time, worker: WorkerId) {
        let (owners, ports) = self.streams.lose(worker);
        for pair in ports {
            self.ports.put(pair);
        }
        self.news.lose(worker);
        self.commands.retain(|&(addressee, _)| addressee != worker);
        for dialog in owners {
            if let Some(leg) = self.legs.get(&dialog) {
                let key = leg.call;
                self.end_call(now, key, Farewell::MediaLost);
            }
        }
    }

    /// Takes no more calls; those that are there go on.
    pub(crate) fn drain(&mut self) {
        if self.phase != Phase::Serving {
            return;
        }
        self.phase = Phase::Draining;
        tracing::info!(
            calls = self.calls.len(),
            "draining: no more calls are parked"
        );
        self.tell_drain();
    }

    /// Ends when the last call has ended of a server that takes no more.
    pub(crate) fn stop_when_drained(&mut self, now: Time) {
        if self.phase == Phase::Draining && self.calls.is_empty() {
            self.stop(now);
        }
    }

    /// Ends every call; no new ones are taken.
    pub(crate) fn stop(&mut self, now: Time) {
        if self.is_stopping() {
            return;
        }
        self.phase = Phase::Stopping(now + super::limits::STOP_TIMEOUT);
        tracing::info!(calls = self.calls.len(), "stopping");
        let keys: Vec<_> = self.calls.keys().copied().collect();
        for key in keys {
            self.end_call(now, key, Farewell::Stopping);
        }
        self.end_watches(now);
    }

    /// Whether nothing is taken any more, not even for a call that waits.
    pub(crate) fn is_stopping(&self) -> bool {
        match self.phase {
            Phase::Serving | Phase::Draining => false,
            Phase::Stopping(_) | Phase::Stopped => true,
        }
    }

    /// The dialog of a leg is gone, or as good as: what becomes of its call. `header` is for the
    /// other leg's BYE.
    fn leg_gone(&mut self, now: Time, dialog: DialogKey, header: Option<(Header, String)>) {
        let Some((key, state)) = self.call_of(dialog) else {
            return;
        };
        let other = self.calls[&key].other(dialog);
        let way_back = match state {
            State::Bridged(bridge) => self.way_back(now, bridge, dialog),
            _ => None,
        };
        self.drop_leg(dialog);
        match (state, other) {
            (State::Retrieving(parked, retriever), _) if retriever == dialog => {
                self.unretrieve(now, key, parked);
                return;
            }
            (State::Recalling(parked, recall), _) if recall == dialog => {
                self.recall_failed(now, key, parked);
                return;
            }
            (State::Retrieving(..) | State::Recalling(..), Some(second)) => {
                self.turn_away(now, second, Refusal::ParkeeGone);
                self.drop_leg(second);
            }
            (State::Adopting(_), Some(other)) => {
                self.agent.bye(now, other, with(header));
                self.drop_leg(other);
            }
            (State::Bridged(_), Some(other)) => {
                if let Some(parked) = way_back {
                    return self.park_again(now, key, parked);
                }
                self.agent.bye(now, other, with(header));
                self.drop_leg(other);
            }
            _ => {}
        }
        self.fetch_failed(now, key, Refusal::ParkeeGone);
        self.forget_call(key, End::HungUp);
    }

    /// How to go on without a leg of a bridge that seems never to have been there.
    fn way_back(&self, now: Time, bridge: Bridge, gone: DialogKey) -> Option<Parked> {
        let is_early = now < bridge.since + self.proof() || self.is_being_adopted(gone);
        bridge
            .way_back
            .filter(|_| bridge.second == gone && is_early)
    }

    /// How long it takes until it is certain whether the second leg of a bridge is there.
    pub(super) fn proof(&self) -> std::time::Duration {
        self.rules.media.timeout.max(TIMEOUT) + PROOF_MARGIN
    }

    /// Takes a call out of the table and its orbit back.
    pub(crate) fn forget_call(&mut self, key: CallKey, end: End) -> Option<super::Call> {
        let call = self.remove_call(key, end)?;
        if let Some(orbit) = call.orbit() {
            self.orbits.free(orbit);
        }
        Some(call)
    }

    /// Takes a leg out of the table and asks for the end of its stream.
    pub(crate) fn drop_leg(&mut self, dialog: DialogKey) {
        let leg = self.legs.remove(&dialog).expect("a leg is dropped once");
        self.translated.remove(&dialog);
        let stream = leg.stream;
        self.note_left(dialog, &leg);
        self.forget_adoption(dialog);
        self.remember_music(&leg);
        self.lamps.leaving = Some((dialog, leg.identity));
        // A stream that the worker refused is nobody's already.
        if self.streams.owner(stream) == Some(dialog) {
            self.streams.close(stream);
            self.command(stream.worker, Command::Close { stream });
        }
    }
}

pub(crate) fn with(header: Option<(Header, String)>) -> Reply {
    Reply {
        headers: header.into_iter().collect(),
        body: None,
    }
}
