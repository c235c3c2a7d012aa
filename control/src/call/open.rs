//! Giving an arriving leg its stream: a port is bound before it is promised to anybody.

use shared::{Command, Event, RefuseReason, RtcpPort, StreamId, SyncSource, Time, WorkerId};

use super::arrival::Arrival;
use super::identity::Identity;
use super::limits::OPEN_ATTEMPTS_MAX;
use super::stream::Purpose;
use super::{CallKey, Exchange, Leg, Refusal, State, Turn, Wish};
use crate::call::music::Heard;
use crate::park::Orbit;
use crate::sdp::Session;
use crate::sip::agent::DialogKey;

/// A leg to be.
#[derive(Debug)]
pub(crate) struct NewLeg {
    pub(crate) dialog: DialogKey,
    pub(crate) call: CallKey,
    /// The number it will know itself under.
    pub(crate) orbit: Orbit,
    pub(crate) wish: Wish,
    pub(crate) purpose: Purpose,
}

impl NewLeg {
    /// A leg that begins a call.
    pub(crate) const fn alone(dialog: DialogKey, call: CallKey, orbit: Orbit, wish: Wish) -> Self {
        Self {
            dialog,
            call,
            orbit,
            wish,
            purpose: Purpose::Begin,
        }
    }
}

impl Exchange {
    /// Enters a leg and asks for its stream. [`Exchange::stream_opened`] goes on with it.
    pub(crate) fn open_leg(&mut self, new: &NewLeg, arrival: Box<Arrival>) -> Result<(), Refusal> {
        let source = self.random.sync_source();
        let stream = self.open_stream(new.dialog, new.purpose, arrival.rtcp(), source)?;
        let of_number = self.rules.music_of(&arrival);
        let session = Session::new(self.random.session_id());
        let peer = (arrival.host.clone(), arrival.identity.clone());
        let offered = arrival.offer.as_ref().map(|offer| offer.codecs.clone());
        let streams = (stream, source, session);
        let mut leg = Leg::new(new, streams, peer, Turn::Arriving(arrival));
        leg.call_id = self.agent.call_id(new.dialog);
        leg.peer_codecs = offered.unwrap_or_default();
        leg.heard = Box::new(Heard::of_number(of_number));
        let before = self.legs.insert(new.dialog, Box::new(leg));
        assert!(before.is_none(), "a dialog's key is never reused");
        Ok(())
    }

    /// Enters a leg that we shall call, and asks for its stream.
    pub(crate) fn open_recall(
        &mut self,
        key: CallKey,
        orbit: Orbit,
        target: &str,
    ) -> Result<DialogKey, Refusal> {
        let parkee = &self.legs[&self.calls[&key].first];
        let host = parkee.host.clone();
        let leg = NewLeg {
            wish: Wish::talk(parkee.codec()),
            purpose: Purpose::Join(parkee.stream.worker),
            dialog: self.agent.reserve(),
            call: key,
            orbit,
        };
        self.open_outgoing(&leg, host, target)?;
        Ok(leg.dialog)
    }

    /// Enters a leg that we shall call, and asks for its stream. `host` is a name of ours that it
    /// may be told.
    pub(crate) fn open_outgoing(
        &mut self,
        new: &NewLeg,
        host: Box<str>,
        target: &str,
    ) -> Result<(), Refusal> {
        let source = self.random.sync_source();
        let stream = self.open_stream(new.dialog, new.purpose, RtcpPort::Next, source)?;
        let session = Session::new(self.random.session_id());
        let peer = (host, Identity::of_uri(target));
        let streams = (stream, source, session);
        let leg = Leg::new(new, streams, peer, Turn::Opening(0));
        self.legs.insert(new.dialog, Box::new(leg));
        Ok(())
    }

    pub(super) fn open_stream(
        &mut self,
        dialog: DialogKey,
        purpose: Purpose,
        rtcp: RtcpPort,
        source: SyncSource,
    ) -> Result<StreamId, Refusal> {
        let ports = self.ports.take(purpose).ok_or(Refusal::NoMedia)?;
        let Some(stream) = self.streams.open(purpose, dialog, ports) else {
            self.ports.put(ports);
            return Err(Refusal::NoMedia);
        };
        let open = Command::Open {
            stream,
            local: (self.rules.media.address, ports.rtp()).into(),
            rtcp,
            role: purpose.role(),
            source,
        };
        self.command(stream.worker, open);
        Ok(stream)
    }

