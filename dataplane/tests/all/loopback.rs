//! The whole data plane on loopback: threads, rings, sockets.

use std::net::{Ipv4Addr, Ipv6Addr};

use std::time::Duration;

use super::common::{Plane, config, local, media, music, packet, peer, receive, recording, stream};
use dataplane::{DataplaneConfig, Kernel};
use shared::{Codec, Command, Event, RefuseReason, Role, RtcpPort, Source, StreamId, SyncSource};

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
fn two_workers_play_side_by_side_and_stop_one_by_one() {
    let config = DataplaneConfig {
        workers: Some(2),
        ..config()
    };
    let plane = Plane::start_with(&config, vec![recording(1_000)]).plane;
    let ears = [peer(Ipv4Addr::LOCALHOST), peer(Ipv4Addr::LOCALHOST)];
    let addresses = [local(Ipv4Addr::LOCALHOST), local(Ipv4Addr::LOCALHOST)];
    assert_eq!(plane.links.len(), 2);
    for (number, link) in plane.links.iter().enumerate() {
        let stream = StreamId {
            worker: link.worker,
            ..stream(0, 0)
        };
        let open = Command::Open {
            stream,
            local: addresses[number],
            rtcp: RtcpPort::Next,
            role: Role::Begin,
            source: SyncSource::numbered(stream.index),
        };
        let media = media(ears[number].local_addr().ok());
        let source = music();
        let describe = Command::Describe { stream, media };
        for command in [open, describe, Command::Send { stream, source }] {
            link.commands.push(command).unwrap();
        }
        link.commands.ring();
    }
    for round in 0..2 {
        for side in round..2 {
            let (first, from) = receive(&ears[side]);
            assert_eq!(from, addresses[side]);
            for number in 1..10 {
                let next = first.header.sequence_number.wrapping_add(number);
                assert_eq!(receive(&ears[side]).0.header.sequence_number, next);
            }
        }
        plane.links[round].commands.push(Command::Stop).unwrap();
        plane.links[round].commands.ring();
    }
    for thread in plane.threads {
        thread.join().unwrap();
    }
}

