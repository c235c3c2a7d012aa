//! Whole negotiations, through the public face of the module.

mod field;
mod sink;

use std::net::SocketAddr;

use proptest::prelude::*;
use shared::Codec::{self, Pcma, Pcmu};

use super::Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
use super::description::Description;
use super::*;

const HEAD: &str = "v=0\r\no=- 5 5 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n";

/// What most desk phones send.
const PHONE: &str = "m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\n\
                     a=rtpmap:8 PCMA/8000\r\n\
                     a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n";

fn local(direction: Direction) -> Local {
    Local {
        address: "192.0.2.1:20000".parse().unwrap(),
        codecs: vec![Pcmu, Pcma],
        direction,
    }
}

fn offer(media: &str) -> Vec<u8> {
    format!("{HEAD}{media}").into_bytes()
}

fn answer(session: &mut Session, media: &str) -> (String, Agreed) {
    let (text, agreed) = session.answer(&offer(media), &local(SendRecv)).unwrap();
    (String::from_utf8(text).unwrap(), agreed)
}

fn refusal(media: &str) -> SdpError {
    let refused = Session::new(1).answer(&offer(media), &local(SendRecv));
    refused.unwrap_err()
}

fn m_lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with("m=")).collect()
}

fn has(text: &str, line: &str) -> bool {
    text.lines().any(|other| other == line)
}

fn version(text: &str) -> u64 {
    let origin = text.lines().find(|line| line.starts_with("o=")).unwrap();
    origin.split(' ').nth(2).unwrap().parse().unwrap()
}

fn number(number: Option<PayloadType>) -> Option<u8> {
    number.map(PayloadType::number)
}

#[test]
fn a_desk_phone_gets_one_codec_and_digits_at_its_own_numbers() {
    let (text, agreed) = answer(&mut Session::new(7), PHONE);
    assert_eq!(m_lines(&text), ["m=audio 20000 RTP/AVP 0 101"]);
    assert!(has(&text, "o=- 7 1 IN IP4 192.0.2.1"), "{text}");
    assert!(
        has(&text, "a=sendrecv") && has(&text, "a=fmtp:101 0-16"),
        "{text}"
    );
    let expected = Agreed {
        remote: "192.0.2.7:4000".parse().ok(),
        remote_rtcp: "192.0.2.7:4001".parse().ok(),
        codec: Pcmu,
        send_payload_type: PayloadType::new(0).unwrap(),
        receive_payload_type: PayloadType::new(0).unwrap(),
        send_event_payload_type: PayloadType::new(101),
        receive_event_payload_type: PayloadType::new(101),
        ptime: Ptime::DEFAULT,
        direction: SendRecv,
        rtcp_mux: false,
        peer_codecs: [Pcmu, Pcma].into_iter().collect(),
    };
    assert_eq!(agreed, expected);
}

#[test]
fn the_codec_is_the_first_of_ours_that_the_peer_has() {
    let mut ours = local(SendRecv);
    ours.codecs = vec![Pcma, Pcmu];
    let (text, agreed) = Session::new(1).answer(&offer(PHONE), &ours).unwrap();
    assert_eq!(agreed.codec, Pcma);
    assert_eq!(agreed.peer_codecs[..], [Pcmu, Pcma], "in the peer's order");
    let text = String::from_utf8(text).unwrap();
    assert_eq!(m_lines(&text), ["m=audio 20000 RTP/AVP 8 101"]);
}

#[test]
fn without_digits_in_the_offer_there_are_none_in_the_answer() {
    let (text, agreed) = answer(&mut Session::new(1), "m=audio 4000 RTP/AVP 8\r\n");
    assert_eq!(m_lines(&text), ["m=audio 20000 RTP/AVP 8"]);
    assert_eq!(agreed.send_event_payload_type, None);
    assert_eq!(agreed.receive_event_payload_type, None);
}

#[test]
fn the_answer_says_the_direction_that_the_table_leaves() {
    let lines = [SendRecv, SendOnly, RecvOnly, Inactive];
    for theirs in lines {
        for wish in lines {
            let media = format!("{PHONE}a={}\r\n", theirs.name());
            let (text, agreed) = Session::new(1)
                .answer(&offer(&media), &local(wish))
                .unwrap();
            let text = String::from_utf8(text).unwrap();
            assert_eq!(agreed.direction, wish.within(theirs));
            assert!(
                has(&text, &format!("a={}", agreed.direction.name())),
                "{text}"
            );
        }
    }
}

