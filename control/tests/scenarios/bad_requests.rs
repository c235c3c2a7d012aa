//! What is wrong gets the answer the RFC gives it, over the whole control plane; an ACK never gets
//! any.

use crate::common::phone::Phone;
use crate::common::secs;
use crate::common::site::{SERVER, Site};
use crate::common::wire::Wire;
use crate::common::world::World;

type Case = (&'static str, &'static str, Wire, u16);

#[test]
fn a_request_without_its_place_is_answered() {
    answers(vec![
        ("no such method", "DANCE", request("DANCE"), 501),
        (
            "a method we do not take",
            "REGISTER",
            request("REGISTER"),
            405,
        ),
        (
            "a method we do not take",
            "PUBLISH",
            request("PUBLISH"),
            405,
        ),
        (
            "an event that we do not have",
            "SUBSCRIBE",
            request("SUBSCRIBE"),
            489,
        ),
        ("no dialog", "BYE", with_to_tag(request("BYE")), 481),
        ("no transaction", "CANCEL", request("CANCEL"), 481),
        ("an unknown dialog", "INVITE", with_to_tag(invite()), 481),
        (
            "hops used up",
            "INVITE",
            invite().replaced("Max-Forwards", 0),
            483,
        ),
        (
            "not for us",
            "INVITE",
            to_uri("INVITE", "sip:park@elsewhere.example"),
            404,
        ),
    ]);
}

#[test]
fn a_request_that_asks_for_too_much_is_answered() {
    answers(vec![
        (
            "an extension",
            "INVITE",
            invite().with("Require", "time-travel"),
            420,
        ),
        (
            "a body of another kind",
            "INVITE",
            typed(invite(), "text/plain"),
            415,
        ),
        (
            "a body in a coding",
            "INVITE",
            invite().with("Content-Encoding", "gzip"),
            415,
        ),
        (
            "an unknown scheme",
            "INVITE",
            to_uri("INVITE", "nobody:park"),
            416,
        ),
        ("another version", "OPTIONS", versioned("SIP/3.0"), 505),
        (
            "a URI too long",
            "OPTIONS",
            to_uri("OPTIONS", &long_uri()),
            414,
        ),
        (
            "a head too long",
            "OPTIONS",
            options().with("Subject", "x".repeat(40_000)),
            513,
        ),
        (
            "a body too long",
            "INVITE",
            bodied(invite(), &"x".repeat(20_000)),
            413,
        ),
    ]);
}

#[test]
fn a_request_that_breaks_the_grammar_is_answered() {
    answers(vec![
        (
            "a body that is no SDP",
            "INVITE",
            bodied(invite(), "hello"),
            400,
        ),
        (
            "a From that is none",
            "OPTIONS",
            options().replaced("From", "<sip:ann"),
            400,
        ),
        (
            "two From",
            "OPTIONS",
            options().with("From", "<sip:eve@example.com>;tag=1"),
            400,
        ),
        (
            "two Call-IDs",
            "OPTIONS",
            options().with("Call-ID", "other@desk"),
            400,
        ),
        (
            "another CSeq method",
            "OPTIONS",
            options().replaced("CSeq", "1 INVITE"),
            400,
        ),
        (
            "a CSeq too large",
            "OPTIONS",
            options().replaced("CSeq", "2147483648 OPTIONS"),
            400,
        ),
    ]);
}

#[test]
fn options_tell_what_we_can() {
    let answer = ask("OPTIONS", request("OPTIONS"));
    assert_eq!(answer.status(), Some(200));
    for field in ["Allow", "Accept", "Supported"] {
        assert!(answer.header(field).is_some(), "no {field}");
    }
    assert!(answer.must("Allow").contains("INVITE"));
}

#[test]
fn a_domain_we_serve_is_ours() {
    let wire = to_uri("INVITE", "sip:nobody@EXAMPLE.com");
    assert_eq!(ask("INVITE", wire.clone()).must("CSeq"), wire.must("CSeq"));
    let options = to_uri("OPTIONS", "sip:example.com");
    assert_eq!(ask("OPTIONS", options).status(), Some(200));
}

