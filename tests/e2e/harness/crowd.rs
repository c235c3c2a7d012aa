//! Many simple phones on one socket, with another for all that they hear. They outlive the server,
//! and send again what it has not answered.

use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use shared::Time;
use tools::clock;
use tools::phone::{Event, Line, Outbox, Phones};

use super::Server;
use super::clock::{Deadline, PATIENCE};

/// The phones.
#[derive(Debug)]
pub(crate) struct Crowd {
    signalling: UdpSocket,
    media: UdpSocket,
    phones: Phones,
    out: Outbox,
    next_tick: Time,
    server: SocketAddr,
}

impl Crowd {
    /// Nobody yet.
    pub(crate) fn new(server: &Server) -> Self {
        let open = || {
            let socket = UdpSocket::bind((server.address.ip(), 0)).expect("a port");
            socket.set_nonblocking(true).expect("our own socket");
            socket
        };
        let (signalling, media) = (open(), open());
        let line = Line {
            local: signalling.local_addr().expect("bound"),
            target: server.uri("park"),
            seed: std::process::id(),
        };
        Self {
            signalling,
            media,
            phones: Phones::new(line, []),
            out: Outbox::new(),
            next_tick: clock::now(),
            server: server.address,
        }
    }

    /// A phone more, that parks itself; or is parked by somebody, who is named by a URI.
    pub(crate) fn parks(&mut self, parker: Option<&str>) -> usize {
        self.add(None, parker)
    }

    /// A phone more, that dials an orbit.
    pub(crate) fn dials(&mut self, orbit: &str) -> usize {
        let target = format!("sip:{orbit}@{}", self.server);
        self.add(Some(target), None)
    }

    /// Two phones more, the second of which has retrieved the first.
    pub(crate) fn bridges(&mut self) -> (usize, usize) {
        let parkee = self.parks(None);
        self.until("an orbit", PATIENCE, |crowd| crowd.phones.is_up(parkee));
        let orbit = self.phones.server_user(parkee).expect("an orbit");
        let retriever = self.dials(&orbit);
        self.until("a bridge", PATIENCE, |crowd| crowd.phones.is_up(retriever));
        (parkee, retriever)
    }

    /// Each second phone hangs up, and each first is told so.
    pub(crate) fn all_leave(&mut self, bridges: &[(usize, usize)]) {
        for (parkee, retriever) in bridges {
            self.hang_up(*retriever);
            self.until("the end of a bridge", PATIENCE, |crowd| {
                !crowd.phones.is_up(*parkee)
            });
        }
    }

    fn add(&mut self, target: Option<String>, parker: Option<&str>) -> usize {
        let rtp = self.media.local_addr().expect("bound");
        let phone = self.phones.add(rtp, target);
        if let Some(parker) = parker {
            self.phones.refer(phone, parker);
        }
        self.phones.call(phone, clock::now(), &mut self.out);
        self.send();
        phone
    }

    pub(crate) fn hang_up(&mut self, phone: usize) {
        self.phones.hang_up(phone, clock::now(), &mut self.out);
        self.send();
    }

    /// Where all that they hear arrives, for who listens more closely.
    pub(crate) fn media(&self) -> UdpSocket {
        self.media.try_clone().expect("our own socket")
    }

    pub(crate) fn phones(&self) -> &Phones {
        &self.phones
    }

    /// The phone that a Call-ID is of.
    pub(crate) fn phone_of(call_id: &str) -> Option<usize> {
        call_id.split_once('.')?.0.parse().ok()
    }

    /// Takes what has arrived, or waits for a moment, and says what it did.
    pub(crate) fn turn(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        let mut buffer = [0; 8_192];
        // A server that is not there is reported by some of these, and is no news.
        while let Ok(length) = self.signalling.recv(&mut buffer) {
            let now = clock::now();
            events.extend(self.phones.hear(now, &buffer[..length], &mut self.out));
        }
        if clock::now() >= self.next_tick {
            self.phones.tick(clock::now(), &mut self.out);
            self.next_tick = clock::now() + Duration::from_millis(20);
        }
        self.send();
        if events.is_empty() {
            super::clock::pause(Duration::from_millis(1));
        }
        events
    }

    /// Goes on until something is so.
    ///
    /// # Panics
    /// When it is not within `wait`.
    pub(crate) fn until(&mut self, what: &str, wait: Duration, is: impl Fn(&Self) -> bool) {
        let deadline = Deadline::after(wait);
        while !is(self) {
            assert!(!deadline.has_passed(), "{what}: not within {wait:?}");
            self.turn();
        }
    }

    /// Goes on until each of these phones hears the server's media again, from where the server
    /// says that it is now.
    ///
    /// # Panics
    /// When one does not within `wait`.
    pub(crate) fn all_hear(&mut self, phones: &[usize], wait: Duration) {
        let deadline = Deadline::after(wait);
        let mut deaf: BTreeSet<usize> = phones.iter().copied().collect();
        self.drain_media();
        while !deaf.is_empty() {
            assert!(!deadline.has_passed(), "{deaf:?} hear nothing");
            self.turn();
            let heard = self.drain_media();
            let is_deaf = |phone: &usize| {
                let from = self.phones.server_media(*phone);
                from.is_none_or(|from| !heard.contains(&from))
            };
            deaf.retain(is_deaf);
        }
    }

    /// Whether what one phone says reaches the other.
    pub(crate) fn hears(&mut self, listener: usize, talker: usize) -> bool {
        let (Some(to), Some(from)) = (
            self.phones.server_media(talker),
            self.phones.server_media(listener),
        ) else {
            return false;
        };
        self.drain_media();
        // Some, since the first of a talker may meet a stream that is still on its way there.
        for number in 0..20_u8 {
            let mut packet = [0xd5; 172];
            packet[..12].copy_from_slice(&[0x80, 0, 0, number, 0, 0, number, 0, 9, 9, 9, 9]);
            self.media.send_to(&packet, to).expect("loopback");
            self.turn();
            super::clock::pause(Duration::from_millis(5));
            if self.drain_media().contains(&from) {
                return true;
            }
        }
        false
    }

    /// Goes on until what one says reaches the other.
    ///
    /// # Panics
    /// When it never does.
    pub(crate) fn hears_before(&mut self, listener: usize, talker: usize, deadline: Deadline) {
        while !self.hears(listener, talker) {
            assert!(!deadline.has_passed(), "{listener} does not hear {talker}");
        }
    }

    /// Whom media has come from since the last time.
    fn drain_media(&self) -> BTreeSet<SocketAddr> {
        let mut buffer = [0; 512];
        let mut from = BTreeSet::new();
        while let Ok((_, source)) = self.media.recv_from(&mut buffer) {
            from.insert(source);
        }
        from
    }

    fn send(&mut self) {
        for message in self.out.drain(..) {
            // To a server that is dead it is lost, and sent again.
            let _ = self.signalling.send_to(&message, self.server);
        }
    }
}
