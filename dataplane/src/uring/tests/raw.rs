//! Sending through raw sockets. On loopback too, the kernel checks what such a packet says of
//! itself before a UDP socket gets it.

use shared::Form;

use super::*;
use crate::intake::Intake;
use crate::uring::outlet::Refusal;

/// `None` where this process may not, which the ring has said then.
fn raw_ring(address: IpAddr) -> Option<Ring> {
    let config = RingConfig {
        address,
        form: Form::Raw,
        ..config(16, 64)
    };
    let ring = Ring::new(config).unwrap();
    let features = ring.features();
    match features.refused {
        None => assert_eq!(features.form, Form::Raw),
        Some(refused) => {
            assert_eq!(refused, (Form::Raw, Refusal::NoRight));
            assert_eq!(features.form, Form::Socket);
            return None;
        }
    }
    Some(ring)
}

/// A stream's socket with a peer that is certain.
fn aimed(ring: &mut Ring, ip: IpAddr, peer: SocketAddr) -> (SocketAddr, Socket) {
    let local = free_on(ip);
    let socket = open(ring, local);
    aim(ring, Some(peer));
    (local, socket)
}

pub(super) fn aim(ring: &mut Ring, peer: Option<SocketAddr>) {
    let intake = Intake {
        from: peer.map(Into::into),
        without: None,
    };
    ring.aim(OWNER, &intake);
    ring.submit().unwrap();
}

pub(super) fn send(ring: &mut Ring, socket: Socket, to: SocketAddr, bytes: &[u8]) {
    let sent = ring.send(socket, &to.into(), OWNER, |out| {
        out[..bytes.len()].copy_from_slice(bytes);
        bytes.len()
    });
    sent.unwrap();
    ring.submit().unwrap();
}

pub(super) fn listener(ip: IpAddr) -> (UdpSocket, SocketAddr) {
    let peer = UdpSocket::bind((ip, 0)).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    let address = peer.local_addr().unwrap();
    (peer, address)
}

/// What comes next. The end of an earlier ring may interrupt the wait.
pub(super) fn hear(peer: &UdpSocket, bytes: &mut [u8]) -> (usize, SocketAddr) {
    loop {
        match peer.recv_from(bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            heard => return heard.unwrap(),
        }
    }
}

const BOTH: [&str; 2] = ["127.0.0.1", "::1"];

/// Of ever other lengths and octets.
pub(super) fn payload(number: usize) -> Vec<u8> {
    let octets = (0..number).map(|octet| u8::try_from((octet * 7 + number) % 256).unwrap());
    octets.collect()
}

#[test]
fn what_is_sent_raw_arrives_as_it_was_from_the_streams_own_port() {
    for ip in BOTH.map(|ip| ip.parse().unwrap()) {
        let Some(mut ring) = raw_ring(ip) else { return };
        let (peer, to) = listener(ip);
        let (local, socket) = aimed(&mut ring, ip, to);
        for number in (0..=172).chain([511, 512]) {
            send(&mut ring, socket, to, &payload(number));
            let mut bytes = [0; 1_500];
            assert_eq!(hear(&peer, &mut bytes), (number, local));
            assert_eq!(bytes[..number], payload(number));
        }
        assert_eq!(ring.sent().by_raw, 175);
        assert_eq!(ring.sent().by_socket, 0);
        send(&mut ring, socket, to, b"marked");
        hear(&peer, &mut [0; 16]);
        send(&mut ring, socket, to, b"m");
        assert_eq!(traffic_class_received(&peer), 46 << 2);
        close(&mut ring);
    }
}

#[test]
fn only_a_certain_peer_is_sent_to_raw() {
    let ip = Ipv4Addr::LOCALHOST.into();
    let Some(mut ring) = raw_ring(ip) else { return };
    let (peer, to) = listener(ip);
    let local = free();
    let socket = open(&mut ring, local);
    let expect = |ring: &mut Ring, by_socket, by_raw| {
        send(ring, socket, to, b"hello");
        assert_eq!(hear(&peer, &mut [0; 16]), (5, local));
        let sent = ring.sent();
        assert_eq!((sent.by_socket, sent.by_raw), (by_socket, by_raw));
    };
    expect(&mut ring, 1, 0);
    aim(&mut ring, Some(to));
    expect(&mut ring, 1, 1);
    aim(&mut ring, None);
    expect(&mut ring, 2, 1);
    close(&mut ring);
    let elsewhere = Ipv4Addr::new(127, 0, 0, 2).into();
    let (local, socket) = aimed(&mut ring, elsewhere, to);
    send(&mut ring, socket, to, b"hello");
    assert_eq!(hear(&peer, &mut [0; 16]), (5, local));
    assert_eq!(ring.sent().by_raw, 1, "its own address is another");
}

#[test]
fn what_is_relayed_raw_arrives_as_it_was_and_gives_its_buffer_back() {
    for ip in BOTH.map(|ip| ip.parse().unwrap()) {
        let Some(mut ring) = raw_ring(ip) else { return };
        let (peer, to) = listener(ip);
        let (local, socket) = aimed(&mut ring, ip, to);
        // More often than there are buffers.
        for number in 0..3_000 {
            let bytes = payload(12 + number % 501);
            peer.send_to(&bytes, local).unwrap();
            let Completion::Received { datagram, .. } = next(&mut ring) else {
                panic!("a datagram was sent")
            };
            let part = 3..bytes.len();
            ring.forward(datagram, part.clone(), socket, &to.into(), OWNER)
                .unwrap();
            ring.submit().unwrap();
            let mut heard = [0; 1_500];
            assert_eq!(hear(&peer, &mut heard), (part.len(), local));
            assert_eq!(heard[..part.len()], bytes[part]);
        }
        assert_eq!(ring.sent().by_raw, 3_000);
        peer.send_to(&payload(1_472), local).unwrap();
        let Completion::Received { datagram, .. } = next(&mut ring) else {
            panic!("a datagram was sent")
        };
        ring.forward(datagram, 0..1_472, socket, &to.into(), OWNER)
            .unwrap();
        ring.submit().unwrap();
        assert_eq!(hear(&peer, &mut [0; 1_500]), (1_472, local));
        assert_eq!(ring.sent().by_socket, 1, "too long for a place");
    }
}

#[test]
fn a_peer_that_refuses_what_is_sent_raw_is_heard_of() {
    for ip in BOTH.map(|ip| ip.parse().unwrap()) {
        let Some(mut ring) = raw_ring(ip) else { return };
        let (peer, to) = listener(ip);
        let (_, socket) = aimed(&mut ring, ip, to);
        drop(peer);
        send(&mut ring, socket, to, b"anybody there?");
        let refused = next(&mut ring);
        assert!(
            matches!(refused, Completion::Dropped(OWNER, DropReason::PeerRefused)),
            "{refused:?}"
        );
        assert_eq!(ring.sent().by_raw, 1);
    }
}

#[test]
fn where_the_kernel_chooses_the_source_nothing_is_sent_raw() {
    let config = RingConfig {
        address: Ipv4Addr::UNSPECIFIED.into(),
        form: Form::Raw,
        ..config(16, 64)
    };
    let features = Ring::new(config).unwrap().features().to_string();
    assert!(
        features.ends_with("no raw sends: [media] address must be one address of this host"),
        "{features}"
    );
}

#[test]
fn a_missing_right_is_named_with_its_remedy() {
    let refusal = Refusal::from(std::io::Error::from_raw_os_error(libc::EPERM));
    assert_eq!(refusal, Refusal::NoRight);
    assert!(
        refusal
            .to_string()
            .contains("AmbientCapabilities=CAP_NET_RAW")
    );
}
