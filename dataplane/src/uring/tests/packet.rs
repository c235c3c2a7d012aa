//! Sending frames through packet sockets, between two network namespaces: what arrives is checked
//! by the kernel at the other end before a UDP socket gets it.

use std::os::fd::AsFd;
use std::process::Command;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use shared::Form;

use super::raw::{aim, hear, payload, send};
use super::*;
use crate::path;

/// Two namespaces joined by a veth pair. The test's thread is in the first.
struct Space {
    name: String,
}

const HERE: &str = "198.18.7.1";
const THERE: &str = "198.18.7.2";

impl Space {
    /// `None` where this process may not, as in a container.
    fn build() -> Option<Self> {
        let space = Self {
            name: format!("orbit-path-{}", std::process::id()),
        };
        if !space.run(&["netns", "add", &space.here()]) {
            return None;
        }
        let (here, there) = (space.here(), space.there());
        let lines = [
            format!("netns add {there}"),
            format!("-n {here} link add here type veth peer name there netns {there}"),
        ];
        lines.iter().for_each(|line| space.ip(line));
        space.ip(&format!("-n {here} link set lo up"));
        space.ip(&format!("-n {there} link set lo up"));
        for (name, end, last) in [(&here, "here", 1), (&there, "there", 2)] {
            space.ip(&format!("-n {name} addr add 198.18.7.{last}/24 dev {end}"));
            space.ip(&format!(
                "-n {name} addr add fd00:7::{last}/64 dev {end} nodad"
            ));
            space.ip(&format!("-n {name} link set {end} up"));
        }
        enter(&here);
        Some(space)
    }

    fn here(&self) -> String {
        format!("{}-h", self.name)
    }

    fn there(&self) -> String {
        format!("{}-t", self.name)
    }

    fn run(&self, arguments: &[&str]) -> bool {
        let status = Command::new("ip").args(arguments).status();
        status.is_ok_and(|status| status.success())
    }

    /// Does what a line for `ip` says.
    fn ip(&self, line: &str) {
        let arguments: Vec<&str> = line.split(' ').collect();
        assert!(self.run(&arguments), "ip {line}");
    }

    /// In the sender's namespace.
    fn change(&self, line: &str) {
        self.ip(&format!("-n {} {line}", self.here()));
    }

    /// A socket at the other end.
    fn listener(&self, ip: &str) -> (UdpSocket, SocketAddr) {
        let (there, ip) = (self.there(), ip.parse().unwrap());
        let bound = thread::spawn(move || {
            enter(&there);
            raw::listener(ip)
        });
        bound.join().unwrap()
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        for name in [self.here(), self.there()] {
            self.run(&["netns", "del", &name]);
        }
    }
}

fn enter(name: &str) {
    let file = std::fs::File::open(format!("/run/netns/{name}")).unwrap();
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
}

fn packet_ring(address: IpAddr) -> Ring {
    let config = RingConfig {
        address,
        form: Form::Packet,
        book: path::start(address, Dscp::EXPEDITED, 1).unwrap().pop(),
        ..config(16, 64)
    };
    let ring = Ring::new(config).unwrap();
    assert_eq!(ring.features().refused, None);
    ring
}

/// A stream from one end to a peer at the other.
struct Call {
    ring: Ring,
    local: SocketAddr,
    socket: Socket,
    peer: UdpSocket,
    to: SocketAddr,
}

