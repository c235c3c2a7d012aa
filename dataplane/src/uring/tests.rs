//! The ring alone on loopback: each way of making sockets, exhaustion, closing with requests in
//! flight.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use shared::{DropReason, RefuseReason, RtcpPort, Time, Wake};

use super::doorbell::Doorbell;
use super::{Completion, Ring, RingConfig, clock};
use crate::port::{Owner, Port, Socket};

/// Longer than anything here takes, so that a fault fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(10);

const OWNER: Owner = Owner {
    index: 0,
    generation: 5,
};

fn ring(ring_sockets: bool, descriptors: u32) -> (Ring, Arc<Doorbell>) {
    let doorbell = Arc::new(Doorbell::new().unwrap());
    let config = RingConfig {
        streams_max: 16,
        descriptors,
        doorbell: Arc::clone(&doorbell),
        ring_sockets,
    };
    (Ring::new(config).unwrap(), doorbell)
}

fn ring_of(streams_max: u32, descriptors: u32) -> Ring {
    let config = RingConfig {
        streams_max,
        descriptors,
        doorbell: Arc::new(Doorbell::new().unwrap()),
        ring_sockets: true,
    };
    Ring::new(config).unwrap()
}

const fn owner(index: u32) -> Owner {
    Owner {
        index,
        generation: 0,
    }
}

fn next(ring: &mut Ring) -> Completion {
    let deadline = clock::now() + PATIENCE;
    loop {
        if let Some(completion) = ring.completion() {
            return completion;
        }
        assert!(clock::now() < deadline, "nothing came to pass");
        ring.wait(Some(deadline)).unwrap();
    }
}

/// Two ports that are free now, the lower one even.
fn free() -> SocketAddr {
    loop {
        let probe = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = probe.local_addr().unwrap().port() & !1;
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        drop(probe);
        if port > 1_024
            && [port, port + 1]
                .iter()
                .all(|it| UdpSocket::bind((local.ip(), *it)).is_ok())
        {
            return local;
        }
    }
}

fn open(ring: &mut Ring, local: SocketAddr) -> Socket {
    ring.open(OWNER, local, RtcpPort::Next);
    match next(ring) {
        Completion::Opened(OWNER, Ok(sockets)) => sockets.rtp,
        other => panic!("{other:?}"),
    }
}

fn close(ring: &mut Ring) {
    ring.close(OWNER);
    loop {
        match next(ring) {
            Completion::Closed(OWNER) => return,
            Completion::Received { datagram, .. } => ring.release(datagram),
            _ => {}
        }
    }
}

#[test]
fn sockets_made_either_way_send_receive_and_give_their_ports_back() {
    for ring_sockets in [true, false] {
        let (mut ring, _) = ring(ring_sockets, 8);
        let local = free();
        let socket = open(&mut ring, local);
        let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        let to = peer.local_addr().unwrap();
        ring.send(socket, &to.into(), OWNER, |out| {
            out[..5].copy_from_slice(b"hello");
            5
        })
        .unwrap();
        ring.submit().unwrap();
        let mut bytes = [0; 16];
        assert_eq!(peer.recv_from(&mut bytes).unwrap(), (5, local));
        peer.send_to(b"good morning", local).unwrap();
        let Completion::Received {
            owner,
            source,
            datagram,
        } = next(&mut ring)
        else {
            panic!("a datagram was sent")
        };
        assert_eq!((owner, source), (OWNER, to));
        assert_eq!(ring.datagram(&datagram), b"good morning");
        ring.forward(datagram, 5..12, socket, &to.into(), OWNER)
            .unwrap();
        ring.submit().unwrap();
        assert_eq!(peer.recv_from(&mut bytes).unwrap(), (7, local));
        assert_eq!(&bytes[..7], b"morning");
        close(&mut ring);
        for port in [local.port(), local.port() + 1] {
            assert!(
                UdpSocket::bind((local.ip(), port)).is_ok(),
                "port {port} is free"
            );
        }
    }
}

