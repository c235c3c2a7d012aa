//! Threads that take RTP in batches and judge each stream of it.
//!
//! Many calls can share a socket, since a server's streams come from different ports of it: a
//! stream is what comes from one address to one socket. Each packet is judged by the time at which
//! the kernel got it; and the kernel says how many it had no room for, so that a slow listener is
//! not taken for a lossy sender.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use rustix::event::epoll;
use shared::Time;

use super::hearing::Hearing;
use super::ports::Port;
use crate::judge::{Findings, Music, Pacing};

/// The listening threads. Dropping them ends them.
#[derive(Debug)]
pub(super) struct Listeners {
    threads: Vec<Listener>,
}

/// What a socket is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    /// Parked phones have it in their descriptions: each stream is the music.
    Parked,
    /// Bridged phones have it: each stream is what another phone of ours stamped.
    Bridged,
    /// Nobody was told of it: whatever comes from the server is a stray.
    Nobody,
    /// Stamped packets come straight from ourselves, to know what the way alone takes.
    Direct,
    /// Nothing is expected of what comes.
    Counted,
}

impl Role {
    /// Whether the server sends there, as far as we know.
    pub(super) fn is_expecting(self) -> bool {
        matches!(self, Self::Parked | Self::Bridged | Self::Counted)
    }
}

/// What was heard so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    /// Of all streams, since the start.
    pub(super) findings: Findings,
    /// Deviations of the music, since last asked.
    pub(super) pacing: Pacing,
    /// Times on the way through bridges, since last asked.
    pub(super) latency: Pacing,
    /// Times on the direct way, since last asked.
    pub(super) direct: Pacing,
    /// Datagrams and their bytes, of any kind.
    pub(super) datagrams: u64,
    pub(super) bytes: u64,
    /// For which a socket of ours had no room: our loss, not the server's.
    pub(super) overflowed: u64,
    /// From hosts that are not the server's: not judged.
    pub(super) elsewhere: u64,
    /// To sockets that nobody was told of.
    pub(super) strays: u64,
    /// With an attack's audio, anywhere.
    pub(super) foes: u64,
    /// Streams of which at least one packet came.
    pub(super) streams: usize,
    /// The share of its time that the busiest thread worked, since last asked.
    pub(super) busy: f64,
}

/// One stream, as far as its judgement goes beyond sums.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    /// Who sent it.
    pub(super) source: SocketAddr,
    /// The socket it came to.
    pub(super) port: SocketAddr,
    /// When its last packet came, by the wall clock.
    pub(super) last: Time,
    /// Pair and side of the phone that was heard.
    pub(super) speaker: Option<(u32, u8)>,
}

impl Heard {
    pub(super) fn add(&mut self, other: &Self) {
        self.findings += other.findings;
        self.pacing.add(&other.pacing);
        self.latency.add(&other.latency);
        self.direct.add(&other.direct);
        self.datagrams += other.datagrams;
        self.bytes += other.bytes;
        self.overflowed += other.overflowed;
        self.elsewhere += other.elsewhere;
        self.strays += other.strays;
        self.foes += other.foes;
        self.streams += other.streams;
        self.busy = self.busy.max(other.busy);
    }
}

impl Listeners {
    /// Listens to the sockets, dealt out to some threads.
    ///
    /// # Errors
    /// When the kernel refuses a thread, an epoll or a socket.
    pub(super) fn start(
        ports: &[(Port, Role)],
        music: Option<&Arc<Music>>,
        hosts: Option<&[IpAddr]>,
        threads: usize,
    ) -> io::Result<Self> {
        let threads = threads.clamp(1, ports.len().max(1));
        let mut shares: Vec<Vec<(Port, Role)>> = vec![Vec::new(); threads];
        for (place, port) in ports.iter().enumerate() {
            shares[place % threads].push((Arc::clone(&port.0), port.1));
        }
        let threads = shares
            .into_iter()
            .map(|share| Listener::start(share, music.cloned(), hosts))
            .collect::<io::Result<_>>()?;
        Ok(Self { threads })
    }

    /// What was heard so far.
    pub(super) fn heard(&self) -> Heard {
        let mut all = Heard::default();
        for reply in self.ask(Ask::Heard) {
            if let Reply::Heard(heard) = reply {
                all.add(&heard);
            }
        }
        all
    }

    /// Every stream so far.
    pub(super) fn streams(&self) -> Vec<Stream> {
        let mut all = Vec::new();
        for reply in self.ask(Ask::Streams) {
            if let Reply::Streams(streams) = reply {
                all.extend(streams);
            }
        }
        all
    }

    fn ask(&self, ask: Ask) -> Vec<Reply> {
        // Refused only by a thread that ended, which then has nothing to say.
        for thread in &self.threads {
            let _ = thread.asks.as_ref().map(|asks| asks.send(ask));
        }
        let replies = self.threads.iter();
        replies
            .filter_map(|thread| thread.replies.recv().ok())
            .collect()
    }
}

/// A question.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ask {
    Heard,
    Streams,
}

/// Its answer.
#[derive(Debug)]
pub(super) enum Reply {
    Heard(Box<Heard>),
    Streams(Vec<Stream>),
}

