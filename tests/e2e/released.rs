//! Media released: after a retrieval two real phones send to each other, and come back to the
//! server for music.

use std::time::Duration;

use crate::harness::baresip::Baresip;
use crate::harness::capture::{Capture, Captured, Datagram};
use crate::harness::clock::{PATIENCE, pause, since_epoch, until};
use crate::harness::wav::{self, RATE};
use crate::harness::{Server, Settings};

const PARKEE_HERTZ: f64 = 440.0;
const RETRIEVER_HERTZ: f64 = 700.0;

/// A server that lets media go, and a retrieved call of two phones that has been let go.
struct Call {
    server: Server,
    capture: Capture,
    parkee: Baresip,
    retriever: Baresip,
}

impl Call {
    fn released() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        let mut server = Server::start(&Settings {
            park: "media = \"released\"\n".to_owned(),
            ..settings
        });
        let capture = Capture::start(&server.ports);
        let mut parkee = Baresip::start(&server.ports, 0, PARKEE_HERTZ);
        let mut retriever = Baresip::start(&server.ports, 1, RETRIEVER_HERTZ);
        parkee.dial(&server.uri("park"));
        parkee.wait_for("CALL_ESTABLISHED");
        let orbit = parkee.contact_user(&server.address.to_string());
        retriever.dial(&server.uri(&orbit));
        retriever.wait_for("CALL_ESTABLISHED");
        said(&mut server, "media released", 1);
        Self {
            server,
            capture,
            parkee,
            retriever,
        }
    }

    /// The retriever hangs up; each phone must have heard the other just before.
    fn end(self) -> Captured {
        let Self {
            server,
            capture,
            mut parkee,
            mut retriever,
        } = self;
        retriever.command("hangup", "");
        parkee.wait_for("CALL_CLOSED");
        let heard = [parkee.quit(), retriever.quit()];
        let voices = [RETRIEVER_HERTZ, PARKEE_HERTZ];
        for (recording, hertz) in heard.iter().zip(voices) {
            let share = share_at_the_end(recording, hertz);
            assert!(share > 0.9, "{share:.3} of what was heard is {hertz} Hz");
        }
        let captured = capture.stop();
        let port = server.address.port();
        let (first, _) = server.ports.phone_media(0);
        let (_, last) = server.ports.phone_media(1);
        let told = captured.count(
            port,
            &format!(
                "sip.Method == INVITE && udp.srcport == {port} && \
                 sdp.media.port in {{{first}..{last}}}"
            ),
        );
        assert!(told >= 2, "{told} offers of the server name a phone");
        server.stop();
        captured
    }
}

/// Waits until the log has so many lines with these words.
fn said(server: &mut Server, words: &str, times: usize) {
    until(words, PATIENCE, || {
        let lines = server.process.log().iter();
        let said = lines.filter(|line| line.contains(words)).count();
        (said >= times).then_some(())
    });
}

/// The share of a tone in the last two seconds of a recording, but for what the end may have cut.
fn share_at_the_end(recording: &[i16], hertz: f64) -> f64 {
    let end = recording.len().saturating_sub(RATE / 4);
    let steady = &recording[end.saturating_sub(2 * RATE)..end];
    // In pieces, so that a slip of the phone's jitter buffer does not cancel the tone.
    let pieces: Vec<&[i16]> = steady.chunks_exact(RATE / 10).collect();
    assert!(!pieces.is_empty(), "nothing was recorded");
    let shares = pieces.iter().map(|piece| wav::share_of_tone(piece, hertz));
    shares.sum::<f64>() / pieces.len() as f64
}

/// The RTP of a capture, by whether the server has to do with it.
struct Media<'a> {
    direct: Vec<&'a Datagram>,
    relayed: Vec<&'a Datagram>,
}

