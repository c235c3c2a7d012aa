//! The right answer to each wrong request (RFC 3261 §8.2), with the header fields it must carry.

use control::sip::agent::{AgentConfig, SipDrop};
use control::sip::method::Method;
use control::sip::status::Status;

use super::bench::{
    Bench, Seen, config, first_line, header, headers, invite, request, to_tag, with_body,
    with_header,
};
use control::sip::agent::Reply;

/// What is sent when this is the first message ever; nothing may go up.
#[track_caller]
fn answer(text: &str) -> String {
    let mut bench = Bench::new();
    assert_eq!(bench.receive(text), None);
    bench.text()
}

#[track_caller]
fn assert_answer(text: &str, line: &str, fields: &[(&str, &str)]) {
    let answer = answer(text);
    assert_eq!(first_line(&answer), format!("SIP/2.0 {line}"));
    for (name, value) in fields {
        assert_eq!(header(&answer, name), Some(*value), "{answer}");
    }
    assert!(!to_tag(&answer).is_empty());
}

const ALLOW: (&str, &str) = ("Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE");

#[test]
fn a_method_we_do_not_take_is_405_and_one_nobody_knows_is_501() {
    for method in ["INFO", "REGISTER", "SUBSCRIBE", "REFER", "MESSAGE"] {
        assert_answer(
            &request(method, "m1", 1, ""),
            "405 Method Not Allowed",
            &[ALLOW],
        );
    }
    assert_answer(
        &request("DANCE", "m1", 1, ""),
        "501 Not Implemented",
        &[ALLOW],
    );
}

#[test]
fn a_method_we_do_not_take_is_405_inside_a_dialog_as_well() {
    let mut bench = Bench::new();
    let (_, tag) = bench.confirmed();
    assert_eq!(bench.receive(&request("INFO", "m1", 11, &tag)), None);
    assert_eq!(bench.lines(), ["SIP/2.0 405 Method Not Allowed"]);
}

#[test]
fn a_request_for_somebody_else_is_404_and_one_for_a_domain_of_ours_is_not() {
    let to = |host: &str| invite().replace("park@192.0.2.9 SIP", &format!("park@{host} SIP"));
    assert_answer(&to("elsewhere.example"), "404 Domain not served here", &[]);
    assert_answer(&to("198.51.100.1"), "404 Domain not served here", &[]);
    assert_answer(&to("localhost"), "404 Domain not served here", &[]);
    for host in [
        "park.example",
        "PARK.Example",
        "park.example.",
        "192.0.2.9:5099",
        "203.0.113.9",
        "[2001:DB8::9]",
    ] {
        let mut bench = Bench::new();
        assert!(
            matches!(bench.receive(&to(host)), Some(Seen::Invite(_))),
            "{host}"
        );
    }
}

#[test]
fn a_scheme_we_cannot_serve_is_416() {
    for uri in [
        "tel:+33140000000",
        "sips:park@192.0.2.9",
        "http://192.0.2.9/",
    ] {
        let text = invite().replace("INVITE sip:park@192.0.2.9", &format!("INVITE {uri}"));
        assert_answer(&text, "416 Unsupported URI Scheme", &[]);
    }
}

#[test]
fn what_is_required_and_unknown_is_420_and_named() {
    let text = with_header(
        &invite(),
        "Require: precondition, replaces, 100rel\r\nRequire: timer, tdialog",
    );
    assert_answer(
        &text,
        "420 Bad Extension",
        &[("Unsupported", "precondition, tdialog")],
    );
    let mut bench = Bench::new();
    let text = with_header(&invite(), "Require: Replaces\r\nProxy-Require: nothing");
    assert!(matches!(bench.receive(&text), Some(Seen::Invite(_))));
}

#[test]
fn a_body_we_cannot_read_is_415_unless_it_is_optional() {
    let plain = request("INVITE", "i1", 10, "");
    let other = with_body(&plain, "application/xml", "<x/>");
    let accept = ("Accept", "application/sdp");
    assert_answer(&other, "415 Unsupported Media Type", &[accept]);
    let packed = with_header(&invite(), "Content-Encoding: gzip");
    let fields = [accept, ("Accept-Encoding", "identity")];
    assert_answer(&packed, "415 Unsupported Media Type", &fields);
    let icon = with_header(&invite(), "Content-Disposition: icon");
    assert_answer(&icon, "415 Unsupported Media Type", &[accept]);
    for line in [
        "Content-Disposition: icon; handling=optional",
        "Content-Disposition: session; handling=required",
        "Content-Encoding: Identity",
    ] {
        let mut bench = Bench::new();
        let text = with_header(&invite(), line);
        assert!(
            matches!(bench.receive(&text), Some(Seen::Invite(_))),
            "{line}"
        );
    }
    let untyped = invite().replace("Content-Type: application/sdp\r\n", "");
    assert_answer(&untyped, "400 no Content-Type header", &[]);
}

