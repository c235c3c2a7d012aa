//! Parking: the answer and its music, what is refused and why, and that nothing stays behind.

use std::time::Duration;

use shared::{RefuseReason, WorkerId};

use super::bench::{Bench, PICKUP_TIMEOUT, Phone, config, sdp};
use crate::control::Input;

#[test]
fn a_call_to_the_park_address_is_answered_with_music_and_an_orbit() {
    let mut bench = Bench::new();
    let mut phone = Phone::new(1);
    let offer = phone.sdp("8 0", "sendrecv");
    let answer = bench.invite(&mut phone, "park", "", &offer);
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    assert!(answer.contains("a=sendonly"), "{answer}");
    assert!(
        answer.contains("RTP/AVP 8"),
        "the offerer's first codec: {answer}"
    );
    let orbit = phone.orbit.clone();
    assert!((700..=709).contains(&orbit.parse().unwrap()), "{orbit}");
    let identity = format!("\"Parked at {orbit}\" <sip:{orbit}@127.0.0.1:5060>");
    assert!(answer.contains(&identity), "{answer}");
    assert!(bench.hears_music(&phone));
    let status = bench.control.orbits();
    assert_eq!((&status[0].orbit, &*status[0].call_id), (&orbit, "call-1"));
}

#[test]
fn a_parkee_that_hangs_up_leaves_nothing_behind() {
    let mut bench = Bench::new();
    let mut phone = bench.park(1);
    let bye = phone.request("BYE", "", "");
    bench.send(&phone, &bye);
    assert!(bench.next(&phone).unwrap().starts_with("SIP/2.0 200"));
    assert_eq!(bench.control.status().parked, 0);
    bench.expect_empty();
}

#[test]
fn a_call_nobody_retrieves_ends_with_bye_and_reason() {
    let mut bench = Bench::new();
    let phone = bench.park(1);
    bench.wait(PICKUP_TIMEOUT - Duration::from_millis(10));
    assert_eq!(bench.next(&phone), None);
    bench.wait(Duration::from_millis(10));
    let bye = bench.take_bye(&phone);
    assert!(
        bye.contains("Reason: SIP;cause=480;text=\"Not retrieved in time\""),
        "{bye}"
    );
    bench.expect_empty();
}

#[test]
fn no_free_orbit_is_486_with_a_reason() {
    let mut few = config();
    few.orbit_ranges[0].end = 700;
    let mut bench = Bench::with(few);
    bench.park(1);
    let mut phone = Phone::new(2);
    let offer = phone.sdp("0", "sendrecv");
    let answer = bench.invite(&mut phone, "park", "", &offer);
    assert!(answer.starts_with("SIP/2.0 486"), "{answer}");
    assert!(
        answer.contains("Reason: SIP;cause=486;text=\"No free orbit\""),
        "{answer}"
    );
    assert_eq!(bench.control.status().legs, 1);
}

#[test]
fn a_call_without_an_offer_gets_ours_and_music_when_it_answers() {
    let mut bench = Bench::new();
    let mut phone = Phone::new(1);
    let answer = bench.invite(&mut phone, "park", "", "");
    assert!(answer.contains("RTP/AVP 0 8"), "{answer}");
    assert!(
        bench.streams.values().all(|told| told.media.is_none()),
        "no address yet"
    );
    let ours = phone.sdp("0", "recvonly");
    bench.ack(&mut phone, &ours);
    assert!(bench.hears_music(&phone));
}

#[test]
fn a_call_whose_ack_brings_no_answer_is_ended() {
    let mut bench = Bench::new();
    let mut phone = Phone::new(1);
    bench.invite(&mut phone, "park", "", "");
    bench.ack(&mut phone, "");
    let bye = bench.take_bye(&phone);
    assert!(bye.contains("Reason: SIP;cause=488"), "{bye}");
    bench.expect_empty();
}

#[test]
fn a_call_on_hold_is_parked_in_silence_until_it_comes_back() {
    let mut bench = Bench::new();
    let mut phone = Phone::new(1);
    let held = phone.sdp("0", "sendonly");
    let answer = bench.invite(&mut phone, "park", "", &held);
    assert!(answer.contains("a=inactive"), "{answer}");
    bench.ack(&mut phone, "");
    assert!(!bench.hears_music(&phone));
    let resumed = phone.request("INVITE", "", &phone.sdp("0", "sendrecv"));
    bench.send(&phone, &resumed);
    let answer = bench.next(&phone).unwrap();
    assert!(answer.contains("a=sendonly"), "{answer}");
    assert!(bench.hears_music(&phone));
}

