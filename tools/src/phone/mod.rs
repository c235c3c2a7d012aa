//! Many simple phones on one UDP socket: each calls, listens, and hangs up (RFC 3261 §17.1 over an
//! unreliable transport).
//!
//! No IO and no clock. Absent on purpose: media, and everything a parked caller does not do (hold,
//! transfer, TCP, authentication).

mod call;
mod message;

use std::net::SocketAddr;
use std::time::Duration;

use control::sip::message::{Message, Start};
use control::sip::method::Method;
use control::sip::status::Status;
use hdrhistogram::Histogram;
use shared::Time;

use call::{Call, State};

/// Whom the phones call, and as whom.
#[derive(Clone, Debug)]
pub struct Line {
    /// The phones' SIP socket.
    pub local: SocketAddr,
    /// The Request-URI: `sip:park@127.0.0.1:5060`.
    pub target: String,
    /// Tells the calls of one run from those of another.
    pub seed: u32,
}

/// The phones. Every message they want sent is put into the outbox that a verb is given; all go to
/// the server.
#[derive(Debug)]
pub struct Phones {
    line: Line,
    calls: Vec<Call>,
    /// The first that was not yet told to call.
    next: usize,
    counts: Counts,
    /// From the first INVITE to its 200, in microseconds.
    answer_us: Histogram<u64>,
}

/// Messages to send, oldest first.
pub type Outbox = Vec<Vec<u8>>;

/// How many phones are in which state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Called, and not yet answered.
    pub calling: usize,
    /// Answered: parked.
    pub parked: usize,
    /// Said BYE, and have no answer yet.
    pub hanging_up: usize,
    /// Their BYE was answered.
    pub hung_up: usize,
    /// The server said BYE to them.
    pub dismissed: usize,
    /// Refused, or not answered in time.
    pub failed: usize,
}

/// The slowest answer that is told apart.
const ANSWER_US_MAX: u64 = 60_000_000;

impl Phones {
    /// One phone for each of the RTP ports.
    #[must_use]
    pub fn new(line: Line, rtp_ports: impl IntoIterator<Item = u16>) -> Self {
        let answer_us = Histogram::new_with_bounds(1, ANSWER_US_MAX, 2);
        Self {
            line,
            calls: rtp_ports.into_iter().map(Call::new).collect(),
            next: 0,
            counts: Counts::default(),
            answer_us: answer_us.expect("the bounds are in order"),
        }
    }

    /// Lets the next phone call; false when all have.
    pub fn call_next(&mut self, now: Time, out: &mut Outbox) -> bool {
        let Some(call) = self.calls.get_mut(self.next) else {
            return false;
        };
        let invite = message::invite(&self.line, self.next, call.rtp_port);
        call.state = State::calling(now, invite.clone());
        out.push(invite);
        self.next += 1;
        self.counts.calling += 1;
        true
    }

    /// Lets a parked phone hang up; any other does nothing.
    pub fn hang_up(&mut self, number: usize, now: Time, out: &mut Outbox) {
        let call = &mut self.calls[number];
        let State::Parked(peer) = &call.state else {
            return;
        };
        let bye = message::bye(&self.line, number, peer);
        call.state = State::hanging_up(now, bye.clone());
        out.push(bye);
        self.counts.parked -= 1;
        self.counts.hanging_up += 1;
    }

    /// Takes a datagram from the server.
    pub fn receive(&mut self, now: Time, datagram: &[u8], out: &mut Outbox) {
        let Ok(message) = Message::parse(datagram) else {
            return;
        };
        let number = message
            .call_id()
            .ok()
            .and_then(|id| message::number_of(&self.line, id));
        let Some(number) = number.filter(|number| *number < self.next) else {
            return;
        };
        match message.start() {
            Start::Request { method, .. } => self.receive_request(number, method, &message, out),
            Start::Response { status, .. } => {
                self.receive_response(number, now, status, &message, out);
            }
        }
    }

