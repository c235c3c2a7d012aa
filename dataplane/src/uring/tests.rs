//! The ring alone on loopback: each way of making sockets, exhaustion, closing with requests in
//! flight.

mod packet;
mod raw;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use shared::{DropReason, Dscp, Form, RefuseReason, RtcpPort, Time, Wake};

use super::doorbell::Doorbell;
use super::{Completion, Ring, RingConfig, clock};
use crate::Kernel;
use crate::port::{Owner, Port, Socket};

/// Longer than anything here takes, so that a fault fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(10);

/// Those with a path of their own.
const KERNELS: [Kernel; 5] = [
    Kernel::V6_0,
    Kernel::V6_1,
    Kernel::V6_7,
    Kernel::V6_11,
    Kernel::Newest,
];

const OWNER: Owner = Owner {
    index: 0,
    generation: 5,
};

fn config(streams_max: u32, descriptors: u32) -> RingConfig {
    RingConfig {
        streams_max,
        descriptors,
        doorbell: Arc::new(Doorbell::new().unwrap()),
        kernel: Kernel::Newest,
        form: Form::Socket,
        address: Ipv4Addr::LOCALHOST.into(),
        book: None,
        dscp: Dscp::EXPEDITED,
    }
}

fn ring(kernel: Kernel, descriptors: u32) -> (Ring, Arc<Doorbell>) {
    let config = RingConfig {
        kernel,
        ..config(16, descriptors)
    };
    let doorbell = Arc::clone(&config.doorbell);
    (Ring::new(config).unwrap(), doorbell)
}

fn ring_of(streams_max: u32, descriptors: u32) -> Ring {
    Ring::new(config(streams_max, descriptors)).unwrap()
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
    free_on(Ipv4Addr::LOCALHOST.into())
}

