//! Listens to some of the phones' ports: a thread that judges each packet by the time at which the
//! kernel got it, and keeps where each stream's 20 ms grid stands.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use rustix::event::epoll;
use rustix::time::Timespec;
use shared::Time;

use super::namespace::PHONES;
use crate::clock;
use crate::judge::{Expected, Findings, Music, Pacing, StreamJudge};

/// The listening thread. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Listener {
    asks: Option<Sender<Ask>>,
    answers: Receiver<Heard>,
    thread: Option<JoinHandle<()>>,
}

/// What was heard.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Of all streams, since the start.
    pub(super) findings: Findings,
    /// Of all streams, since the last time that it was asked for.
    pub(super) pacing: Pacing,
    /// Packets for which our own sockets had no room.
    pub(super) overflowed: u64,
    /// Streams of which at least one packet arrived.
    pub(super) streams: usize,
    /// Where each stream's grid stands on the monotonic clock, by the earliest packet since the
    /// last question: the time at which its packet 0 would have come.
    pub(super) origins: BTreeMap<usize, i64>,
}

#[derive(Clone, Copy, Debug)]
enum Ask {
    WhatWasHeard,
    Forget,
}

/// PCMU, 20 ms.
const EXPECTED: Expected = Expected {
    payload_type: 0,
    samples: 160,
    packet_ns: PACKET_NS as u64,
};

const PACKET_NS: i64 = 20_000_000;

/// How long a question may wait.
const PATIENCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};

