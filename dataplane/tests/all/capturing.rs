//! What a worker copies of captured streams, under a virtual clock: every packet of theirs, no
//! payload, and nothing of anybody else's.

use std::net::SocketAddr;
use std::sync::Arc;

use dataplane::port::{Socket, Sockets};
use dataplane::tap::Tap;
use shared::{
    CaptureId, CapturedPacket, Command, Course, Media, Receiver, Role, RtcpPort, Source, StreamId,
    SyncSource, Wake,
};

use super::common::lab::Lab;
use super::common::{media, music, packet, recording};

struct Nobody;

impl Wake for Nobody {
    fn wake(&self) {}
}

fn phone() -> SocketAddr {
    "192.0.2.7:4000".parse().unwrap()
}

fn lab(room: usize) -> (Lab, Receiver<CapturedPacket>) {
    let mut lab = Lab::new(vec![recording(8_000)]);
    let (seen, copies) = shared::pair(room, Arc::new(Nobody));
    lab.engine = lab.engine.tapped(Tap::into_queue(seen));
    (lab, copies)
}

fn capture(lab: &mut Lab, stream: StreamId, capture: Option<u32>) {
    lab.command(Command::Capture {
        stream,
        capture: capture.map(CaptureId),
        local: "192.0.2.1:4000".parse().unwrap(),
    });
}

/// Who waits: it hears music, and what it says is kept away by the kernel.
fn parked(lab: &mut Lab, index: u32) -> StreamId {
    let terms = Media {
        remote_rtcp: Some(phone()),
        receive: false,
        supervise: false,
        ..media(Some(phone()))
    };
    lab.stream(index, terms, music())
}

fn all(copies: &Receiver<CapturedPacket>) -> Vec<CapturedPacket> {
    std::iter::from_fn(|| copies.pop()).collect()
}

#[test]
fn music_is_copied_while_it_is_captured_and_its_payload_is_not() {
    let (mut lab, copies) = lab(64);
    let stream = parked(&mut lab, 0);
    parked(&mut lab, 1);
    lab.run(100);
    assert!(all(&copies).is_empty());
    capture(&mut lab, stream, Some(3));
    lab.port.rtp.clear();
    lab.run(200);
    let sent: Vec<_> = lab
        .port
        .rtp
        .drain(..)
        .filter(|it| it.owner.index == 0)
        .collect();
    let seen = all(&copies);
    assert_eq!((seen.len(), sent.len()), (10, 10));
    for (copy, sent) in seen.iter().zip(&sent) {
        assert_eq!((copy.capture, copy.course), (CaptureId(3), Course::Sent));
        assert_eq!((copy.at, copy.ends.remote), (sent.at, phone()));
        assert_eq!(copy.ends.local, "192.0.2.1:4000".parse().unwrap());
        assert_eq!((copy.length, copy.kept), (172, 12));
        let sequence = sent.packet.header.sequence_number.to_be_bytes();
        assert_eq!(copy.head[2..4], sequence);
        assert!(copy.head[12..].iter().all(|byte| *byte == 0), "no payload");
    }
    capture(&mut lab, stream, None);
    lab.run(200);
    assert!(all(&copies).is_empty());
}

#[test]
fn what_a_waiting_phone_says_is_let_in_while_it_is_captured() {
    let (mut lab, copies) = lab(64);
    let stream = parked(&mut lab, 0);
    let is_screened = |lab: &Lab| lab.port.intakes[&0].without.is_some();
    assert!(is_screened(&lab));
    capture(&mut lab, stream, Some(1));
    assert!(!is_screened(&lab));
    lab.arrive(stream, phone(), &packet(1, 160, 7, &[9; 160]));
    let stranger: SocketAddr = "192.0.2.9:9".parse().unwrap();
    lab.arrive(stream, stranger, &packet(1, 160, 8, &[9; 160]));
    let seen = all(&copies);
    let from: Vec<_> = seen.iter().map(|it| (it.course, it.ends.remote)).collect();
    let expected = [phone(), stranger].map(|from| (Course::Arrived, from));
    assert_eq!(from, expected, "who is not believed is seen as well");
    capture(&mut lab, stream, None);
    assert!(is_screened(&lab));
}

