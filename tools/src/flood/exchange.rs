//! The phones of a run at their SIP socket: places calls at a rate, follows them, ends them all
//! whatever happens.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use control::sip::status::Status;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;
use shared::Time;
use socket2::SockRef;

use super::limits::{CALLS_UNDER_WAY_MAX, END_WITHIN};
use super::options::Target;
use super::ports;
use super::scope::Scope;
use crate::clock;
use crate::phone::{Event, Line, Outbox, Phones};
use crate::signals::Signals;

/// The phones and what they are connected with.
#[derive(Debug)]
pub(super) struct Exchange {
    socket: UdpSocket,
    signals: Signals,
    scope: Scope,
    phones: Phones,
    local: IpAddr,
    out: Outbox,
    buffer: Box<[u8]>,
    next_tick: Time,
    /// SIP messages that the socket did not take.
    unsent: u64,
    events: Vec<Event>,
    pub(super) is_interrupted: bool,
}

/// The user wants it to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Interrupted;

const SIP_BUFFER_BYTES: usize = 4 << 20;

impl Exchange {
    /// No phones yet.
    pub(super) fn open(target: &Target) -> Result<Self, Box<dyn std::error::Error>> {
        let scope = Scope::new(&target.sip, &target.media, target.i_own_this_network)?;
        let local = match target.local {
            Some(local) => local,
            None => ports::local_address(scope.sip)
                .map_err(|error| format!("no way to {}: {error}", scope.sip))?,
        };
        let socket = UdpSocket::bind((local, 0)).map_err(|error| format!("{local}: {error}"))?;
        socket.connect(scope.sip)?;
        socket.set_nonblocking(true)?;
        // As much as the kernel gives; a lost message is sent again.
        SockRef::from(&socket).set_recv_buffer_size(SIP_BUFFER_BYTES)?;
        let [.., s0, s1, s2, s3] = clock::wall().as_nanos().to_be_bytes();
        let line = Line {
            local: socket.local_addr()?,
            target: format!("sip:{}@{}", target.user, scope.sip),
            seed: u32::from_be_bytes([s0, s1, s2, s3]),
        };
        Ok(Self {
            socket,
            signals: Signals::take()?,
            phones: Phones::new(line, []),
            local,
            scope,
            out: Outbox::new(),
            buffer: vec![0; 65_536].into(),
            next_tick: clock::now(),
            unsent: 0,
            events: Vec::new(),
            is_interrupted: false,
        })
    }

    pub(super) fn scope(&self) -> &Scope {
        &self.scope
    }

    pub(super) fn local(&self) -> IpAddr {
        self.local
    }

    pub(super) fn phones(&self) -> &Phones {
        &self.phones
    }

    /// A phone with its audio at an address, that parks, or calls an orbit.
    pub(super) fn add(&mut self, rtp: SocketAddr, orbit: Option<&str>) -> usize {
        let target = orbit.map(|orbit| format!("sip:{orbit}@{}", self.scope.sip));
        self.phones.add(rtp, target)
    }

    /// Lets one phone call.
    pub(super) fn call(&mut self, phone: usize) {
        self.phones.call(phone, clock::now(), &mut self.out);
        self.send();
    }

    /// Lets one phone move its audio.
    pub(super) fn move_to(&mut self, phone: usize, rtp: SocketAddr) {
        self.phones.move_to(phone, rtp, clock::now(), &mut self.out);
        self.send();
    }

    /// Lets one phone hang up.
    pub(super) fn hang_up(&mut self, phone: usize) {
        self.phones.hang_up(phone, clock::now(), &mut self.out);
        self.send();
    }

    /// Whether another call may begin: so many were begun since `began`, at this rate.
    pub(super) fn may_call(&self, begun: usize, began: Time, cps: u32) -> bool {
        let elapsed = (clock::now() - began).as_millis();
        let due = elapsed * u128::from(cps) / 1_000 + 1;
        (begun as u128) < due && self.phones.counts().calling < CALLS_UNDER_WAY_MAX
    }

    /// Lets time pass, at most `wait`, and tells what happened.
    ///
    /// # Errors
    /// When the user wants it to end.
    pub(super) fn turn(&mut self, wait: Duration) -> Result<Vec<Event>, Interrupted> {
        self.pump(wait);
        if self.signals.came() {
            self.is_interrupted = true;
        }
        if self.is_interrupted {
            return Err(Interrupted);
        }
        Ok(std::mem::take(&mut self.events))
    }

    /// Lets every phone hang up, at a rate, and waits for the answers. After an interruption as
    /// well: only a second signal cuts it short.
    pub(super) fn hang_up_all(&mut self, cps: u32) {
        let (began, count) = (clock::now(), self.phones.len());
        let (mut told, mut quiet_since) = (0, began);
        let mut last = self.phones.counts();
        loop {
            while told < count && self.may_hang_up(told, began, cps) {
                self.hang_up(told);
                told += 1;
            }
            self.pump(Duration::from_millis(1));
            self.events.clear();
            let (now, counts) = (clock::now(), self.phones.counts());
            if counts != last {
                (last, quiet_since) = (counts, now);
            }
            let left = counts.calling + counts.parked + counts.hanging_up;
            let is_stuck = told == count && now - quiet_since > END_WITHIN;
            if left == 0 || is_stuck || self.signals.came() {
                return;
            }
            if told == count && counts.parked > 0 {
                // Some were answered only after their turn had passed.
                told = 0;
            }
        }
    }

    fn may_hang_up(&self, told: usize, began: Time, cps: u32) -> bool {
        let elapsed = (clock::now() - began).as_millis();
        let due = elapsed * u128::from(cps) / 1_000 + 1;
        let is_idle = !self.phones.is_up(told);
        is_idle || (told as u128) < due && self.phones.counts().hanging_up < CALLS_UNDER_WAY_MAX
    }

    /// How many calls were refused with 503, and how many failed otherwise.
    pub(super) fn refused_and_failed(&self) -> (usize, usize) {
        let failures = self.phones.failures();
        let refused = failures
            .iter()
            .filter(|(status, _)| *status == Status::SERVICE_UNAVAILABLE)
            .map(|(_, count)| count)
            .sum();
        (refused, self.phones.counts().failed - refused)
    }

    fn pump(&mut self, wait: Duration) {
        self.send();
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: i64::from(wait.subsec_nanos()),
        };
        let mut ready = [
            PollFd::new(&self.socket, PollFlags::IN),
            PollFd::new(&self.signals, PollFlags::IN),
        ];
        // Interrupted by another signal: looked at in the next turn.
        let _ = poll(&mut ready, Some(&timeout));
        let now = clock::now();
        // Bounded, so that a server that talks without end does not keep the time from passing.
        for _ in 0..MESSAGES_A_TURN {
            match self.socket.recv(&mut self.buffer) {
                Ok(length) => {
                    let message = &self.buffer[..length];
                    let event = self.phones.hear(now, message, &mut self.out);
                    self.events.extend(event);
                }
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(_) => break,
            }
        }
        if now >= self.next_tick {
            self.phones.tick(now, &mut self.out);
            self.next_tick = now + Duration::from_millis(20);
        }
        self.send();
    }

    fn send(&mut self) {
        for message in self.out.drain(..) {
            // What the socket does not take is lost like any datagram, and sent again.
            let sent: io::Result<usize> = self.socket.send(&message);
            self.unsent += u64::from(sent.is_err());
        }
    }
}

const MESSAGES_A_TURN: usize = 1_024;