#[test]
fn every_form_of_hold_stops_our_sending_and_every_form_of_resume_starts_it() {
    let c = |address| format!("m=audio 4000 RTP/AVP 0\r\nc={address}\r\n");
    let holds = [
        (format!("{PHONE}a=sendonly\r\n"), RecvOnly),
        (format!("{PHONE}a=inactive\r\n"), Inactive),
        (c("IN IP4 0.0.0.0"), RecvOnly),
        (c("IN IP6 ::"), RecvOnly),
        (c("IN IP4 0.0.0.0") + "a=sendonly\r\n", RecvOnly),
        (c("IN IP4 0.0.0.0") + "a=recvonly\r\n", Inactive),
    ];
    let mut session = Session::new(1);
    for (hold, direction) in holds {
        let (text, held) = answer(&mut session, &hold);
        assert_eq!(held.direction, direction, "{hold}");
        assert!(has(&text, &format!("a={}", direction.name())), "{text}");
        let (_, resumed) = answer(&mut session, PHONE);
        assert_eq!(resumed.direction, SendRecv);
        assert!(resumed.remote.is_some());
    }
    let (_, held) = answer(&mut session, &c("IN IP4 0.0.0.0"));
    assert_eq!(
        (held.remote, held.remote_rtcp),
        (None, None),
        "§8.4: nothing is sent, RTCP neither"
    );
}

#[test]
fn a_session_level_placeholder_is_hold_too() {
    let text = format!("{HEAD}{PHONE}").replace("c=IN IP4 192.0.2.7", "c=IN IP4 0.0.0.0");
    let (_, agreed) = Session::new(1)
        .answer(text.as_bytes(), &local(SendRecv))
        .unwrap();
    assert_eq!((agreed.remote, agreed.direction), (None, RecvOnly));
}

#[test]
fn disabling_our_only_audio_is_refused_and_changes_nothing() {
    let mut session = Session::new(1);
    let (_, before) = answer(&mut session, PHONE);
    let disabled = PHONE.replace("4000", "0");
    let refused = session.answer(&offer(&disabled), &local(SendRecv));
    assert_eq!(refused.unwrap_err(), SdpError::NoAudio);
    assert_eq!(session.agreed(), Some(&before));
}

#[test]
fn the_first_usable_audio_is_taken_and_all_else_refused_in_its_place() {
    let media = "m=video 4100 RTP/AVP 31 34\r\nm=audio 4002 RTP/SAVP 0\r\n\
                 m=audio 4004 RTP/AVP 18\r\nm=audio 4006 RTP/AVPF 8\r\n\
                 m=audio 4008 RTP/AVP 0\r\nm=application 4010 TCP/BFCP *\r\n\
                 m=image 4012 udptl t38\r\n";
    let (text, agreed) = answer(&mut Session::new(1), media);
    let expected = [
        "m=video 0 RTP/AVP 31",
        "m=audio 0 RTP/SAVP 0",
        "m=audio 0 RTP/AVP 18",
        "m=audio 20000 RTP/AVPF 8",
        "m=audio 0 RTP/AVP 0",
        "m=application 0 TCP/BFCP *",
        "m=image 0 udptl t38",
    ];
    assert_eq!(m_lines(&text), expected);
    assert_eq!(agreed.remote, "192.0.2.7:4006".parse().ok());
}

#[test]
fn our_later_offers_keep_every_m_line_in_its_place() {
    let mut session = Session::new(1);
    answer(&mut session, &format!("m=video 4100 RTP/AVP 31\r\n{PHONE}"));
    let text = String::from_utf8(session.offer(&local(SendOnly))).unwrap();
    assert_eq!(
        m_lines(&text),
        ["m=video 0 RTP/AVP 31", "m=audio 20000 RTP/AVP 0 8 101"]
    );
    let reply = offer("m=video 0 RTP/AVP 31\r\nm=audio 4000 RTP/AVP 0\r\na=recvonly\r\n");
    assert_eq!(session.answered(&reply).unwrap().direction, SendOnly);
}

#[test]
fn a_reoffer_stays_with_the_m_line_we_took_and_moves_when_that_is_disabled() {
    let mut session = Session::new(1);
    answer(
        &mut session,
        "m=audio 0 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 0\r\n",
    );
    let (_, stayed) = answer(
        &mut session,
        "m=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 0\r\n",
    );
    assert_eq!(stayed.remote, "192.0.2.7:4002".parse().ok());
    let (text, moved) = answer(
        &mut session,
        "m=audio 4000 RTP/AVP 0\r\nm=audio 0 RTP/AVP 0\r\n",
    );
    assert_eq!(moved.remote, "192.0.2.7:4000".parse().ok());
    assert_eq!(
        m_lines(&text),
        ["m=audio 20000 RTP/AVP 0", "m=audio 0 RTP/AVP 0"]
    );
}