#[test]
fn an_ack_never_gets_an_answer() {
    for wire in [
        request("ACK"),
        with_to_tag(request("ACK")),
        request("ACK").without("From"),
        request("ACK").with("Require", "time-travel"),
        to_uri("ACK", "nobody:park"),
    ] {
        let mut world = World::new(Site::default());
        let alice = world.phone("alice");
        world.with(alice, |phone, now| phone.send_raw(now, "ACK", wire));
        world.run(secs(5));
        assert_eq!(world.sent(alice, ""), 0, "{:?}", world.sent);
    }
}

#[test]
fn a_request_that_names_nobody_is_400_where_its_sender_can_know_the_answer() {
    for (field, answers) in [("From", 1), ("To", 1), ("Call-ID", 1), ("CSeq", 0)] {
        let mut world = World::new(Site::default());
        let alice = world.phone("alice");
        world.with(alice, |phone, now| {
            phone.send_raw(now, "OPTIONS", options().without(field))
        });
        world.run(secs(40));
        let what = format!("SIP/2.0 400 no {field} header");
        let counts = (world.sent(alice, ""), world.sent(alice, &what));
        assert_eq!(
            counts,
            (answers, answers),
            "without {field}: {:?}",
            world.sent
        );
        assert_eq!(world.status().transactions, 0);
    }
}

#[test]
fn rubbish_is_neither_answered_nor_kept() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    for rubbish in [
        "",
        "\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "\0\0\0\0",
        "INVITE",
        "SIP/2.0 200 OK\r\n\r\n",
    ] {
        world.inject(alice, rubbish.as_bytes());
    }
    world.run(secs(5));
    assert_eq!(world.sent(alice, ""), 0, "{:?}", world.sent);
    assert_eq!(world.status().transactions, 0);
    world.finish();
}

/// What the answer must say besides its status.
fn fits(answer: &Wire, status: u16, why: &str) {
    let field = match status {
        405 => "Allow",
        415 if why.contains("coding") => "Accept-Encoding",
        415 => "Accept",
        420 => "Unsupported",
        _ => return,
    };
    assert!(
        answer.header(field).is_some(),
        "{why}: no {field} in {}",
        answer.start
    );
}

fn answers(cases: Vec<Case>) {
    for (why, method, wire, status) in cases {
        let answer = ask(method, wire);
        assert_eq!(
            answer.status(),
            Some(status),
            "{why} ({method}): {}",
            answer.start
        );
        fits(&answer, status, why);
    }
}

fn ask(method: &'static str, wire: Wire) -> Wire {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    world.with(alice, |phone: &mut Phone, now| {
        phone.send_raw(now, method, wire)
    });
    world.run(secs(2));
    let answer = world.phones[alice].responses.first().cloned();
    let answer = answer.unwrap_or_else(|| panic!("{method} was not answered: {:?}", world.sent));
    assert!(answer.tag("To").is_some(), "a final answer has a To tag");
    world.finish();
    answer
}

fn request(method: &str) -> Wire {
    Wire::new(format!("{method} sip:park@{SERVER} SIP/2.0"))
        .with("Max-Forwards", 70)
        .with("From", "\"Ann\" <sip:ann@example.com>;tag=77aa")
        .with("To", format!("<sip:park@{SERVER}>"))
        .with("Call-ID", "b9a1c2@desk")
        .with("CSeq", format!("7 {method}"))
        .with("Contact", "<sip:ann@198.51.100.1:5060>")
}

fn options() -> Wire {
    request("OPTIONS")
}

fn invite() -> Wire {
    request("INVITE").sdp(
        "v=0\r\no=ann 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n\
         m=audio 4000 RTP/AVP 0\r\n",
    )
}

fn with_to_tag(wire: Wire) -> Wire {
    wire.replaced("To", format!("<sip:park@{SERVER}>;tag=unknown"))
}

fn typed(wire: Wire, content_type: &str) -> Wire {
    wire.replaced("Content-Type", content_type)
}

fn bodied(mut wire: Wire, body: &str) -> Wire {
    body.clone_into(&mut wire.body);
    wire
}

fn to_uri(method: &str, uri: &str) -> Wire {
    let mut wire = if method == "INVITE" {
        invite()
    } else {
        request(method)
    };
    wire.start = format!("{method} {uri} SIP/2.0");
    wire
}

fn versioned(version: &str) -> Wire {
    let mut wire = request("OPTIONS");
    wire.start = format!("OPTIONS sip:park@{SERVER} {version}");
    wire
}

fn long_uri() -> String {
    format!("sip:park@{SERVER};x={}", "y".repeat(4_000))
}