#[test]
fn an_invite_that_has_come_too_far_is_483_and_options_is_not() {
    let spent = |method| request(method, "h1", 1, "").replace("Forwards: 70", "Forwards: 0");
    assert_answer(&spent("INVITE"), "483 Too Many Hops", &[]);
    assert_answer(&spent("OPTIONS"), "200 OK", &[]);
}

#[test]
fn an_invite_that_was_here_before_is_482() {
    for via in ["192.0.2.9", "192.0.2.9:5060", "[2001:db8:0::9]:5060"] {
        let text = invite().replacen(
            "Max-Forwards",
            &format!("Via: SIP/2.0/UDP {via};branch=z9hG4bKabc\r\nMax-Forwards"),
            1,
        );
        assert_answer(&text, "482 Loop Detected", &[]);
    }
    let text = invite().replacen(
        "Max-Forwards",
        "Via: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKabc\r\nMax-Forwards",
        1,
    );
    let mut bench = Bench::new();
    assert!(matches!(bench.receive(&text), Some(Seen::Invite(_))));
}

#[test]
fn a_ping_that_repeats_its_numbers_is_answered_each_time() {
    let mut bench = Bench::new();
    for branch in ["o1", "o2", "o3"] {
        assert_eq!(bench.receive(&request("OPTIONS", branch, 1, "")), None);
        assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    }
    bench.assert_empty();
}

#[test]
fn the_same_request_by_another_way_is_482() {
    let mut bench = Bench::new();
    assert!(matches!(bench.receive(&invite()), Some(Seen::Invite(_))));
    let merged = invite().replace("z9hG4bKi1", "z9hG4bKi2");
    assert_eq!(bench.receive(&merged), None);
    assert_eq!(bench.lines(), ["SIP/2.0 482 Loop Detected"]);
    let next = invite()
        .replace("z9hG4bKi1", "z9hG4bKi3")
        .replace("CSeq: 10", "CSeq: 11");
    assert!(matches!(bench.receive(&next), Some(Seen::Invite(_))));
}

#[test]
fn requests_of_no_dialog_and_cancels_of_no_invite_are_481() {
    for method in ["INVITE", "BYE", "OPTIONS"] {
        let text = request(method, "s1", 5, "nobody");
        assert_answer(&text, "481 Call/Transaction Does Not Exist", &[]);
    }
    let line = "481 Call/Transaction Does Not Exist";
    assert_answer(&request("BYE", "s1", 5, ""), line, &[]);
    assert_answer(&request("CANCEL", "s1", 5, ""), line, &[]);
}

#[test]
fn a_dialog_is_named_by_all_three_of_its_identifiers() {
    let mut bench = Bench::new();
    let (_, tag) = bench.confirmed();
    let bye = request("BYE", "b1", 11, &tag);
    for foreign in [
        bye.replace("tag=anna1", "tag=eve"),
        bye.replace("call-1", "call-2"),
    ] {
        assert_eq!(
            bench.receive(&foreign.replace("z9hG4bKb1", "z9hG4bKb2")),
            None
        );
        assert_eq!(
            bench.lines(),
            ["SIP/2.0 481 Call/Transaction Does Not Exist"]
        );
        bench.advance(40_000);
    }
    assert_eq!(bench.agent.dialogs(), 1);
}

#[test]
fn an_old_number_in_a_dialog_is_500() {
    let mut bench = Bench::new();
    let (_, tag) = bench.confirmed();
    assert_eq!(bench.receive(&request("BYE", "o1", 9, &tag)), None);
    assert_eq!(bench.lines(), ["SIP/2.0 500 Server Internal Error"]);
    assert_eq!(bench.agent.dialogs(), 1);
}

#[test]
fn options_tells_what_we_can_outside_a_dialog_and_inside() {
    let fields = [
        ALLOW,
        ("Accept", "application/sdp"),
        ("Accept-Encoding", "identity"),
        ("Accept-Language", "en"),
        (
            "Supported",
            "100rel, eventlist, from-change, norefersub, replaces, timer",
        ),
        ("Server", "orbit-test"),
    ];
    assert_answer(&request("OPTIONS", "o1", 1, ""), "200 OK", &fields);
    let mut bench = Bench::new();
    let (_, tag) = bench.confirmed();
    assert_eq!(bench.receive(&request("OPTIONS", "o1", 11, &tag)), None);
    let ok = bench.text();
    assert_eq!(
        (first_line(&ok), header(&ok, "Allow")),
        ("SIP/2.0 200 OK", Some(ALLOW.1))
    );
    assert_eq!(bench.agent.options_answered(), 1);
}