fn free_on(ip: IpAddr) -> SocketAddr {
    loop {
        let probe = UdpSocket::bind((ip, 0)).unwrap();
        let port = probe.local_addr().unwrap().port() & !1;
        let local = SocketAddr::from((ip, port));
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
fn sockets_made_each_way_send_receive_and_give_their_ports_back() {
    for kernel in KERNELS {
        let (mut ring, _) = ring(kernel, 8);
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
fn a_port_that_is_taken_is_refused_each_way() {
    for kernel in KERNELS {
        let (mut ring, _) = ring(kernel, 8);
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
    let (mut ring, _) = ring(Kernel::Newest, 1);
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
    for kernel in KERNELS {
        let (mut ring, _) = ring(kernel, 8);
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
fn each_kernel_takes_the_path_it_has() {
    let features = |kernel| ring(kernel, 8).0.features().to_string();
    assert_eq!(
        features(Kernel::V6_1),
        "deferred completions, fixed socket options (those set later need Linux 6.7), registered \
         sockets (direct ones need Linux 6.11), relative deadlines (absolute ones need Linux 6.12)"
    );
    let oldest = features(Kernel::V6_0);
    assert!(oldest.starts_with("cooperative completions"), "{oldest}");
    let newest = features(Kernel::Newest);
    assert_eq!(
        newest, "deferred completions, direct sockets, absolute deadlines",
        "these tests need Linux 6.12"
    );
}

#[test]
fn packets_carry_the_class_of_service() {
    for kernel in KERNELS {
        for ip in ["127.0.0.1", "::1"] {
            let ip: IpAddr = ip.parse().unwrap();
            let (mut ring, _) = ring(kernel, 8);
            let local = free_on(ip);
            ring.open(OWNER, local, RtcpPort::Next);
            let Completion::Opened(_, Ok(sockets)) = next(&mut ring) else {
                panic!("the ports are free")
            };
            let peer = UdpSocket::bind((ip, 0)).unwrap();
            let to = peer.local_addr().unwrap();
            for socket in [sockets.rtp, sockets.rtcp] {
                ring.send(socket, &to.into(), OWNER, |_| 1).unwrap();
                ring.submit().unwrap();
                assert_eq!(traffic_class_received(&peer), 46 << 2, "{kernel:?} {ip}");
            }
        }
    }
}

/// The octet of the IP header that the next datagram came with.
fn traffic_class_received(peer: &UdpSocket) -> i32 {
    let (level, wish) = match peer.local_addr().unwrap() {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_RECVTOS),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS),
    };
    let on: i32 = 1;
    // SAFETY: the option is an int, which lives until the call returns.
    let set = unsafe { libc::setsockopt(peer.as_raw_fd(), level, wish, (&raw const on).cast(), 4) };
    assert_eq!(set, 0);
    let mut control = [0_u64; 8];
    let mut byte = 0_u8;
    let mut part = libc::iovec {
        iov_base: (&raw mut byte).cast(),
        iov_len: 1,
    };
    // SAFETY: a msghdr of zeros is one without address, buffers and control data.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = size_of_val(&control);
    // SAFETY: what the header points to lives until the call returns; then the kernel has written
    // one control message, whose first octet of data is the wanted one in either family.
    unsafe {
        assert_eq!(libc::recvmsg(peer.as_raw_fd(), &raw mut header, 0), 1);
        let message = libc::CMSG_FIRSTHDR(&raw const header);
        assert!(!message.is_null(), "the class of service is told");
        (*libc::CMSG_DATA(message)).into()
    }
}

#[test]
fn rtp_that_comes_to_an_rtcp_port_is_not_sent_on() {
    let (mut ring, _) = ring(Kernel::Newest, 8);
    let local = free();
    let socket = open(&mut ring, local);
    let above = SocketAddr::new(local.ip(), local.port() + 1);
    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let to = peer.local_addr().unwrap().into();
    // More often than there are buffers: each is given back.
    for _ in 0..1_000 {
        peer.send_to(b"speech", above).unwrap();
        let Completion::Received { datagram, .. } = next(&mut ring) else {
            panic!("a datagram was sent")
        };
        let refused = ring.forward(datagram, 0..6, socket, &to, OWNER);
        assert_eq!(refused, Err(DropReason::CannotRelay));
    }
}

#[test]
fn receiving_goes_on_after_all_buffers_were_in_use() {
    let (mut ring, _) = ring(Kernel::Newest, 8);
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
    let (mut ring, _) = ring(Kernel::Newest, 8);
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
    let (mut ring, _) = ring(Kernel::Newest, 8);
    let socket = open(&mut ring, free());
    let before = ring.enters();
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
    assert!(ring.enters() - before <= 3, "one call submits many");
    for number in 0..300_u16 {
        let peer = &peers[usize::from(number % 2)];
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut bytes = [0; 2];
        peer.recv(&mut bytes).unwrap();
        assert_eq!(u16::from_be_bytes(bytes), number);
    }
}

#[test]
fn requests_that_find_the_ring_full_are_kept_and_done_in_order() {
    const STREAMS: u32 = 1_500;
    let mut ring = ring_of(STREAMS, STREAMS);
    for round in 0..2 {
        for index in 0..STREAMS {
            let port = 10_000 + 2 * u16::try_from(index).unwrap();
            let local = (Ipv4Addr::new(127, 77, 0, 2), port).into();
            ring.open(owner(index), local, RtcpPort::Next);
        }
        for _ in 0..STREAMS {
            let opened = next(&mut ring);
            assert!(
                matches!(opened, Completion::Opened(_, Ok(_))),
                "round {round}: {opened:?}"
            );
        }
        (0..STREAMS).for_each(|index| ring.close(owner(index)));
        for _ in 0..STREAMS {
            let closed = next(&mut ring);
            assert!(matches!(closed, Completion::Closed(_)), "{closed:?}");
        }
    }
}

#[test]
fn more_completions_than_the_queue_holds_are_not_lost() {
    let (mut ring, _) = ring(Kernel::Newest, 8);
    let socket = open(&mut ring, free());
    let nowhere: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let sends = 3 * super::ring::COMPLETIONS;
    for _ in 0..sends {
        ring.send(socket, &nowhere.into(), OWNER, |_| 1).unwrap();
    }
    ring.submit().unwrap();
    for number in 0..sends {
        let failed = next(&mut ring);
        assert!(
            matches!(failed, Completion::Dropped(OWNER, DropReason::SendFailed)),
            "{number}: {failed:?}"
        );
    }
    ring.wait(Some(clock::now())).unwrap();
    assert!(ring.completion().is_none(), "each failed once");
}

#[test]
fn what_was_sent_before_closing_leaves_and_nothing_of_it_reaches_the_next_stream() {
    let (mut ring, _) = ring(Kernel::Newest, 8);
    let local = free();
    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    let to = peer.local_addr().unwrap();
    for generation in 0..20 {
        let owner = Owner {
            index: 0,
            generation,
        };
        ring.open(owner, local, RtcpPort::Mux);
        let Completion::Opened(opened, Ok(sockets)) = next(&mut ring) else {
            panic!("the port was given back")
        };
        assert_eq!(opened, owner, "nothing is heard of the stream before");
        peer.send_to(b"on its way", local).unwrap();
        for number in 0..10 {
            ring.send(sockets.rtp, &to.into(), owner, |out| {
                out[0] = number;
                1
            })
            .unwrap();
        }
        ring.close(owner);
        loop {
            match next(&mut ring) {
                Completion::Closed(closed) => break assert_eq!(closed, owner),
                Completion::Received {
                    owner: heard,
                    datagram,
                    ..
                } => {
                    assert_eq!(heard, owner);
                    ring.release(datagram);
                }
                other => panic!("{other:?}"),
            }
        }
        for number in 0..10 {
            let mut byte = [0];
            peer.recv(&mut byte).unwrap();
            assert_eq!(byte, [number], "generation {generation}");
        }
    }
}

#[test]
fn the_doorbell_wakes_a_sleeper_that_has_no_deadline() {
    let (mut ring, doorbell) = ring(Kernel::Newest, 8);
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
    let (mut ring, _) = ring(Kernel::Newest, 8);
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
    let (mut ring, _) = ring(Kernel::Newest, 8);
    open(&mut ring, local);
    drop(ring);
    let deadline = clock::now() + PATIENCE;
    while UdpSocket::bind(local).is_err() {
        assert!(clock::now() < deadline, "the kernel still has its sockets");
        std::thread::yield_now();
    }
}
