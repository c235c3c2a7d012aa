//! What the kernel keeps away from a stream: strangers, and speech that nobody listens to.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use dataplane::intake::Intake;
use dataplane::{DataplaneConfig, Kernel};
use shared::{Command, DropReason, Event, Form, Latch, Media, RtcpPort, Share, Source, StreamId};

use super::common::lab::Lab;
use super::common::{Plane, config, local, media, music, packet, peer, receive, recording, stream};

const PHONE: &str = "192.0.2.7:4000";

/// Parked: it is sent music, and asked to be silent.
fn parked(remote: Option<SocketAddr>) -> Media {
    Media {
        receive: false,
        ..media(remote)
    }
}

/// The end of a digit 5 that lasted 100 ms.
fn digit(sequence: u16) -> Vec<u8> {
    let mut packet = packet(
        sequence,
        u32::from(sequence) * 160,
        7,
        &[5, 0x8a, 0x03, 0x20],
    );
    packet[1] = 101;
    packet
}

/// A receiver report without blocks, a name, and a goodbye.
fn goodbye() -> Vec<u8> {
    let mut report = vec![0x80, 201, 0, 1, 0, 0, 0, 7];
    report.extend([0x81, 202, 0, 3, 0, 0, 0, 7, 1, 4]);
    report.extend(b"name");
    report.extend([0, 0, 0x81, 203, 0, 1, 0, 0, 0, 7]);
    report
}

fn describe(plane: &Plane, stream: StreamId, media: Media) {
    plane.command(Command::Describe { stream, media });
    // The worker tells the kernel before it sleeps, and us after that.
    plane.settle(stream);
}

#[test]
fn a_parked_party_that_keeps_talking_is_dropped_in_the_kernel() {
    let (ipv4, ipv6) = (
        IpAddr::from(Ipv4Addr::LOCALHOST),
        IpAddr::from(Ipv6Addr::LOCALHOST),
    );
    // Of a digit the core takes note, but nobody listens to it either.
    for (kernel, ip, screened, not_wanted) in [
        (Kernel::Newest, ipv4, 100, 1),
        (Kernel::Newest, ipv6, 100, 1),
        (Kernel::V6_7, ipv4, 100, 1),
        (Kernel::V6_1, ipv4, 0, 101),
    ] {
        let plane = Plane::start_as_on(kernel, Vec::new());
        let stats = plane.plane.links[0].stats.clone();
        let phone = peer(ip);
        let address = local(ip);
        let stream = plane.open(0, address, RtcpPort::Mux);
        describe(&plane, stream, parked(phone.local_addr().ok()));
        for number in 0..100 {
            let speech = packet(number, u32::from(number) * 160, 7, &[7; 160]);
            phone.send_to(&speech, address).unwrap();
        }
        phone.send_to(&digit(100), address).unwrap();
        let dialled = plane.event();
        assert!(
            matches!(dialled, Event::Digit { code: 5, .. }),
            "{dialled:?}"
        );
        phone.send_to(&[0x80], address).unwrap();
        phone.send_to(&goodbye(), address).unwrap();
        assert_eq!(plane.event(), Event::PeerBye { stream });
        plane.command(Command::Close { stream });
        while !matches!(plane.event(), Event::Closed { .. }) {}
        assert_eq!(stats.rtcp_received.load(), 1, "{kernel:?}");
        assert_eq!(stats.dropped(DropReason::Malformed), 1, "{kernel:?}");
        let dropped = [DropReason::Screened, DropReason::NotWanted].map(|it| stats.dropped(it));
        assert_eq!(dropped, [screened, not_wanted], "{kernel:?} {ip}");
        plane.stop();
    }
}

