//! The INVITE server transaction (RFC 3261 §17.2.1, RFC 6026 §8.3): 100 after 200 ms, timers G, H,
//! I and L.

use shared::Time;

use super::timers::{Due, Timers};
use super::{Backoff, Expired, earlier};
use crate::sip::limits::{T2, T4, TIMEOUT, TRYING_DELAY};
use crate::sip::status::Status;
use crate::sip::transport::Transport;

/// One INVITE of a peer.
#[derive(Debug)]
pub struct InviteServer {
    state: State,
    transport: Transport,
    /// When 100 is due.
    trying: Option<Time>,
    /// Timer G; timer H, I or L.
    timers: Timers,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Proceeding,
    /// 300 to 699 was sent; its ACK is awaited.
    Completed,
    Confirmed,
    /// 2xx was sent; the layer above repeats it, repetitions of the INVITE end here.
    Accepted,
    Terminated,
}

/// Whose an ACK is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AckFor {
    /// That of our failure: it ends here.
    Failure,
    /// That of our 2xx: the layer above waits for it.
    Success,
}

impl InviteServer {
    /// The INVITE arrived just now.
    #[must_use]
    pub fn new(now: Time, transport: Transport) -> Self {
        Self {
            state: State::Proceeding,
            transport,
            trying: Some(now + TRYING_DELAY),
            timers: Timers::default(),
        }
    }

    /// The INVITE arrived again; true when the last response is to be sent again, if there is one.
    #[must_use]
    pub fn receive_again(&self) -> bool {
        matches!(self.state, State::Proceeding | State::Completed)
    }

    /// The layer above answers; false when it may not any more.
    pub fn respond(&mut self, now: Time, status: Status) -> bool {
        if self.state != State::Proceeding {
            return false;
        }
        self.trying = None;
        if status.is_provisional() {
            return true;
        }
        let is_repeated = !status.is_success() && !self.transport.is_reliable();
        let resend = is_repeated.then(|| Backoff::new(now, T2));
        self.timers = Timers::new(resend, Some(now + TIMEOUT));
        self.state = match status.is_success() {
            true => State::Accepted,
            false => State::Completed,
        };
        true
    }

    /// An ACK arrived.
    pub fn acknowledge(&mut self, now: Time) -> AckFor {
        match self.state {
            State::Accepted => AckFor::Success,
            State::Completed => {
                (self.state, self.timers) = match self.transport.is_reliable() {
                    true => (State::Terminated, Timers::default()),
                    false => (State::Confirmed, Timers::end_at(now + T4)),
                };
                AckFor::Failure
            }
            State::Proceeding | State::Confirmed | State::Terminated => AckFor::Failure,
        }
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Time) -> Expired {
        if self.trying.is_some_and(|at| at <= now) {
            self.trying = None;
            return Expired::Trying;
        }
        match self.timers.take(now) {
            Due::Nothing => Expired::Nothing,
            Due::Resend => Expired::Retransmit,
            Due::End => {
                let is_unacknowledged = self.state == State::Completed;
                self.state = State::Terminated;
                Expired::end(is_unacknowledged)
            }
        }
    }

    /// When to call `handle_timeout` next.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        earlier(self.trying, self.timers.deadline())
    }

    /// Whether no final response was sent.
    #[must_use]
    pub fn is_proceeding(&self) -> bool {
        self.state == State::Proceeding
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

    fn drive(machine: &mut InviteServer) -> Vec<(u64, Expired)> {
        let mut fired = Vec::new();
        while let Some(at) = machine.deadline() {
            fired.push((at.as_millis(), machine.handle_timeout(at)));
        }
        fired
    }

    #[test]
    fn trying_is_due_after_200_ms_of_silence_and_only_once() {
        let mut machine = InviteServer::new(Time::ZERO, Transport::Udp);
        assert_eq!(drive(&mut machine), [(200, Expired::Trying)]);
        let mut answered = InviteServer::new(Time::ZERO, Transport::Udp);
        assert!(answered.respond(Time::from_millis(10), Status::RINGING));
        assert_eq!(drive(&mut answered), []);
    }

    #[test]
    fn timer_g_repeats_a_failure_until_timer_h_gives_up() {
        let mut machine = InviteServer::new(Time::ZERO, Transport::Udp);
        machine.respond(Time::ZERO, Status::BUSY_HERE);
        let resent = [
            500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
        ];
        let mut expected: Vec<_> = resent.map(|ms| (ms, Expired::Retransmit)).to_vec();
        expected.push((32_000, Expired::TimedOut));
        assert_eq!(drive(&mut machine), expected);
    }

    #[test]
    fn over_tcp_a_failure_is_not_repeated_but_timer_h_runs() {
        let mut machine = InviteServer::new(Time::ZERO, Transport::Tcp);
        machine.respond(Time::ZERO, Status::BUSY_HERE);
        assert_eq!(drive(&mut machine), [(32_000, Expired::TimedOut)]);
    }

    #[test]
    fn the_ack_of_a_failure_ends_here_and_timer_i_absorbs_more_of_them() {
        let mut machine = InviteServer::new(Time::ZERO, Transport::Udp);
        machine.respond(Time::ZERO, Status::BUSY_HERE);
        assert_eq!(machine.acknowledge(Time::from_millis(100)), AckFor::Failure);
        assert!(!machine.receive_again());
        assert_eq!(machine.acknowledge(Time::from_millis(200)), AckFor::Failure);
        assert_eq!(drive(&mut machine), [(5_100, Expired::Over)]);
    }

    #[test]
    fn over_tcp_timer_i_is_zero() {
        let mut machine = InviteServer::new(Time::ZERO, Transport::Tcp);
        machine.respond(Time::ZERO, Status::BUSY_HERE);
        machine.acknowledge(Time::from_millis(100));
        assert!(machine.is_over());
    }

    #[test]
    fn once_accepted_repetitions_are_absorbed_and_acks_go_up_until_timer_l() {
        for transport in [Transport::Udp, Transport::Tcp] {
            let mut machine = InviteServer::new(Time::ZERO, transport);
            assert!(machine.respond(Time::ZERO, Status::OK));
            assert!(!machine.receive_again());
            assert!(!machine.respond(Time::ZERO, Status::BUSY_HERE));
            assert_eq!(machine.acknowledge(Time::ZERO), AckFor::Success);
            assert_eq!(drive(&mut machine), [(32_000, Expired::Over)]);
        }
    }
}