impl<'a> Media<'a> {
    fn of(captured: &'a Captured, media_of_server: (u16, u16)) -> Self {
        let (first, last) = media_of_server;
        let is_rtp = |datagram: &&Datagram| {
            let bytes = &datagram.payload;
            bytes.len() > 12 && bytes[0] >> 6 == 2 && matches!(bytes[1] & 0x7f, 0 | 8)
        };
        let is_servers = |datagram: &&Datagram| {
            let ports = [datagram.source.port(), datagram.destination.port()];
            ports.iter().any(|port| (first..=last).contains(port))
        };
        let rtp = captured.datagrams.iter().filter(is_rtp);
        let (relayed, direct) = rtp.partition(is_servers);
        Self { direct, relayed }
    }
}

#[test]
fn two_phones_hear_each_other_past_the_server() {
    let call = Call::released();
    let media = call.server.ports.server_media();
    pause(Duration::from_secs(5));
    let captured = call.end();
    let media = Media::of(&captured, media);
    let (Some(first), Some(last)) = (media.direct.first(), media.direct.last()) else {
        panic!("no packet went from phone to phone");
    };
    let span = last.at - first.at;
    assert!(span > Duration::from_secs(4), "directly for {span:?}");
    assert!(
        media.direct.len() as u128 > span.as_millis() / 20,
        "{} packets in {span:?}, both ways",
        media.direct.len()
    );
    let relayed = media.relayed.last().expect("music, and the first second");
    let silent = last.at.saturating_sub(relayed.at);
    assert!(
        silent > Duration::from_secs(4),
        "the server has heard or sent nothing for {silent:?}"
    );
}

/// For five seconds there is no server; the next one takes the call up, and lets it go again.
#[test]
fn row_51_two_phones_talk_on_past_a_server_that_is_killed() {
    let store = true;
    let mut call = Call::with(Settings {
        store,
        ..Settings::default()
    });
    let ports = [0, 1].map(|place| call.server.ports.phone_media(place));
    let media = call.server.ports.server_media();
    pause(Duration::from_secs(1));
    call.server.process.kill();
    let killed = since_epoch();
    pause(Duration::from_secs(5));
    let back = since_epoch();
    call.server.restart();
    call.server.process.line_with("adopted=1 lost=0", PATIENCE);
    said(&mut call.server, "media released", 1);
    pause(Duration::from_secs(3));
    let captured = call.end();
    let media = Media::of(&captured, media);
    for (first, last) in ports {
        let of_phone = |packet: &&&Datagram| (first..=last).contains(&packet.source.port());
        let without = |packet: &&&Datagram| (killed..back).contains(&packet.at);
        let sent = media.direct.iter().filter(of_phone).filter(without);
        let moments: Vec<Duration> = sent.map(|packet| packet.at).collect();
        assert!(moments.len() > 200, "{} packets in 5 s", moments.len());
        let gaps = moments.windows(2).map(|pair| pair[1] - pair[0]);
        let longest = gaps.max().expect("many");
        assert!(longest < Duration::from_millis(500), "{longest:?}");
    }
}

#[test]
fn a_phone_that_holds_brings_the_media_back_and_lets_it_go_again() {
    let mut call = Call::released();
    let media = call.server.ports.server_media();
    pause(Duration::from_secs(2));
    call.retriever.command("hold", "");
    said(&mut call.server, "media anchored again", 1);
    pause(Duration::from_secs(4));
    call.retriever.command("resume", "");
    said(&mut call.server, "media released", 2);
    pause(Duration::from_secs(4));
    let captured = call.end();
    let media = Media::of(&captured, media);
    let first = media.direct.first().expect("released");
    let held = media.relayed.iter().filter(|packet| packet.at > first.at);
    assert!(held.count() > 50, "music while one holds");
    let (relayed, direct) = (media.relayed.last(), media.direct.last());
    let silent = direct
        .expect("released")
        .at
        .saturating_sub(relayed.expect("music").at);
    assert!(
        silent > Duration::from_secs(3),
        "released for {silent:?} at the end"
    );
}