/// CPU of a worker whose 2,000 parked parties all talk, with the filter and without.
#[test]
#[ignore = "a measurement, not a test: it says what the filter is worth on this machine"]
fn what_two_thousand_talking_parkees_cost() {
    const PARKEES: u16 = 2_000;
    const SECONDS: u16 = 5;
    for kernel in [Kernel::Newest, Kernel::V6_1, Kernel::Newest, Kernel::V6_1] {
        let config = DataplaneConfig {
            kernel,
            admission: Share::WHOLE,
            ..config()
        };
        let plane = Plane::start_with(&config, Vec::new());
        let stats = plane.plane.links[0].stats.clone();
        let pause = timer();
        let mouth = peer(Ipv4Addr::LOCALHOST);
        let addresses: Vec<_> = (0..PARKEES)
            .map(|_| local(Ipv4Addr::new(127, 77, 0, 3)))
            .collect();
        for (index, address) in (0..).zip(&addresses) {
            pause.recv().unwrap();
            let stream = plane.open(index, *address, RtcpPort::Mux);
            let media = parked(mouth.local_addr().ok());
            plane.command(Command::Describe { stream, media });
        }
        plane.settle(stream(0, 0));
        let cpu = stats.cpu_nanos.load();
        let slots = SECONDS * 50 * 20;
        for slot in 0..slots {
            let part = usize::from(PARKEES) / 20;
            let first = usize::from(slot % 20) * part;
            let speech = packet(slot / 20, u32::from(slot / 20) * 160, 7, &[7; 160]);
            for address in &addresses[first..first + part] {
                mouth.send_to(&speech, address).unwrap();
            }
            pause.recv().unwrap();
        }
        // The worker reads its CPU time about once a second.
        (0..1_500).for_each(|_| pause.recv().unwrap());
        let cpu = Duration::from_nanos(stats.cpu_nanos.load() - cpu);
        plane.stop();
        let dropped = [DropReason::Screened, DropReason::NotWanted].map(|it| stats.dropped(it));
        println!(
            "{kernel:?}: {:.1} % of a CPU; {} screened, {} dropped in user space",
            cpu.as_secs_f64() * 100.0 / f64::from(SECONDS),
            dropped[0],
            dropped[1]
        );
    }
}

/// Ticks every millisecond.
fn timer() -> Receiver<()> {
    let (tick, ticks) = sync_channel(10_000);
    std::thread::spawn(move || {
        while tick.send(()).is_ok() {
            std::thread::park_timeout(Duration::from_millis(1));
        }
    });
    ticks
}

#[test]
fn who_is_retrieved_is_heard_again() {
    let plane = Plane::start(Vec::new());
    let stats = plane.plane.links[0].stats.clone();
    let sides = [peer(Ipv4Addr::LOCALHOST), peer(Ipv4Addr::LOCALHOST)];
    let addresses = [local(Ipv4Addr::LOCALHOST), local(Ipv4Addr::LOCALHOST)];
    let remote = |side: usize| sides[side].local_addr().ok();
    let parkee = plane.open(0, addresses[0], RtcpPort::Next);
    let retriever = plane.open(1, addresses[1], RtcpPort::Next);
    plane.command(Command::Send {
        stream: retriever,
        source: Source::Bridge { peer: parkee },
    });
    describe(&plane, retriever, media(remote(1)));
    let mut sequence = 0;
    for _ in 0..3 {
        describe(&plane, parkee, parked(remote(0)));
        let screened = stats.dropped(DropReason::Screened);
        for _ in 0..10 {
            sequence += 1;
            let speech = packet(sequence, u32::from(sequence) * 160, 7, &[1; 160]);
            sides[0].send_to(&speech, addresses[0]).unwrap();
        }
        describe(&plane, parkee, media(remote(0)));
        assert_eq!(stats.dropped(DropReason::Screened) - screened, 10);
        for _ in 0..3 {
            sequence += 1;
            let speech = packet(sequence, u32::from(sequence) * 160, 7, &[2; 160]);
            sides[0].send_to(&speech, addresses[0]).unwrap();
            assert_eq!(receive(&sides[1]).0.payload.as_ref(), [2; 160]);
        }
    }
    plane.stop();
}

