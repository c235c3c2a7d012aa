//! Two real phones: what they hear is what they were meant to hear.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use crate::harness::baresip::Baresip;
use crate::harness::clock::{PATIENCE, pause};
use crate::harness::phone::{Phone, status};
use crate::harness::wav::{self, RATE};
use crate::harness::{Server, Settings};

/// The parkee's and the retriever's voices.
const PARKEE_HERTZ: f64 = 440.0;
const RETRIEVER_HERTZ: f64 = 700.0;

/// Second after second of a recording against the music: the first is found somewhere, each other
/// one where it should be then. Gives how many seconds there were.
fn follow(recording: &[i16], music: &[i16]) -> usize {
    let mut expected: Option<usize> = None;
    let mut seconds = 0;
    for window in recording.chunks_exact(RATE) {
        let (place, likeness) = match expected {
            None => wav::find(window, music),
            Some(place) => wav::find_near(window, music, place),
        };
        assert!(
            likeness > 0.9,
            "second {seconds}: {likeness:.3} like the music at {place}"
        );
        expected = Some((place + RATE) % music.len());
        seconds += 1;
    }
    seconds
}

/// The share of each tone in the steady part of what a phone heard last.
fn tones(recording: &[i16], seconds: usize) -> (f64, f64) {
    let share = |hertz| wav::share_at_the_end(recording, seconds, hertz);
    (share(PARKEE_HERTZ), share(RETRIEVER_HERTZ))
}

#[test]
fn a_parked_phone_hears_the_hold_music_of_the_project() {
    let server = Server::start(&Settings::default());
    let mut phone = Baresip::start(&server.ports, 0, PARKEE_HERTZ);
    phone.dial(&server.uri("park"));
    phone.wait_for("CALL_ESTABLISHED");
    pause(Duration::from_secs(8));
    phone.command("hangup", "");
    let heard = phone.quit();
    let music = wav::builtin_music();
    assert!(music.len() > 45 * RATE, "the piece is at least 45 s long");
    // Its first packets fill the phone's jitter buffer.
    let seconds = follow(&heard[RATE / 2..], &music);
    assert!(seconds >= 5, "only {seconds} s were heard");
    server.stop();
}

#[test]
fn row_46_a_parked_phone_hears_the_operators_music_go_round() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("music.wav");
    // Not a whole number of packets, so that the loop point falls inside one.
    let music = wav::test_music(2 * RATE + 77);
    wav::write(&file, &music);
    let server = Server::start(&Settings {
        music: Some(file),
        mode: "from-start",
        ..Settings::default()
    });
    let mut phone = Baresip::start(&server.ports, 0, PARKEE_HERTZ);
    phone.dial(&server.uri("park"));
    phone.wait_for("CALL_ESTABLISHED");
    pause(Duration::from_secs(8));
    phone.command("hangup", "");
    let seconds = follow(&phone.quit()[RATE / 2..], &music);
    assert!(seconds >= 5, "only {seconds} s were heard");
    server.stop();
}

#[test]
fn a_retriever_and_the_parkee_hear_each_other() {
    let server = Server::start(&Settings::default());
    let mut parkee = Baresip::start(&server.ports, 0, PARKEE_HERTZ);
    let mut retriever = Baresip::start(&server.ports, 1, RETRIEVER_HERTZ);
    parkee.dial(&server.uri("park"));
    parkee.wait_for("CALL_ESTABLISHED");
    let orbit = parkee.contact_user(&server.address.to_string());
    pause(Duration::from_secs(2));
    retriever.dial(&server.uri(&orbit));
    retriever.wait_for("CALL_ESTABLISHED");
    pause(Duration::from_secs(5));
    retriever.command("hangup", "");
    parkee.wait_for("CALL_CLOSED");
    let (own, other) = tones(&parkee.quit(), 3);
    assert!(other > 0.9, "the parkee hears the retriever: {other:.3}");
    assert!(own < 0.05, "the parkee does not hear itself: {own:.3}");
    let (other, own) = tones(&retriever.quit(), 3);
    assert!(other > 0.9, "the retriever hears the parkee: {other:.3}");
    assert!(own < 0.05, "the retriever does not hear itself: {own:.3}");
    server.stop();
}

