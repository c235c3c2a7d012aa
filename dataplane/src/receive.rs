//! What becomes of a datagram that arrived: believed or not, counted, seen as a digit, relayed.

use std::mem;
use std::net::SocketAddr;
use std::ops::Range;

use shared::{Codec, DropReason, Event, PayloadType, Source, Time};

use crate::address::Address;
use crate::digit::Payload;
use crate::engine::Engine;
use crate::hush::is_audible;
use crate::latch::Belief;
use crate::port::{Owner, Socket};
use crate::relay::Span;
use crate::rewrite::readdress;
use crate::rtcp::reception::{Arrival, Carries};
use crate::rtp::{self, Header, Packet};
use crate::stream::Stream;
use crate::tap::Sight;
use crate::terms::Terms;

/// What the owner of the buffer does with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Nothing more.
    Done,
    /// Send a part of it.
    Forward(Forward),
}

/// A packet to be sent from the buffer it arrived in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Forward {
    /// Which bytes.
    pub part: Range<usize>,
    /// From where.
    pub socket: Socket,
    /// Where to.
    pub to: Address,
    /// The stream that sends it.
    pub owner: Owner,
}

/// A packet of a believed source, and how it is to be understood.
struct Accepted {
    packet: Packet,
    carries: Carries,
    arrival: Arrival,
    codec: Codec,
    /// Who is to hear it, where the direction allows that anybody does.
    listener: Option<Owner>,
}

impl Engine {
    /// Takes a datagram that arrived for a stream; it may be changed in place.
    pub fn receive(
        &mut self,
        now: Time,
        owner: Owner,
        source: SocketAddr,
        datagram: &mut [u8],
    ) -> Outcome {
        let result = if rtp::is_rtcp(datagram) {
            self.receive_rtcp(now, owner, source, datagram)
        } else {
            self.receive_rtp(now, owner, source, datagram)
        };
        match result {
            Ok(outcome) => outcome,
            Err(reason) => {
                self.dropped(owner, reason);
                Outcome::Done
            }
        }
    }

    /// A datagram of a stream was lost outside the core.
    pub fn dropped(&mut self, owner: Owner, reason: DropReason) {
        self.lost(owner, reason, 1);
    }

    /// Datagrams of a stream were lost outside the core.
    pub fn lost(&mut self, owner: Owner, reason: DropReason, count: u32) {
        self.stats.count_drop(reason, count.into());
        if let Some(stream) = self.table.get(owner) {
            stream.counts.dropped = stream.counts.dropped.saturating_add(count);
        }
    }

    fn receive_rtp(
        &mut self,
        now: Time,
        owner: Owner,
        source: SocketAddr,
        datagram: &mut [u8],
    ) -> Result<Outcome, DropReason> {
        let accepted = self.accept(now, owner, source, datagram)?;
        self.stats.rtp_received.add(1);
        let span = self.span(now, owner, &accepted, datagram);
        let listener = accepted.listener.ok_or(DropReason::NotWanted)?;
        if accepted.arrival == Arrival::Unlikely {
            return Err(DropReason::CannotRelay);
        }
        self.relay(now, listener, &accepted, span, datagram)
            .map(Outcome::Forward)
    }

    /// Whether a packet is one of the peer's; learns from it whom to believe.
    fn accept(
        &mut self,
        now: Time,
        owner: Owner,
        source: SocketAddr,
        datagram: &[u8],
    ) -> Result<Accepted, DropReason> {
        let id = self.id(owner);
        let stream = self.table.get(owner).ok_or(DropReason::StaleStream)?;
        let from = Address::from(source);
        if stream.captured {
            let sight = Sight::arrived(now, from, datagram);
            self.tap.see(owner, sight, &self.stats);
        }
        let terms = stream.terms.as_ref().ok_or(DropReason::NotWanted)?;
        let belief = stream.lock.judge(terms, &from);
        if belief == Belief::Stranger {
            return Err(DropReason::WrongSource);
        }
        let packet = rtp::parse(datagram).map_err(|_| DropReason::Malformed)?;
        let Some(carries) = carried(terms, packet.header.payload_type()) else {
            if belief == Belief::Known {
                stream.hear(now);
            }
            return Err(DropReason::WrongPayloadType);
        };
        let ssrc = packet.header.ssrc.get();
        if !stream.reception.admits(now, ssrc) {
            return Err(DropReason::WrongSource);
        }
        let (codec, receive) = (terms.codec, terms.receive);
        let learned = belief == Belief::Learnable && stream.lock.learn(terms, &from);
        stream.hear(now);
        stream.counts.received = stream.counts.received.wrapping_add(1);
        if mem::replace(&mut stream.excused, stream.screened) {
            stream.reception.excuse(&packet.header);
        }
        let arrival = stream.reception.receive(now, &packet.header, carries);
        let listener = stream.listener.filter(|_| receive);
        let collides = stream.collides(ssrc);
        if learned {
            self.tell(Event::Latched {
                stream: id,
                remote: source,
            });
            self.drive(now, owner);
        }
        if belief == Belief::Learnable {
            self.unsettle(owner);
        }
        if collides {
            self.change_ssrc(owner);
        }
        Ok(Accepted {
            packet,
            carries,
            arrival,
            codec,
            listener,
        })
    }

