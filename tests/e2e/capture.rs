//! What is on the wire: each packet is read by another implementation, and none jumps.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::time::Duration;

use dataplane::files::Files;
use dataplane::prompt::Prompt;
use rtp::packet::Packet;
use shared::Codec;
use webrtc_util::marshal::Unmarshal;

use crate::harness::baresip::Baresip;
use crate::harness::capture::{Capture, Captured, Datagram};
use crate::harness::clock::pause;
use crate::harness::wav::{self, RATE};
use crate::harness::{Server, Settings};

/// Samples of a packet.
const PACKET: u32 = 160;

/// An RTP packet the server sent.
#[derive(Debug)]
struct Sent {
    at: Duration,
    packet: Packet,
}

/// What the server sent from its media ports, by destination, all of it read by the `rtp` and
/// `rtcp` crates.
#[derive(Debug, Default)]
struct Wire {
    rtp: BTreeMap<SocketAddrV4, Vec<Sent>>,
    rtcp: Vec<Box<dyn rtcp::packet::Packet + Send + Sync>>,
}

impl Wire {
    fn read(captured: &Captured, server: &Server) -> Self {
        let (first, last) = server.ports.server_media();
        let mut wire = Self::default();
        for datagram in &captured.datagrams {
            if (first..=last).contains(&datagram.source.port()) {
                wire.take(datagram);
            }
        }
        wire
    }

    fn take(&mut self, datagram: &Datagram) {
        let mut bytes = &datagram.payload[..];
        // RFC 5761 §4: the second byte tells RTCP from RTP.
        if (192..=223).contains(&bytes[1]) {
            let packets = rtcp::packet::unmarshal(&mut bytes);
            self.rtcp
                .extend(packets.unwrap_or_else(|error| panic!("RTCP: {error}: {datagram:?}")));
        } else {
            let packet = Packet::unmarshal(&mut bytes);
            let packet = packet.unwrap_or_else(|error| panic!("RTP: {error}: {datagram:?}"));
            let sent = Sent {
                at: datagram.at,
                packet,
            };
            self.rtp.entry(datagram.destination).or_default().push(sent);
        }
    }

    fn has_rtcp<T: 'static>(&self) -> bool {
        self.rtcp.iter().any(|packet| packet.as_any().is::<T>())
    }
}

/// One source, each sequence number the next.
fn assert_unbroken(stream: &[Sent]) {
    for pair in stream.windows(2) {
        let (one, two) = (&pair[0].packet.header, &pair[1].packet.header);
        assert_eq!(one.ssrc, two.ssrc, "the source changed");
        assert_eq!(
            one.sequence_number.wrapping_add(1),
            two.sequence_number,
            "a jump in sequence"
        );
    }
}

/// tshark finds what the server sent, and nothing malformed in it.
fn assert_well_formed(captured: &Captured, server: &Server) {
    let port = server.address.port();
    let (first, last) = server.ports.server_media();
    let ours = format!("(udp.srcport == {port} || udp.srcport in {{{first}..{last}}})");
    let count = |filter: &str| captured.count(port, &format!("{ours} && ({filter})"));
    assert!(count("sip.Status-Code == 200") > 0, "tshark sees the calls");
    assert!(count("rtp") > 0, "tshark sees the media");
    assert!(count("rtcp.pt == 200") > 0, "tshark sees sender reports");
    // 8388608 is the severity "error".
    assert_eq!(count("_ws.malformed || _ws.expert.severity == 8388608"), 0);
}