    /// Takes what a worker says.
    pub(crate) fn media(&mut self, now: Time, worker: WorkerId, event: Event) {
        match event {
            Event::Opened { stream } => {
                if let Some(dialog) = self.streams.opened(stream) {
                    self.stream_opened(now, dialog);
                }
            }
            Event::Refused { stream, reason } => self.stream_refused(now, stream, reason),
            Event::Closed { stream, stats } => {
                tracing::debug!(%stream, ?stats, "stream closed");
                self.take_back(stream);
                self.tell_closed(stream, stats);
            }
            Event::MediaTimeout { stream } => self.media_timed_out(now, stream),
            Event::Utilisation { share } => self.streams.utilised(worker, share),
            Event::Stopped => self.worker_lost(now, worker),
            Event::Latched { stream, remote } => {
                tracing::debug!(%stream, %remote, "latched");
                if let Some(dialog) = self.streams.owner(stream) {
                    self.translated(now, dialog);
                }
            }
            // A phone may end RTCP before its BYE, or change its source: SIP ends calls.
            Event::PeerBye { stream } => tracing::debug!(%stream, "RTCP BYE"),
            Event::PromptEnded { stream } => self.word_ended(stream),
            Event::Digit { stream, code, .. } => self.digit(now, stream, code),
        }
    }

    fn take_back(&mut self, stream: StreamId) {
        if let Some(ports) = self.streams.closed(stream) {
            self.ports.put(ports);
        }
    }

    fn stream_opened(&mut self, now: Time, dialog: DialogKey) {
        let Some((key, state)) = self.call_of(dialog) else {
            unreachable!("a stream that opens for a leg has one")
        };
        match state {
            State::Parking(parking) => self.park_opened(now, key, parking),
            State::Fetching(_) => self.fetch_opened(now, key),
            State::Asking(_) => self.pin_opened(now, key),
            State::Retrieving(_, retriever) if retriever == dialog => {
                self.retriever_opened(now, key, retriever);
            }
            State::Recalling(parked, recall) if recall == dialog => {
                self.recall_opened(now, key, parked, recall);
            }
            State::Adopting(_) => self.adoption_opened(key, dialog),
            State::Joining { call, replaced } => self.joiner_opened(now, key, call, replaced),
            State::Parked(_) | State::Retrieving(..) | State::Recalling(..) | State::Bridged(_) => {
                unreachable!("the stream of an answered leg is open")
            }
        }
    }

    fn stream_refused(&mut self, now: Time, stream: StreamId, reason: RefuseReason) {
        let Some(refused) = self.streams.refused(stream) else {
            return;
        };
        self.ports.put(refused.ports);
        let retry = match reason {
            RefuseReason::PortTaken => Retry::OtherPort,
            RefuseReason::WorkerFull | RefuseReason::NoDescriptor => {
                self.streams.full(stream.worker, refused.role);
                Retry::OtherWorker
            }
            RefuseReason::AddressUnavailable | RefuseReason::Kernel => Retry::No,
        };
        let Some(dialog) = refused.owner else {
            return;
        };
        // A port of somebody else's and a full worker are everyday: another is tried.
        let alarm = (retry == Retry::No || reason == RefuseReason::NoDescriptor)
            .then(|| self.stream_alarm.raise(now));
        let (orbit, call_id) = self.log_fields(dialog);
        let number = dialog.0;
        if let Some(Some(times)) = alarm {
            tracing::warn!(call_id, orbit, dialog = number, %stream, times, "no stream: {reason}");
        } else {
            tracing::debug!(call_id, orbit, dialog = number, %stream, "no stream: {reason}");
        }
        if let Err(refusal) = self.reopen(dialog, stream, retry) {
            self.fail_arrival(now, dialog, refusal);
        }
    }

    /// Asks again with other ports or of another worker.
    fn reopen(
        &mut self,
        dialog: DialogKey,
        refused: StreamId,
        retry: Retry,
    ) -> Result<(), Refusal> {
        let leg = self.legs.get_mut(&dialog).expect("streams belong to legs");
        let source = leg.sync_source;
        let (attempts, rtcp) = match &mut leg.turn {
            Turn::Arriving(arrival) => {
                let rtcp = arrival.rtcp();
                (&mut arrival.attempts, rtcp)
            }
            Turn::Opening(attempts) => (attempts, RtcpPort::Next),
            _ => unreachable!("the stream of an answered leg is open"),
        };
        *attempts += 1;
        if *attempts >= OPEN_ATTEMPTS_MAX {
            return Err(Refusal::NoMedia);
        }
        let is_alone = matches!(
            self.call_of(dialog),
            Some((_, State::Parking(_) | State::Fetching(_)))
        );
        let purpose = match retry {
            Retry::OtherPort | Retry::OtherWorker if is_alone => Purpose::Begin,
            Retry::OtherPort => Purpose::Join(refused.worker),
            // Two legs that are to be bridged must be on one worker.
            Retry::OtherWorker | Retry::No => return Err(Refusal::NoMedia),
        };
        let stream = self.open_stream(dialog, purpose, rtcp, source)?;
        let leg = self.legs.get_mut(&dialog).expect("it was there before");
        leg.stream = stream;
        Ok(())
    }
}

/// What may help against a refused stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Retry {
    OtherPort,
    OtherWorker,
    No,
}