#[test]
fn strangers_are_refused_by_the_kernel_once_the_peer_is_certain() {
    let plane = Plane::start(vec![recording(1_000)]);
    let stats = plane.plane.links[0].stats.clone();
    let phone = peer(Ipv4Addr::LOCALHOST);
    let address = local(Ipv4Addr::LOCALHOST);
    let stream = plane.open(0, address, RtcpPort::Mux);
    let talking = Media {
        latch: Latch::Any,
        ..media(None)
    };
    describe(&plane, stream, talking);
    let stranger = peer(Ipv4Addr::LOCALHOST);
    stranger.connect(address).unwrap();
    phone.send_to(&packet(0, 0, 7, &[7; 160]), address).unwrap();
    let latched = plane.event();
    assert!(
        matches!(latched, Event::Latched { remote, .. } if Some(remote) == phone.local_addr().ok()),
        "{latched:?}"
    );
    plane.settle(stream);
    stranger.send(&packet(1, 160, 7, &[6; 160])).unwrap();
    let refused = stranger.recv(&mut [0; 16]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(stats.dropped(DropReason::WrongSource), 0);
    plane.command(Command::Send {
        stream,
        source: music(),
    });
    assert_eq!(receive(&phone).1, address, "music goes to who was learned");
    plane.stop();
}

#[test]
fn without_connections_strangers_are_judged_and_music_is_addressed() {
    let config = DataplaneConfig {
        form: Form::Addressed,
        ..config()
    };
    let plane = Plane::start_with(&config, vec![recording(1_000)]);
    assert!(plane.plane.description.contains("addressed sends"));
    let stats = plane.plane.links[0].stats.clone();
    let (phone, stranger) = (peer(Ipv4Addr::LOCALHOST), peer(Ipv4Addr::LOCALHOST));
    let address = local(Ipv4Addr::LOCALHOST);
    let stream = plane.open(0, address, RtcpPort::Mux);
    plane.command(Command::Send {
        stream,
        source: music(),
    });
    describe(&plane, stream, parked(phone.local_addr().ok()));
    stranger.send_to(&digit(1), address).unwrap();
    phone.send_to(&digit(2), address).unwrap();
    assert!(matches!(plane.event(), Event::Digit { .. }));
    assert_eq!(stats.dropped(DropReason::WrongSource), 1);
    assert_eq!(receive(&phone).1, address);
    plane.stop();
}

#[test]
fn a_peer_that_moves_is_followed() {
    let plane = Plane::start(vec![recording(1_000)]);
    let phones = [peer(Ipv4Addr::LOCALHOST), peer(Ipv4Addr::LOCALHOST)];
    let address = local(Ipv4Addr::LOCALHOST);
    let stream = plane.open(0, address, RtcpPort::Mux);
    plane.command(Command::Send {
        stream,
        source: music(),
    });
    let mut last = None;
    for round in 0..4 {
        let phone = &phones[round % 2];
        describe(&plane, stream, parked(phone.local_addr().ok()));
        let (first, _) = receive(phone);
        let mut sequence = first.header.sequence_number;
        if let Some(last) = last {
            assert_eq!(sequence, u16::wrapping_add(last, 1), "none is lost");
        }
        for _ in 0..5 {
            sequence = receive(phone).0.header.sequence_number;
        }
        describe(&plane, stream, parked(None));
        last = Some(sequence);
        phone.set_nonblocking(true).unwrap();
        while let Ok((length, _)) = phone.recv_from(&mut [0; 2_048]) {
            assert!(length > 0);
            last = last.map(|last| last.wrapping_add(1));
        }
        phone.set_nonblocking(false).unwrap();
    }
    plane.stop();
}

#[test]
fn a_peer_that_refuses_is_counted_and_heard_when_it_is_back() {
    let plane = Plane::start(vec![recording(1_000)]);
    let stats = plane.plane.links[0].stats.clone();
    // An address of its own, so that nobody else takes the port or sends to it meanwhile.
    let [.., high, low] = std::process::id().to_be_bytes();
    let gone = peer(Ipv4Addr::new(127, 78, high, low | 1));
    let (remote, there) = (gone.local_addr().unwrap(), peer(Ipv4Addr::LOCALHOST));
    drop(gone);
    let address = local(Ipv4Addr::LOCALHOST);
    let streams = [
        (address, remote),
        (local(Ipv4Addr::LOCALHOST), there.local_addr().unwrap()),
    ];
    for (index, (address, remote)) in (0..).zip(streams) {
        let stream = plane.open(index, address, RtcpPort::Mux);
        describe(&plane, stream, parked(Some(remote)));
        plane.command(Command::Send {
            stream,
            source: music(),
        });
    }
    let first = receive(&there).0.header.sequence_number;
    for number in 1..50 {
        let next = receive(&there).0.header.sequence_number;
        assert_eq!(next, first.wrapping_add(number), "the other is undisturbed");
    }
    let refused = stats.dropped(DropReason::PeerRefused);
    assert!(refused >= 30, "{refused} refusals in a second");
    let back = UdpSocket::bind(remote).unwrap();
    back.set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let before = receive(&back).0.header.sequence_number;
    assert_eq!(
        receive(&back).0.header.sequence_number,
        before.wrapping_add(1)
    );
    back.send_to(&digit(1), address).unwrap();
    let dialled = plane.event();
    assert!(
        matches!(dialled, Event::Digit { code: 5, .. }),
        "it is heard: {dialled:?}"
    );
    plane.stop();
}

#[test]
fn what_the_kernel_keeps_away_is_no_loss() {
    let mut lab = Lab::new(Vec::new());
    let phone: SocketAddr = PHONE.parse().unwrap();
    let described = |receive| Media {
        remote_rtcp: Some(phone),
        receive,
        ..media(Some(phone))
    };
    let stream = lab.stream(0, described(true), Source::Silent);
    let speech = |number: u16| packet(number, u32::from(number) * 160, 7, &[7; 160]);
    for number in 0..10 {
        lab.arrive(stream, phone, &speech(number));
    }
    lab.describe(stream, described(false));
    lab.arrive(stream, phone, &digit(200));
    lab.arrive(stream, phone, &digit(300));
    lab.describe(stream, described(true));
    for number in 5_000..5_010 {
        lab.arrive(stream, phone, &speech(number));
    }
    lab.run(10_000);
    let losses: Vec<_> = lab
        .reports()
        .iter()
        .flat_map(|report| &report.packets)
        .filter_map(|packet| {
            packet
                .as_any()
                .downcast_ref::<rtcp::receiver_report::ReceiverReport>()
        })
        .flat_map(|report| &report.reports)
        .map(|block| (block.fraction_lost, block.total_lost))
        .collect();
    assert!(!losses.is_empty(), "what arrived is reported");
    assert!(losses.iter().all(|lost| *lost == (0, 0)), "{losses:?}");
}

#[test]
fn what_a_filter_drops_is_asked_for_now_and_then() {
    let mut lab = Lab::new(Vec::new());
    let phone: SocketAddr = PHONE.parse().unwrap();
    let stream = lab.stream(0, media(Some(phone)), Source::Silent);
    lab.run(30_000);
    assert!(lab.port.tallied.is_empty(), "it has no filter");
    lab.describe(stream, parked(Some(phone)));
    lab.run(60_000);
    let asked = lab.port.tallied.len();
    assert!((6..=30).contains(&asked), "{asked} times in a minute");
}

#[test]
fn a_socket_for_both_families_follows_phones_of_either() {
    let plane = Plane::start(vec![recording(1_000)]);
    let address = local(Ipv6Addr::UNSPECIFIED);
    let stream = plane.open(0, address, RtcpPort::Mux);
    plane.command(Command::Send {
        stream,
        source: music(),
    });
    let loopbacks: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    for (number, ip) in (1..).zip(loopbacks.into_iter().chain(loopbacks)) {
        let phone = peer(ip);
        describe(&plane, stream, parked(phone.local_addr().ok()));
        for _ in 0..3 {
            assert_eq!(receive(&phone).1, (ip, address.port()).into());
        }
        phone.send_to(&digit(number), (ip, address.port())).unwrap();
        let dialled = plane.event();
        assert!(matches!(dialled, Event::Digit { .. }), "{ip}: {dialled:?}");
    }
    plane.stop();
}

#[test]
fn the_intake_is_no_narrower_than_what_is_believed() {
    let phone: SocketAddr = PHONE.parse().unwrap();
    let intake = |media: Media| {
        let mut lab = Lab::new(Vec::new());
        let stream = lab.open(0, 0);
        lab.describe(stream, media);
        let silent = lab.port.intakes[&0];
        lab.arrive(stream, phone, &packet(0, 0, 7, &[7; 160]));
        (silent, lab.port.intakes[&0])
    };
    let open = Intake::default();
    let only = |intake: Intake| {
        let from = intake.from.map(SocketAddr::from);
        (from, intake.without.is_some())
    };

    let (silent, heard) = intake(media(Some(phone)));
    assert_eq!(silent, open, "who sends from elsewhere shall be counted");
    assert_eq!(only(heard), (Some(phone), false));

    let (silent, _) = intake(parked(Some(phone)));
    assert_eq!(only(silent), (Some(phone), true));

    let learning = Media {
        latch: Latch::Any,
        ..parked(None)
    };
    let (silent, heard) = intake(learning);
    assert_eq!(silent, open, "it is learned from speech");
    assert_eq!(only(heard), (Some(phone), true));

    let supervised = Media {
        supervise: true,
        ..parked(Some(phone))
    };
    assert_eq!(only(intake(supervised).0), (Some(phone), false));

    let (silent, _) = intake(parked(None));
    assert_eq!(silent, open, "nobody is certain");
}
