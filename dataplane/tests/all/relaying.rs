//! Relaying between two streams, under a virtual clock.

use std::net::SocketAddr;

use super::common::lab::{Lab, Sent, assert_continuous};
use super::common::{media, music, packet, recording};
use dataplane::rtp::Header;
use shared::{Codec, Command, DropReason, Event, PayloadType, PromptId, Source, StreamId};

const PHONES: [&str; 2] = ["192.0.2.7:4000", "192.0.2.8:4000"];

fn phone(side: usize) -> SocketAddr {
    PHONES[side].parse().unwrap()
}

/// Two phones, each hearing the other.
fn bridged(lab: &mut Lab) -> [StreamId; 2] {
    let streams = [(0, phone(0)), (1, phone(1))]
        .map(|(index, phone)| lab.stream(index, media(Some(phone)), Source::Silent));
    lab.send(streams[0], Source::Bridge { peer: streams[1] });
    lab.send(streams[1], Source::Bridge { peer: streams[0] });
    streams
}

/// Phone 0 speaks for a while, every 20 ms; what phone 1 hears.
fn speak(lab: &mut Lab, stream: StreamId, sequences: impl IntoIterator<Item = u16>) -> Vec<Sent> {
    let mut heard = Vec::new();
    for sequence in sequences {
        let voice = packet(sequence, u32::from(sequence) * 160, 7, &[9; 160]);
        heard.extend(lab.arrive(stream, phone(0), &voice));
        lab.run(20);
    }
    heard
}

fn event(sequence: u16, timestamp: u32, code: u8, duration: u16, end: bool) -> Vec<u8> {
    let payload_type = PayloadType::new(101).unwrap();
    let header = Header::new(payload_type, sequence, timestamp, 7);
    let [high, low] = duration.to_be_bytes();
    let flags = if end { 0x80 } else { 0 } | 10;
    [header.as_bytes(), &[code, flags, high, low]].concat()
}

#[test]
fn speech_reaches_the_other_side_with_our_numbers() {
    let mut lab = Lab::new(Vec::new());
    let [one, _] = bridged(&mut lab);
    let heard = speak(&mut lab, one, 100..110);
    assert_eq!(heard.len(), 10);
    assert!(
        heard
            .iter()
            .all(|sent| sent.to == phone(1) && sent.packet.header.ssrc != 7)
    );
    assert!(heard[0].marker() && !heard[1].marker());
    assert_continuous(&heard);
}

#[test]
fn music_bridge_music_is_one_sender_without_a_jump() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    let [one, two] = bridged(&mut lab);
    lab.send(two, music());
    lab.run(200);
    let mut heard = lab.sent();
    lab.send(two, Source::Bridge { peer: one });
    lab.run(5);
    heard.extend(speak(&mut lab, one, 60_000..60_010));
    lab.send(two, music());
    lab.run(200);
    heard.extend(lab.sent());
    assert_continuous(&heard);
    let markers = heard.iter().filter(|sent| sent.marker()).count();
    assert_eq!(markers, 3, "one at each beginning");
}

#[test]
fn disorder_loss_and_duplicates_are_passed_on_as_they_are() {
    let mut lab = Lab::new(Vec::new());
    let [one, _] = bridged(&mut lab);
    let heard = speak(&mut lab, one, [10, 12, 11, 12, 15]);
    let first = heard[0].sequence();
    let order: Vec<_> = heard
        .iter()
        .map(|sent| sent.sequence().wrapping_sub(first))
        .collect();
    assert_eq!(order, [0, 2, 1, 2, 5]);
    for sent in &heard {
        let steps = u32::from(sent.sequence().wrapping_sub(first));
        assert_eq!(
            sent.timestamp().wrapping_sub(heard[0].timestamp()),
            steps * 160
        );
    }
}

#[test]
fn two_laws_are_translated() {
    let mut lab = Lab::new(Vec::new());
    let [one, two] = bridged(&mut lab);
    let mut alaw = media(Some(phone(1)));
    alaw.codec = Codec::Pcma;
    alaw.send_payload_type = PayloadType::new(8).unwrap();
    alaw.receive_payload_type = PayloadType::new(8).unwrap();
    lab.describe(two, alaw);
    let voice = packet(1, 160, 7, &[Codec::Pcmu.silence(); 160]);
    let heard = lab.arrive(one, phone(0), &voice).unwrap().packet;
    assert_eq!(heard.header.payload_type, 8);
    assert!(
        heard
            .payload
            .iter()
            .all(|byte| *byte == Codec::Pcma.silence())
    );
}

