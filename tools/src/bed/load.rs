//! The phones of the bed: park many calls at a server over SIP, answer what it says, hang up.

use std::error::Error;
use std::io;
use std::net::UdpSocket;
use std::ops::Range;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;
use shared::Time;
use socket2::SockRef;

use super::namespace::PHONES;
use super::server::SIP;
use crate::clock;
use crate::phone::{Counts, Event, Line, Outbox, Phones};

/// Phones on one SIP socket.
#[derive(Debug)]
pub(super) struct Load {
    socket: UdpSocket,
    phones: Phones,
    /// Phones told to call, and told to hang up.
    called: usize,
    out: Outbox,
    /// What happened in the last turn, and when.
    events: Vec<(Time, Event)>,
    buffer: Box<[u8]>,
    next_tick: Time,
}

/// The phones' own: not among those whose packets are dropped.
const SIP_PORT: u16 = 5_060;

/// Calls begun, and ended, in a second.
const CALLS_PER_SECOND: u32 = 1_000;

/// Calls under way at a time; more would only wait in the server's socket.
const CALLS_UNDER_WAY_MAX: usize = 256;

const SIP_BUFFER_BYTES: usize = 4 << 20;

/// Bounded, so that answers do not wait for a server that talks without end.
const MESSAGES_A_TURN: usize = 64;

/// How often phones look whether something is to be sent again: half a second at the earliest.
const TICK: Duration = Duration::from_millis(50);

impl Load {
    /// A phone for each of the RTP ports; the calling thread is in the phones' namespace.
    pub(super) fn new(rtp_ports: Vec<u16>) -> Result<Self, Box<dyn Error>> {
        let socket = UdpSocket::bind((PHONES, SIP_PORT))?;
        socket.connect(SIP)?;
        socket.set_nonblocking(true)?;
        // As much as the kernel gives; a lost message is sent again.
        SockRef::from(&socket).set_recv_buffer_size(SIP_BUFFER_BYTES)?;
        let line = Line {
            local: socket.local_addr()?,
            target: format!("sip:park@{SIP}"),
            seed: std::process::id(),
        };
        Ok(Self {
            socket,
            phones: Phones::new(line, rtp_ports),
            called: 0,
            out: Outbox::new(),
            events: Vec::new(),
            buffer: vec![0; 65_536].into(),
            next_tick: clock::now(),
        })
    }

    pub(super) fn counts(&self) -> Counts {
        self.phones.counts()
    }

    /// Lets phones that have not called yet neither speak nor listen.
    pub(super) fn hush(&mut self, phones: Range<usize>) {
        phones.for_each(|phone| self.phones.hush(phone));
    }

    /// One phone more, which calls somebody now; its number.
    pub(super) fn call(&mut self, rtp_port: u16, user: &str, now: Time) -> usize {
        let target = format!("sip:{user}@{SIP}");
        let phone = self.phones.add((PHONES, rtp_port).into(), Some(target));
        self.phones.call(phone, now, &mut self.out);
        phone
    }

    /// The orbit that a parked phone was told.
    pub(super) fn orbit(&self, phone: usize) -> Option<String> {
        self.phones.server_user(phone)
    }

    /// Lets one phone hang up.
    pub(super) fn end(&mut self, phone: usize, now: Time) {
        self.phones.hang_up(phone, now, &mut self.out);
    }

    /// Lets phones call until so many have, and waits until each is parked or refused.
    ///
    /// Fails when not all are parked, with why.
    pub(super) fn park(&mut self, calls: usize) -> Result<(), Box<dyn Error>> {
        let (began, first) = (clock::now(), self.called);
        loop {
            let now = clock::now();
            let due = (first + paced(now - began)).min(calls);
            while self.called < due && self.counts().calling < CALLS_UNDER_WAY_MAX {
                self.phones.call_next(now, &mut self.out);
                self.called += 1;
            }
            if self.called >= calls && self.counts().calling == 0 {
                break;
            }
            self.turn(Duration::from_millis(1));
        }
        if self.counts().parked == calls {
            return Ok(());
        }
        let reasons = self.phones.failures().into_iter();
        let reasons = reasons
            .map(|(status, count)| format!("{count} with {} {}", status.code(), status.reason()));
        Err(format!(
            "{} of {calls} calls are parked; refused: {}",
            self.counts().parked,
            reasons.collect::<Vec<_>>().join(", ")
        )
        .into())
    }

    /// Lets time pass; what the server says is answered.
    pub(super) fn wait(&mut self, time: Duration) {
        let end = clock::now() + time;
        loop {
            let left = end - clock::now();
            if left.is_zero() {
                return;
            }
            self.turn(left.min(Duration::from_millis(50)));
        }
    }

    /// Lets every parked phone hang up, and waits for the answers.
    pub(super) fn hang_up(&mut self) {
        let began = clock::now();
        let mut told = 0;
        while told < self.called || self.counts().hanging_up > 0 {
            let now = clock::now();
            let due = paced(now - began).min(self.called);
            while told < due && self.counts().hanging_up < CALLS_UNDER_WAY_MAX {
                self.phones.hang_up(told, now, &mut self.out);
                told += 1;
            }
            self.turn(Duration::from_millis(1));
        }
    }

    /// Sends, waits for messages at most so long, takes them, and gives what happened.
    pub(super) fn turn(&mut self, wait: Duration) -> &[(Time, Event)] {
        self.events.clear();
        self.send();
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: i64::from(wait.subsec_nanos()),
        };
        let mut ready = [PollFd::new(&self.socket, PollFlags::IN)];
        // Interrupted by a signal: looked at in the next turn.
        let _ = poll(&mut ready, Some(&timeout));
        for _ in 0..MESSAGES_A_TURN {
            match self.socket.recv(&mut self.buffer) {
                Ok(length) => {
                    let now = clock::now();
                    let message = &self.buffer[..length];
                    let event = self.phones.hear(now, message, &mut self.out);
                    self.events.extend(event.map(|event| (now, event)));
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(_) => break,
            }
        }
        let now = clock::now();
        if now >= self.next_tick {
            self.phones.tick(now, &mut self.out);
            self.next_tick = now + TICK;
        }
        self.send();
        &self.events
    }

    fn send(&mut self) {
        for message in self.out.drain(..) {
            // What the socket does not take is lost like any datagram, and sent again.
            let _ = self.socket.send(&message);
        }
    }
}

/// Calls that may have begun after this time.
fn paced(elapsed: Duration) -> usize {
    let calls = elapsed.as_millis() * u128::from(CALLS_PER_SECOND) / 1_000;
    usize::try_from(calls).unwrap_or(usize::MAX)
}
