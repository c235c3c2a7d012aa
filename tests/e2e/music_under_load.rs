//! Music replaced under load: whatever the number of callers who hear it, each goes on without a
//! packet missing, first in the old piece and then in the new one.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::harness::clock::{Deadline, PATIENCE};
use crate::harness::wav::{self, RATE};
use crate::harness::{Crowd, Server, Settings};
use crate::orbitctl::{orbitctl, said};

const CALLERS: usize = 300;

/// How long each piece is heard at least.
const SPAN: Duration = Duration::from_millis(1_500);

/// Fewer packets of a piece than this have not been that long, on a machine that is busy.
const PACKETS_MIN: usize = 25;

/// A packet of music.
#[derive(Clone, Copy, Debug)]
struct Heard {
    from: SocketAddr,
    number: u16,
    time: u32,
    /// The one octet that its piece has; `None` for a packet of two.
    octet: Option<u8>,
}

/// Hears everything that comes to a socket, from its beginning.
struct Ear {
    thread: JoinHandle<Vec<Heard>>,
    is_over: Arc<AtomicBool>,
}

impl Ear {
    fn listen(socket: UdpSocket) -> Self {
        // More than a second of all callers: what is missing must be the server's.
        rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, 16 << 20)
            .expect("this test needs root");
        socket.set_nonblocking(false).expect("our own socket");
        let wait = Some(Duration::from_millis(100));
        socket.set_read_timeout(wait).expect("our own socket");
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        let listen = move || {
            let (mut heard, mut buffer) = (Vec::new(), [0; 512]);
            while !ends.load(Ordering::Relaxed) {
                if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                    heard.extend(Heard::of(from, &buffer[..length]));
                }
            }
            heard
        };
        Self {
            thread: std::thread::spawn(listen),
            is_over,
        }
    }

    fn end(self) -> Vec<Heard> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().expect("the ear does not panic")
    }
}

impl Heard {
    /// `None` for what is not RTP: reports come to the same port.
    fn of(from: SocketAddr, packet: &[u8]) -> Option<Self> {
        let (head, payload) = packet.split_first_chunk::<12>()?;
        let [_, kind, n0, n1, t0, t1, t2, t3, ..] = *head;
        if kind & 0x7f != 0 {
            return None;
        }
        let octet = *payload.first()?;
        Some(Self {
            from,
            number: u16::from_be_bytes([n0, n1]),
            time: u32::from_be_bytes([t0, t1, t2, t3]),
            octet: payload.iter().all(|one| *one == octet).then_some(octet),
        })
    }
}

/// A piece of one level alone, so that each of its packets shows which piece it is of.
fn file(server: &Server, name: &str, level: i16) -> String {
    let path = server.folder().join(name);
    wav::write(&path, &vec![level; 3 * RATE]);
    path.display().to_string()
}

/// Lets the phones go on for a while.
fn go_on(crowd: &mut Crowd, time: Duration) {
    let deadline = Deadline::after(time);
    while !deadline.has_passed() {
        crowd.turn();
    }
}

#[test]
fn row_46_music_replaced_while_hundreds_listen_costs_no_one_a_packet() {
    let server = Server::start(&Settings {
        orbits: (1_000, 1_499),
        media_pairs: 400,
        media_first: 24_000,
        store: true,
        api: true,
        ..Settings::default()
    });
    let old = file(&server, "old.wav", 2_000);
    let new = file(&server, "new.wav", -9_000);
    said(&orbitctl(&server, &["music", "replace", "default", &old]));
    let mut crowd = Crowd::new(&server);
    let ear = Ear::listen(crowd.media());
    for _ in 0..CALLERS {
        crowd.parks(None);
        crowd.turn();
    }
    crowd.until("all of them parked", PATIENCE, |crowd| {
        (0..CALLERS).all(|phone| crowd.phones().is_up(phone))
    });
    go_on(&mut crowd, SPAN);
    said(&orbitctl(&server, &["music", "replace", "default", &new]));
    go_on(&mut crowd, SPAN);
    let heard = ear.end();

    let mut streams: BTreeMap<SocketAddr, Vec<Heard>> = BTreeMap::new();
    for packet in heard {
        streams.entry(packet.from).or_default().push(packet);
    }
    assert_eq!(streams.len(), CALLERS, "who has heard music");
    let mut pieces = Vec::new();
    for (from, packets) in &streams {
        for pair in packets.windows(2) {
            let is_next = pair[1].number == pair[0].number.wrapping_add(1)
                && pair[1].time == pair[0].time.wrapping_add(160);
            assert!(is_next, "{from}: a gap: {pair:?}");
        }
        let runs: Vec<_> = packets.chunk_by(|a, b| a.octet == b.octet).collect();
        let [old, new] = runs[..] else {
            panic!("{from}: not the one piece and then the other: {runs:?}");
        };
        assert!(old.len() >= PACKETS_MIN && new.len() >= PACKETS_MIN);
        pieces.push([old[0].octet, new[0].octet]);
    }
    pieces.dedup();
    let [[Some(one), Some(other)]] = pieces[..] else {
        panic!("not the same for all: {pieces:?}");
    };
    assert_ne!(one, other);
    server.stop();
}