#[test]
fn music_goes_round_without_a_jump_in_sequence_time_or_sound() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("music.wav");
    // Not a whole number of packets, so that the loop point falls inside one.
    wav::write(&file, &wav::test_music(2 * RATE + 77));
    let prompt = Prompt::load(&Files::start().expect("a thread"), &file).expect("a good file");
    let music = prompt.audio(Codec::Pcmu);
    let server = Server::start(&Settings {
        music: Some(file),
        mode: "from-start",
        ..Settings::default()
    });
    let capture = Capture::start(&server.ports);
    let mut phone = Baresip::start(&server.ports, 0, 440.0);
    phone.dial(&server.uri("park"));
    phone.wait_for("CALL_ESTABLISHED");
    pause(Duration::from_secs(12));
    phone.command("hangup", "");
    phone.quit();
    // The last report is sent while the stream is closed.
    pause(Duration::from_millis(500));
    let captured = capture.stop();

    let wire = Wire::read(&captured, &server);
    assert_eq!(wire.rtp.len(), 1, "one phone was sent to");
    let stream = wire.rtp.values().next().expect("one stream");
    assert!(stream.len() > 400, "only {} packets in 12 s", stream.len());
    assert_unbroken(stream);
    for pair in stream.windows(2) {
        let (one, two) = (&pair[0].packet.header, &pair[1].packet.header);
        assert_eq!(
            one.timestamp.wrapping_add(PACKET),
            two.timestamp,
            "a jump in time"
        );
        assert_eq!(two.payload_type, 0);
        assert!(
            !two.marker,
            "only the first packet of a talkspurt is marked"
        );
    }
    let mut expected = music.iter().copied().cycle();
    for (number, sent) in stream.iter().enumerate() {
        let there: Vec<u8> = expected.by_ref().take(PACKET as usize).collect();
        assert!(
            sent.packet.payload == there,
            "packet {number} has other music"
        );
    }
    let (first, last) = (stream[0].at, stream[stream.len() - 1].at);
    let mean = (last - first).as_secs_f64() / (stream.len() - 1) as f64;
    assert!((mean - 0.02).abs() < 0.000_2, "a packet each {mean} s");
    assert!(
        wire.has_rtcp::<rtcp::sender_report::SenderReport>(),
        "a sender report"
    );
    assert!(
        wire.has_rtcp::<rtcp::source_description::SourceDescription>(),
        "a CNAME"
    );
    assert!(
        wire.has_rtcp::<rtcp::goodbye::Goodbye>(),
        "a BYE at the end"
    );
    assert_well_formed(&captured, &server);
    server.stop();
}

#[test]
fn a_stream_goes_on_without_a_jump_from_music_to_the_retriever() {
    let server = Server::start(&Settings::default());
    let capture = Capture::start(&server.ports);
    let mut parkee = Baresip::start(&server.ports, 0, 440.0);
    let mut retriever = Baresip::start(&server.ports, 1, 700.0);
    parkee.dial(&server.uri("park"));
    parkee.wait_for("CALL_ESTABLISHED");
    let orbit = parkee.contact_user(&server.address.to_string());
    pause(Duration::from_secs(3));
    retriever.dial(&server.uri(&orbit));
    retriever.wait_for("CALL_ESTABLISHED");
    pause(Duration::from_secs(8));
    parkee.command("hangup", "");
    retriever.wait_for("CALL_CLOSED");
    parkee.quit();
    retriever.quit();
    let captured = capture.stop();

    let wire = Wire::read(&captured, &server);
    assert_eq!(wire.rtp.len(), 2, "two phones were sent to");
    for (destination, stream) in &wire.rtp {
        assert!(
            stream.len() > 200,
            "only {} packets to {destination}",
            stream.len()
        );
        assert_unbroken(stream);
        // Real time and media time go on together. A phone on a busy machine may send late.
        let (start, end) = (&stream[0], &stream[stream.len() - 1]);
        let media = end
            .packet
            .header
            .timestamp
            .wrapping_sub(start.packet.header.timestamp);
        let media = f64::from(media) / RATE as f64;
        let real = (end.at - start.at).as_secs_f64();
        assert!(
            (media - real).abs() < 0.5,
            "{destination}: {media} s of media in {real} s"
        );
        for pair in stream.windows(2) {
            let (one, two) = (&pair[0].packet.header, &pair[1].packet.header);
            let step = two.timestamp.wrapping_sub(one.timestamp);
            assert!(
                (1..=PACKET * 50).contains(&step),
                "a jump of {step} samples in time"
            );
        }
    }
    assert_well_formed(&captured, &server);
    server.stop();
}