#[test]
fn no_common_codec_is_488_with_a_warning() {
    let mut bench = Bench::new();
    let mut phone = Phone::new(1);
    let offer = phone.sdp("18", "sendrecv");
    let answer = bench.invite(&mut phone, "park", "", &offer);
    assert!(answer.starts_with("SIP/2.0 488"), "{answer}");
    assert!(answer.contains("Warning: 305 127.0.0.1 "), "{answer}");
    bench.expect_empty();
}

#[test]
fn a_taken_port_is_passed_over() {
    let mut bench = Bench::new();
    bench.refusals = [RefuseReason::PortTaken; 7].into();
    let phone = bench.park(1);
    assert!(bench.hears_music(&phone));
}

#[test]
fn a_full_worker_is_passed_over() {
    let mut bench = Bench::new();
    bench.refusals = [RefuseReason::WorkerFull].into();
    let phone = bench.park(1);
    assert_eq!(bench.stream_to(&phone).stream.worker, WorkerId(1));
}

#[test]
fn too_many_refused_streams_are_503_with_retry_after() {
    let mut bench = Bench::new();
    bench.refusals = [RefuseReason::PortTaken; 8].into();
    let mut phone = Phone::new(1);
    let offer = phone.sdp("0", "sendrecv");
    let answer = bench.invite(&mut phone, "park", "", &offer);
    assert!(answer.starts_with("SIP/2.0 503"), "{answer}");
    assert!(answer.contains("Retry-After: "), "{answer}");
    bench.expect_empty();
}

#[test]
fn an_exhausted_port_range_is_503_and_calls_in_progress_are_untouched() {
    let mut narrow = config();
    narrow.media.ports = (20_000, 20_001);
    let mut bench = Bench::with(narrow);
    let parked = bench.park(1);
    let mut phone = Phone::new(2);
    let answer = bench.invite(&mut phone, "park", "", &sdp(40_100, "0", "sendrecv"));
    assert!(answer.starts_with("SIP/2.0 503"), "{answer}");
    assert!(bench.hears_music(&parked));
    assert_eq!(bench.control.status().free, 9, "its orbit was given back");
}

#[test]
fn without_hold_music_a_parked_call_hears_nothing() {
    let mut quiet = config();
    quiet.park.music_on_hold = false;
    let mut bench = Bench::with(quiet);
    let phone = bench.park(1);
    assert!(!bench.hears_music(&phone));
}

#[test]
fn a_stranger_is_not_heard() {
    let mut bench = Bench::new();
    let mut phone = Phone::new(1);
    phone.address = "192.0.2.7:5060".parse().unwrap();
    let offer = phone.sdp("0", "sendrecv");
    assert_eq!(bench.invite(&mut phone, "park", "", &offer), "");
    assert_eq!(
        bench.control.dropped(crate::sip::agent::SipDrop::Untrusted),
        1
    );
}

#[test]
fn a_stop_ends_every_call_and_is_done_when_nothing_is_left() {
    let mut bench = Bench::new();
    let (one, other) = (bench.park(1), bench.park(2));
    bench.input(Input::Stop);
    assert!(!bench.stopped);
    for phone in [&one, &other] {
        let bye = bench.take_bye(phone);
        assert!(
            bye.contains("Reason: SIP;cause=503;text=\"Server stopping\""),
            "{bye}"
        );
    }
    assert!(bench.stopped);
}

#[test]
fn a_stop_does_not_wait_for_silent_peers_for_long() {
    let mut bench = Bench::new();
    bench.park(1);
    bench.input(Input::Stop);
    let mut late = Phone::new(2);
    let offer = late.sdp("0", "sendrecv");
    let answer = bench.invite(&mut late, "park", "", &offer);
    assert!(answer.starts_with("SIP/2.0 503"), "{answer}");
    bench.wait(Duration::from_millis(4_999));
    assert!(!bench.stopped);
    bench.wait(Duration::from_millis(1));
    assert!(bench.stopped);
}