impl Listener {
    /// Listens to these ports; the calling thread is in the phones' namespace.
    pub(super) fn start(ports: &[u16], music: Option<&Arc<Music>>) -> Result<Self, Box<dyn Error>> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut streams = Vec::new();
        for (place, &port) in ports.iter().enumerate() {
            let socket = UdpSocket::bind((PHONES, port))
                .map_err(|error| format!("cannot listen to port {port}: {error}"))?;
            setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
            setsockopt(&socket, sockopt::RxqOvfl, &1)?;
            let token = epoll::EventData::new_u64(place as u64);
            epoll::add(&epoll, &socket, token, epoll::EventFlags::IN)?;
            streams.push(Stream::new(socket));
        }
        let (asks, asked) = channel();
        let (answerer, answers) = channel();
        let listening = Listening {
            epoll,
            streams,
            music: music.cloned(),
            pacing: Pacing::new(),
            asked,
            answerer,
        };
        let thread = std::thread::Builder::new()
            .name("bed-listener".to_owned())
            .spawn(move || listening.run())?;
        Ok(Self {
            asks: Some(asks),
            answers,
            thread: Some(thread),
        })
    }

    /// What was heard so far; pacing and origins since the last call.
    pub(super) fn heard(&self) -> Heard {
        // Refused only by a thread that ended, which then has nothing to say.
        let _ = self.asks.as_ref().map(|asks| asks.send(Ask::WhatWasHeard));
        self.answers.recv().unwrap_or_default()
    }

    /// Forgets everything: each stream begins anew with its next packet.
    pub(super) fn forget(&self) {
        let _ = self.asks.as_ref().map(|asks| asks.send(Ask::Forget));
        // Only then is it done.
        self.heard();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.asks = None;
        // A panic of the thread was printed when it happened.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

struct Stream {
    socket: UdpSocket,
    judge: StreamJudge,
    grid: Grid,
    overflowed: u32,
}

/// Where a stream's packets fall.
#[derive(Clone, Copy, Default)]
struct Grid {
    /// The last sequence number, extended.
    last: Option<i64>,
    /// The earliest arrival since the last question, less its number on the grid.
    earliest: Option<i64>,
}

impl Grid {
    fn take(&mut self, at: Time, sequence: u16) {
        let last = self.last.unwrap_or_else(|| i64::from(sequence));
        // The number nearest to the last one.
        #[expect(clippy::cast_possible_truncation, reason = "the step is modulo 2^16")]
        let step = (i64::from(sequence) - last) as i16;
        let number = last + i64::from(step);
        self.last = Some(number);
        let origin = signed(at) - number * PACKET_NS;
        self.earliest = Some(self.earliest.map_or(origin, |known| known.min(origin)));
    }
}

impl Stream {
    fn new(socket: UdpSocket) -> Self {
        Self {
            socket,
            judge: StreamJudge::new(EXPECTED),
            grid: Grid::default(),
            overflowed: 0,
        }
    }
}

/// What the thread owns.
struct Listening {
    epoll: OwnedFd,
    streams: Vec<Stream>,
    music: Option<Arc<Music>>,
    pacing: Pacing,
    asked: Receiver<Ask>,
    answerer: Sender<Heard>,
}

impl Listening {
    fn run(mut self) {
        let mut events = [MaybeUninit::uninit(); 512];
        let mut control = nix::cmsg_space!(TimeSpec, u32);
        loop {
            let (ready, _) = match epoll::wait(&self.epoll, &mut events, Some(&PATIENCE)) {
                Ok(found) => found,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => panic!("epoll of our own making failed: {error}"),
            };
            for event in ready.iter() {
                let place = usize::try_from(event.data.u64()).expect("a place of ours");
                self.listen(place, &mut control);
            }
            match self.asked.try_recv() {
                Ok(Ask::WhatWasHeard) => self.answer(),
                Ok(Ask::Forget) => self.forget(),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return,
            }
        }
    }

    /// Takes one datagram: a second one is rare, and epoll tells of it again.
    fn listen(&mut self, place: usize, control: &mut [u8]) {
        let stream = &mut self.streams[place];
        let mut bytes = [0; 2_048];
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let socket = stream.socket.as_raw_fd();
        let received = recvmsg::<()>(socket, &mut parts, Some(control), MsgFlags::MSG_DONTWAIT);
        let message = match received {
            Ok(message) => message,
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNREFUSED) => return,
            Err(error) => panic!("receiving from a socket of our own failed: {error}"),
        };
        let mut arrived = None;
        for note in message.cmsgs().into_iter().flatten() {
            match note {
                ControlMessageOwned::ScmTimestampns(stamp) => arrived = Some(time_of(stamp)),
                ControlMessageOwned::RxqOvfl(count) => stream.overflowed = count,
                _ => {}
            }
        }
        let length = message.bytes;
        let (arrived, bytes) = (arrived.unwrap_or_else(clock::wall), &bytes[..length]);
        let before = stream.judge.findings().received;
        stream
            .judge
            .take(arrived, bytes, self.music.as_deref(), &mut self.pacing);
        if stream.judge.findings().received > before {
            stream
                .grid
                .take(arrived, u16::from_be_bytes([bytes[2], bytes[3]]));
        }
    }

    fn forget(&mut self) {
        self.pacing.clear();
        for stream in &mut self.streams {
            stream.judge = StreamJudge::new(EXPECTED);
            stream.grid = Grid::default();
        }
    }

    fn answer(&mut self) {
        let mut heard = Heard {
            pacing: std::mem::take(&mut self.pacing),
            ..Heard::default()
        };
        let lead = signed(clock::wall()) - signed(clock::now());
        for (place, stream) in self.streams.iter_mut().enumerate() {
            let findings = stream.judge.findings();
            heard.findings += findings;
            heard.overflowed += u64::from(stream.overflowed);
            heard.streams += usize::from(findings.received > 0);
            // The kernel stamps by the wall clock, which may be set while we listen.
            let earliest = stream.grid.earliest.take();
            heard
                .origins
                .extend(earliest.map(|earliest| (place, earliest - lead)));
        }
        // The one who asked may have gone.
        let _ = self.answerer.send(heard);
    }
}

fn time_of(stamp: TimeSpec) -> Time {
    let nanos = Duration::from(stamp).as_nanos();
    Time::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

fn signed(time: Time) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_stands_still_for_packets_on_time_also_where_numbers_wrap() {
        let mut grid = Grid::default();
        let mut origins = Vec::new();
        for n in 0..100_u16 {
            let late_ns = u64::from(n % 3) * 1_000;
            let at = Time::from_nanos(7_000_000_000 + u64::from(n) * 20_000_000 + late_ns);
            grid.take(at, 65_500_u16.wrapping_add(n));
            if n % 10 == 9 {
                origins.extend(grid.earliest.take());
            }
        }
        assert_eq!(origins, vec![origins[0]; 10]);
    }

    #[test]
    fn a_grid_that_is_a_millisecond_later_says_so() {
        let mut grid = Grid::default();
        grid.take(Time::from_millis(1_000), 0);
        let before = grid.earliest.take().unwrap();
        grid.take(Time::from_millis(1_021), 1);
        assert_eq!(grid.earliest.unwrap() - before, 1_000_000);
    }
}
