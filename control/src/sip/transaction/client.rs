//! The client transaction of every other request (RFC 3261 §17.1.2): timers E, F and K.

use shared::Time;

use super::timers::{Due, Timers};
use super::{Backoff, Expired, Received};
use crate::sip::limits::{T2, T4, TIMEOUT};
use crate::sip::status::Status;
use crate::sip::transport::Transport;

/// One request of ours that is no INVITE.
#[derive(Debug)]
pub struct Client {
    state: State,
    transport: Transport,
    /// Timer E; timer F or K.
    timers: Timers,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Trying,
    Proceeding,
    Completed,
    Terminated,
}

impl Client {
    /// The request was sent just now.
    #[must_use]
    pub fn new(now: Time, transport: Transport) -> Self {
        let resend = (!transport.is_reliable()).then(|| Backoff::new(now, T2));
        Self {
            state: State::Trying,
            transport,
            timers: Timers::new(resend, Some(now + TIMEOUT)),
        }
    }

    /// A response arrived.
    pub fn receive(&mut self, now: Time, status: Status) -> Received {
        match self.state {
            State::Trying | State::Proceeding if status.is_provisional() => {
                self.state = State::Proceeding;
                self.timers.slow_down();
                Received::Deliver
            }
            State::Trying | State::Proceeding => {
                (self.state, self.timers) = match self.transport.is_reliable() {
                    true => (State::Terminated, Timers::default()),
                    false => (State::Completed, Timers::end_at(now + T4)),
                };
                Received::Deliver
            }
            State::Completed | State::Terminated => Received::Absorb,
        }
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Time) -> Expired {
        match self.timers.take(now) {
            Due::Nothing => Expired::Nothing,
            Due::Resend => Expired::Retransmit,
            Due::End => {
                let is_pending = matches!(self.state, State::Trying | State::Proceeding);
                self.state = State::Terminated;
                Expired::end(is_pending)
            }
        }
    }

    /// When to call `handle_timeout` next.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.timers.deadline()
    }

    /// Whether no response at all has arrived.
    #[must_use]
    pub fn is_trying(&self) -> bool {
        self.state == State::Trying
    }

    /// Whether nothing can happen any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state == State::Terminated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drive(machine: &mut Client) -> Vec<(u64, Expired)> {
        let mut fired = Vec::new();
        while let Some(at) = machine.deadline() {
            fired.push((at.as_millis(), machine.handle_timeout(at)));
        }
        fired
    }

    #[test]
    fn timer_e_doubles_to_t2_until_timer_f_ends_it() {
        let mut machine = Client::new(Time::ZERO, Transport::Udp);
        let resent = [
            500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
        ];
        let mut expected: Vec<_> = resent.map(|ms| (ms, Expired::Retransmit)).to_vec();
        expected.push((32_000, Expired::TimedOut));
        assert_eq!(drive(&mut machine), expected);
    }

    #[test]
    fn after_a_provisional_timer_e_runs_at_t2() {
        let mut machine = Client::new(Time::ZERO, Transport::Udp);
        machine.receive(Time::from_millis(100), Status::TRYING);
        let times: Vec<_> = drive(&mut machine).iter().map(|(ms, _)| *ms).collect();
        assert_eq!(
            times,
            [
                500, 4_500, 8_500, 12_500, 16_500, 20_500, 24_500, 28_500, 32_000
            ]
        );
    }

    #[test]
    fn over_tcp_only_timer_f_runs() {
        let mut machine = Client::new(Time::ZERO, Transport::Tcp);
        assert_eq!(drive(&mut machine), [(32_000, Expired::TimedOut)]);
    }

    #[test]
    fn repetitions_of_the_answer_are_absorbed_until_timer_k() {
        let mut machine = Client::new(Time::ZERO, Transport::Udp);
        let now = Time::from_millis(100);
        assert_eq!(machine.receive(now, Status::OK), Received::Deliver);
        assert_eq!(machine.receive(now, Status::OK), Received::Absorb);
        assert_eq!(drive(&mut machine), [(5_100, Expired::Over)]);
    }

    #[test]
    fn over_tcp_timer_k_is_zero() {
        let mut machine = Client::new(Time::ZERO, Transport::Tcp);
        machine.receive(Time::from_millis(100), Status::OK);
        assert!(machine.is_over());
    }
}
