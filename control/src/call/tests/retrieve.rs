//! Retrieval: who wins the orbit, what the parkee is offered, and what is left when it fails.

use std::time::Duration;

use super::bench::{Bench, PICKUP_TIMEOUT, Phone, SERVER};

#[test]
fn a_retriever_talks_with_the_parkee_and_the_orbit_is_free() {
    let mut bench = Bench::new();
    let parkee = bench.park(1);
    let retriever = bench.retrieve(2, &parkee);
    assert!(bench.is_bridged(&parkee, &retriever));
    let status = bench.control.status();
    assert_eq!(
        (status.parked, status.retrieved, status.calls, status.legs),
        (0, 1, 1, 2)
    );
}

#[test]
fn each_side_is_told_who_the_other_is() {
    let mut bench = Bench::new();
    let parkee = bench.park(1);
    let mut phone = Phone::new(2);
    let offer = phone.sdp("0", "sendrecv");
    bench.invite(&mut phone, &parkee.orbit, "", &offer);
    let reinvite = bench.answer_reinvite(&parkee, "0", "sendrecv");
    let identity = "P-Asserted-Identity: \"Phone call-2\" <sip:call-2@127.0.0.1:6002>";
    assert!(reinvite.contains(identity), "{reinvite}");
    let answer = bench.next(&phone).unwrap();
    let identity = "P-Asserted-Identity: \"Phone call-1\" <sip:call-1@127.0.0.1:6001>";
    assert!(answer.contains(identity), "{answer}");
}

#[test]
fn the_parkee_is_offered_the_retrievers_codec() {
    let mut bench = Bench::new();
    let parkee = bench.park(1);
    let mut phone = Phone::new(2);
    let offer = phone.sdp("8", "sendrecv");
    bench.invite(&mut phone, &parkee.orbit, "", &offer);
    let reinvite = bench.answer_reinvite(&parkee, "8", "sendrecv");
    assert!(reinvite.contains("RTP/AVP 8 0"), "{reinvite}");
    assert!(reinvite.contains("a=sendrecv"), "{reinvite}");
}

#[test]
fn of_two_retrievers_the_first_wins() {
    let mut bench = Bench::new();
    let parkee = bench.park(1);
    let (mut first, mut second) = (Phone::new(2), Phone::new(3));
    let offer = first.sdp("0", "sendrecv");
    bench.invite(&mut first, &parkee.orbit, "", &offer);
    let answer = bench.invite(&mut second, &parkee.orbit, "", &offer);
    assert!(answer.starts_with("SIP/2.0 486"), "{answer}");
    assert!(answer.contains("Already being retrieved"), "{answer}");
    bench.answer_reinvite(&parkee, "0", "sendrecv");
    assert!(bench.next(&first).unwrap().starts_with("SIP/2.0 200"));
    let mut third = Phone::new(4);
    let answer = bench.invite(&mut third, &parkee.orbit, "", &offer);
    assert!(answer.starts_with("SIP/2.0 404"), "{answer}");
}

#[test]
fn a_parkee_that_will_not_talk_stays_parked_with_its_deadline() {
    let mut bench = Bench::new();
    let parkee = bench.park(1);
    bench.wait(Duration::from_secs(60));
    let mut phone = Phone::new(2);
    let offer = phone.sdp("0", "sendrecv");
    bench.invite(&mut phone, &parkee.orbit, "", &offer);
    let reinvite = bench.next(&parkee).unwrap();
    let refusal = parkee.response(&reinvite, "488 Not Acceptable Here", "");
    bench.send(&parkee, &refusal);
    let answer = bench.next(&phone).unwrap();
    assert!(answer.starts_with("SIP/2.0 488"), "{answer}");
    assert!(bench.hears_music(&parkee));
    assert_eq!(bench.control.status().parked, 1);
    bench.clear();
    bench.wait(PICKUP_TIMEOUT - Duration::from_secs(60));
    bench.take_bye(&parkee);
}

#[test]
fn a_retriever_that_cancels_leaves_the_call_parked_and_sendonly() {
    let mut bench = Bench::new();
    let parkee = bench.park(1);
    let mut phone = Phone::new(2);
    let offer = phone.sdp("0", "sendrecv");
    bench.invite(&mut phone, &parkee.orbit, "", &offer);
    let cancel = phone.request("CANCEL", "", "");
    bench.send(&phone, &cancel);
    bench.answer_reinvite(&parkee, "0", "sendrecv");
    let back = bench.answer_reinvite(&parkee, "0", "recvonly");
    assert!(back.contains("a=sendonly"), "{back}");
    assert!(bench.hears_music(&parkee));
    assert!(!bench.control.orbits()[0].retrieving);
    let retriever = bench.retrieve(3, &parkee);
    assert!(bench.is_bridged(&parkee, &retriever));
}