    /// Sends again what was not answered (timers A and E) and gives up what never will be (B and
    /// F).
    pub fn tick(&mut self, now: Time, out: &mut Outbox) {
        for call in &mut self.calls[..self.next] {
            let (request, is_invite) = match &mut call.state {
                State::Calling { request, .. } => (request, true),
                State::HangingUp { request } => (request, false),
                _ => continue,
            };
            if request.is_over(now) {
                let waiting = if is_invite {
                    &mut self.counts.calling
                } else {
                    &mut self.counts.hanging_up
                };
                *waiting -= 1;
                self.counts.failed += 1;
                call.state = State::Failed(Status::REQUEST_TIMEOUT);
                continue;
            }
            if request.is_due(now, is_invite) {
                out.push(request.bytes.clone());
            }
        }
    }

    /// How many phones there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// How many are in which state.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The time to be answered that this part of the phones did not exceed, as `0.99`.
    #[must_use]
    pub fn answered_within(&self, part: f64) -> Duration {
        Duration::from_micros(self.answer_us.value_at_quantile(part))
    }

    /// Why phones failed, with how many, most frequent first; a phone that got no answer counts as
    /// 408.
    #[must_use]
    pub fn failures(&self) -> Vec<(Status, usize)> {
        let mut failures: Vec<(Status, usize)> = Vec::new();
        for call in &self.calls {
            let State::Failed(status) = call.state else {
                continue;
            };
            match failures.iter_mut().find(|(known, _)| *known == status) {
                Some((_, count)) => *count += 1,
                None => failures.push((status, 1)),
            }
        }
        failures.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        failures
    }

    fn receive_request(
        &mut self,
        number: usize,
        method: Method,
        message: &Message<'_>,
        out: &mut Outbox,
    ) {
        match method {
            Method::Ack => {}
            Method::Bye => {
                out.push(message::answer(message, Status::OK));
                let call = &mut self.calls[number];
                match call.state {
                    State::Parked(_) => self.counts.parked -= 1,
                    State::HangingUp { .. } => self.counts.hanging_up -= 1,
                    // Said again: answered again.
                    _ => return,
                }
                self.counts.dismissed += 1;
                call.state = State::Ended;
            }
            Method::Options => out.push(message::answer(message, Status::OK)),
            _ => out.push(message::answer(message, Status::NOT_IMPLEMENTED)),
        }
    }

    fn receive_response(
        &mut self,
        number: usize,
        now: Time,
        status: Status,
        message: &Message<'_>,
        out: &mut Outbox,
    ) {
        let Ok(cseq) = message.cseq() else { return };
        let call = &mut self.calls[number];
        match (cseq.method, &mut call.state) {
            (Method::Invite, State::Calling { request, .. }) if status.is_provisional() => {
                request.pause()
            }
            (Method::Invite, State::Calling { began, .. }) if status.is_success() => {
                let Some(peer) = message::peer_of(message) else {
                    return;
                };
                let waited = u64::try_from(now.since(*began).as_micros()).unwrap_or(ANSWER_US_MAX);
                self.answer_us
                    .saturating_record(waited.clamp(1, ANSWER_US_MAX));
                self.counts.calling -= 1;
                self.counts.parked += 1;
                out.push(message::ack(&self.line, number, &peer));
                call.state = State::Parked(peer);
            }
            (Method::Invite, State::Calling { .. }) => {
                out.push(message::ack_refusal(&self.line, number, message));
                self.counts.calling -= 1;
                self.counts.failed += 1;
                call.state = State::Failed(status);
            }
            // Our ACK was lost: the 200 comes again until one arrives (RFC 3261 §13.3.1.4).
            (Method::Invite, State::Parked(peer)) => {
                out.push(message::ack(&self.line, number, peer))
            }
            (Method::Invite, State::Failed(_)) if status.is_final() => {
                out.push(message::ack_refusal(&self.line, number, message));
            }
            (Method::Bye, State::HangingUp { .. }) if status.is_final() => {
                self.counts.hanging_up -= 1;
                self.counts.hung_up += 1;
                call.state = State::Ended;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