impl Call {
    fn new(space: &Space, here: &str, there: &str) -> Self {
        let ip = here.parse().unwrap();
        let mut ring = packet_ring(ip);
        let (peer, to) = space.listener(there);
        let local = free_on(ip);
        let socket = open(&mut ring, local);
        aim(&mut ring, Some(to));
        Self {
            ring,
            local,
            socket,
            peer,
            to,
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.ring.follow_paths();
        send(&mut self.ring, self.socket, self.to, bytes);
    }

    /// Sends something that arrives as it was, from the stream's own port.
    fn say(&mut self, bytes: &[u8]) {
        self.send(bytes);
        let mut heard = [0; 1_500];
        let arrived = hear(&self.peer, &mut heard);
        assert_eq!(arrived, (bytes.len(), self.local));
        assert_eq!(&heard[..bytes.len()], bytes);
    }

    /// Goes on until packets leave as frames, or do not.
    fn say_until(&mut self, as_frames: bool) {
        let deadline = clock::now() + PATIENCE;
        let mut row = 0;
        while row < 3 {
            let before = self.ring.sent().by_packet;
            self.say(b"are you there?");
            let was_frame = self.ring.sent().by_packet > before;
            row = if was_frame == as_frames { row + 1 } else { 0 };
            assert!(clock::now() < deadline, "as frames: {was_frame}");
            thread::park_timeout(Duration::from_millis(5));
        }
    }
}

const BOTH: [(&str, &str); 2] = [(HERE, THERE), ("fd00:7::1", "fd00:7::2")];

#[test]
fn what_is_sent_as_frames_arrives_as_it_was_from_the_streams_own_port() {
    let Some(space) = Space::build() else { return };
    for (here, there) in BOTH {
        let mut call = Call::new(&space, here, there);
        call.say_until(true);
        for number in (0..=172).chain([511, 512]) {
            call.say(&payload(number));
        }
        call.say(b"marked");
        call.send(b"m");
        assert_eq!(traffic_class_received(&call.peer), 46 << 2);
        let sent = call.ring.sent();
        assert!(sent.by_packet > 170 && sent.by_raw == 0, "{sent:?}");
        let before = sent.by_socket;
        (0..512).for_each(|_| call.say(b"x"));
        let by_socket = call.ring.sent().by_socket - before;
        assert_eq!(
            by_socket, 2,
            "so that the kernel makes sure of its neighbour"
        );
    }
}

#[test]
fn what_is_relayed_as_frames_arrives_as_it_was() {
    let Some(space) = Space::build() else { return };
    let mut call = Call::new(&space, HERE, THERE);
    call.say_until(true);
    for number in 0..3_000 {
        let bytes = payload(12 + number % 501);
        call.peer.send_to(&bytes, call.local).unwrap();
        let Completion::Received { datagram, .. } = next(&mut call.ring) else {
            panic!("a datagram was sent")
        };
        let (socket, to, part) = (call.socket, call.to.into(), 3..bytes.len());
        call.ring
            .forward(datagram, part.clone(), socket, &to, OWNER)
            .unwrap();
        call.ring.submit().unwrap();
        let mut heard = [0; 1_500];
        let arrived = hear(&call.peer, &mut heard);
        assert_eq!(arrived, (part.len(), call.local));
        assert_eq!(heard[..part.len()], bytes[part]);
    }
    assert!(call.ring.sent().by_packet > 2_900);
}

#[test]
fn a_peer_that_refuses_frames_is_heard_of() {
    let Some(space) = Space::build() else { return };
    for (here, there) in BOTH {
        let mut call = Call::new(&space, here, there);
        call.say_until(true);
        call.peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        call.send(b"anybody there?");
        let refused = next(&mut call.ring);
        assert!(
            matches!(refused, Completion::Dropped(OWNER, DropReason::PeerRefused)),
            "{refused:?}"
        );
    }
}

#[test]
fn a_neighbour_that_is_forgotten_or_moves_is_found_again() {
    let Some(space) = Space::build() else { return };
    let mut call = Call::new(&space, HERE, THERE);
    call.say_until(true);
    space.change(&format!("neigh del {THERE} dev here"));
    // The kernel finds it again for what leaves by the socket.
    call.say_until(true);
    let there = space.there();
    space.ip(&format!(
        "-n {there} link set there address 02:00:00:00:07:02"
    ));
    let moved = format!("neigh replace {THERE} lladdr 02:00:00:00:07:02 dev here nud reachable");
    space.change(&moved);
    thread::park_timeout(Duration::from_millis(200));
    call.say_until(true);
    space.change(&format!(
        "neigh replace {THERE} lladdr 02:00:00:00:07:02 dev here nud failed"
    ));
    call.say_until(true);
}

#[test]
fn a_route_that_changes_is_followed() {
    let Some(space) = Space::build() else { return };
    let (far, there) = ("203.0.113.9", space.there());
    space.ip(&format!("-n {there} addr add {far}/32 dev lo"));
    space.change(&format!("route add 203.0.113.0/24 via {THERE}"));
    let mut call = Call::new(&space, HERE, far);
    call.say_until(true);
    space.change("route add blackhole 203.0.113.9/32");
    thread::park_timeout(Duration::from_millis(200));
    let before = call.ring.sent().by_packet;
    (0..10).for_each(|_| call.send(b"into the hole"));
    assert_eq!(call.ring.sent().by_packet, before);
    space.change("route del blackhole 203.0.113.9/32");
    call.say_until(true);
    // By another interface, and back again.
    space.change(&format!(
        "link add more type veth peer name beyond netns {there}"
    ));
    space.change("addr add 198.18.8.1/24 dev more");
    space.ip(&format!("-n {there} addr add 198.18.8.2/24 dev beyond"));
    space.change("link set more up");
    space.ip(&format!("-n {there} link set beyond up"));
    space.change("route add 203.0.113.9/32 via 198.18.8.2");
    call.say_until(true);
    space.change("link del more");
    call.say_until(true);
}

#[test]
fn what_is_no_ethernet_or_too_narrow_is_sent_by_sockets() {
    let Some(space) = Space::build() else { return };
    let mut call = Call::new(&space, HERE, THERE);
    call.say_until(true);
    space.change("link set here mtu 500");
    call.say_until(false);
    space.change("link set here mtu 1500");
    call.say_until(true);
    drop(call);
    let ip: IpAddr = "127.0.0.1".parse().unwrap();
    let mut ring = packet_ring(ip);
    let (peer, to) = raw::listener(ip);
    let local = free_on(ip);
    let socket = open(&mut ring, local);
    aim(&mut ring, Some(to));
    for _ in 0..20 {
        ring.follow_paths();
        send(&mut ring, socket, to, b"hello");
        hear(&peer, &mut [0; 16]);
        thread::park_timeout(Duration::from_millis(5));
    }
    assert_eq!(ring.sent().by_packet, 0, "loopback");
}

#[test]
fn what_a_policy_of_ipsec_is_about_stays_on_sockets() {
    let Some(space) = Space::build() else { return };
    let mut call = Call::new(&space, HERE, THERE);
    call.say_until(true);
    let ends = format!("src {HERE}/32 dst {THERE}/32");
    space.change(&format!("xfrm policy add dir out {ends} action block"));
    // No change is told of that, so that some other has to be.
    space.change("addr add 198.18.9.1/32 dev lo");
    thread::park_timeout(Duration::from_millis(200));
    let before = call.ring.sent().by_packet;
    (0..10).for_each(|_| call.send(b"in the clear"));
    assert_eq!(call.ring.sent().by_packet, before);
    space.change(&format!("xfrm policy del dir out {ends}"));
    space.change("addr del 198.18.9.1/32 dev lo");
    call.say_until(true);
}