#[test]
fn a_peer_that_drops_m_lines_gets_as_many_as_it_sent() {
    let mut session = Session::new(1);
    answer(&mut session, &format!("{PHONE}m=video 4100 RTP/AVP 31\r\n"));
    let (text, _) = answer(&mut session, PHONE);
    assert_eq!(m_lines(&text).len(), 1);
    let text = String::from_utf8(session.offer(&local(SendRecv))).unwrap();
    assert_eq!(m_lines(&text).len(), 1);
}

#[test]
fn nothing_in_common_is_refused_by_its_cause() {
    assert_eq!(refusal(""), SdpError::NoAudio);
    assert_eq!(refusal("m=video 4100 RTP/AVP 31\r\n"), SdpError::NoAudio);
    assert_eq!(refusal("m=audio 4000 RTP/SAVP 0\r\n"), SdpError::NoAudio);
    assert_eq!(
        refusal("m=audio 4000 RTP/AVP 18 101\r\n"),
        SdpError::NoCodec
    );
    assert_eq!(
        refusal("m=audio 4000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000\r\n"),
        SdpError::NoCodec,
        "digits alone are no sound"
    );
    assert_eq!(
        refusal("m=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::7\r\n"),
        SdpError::Address,
        "an IPv4 socket does not reach it"
    );
    assert_eq!(refusal("m=audio many RTP/AVP 0\r\n"), SdpError::Syntax);
}

#[test]
fn a_number_once_bound_keeps_its_meaning_through_three_offers() {
    let mut session = Session::new(1);
    let mapped = |event: u8, audio: u8| {
        format!(
            "m=audio 4000 RTP/AVP {audio} {event}\r\na=rtpmap:{audio} PCMU/8000\r\n\
             a=rtpmap:{event} telephone-event/8000\r\n"
        )
    };
    let (_, first) = answer(&mut session, &mapped(101, 96));
    assert_eq!(first.receive_payload_type.number(), 96);
    assert_eq!(number(first.receive_event_payload_type), Some(101));
    // The peer moves its digits: allowed, and we follow.
    let (_, second) = answer(&mut session, &mapped(97, 96));
    assert_eq!(number(second.receive_event_payload_type), Some(97));
    // The peer swaps the meanings: we send with its numbers, and go on receiving with ours.
    let (text, third) = answer(&mut session, &mapped(96, 97));
    assert_eq!(third.send_payload_type.number(), 97);
    assert_eq!(third.receive_payload_type.number(), 96);
    assert_eq!(number(third.send_event_payload_type), Some(96));
    assert_eq!(number(third.receive_event_payload_type), Some(97));
    assert_eq!(m_lines(&text), ["m=audio 20000 RTP/AVP 96 97"]);
    assert!(has(&text, "a=rtpmap:96 PCMU/8000") && has(&text, "a=rtpmap:97 telephone-event/8000"));
}

#[test]
fn our_reoffer_uses_the_numbers_of_the_dialog() {
    let mut session = Session::new(1);
    answer(
        &mut session,
        "m=audio 4000 RTP/AVP 107 96 101\r\na=rtpmap:107 PCMA/8000\r\n\
         a=rtpmap:96 telephone-event/8000\r\na=rtpmap:101 speex/8000\r\n",
    );
    let text = String::from_utf8(session.offer(&local(SendRecv))).unwrap();
    assert_eq!(m_lines(&text), ["m=audio 20000 RTP/AVP 0 107 96"]);
}

#[test]
fn an_offer_like_the_last_one_leaves_the_record_as_it_was() {
    let mut session = Session::new(1);
    let text = "m=audio 4000 RTP/AVP 8 96\r\na=rtpmap:96 telephone-event/8000\r\n";
    answer(&mut session, text);
    let record = session.record();
    assert_eq!(record.numbers, [(FormatRecord::Event, 96)]);
    // It offers PCMU as well, by the number that nothing else may have.
    let before = String::from_utf8(session.offer(&local(SendRecv))).unwrap();
    assert_eq!(session.record(), record);
    let mut restored = Session::from_record(&record).unwrap();
    let after = String::from_utf8(restored.offer(&local(SendRecv))).unwrap();
    assert_eq!(m_lines(&after), m_lines(&before));
}