#[test]
fn a_relayed_packet_is_copied_as_it_came_and_as_it_went() {
    let (mut lab, copies) = lab(64);
    let other: SocketAddr = "192.0.2.8:4000".parse().unwrap();
    let [one, two] = [(0, phone()), (1, other)]
        .map(|(index, phone)| lab.stream(index, media(Some(phone)), Source::Silent));
    lab.send(one, Source::Bridge { peer: two });
    lab.send(two, Source::Bridge { peer: one });
    capture(&mut lab, one, Some(1));
    capture(&mut lab, two, Some(1));
    let key = [5, 0x8a, 3, 0x20];
    let mut event = packet(9, 160, 7, &key);
    event[1] = 101;
    for arrived in [packet(8, 0, 7, &[9; 160]), event] {
        let heard = lab.arrive(one, phone(), &arrived);
        let [came, went] = all(&copies).try_into().unwrap();
        assert_eq!((came.course, came.ends.remote), (Course::Arrived, phone()));
        assert_eq!(came.head[..12], arrived[..12]);
        assert_eq!((went.course, went.ends.remote), (Course::Sent, other));
        let ssrc = heard.unwrap().packet.header.ssrc.to_be_bytes();
        assert_eq!(went.head[8..12], ssrc, "ours");
        for copy in [came, went] {
            assert_eq!(usize::from(copy.length), arrived.len());
            assert_eq!(copy.kept, 12, "neither a word nor a key");
        }
    }
}

#[test]
fn reports_are_copied_whole_with_the_port_above() {
    let (mut lab, copies) = lab(4_096);
    let stream = parked(&mut lab, 0);
    capture(&mut lab, stream, Some(1));
    lab.run(10_000);
    let reports: Vec<_> = all(&copies)
        .into_iter()
        .filter(|it| (192..=223).contains(&it.head[1]))
        .collect();
    assert_eq!(reports.len(), lab.port.rtcp.len());
    assert!(!reports.is_empty());
    for report in reports {
        assert_eq!(
            (report.ends.local.port(), report.kept),
            (4_001, report.length)
        );
    }
}

#[test]
fn reports_on_the_port_of_rtp_are_there_whenever_the_capture_began() {
    let (mut lab, copies) = lab(64);
    let stream = super::common::stream(0, 0);
    lab.command(Command::Open {
        stream,
        local: "192.0.2.1:4000".parse().unwrap(),
        rtcp: RtcpPort::Mux,
        role: Role::Begin,
        source: SyncSource::numbered(0),
    });
    capture(&mut lab, stream, Some(1));
    let owner = lab.port.opening.pop().unwrap();
    let (rtp, rtcp) = (Socket(0), Socket(0));
    let bound = Ok(Sockets { rtp, rtcp });
    lab.engine.opened(lab.now, owner, bound);
    lab.describe(stream, media(Some(phone())));
    let report = [0x80, 201, 0, 1, 0, 0, 0, 7];
    lab.arrive(stream, phone(), &report);
    let [seen] = all(&copies).try_into().unwrap();
    assert_eq!((seen.ends.local.port(), seen.length), (4_000, 8));
    assert_eq!(seen.head[..8], report);
}

#[test]
fn a_full_queue_loses_copies_and_nothing_else_and_says_how_many() {
    let (mut lab, copies) = lab(4);
    let stream = parked(&mut lab, 0);
    capture(&mut lab, stream, Some(1));
    lab.run(200);
    let sent = lab.port.rtp.len() as u64;
    assert_eq!(lab.stats.captured_lost.load(), sent - 4);
    assert_eq!(all(&copies).len(), 4);
    lab.run(20);
    let next = all(&copies);
    assert_eq!(u64::from(next[0].lost), sent - 4);
}

#[test]
fn who_has_the_place_next_is_not_captured() {
    let (mut lab, copies) = lab(64);
    let stream = parked(&mut lab, 0);
    capture(&mut lab, stream, Some(1));
    lab.command(Command::Close { stream });
    let owner = lab.port.closing.pop().unwrap();
    lab.engine.closed(owner);
    lab.events();
    all(&copies);
    let next = lab.open(0, 1);
    lab.describe(next, media(Some(phone())));
    lab.arrive(next, phone(), &packet(1, 160, 7, &[9; 160]));
    assert!(all(&copies).is_empty());
}