#[test]
fn a_parkee_that_does_not_answer_is_given_up_after_ten_seconds() {
    let mut bench = Bench::new();
    let parkee = bench.park(1);
    let mut phone = Phone::new(2);
    let offer = phone.sdp("0", "sendrecv");
    bench.invite(&mut phone, &parkee.orbit, "", &offer);
    bench.wait(Duration::from_secs(10));
    let answer = bench.next(&phone).unwrap();
    assert!(answer.starts_with("SIP/2.0 504"), "{answer}");
    assert_eq!(bench.control.status().parked, 1);
}

#[test]
fn a_deadline_that_passes_while_connecting_counts_only_when_the_retrieval_fails() {
    let mut bench = Bench::new();
    let parkee = bench.park(1);
    bench.wait(PICKUP_TIMEOUT - Duration::from_secs(1));
    let mut phone = Phone::new(2);
    let offer = phone.sdp("0", "sendrecv");
    bench.invite(&mut phone, &parkee.orbit, "", &offer);
    bench.wait(Duration::from_secs(5));
    let reinvite = bench.next(&parkee).unwrap();
    assert!(reinvite.starts_with("INVITE"));
    let refusal = parkee.response(&reinvite, "488 Not Acceptable Here", "");
    bench.send(&parkee, &refusal);
    assert!(bench.next(&phone).unwrap().starts_with("SIP/2.0 488"));
    assert!(bench.next(&parkee).unwrap().starts_with("ACK"));
    bench.take_bye(&parkee);
}

#[test]
fn a_parkee_that_hangs_up_meanwhile_is_480_for_the_retriever() {
    let mut bench = Bench::new();
    let mut parkee = bench.park(1);
    let mut phone = Phone::new(2);
    let offer = phone.sdp("0", "sendrecv");
    bench.invite(&mut phone, &parkee.orbit, "", &offer);
    let bye = parkee.request("BYE", "", "");
    bench.send(&parkee, &bye);
    let answer = bench.next(&phone).unwrap();
    assert!(answer.starts_with("SIP/2.0 480"), "{answer}");
    assert_eq!(bench.control.status().calls, 0);
}

#[test]
fn a_retriever_without_an_offer_is_bridged_when_its_ack_answers() {
    let mut bench = Bench::new();
    let parkee = bench.park(1);
    let mut phone = Phone::new(2);
    bench.invite(&mut phone, &parkee.orbit, "", "");
    bench.answer_reinvite(&parkee, "0", "sendrecv");
    let answer = bench.next(&phone).unwrap();
    phone.learn(&answer);
    assert!(bench.hears_music(&parkee), "until the other can hear");
    let ours = phone.sdp("0", "sendrecv");
    bench.ack(&mut phone, &ours);
    assert!(bench.is_bridged(&parkee, &phone));
}

#[test]
fn glare_is_offered_again() {
    let mut bench = Bench::new();
    let parkee = bench.park(1);
    let mut phone = Phone::new(2);
    let offer = phone.sdp("0", "sendrecv");
    bench.invite(&mut phone, &parkee.orbit, "", &offer);
    let reinvite = bench.next(&parkee).unwrap();
    let pending = parkee.response(&reinvite, "491 Request Pending", "");
    bench.send(&parkee, &pending);
    bench.clear();
    bench.wait(Duration::from_millis(2_000));
    bench.answer_reinvite(&parkee, "0", "sendrecv");
    assert!(bench.next(&phone).unwrap().starts_with("SIP/2.0 200"));
}

#[test]
fn a_reinvite_of_the_parkee_after_glare_serves_as_well() {
    let mut bench = Bench::new();
    let mut parkee = bench.park(1);
    let mut phone = Phone::new(2);
    let offer = phone.sdp("0", "sendrecv");
    bench.invite(&mut phone, &parkee.orbit, "", &offer);
    let reinvite = bench.next(&parkee).unwrap();
    let pending = parkee.response(&reinvite, "491 Request Pending", "");
    bench.send(&parkee, &pending);
    bench.clear();
    let theirs = parkee.request("INVITE", "", &parkee.sdp("0", "sendrecv"));
    bench.send(&parkee, &theirs);
    let answer = bench.next(&parkee).unwrap();
    assert!(answer.contains("a=sendrecv"), "{answer}");
    let answer = bench.next(&phone).unwrap();
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    phone.learn(&answer);
    assert!(bench.is_bridged(&parkee, &phone));
}

