//! Transfers: calls that somebody sends to an orbit, and legs that are replaced.

use super::bench::{Bench, Phone};

const REFERRED: &str = "Referred-By: <sip:parker@example.com>\r\n";

fn invite(bench: &mut Bench, number: u16, user: &str, more: &str) -> (Phone, String) {
    let mut phone = Phone::new(number);
    let offer = phone.sdp("0 8", "sendrecv");
    let answer = bench.invite(&mut phone, user, more, &offer);
    if answer.starts_with("SIP/2.0 200") {
        bench.ack(&mut phone, "");
    }
    (phone, answer)
}

#[test]
fn a_call_transferred_to_an_empty_orbit_is_parked_there() {
    let mut bench = Bench::new();
    let (phone, answer) = invite(&mut bench, 1, "705", REFERRED);
    assert!(answer.contains("a=sendonly"), "{answer}");
    assert_eq!(phone.orbit, "705");
    assert_eq!(bench.control.orbits()[0].orbit, "705");
}

#[test]
fn a_call_transferred_to_a_taken_orbit_is_not_joined_to_the_call_there() {
    let mut bench = Bench::new();
    let parkee = bench.park(1);
    let (_, answer) = invite(&mut bench, 2, &parkee.orbit, REFERRED);
    assert!(answer.starts_with("SIP/2.0 486"), "{answer}");
    assert!(answer.contains("Orbit is taken"), "{answer}");
    assert!(bench.hears_music(&parkee));
}

#[test]
fn an_attended_transfer_takes_the_parkers_place_in_the_same_orbit() {
    for user in ["park", "the orbit"] {
        let mut bench = Bench::new();
        let parker = bench.park(1);
        let orbit = parker.orbit.clone();
        let user = if user == "park" { user } else { &orbit };
        let (caller, answer) = invite(&mut bench, 2, user, &parker.replaces());
        assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
        assert_eq!(caller.orbit, orbit);
        bench.take_bye(&parker);
        assert!(bench.hears_music(&caller));
        let status = bench.control.status();
        assert_eq!((status.parked, status.calls, status.legs), (1, 1, 1));
        let retriever = bench.retrieve(3, &caller);
        assert!(bench.is_bridged(&caller, &retriever));
    }
}

#[test]
fn an_attended_transfer_to_another_orbit_frees_the_first() {
    let mut bench = Bench::new();
    let parker = bench.park(1);
    let other = if parker.orbit == "700" { "701" } else { "700" };
    let (caller, _) = invite(&mut bench, 2, other, &parker.replaces());
    assert_eq!(caller.orbit, other);
    bench.take_bye(&parker);
    let orbits = bench.control.orbits();
    assert_eq!(orbits.len(), 1);
    assert_eq!(orbits[0].orbit, other);
}

#[test]
fn a_leg_of_a_bridge_is_replaced_while_the_other_talks_on() {
    for replace_parkee in [true, false] {
        let mut bench = Bench::new();
        let parkee = bench.park(1);
        let retriever = bench.retrieve(2, &parkee);
        let (leaves, stays) = if replace_parkee {
            (&parkee, &retriever)
        } else {
            (&retriever, &parkee)
        };
        let (third, answer) = invite(&mut bench, 3, &leaves.orbit, &leaves.replaces());
        assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
        bench.take_bye(leaves);
        assert!(bench.is_bridged(&third, stays));
        let status = bench.control.status();
        assert_eq!((status.calls, status.legs, status.streams), (1, 2, 2));
    }
}

#[test]
fn replaces_of_nothing_is_481() {
    let mut bench = Bench::new();
    let mut ghost = Phone::new(9);
    "t-ghost".clone_into(&mut ghost.remote_tag);
    let (_, answer) = invite(&mut bench, 2, "park", &ghost.replaces());
    assert!(answer.starts_with("SIP/2.0 481"), "{answer}");
}

#[test]
fn early_only_replaces_of_a_confirmed_dialog_is_486() {
    let mut bench = Bench::new();
    let parker = bench.park(1);
    let more = parker.replaces().replace("\r\n", ";early-only\r\n");
    let (_, answer) = invite(&mut bench, 2, "park", &more);
    assert!(answer.starts_with("SIP/2.0 486"), "{answer}");
    assert!(bench.hears_music(&parker));
}

#[test]
fn a_leg_that_is_being_retrieved_is_not_replaced() {
    let mut bench = Bench::new();
    let parkee = bench.park(1);
    let (_, waiting) = invite(&mut bench, 2, &parkee.orbit, "");
    assert_eq!(waiting, "");
    let (_, answer) = invite(&mut bench, 3, "park", &parkee.replaces());
    assert!(answer.starts_with("SIP/2.0 486"), "{answer}");
}
