//! What a message from the server does to a phone.

use control::sip::message::{Message, Start};
use control::sip::method::Method;
use control::sip::status::Status;
use shared::Time;

use super::call::{Call, Request, State};
use super::message::{self, Peer};
use super::{ANSWER_US_MAX, Event, Outbox, Phones, What, sdp};

impl Phones {
    /// Takes a datagram from the server.
    pub fn receive(&mut self, now: Time, datagram: &[u8], out: &mut Outbox) {
        self.hear(now, datagram, out);
    }

    /// Takes a datagram from the server; says what it did, if anything.
    pub fn hear(&mut self, now: Time, datagram: &[u8], out: &mut Outbox) -> Option<Event> {
        let message = Message::parse(datagram).ok()?;
        let number = message
            .call_id()
            .ok()
            .and_then(|id| message::number_of(&self.line, id));
        let phone =
            number.filter(|number| self.calls.get(*number).is_some_and(Call::has_called))?;
        let what = match message.start() {
            Start::Request { method, .. } => self.receive_request(phone, method, &message, out),
            Start::Response { status, .. } => {
                self.receive_response(phone, now, status, &message, out)
            }
        };
        what.map(|what| Event { phone, what })
    }

    fn receive_request(
        &mut self,
        number: usize,
        method: Method,
        message: &Message<'_>,
        out: &mut Outbox,
    ) -> Option<What> {
        let call = &mut self.calls[number];
        if let State::Parked(peer) = &call.state
            && method != Method::Ack
            && !peer.sends(message)
        {
            out.push(message::answer(message, Status::CALL_DOES_NOT_EXIST));
            return None;
        }
        match method {
            Method::Ack => None,
            Method::Bye => {
                out.push(message::answer(message, Status::OK));
                match call.state {
                    State::Parked(_) => self.counts.parked -= 1,
                    State::HangingUp { .. } => self.counts.hanging_up -= 1,
                    // Said again: answered again.
                    _ => return None,
                }
                self.counts.dismissed += 1;
                call.state = State::Ended;
                Some(What::Dismissed)
            }
            Method::Invite => self.receive_invite(number, message, out),
            Method::Options => {
                out.push(message::answer(message, Status::OK));
                None
            }
            _ => {
                out.push(message::answer(message, Status::NOT_IMPLEMENTED));
                None
            }
        }
    }

    /// A re-INVITE of the server's: agreed to as it is (RFC 3261 §14.2).
    fn receive_invite(
        &mut self,
        number: usize,
        message: &Message<'_>,
        out: &mut Outbox,
    ) -> Option<What> {
        let call = &mut self.calls[number];
        let State::Parked(peer) = &mut call.state else {
            out.push(message::answer(message, Status::CALL_DOES_NOT_EXIST));
            return None;
        };
        if call.reinvite.is_some() {
            out.push(message::answer(message, Status::REQUEST_PENDING));
            return None;
        }
        peer.refresh(message);
        call.media.answer(sdp::direction(message.body()));
        out.push(message::accept(&self.line, number, message, call));
        Some(What::Redescribed)
    }

    fn receive_response(
        &mut self,
        number: usize,
        now: Time,
        status: Status,
        message: &Message<'_>,
        out: &mut Outbox,
    ) -> Option<What> {
        let cseq = message.cseq().ok()?;
        let call = &mut self.calls[number];
        match (cseq.method, &mut call.state) {
            (Method::Invite, State::Calling { request, .. }) if status.is_provisional() => {
                request.pause();
                None
            }
            (Method::Invite, State::Calling { began, .. }) if status.is_success() => {
                let peer = Peer::read(message)?;
                let waited = u64::try_from(now.since(*began).as_micros()).unwrap_or(ANSWER_US_MAX);
                self.answer_us
                    .saturating_record(waited.clamp(1, ANSWER_US_MAX));
                self.counts.calling -= 1;
                self.counts.parked += 1;
                out.push(message::ack(&self.line, number, cseq.number, &peer));
                call.state = State::Parked(peer);
                Some(What::Answered)
            }
            (Method::Invite, State::Calling { .. }) => {
                out.push(message::ack_refusal(&self.line, number, message, call));
                self.counts.calling -= 1;
                self.counts.failed += 1;
                call.state = State::Failed(status);
                Some(What::Refused(status))
            }
            (Method::Invite, State::Parked(_)) => {
                self.receive_agreement(number, cseq.number, status, message, out)
            }
            (Method::Invite, State::Failed(_)) if status.is_final() => {
                out.push(message::ack_refusal(&self.line, number, message, call));
                None
            }
            (Method::Bye, State::HangingUp { .. }) if status.is_final() => {
                self.counts.hanging_up -= 1;
                self.counts.hung_up += 1;
                call.state = State::Ended;
                Some(What::HungUp)
            }
            _ => None,
        }
    }

    /// An answer to a re-INVITE of ours, or once more the one to the INVITE: our ACK was lost, and
    /// the 200 comes again until one arrives (RFC 3261 §13.3.1.4).
    fn receive_agreement(
        &mut self,
        number: usize,
        cseq: u32,
        status: Status,
        message: &Message<'_>,
        out: &mut Outbox,
    ) -> Option<What> {
        let call = &mut self.calls[number];
        let is_awaited = cseq == call.cseq && call.reinvite.is_some();
        if status.is_provisional() {
            call.reinvite.iter_mut().for_each(Request::pause);
            return None;
        }
        if !status.is_success() {
            out.push(message::ack_refusal(&self.line, number, message, call));
            call.reinvite = call.reinvite.take().filter(|_| !is_awaited);
            return is_awaited.then_some(What::Disagreed(status));
        }
        let State::Parked(peer) = &mut call.state else {
            return None;
        };
        if is_awaited {
            peer.refresh(message);
            call.reinvite = None;
        }
        out.push(message::ack(&self.line, number, cseq, peer));
        is_awaited.then_some(What::Agreed)
    }
}
