//! From whom RTP is believed, under a virtual clock.

use std::net::SocketAddr;

use super::common::lab::Lab;
use super::common::{media, music, packet, recording};
use shared::{DropReason, Event, Latch, Media, Source, StreamId};

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn signalled() -> SocketAddr {
    address("192.0.2.7:4000")
}

fn latching(latch: Latch) -> Media {
    Media {
        latch,
        ..media(Some(signalled()))
    }
}

/// A stream that another one listens to, so that whatever is believed is relayed.
fn listened_to(lab: &mut Lab, media_of_it: Media) -> StreamId {
    let stream = lab.stream(0, media_of_it, Source::Silent);
    let other = media(Some(address("192.0.2.99:4000")));
    lab.stream(1, other, Source::Bridge { peer: stream });
    stream
}

fn believed(lab: &mut Lab, stream: StreamId, from: &str, datagram: &[u8]) -> bool {
    lab.arrive(stream, address(from), datagram).is_some()
}

#[test]
fn closed_means_the_signalled_address_and_port_only() {
    let mut lab = Lab::new(Vec::new());
    let stream = listened_to(&mut lab, latching(Latch::Closed));
    for (sequence, from) in (0..).zip(["192.0.2.7:4001", "192.0.2.8:4000", "[2001:db8::1]:4000"]) {
        assert!(!believed(
            &mut lab,
            stream,
            from,
            &packet(sequence, 0, 7, &[0; 160])
        ));
    }
    assert_eq!(lab.dropped(DropReason::WrongSource), 3);
    assert!(believed(
        &mut lab,
        stream,
        "192.0.2.7:4000",
        &packet(9, 0, 7, &[0; 160])
    ));
    assert_eq!(lab.events(), [], "nothing was learned");
}

#[test]
fn a_phone_behind_nat_is_learned_and_answered_where_it_is() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    let stream = lab.stream(0, latching(Latch::Any), music());
    lab.run(40);
    assert!(lab.sent().iter().all(|sent| sent.to == signalled()));
    let outside = address("203.0.113.5:61000");
    lab.arrive(stream, outside, &packet(0, 0, 7, &[0; 160]));
    let latched = Event::Latched {
        stream,
        remote: outside,
    };
    assert_eq!(lab.events(), [latched]);
    lab.run(40);
    assert!(lab.sent().iter().all(|sent| sent.to == outside));
}

#[test]
fn once_learned_nobody_else_is_believed_not_even_the_signalled_address() {
    let mut lab = Lab::new(Vec::new());
    let stream = listened_to(&mut lab, latching(Latch::Any));
    assert!(believed(
        &mut lab,
        stream,
        "203.0.113.5:61000",
        &packet(0, 0, 7, &[0; 160])
    ));
    lab.run(1_000);
    for from in ["203.0.113.5:61001", "198.51.100.1:9", "192.0.2.7:4000"] {
        assert!(!believed(
            &mut lab,
            stream,
            from,
            &packet(1, 0, 7, &[0; 160])
        ));
    }
    assert!(believed(
        &mut lab,
        stream,
        "203.0.113.5:61000",
        &packet(1, 160, 7, &[0; 160])
    ));
    assert_eq!(lab.events().len(), 1);
}

#[test]
fn the_signalled_address_locks_as_well() {
    let mut lab = Lab::new(Vec::new());
    let stream = listened_to(&mut lab, latching(Latch::Any));
    assert!(believed(
        &mut lab,
        stream,
        "192.0.2.7:4000",
        &packet(0, 0, 7, &[0; 160])
    ));
    assert!(!believed(
        &mut lab,
        stream,
        "203.0.113.5:61000",
        &packet(1, 0, 7, &[0; 160])
    ));
    assert_eq!(lab.events(), []);
}

#[test]
fn only_the_host_that_was_named_is_learned() {
    let mut lab = Lab::new(Vec::new());
    let host = address("203.0.113.5:0").ip();
    let stream = listened_to(&mut lab, latching(Latch::From(host)));
    assert!(!believed(
        &mut lab,
        stream,
        "203.0.113.6:61000",
        &packet(0, 0, 7, &[0; 160])
    ));
    assert!(believed(
        &mut lab,
        stream,
        "203.0.113.5:61000",
        &packet(0, 0, 7, &[0; 160])
    ));
}

#[test]
fn what_is_not_the_negotiated_rtp_teaches_nothing() {
    let mut lab = Lab::new(Vec::new());
    let stream = listened_to(&mut lab, latching(Latch::Any));
    let mut other_type = packet(0, 0, 7, &[0; 160]);
    other_type[1] = 99;
    let mut other_version = packet(0, 0, 7, &[0; 160]);
    other_version[0] = 0;
    for datagram in [&other_type[..], &other_version, b"hello", &[]] {
        assert!(!believed(&mut lab, stream, "198.51.100.1:9", datagram));
    }
    assert_eq!(lab.dropped(DropReason::WrongPayloadType), 1);
    assert_eq!(lab.dropped(DropReason::Malformed), 3);
    assert!(believed(
        &mut lab,
        stream,
        "203.0.113.5:61000",
        &packet(0, 0, 7, &[0; 160])
    ));
}

#[test]
fn the_lock_outlives_a_refresh_and_not_another_remote() {
    let mut lab = Lab::new(Vec::new());
    let stream = listened_to(&mut lab, latching(Latch::Any));
    assert!(believed(
        &mut lab,
        stream,
        "203.0.113.5:61000",
        &packet(0, 0, 7, &[0; 160])
    ));
    lab.describe(stream, latching(Latch::Any));
    assert!(!believed(
        &mut lab,
        stream,
        "203.0.113.6:61000",
        &packet(1, 0, 7, &[0; 160])
    ));
    let mut moved = latching(Latch::Any);
    moved.remote = Some(address("192.0.2.8:4000"));
    lab.describe(stream, moved);
    assert!(believed(
        &mut lab,
        stream,
        "203.0.113.6:61000",
        &packet(2, 0, 8, &[0; 160])
    ));
}

#[test]
fn the_right_source_with_another_ssrc_does_not_break_in() {
    let mut lab = Lab::new(Vec::new());
    let stream = listened_to(&mut lab, latching(Latch::Closed));
    assert!(believed(
        &mut lab,
        stream,
        "192.0.2.7:4000",
        &packet(0, 0, 7, &[0; 160])
    ));
    lab.run(20);
    assert!(!believed(
        &mut lab,
        stream,
        "192.0.2.7:4000",
        &packet(0, 0, 666, &[0; 160])
    ));
    assert_eq!(lab.dropped(DropReason::WrongSource), 1);
    lab.run(200);
    assert!(believed(
        &mut lab,
        stream,
        "192.0.2.7:4000",
        &packet(0, 0, 8, &[0; 160])
    ));
}

#[test]
fn ipv4_seen_by_an_ipv6_socket_is_the_same_phone() {
    let mut lab = Lab::new(Vec::new());
    let stream = listened_to(&mut lab, latching(Latch::Closed));
    assert!(believed(
        &mut lab,
        stream,
        "[::ffff:192.0.2.7]:4000",
        &packet(0, 0, 7, &[0; 160])
    ));
}

#[test]
fn before_it_is_described_a_stream_believes_nobody() {
    let mut lab = Lab::new(Vec::new());
    let stream = lab.open(0, 0);
    assert!(!believed(
        &mut lab,
        stream,
        "192.0.2.7:4000",
        &packet(0, 0, 7, &[0; 160])
    ));
    assert_eq!(lab.dropped(DropReason::NotWanted), 1);
}
