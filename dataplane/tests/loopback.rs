//! The whole data plane on loopback: threads, rings, sockets.

mod common;

use std::net::{Ipv4Addr, Ipv6Addr};

use common::{Plane, local, media, music, peer, receive, recording, stream};
use shared::{Codec, Command, Event, RefuseReason, RtcpPort};

#[test]
fn a_stream_plays_its_prompt_in_order_and_without_a_gap() {
    let plane = Plane::start(vec![recording(1_000)]);
    let peer = peer(Ipv4Addr::LOCALHOST);
    let address = local(Ipv4Addr::LOCALHOST);
    let stream = plane.open(0, address, RtcpPort::Mux);
    let remote = Some(peer.local_addr().unwrap());
    plane.command(Command::Describe {
        stream,
        media: media(remote),
    });
    plane.command(Command::Send {
        stream,
        source: music(),
    });

    let packets: Vec<_> = (0..20).map(|_| receive(&peer)).collect();
    let (first, from) = &packets[0];
    assert_eq!(*from, address);
    let mut heard = Vec::new();
    for (number, (packet, _)) in (0_u16..).zip(&packets) {
        let header = &packet.header;
        assert_eq!(header.marker, number == 0);
        assert_eq!(header.payload_type, 0);
        assert_eq!(header.ssrc, first.header.ssrc);
        assert_eq!(
            header.sequence_number,
            first.header.sequence_number.wrapping_add(number)
        );
        let samples = 160 * u32::from(number);
        assert_eq!(
            header.timestamp,
            first.header.timestamp.wrapping_add(samples)
        );
        heard.extend_from_slice(&packet.payload);
    }
    let audio = recording(1_000);
    let endless = audio
        .audio(Codec::Pcmu)
        .iter()
        .copied()
        .cycle()
        .take(20 * 160);
    assert!(
        heard.into_iter().eq(endless),
        "over the loop point three times"
    );
    plane.stop();
}

#[test]
fn ipv6_works_as_ipv4_does() {
    let plane = Plane::start(vec![recording(1_000)]);
    let peer = peer(Ipv6Addr::LOCALHOST);
    let address = local(Ipv6Addr::LOCALHOST);
    let stream = plane.open(0, address, RtcpPort::Next);
    let remote = Some(peer.local_addr().unwrap());
    plane.command(Command::Describe {
        stream,
        media: media(remote),
    });
    plane.command(Command::Send {
        stream,
        source: music(),
    });
    assert_eq!(receive(&peer).1, address);
    plane.stop();
}

#[test]
fn a_port_somebody_has_is_refused_and_leaves_the_place_free() {
    let plane = Plane::start(Vec::new());
    let address = local(Ipv4Addr::LOCALHOST);
    let squatter = std::net::UdpSocket::bind((address.ip(), address.port() + 1)).unwrap();
    let taken = stream(0, 0);
    plane.command(Command::Open {
        stream: taken,
        local: address,
        rtcp: RtcpPort::Next,
    });
    let reason = RefuseReason::PortTaken;
    let refused = Event::Refused {
        stream: taken,
        reason,
    };
    assert_eq!(plane.event(), refused);
    drop(squatter);
    plane.open(0, address, RtcpPort::Next);
    plane.stop();
}

#[test]
fn an_address_of_another_host_is_refused_as_such() {
    let plane = Plane::start(Vec::new());
    let stream = stream(0, 0);
    plane.command(Command::Open {
        stream,
        local: "192.0.2.1:4000".parse().unwrap(),
        rtcp: RtcpPort::Mux,
    });
    let reason = RefuseReason::AddressUnavailable;
    assert_eq!(plane.event(), Event::Refused { stream, reason });
    plane.stop();
}

#[test]
fn closing_gives_the_ports_back() {
    let plane = Plane::start(Vec::new());
    let address = local(Ipv4Addr::LOCALHOST);
    for generation in 0..3 {
        let stream = stream(0, generation);
        plane.command(Command::Open {
            stream,
            local: address,
            rtcp: RtcpPort::Next,
        });
        assert_eq!(plane.event(), Event::Opened { stream });
        plane.command(Command::Close { stream });
        assert!(matches!(plane.event(), Event::Closed { stream: closed, .. } if closed == stream));
        let port = std::net::UdpSocket::bind(address);
        assert!(port.is_ok(), "generation {generation}: {port:?}");
    }
    plane.stop();
}

#[test]
fn stopping_closes_every_stream_and_ends_the_thread() {
    let plane = Plane::start(vec![recording(1_000)]);
    for index in 0..3 {
        plane.open(index, local(Ipv4Addr::LOCALHOST), RtcpPort::Next);
    }
    plane.command(Command::Stop);
    let mut closed = 0;
    loop {
        match plane.event() {
            Event::Closed { .. } => closed += 1,
            Event::Stopped => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(closed, 3);
    for thread in plane.plane.threads {
        thread.join().unwrap();
    }
}