    /// The time a packet covers; a digit in it is reported.
    fn span(&mut self, now: Time, owner: Owner, accepted: &Accepted, datagram: &[u8]) -> Span {
        let payload = &datagram[accepted.packet.payload.clone()];
        if accepted.carries == Carries::Speech {
            return Span::Ahead(u32::try_from(payload.len()).unwrap_or(0));
        }
        let Some(payload) = Payload::parse(payload) else {
            return Span::Past(0);
        };
        let timestamp = accepted.packet.header.timestamp.get();
        if let Some(stream) = self.table.get(owner) {
            let ended = stream.digits.receive(now, timestamp, payload);
            if stream.digits.is_held() {
                self.agenda.hurry(owner.index);
            }
            ended
                .into_iter()
                .flatten()
                .for_each(|digit| self.tell_digit(owner, digit));
        }
        Span::Past(payload.duration.into())
    }

    fn relay(
        &mut self,
        now: Time,
        listener: Owner,
        accepted: &Accepted,
        span: Span,
        datagram: &mut [u8],
    ) -> Result<Forward, DropReason> {
        if !self.is_let_through(listener, accepted, datagram) {
            return Err(DropReason::NotWanted);
        }
        let transcoder = &self.transcoder;
        let stream = self.table.get(listener).ok_or(DropReason::NoPeer)?;
        let sockets = stream.sockets().ok_or(DropReason::NoPeer)?;
        let terms = stream.terms.as_ref().filter(|terms| terms.send);
        let terms = terms.ok_or(DropReason::NoPeer)?;
        let to = stream.lock.destination(terms);
        let to = to.ok_or(DropReason::NoRemote)?;
        let payload_type = sent_as(terms, accepted.carries).ok_or(DropReason::CannotRelay)?;
        let codec = terms.codec;
        if accepted.arrival == Arrival::Restarted {
            stream.relay.switch();
        }
        let packet = &accepted.packet;
        let numbers = stream
            .relay
            .pass(&mut stream.output, now, &packet.header, span)
            .ok_or(DropReason::CannotRelay)?;
        let ssrc = stream.output.ssrc;
        let mut header = Header::new(payload_type, numbers.sequence, numbers.timestamp, ssrc);
        header.set_marker(numbers.marker);
        if accepted.carries == Carries::Speech {
            let speech = &mut datagram[packet.payload.clone()];
            transcoder.transcode(accepted.codec, codec, speech);
        }
        let part = readdress(datagram, packet, &header);
        stream.count_sent(1, packet.payload.len());
        if stream.captured {
            let sight = Sight::sent(now, to, &datagram[part.clone()]);
            self.tap.see(listener, sight, &self.stats);
        }
        self.stats.rtp_sent.add(1);
        Ok(Forward {
            part,
            socket: sockets.rtp,
            to,
            owner: listener,
        })
    }
}

impl Engine {
    /// Of a peer that holds the call, silence is not sent once a prompt is played instead. What can
    /// be heard ends the prompt.
    fn is_let_through(&mut self, listener: Owner, accepted: &Accepted, datagram: &[u8]) -> bool {
        let Some(stream) = self.table.get(listener) else {
            return true;
        };
        if !matches!(stream.source, Source::Held { .. }) {
            return true;
        }
        let speech = &datagram[accepted.packet.payload.clone()];
        if accepted.carries == Carries::Speech && !is_audible(accepted.codec, speech) {
            return !stream.hush.is_over();
        }
        stream.hush.end();
        if stream.place.is_some() {
            stream.relay.switch();
            self.unlink(listener);
        }
        true
    }
}

impl Stream {
    /// Whether the peer speaks with our own SSRC (RFC 3550 §8.2). An echo of what we send looks the
    /// same, so that we give way only once for each remote.
    fn collides(&mut self, ssrc: u32) -> bool {
        let collides = ssrc == self.output.ssrc && !self.gave_way;
        self.gave_way |= collides;
        collides
    }
}

fn carried(terms: &Terms, payload_type: u8) -> Option<Carries> {
    let is = |one: PayloadType| one.number() == payload_type;
    if is(terms.receive_payload_type) {
        return Some(Carries::Speech);
    }
    terms
        .receive_event_payload_type
        .is_some_and(is)
        .then_some(Carries::Event)
}

const fn sent_as(terms: &Terms, carries: Carries) -> Option<PayloadType> {
    match carries {
        Carries::Speech => Some(terms.send_payload_type),
        Carries::Event => terms.send_event_payload_type,
    }
}
