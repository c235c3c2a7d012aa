//! The running demo: the phones' SIP socket, the ears on their RTP, and the server between.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use control::config::Config;
use control::control::ControlStatus;
use control::driver::Server;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;
use shared::{DropReason, Time};
use socket2::SockRef;

use super::machine;
use crate::clock;
use crate::ear::{Ears, Heard};
use crate::judge::{Expected, Music};
use crate::phone::{Line, Outbox, Phones};

/// Calls begun, and ended, in a second: a busy hour of a large site in every second.
const CALLS_PER_SECOND: u32 = 1_000;

/// Calls under way at a time; more would only wait in the server's socket.
const CALLS_UNDER_WAY_MAX: usize = 256;

/// How long anything that should end may take to.
const END_WITHIN: Duration = Duration::from_secs(10);

const SIP_BUFFER_BYTES: usize = 4 << 20;

/// The running demo.
pub(super) struct Stage<'a> {
    server: &'a Server,
    socket: UdpSocket,
    target: String,
    phones: Phones,
    ears: Ears,
    has_music: bool,
    out: Outbox,
    buffer: Box<[u8]>,
    next_tick: Time,
}

/// The server ended, or began to, before the play did.
pub(super) struct Interrupted;

/// The counters of a moment.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) at: Time,
    pub(super) heard: Arc<Heard>,
    /// By the server's own count.
    pub(super) sent: u64,
    pub(super) cpu_nanos: u64,
    /// How long its workers had waited for a CPU, where the kernel says so.
    pub(super) cpu_waited: Option<Duration>,
}

impl Clone for Look {
    fn clone(&self) -> Self {
        Self {
            heard: Arc::clone(&self.heard),
            ..*self
        }
    }
}

impl<'a> Stage<'a> {
    pub(super) fn new(
        server: &'a Server,
        config: &Config,
        calls: u32,
        music: Option<&Arc<Music>>,
    ) -> Result<Self, Box<dyn Error>> {
        let listener = server
            .listeners()
            .first()
            .ok_or("the server listens nowhere")?
            .local;
        let socket = UdpSocket::bind((listener.ip(), 0))?;
        socket.connect(listener)?;
        socket.set_nonblocking(true)?;
        // As much as the kernel gives; a lost message is sent again.
        SockRef::from(&socket).set_recv_buffer_size(SIP_BUFFER_BYTES)?;
        let target = format!("sip:{}@{listener}", config.park.user);
        let rtp: Vec<UdpSocket> = (0..calls)
            .map(|_| UdpSocket::bind((listener.ip(), 0)))
            .collect::<io::Result<_>>()
            .map_err(|error| format!("no port for a caller: {error}"))?;
        let ports: Vec<u16> = rtp
            .iter()
            .map(|socket| Ok(socket.local_addr()?.port()))
            .collect::<io::Result<_>>()?;
        let [.., s0, s1, s2, s3] = clock::wall().as_nanos().to_be_bytes();
        let line = Line {
            local: socket.local_addr()?,
            target: target.clone(),
            seed: u32::from_be_bytes([s0, s1, s2, s3]),
        };
        Ok(Self {
            server,
            socket,
            target,
            phones: Phones::new(line, ports),
            ears: Ears::start(rtp, EXPECTED, music, ears(calls))?,
            has_music: music.is_some(),
            out: Outbox::new(),
            buffer: vec![0; 65_536].into(),
            next_tick: clock::now(),
        })
    }

    pub(super) fn target(&self) -> &str {
        &self.target
    }

    pub(super) fn phones(&self) -> &Phones {
        &self.phones
    }

    pub(super) fn has_music(&self) -> bool {
        self.has_music
    }

    /// Lets every phone call; returns how long it took until the last was answered or gave up.
    pub(super) fn park(&mut self) -> Result<Duration, Interrupted> {
        let began = clock::now();
        let mut called = 0;
        loop {
            let now = clock::now();
            let due = paced(now - began).min(self.phones.len());
            while called < due && self.phones.counts().calling < CALLS_UNDER_WAY_MAX {
                self.phones.call_next(now, &mut self.out);
                called += 1;
            }
            if called == self.phones.len() && self.phones.counts().calling == 0 {
                return Ok(now - began);
            }
            self.turn(Duration::from_millis(1))?;
        }
    }