#[test]
fn a_port_that_is_taken_is_refused_either_way() {
    for ring_sockets in [true, false] {
        let (mut ring, _) = ring(ring_sockets, 8);
        let local = free();
        let _squatter = UdpSocket::bind((local.ip(), local.port() + 1)).unwrap();
        ring.open(OWNER, local, RtcpPort::Next);
        let refused = next(&mut ring);
        let Completion::Opened(OWNER, Err(RefuseReason::PortTaken)) = refused else {
            panic!("{refused:?}")
        };
        assert!(
            UdpSocket::bind(local).is_ok(),
            "the other port was given back"
        );
    }
}

#[test]
fn a_full_descriptor_table_is_refused_and_places_come_back() {
    let (mut ring, _) = ring(true, 1);
    open(&mut ring, free());
    let other = Owner {
        index: 1,
        generation: 0,
    };
    ring.open(other, free(), RtcpPort::Mux);
    let refused = next(&mut ring);
    let Completion::Opened(_, Err(RefuseReason::NoDescriptor)) = refused else {
        panic!("{refused:?}")
    };
    close(&mut ring);
    open(&mut ring, free());
}

/// Plain phones have RTCP on a port of its own: two sockets a stream, in two tables.
#[test]
fn as_many_plain_streams_fit_as_there_may_be_descriptors() {
    let limit = super::probe::raise_descriptor_limit();
    let streams = limit.min(15_000);
    let mut ring = ring_of(streams, streams);
    let files_before = std::fs::read_dir("/proc/self/fd").unwrap().count();
    for index in 0..streams {
        let local = (
            Ipv4Addr::new(127, 77, 0, 1),
            10_000 + 2 * u16::try_from(index).unwrap(),
        )
            .into();
        ring.open(owner(index), local, RtcpPort::Next);
        let opened = next(&mut ring);
        assert!(
            matches!(opened, Completion::Opened(_, Ok(sockets)) if sockets.rtp != sockets.rtcp),
            "{index}: {opened:?}"
        );
    }
    let files = std::fs::read_dir("/proc/self/fd").unwrap().count();
    assert!(
        files < files_before + 50,
        "sockets stay out of the process's own table: {files_before} before, {files} now"
    );
    (0..streams).for_each(|index| ring.close(owner(index)));
    for _ in 0..streams {
        let closed = next(&mut ring);
        assert!(matches!(closed, Completion::Closed(_)), "{closed:?}");
    }
}

#[test]
fn rtcp_on_its_own_port_is_sent_received_and_wakes_a_sleeper() {
    for ring_sockets in [true, false] {
        let (mut ring, _) = ring(ring_sockets, 8);
        let local = free();
        let above = SocketAddr::new(local.ip(), local.port() + 1);
        ring.open(OWNER, local, RtcpPort::Next);
        let Completion::Opened(_, Ok(sockets)) = next(&mut ring) else {
            panic!("the ports are free")
        };
        let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        let to = peer.local_addr().unwrap();
        for round in 0..3_u8 {
            ring.send(sockets.rtcp, &to.into(), OWNER, |out| {
                out[0] = round;
                1
            })
            .unwrap();
            ring.wait(Some(clock::now())).unwrap();
            let mut bytes = [0; 16];
            assert_eq!(peer.recv_from(&mut bytes).unwrap(), (1, above));
            assert_eq!(bytes[0], round);
            let late = peer.try_clone().unwrap();
            let answer = std::thread::spawn(move || late.send_to(&[round], above).unwrap());
            let enters = ring.enters();
            let Completion::Received { datagram, .. } = next(&mut ring) else {
                panic!("a datagram was sent")
            };
            assert!(ring.enters() - enters < 10, "it sleeps");
            assert_eq!(ring.datagram(&datagram), [round]);
            ring.release(datagram);
            answer.join().unwrap();
        }
        close(&mut ring);
    }
}