#[test]
fn an_invite_without_sdp_gets_our_offer_and_its_ack_the_answer() {
    let mut session = Session::new(9);
    let text = String::from_utf8(session.offer(&local(SendOnly))).unwrap();
    assert_eq!(m_lines(&text), ["m=audio 20000 RTP/AVP 0 8 101"]);
    assert!(
        has(&text, "a=sendonly") && has(&text, "a=rtcp-mux"),
        "{text}"
    );
    assert!(session.is_offering());
    let reply = "m=audio 4000 RTP/AVP 8 96\r\na=rtpmap:96 telephone-event/8000\r\na=recvonly\r\n\
                 a=rtcp-mux\r\na=ptime:30\r\n";
    let agreed = session.answered(&offer(reply)).unwrap();
    assert_eq!((agreed.codec, agreed.direction), (Pcma, SendOnly));
    assert_eq!(number(agreed.send_event_payload_type), Some(96));
    assert_eq!(number(agreed.receive_event_payload_type), Some(101));
    assert!(agreed.rtcp_mux);
    assert_eq!(agreed.remote_rtcp, agreed.remote);
    assert_eq!(agreed.ptime.as_millis(), 30);
    assert_eq!(session.agreed(), Some(&agreed));
}

#[test]
fn an_answer_that_does_not_fit_the_offer_is_a_mismatch() {
    let replies = [
        "",
        "m=video 4000 RTP/AVP 0\r\n",
        "m=audio 4000 RTP/AVPF 0\r\n",
        "m=audio 4000 RTP/AVP 18\r\n",
        "m=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 0\r\n",
    ];
    for reply in replies {
        let mut session = Session::new(1);
        let _ = session.offer(&local(SendRecv));
        let refused = session.answered(&offer(reply));
        assert_eq!(refused.unwrap_err(), SdpError::Mismatch, "{reply}");
        assert_eq!(session.agreed(), None);
    }
}

#[test]
fn an_answer_with_a_codec_of_ours_that_was_not_offered_is_a_mismatch() {
    let mut session = Session::new(1);
    let mut ours = local(SendRecv);
    ours.codecs = vec![Pcmu];
    let _ = session.offer(&ours);
    let refused = session.answered(&offer("m=audio 4000 RTP/AVP 8\r\n"));
    assert_eq!(refused.unwrap_err(), SdpError::Mismatch);
}

#[test]
fn a_peer_that_refuses_our_audio_leaves_no_audio() {
    let mut session = Session::new(1);
    let _ = session.offer(&local(SendRecv));
    let refused = session.answered(&offer("m=audio 0 RTP/AVP 0\r\n"));
    assert_eq!(refused.unwrap_err(), SdpError::NoAudio);
}

#[test]
fn an_answer_wider_than_our_offer_is_narrowed_to_it() {
    for (offered, expected) in [
        (SendOnly, SendOnly),
        (RecvOnly, RecvOnly),
        (Inactive, Inactive),
    ] {
        let mut session = Session::new(1);
        let _ = session.offer(&local(offered));
        let agreed = session
            .answered(&offer("m=audio 4000 RTP/AVP 0\r\n"))
            .unwrap();
        assert_eq!(agreed.direction, expected);
    }
}

#[test]
fn offers_and_answers_out_of_order_are_refused() {
    let mut session = Session::new(1);
    assert_eq!(
        session.answered(&offer(PHONE)).unwrap_err(),
        SdpError::OutOfOrder
    );
    let _ = session.offer(&local(SendRecv));
    let glare = session.answer(&offer(PHONE), &local(SendRecv));
    assert_eq!(glare.unwrap_err(), SdpError::OutOfOrder);
}

#[test]
fn a_withdrawn_offer_leaves_what_was_agreed() {
    let mut session = Session::new(1);
    let (_, before) = answer(&mut session, PHONE);
    let _ = session.offer(&local(SendOnly));
    session.withdraw();
    assert_eq!(session.agreed(), Some(&before));
    assert_eq!(
        answer(&mut session, PHONE).1,
        before,
        "and the peer may offer again"
    );
}