#[test]
fn an_orbit_is_dialled_with_escapes_and_parameters_too() {
    let mut bench = Bench::new();
    let parkee = bench.park(1);
    let mut phone = Phone::new(2);
    let last = parkee.orbit.chars().last().unwrap();
    let uri = format!("sip:%370{last}@{SERVER};user=phone");
    phone.uri.clone_from(&uri);
    let text = phone.request("INVITE", "", &phone.sdp("0", "sendrecv"));
    bench.send(&phone, &text);
    assert!(bench.control.orbits()[0].retrieving);
}

#[test]
fn an_empty_orbit_and_an_unknown_number_are_404() {
    let mut bench = Bench::new();
    for (number, user) in [(1, "700"), (2, "7000"), (3, "nobody")] {
        let mut phone = Phone::new(number);
        let offer = phone.sdp("0", "sendrecv");
        let answer = bench.invite(&mut phone, user, "", &offer);
        assert!(answer.starts_with("SIP/2.0 404"), "{user}: {answer}");
    }
}

#[test]
fn a_retriever_that_is_faster_than_the_parkees_ack_waits_for_it() {
    let mut bench = Bench::new();
    let mut parkee = Phone::new(1);
    let offer = parkee.sdp("0", "sendrecv");
    bench.invite(&mut parkee, "park", "", &offer);
    let mut phone = Phone::new(2);
    let offer = phone.sdp("0", "sendrecv");
    bench.invite(&mut phone, &parkee.orbit, "", &offer);
    assert_eq!(
        bench.next(&parkee),
        None,
        "RFC 3261 §14.1: no re-INVITE yet"
    );
    bench.ack(&mut parkee, "");
    bench.answer_reinvite(&parkee, "0", "sendrecv");
    assert!(bench.next(&phone).unwrap().starts_with("SIP/2.0 200"));
}

#[test]
fn a_parkee_whose_answer_does_not_fit_is_ended_and_the_retriever_told() {
    let mut bench = Bench::new();
    let parkee = bench.park(1);
    let mut phone = Phone::new(2);
    let offer = phone.sdp("0", "sendrecv");
    bench.invite(&mut phone, &parkee.orbit, "", &offer);
    let reinvite = bench.next(&parkee).unwrap();
    let answer = parkee.response(&reinvite, "200 OK", "");
    bench.send(&parkee, &answer);
    assert!(bench.next(&parkee).unwrap().starts_with("ACK"));
    bench.take_bye(&parkee);
    assert!(bench.next(&phone).unwrap().starts_with("SIP/2.0 480"));
    assert_eq!(bench.control.status().calls, 0);
}

#[test]
fn a_worker_without_room_for_the_retriever_leaves_the_call_parked() {
    let mut bench = Bench::new();
    let parkee = bench.park(1);
    bench.refusals = [shared::RefuseReason::WorkerFull].into();
    let mut phone = Phone::new(2);
    let offer = phone.sdp("0", "sendrecv");
    let answer = bench.invite(&mut phone, &parkee.orbit, "", &offer);
    assert!(answer.starts_with("SIP/2.0 503"), "{answer}");
    assert!(bench.hears_music(&parkee));
    assert!(!bench.control.orbits()[0].retrieving);
}

#[test]
fn a_parkee_that_is_busy_is_not_blamed_on_the_retrievers_media() {
    let mut bench = Bench::new();
    let parkee = bench.park(1);
    let mut phone = Phone::new(2);
    let offer = phone.sdp("0", "sendrecv");
    bench.invite(&mut phone, &parkee.orbit, "", &offer);
    let reinvite = bench.next(&parkee).unwrap();
    let busy = parkee.response(&reinvite, "500 Server Internal Error", "");
    bench.send(&parkee, &busy);
    let answer = bench.next(&phone).unwrap();
    assert!(answer.starts_with("SIP/2.0 480"), "{answer}");
    assert!(bench.hears_music(&parkee));
}
