//! The INVITE client transaction (RFC 3261 §17.1.1, RFC 6026 §8.4): timers A, B, D and M.

use shared::Time;

use super::timers::{Due, Timers};
use super::{Backoff, Expired, Received};
use crate::sip::limits::{TIMEOUT, TIMER_D};
use crate::sip::status::Status;
use crate::sip::transport::Transport;

/// One INVITE of ours.
#[derive(Debug)]
pub struct InviteClient {
    state: State,
    transport: Transport,
    /// Timer A; timer B, D or M, or the end of patience after a CANCEL (§9.1).
    timers: Timers,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Calling,
    Proceeding,
    /// 300 to 699 arrived.
    Completed,
    /// 2xx arrived; more of them may, by forking or by loss of our ACK.
    Accepted,
    Terminated,
}

impl InviteClient {
    /// The INVITE was sent just now.
    #[must_use]
    pub fn new(now: Time, transport: Transport) -> Self {
        let resend = (!transport.is_reliable()).then(|| Backoff::new(now, TIMEOUT));
        Self {
            state: State::Calling,
            transport,
            timers: Timers::new(resend, Some(now + TIMEOUT)),
        }
    }

    /// A response arrived.
    pub fn receive(&mut self, now: Time, status: Status) -> Received {
        match self.state {
            State::Calling | State::Proceeding if status.is_provisional() => {
                if self.state == State::Calling {
                    self.timers = Timers::default();
                }
                self.state = State::Proceeding;
                Received::Deliver
            }
            State::Calling | State::Proceeding if status.is_success() => {
                self.become_final(State::Accepted, now + TIMEOUT);
                Received::Deliver
            }
            State::Calling | State::Proceeding => {
                self.become_final(State::Completed, now + TIMER_D);
                if self.transport.is_reliable() {
                    self.state = State::Terminated;
                    self.timers = Timers::default();
                }
                Received::DeliverAndAck
            }
            State::Completed if status.is_final() && !status.is_success() => Received::Ack,
            State::Accepted if status.is_success() => Received::Deliver,
            State::Completed | State::Accepted | State::Terminated => Received::Absorb,
        }
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Time) -> Expired {
        match self.timers.take(now) {
            Due::Nothing => Expired::Nothing,
            Due::Resend => Expired::Retransmit,
            Due::End => {
                let expired = Expired::end(self.is_pending());
                self.state = State::Terminated;
                expired
            }
        }
    }

    /// A CANCEL was sent, or nobody is interested any more: a final answer is awaited for 64·T1
    /// only (§9.1).
    pub fn abandon(&mut self, now: Time) {
        if self.is_pending() {
            self.timers.end_by(now + TIMEOUT);
        }
    }

    /// When to call `handle_timeout` next.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.timers.deadline()
    }

    /// Whether no response at all has arrived.
    #[must_use]
    pub fn is_calling(&self) -> bool {
        self.state == State::Calling
    }

    /// Whether no final response has arrived.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        matches!(self.state, State::Calling | State::Proceeding)
    }

    /// Whether nothing can happen any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state == State::Terminated
    }

    fn become_final(&mut self, state: State, end: Time) {
        self.state = state;
        self.timers = Timers::end_at(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drive(machine: &mut InviteClient, until_ms: u64) -> Vec<(u64, Expired)> {
        let mut fired = Vec::new();
        while let Some(at) = machine.deadline().filter(|at| at.as_millis() <= until_ms) {
            fired.push((at.as_millis(), machine.handle_timeout(at)));
        }
        fired
    }

    #[test]
    fn timer_a_doubles_until_timer_b_ends_it() {
        let mut machine = InviteClient::new(Time::ZERO, Transport::Udp);
        let fired = drive(&mut machine, 100_000);
        let resent = [500, 1_500, 3_500, 7_500, 15_500, 31_500];
        let mut expected: Vec<_> = resent.map(|ms| (ms, Expired::Retransmit)).to_vec();
        expected.push((32_000, Expired::TimedOut));
        assert_eq!(fired, expected);
        assert!(machine.is_over());
    }

    #[test]
    fn over_tcp_only_timer_b_runs() {
        let mut machine = InviteClient::new(Time::ZERO, Transport::Tcp);
        assert_eq!(drive(&mut machine, 100_000), [(32_000, Expired::TimedOut)]);
    }

    #[test]
    fn a_provisional_stops_timers_a_and_b() {
        let mut machine = InviteClient::new(Time::ZERO, Transport::Udp);
        let now = Time::from_millis(100);
        assert_eq!(machine.receive(now, Status::TRYING), Received::Deliver);
        assert_eq!(machine.deadline(), None);
        assert!(machine.is_pending() && !machine.is_calling());
    }

    #[test]
    fn a_failure_is_acknowledged_each_time_until_timer_d() {
        let mut machine = InviteClient::new(Time::ZERO, Transport::Udp);
        let now = Time::from_millis(100);
        assert_eq!(
            machine.receive(now, Status::BUSY_HERE),
            Received::DeliverAndAck
        );
        assert_eq!(machine.receive(now, Status::BUSY_HERE), Received::Ack);
        assert_eq!(machine.receive(now, Status::OK), Received::Absorb);
        assert_eq!(drive(&mut machine, 100_000), [(32_100, Expired::Over)]);
    }

    #[test]
    fn over_tcp_timer_d_is_zero() {
        let mut machine = InviteClient::new(Time::ZERO, Transport::Tcp);
        let received = machine.receive(Time::from_millis(100), Status::BUSY_HERE);
        assert_eq!(received, Received::DeliverAndAck);
        assert!(machine.is_over());
    }

    #[test]
    fn each_2xx_is_delivered_until_timer_m() {
        for transport in [Transport::Udp, Transport::Tcp] {
            let mut machine = InviteClient::new(Time::ZERO, transport);
            let now = Time::from_millis(100);
            assert_eq!(machine.receive(now, Status::OK), Received::Deliver);
            assert_eq!(machine.receive(now, Status::OK), Received::Deliver);
            assert_eq!(machine.receive(now, Status::BUSY_HERE), Received::Absorb);
            assert_eq!(drive(&mut machine, 100_000), [(32_100, Expired::Over)]);
        }
    }

    #[test]
    fn after_cancel_a_final_response_is_awaited_for_64_t1() {
        let mut machine = InviteClient::new(Time::ZERO, Transport::Udp);
        machine.receive(Time::from_millis(100), Status::RINGING);
        machine.abandon(Time::from_millis(5_000));
        machine.receive(Time::from_millis(6_000), Status::RINGING);
        assert_eq!(drive(&mut machine, 100_000), [(37_000, Expired::TimedOut)]);
    }
}
