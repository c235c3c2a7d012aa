//! Connected identity (RFC 4916, RFC 5876): each side sees whom it speaks to now.

use std::time::Duration;

use super::bench::{Bench, Phone};

const UPDATES: &str = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\r\n";
const FOLLOWS: &str = "Supported: from-change\r\n";

fn dial(bench: &mut Bench, number: u16, user: &str, more: &str) -> (Phone, String) {
    let mut phone = Phone::new(number);
    let offer = phone.sdp("0 8", "sendrecv");
    let answer = bench.invite(&mut phone, user, more, &offer);
    if answer.starts_with("SIP/2.0 200") {
        bench.ack(&mut phone, "");
    }
    (phone, answer)
}

/// A parkee with these header fields in its INVITE, and its retriever with those.
fn talking(parkee: &str, retriever: &str) -> (Bench, Phone, Phone, String) {
    let mut bench = Bench::new();
    let (parked, _) = dial(&mut bench, 1, "park", parkee);
    let (mut phone, _) = dial(&mut bench, 2, &parked.orbit, retriever);
    let reinvite = bench.answer_reinvite(&parked, "0 8", "sendrecv");
    let answer = bench.next(&phone).expect("an answer");
    phone.learn(&answer);
    bench.ack(&mut phone, "");
    assert!(bench.is_bridged(&parked, &phone));
    (bench, parked, phone, reinvite)
}

fn line<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        .unwrap_or_default()
}

fn accept(bench: &mut Bench, phone: &Phone, request: &str) {
    let ok = phone.response(request, "200 OK", "");
    bench.send(phone, &ok);
}

#[test]
fn who_stays_is_told_of_who_takes_the_others_place() {
    for (leaves_first, updates) in [(true, UPDATES), (false, UPDATES), (true, ""), (false, "")] {
        let (mut bench, parkee, retriever, _) = talking(updates, updates);
        let (leaves, stays) = match leaves_first {
            true => (&parkee, &retriever),
            false => (&retriever, &parkee),
        };
        let (third, answer) = dial(&mut bench, 3, &leaves.orbit, &leaves.replaces());
        assert!(line(&answer, "P-Asserted-Identity").contains(&stays.call_id));
        bench.take_bye(leaves);
        let name = "\"Phone call-3\" <sip:call-3@127.0.0.1:6003>";
        if updates.is_empty() {
            let reinvite = bench.answer_reinvite(stays, "0", "sendrecv");
            assert_eq!(line(&reinvite, "P-Asserted-Identity"), name);
        } else {
            let update = bench.next(stays).expect("an UPDATE");
            assert!(update.starts_with("UPDATE"), "{update}");
            assert_eq!(line(&update, "P-Asserted-Identity"), name);
            assert!(update.contains("Content-Length: 0"), "{update}");
            accept(&mut bench, stays, &update);
        }
        assert_eq!(bench.next(stays), None, "once");
        assert!(bench.is_bridged(stays, &third));
    }
}

#[test]
fn a_peer_that_names_itself_anew_is_named_so_to_the_other() {
    for method in ["INVITE", "UPDATE"] {
        let (mut bench, mut parkee, retriever, _) = talking("", UPDATES);
        let name = "\"Carol\" <sip:carol@example.com>";
        let more = format!("P-Asserted-Identity: {name}\r\n");
        let sdp = parkee.sdp("0", "sendrecv");
        let request = parkee.request(method, &more, &sdp);
        bench.send(&parkee, &request);
        let answer = bench.next(&parkee).expect("an answer");
        assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
        let update = bench.next(&retriever).expect("an UPDATE");
        assert!(update.starts_with("UPDATE"), "{update}");
        assert_eq!(line(&update, "P-Asserted-Identity"), name);
        accept(&mut bench, &retriever, &update);
        // The same once more is no news.
        if method == "INVITE" {
            bench.ack(&mut parkee, "");
        }
        let request = parkee.request("UPDATE", &more, "");
        bench.send(&parkee, &request);
        assert_eq!(bench.next(&retriever), None);
    }
}

#[test]
fn from_changes_for_who_follows_it_and_only_then() {
    let (_, _, _, reinvite) = talking(FOLLOWS, "");
    let from = line(&reinvite, "From");
    let name = "\"Phone call-2\" <sip:call-2@127.0.0.1:6002>;tag=";
    assert!(from.starts_with(name), "{from}");
    let (_, _, _, reinvite) = talking("", "");
    let from = line(&reinvite, "From");
    assert!(from.starts_with("<sip:park@127.0.0.1:5060>;tag="), "{from}");
}

#[test]
fn who_would_not_be_named_is_not_named_in_from() {
    let (_, _, _, reinvite) = talking(FOLLOWS, "Privacy: id\r\n");
    let from = line(&reinvite, "From");
    assert!(from.starts_with("\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag="));
    assert_eq!(line(&reinvite, "Privacy"), "id");
}

#[test]
fn a_peer_that_changes_its_from_is_named_by_it_to_the_other_and_in_to() {
    let (mut bench, mut parkee, retriever, _) = talking("", UPDATES);
    let request = parkee.request("UPDATE", "", "").replace(
        "From: \"Phone call-1\" <sip:call-1@127.0.0.1:6001>",
        "From: \"Dora\" <sip:dora@example.com>",
    );
    bench.send(&parkee, &request);
    assert!(bench.next(&parkee).unwrap().starts_with("SIP/2.0 200"));
    let update = bench.next(&retriever).expect("an UPDATE");
    let name = "\"Dora\" <sip:dora@example.com>";
    assert_eq!(line(&update, "P-Asserted-Identity"), name);
    accept(&mut bench, &retriever, &update);
    let mut retriever = retriever;
    let bye = retriever.request("BYE", "", "");
    bench.send(&retriever, &bye);
    bench.next(&retriever);
    let bye = bench.take_bye(&parkee);
    assert!(line(&bye, "To").starts_with(name), "{bye}");
}

#[test]
fn an_introduction_that_met_another_offer_is_made_again() {
    let (mut bench, parkee, retriever, _) = talking("", "");
    dial(&mut bench, 3, &retriever.orbit, &retriever.replaces());
    bench.take_bye(&retriever);
    let reinvite = bench.next(&parkee).expect("a re-INVITE");
    let glare = parkee.response(&reinvite, "491 Request Pending", "");
    bench.send(&parkee, &glare);
    assert!(bench.next(&parkee).unwrap().starts_with("ACK"));
    bench.wait(Duration::from_secs(5));
    let reinvite = bench.answer_reinvite(&parkee, "0", "sendrecv");
    assert!(line(&reinvite, "P-Asserted-Identity").contains("call-3"));
}