    /// Lets time pass.
    pub(super) fn wait(&mut self, time: Duration) -> Result<(), Interrupted> {
        let end = clock::now() + time;
        loop {
            let left = end - clock::now();
            if left.is_zero() {
                return Ok(());
            }
            self.turn(left.min(Duration::from_millis(50)))?;
        }
    }

    /// Lets every parked phone hang up, and waits for the answers.
    pub(super) fn hang_up(&mut self) -> Result<(), Interrupted> {
        let began = clock::now();
        let mut told = 0;
        loop {
            let now = clock::now();
            let due = paced(now - began).min(self.phones.len());
            while told < due && self.phones.counts().hanging_up < CALLS_UNDER_WAY_MAX {
                self.phones.hang_up(told, now, &mut self.out);
                told += 1;
            }
            if told == self.phones.len() && self.phones.counts().hanging_up == 0 {
                return Ok(());
            }
            self.turn(Duration::from_millis(1))?;
        }
    }

    /// Waits until the server has no calls; what it still has when it does not get rid of it.
    pub(super) fn leftovers(&mut self) -> Result<ControlStatus, Interrupted> {
        let deadline = clock::now() + END_WITHIN;
        loop {
            let status = self.server.report().ok_or(Interrupted)?.status;
            let left = status.parked + status.calls + status.legs + status.streams;
            if left == 0 || clock::now() >= deadline {
                return Ok(status);
            }
            self.wait(Duration::from_millis(50))?;
        }
    }

    /// After an interruption: answers what the server still says, until it has ended.
    pub(super) fn wait_for_end(&mut self) {
        let deadline = clock::now() + END_WITHIN;
        while !self.server.has_ended() && clock::now() < deadline {
            self.pump(Duration::from_millis(10));
        }
    }

    /// The counters now; the pacing since the last look.
    pub(super) fn look(&self) -> Look {
        let stats = self.server.worker_stats();
        Look {
            at: clock::now(),
            heard: Arc::new(self.ears.heard()),
            sent: stats.iter().map(|worker| worker.rtp_sent.load()).sum(),
            cpu_nanos: stats.iter().map(|worker| worker.cpu_nanos.load()).sum(),
            cpu_waited: machine::workers_waited(),
        }
    }

    /// Streams that the workers refused because they had no time for more.
    pub(super) fn refused_for_time(&self) -> u64 {
        let stats = self.server.worker_stats();
        stats.iter().map(|worker| worker.refused.load()).sum()
    }

    /// What the server says it dropped.
    pub(super) fn drops(&self) -> Vec<(DropReason, u64)> {
        let stats = self.server.worker_stats();
        DropReason::ALL
            .into_iter()
            .map(|reason| {
                (
                    reason,
                    stats.iter().map(|worker| worker.dropped(reason)).sum(),
                )
            })
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// One turn of the phones, and a look whether the server goes on.
    fn turn(&mut self, wait: Duration) -> Result<(), Interrupted> {
        self.pump(wait);
        if self.server.has_ended() || self.phones.counts().dismissed > 0 {
            return Err(Interrupted);
        }
        Ok(())
    }

    fn pump(&mut self, wait: Duration) {
        self.send();
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: i64::from(wait.subsec_nanos()),
        };
        let mut ready = [PollFd::new(&self.socket, PollFlags::IN)];
        // Interrupted by a signal: looked at in the next turn.
        let _ = poll(&mut ready, Some(&timeout));
        let now = clock::now();
        loop {
            match self.socket.recv(&mut self.buffer) {
                Ok(length) => self
                    .phones
                    .receive(now, &self.buffer[..length], &mut self.out),
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
            let _ = self.socket.send(&message);
        }
    }
}

const EXPECTED: Expected = Expected {
    payload_type: 0,
    samples: 160,
    packet_ns: 20_000_000,
};

/// Calls that may have begun after this time.
fn paced(elapsed: Duration) -> usize {
    let calls = elapsed.as_millis() * u128::from(CALLS_PER_SECOND) / 1_000;
    usize::try_from(calls).unwrap_or(usize::MAX)
}

/// One thread hears a few thousand calls; it shall not take the cores from the server.
fn ears(calls: u32) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (calls as usize).div_ceil(4_000).min(cores.div_ceil(2))
}