#[test]
fn row_60_a_softphone_shows_an_orbit_among_its_contacts() {
    let server = Server::start(&Settings {
        orbits: (701, 701),
        ..Settings::default()
    });
    let orbit = server.uri("701");
    let mut retriever = Baresip::with_buddy(&server.ports, (1, RETRIEVER_HERTZ), &orbit);
    retriever.shows("Online");
    let mut parkee = Baresip::start(&server.ports, 0, PARKEE_HERTZ);
    parkee.dial(&server.uri("park"));
    parkee.wait_for("CALL_ESTABLISHED");
    retriever.shows("Busy");
    retriever.saw("<note>Parked: sip:phone0@127.0.0.1</note>");
    retriever.dial(&orbit);
    retriever.wait_for("CALL_ESTABLISHED");
    retriever.shows("Online");
    retriever.command("hangup", "");
    parkee.wait_for("CALL_CLOSED");
    server.stop();
}

#[test]
fn complaint_11_a_held_parkee_hears_the_retriever_again_after_the_hold() {
    let server = Server::start(&Settings::default());
    let mut parkee = Baresip::start(&server.ports, 0, PARKEE_HERTZ);
    let mut retriever = Baresip::start(&server.ports, 1, RETRIEVER_HERTZ);
    parkee.dial(&server.uri("park"));
    parkee.wait_for("CALL_ESTABLISHED");
    let orbit = parkee.contact_user(&server.address.to_string());
    retriever.dial(&server.uri(&orbit));
    retriever.wait_for("CALL_ESTABLISHED");
    retriever.command("hold", "");
    pause(Duration::from_secs(2));
    retriever.command("resume", "");
    pause(Duration::from_secs(4));
    parkee.command("hangup", "");
    retriever.wait_for("CALL_CLOSED");
    let (_, other) = tones(&parkee.quit(), 2);
    assert!(other > 0.9, "the parkee hears the retriever: {other:.3}");
    let (other, _) = tones(&retriever.quit(), 2);
    assert!(other > 0.9, "the retriever hears the parkee: {other:.3}");
    server.stop();
}

#[test]
fn a_stranger_who_sends_media_is_not_heard() {
    let server = Server::start(&Settings::default());
    let mut parkee = Baresip::start(&server.ports, 0, PARKEE_HERTZ);
    let mut retriever = Baresip::start(&server.ports, 1, RETRIEVER_HERTZ);
    parkee.dial(&server.uri("park"));
    parkee.wait_for("CALL_ESTABLISHED");
    let orbit = parkee.contact_user(&server.address.to_string());
    retriever.dial(&server.uri(&orbit));
    retriever.wait_for("CALL_ESTABLISHED");
    // Loud noise to each media port of the server for four seconds, as a guesser would send it.
    let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let (first, last) = server.ports.server_media();
    for number in 0..200_u16 {
        let mut packet = vec![0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4];
        packet[2..4].copy_from_slice(&number.to_be_bytes());
        packet[4..8].copy_from_slice(&(u32::from(number) * 160).to_be_bytes());
        packet.extend((0..160_u8).map(|byte| byte.wrapping_mul(37) & 0x8f));
        for port in first..=last {
            // A closed port refuses; that is no matter here.
            let _ = stranger.send_to(&packet, (Ipv4Addr::LOCALHOST, port));
        }
        pause(Duration::from_millis(20));
    }
    retriever.command("hangup", "");
    parkee.wait_for("CALL_CLOSED");
    let (_, other) = tones(&parkee.quit(), 3);
    assert!(
        other > 0.9,
        "the parkee hears the retriever and nobody else: {other:.3}"
    );
    let (other, _) = tones(&retriever.quit(), 3);
    assert!(
        other > 0.9,
        "the retriever hears the parkee and nobody else: {other:.3}"
    );
    server.stop();
}

/// Somebody who retrieves a call and then holds it as the worst phones do.
struct Holder {
    phone: Phone,
    invite: String,
    answer: String,
    cseq: u32,
}

impl Holder {
    fn retrieve(server: &Server, orbit: &str) -> Self {
        let phone = Phone::new(server, "holder");
        let invite = phone.request("INVITE", orbit, "", &phone.offer());
        phone.send(invite.as_bytes());
        let answer = phone.final_response();
        assert_eq!(status(&answer), 200, "{answer}");
        phone.send(phone.in_dialog("ACK", 1, &invite, &answer).as_bytes());
        let cseq = 1;
        Self {
            phone,
            invite,
            answer,
            cseq,
        }
    }

