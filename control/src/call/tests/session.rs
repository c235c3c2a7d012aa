//! Long calls: sessions that are refreshed or not, and UPDATE in place of a re-INVITE.

use std::time::Duration;

use super::bench::{Bench, Phone, config};

const REFRESHES: &str = "Supported: timer\r\nSession-Expires: 90\r\n";

/// Alone with the server for longer than any orbit may wait.
fn patient() -> Bench {
    let mut config = config();
    config.park.pickup_timeout = Duration::from_mins(100);
    Bench::with(config)
}

fn park(bench: &mut Bench, more: &str) -> (Phone, String) {
    let mut phone = Phone::new(1);
    let offer = phone.sdp("0 8", "sendrecv");
    let answer = bench.invite(&mut phone, "park", more, &offer);
    bench.ack(&mut phone, "");
    (phone, answer)
}

fn update(bench: &mut Bench, phone: &mut Phone, more: &str, sdp: &str) -> String {
    let text = phone.request("UPDATE", more, sdp);
    bench.send(phone, &text);
    bench.next(phone).expect("an answer")
}

/// Waits for the refresh of a session of half an hour: between three eighths of it and a half.
fn wait_for_refresh(bench: &mut Bench, phone: &Phone) {
    const EIGHTH: Duration = Duration::from_secs(1_800 / 8);
    bench.wait(3 * EIGHTH - Duration::from_secs(1));
    assert_eq!(bench.waiting(phone), 0, "too soon");
    for _ in 0..=EIGHTH.as_secs() + 1 {
        bench.wait(Duration::from_secs(1));
        if bench.waiting(phone) > 0 {
            return;
        }
    }
    panic!("no refresh in time");
}

/// The session version of a description (RFC 8866 §5.2).
fn version(text: &str) -> &str {
    let origin = text.lines().find(|line| line.starts_with("o=")).unwrap();
    origin.split(' ').nth(2).unwrap()
}

#[test]
fn a_parked_phone_that_vanished_is_found_within_its_session_and_its_orbit_freed() {
    let mut bench = patient();
    let (phone, answer) = park(&mut bench, REFRESHES);
    assert!(
        answer.contains("Session-Expires: 90;refresher=uac"),
        "{answer}"
    );
    bench.wait(Duration::from_secs(59));
    assert_eq!(bench.control.status().parked, 1);
    bench.wait(Duration::from_secs(2));
    assert_eq!(bench.control.status().parked, 0);
    bench.take_bye(&phone);
    bench.expect_empty();
}

#[test]
fn a_parked_phone_without_a_timer_is_refreshed_with_what_it_has() {
    let mut bench = patient();
    let (phone, answer) = park(&mut bench, "");
    for _ in 0..3 {
        wait_for_refresh(&mut bench, &phone);
        let refresh = bench.answer_reinvite(&phone, "0 8", "recvonly");
        assert_eq!(version(&refresh), version(&answer), "{refresh}");
        assert!(refresh.contains("a=sendonly"), "{refresh}");
        assert!(bench.hears_music(&phone));
    }
    // It vanishes: the next refresh has no answer.
    wait_for_refresh(&mut bench, &phone);
    bench.wait(Duration::from_secs(33));
    assert_eq!(bench.control.status().parked, 0);
    bench.clear();
    bench.expect_empty();
}

#[test]
fn a_phone_that_takes_update_is_refreshed_by_it() {
    let mut bench = patient();
    let (phone, _) = park(&mut bench, "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\r\n");
    for _ in 0..3 {
        wait_for_refresh(&mut bench, &phone);
        let refresh = bench.next(&phone).expect("an UPDATE");
        assert!(refresh.starts_with("UPDATE"), "{refresh}");
        assert!(refresh.contains("Content-Length: 0"), "{refresh}");
        let ok = phone.response(&refresh, "200 OK", "");
        bench.send(&phone, &ok);
    }
    assert_eq!(bench.control.status().parked, 1);
    assert!(bench.hears_music(&phone));
}

#[test]
fn the_operator_says_how_long_a_session_lasts() {
    let mut config = config();
    config.sip.session_expires = Duration::from_secs(100);
    let mut bench = Bench::with(config);
    let (_, answer) = park(&mut bench, "Supported: timer\r\n");
    assert!(
        answer.contains("Session-Expires: 100;refresher=uac"),
        "{answer}"
    );
}

#[test]
fn a_phone_holds_and_resumes_by_update() {
    let mut bench = Bench::new();
    let mut parkee = bench.park(1);
    let retriever = bench.retrieve(2, &parkee);
    let held = parkee.sdp("0", "inactive");
    let answer = update(&mut bench, &mut parkee, "", &held);
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    assert!(answer.contains("a=inactive"), "{answer}");
    assert!(bench.hears_music(&retriever));
    let resumed = parkee.sdp("0", "sendrecv");
    let answer = update(&mut bench, &mut parkee, "", &resumed);
    assert!(answer.contains("a=sendrecv"), "{answer}");
    assert!(bench.is_bridged(&parkee, &retriever));
    assert_eq!(bench.next(&retriever), None, "nothing it need know");
}

#[test]
fn an_update_that_cannot_be_answered_changes_nothing() {
    let mut bench = Bench::new();
    let mut parkee = bench.park(1);
    let retriever = bench.retrieve(2, &parkee);
    let unknown = parkee.sdp("18", "sendrecv");
    let answer = update(&mut bench, &mut parkee, "", &unknown);
    assert!(answer.starts_with("SIP/2.0 488"), "{answer}");
    assert!(answer.contains("Warning: "), "{answer}");
    assert!(bench.is_bridged(&parkee, &retriever));
    let answer = update(&mut bench, &mut parkee, "", "");
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    assert!(answer.contains("Contact: "), "{answer}");
}

#[test]
fn a_parked_phone_may_hold_by_update() {
    let mut bench = Bench::new();
    let mut parkee = bench.park(1);
    let held = parkee.sdp("0", "inactive");
    let answer = update(&mut bench, &mut parkee, "", &held);
    assert!(answer.contains("a=inactive"), "{answer}");
    let resumed = parkee.sdp("0", "sendrecv");
    let answer = update(&mut bench, &mut parkee, "", &resumed);
    assert!(answer.contains("a=sendonly"), "{answer}");
    assert!(bench.hears_music(&parkee));
    let retriever = bench.retrieve(2, &parkee);
    assert!(bench.is_bridged(&parkee, &retriever));
}