#[test]
fn what_is_not_well_formed_is_answered_with_what_is_wrong() {
    let length = invite().replace("Content-Length: 5", "Content-Length: 5000");
    assert_answer(&length, "400 body shorter than Content-Length", &[]);
    let version = invite().replace("9 SIP/2.0\r\n", "9 SIP/3.0\r\n");
    let version = answer(&version);
    assert!(
        first_line(&version).starts_with("SIP/2.0 505 "),
        "{version}"
    );
    let contact = invite().replace("Contact: <sip:anna@192.0.2.1>\r\n", "");
    assert!(first_line(&answer(&contact)).starts_with("SIP/2.0 400 "));
    let tel = invite().replace("<sip:anna@192.0.2.1>\r\nContent", "<tel:+331>\r\nContent");
    assert_answer(&tel, "400 Contact is not a SIP URI", &[]);
}

#[test]
fn the_answer_to_what_is_malformed_is_the_same_each_time() {
    let mut bench = Bench::new();
    let text = invite().replace("Content-Length: 5", "Content-Length: 5000");
    bench.receive(&text);
    let first = bench.text();
    bench.receive(&text);
    assert_eq!(bench.text(), first);
    assert_eq!(bench.agent.transactions(), 0);
}

#[test]
fn an_ack_is_never_answered() {
    let mut bench = Bench::new();
    let ack = request("ACK", "a1", 10, "nobody");
    assert_eq!(bench.receive(&ack), None);
    assert_eq!(
        bench.receive(&with_header(&ack, "Require: everything")),
        None
    );
    bench.receive(&ack.replace("CSeq: 10 ACK", "CSeq: x ACK"));
    bench.receive(&ack.replace("9 SIP/2.0\r\n", "9 SIP/3.0\r\n"));
    assert_eq!(bench.texts().len(), 0);
    assert_eq!(bench.agent.dropped(SipDrop::StrayAck), 2);
    assert_eq!(bench.agent.dropped(SipDrop::Unparseable), 2);
}

#[test]
fn garbage_is_counted() {
    let mut bench = Bench::new();
    for garbage in [
        "",
        "\0\0\0\0",
        "GET / HTTP/1.1\r\n\r\n",
        "INVITE sip:a@b SIP/2.0\r\n\r\n",
    ] {
        assert_eq!(bench.receive(garbage), None);
    }
    assert_eq!(bench.texts().len(), 0);
    assert_eq!(bench.agent.dropped(SipDrop::Unparseable), 4);
}

#[test]
fn a_response_to_nothing_is_counted() {
    let mut bench = Bench::new();
    let stray = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK0123456789abcdef\r\n\
                 From: <sip:a@b.test>;tag=1\r\nTo: <sip:c@d.test>;tag=2\r\nCall-ID: x\r\n\
                 CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(bench.receive(stray), None);
    assert_eq!(bench.agent.dropped(SipDrop::StrayResponse), 1);
}

#[test]
fn a_method_that_was_allowed_goes_up_and_is_answered_once() {
    let mut bench = Bench::new();
    bench.agent.allow(Method::Info);
    let (dialog, tag) = bench.confirmed();
    let info = request("INFO", "n1", 11, &tag);
    let Some(Seen::Request(key, Some(inside))) = bench.receive(&info) else {
        panic!("not handed up");
    };
    assert_eq!(inside, dialog);
    assert_eq!(bench.receive(&info), None);
    bench
        .agent
        .respond(bench.now, key, Status::OK, Reply::default());
    bench
        .agent
        .respond(bench.now, key, Status::DECLINE, Reply::default());
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    let other = request("OPTIONS", "n2", 12, &tag);
    bench.receive(&other);
    let options = bench.text();
    assert!(headers(&options, "Allow")[0].ends_with(", INFO"));
}

#[test]
fn localhost_is_ours_where_we_listen_on_loopback() {
    use control::sip::agent::{Agent, AgentEvent};
    use control::sip::message::Message;
    use control::sip::transport::{Flow, Packet, Transport};
    let listeners = vec![super::bench::udp_listener(1, "127.0.0.1:5060", "127.0.0.1")];
    let mut agent = Agent::new(AgentConfig {
        listeners,
        ..config(1)
    });
    let text = invite().replace("park@192.0.2.9 SIP", "park@localhost SIP");
    let packet = Packet {
        transport: Transport::Udp,
        flow: Flow(1),
        local: "127.0.0.1:5060".parse().unwrap(),
        source: "127.0.0.1:5070".parse().unwrap(),
        bytes: text.as_bytes(),
    };
    let message = Message::parse(text.as_bytes()).unwrap();
    let event = agent.receive(shared::Time::ZERO, &packet, &message);
    assert!(matches!(event, Some(AgentEvent::Invite { .. })));
}