#[test]
fn a_dialled_digit_is_seen_once_and_passed_on_under_the_other_sides_number() {
    let mut lab = Lab::new(Vec::new());
    let [one, two] = bridged(&mut lab);
    let mut other = media(Some(phone(1)));
    other.send_event_payload_type = PayloadType::new(96);
    lab.describe(two, other);
    let presses = [
        (1, 160, false),
        (2, 320, false),
        (3, 800, true),
        (4, 800, true),
        (5, 800, true),
    ];
    let mut passed = Vec::new();
    for (sequence, duration, end) in presses {
        let datagram = event(sequence, 5_000, 11, duration, end);
        passed.extend(lab.arrive(one, phone(0), &datagram));
        lab.run(20);
    }
    let digit = Event::Digit {
        stream: one,
        code: 11,
        duration_ms: 100,
    };
    assert_eq!(lab.events(), [digit]);
    assert_eq!(passed.len(), 5);
    assert!(
        passed
            .iter()
            .all(|sent| sent.packet.header.payload_type == 96)
    );
    assert!(
        passed
            .iter()
            .all(|sent| sent.timestamp() == passed[0].timestamp())
    );
}

#[test]
fn a_digit_the_other_side_does_not_take_is_dropped_with_a_reason() {
    let mut lab = Lab::new(Vec::new());
    let [one, two] = bridged(&mut lab);
    let mut other = media(Some(phone(1)));
    other.send_event_payload_type = None;
    lab.describe(two, other);
    assert!(
        lab.arrive(one, phone(0), &event(1, 0, 5, 800, true))
            .is_none()
    );
    assert_eq!(lab.dropped(DropReason::CannotRelay), 1);
    assert_eq!(lab.events().len(), 1, "it was seen");
}

#[test]
fn a_parked_phone_that_talks_is_not_wanted_but_its_digits_are_seen() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    let mut listening = media(Some(phone(0)));
    listening.receive = false;
    let stream = lab.stream(0, listening, music());
    assert!(
        lab.arrive(stream, phone(0), &packet(1, 0, 7, &[1; 160]))
            .is_none()
    );
    assert_eq!(lab.dropped(DropReason::NotWanted), 1);
    assert!(
        lab.arrive(stream, phone(0), &event(2, 160, 10, 400, true))
            .is_none()
    );
    assert!(matches!(lab.events()[..], [Event::Digit { code: 10, .. }]));
}

#[test]
fn a_side_on_hold_hears_nothing_and_goes_on_afterwards() {
    let mut lab = Lab::new(Vec::new());
    let [one, two] = bridged(&mut lab);
    let mut heard = speak(&mut lab, one, 0..5);
    let mut held = media(Some(phone(1)));
    held.send = false;
    lab.describe(two, held);
    assert_eq!(speak(&mut lab, one, 5..10).len(), 0);
    assert_eq!(lab.dropped(DropReason::NoPeer), 5);
    lab.describe(two, media(Some(phone(1))));
    heard.extend(speak(&mut lab, one, 10..15));
    let order: Vec<_> = heard
        .iter()
        .map(|sent| sent.sequence().wrapping_sub(heard[0].sequence()))
        .collect();
    assert_eq!(order, [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]);
}

#[test]
fn a_peer_that_closed_is_no_peer() {
    let mut lab = Lab::new(Vec::new());
    let [one, two] = bridged(&mut lab);
    lab.command(Command::Close { stream: two });
    assert_eq!(speak(&mut lab, one, 0..1).len(), 0);
    let owner = lab.port.closing.pop().unwrap();
    lab.engine.closed(owner);
    assert!(matches!(lab.events()[..], [Event::Closed { .. }]));
    let newcomer = lab.open(1, 1);
    lab.describe(newcomer, media(Some(phone(1))));
    assert_eq!(
        speak(&mut lab, one, 1..2).len(),
        0,
        "the newcomer did not ask for it"
    );
    assert_eq!(lab.dropped(DropReason::NoPeer), 2);
}