#[test]
fn older_kernels_play_and_relay_all_the_same() {
    for kernel in [Kernel::V6_0, Kernel::V6_1, Kernel::V6_7, Kernel::V6_11] {
        let plane = Plane::start_as_on(kernel, vec![recording(1_000)]);
        let sides = [peer(Ipv4Addr::LOCALHOST), peer(Ipv4Addr::LOCALHOST)];
        let addresses = [local(Ipv4Addr::LOCALHOST), local(Ipv4Addr::LOCALHOST)];
        let rtcp = [RtcpPort::Next, RtcpPort::Mux];
        let streams = [0, 1].map(|side| {
            let index = u32::try_from(side).unwrap();
            let stream = plane.open(index, addresses[side], rtcp[side]);
            let media = media(sides[side].local_addr().ok());
            plane.command(Command::Describe { stream, media });
            stream
        });
        for (stream, source) in [
            (streams[0], music()),
            (streams[1], Source::Bridge { peer: streams[0] }),
        ] {
            plane.command(Command::Send { stream, source });
        }
        let first = receive(&sides[0]).0.header;
        assert!(first.marker, "{kernel:?}");
        for number in 1..10 {
            let next = first.sequence_number.wrapping_add(number);
            assert_eq!(receive(&sides[0]).0.header.sequence_number, next);
            let voice = packet(number, u32::from(number) * 160, 7, &[7; 160]);
            sides[0].send_to(&voice, addresses[0]).unwrap();
            assert_eq!(receive(&sides[1]).0.payload.as_ref(), [7; 160]);
        }
        plane.stop();
    }
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
        role: Role::Begin,
        source: SyncSource::numbered(taken.index),
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
        role: Role::Begin,
        source: SyncSource::numbered(stream.index),
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
            role: Role::Begin,
            source: SyncSource::numbered(stream.index),
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

#[test]
fn two_phones_on_a_bridge_hear_each_other() {
    let plane = Plane::start(Vec::new());
    let sides = [peer(Ipv4Addr::LOCALHOST), peer(Ipv4Addr::LOCALHOST)];
    let addresses = [local(Ipv4Addr::LOCALHOST), local(Ipv4Addr::LOCALHOST)];
    let streams = [(0, addresses[0]), (1, addresses[1])]
        .map(|(index, address)| plane.open(index, address, RtcpPort::Next));
    for (side, stream) in streams.into_iter().enumerate() {
        let remote = Some(sides[side].local_addr().unwrap());
        plane.command(Command::Describe {
            stream,
            media: media(remote),
        });
        let peer = streams[1 - side];
        plane.command(Command::Send {
            stream,
            source: Source::Bridge { peer },
        });
    }
    plane.settle(streams[0]);
    for round in 0..10_u16 {
        for (side, own) in [(0, 7_u8), (1, 8)] {
            let timestamp = u32::from(round) * 160;
            let voice = packet(round, timestamp, own.into(), &[own; 160]);
            sides[side].send_to(&voice, addresses[side]).unwrap();
            let (heard, from) = receive(&sides[1 - side]);
            assert_eq!(from, addresses[1 - side]);
            assert_eq!(heard.payload.as_ref(), [own; 160]);
            assert_ne!(heard.header.ssrc, u32::from(own), "the SSRC is ours");
        }
    }
    plane.stop();
}

#[test]
fn an_idle_worker_does_not_poll() {
    let plane = Plane::start(Vec::new());
    let stats = plane.plane.links[0].stats.clone();
    let stream = plane.open(0, local(Ipv4Addr::LOCALHOST), RtcpPort::Mux);
    plane.command(Command::Close { stream });
    assert!(matches!(plane.event(), Event::Closed { .. }));
    let before = stats.enters.load();
    // Nothing shall happen: there is nothing to wait for but time.
    let (_bell, silence) = std::sync::mpsc::sync_channel::<()>(0);
    assert!(silence.recv_timeout(Duration::from_millis(300)).is_err());
    assert!(
        stats.enters.load() - before <= 2,
        "{} calls",
        stats.enters.load() - before
    );
    plane.stop();
}

#[test]
fn a_peer_that_is_gone_does_not_disturb_the_others() {
    let plane = Plane::start(vec![recording(1_000)]);
    let gone = peer(Ipv4Addr::LOCALHOST).local_addr().unwrap();
    let there = peer(Ipv4Addr::LOCALHOST);
    for (index, remote) in [(0, gone), (1, there.local_addr().unwrap())] {
        let stream = plane.open(index, local(Ipv4Addr::LOCALHOST), RtcpPort::Mux);
        plane.command(Command::Describe {
            stream,
            media: media(Some(remote)),
        });
        plane.command(Command::Send {
            stream,
            source: music(),
        });
    }
    let first = receive(&there).0.header.sequence_number;
    for number in 1..20 {
        assert_eq!(
            receive(&there).0.header.sequence_number,
            first.wrapping_add(number)
        );
    }
    plane.stop();
}

#[test]
fn five_hundred_streams_play_without_loss() {
    const STREAMS: u32 = 500;
    let plane = Plane::start(vec![recording(8_000)]);
    let ear = peer(Ipv4Addr::LOCALHOST);
    rustix::net::sockopt::set_socket_recv_buffer_size(&ear, 4 << 20).unwrap();
    for index in 0..STREAMS {
        let stream = plane.open(index, local(Ipv4Addr::LOCALHOST), RtcpPort::Mux);
        plane.command(Command::Describe {
            stream,
            media: media(ear.local_addr().ok()),
        });
        plane.command(Command::Send {
            stream,
            source: music(),
        });
    }
    let mut next = std::collections::BTreeMap::new();
    for _ in 0..STREAMS * 20 {
        let (packet, from) = receive(&ear);
        let sequence = packet.header.sequence_number;
        let expected = next
            .insert(from, sequence.wrapping_add(1))
            .unwrap_or(sequence);
        assert_eq!(sequence, expected, "from {from}");
    }
    assert_eq!(next.len(), STREAMS as usize);
    let stats = plane.plane.links[0].stats.clone();
    assert_eq!(stats.streams.load(), u64::from(STREAMS));
    plane.stop();
    assert_eq!(stats.streams.load(), 0);
    assert_eq!(stats.dropped(shared::DropReason::RingFull), 0);
}
