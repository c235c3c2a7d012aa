//! What one listening thread does.

use std::collections::HashMap;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, RecvMsg, SockaddrStorage, recvmmsg,
};
use nix::sys::time::TimeSpec;
use rustix::event::epoll;
use rustix::time::{ClockId, Timespec, clock_gettime};
use shared::Time;

use super::limits::{BATCH, DATAGRAM_BYTES, SOURCES_MAX};
use super::listener::{Ask, Heard, Reply, Role, Stream};
use super::ports::{self, Port};
use crate::clock;
use crate::judge::stamp::Audio;
use crate::judge::{Expected, Findings, Music, Passage, StreamJudge};

/// What the thread owns.
pub(super) struct Hearing {
    epoll: OwnedFd,
    ports: Vec<Socket>,
    streams: Vec<Listened>,
    music: Option<Arc<Music>>,
    /// Whose packets are judged; anybody's when there are none.
    hosts: Option<Vec<IpAddr>>,
    sums: Heard,
    /// Clock and CPU time when last asked.
    asked_at: (Time, Duration),
}

struct Socket {
    port: Port,
    role: Role,
    overflowed: u32,
    /// The streams that come to it.
    by_source: HashMap<SocketAddr, usize>,
}

struct Listened {
    judge: Judge,
    source: SocketAddr,
    port: SocketAddr,
    last: Time,
}

enum Judge {
    Music(StreamJudge),
    Passage(Passage),
    Nothing,
}

/// PCMU in packets of 20 ms.
const EXPECTED: Expected = Expected {
    payload_type: 0,
    samples: 160,
    packet_ns: 20_000_000,
};

/// Of the fixed header.
const RTP_HEADER_BYTES: usize = 12;

/// How long a question may wait.
const PATIENCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};

impl Hearing {
    pub(super) fn new(
        epoll: OwnedFd,
        ports: Vec<(Port, Role)>,
        music: Option<Arc<Music>>,
        hosts: Option<Vec<IpAddr>>,
    ) -> Self {
        let sockets = ports.into_iter().map(|(port, role)| Socket {
            port,
            role,
            overflowed: 0,
            by_source: HashMap::new(),
        });
        Self {
            epoll,
            ports: sockets.collect(),
            streams: Vec::new(),
            music,
            hosts,
            sums: Heard::default(),
            asked_at: (clock::now(), Duration::ZERO),
        }
    }

    pub(super) fn run(mut self, asked: &Receiver<Ask>, replier: &Sender<Reply>) {
        let mut events = [MaybeUninit::uninit(); 256];
        let mut bytes = vec![0; BATCH * DATAGRAM_BYTES];
        loop {
            let (ready, _) = match epoll::wait(&self.epoll, &mut events, Some(&PATIENCE)) {
                Ok(found) => found,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => panic!("epoll of our own making failed: {error}"),
            };
            for event in ready.iter() {
                let place = usize::try_from(event.data.u64()).expect("a place of ours");
                self.listen(place, &mut bytes);
            }
            loop {
                let reply = match asked.try_recv() {
                    Ok(Ask::Heard) => Reply::Heard(Box::new(self.heard())),
                    Ok(Ask::Streams) => Reply::Streams(self.told()),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                };
                // The one who asked may have gone.
                let _ = replier.send(reply);
            }
        }
    }

    /// Takes one batch: epoll tells of what is left.
    fn listen(&mut self, place: usize, bytes: &mut [u8]) {
        // Made anew each time, since a call leaves in the headers how much room it used, and that
        // room would not do for the count of the lost when there is one.
        let space = nix::cmsg_space!(TimeSpec, u32);
        let mut headers: MultiHeaders<SockaddrStorage> =
            MultiHeaders::preallocate(BATCH, Some(space));
        let mut parts: Vec<[IoSliceMut<'_>; 1]> = bytes
            .chunks_exact_mut(DATAGRAM_BYTES)
            .map(|chunk| [IoSliceMut::new(chunk)])
            .collect();
        let port = Arc::clone(&self.ports[place].port);
        let flags = MsgFlags::MSG_DONTWAIT;
        let messages = match recvmmsg(port.as_raw_fd(), &mut headers, &mut parts, flags, None) {
            Ok(messages) => messages,
            // Nothing there after all, or an ICMP error of something we sent.
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNREFUSED) => return,
            Err(error) => panic!("receiving from a socket of our own failed: {error}"),
        };
        for message in messages {
            self.take(place, &message);
        }
    }

