//! Bridged calls: hold and resume, codec changes, and that the end of one side is the end of both.

use shared::{Codec, Event, Source};

use super::bench::{Bench, Phone};
use crate::control::Input;

fn talking() -> (Bench, Phone, Phone) {
    let mut bench = Bench::new();
    let parkee = bench.park(1);
    let retriever = bench.retrieve(2, &parkee);
    (bench, parkee, retriever)
}

fn reinvite(bench: &mut Bench, phone: &mut Phone, sdp: &str) -> String {
    let text = phone.request("INVITE", "", sdp);
    bench.send(phone, &text);
    let answer = bench.next(phone).expect("an answer");
    bench.ack(phone, "");
    answer
}

#[test]
fn the_bye_of_one_side_ends_the_other_with_the_same_reason() {
    for first in [true, false] {
        let (mut bench, parkee, retriever) = talking();
        let (mut one, other) = if first {
            (parkee, retriever)
        } else {
            (retriever, parkee)
        };
        let bye = one.request("BYE", "Reason: Q.850;cause=16\r\n", "");
        bench.send(&one, &bye);
        assert!(bench.next(&one).unwrap().starts_with("SIP/2.0 200"));
        let bye = bench.take_bye(&other);
        assert!(bye.contains("Reason: Q.850;cause=16"), "{bye}");
        bench.expect_empty();
    }
}

#[test]
fn hold_and_resume_leave_the_bridge_as_it_was() {
    let (mut bench, mut parkee, retriever) = talking();
    let held = parkee.sdp("0", "sendonly");
    let answer = reinvite(&mut bench, &mut parkee, &held);
    assert!(answer.contains("a=recvonly"), "{answer}");
    let identity = "P-Asserted-Identity: \"Phone call-2\" <sip:call-2@127.0.0.1:6002>";
    assert!(answer.contains(identity), "{answer}");
    let source = bench.stream_to(&retriever).source;
    let own = bench.stream_to(&parkee).stream;
    assert!(
        matches!(source, Source::Held { peer, .. } if peer == own),
        "its own music is relayed, and ours where it sends none: {source:?}"
    );
    assert!(!bench.stream_to(&parkee).media.unwrap().send);
    let resumed = parkee.sdp("0", "sendrecv");
    let answer = reinvite(&mut bench, &mut parkee, &resumed);
    assert!(answer.contains("a=sendrecv"), "{answer}");
    assert!(bench.stream_to(&parkee).media.unwrap().send);
    assert_eq!(
        bench.next(&retriever),
        None,
        "the other side is not bothered"
    );
}

#[test]
fn the_other_side_of_an_inactive_hold_hears_music() {
    let (mut bench, parkee, mut retriever) = talking();
    let held = retriever.sdp("0", "inactive");
    let answer = reinvite(&mut bench, &mut retriever, &held);
    assert!(answer.contains("a=inactive"), "{answer}");
    assert!(bench.hears_music(&parkee));
    let resumed = retriever.sdp("0", "sendrecv");
    reinvite(&mut bench, &mut retriever, &resumed);
    assert!(bench.is_bridged(&parkee, &retriever));
}

#[test]
fn the_other_side_of_a_hold_by_null_address_hears_music() {
    let (mut bench, parkee, mut retriever) = talking();
    let held = retriever
        .sdp("0", "sendrecv")
        .replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0");
    reinvite(&mut bench, &mut retriever, &held);
    assert!(bench.hears_music(&parkee));
}

#[test]
fn a_reinvite_that_still_offers_the_codec_in_use_keeps_it() {
    let (mut bench, mut parkee, retriever) = talking();
    let offer = parkee.sdp("8 0", "sendrecv");
    let answer = reinvite(&mut bench, &mut parkee, &offer);
    assert!(answer.contains("RTP/AVP 0\r\n"), "{answer}");
    assert_eq!(bench.next(&retriever), None);
}

#[test]
fn a_change_of_codec_is_answered_at_once_and_the_other_side_follows() {
    let (mut bench, mut parkee, retriever) = talking();
    let offer = parkee.sdp("8", "sendrecv");
    let answer = reinvite(&mut bench, &mut parkee, &offer);
    assert!(answer.contains("RTP/AVP 8\r\n"), "{answer}");
    let followed = bench.answer_reinvite(&retriever, "8 0", "sendrecv");
    assert!(followed.contains("RTP/AVP 8 0"), "{followed}");
    let codec = |phone| bench.stream_to(phone).media.unwrap().codec;
    assert_eq!(
        (codec(&parkee), codec(&retriever)),
        (Codec::Pcma, Codec::Pcma)
    );
    assert!(bench.is_bridged(&parkee, &retriever));
}

#[test]
fn a_side_that_will_not_follow_a_change_of_codec_stays_as_it_was() {
    let (mut bench, mut parkee, retriever) = talking();
    let offer = parkee.sdp("8", "sendrecv");
    reinvite(&mut bench, &mut parkee, &offer);
    let followed = bench.next(&retriever).unwrap();
    let refusal = retriever.response(&followed, "488 Not Acceptable Here", "");
    bench.send(&retriever, &refusal);
    assert!(bench.next(&retriever).unwrap().starts_with("ACK"));
    assert_eq!(bench.next(&retriever), None, "not asked again");
    assert!(
        bench.is_bridged(&parkee, &retriever),
        "the worker transcodes"
    );
}

#[test]
fn a_reinvite_without_common_codec_is_488_and_changes_nothing() {
    let (mut bench, mut parkee, retriever) = talking();
    let offer = parkee.sdp("18", "sendrecv");
    let text = parkee.request("INVITE", "", &offer);
    bench.send(&parkee, &text);
    let answer = bench.next(&parkee).unwrap();
    assert!(answer.starts_with("SIP/2.0 488"), "{answer}");
    assert!(bench.is_bridged(&parkee, &retriever));
}

#[test]
fn a_reinvite_without_offer_gets_the_codec_in_use_first() {
    let (mut bench, parkee, mut retriever) = talking();
    let text = retriever.request("INVITE", "", "");
    bench.send(&retriever, &text);
    let answer = bench.next(&retriever).unwrap();
    assert!(answer.contains("RTP/AVP 0 8"), "{answer}");
    let ours = retriever.sdp("0", "sendrecv");
    bench.ack(&mut retriever, &ours);
    assert!(bench.is_bridged(&parkee, &retriever));
}

#[test]
fn a_silent_side_ends_both() {
    let (mut bench, parkee, retriever) = talking();
    let stream = bench.stream_to(&parkee).stream;
    bench.input(Input::Media(stream.worker, Event::MediaTimeout { stream }));
    for phone in [&parkee, &retriever] {
        let bye = bench.take_bye(phone);
        assert!(bye.contains("text=\"Media timeout\""), "{bye}");
    }
    bench.expect_empty();
}

#[test]
fn a_side_on_hold_may_be_silent() {
    let (mut bench, mut parkee, _) = talking();
    let held = parkee.sdp("0", "inactive");
    reinvite(&mut bench, &mut parkee, &held);
    let told = bench.stream_to(&parkee);
    assert!(!told.media.unwrap().supervise);
    let stream = told.stream;
    bench.input(Input::Media(stream.worker, Event::MediaTimeout { stream }));
    assert_eq!(bench.control.status().legs, 2);
}
