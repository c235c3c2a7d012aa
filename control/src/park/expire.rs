//! Deadlines: of a parked call that nobody retrieves, of a recall that nobody answers, of a
//! retrieval that the parkee does not answer, of a parkee that is to be taken over and does not
//! answer, of a stream that does not open, of two who may soon talk without us.

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
            Some(State::Parked(parked)) => self.recall_or_end(now, key, parked),
            Some(State::Recalling(_, recall)) => {
                self.fail_arrival(now, recall, Refusal::NotAnswered);
            }
            Some(State::Retrieving(_, retriever)) => {
                self.fail_arrival(now, retriever, Refusal::ParkeeSilent);
            }
            Some(State::Fetching(_)) => self.fetch_overdue(now, key),
            Some(State::Adopting(_)) => self.end_call(now, key, Farewell::MediaLost),
            Some(State::Asking(_)) => self.pin_deadline(now, key),
            Some(State::Parking(_) | State::Joining { .. }) => {
                let first = self.calls[&key].first;
                self.fail_arrival(now, first, Refusal::NoMedia);
            }
            Some(State::Bridged(bridge)) => self.release_due(now, key, bridge),
            None => unreachable!("a deadline belongs to a call"),
        }
    }
}