#[test]
fn a_speaker_that_begins_anew_is_heard_without_a_jump() {
    let mut lab = Lab::new(Vec::new());
    let [one, _] = bridged(&mut lab);
    let mut heard = speak(&mut lab, one, 0..5);
    let restarted = speak(&mut lab, one, 40_000..40_005);
    assert_eq!(
        restarted.len(),
        4,
        "the first waits for a second one to confirm it"
    );
    heard.extend(restarted);
    assert_continuous(&heard);
}

#[test]
fn a_packet_without_payload_is_passed_on_as_such() {
    let mut lab = Lab::new(Vec::new());
    let [one, _] = bridged(&mut lab);
    let heard = lab.arrive(one, phone(0), &packet(1, 0, 7, &[])).unwrap();
    assert_eq!(heard.packet.payload.len(), 0);
}

/// The first side holds: the other hears what it plays, or music.
fn held(lab: &mut Lab) -> [StreamId; 2] {
    let streams = bridged(lab);
    let mut holding = media(Some(phone(0)));
    holding.send = false;
    lab.describe(streams[0], holding);
    let source = Source::Held {
        peer: streams[0],
        prompt: PromptId(0),
    };
    lab.send(streams[1], source);
    streams
}

/// 20 ms of the holder's; gives what the other is sent meanwhile, from wherever.
fn hold(lab: &mut Lab, stream: StreamId, sequence: u16, sample: u8) -> Vec<Sent> {
    let speech = packet(sequence, u32::from(sequence) * 160, 7, &[sample; 160]);
    let relayed = lab.arrive(stream, phone(0), &speech);
    lab.run(20);
    relayed.into_iter().chain(lab.sent()).collect()
}

const LOUD: u8 = 0x20;

#[test]
fn who_is_held_by_a_silent_side_hears_music_after_two_seconds() {
    let mut lab = Lab::new(vec![recording(8_000)]);
    held(&mut lab);
    lab.run(1_800);
    assert_eq!(lab.sent().len(), 0);
    lab.run(400);
    lab.sent();
    lab.run(1_000);
    let sent = lab.sent();
    assert_eq!(sent.len(), 50);
    assert_continuous(&sent);
    assert!(sent.iter().all(|sent| sent.to == phone(1)));
}

#[test]
fn digital_silence_is_passed_on_until_music_takes_its_place() {
    let mut lab = Lab::new(vec![recording(8_000)]);
    let [holder, _] = held(&mut lab);
    let silence = Codec::Pcmu.silence();
    let sent: Vec<Sent> = (0..200)
        .flat_map(|sequence| hold(&mut lab, holder, sequence, silence))
        .collect();
    let is_silent = |sent: &Sent| sent.packet.payload.iter().all(|byte| *byte == silence);
    let silent = sent.iter().take_while(|sent| is_silent(sent)).count();
    assert!((90..=110).contains(&silent), "{silent} packets, some 2 s");
    assert!(!sent[silent..].iter().any(is_silent), "and then music only");
    assert_continuous(&sent);
    assert_eq!(sent.iter().filter(|sent| sent.marker()).count(), 2);
}

#[test]
fn what_the_holder_plays_is_heard_at_once_and_music_again_when_it_ends() {
    let mut lab = Lab::new(vec![recording(8_000)]);
    let [holder, _] = held(&mut lab);
    lab.run(3_010);
    let mut sent = lab.sent();
    let music = sent.len();
    for sequence in 0..50 {
        sent.extend(hold(&mut lab, holder, sequence, LOUD));
    }
    let heard = &sent[music..];
    assert_eq!(heard.len(), 50, "no music beside it");
    assert!(
        heard
            .iter()
            .all(|sent| sent.packet.payload[..] == [LOUD; 160])
    );
    lab.run(3_000);
    sent.extend(lab.sent());
    assert!(sent.len() > music + 80, "music again");
    assert_continuous(&sent);
}

#[test]
fn a_side_that_resumes_is_heard_as_before() {
    let mut lab = Lab::new(vec![recording(8_000)]);
    let [holder, other] = held(&mut lab);
    lab.run(3_000);
    lab.sent();
    lab.describe(holder, media(Some(phone(0))));
    lab.send(other, Source::Bridge { peer: holder });
    lab.run(100);
    assert_eq!(lab.sent().len(), 0, "the music is over");
    let silence = packet(9, 0, 7, &[Codec::Pcmu.silence(); 160]);
    assert!(lab.arrive(holder, phone(0), &silence).is_some());
}
