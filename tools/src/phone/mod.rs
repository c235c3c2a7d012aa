//! Many simple phones on one UDP socket: each calls, listens, and hangs up (RFC 3261 §17.1 over an
//! unreliable transport).
//!
//! No IO and no clock. Absent on purpose: media, and what callers under test do not do (transfer,
//! TCP, authentication).

mod call;
mod event;
mod message;
mod receive;
mod sdp;

use std::net::SocketAddr;
use std::time::Duration;

use control::sip::status::Status;
use hdrhistogram::Histogram;
use shared::Time;

use call::{Call, Request, State};
use message::Peer;

pub use event::{Event, What};

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
        let host = line.local.ip();
        let at = |port| Call::new(SocketAddr::new(host, port), None);
        Self {
            calls: rtp_ports.into_iter().map(at).collect(),
            line,
            next: 0,
            counts: Counts::default(),
            answer_us: answer_us.expect("the bounds are in order"),
        }
    }

    /// One phone more, with its media anywhere, that calls somebody of its own; its number.
    pub fn add(&mut self, rtp: SocketAddr, target: Option<String>) -> usize {
        self.calls.push(Call::new(rtp, target));
        self.calls.len() - 1
    }

    /// Lets a phone that has not called yet neither speak nor listen: it is parked without music.
    pub fn hush(&mut self, number: usize) {
        self.calls[number].media.hush();
    }

    /// Lets a phone that has not called be one that somebody transfers, a URI (RFC 3892).
    pub fn refer(&mut self, number: usize, by: &str) {
        self.calls[number].referrer = Some(by.to_owned());
    }

    /// Lets the next phone call; false when all have.
    pub fn call_next(&mut self, now: Time, out: &mut Outbox) -> bool {
        while self.calls.get(self.next).is_some_and(Call::has_called) {
            self.next += 1;
        }
        if self.next == self.calls.len() {
            return false;
        }
        self.call(self.next, now, out);
        true
    }

    /// Lets a phone call that has not; any other does nothing.
    pub fn call(&mut self, number: usize, now: Time, out: &mut Outbox) {
        let call = &mut self.calls[number];
        if call.has_called() {
            return;
        }
        let invite = message::invite(&self.line, number, call);
        call.state = State::calling(now, invite.clone());
        out.push(invite);
        self.counts.calling += 1;
    }

    /// Lets a parked phone say that its media is elsewhere from now on, by re-INVITE; any other,
    /// and one that waits for such an answer already, does nothing.
    pub fn move_to(&mut self, number: usize, rtp: SocketAddr, now: Time, out: &mut Outbox) {
        let call = &mut self.calls[number];
        if call.reinvite.is_some() || !matches!(call.state, State::Parked(_)) {
            return;
        }
        call.media.moved(rtp);
        call.cseq += 1;
        let State::Parked(peer) = &call.state else {
            return;
        };
        let invite = message::reinvite(&self.line, number, call, peer);
        call.reinvite = Some(Request::new(now, invite.clone()));
        out.push(invite);
    }

    /// Lets a parked phone hang up; any other does nothing.
    pub fn hang_up(&mut self, number: usize, now: Time, out: &mut Outbox) {
        let call = &mut self.calls[number];
        let State::Parked(peer) = &call.state else {
            return;
        };
        call.cseq += 1;
        call.reinvite = None;
        let bye = message::bye(&self.line, number, call.cseq, peer);
        call.state = State::hanging_up(now, bye.clone());
        out.push(bye);
        self.counts.parked -= 1;
        self.counts.hanging_up += 1;
    }

    /// Sends again what was not answered (timers A and E) and gives up what never will be (B and
    /// F).
    pub fn tick(&mut self, now: Time, out: &mut Outbox) {
        for call in &mut self.calls {
            if let Some(request) = &mut call.reinvite {
                if request.is_over(now) {
                    call.reinvite = None;
                } else if request.is_due(now, true) {
                    out.push(request.bytes.clone());
                }
            }
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

    /// Where the server wants the audio of a phone whose call stands; `None` also when it wants
    /// none.
    #[must_use]
    pub fn server_media(&self, number: usize) -> Option<SocketAddr> {
        self.peer(number)?.media
    }

    /// The user of the server's Contact in a call that stands: the orbit of a parked one.
    #[must_use]
    pub fn server_user(&self, number: usize) -> Option<String> {
        self.peer(number)?.user()
    }

    /// Whether the phone's call was answered, and goes on.
    #[must_use]
    pub fn is_up(&self, number: usize) -> bool {
        self.peer(number).is_some()
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

    fn peer(&self, number: usize) -> Option<&Peer> {
        match &self.calls.get(number)?.state {
            State::Parked(peer) => Some(peer),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