#[test]
fn the_version_grows_by_one_with_each_change_and_only_then() {
    let mut session = Session::new(1);
    let versions = [
        version(&answer(&mut session, PHONE).0),
        version(&answer(&mut session, PHONE).0),
        version(&answer(&mut session, &format!("{PHONE}a=sendonly\r\n")).0),
        version(&answer(&mut session, &format!("{PHONE}a=sendonly\r\n")).0),
        version(&answer(&mut session, PHONE).0),
    ];
    assert_eq!(versions, [1, 1, 2, 2, 3]);
}

#[test]
fn a_refused_offer_keeps_its_version_to_itself() {
    let mut session = Session::new(1);
    let first = version(&answer(&mut session, PHONE).0);
    let refused = version(&String::from_utf8(session.offer(&local(Inactive))).unwrap());
    session.withdraw();
    let next = version(&answer(&mut session, PHONE).0);
    assert_eq!((first, refused, next), (1, 2, 3));
}

#[test]
fn rtcp_shares_the_port_when_the_peer_offers_it_and_never_later_when_not_at_first() {
    let mux = format!("{PHONE}a=rtcp-mux\r\n");
    let mut session = Session::new(1);
    let (text, agreed) = answer(&mut session, &mux);
    assert!(agreed.rtcp_mux && has(&text, "a=rtcp-mux"));
    assert_eq!(agreed.remote_rtcp, agreed.remote);

    let mut session = Session::new(1);
    answer(&mut session, PHONE);
    let (text, agreed) = answer(&mut session, &mux);
    assert!(!agreed.rtcp_mux && !has(&text, "a=rtcp-mux"));
    let text = String::from_utf8(session.offer(&local(SendRecv))).unwrap();
    assert!(!has(&text, "a=rtcp-mux"));
}

#[test]
fn rtcp_keeps_its_own_port_when_a_number_would_look_like_it() {
    let media = "m=audio 4000 RTP/AVP 72\r\na=rtpmap:72 PCMU/8000\r\na=rtcp-mux\r\n";
    let (text, agreed) = answer(&mut Session::new(1), media);
    assert!(!agreed.rtcp_mux && !has(&text, "a=rtcp-mux"));
    assert_eq!(agreed.receive_payload_type.number(), 72);
}

#[test]
fn ipv6_peers_talk_to_an_ipv6_address() {
    let ours = Local {
        address: "[2001:db8::1]:20000".parse().unwrap(),
        ..local(SendRecv)
    };
    let media = "m=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::7\r\n";
    let (text, agreed) = Session::new(1).answer(&offer(media), &ours).unwrap();
    assert_eq!(
        agreed.remote,
        "[2001:db8::7]:4000".parse::<SocketAddr>().ok()
    );
    assert!(has(
        &String::from_utf8(text).unwrap(),
        "c=IN IP6 2001:db8::1"
    ));
    let ipv4 = Session::new(1).answer(&offer(PHONE), &ours);
    assert_eq!(ipv4.unwrap_err(), SdpError::Address);
}

#[test]
fn codecs_names_ours_in_the_peers_order() {
    assert_eq!(
        codecs(&offer("m=audio 4000 RTP/AVP 18 8 0\r\n")),
        Ok(vec![Pcma, Pcmu])
    );
    assert_eq!(codecs(&offer("m=audio 4000 RTP/AVP 18\r\n")), Ok(vec![]));
    let second = "m=audio 4000 RTP/AVP 18\r\nm=audio 4002 RTP/AVP 8\r\n";
    assert_eq!(codecs(&offer(second)), Ok(vec![Pcma]));
    assert_eq!(
        codecs(&offer("m=video 4000 RTP/AVP 31\r\n")),
        Err(SdpError::NoAudio)
    );
    assert_eq!(codecs(b"\x00\xff"), Err(SdpError::Syntax));
}

fn any_direction() -> impl Strategy<Value = Direction> {
    prop::sample::select(Direction::ALL.to_vec())
}

fn any_codecs() -> impl Strategy<Value = Vec<Codec>> {
    prop::sample::select(vec![
        vec![Pcmu],
        vec![Pcma],
        vec![Pcmu, Pcma],
        vec![Pcma, Pcmu],
    ])
}

