//! Threads that listen to many RTP ports and judge what arrives, cheaply enough to share the
//! machine with the sender.
//!
//! Each packet is judged by the time at which the kernel got it, so that it does not matter how
//! late this thread is; and the kernel says how many packets it had no room for, so that a slow
//! listener is not taken for a lossy sender.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::UdpSocket;
use std::ops::AddAssign;
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

use crate::clock;
use crate::judge::{Expected, Findings, Music, Pacing, StreamJudge};

/// The listening threads. Dropping them ends them.
#[derive(Debug)]
pub struct Ears {
    ears: Vec<Ear>,
}

/// What was heard so far.
#[derive(Debug, Default)]
pub struct Heard {
    /// Of all streams, since the start.
    pub findings: Findings,
    /// Of all streams, since the last time that it was asked for.
    pub pacing: Pacing,
    /// Packets for which a socket of ours had no room: our loss, not the sender's.
    pub overflowed: u64,
    /// Streams of which at least one packet arrived.
    pub streams: usize,
}

impl Ears {
    /// Listens to the sockets, shared among some threads.
    ///
    /// # Errors
    /// When the kernel refuses a thread, an epoll or a socket option.
    pub fn start(
        sockets: Vec<UdpSocket>,
        expected: Expected,
        music: Option<&Arc<Music>>,
        threads: usize,
    ) -> io::Result<Self> {
        let each = sockets.len().div_ceil(threads.max(1)).max(1);
        let mut sockets = sockets.into_iter().peekable();
        let mut ears = Vec::new();
        while sockets.peek().is_some() {
            let share: Vec<UdpSocket> = sockets.by_ref().take(each).collect();
            ears.push(Ear::start(share, expected, music.cloned())?);
        }
        Ok(Self { ears })
    }

    /// What was heard so far; the pacing since the last call.
    #[must_use]
    pub fn heard(&self) -> Heard {
        self.ears.iter().for_each(|ear| ear.ask());
        let mut all = Heard::default();
        self.ears
            .iter()
            .filter_map(|ear| ear.replies.recv().ok())
            .for_each(|heard| all += heard);
        all
    }
}

impl AddAssign for Heard {
    fn add_assign(&mut self, other: Self) {
        self.findings += other.findings;
        self.pacing.add(&other.pacing);
        self.overflowed += other.overflowed;
        self.streams += other.streams;
    }
}

/// The question what was heard.
#[derive(Clone, Copy, Debug)]
struct Ask;

#[derive(Debug)]
struct Ear {
    asks: Option<Sender<Ask>>,
    replies: Receiver<Heard>,
    thread: Option<JoinHandle<()>>,
}

impl Ear {
    fn start(
        sockets: Vec<UdpSocket>,
        expected: Expected,
        music: Option<Arc<Music>>,
    ) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (place, socket) in sockets.iter().enumerate() {
            setsockopt(socket, sockopt::ReceiveTimestampns, &true)?;
            setsockopt(socket, sockopt::RxqOvfl, &1)?;
            epoll::add(
                &epoll,
                socket,
                epoll::EventData::new_u64(place as u64),
                epoll::EventFlags::IN,
            )?;
        }
        let streams = sockets
            .into_iter()
            .map(|socket| Stream::new(socket, expected))
            .collect();
        let (asks, asked) = channel();
        let (replier, replies) = channel();
        let listening = Listening {
            epoll,
            streams,
            music,
            pacing: Pacing::new(),
            asked,
            replier,
        };
        let thread = std::thread::Builder::new()
            .name("ear".to_owned())
            .spawn(move || listening.run())?;
        Ok(Self {
            asks: Some(asks),
            replies,
            thread: Some(thread),
        })
    }

    fn ask(&self) {
        // Refused only by a thread that ended, which then has nothing to say.
        let _ = self.asks.as_ref().map(|asks| asks.send(Ask));
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.asks = None;
        // A panic of the thread was printed when it happened.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

struct Stream {
    socket: UdpSocket,
    judge: StreamJudge,
    overflowed: u32,
}

impl Stream {
    fn new(socket: UdpSocket, expected: Expected) -> Self {
        Self {
            socket,
            judge: StreamJudge::new(expected),
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
    replier: Sender<Heard>,
}

/// How long a question may wait.
const PATIENCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};

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
            loop {
                match self.asked.try_recv() {
                    Ok(Ask) => self.reply(),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
        }
    }

    /// Takes one datagram: a second one is rare, and epoll tells of it again.
    fn listen(&mut self, place: usize, control: &mut [u8]) {
        let stream = &mut self.streams[place];
        let mut bytes = [0; 2_048];
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let socket = stream.socket.as_raw_fd();
        let message = match recvmsg::<()>(socket, &mut parts, Some(control), MsgFlags::MSG_DONTWAIT)
        {
            Ok(message) => message,
            // Nothing there after all, or an ICMP error of something we sent.
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
        let arrived = arrived.unwrap_or_else(clock::wall);
        stream.judge.take(
            arrived,
            &bytes[..length],
            self.music.as_deref(),
            &mut self.pacing,
        );
    }

    fn reply(&mut self) {
        let mut heard = Heard {
            pacing: self.pacing.clone(),
            ..Heard::default()
        };
        for stream in &self.streams {
            let findings = stream.judge.findings();
            heard.findings += findings;
            heard.overflowed += u64::from(stream.overflowed);
            heard.streams += usize::from(findings.received > 0);
        }
        self.pacing.clear();
        // The one who asked may have gone.
        let _ = self.replier.send(heard);
    }
}

fn time_of(stamp: TimeSpec) -> Time {
    let nanos = Duration::from(stamp).as_nanos();
    Time::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_of_several_ports_are_heard_and_told_apart() {
        let sockets: Vec<UdpSocket> = (0..3)
            .map(|_| UdpSocket::bind("127.0.0.1:0").unwrap())
            .collect();
        let ports: Vec<_> = sockets
            .iter()
            .map(|socket| socket.local_addr().unwrap())
            .collect();
        let expected = Expected {
            payload_type: 0,
            samples: 160,
            packet_ns: 20_000_000,
        };
        let ears = Ears::start(sockets, expected, None, 2).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for n in [0, 1, 3_u8] {
            let mut packet = vec![0x80, 0, 0, n, 0, 0];
            packet.extend((u16::from(n) * 160).to_be_bytes());
            packet.extend([0, 0, 0, 1]);
            packet.extend([0xff; 160]);
            for port in &ports[..2] {
                sender.send_to(&packet, port).unwrap();
            }
        }
        // What was sent on loopback is in the receiver's queue before the next question is asked,
        // but not yet read: ask until it is.
        let heard = (0..500)
            .map(|_| ears.heard())
            .find(|heard| heard.findings.received == 6);
        let heard = heard.expect("all six packets are heard");
        assert_eq!(
            (heard.findings.lost, heard.streams, heard.overflowed),
            (2, 2, 0)
        );
    }
}