#[test]
fn receiving_goes_on_after_all_buffers_were_in_use() {
    let (mut ring, _) = ring(true, 8);
    let local = free();
    open(&mut ring, local);
    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut held = Vec::new();
    let starved = loop {
        peer.send_to(b"more", local).unwrap();
        match next(&mut ring) {
            Completion::Received { datagram, .. } => held.push(datagram),
            Completion::Dropped(OWNER, reason) => break reason,
            _ => {}
        }
        assert!(held.len() < 10_000, "there is an end to buffers");
    };
    assert_eq!(starved, DropReason::NoBuffer);
    held.into_iter().for_each(|datagram| ring.release(datagram));
    peer.send_to(b"again", local).unwrap();
    let completion = loop {
        match next(&mut ring) {
            Completion::Dropped(OWNER, DropReason::NoBuffer) => {}
            other => break other,
        }
    };
    assert!(
        matches!(completion, Completion::Received { .. }),
        "{completion:?}"
    );
}

#[test]
fn what_is_longer_than_rtp_may_be_is_dropped_with_a_reason() {
    let (mut ring, _) = ring(true, 8);
    let local = free();
    open(&mut ring, local);
    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    for length in [1_473, 4_000] {
        peer.send_to(&vec![0; length], local).unwrap();
        let dropped = next(&mut ring);
        assert!(
            matches!(dropped, Completion::Dropped(OWNER, DropReason::TooLong)),
            "{dropped:?}"
        );
    }
    peer.send_to(&[0; 1_472], local).unwrap();
    let Completion::Received { datagram, .. } = next(&mut ring) else {
        panic!("the longest is received")
    };
    assert_eq!(ring.datagram(&datagram).len(), 1_472);
}

#[test]
fn more_sends_than_places_are_submitted_on_the_way() {
    let (mut ring, _) = ring(true, 8);
    let socket = open(&mut ring, free());
    // Two, because a socket holds no more than about 250 small datagrams.
    let peers = [(); 2].map(|()| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    for number in 0..300_u16 {
        let peer = &peers[usize::from(number % 2)];
        let to = peer.local_addr().unwrap().into();
        ring.send(socket, &to, OWNER, |out| {
            out[..2].copy_from_slice(&number.to_be_bytes());
            2
        })
        .unwrap();
    }
    ring.submit().unwrap();
    for number in 0..300_u16 {
        let peer = &peers[usize::from(number % 2)];
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut bytes = [0; 2];
        peer.recv(&mut bytes).unwrap();
        assert_eq!(u16::from_be_bytes(bytes), number);
    }
}

#[test]
fn the_doorbell_wakes_a_sleeper_that_has_no_deadline() {
    let (mut ring, doorbell) = ring(true, 8);
    let ringer = std::thread::spawn(move || doorbell.wake());
    loop {
        ring.wait(None).unwrap();
        if let Some(completion) = ring.completion() {
            assert!(matches!(completion, Completion::Rung), "{completion:?}");
            break;
        }
    }
    ringer.join().unwrap();
}

#[test]
fn a_deadline_wakes_neither_early_nor_never() {
    let (mut ring, _) = ring(true, 8);
    let deadline: Time = clock::now() + Duration::from_millis(20);
    while clock::now() < deadline {
        let before = ring.enters();
        ring.wait(Some(deadline)).unwrap();
        assert!(
            ring.enters() - before == 1 && ring.enters() < 10,
            "it sleeps"
        );
    }
    assert!(clock::now() >= deadline);
}

#[test]
fn a_ring_dropped_with_receives_armed_is_dropped_cleanly() {
    let local = free();
    let (mut ring, _) = ring(true, 8);
    open(&mut ring, local);
    drop(ring);
    let deadline = clock::now() + PATIENCE;
    while UdpSocket::bind(local).is_err() {
        assert!(clock::now() < deadline, "the kernel still has its sockets");
        std::thread::yield_now();
    }
}