    /// Offers one codec, in a direction.
    fn offer(&mut self, payload: u8, direction: &str) {
        self.cseq += 1;
        let dialog = (&*self.invite, &*self.answer);
        let offer = self.phone.reoffer(self.cseq, dialog, (payload, direction));
        self.phone.send(offer.as_bytes());
        let answer = self.phone.final_response();
        assert_eq!(status(&answer), 200, "{answer}");
        self.follow_up("ACK");
    }

    fn follow_up(&self, method: &str) {
        let Self {
            phone,
            invite,
            answer,
            cseq,
        } = self;
        let request = phone.in_dialog(method, *cseq, invite, answer);
        phone.send(request.as_bytes());
    }

    fn hang_up(mut self) {
        self.cseq += 1;
        self.follow_up("BYE");
        self.phone.receive(PATIENCE).expect("an answer");
    }
}

/// The last seconds of what a phone heard are the hold music and nothing else.
fn ends_with_music(heard: &[i16], seconds: usize) {
    let end = heard.len() - RATE / 4;
    let followed = follow(&heard[end - seconds * RATE..end], &wav::builtin_music());
    assert_eq!(followed, seconds);
}

#[test]
fn complaint_14_a_holder_that_goes_on_sending_in_another_codec_does_not_spoil_the_music() {
    let server = Server::start(&Settings::default());
    let mut parkee = Baresip::start(&server.ports, 0, PARKEE_HERTZ);
    parkee.dial(&server.uri("park"));
    parkee.wait_for("CALL_ESTABLISHED");
    let orbit = parkee.contact_user(&server.address.to_string());
    let mut holder = Holder::retrieve(&server, &orbit);
    holder.phone.noise(0, 0..50, &holder.answer);
    holder.offer(8, "inactive");
    holder.phone.noise(8, 50..250, &holder.answer);
    holder.hang_up();
    parkee.wait_for("CALL_CLOSED");
    ends_with_music(&parkee.quit(), 3);
    server.stop();
}

#[test]
fn complaint_15_music_is_heard_in_a_hold_whose_holder_is_silent() {
    for direction in ["sendonly", "inactive"] {
        let server = Server::start(&Settings::default());
        let mut parkee = Baresip::start(&server.ports, 0, PARKEE_HERTZ);
        parkee.dial(&server.uri("park"));
        parkee.wait_for("CALL_ESTABLISHED");
        let orbit = parkee.contact_user(&server.address.to_string());
        let mut holder = Holder::retrieve(&server, &orbit);
        holder.phone.noise(0, 0..25, &holder.answer);
        holder.offer(0, direction);
        pause(Duration::from_secs(5));
        holder.hang_up();
        parkee.wait_for("CALL_CLOSED");
        ends_with_music(&parkee.quit(), 2);
        server.stop();
    }
}

#[test]
fn complaint_16_music_goes_on_where_it_was_when_a_caller_is_parked_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("music.wav");
    let music = wav::test_music(20 * RATE);
    wav::write(&file, &music);
    let server = Server::start(&Settings {
        music: Some(file),
        mode: "from-start",
        ..Settings::default()
    });
    let mut phone = Baresip::start(&server.ports, 0, PARKEE_HERTZ);
    for _ in 0..2 {
        phone.dial(&server.uri("park"));
        phone.wait_for("CALL_ESTABLISHED");
        pause(Duration::from_secs(4));
        phone.command("hangup", "");
        phone.wait_for("CALL_CLOSED");
        // A second of its own in the name of the next recording.
        pause(Duration::from_millis(1_100));
    }
    let heard = phone.quit();
    let end = heard.len() - RATE / 4;
    let (place, likeness) = wav::find(&heard[end - RATE..end], &music);
    assert!(likeness > 0.9, "{likeness:.3} like the music at {place}");
    // Four seconds, and again: less what jitter buffers and hang-ups cut off.
    assert!(
        (5 * RATE..9 * RATE).contains(&place),
        "the last second is at {place}"
    );
    server.stop();
}