#[test]
fn a_worker_that_does_not_answer_is_503_after_five_seconds() {
    let mut bench = Bench::new();
    bench.are_workers_deaf = true;
    let mut phone = Phone::new(1);
    let offer = phone.sdp("0", "sendrecv");
    assert_eq!(bench.invite(&mut phone, "park", "", &offer), "");
    bench.wait(Duration::from_secs(5));
    let answer = bench.next(&phone).unwrap();
    assert!(answer.starts_with("SIP/2.0 503"), "{answer}");
    assert_eq!(bench.control.status().parked, 0);
}

#[test]
fn a_call_cancelled_before_its_stream_opens_leaves_nothing_behind() {
    let mut bench = Bench::new();
    bench.are_workers_deaf = true;
    let mut phone = Phone::new(1);
    let offer = phone.sdp("0", "sendrecv");
    bench.invite(&mut phone, "park", "", &offer);
    let cancel = phone.request("CANCEL", "", "");
    bench.send(&phone, &cancel);
    let stream = bench.unanswered[0];
    bench.input(Input::Media(
        stream.worker,
        shared::Event::Opened { stream },
    ));
    assert_eq!(bench.control.status().calls, 0);
    bench.expect_empty();
}

#[test]
fn a_lost_worker_ends_the_calls_it_carried() {
    let mut bench = Bench::new();
    let phone = bench.park(1);
    let worker = bench.stream_to(&phone).stream.worker;
    bench.input(Input::Media(worker, shared::Event::Stopped));
    let bye = bench.take_bye(&phone);
    assert!(bye.contains("text=\"Media failed\""), "{bye}");
}

#[test]
fn a_full_house_can_still_be_retrieved() {
    let mut full = config();
    full.orbit_ranges[0].start = 7000;
    full.orbit_ranges[0].end = 7999;
    let mut bench = Bench::with(full);
    let parkees: Vec<_> = (0..97).map(|number| bench.park(number)).collect();
    let mut late = Phone::new(97);
    let offer = late.sdp("0", "sendrecv");
    let answer = bench.invite(&mut late, "park", "", &offer);
    assert!(answer.starts_with("SIP/2.0 503"), "{answer}");
    let retriever = bench.retrieve(98, &parkees[0]);
    assert!(bench.is_bridged(&parkees[0], &retriever));
}

#[test]
fn an_optional_body_that_is_no_session_description_is_not_taken_for_an_offer() {
    let mut bench = Bench::new();
    let mut phone = Phone::new(1);
    phone.uri = "sip:park@127.0.0.1".to_owned();
    let invite = phone.request(
        "INVITE",
        "Content-Disposition: render;handling=optional\r\n",
        "Hi",
    );
    let invite = invite.replace("application/sdp", "text/plain");
    bench.send(&phone, &invite);
    let answer = bench.next(&phone).unwrap();
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    assert!(
        answer.contains("RTP/AVP 0 8"),
        "ours is the offer: {answer}"
    );
}

#[test]
fn an_orbit_with_a_number_sign_is_escaped_once_in_our_contact() {
    let mut prefixed = config();
    prefixed.orbit_ranges[0].prefix = Some('#');
    let mut bench = Bench::with(prefixed);
    let mut phone = Phone::new(1);
    let offer = phone.sdp("0", "sendrecv");
    let answer = bench.invite(&mut phone, "park", "", &offer);
    assert!(answer.contains("Contact: <sip:%237"), "{answer}");
    assert!(answer.contains("\"Parked at #7"), "{answer}");
}

#[test]
fn row_23_of_a_call_with_video_the_sound_is_parked_and_the_video_dropped() {
    let mut bench = Bench::new();
    let mut phone = Phone::new(1);
    let offer = phone.sdp("0 8", "sendrecv") + "m=video 4100 RTP/AVP 31\r\n";
    let answer = bench.invite(&mut phone, "park", "", &offer);
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    assert!(answer.contains("m=video 0 RTP/AVP 31"), "{answer}");
    bench.ack(&mut phone, "");
    assert!(bench.hears_music(&phone));
    // What is offered later keeps the line, and keeps it off (RFC 3264 §8).
    let mut retriever = Phone::new(2);
    let offer = retriever.sdp("0 8", "sendrecv");
    bench.invite(&mut retriever, &phone.orbit, "", &offer);
    let reinvite = bench.next(&phone).expect("a re-INVITE");
    assert!(reinvite.contains("m=video 0 RTP/AVP 31"), "{reinvite}");
    assert!(reinvite.contains("a=sendrecv"), "{reinvite}");
}