    fn take(&mut self, place: usize, message: &RecvMsg<'_, '_, SockaddrStorage>) {
        let mut arrived = None;
        for note in message.cmsgs().into_iter().flatten() {
            match note {
                ControlMessageOwned::ScmTimestampns(stamp) => arrived = Some(time_of(stamp)),
                ControlMessageOwned::RxqOvfl(count) => self.ports[place].overflowed = count,
                _ => {}
            }
        }
        let arrived = arrived.unwrap_or_else(clock::wall);
        let source = message.address.as_ref().and_then(socket_address);
        let (Some(datagram), Some(source)) = (message.iovs().next(), source) else {
            return;
        };
        self.sums.datagrams += 1;
        self.sums.bytes += datagram.len() as u64;
        let audio = datagram.get(RTP_HEADER_BYTES..).map(Audio::read);
        self.sums.foes += u64::from(audio == Some(Audio::Foe));
        let is_servers = |hosts: &Vec<IpAddr>| hosts.contains(&source.ip().to_canonical());
        let role = self.ports[place].role;
        if role != Role::Direct && !self.hosts.as_ref().is_none_or(is_servers) {
            self.sums.elsewhere += 1;
        } else if role == Role::Nobody {
            self.sums.strays += 1;
        } else if let Some(stream) = self.stream(place, source, arrived) {
            self.judge(stream, arrived, datagram, role);
        }
    }

    fn stream(&mut self, place: usize, source: SocketAddr, arrived: Time) -> Option<usize> {
        let port = &mut self.ports[place];
        if let Some(stream) = port.by_source.get(&source) {
            return Some(*stream);
        }
        if self.streams.len() >= SOURCES_MAX {
            self.sums.elsewhere += 1;
            return None;
        }
        let judge = match port.role {
            Role::Parked => Judge::Music(StreamJudge::new(EXPECTED)),
            Role::Bridged | Role::Direct => Judge::Passage(Passage::new(EXPECTED.payload_type)),
            Role::Counted | Role::Nobody => Judge::Nothing,
        };
        port.by_source.insert(source, self.streams.len());
        self.streams.push(Listened {
            judge,
            source,
            port: ports::address(&port.port),
            last: arrived,
        });
        Some(self.streams.len() - 1)
    }

    fn judge(&mut self, stream: usize, arrived: Time, datagram: &[u8], role: Role) {
        let (music, sums) = (self.music.as_deref(), &mut self.sums);
        let stream = &mut self.streams[stream];
        stream.last = arrived;
        match &mut stream.judge {
            Judge::Music(judge) => judge.take(arrived, datagram, music, &mut sums.pacing),
            Judge::Passage(judge) if role == Role::Direct => {
                judge.take(arrived, datagram, &mut sums.direct);
            }
            Judge::Passage(judge) => judge.take(arrived, datagram, &mut sums.latency),
            Judge::Nothing => sums.findings.received += 1,
        }
    }

    fn heard(&mut self) -> Heard {
        let mut heard = self.sums.clone();
        self.sums.pacing.clear();
        self.sums.latency.clear();
        self.sums.direct.clear();
        for stream in self.phones() {
            heard.findings += stream.judge.findings();
            heard.streams += 1;
        }
        let lost = self.ports.iter().map(|port| u64::from(port.overflowed));
        heard.overflowed = lost.sum();
        let now = (clock::now(), cpu_of_this_thread());
        let (passed, worked) = (
            now.0 - self.asked_at.0,
            now.1.saturating_sub(self.asked_at.1),
        );
        heard.busy = worked.as_secs_f64() / passed.as_secs_f64().max(f64::MIN_POSITIVE);
        self.asked_at = now;
        heard
    }

    /// The streams where some are expected.
    fn phones(&self) -> impl Iterator<Item = &Listened> {
        let ports = self.ports.iter().filter(|port| port.role.is_expecting());
        ports
            .flat_map(|port| port.by_source.values())
            .map(|stream| &self.streams[*stream])
    }

    fn told(&self) -> Vec<Stream> {
        self.phones()
            .map(|stream| Stream {
                source: stream.source,
                port: stream.port,
                last: stream.last,
                speaker: stream.judge.speaker(),
            })
            .collect()
    }
}

impl Judge {
    fn findings(&self) -> Findings {
        match self {
            Self::Music(judge) => judge.findings(),
            Self::Passage(judge) => judge.findings(),
            Self::Nothing => Findings::default(),
        }
    }

    fn speaker(&self) -> Option<(u32, u8)> {
        match self {
            Self::Music(_) | Self::Nothing => None,
            Self::Passage(judge) => judge.speaker(),
        }
    }
}

fn socket_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(four) = address.as_sockaddr_in() {
        return Some(SocketAddr::new(four.ip().into(), four.port()));
    }
    let six = address.as_sockaddr_in6()?;
    Some(SocketAddr::new(six.ip().into(), six.port()))
}

fn time_of(stamp: TimeSpec) -> Time {
    let nanos = Duration::from(stamp).as_nanos();
    Time::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

fn cpu_of_this_thread() -> Duration {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(used).unwrap_or_default()
}