#[derive(Debug)]
struct Listener {
    asks: Option<Sender<Ask>>,
    replies: Receiver<Reply>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    fn start(
        ports: Vec<(Port, Role)>,
        music: Option<Arc<Music>>,
        hosts: Option<&[IpAddr]>,
    ) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (place, (port, _)) in ports.iter().enumerate() {
            let data = epoll::EventData::new_u64(place as u64);
            epoll::add(&epoll, port, data, epoll::EventFlags::IN)?;
        }
        let (asks, asked) = channel();
        let (replier, replies) = channel();
        let hosts = hosts.map(<[IpAddr]>::to_vec);
        let hearing = Hearing::new(epoll, ports, music, hosts);
        let thread = std::thread::Builder::new()
            .name("flood-ear".to_owned())
            .spawn(move || hearing.run(&asked, &replier))?;
        Ok(Self {
            asks: Some(asks),
            replies,
            thread: Some(thread),
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.asks = None;
        // A panic of the thread was printed when it happened.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::super::ports;
    use super::*;
    use crate::judge::stamp::{BYTES, Stamp, write_foe};

    fn heard_when(listeners: &Listeners, done: impl Fn(&Heard) -> bool) -> Heard {
        let asked = (0..500).map(|_| listeners.heard()).find(done);
        asked.expect("what was sent is heard")
    }

    fn rtp(number: u8, audio: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x80, 0, 0, number, 0, 0];
        packet.extend((u16::from(number) * 160).to_be_bytes());
        packet.extend([0, 0, 0, 1]);
        packet.extend(audio);
        packet
    }

    #[test]
    fn streams_that_share_a_socket_are_told_apart_by_their_source() {
        let port = ports::bind("127.0.0.1".parse().unwrap(), 1)
            .unwrap()
            .remove(0);
        let to = ports::address(&port);
        let ports = [(port, Role::Parked)];
        let listeners = Listeners::start(&ports, None, None, 2).unwrap();
        let senders = [0, 1].map(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
        for number in [0, 1, 3] {
            for sender in &senders {
                sender.send_to(&rtp(number, &[0xff; BYTES]), to).unwrap();
            }
        }
        let heard = heard_when(&listeners, |heard| heard.datagrams == 6);
        assert_eq!((heard.findings.received, heard.findings.lost), (6, 2));
        assert_eq!((heard.streams, heard.overflowed), (2, 0));
        let streams = listeners.streams();
        let sources: Vec<SocketAddr> = streams.iter().map(|stream| stream.source).collect();
        for sender in &senders {
            assert!(sources.contains(&sender.local_addr().unwrap()));
        }
    }

    #[test]
    fn what_comes_where_nobody_was_told_of_is_a_stray_unless_it_is_from_elsewhere() {
        let port = ports::bind("127.0.0.1".parse().unwrap(), 1)
            .unwrap()
            .remove(0);
        let to = ports::address(&port);
        let hosts = ["127.0.0.2".parse().unwrap()];
        let ports = [(port, Role::Nobody)];
        let listeners = Listeners::start(&ports, None, Some(&hosts), 1).unwrap();
        for host in ["127.0.0.1:0", "127.0.0.2:0"] {
            UdpSocket::bind(host).unwrap().send_to(b"x", to).unwrap();
        }
        let heard = heard_when(&listeners, |heard| heard.datagrams == 2);
        assert_eq!((heard.strays, heard.elsewhere), (1, 1));
    }

    #[test]
    fn audio_of_an_attack_at_a_phone_is_counted() {
        let port = ports::bind("127.0.0.1".parse().unwrap(), 1)
            .unwrap()
            .remove(0);
        let to = ports::address(&port);
        let ports = [(port, Role::Bridged)];
        let listeners = Listeners::start(&ports, None, None, 1).unwrap();
        let (mut audio, mut foe) = ([0; BYTES], [0; BYTES]);
        let stamp = Stamp {
            pair: 4,
            side: 1,
            number: 0,
            sent: crate::clock::wall(),
        };
        stamp.write(&mut audio);
        write_foe(&mut foe);
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.send_to(&rtp(0, &audio), to).unwrap();
        sender.send_to(&rtp(1, &foe), to).unwrap();
        let heard = heard_when(&listeners, |heard| heard.datagrams == 2);
        assert_eq!((heard.findings.received, heard.foes), (1, 1));
        assert_eq!(listeners.streams()[0].speaker, Some((4, 1)));
    }

    #[test]
    fn what_a_socket_had_no_room_for_is_our_own_loss() {
        let port = UdpSocket::bind("127.0.0.1:0").unwrap();
        nix::sys::socket::setsockopt(&port, nix::sys::socket::sockopt::RcvBuf, &2_048).unwrap();
        nix::sys::socket::setsockopt(&port, nix::sys::socket::sockopt::RxqOvfl, &1).unwrap();
        let (to, port) = (port.local_addr().unwrap(), Arc::new(port));
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        // More than fits, before anybody listens; then one more, which brings the count.
        for number in 0..50 {
            sender.send_to(&rtp(number, &[0xff; BYTES]), to).unwrap();
        }
        let ports = [(port, Role::Parked)];
        let listeners = Listeners::start(&ports, None, None, 1).unwrap();
        let first = heard_when(&listeners, |heard| heard.datagrams > 0);
        sender.send_to(&rtp(51, &[0xff; BYTES]), to).unwrap();
        let heard = heard_when(&listeners, |heard| heard.overflowed > 0);
        assert_eq!(heard.overflowed + first.datagrams, 50);
    }
}