/// Lines that matter, in any order and number: most are wrong somewhere.
fn any_line() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (0..4_u32, 0..3_usize, proptest::collection::vec(0..140_u16, 0..6)).prop_map(
            |(port, proto, formats)| {
                let proto = ["RTP/AVP", "RTP/AVPF", "RTP/SAVP"][proto];
                let formats: Vec<_> = formats.iter().map(u16::to_string).collect();
                format!("m=audio {} {proto} {}", port * 21_845, formats.join(" "))
            }
        ),
        4 => (0..140_u16, 0..5_usize).prop_map(|(number, name)| {
            let names = ["PCMU/8000", "PCMA/8000", "telephone-event/8000", "opus/48000/2", "x"];
            format!("a=rtpmap:{number} {}", names[name])
        }),
        1 => any_direction().prop_map(|direction| format!("a={}", direction.name())),
        1 => prop::sample::select(vec![
            "c=IN IP4 0.0.0.0", "c=IN IP4 198.51.100.9", "c=IN IP6 ::1", "c=IN IP4 x", "a=rtcp-mux",
            "a=rtcp:1", "a=ptime:30", "a=maxptime:1", "m=video 5 RTP/AVP 31", "b=RS:0",
            "a=fmtp:101 x",
        ]).prop_map(str::to_owned),
        1 => "[a-z]=\\PC{0,20}",
    ]
}

proptest! {
    #[test]
    fn bytes_never_panic(text in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Session::new(1).answer(&text, &local(SendRecv));
        let _ = codecs(&text);
    }

    /// Whatever one dialog is offered: an answer of ours has the offer's m-lines and is one that a
    /// peer understands.
    #[test]
    fn every_answer_fits_its_offer(
        offers in proptest::collection::vec(
            (proptest::collection::vec(any_line(), 0..20), any_direction(), any_codecs()), 1..6),
    ) {
        let mut session = Session::new(1);
        for (lines, direction, codecs) in offers {
            let text = offer(&lines.join("\r\n"));
            let ours = Local { codecs, ..local(direction) };
            let before = session.agreed().cloned();
            let Ok((answer, agreed)) = session.answer(&text, &ours) else {
                prop_assert_eq!(session.agreed(), before.as_ref());
                continue;
            };
            let offered = Description::parse(&text).unwrap();
            let answered = Description::parse(&answer).unwrap();
            prop_assert_eq!(offered.lines.len(), answered.lines.len());
            for (theirs, ours) in offered.lines.iter().zip(&answered.lines) {
                prop_assert_eq!((&theirs.kind, &theirs.proto), (&ours.kind, &ours.proto));
            }
            let enabled = (0..answered.lines.len()).filter_map(|place| answered.audio(place));
            let enabled: Vec<_> = enabled.map(Result::unwrap).collect();
            prop_assert_eq!(enabled.len(), 1, "one audio is taken");
            prop_assert_eq!(enabled[0].formats.codecs(), vec![agreed.codec]);
            prop_assert_eq!(enabled[0].direction, agreed.direction);
            prop_assert!(ours.codecs.contains(&agreed.codec));
        }
    }

    /// Two of us, offering in turns: both always see the same session from their own side.
    #[test]
    fn two_sessions_always_agree(
        rounds in proptest::collection::vec(
            (any::<bool>(), any_direction(), any_direction(), any_codecs()), 1..8),
    ) {
        let mut sessions = [Session::new(1), Session::new(2)];
        let addresses = ["192.0.2.1:20000", "192.0.2.7:30000"].map(|a| a.parse().unwrap());
        for (second, wish, reply, codecs) in rounds {
            let (from, to) = if second { (1, 0) } else { (0, 1) };
            let offerer = Local { address: addresses[from], codecs, direction: wish };
            let answerer = Local {
                address: addresses[to],
                codecs: vec![Pcma, Pcmu],
                direction: reply,
            };
            let text = sessions[from].offer(&offerer);
            let (text, theirs) = sessions[to].answer(&text, &answerer).unwrap();
            let ours = sessions[from].answered(&text).unwrap();
            prop_assert_eq!(ours.codec, theirs.codec);
            prop_assert_eq!(ours.direction.sends(), theirs.direction.receives());
            prop_assert_eq!(ours.direction.receives(), theirs.direction.sends());
            prop_assert_eq!(ours.send_payload_type, theirs.receive_payload_type);
            prop_assert_eq!(ours.receive_payload_type, theirs.send_payload_type);
            prop_assert_eq!(ours.send_event_payload_type, theirs.receive_event_payload_type);
            prop_assert_eq!(ours.receive_event_payload_type, theirs.send_event_payload_type);
            prop_assert_eq!(ours.rtcp_mux, theirs.rtcp_mux);
            prop_assert_eq!(ours.remote, Some(addresses[to]));
            prop_assert_eq!(theirs.remote, Some(addresses[from]));
        }
    }
}
