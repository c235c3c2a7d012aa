//! Messages that wait until what they tell is durable: in order, for as long as [`HOLD_MAX`] at
//! most. A store that is slower, or fails, is *behind*: nothing waits for it until it has caught
//! up, and the operator hears of it.

use std::collections::VecDeque;

use shared::Time;

use super::limits::HOLD_MAX;
use crate::sip::transport::Transmit;

/// The gate before the network.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    held: VecDeque<(u64, Time, Transmit)>,
    /// The last batch that was handed out.
    last: u64,
    /// The last batch that is durable.
    durable: u64,
    is_behind: bool,
}

impl Gate {
    /// A batch was handed out: what is sent from now on waits for it.
    pub(crate) fn close(&mut self, batch: u64) {
        self.last = batch;
    }

    /// Takes a message; gives it back if nothing is to be waited for.
    pub(crate) fn pass(&mut self, now: Time, transmit: Transmit) -> Option<Transmit> {
        if self.is_behind || (self.durable >= self.last && self.held.is_empty()) {
            return Some(transmit);
        }
        self.held.push_back((self.last, now, transmit));
        None
    }

    /// Everything up to this batch is durable.
    pub(crate) fn stored(&mut self, up_to: u64) {
        self.durable = self.durable.max(up_to);
        if self.is_behind && self.durable >= self.last {
            self.is_behind = false;
            tracing::info!("the store has caught up: calls outlive the process again");
        }
    }

    /// The store cannot write now.
    pub(crate) fn failed(&mut self) {
        self.fall_behind("it cannot be written");
    }

    /// Lets time pass.
    pub(crate) fn expire(&mut self, now: Time) {
        if self.deadline().is_some_and(|at| at <= now) {
            self.fall_behind("it is slow");
        }
    }

    /// When [`Gate::expire`] is due.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.held.front().map(|&(_, since, _)| since + HOLD_MAX)
    }

    /// The next message that waits no more.
    pub(crate) fn poll(&mut self) -> Option<Transmit> {
        let &(batch, ..) = self.held.front()?;
        if !self.is_behind && batch > self.durable {
            return None;
        }
        self.held.pop_front().map(|(_, _, transmit)| transmit)
    }

    /// Whether calls are parked that would not outlive the process.
    pub(crate) fn is_behind(&self) -> bool {
        self.is_behind
    }

    fn fall_behind(&mut self, why: &str) {
        if !std::mem::replace(&mut self.is_behind, true) {
            tracing::error!(
                "the store is behind, {why}: parking goes on, but what changes now would not \
                 outlive this process"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::transport::{Ticket, Transport};

    fn message(number: u64) -> Transmit {
        Transmit {
            transport: Transport::Udp,
            flow: None,
            destination: "192.0.2.7:5060".parse().unwrap(),
            ticket: Ticket(number),
            bytes: Vec::new(),
        }
    }

    fn released(gate: &mut Gate) -> Vec<u64> {
        std::iter::from_fn(|| gate.poll())
            .map(|transmit| transmit.ticket.0)
            .collect()
    }

    #[test]
    fn nothing_waits_while_nothing_is_to_be_written() {
        let mut gate = Gate::default();
        assert!(gate.pass(Time::ZERO, message(1)).is_some());
        gate.close(1);
        gate.stored(1);
        assert!(gate.pass(Time::ZERO, message(2)).is_some());
        assert_eq!(gate.deadline(), None);
    }

    #[test]
    fn what_a_batch_is_told_by_waits_for_it_and_what_comes_later_stays_behind() {
        let mut gate = Gate::default();
        gate.close(1);
        assert!(gate.pass(Time::ZERO, message(1)).is_none());
        gate.close(2);
        assert!(gate.pass(Time::ZERO, message(2)).is_none());
        assert!(released(&mut gate).is_empty());
        gate.stored(1);
        assert_eq!(released(&mut gate), [1]);
        assert!(gate.pass(Time::ZERO, message(3)).is_none());
        gate.stored(2);
        assert_eq!(released(&mut gate), [2, 3]);
    }

    #[test]
    fn a_slow_store_holds_nobody_up_for_long_and_may_catch_up() {
        let mut gate = Gate::default();
        gate.close(1);
        gate.pass(Time::ZERO, message(1));
        let at = gate.deadline().unwrap();
        assert_eq!(at, Time::ZERO + HOLD_MAX);
        gate.expire(at);
        assert!(gate.is_behind());
        assert_eq!(released(&mut gate), [1]);
        gate.close(2);
        assert!(gate.pass(at, message(2)).is_some());
        gate.stored(1);
        assert!(gate.is_behind());
        gate.stored(2);
        assert!(!gate.is_behind());
    }

    #[test]
    fn a_store_that_fails_lets_everything_pass_at_once() {
        let mut gate = Gate::default();
        gate.close(1);
        gate.pass(Time::ZERO, message(1));
        gate.failed();
        assert_eq!(released(&mut gate), [1]);
    }
}
