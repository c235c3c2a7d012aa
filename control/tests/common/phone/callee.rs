//! Calls that a phone gets (RFC 3261 §13.3): it rings, and its user does what users do.

use std::time::Duration;

use shared::Time;

use super::super::wire::{self, Wire};
use super::Phone;
use super::call::{Ending, State};
use super::elsewhere::ReplacesHabit;
use super::server::Stage;

/// What becomes of a call to a phone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RingHabit {
    /// It rings so long, then it is answered.
    Answer(Duration),
    /// It rings, and nobody is there.
    NobodyThere,
    /// It is refused with this status at once.
    Refuse(u16),
    /// Nothing comes back at all.
    Unreachable,
}

impl Phone {
    /// An INVITE outside of all calls.
    pub(super) fn called(&mut self, now: Time, request: &Wire) {
        for field in ["From", "To", "Contact", "Call-ID", "CSeq"] {
            request.must(field);
        }
        let is_ignored = match request.header("Replaces") {
            Some(_) => self.habits.replaces == ReplacesHabit::Ignore,
            None => self.habits.ring == RingHabit::Unreachable,
        };
        if is_ignored {
            return;
        }
        let from = wire::uri(request.must("From")).to_owned();
        let mut call = self.new_call(from);
        request.must("Call-ID").clone_into(&mut call.call_id);
        call.remote_tag = request.tag("From").map(str::to_owned);
        call.remote_cseq = Some(request.cseq().0);
        call.invite = Some(request.clone());
        let number = self.calls.len();
        self.calls.push(call);
        if request.header("Replaces").is_some() {
            return self.asked_to_change_over(now, number, request);
        }
        match self.habits.ring {
            RingHabit::Answer(after) => {
                self.ring(request);
                self.wait(number, request, Stage::Answering { at: now + after });
            }
            RingHabit::NobodyThere => {
                self.ring(request);
                let expires = request.must("Expires").parse().expect("seconds");
                let until = now + Duration::from_secs(expires);
                self.wait(number, request, Stage::Ringing { until });
            }
            RingHabit::Refuse(status) => self.decline(now, number, request, status),
            RingHabit::Unreachable => unreachable!("it has returned above"),
        }
    }

    /// Refuses a call that rings.
    pub(super) fn decline(&mut self, now: Time, number: usize, request: &Wire, status: u16) {
        self.refuse(now, number, request, status);
        if self.calls[number].state == State::Calling {
            let reason = None;
            self.calls[number].end(Ending::Refused { status, reason });
        }
    }

    fn ring(&mut self, request: &Wire) {
        let bytes = self.response_to(request, 180).bytes();
        self.answer_to(request, bytes);
    }
}
