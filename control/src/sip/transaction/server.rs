//! The server transaction of every other request (RFC 3261 §17.2.2): timer J.

use shared::Time;

use crate::sip::limits::TIMEOUT;
use crate::sip::status::Status;
use crate::sip::transport::Transport;

use super::Expired;

/// One request of a peer that is no INVITE.
#[derive(Debug)]
pub struct Server {
    state: State,
    transport: Transport,
    /// Timer J.
    end: Option<Time>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Trying,
    Proceeding,
    Completed,
    Terminated,
}

impl Server {
    /// The request arrived just now.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        Self {
            state: State::Trying,
            transport,
            end: None,
        }
    }

    /// The request arrived again; true when the last response is to be sent again.
    #[must_use]
    pub fn receive_again(&self) -> bool {
        matches!(self.state, State::Proceeding | State::Completed)
    }

    /// The layer above answers; false when it may not any more.
    pub fn respond(&mut self, now: Time, status: Status) -> bool {
        match self.state {
            State::Trying | State::Proceeding if status.is_provisional() => {
                self.state = State::Proceeding;
                true
            }
            State::Trying | State::Proceeding if self.transport.is_reliable() => {
                self.state = State::Terminated;
                true
            }
            State::Trying | State::Proceeding => {
                self.state = State::Completed;
                self.end = Some(now + TIMEOUT);
                true
            }
            State::Completed | State::Terminated => false,
        }
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Time) -> Expired {
        if self.end.is_none_or(|end| end > now) {
            return Expired::Nothing;
        }
        self.state = State::Terminated;
        self.end = None;
        Expired::Over
    }

    /// When to call `handle_timeout` next.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.end
    }

    /// Whether no final response was sent.
    #[must_use]
    pub fn is_proceeding(&self) -> bool {
        matches!(self.state, State::Trying | State::Proceeding)
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

    #[test]
    fn repetitions_get_the_last_response_until_timer_j() {
        let mut machine = Server::new(Transport::Udp);
        assert!(!machine.receive_again());
        assert!(machine.respond(Time::from_millis(100), Status::OK));
        assert!(machine.receive_again());
        assert!(!machine.respond(Time::from_millis(200), Status::OK));
        assert_eq!(machine.deadline(), Some(Time::from_millis(32_100)));
        assert_eq!(
            machine.handle_timeout(Time::from_millis(32_099)),
            Expired::Nothing
        );
        assert_eq!(
            machine.handle_timeout(Time::from_millis(32_100)),
            Expired::Over
        );
        assert!(machine.is_over());
    }

    #[test]
    fn over_tcp_timer_j_is_zero() {
        let mut machine = Server::new(Transport::Tcp);
        assert!(machine.respond(Time::ZERO, Status::TRYING));
        assert!(machine.receive_again());
        assert!(machine.respond(Time::ZERO, Status::OK));
        assert!(machine.is_over());
    }
}
