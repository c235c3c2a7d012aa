//! Deadlines: of a parked call that nobody retrieves, and of a retrieval that the parkee does not answer.

use shared::Time;

use crate::call::end::Farewell;
use crate::call::{CallKey, Exchange, Refusal, State};

impl Exchange {
    /// Works off the deadlines that have passed.
    pub(crate) fn expire(&mut self, now: Time) {
        while let Some(key) = self.pop_deadline(now) {
            self.deadline_passed(now, key);
        }
    }

    fn deadline_passed(&mut self, now: Time, key: CallKey) {
        match self.state(key) {
            // The place for a recall to the parker.
            Some(State::Parked(_)) => self.end_call(now, key, Farewell::NotRetrieved),
            Some(State::Retrieving(_, retriever)) => {
                self.fail_arrival(now, retriever, Refusal::ParkeeSilent);
            }
            Some(State::Parking(_) | State::Bridged(_) | State::Joining { .. }) | None => {
                unreachable!("only calls in an orbit have deadlines")
            }
        }
    }
}
