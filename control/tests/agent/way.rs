//! Where requests go: routes, families, names, connections, sizes (RFC 3261 §8.1.2, §12.2.1.1,
//! §18.1.1; RFC 3263).

use std::net::IpAddr;

use control::sip::agent::{Agent, AgentConfig, Outgoing, Reply};
use control::sip::header::Header;
use control::sip::transport::{Flow, Transport};

use super::basics::outgoing;
use super::bench::{
    Bench, PEER, Seen, config, first_line, header, headers, invite, request, response, sdp_reply,
    to_tag, with_header,
};

fn long(target: &str) -> Outgoing {
    let subject = (Header::Subject, "x".repeat(1_300));
    Outgoing {
        headers: vec![subject],
        ..outgoing(target)
    }
}

#[test]
fn preloaded_routes_are_followed_loosely() {
    let mut bench = Bench::new();
    let routes = vec![
        "<sip:192.0.2.50:5080;lr>".to_owned(),
        "<sip:p2.test;lr>".to_owned(),
    ];
    bench.agent.invite(
        bench.now,
        Outgoing {
            routes,
            ..outgoing("sip:bob@bob.test")
        },
    );
    let sent = bench.sent().remove(0);
    assert_eq!(sent.destination, "192.0.2.50:5080".parse().unwrap());
    let text = String::from_utf8(sent.bytes).unwrap();
    assert_eq!(first_line(&text), "INVITE sip:bob@bob.test SIP/2.0");
    assert_eq!(
        headers(&text, "Route"),
        ["<sip:192.0.2.50:5080;lr>", "<sip:p2.test;lr>"]
    );
}

#[test]
fn a_failure_is_acknowledged_by_the_same_routes() {
    let mut bench = Bench::new();
    let routes = vec!["<sip:192.0.2.50:5080;lr>".to_owned()];
    bench.agent.invite(
        bench.now,
        Outgoing {
            routes,
            ..outgoing("sip:bob@bob.test")
        },
    );
    let invite = bench.text();
    bench.receive(&response(&invite, "404 Not Found", "bob1", ""));
    let sent = bench.sent().remove(0);
    assert_eq!(sent.destination, "192.0.2.50:5080".parse().unwrap());
    let text = String::from_utf8(sent.bytes).unwrap();
    assert_eq!(header(&text, "Route"), Some("<sip:192.0.2.50:5080;lr>"));
}

#[test]
fn in_dialog_requests_follow_the_route_set_strictly_where_the_router_is_strict() {
    let mut bench = Bench::new();
    let routed = with_header(
        &invite(),
        "Record-Route: <sip:192.0.2.60;x=1>, <sip:192.0.2.61;lr>",
    );
    let Some(Seen::Invite(dialog)) = bench.receive(&routed) else {
        panic!("no invite");
    };
    bench.agent.accept(bench.now, dialog, "701", sdp_reply());
    let tag = to_tag(&bench.text());
    bench.receive(&request("ACK", "a1", 10, &tag));
    bench.agent.bye(bench.now, dialog, Reply::default());
    let sent = bench.sent().remove(0);
    assert_eq!(sent.destination, "192.0.2.60:5060".parse().unwrap());
    let text = String::from_utf8(sent.bytes).unwrap();
    assert_eq!(first_line(&text), "BYE sip:192.0.2.60;x=1 SIP/2.0");
    assert_eq!(
        headers(&text, "Route"),
        ["<sip:192.0.2.61;lr>", "<sip:anna@192.0.2.1>"]
    );
}

#[test]
fn ipv6_is_written_in_brackets_everywhere_and_leaves_by_the_ipv6_socket() {
    let mut bench = Bench::new();
    bench
        .agent
        .invite(bench.now, outgoing("sip:bob@[2001:db8::5]:5070"));
    let sent = bench.sent().remove(0);
    assert_eq!(sent.destination, "[2001:db8::5]:5070".parse().unwrap());
    assert_eq!(sent.flow, Some(Flow(2)));
    let text = String::from_utf8(sent.bytes).unwrap();
    assert!(
        header(&text, "Via")
            .unwrap()
            .starts_with("SIP/2.0/UDP [2001:db8::9]:5060;")
    );
    assert_eq!(
        header(&text, "Contact"),
        Some("<sip:701@[2001:db8::9]:5060>")
    );
}

#[test]
fn a_call_over_ipv6_stays_there_and_its_contact_and_routes_are_read() {
    let mut bench = Bench::new();
    let text = invite()
        .replace("192.0.2.1:5060;branch", "[2001:db8::1]:5060;branch")
        .replace(
            "Contact: <sip:anna@192.0.2.1>",
            "Contact: <sip:anna@[2001:db8::1]:5062>",
        );
    let text = with_header(&text, "Record-Route: <sip:[2001:db8::77];lr>");
    let seen = bench.receive_from(Transport::Udp, 2, "[2001:db8::1]:5060", &text);
    let Some(Seen::Invite(dialog)) = seen else {
        panic!("{seen:?}");
    };
    bench.agent.accept(bench.now, dialog, "701", sdp_reply());
    let ok = bench.text();
    assert_eq!(header(&ok, "Contact"), Some("<sip:701@[2001:db8::9]:5060>"));
    bench.receive_from(
        Transport::Udp,
        2,
        "[2001:db8::1]:5060",
        &request("ACK", "a1", 10, &to_tag(&ok)),
    );
    bench.agent.bye(bench.now, dialog, Reply::default());
    let sent = bench.sent().remove(0);
    assert_eq!(sent.destination, "[2001:db8::77]:5060".parse().unwrap());
    let text = String::from_utf8(sent.bytes).unwrap();
    assert_eq!(first_line(&text), "BYE sip:anna@[2001:db8::1]:5062 SIP/2.0");
}

#[test]
fn a_call_that_came_by_tcp_goes_back_by_its_connection() {
    let mut bench = Bench::new();
    let contact = "Contact: <sip:anna@192.0.2.1:5060;transport=tcp>";
    let text = invite()
        .replace("/UDP", "/TCP")
        .replace("Contact: <sip:anna@192.0.2.1>", contact);
    let source = "192.0.2.1:49152";
    let seen = bench.receive_from(Transport::Tcp, 88, source, &text);
    let Some(Seen::Invite(dialog)) = seen else {
        panic!("{seen:?}");
    };
    bench.agent.accept(bench.now, dialog, "701", sdp_reply());
    let ok = bench.text();
    assert_eq!(
        header(&ok, "Contact"),
        Some("<sip:701@192.0.2.9:5060;transport=tcp>")
    );
    bench.receive_from(
        Transport::Tcp,
        88,
        source,
        &request("ACK", "a1", 10, &to_tag(&ok)),
    );
    bench.agent.bye(bench.now, dialog, Reply::default());
    let sent = bench.sent().remove(0);
    assert_eq!(
        (sent.transport, sent.flow),
        (Transport::Tcp, Some(Flow(88)))
    );
    assert_eq!(sent.destination, "192.0.2.1:5060".parse().unwrap());
    let text = String::from_utf8(sent.bytes).unwrap();
    assert!(
        header(&text, "Via")
            .unwrap()
            .starts_with("SIP/2.0/TCP 192.0.2.9:5060;branch=")
    );
}

#[test]
fn a_long_request_goes_by_tcp_and_falls_back_to_udp() {
    let mut bench = Bench::new();
    let dialog = bench.agent.invite(bench.now, long("sip:bob@192.0.2.1"));
    let by_tcp = bench.sent().remove(0);
    assert_eq!((by_tcp.transport, by_tcp.flow), (Transport::Tcp, None));
    let text = String::from_utf8(by_tcp.bytes).unwrap();
    assert!(
        header(&text, "Via")
            .unwrap()
            .starts_with("SIP/2.0/TCP 192.0.2.9:5060;")
    );
    assert_eq!(header(&text, "Contact"), Some("<sip:701@192.0.2.9:5060>"));
    bench.fail(by_tcp.ticket);
    let by_udp = bench.sent().remove(0);
    assert_eq!(
        (by_udp.transport, by_udp.flow),
        (Transport::Udp, Some(Flow(1)))
    );
    let text = String::from_utf8(by_udp.bytes).unwrap();
    assert!(
        header(&text, "Via")
            .unwrap()
            .starts_with("SIP/2.0/UDP 192.0.2.9:5060;")
    );
    assert_eq!(
        bench.receive(&response(&text, "200 OK", "b", "")),
        Some(Seen::Answered(dialog))
    );
}

#[test]
fn a_short_request_and_one_for_which_we_have_no_tcp_go_by_udp() {
    let mut bench = Bench::new();
    bench.agent.invite(bench.now, outgoing("sip:bob@192.0.2.1"));
    assert_eq!(bench.sent()[0].transport, Transport::Udp);
    let mut config = config(1);
    config
        .listeners
        .retain(|listener| listener.transport == Transport::Udp);
    bench.agent = Agent::new(config);
    bench.agent.invite(bench.now, long("sip:bob@192.0.2.1"));
    assert_eq!(bench.sent()[0].transport, Transport::Udp);
}

#[test]
fn the_uri_chooses_the_transport() {
    let mut bench = Bench::new();
    bench
        .agent
        .invite(bench.now, outgoing("sip:bob@192.0.2.1;transport=TCP"));
    let sent = bench.sent().remove(0);
    assert_eq!((sent.transport, sent.flow), (Transport::Tcp, None));
    let text = String::from_utf8(sent.bytes).unwrap();
    assert_eq!(
        header(&text, "Contact"),
        Some("<sip:701@192.0.2.9:5060;transport=tcp>")
    );
    let mut config: AgentConfig = config(1);
    config
        .listeners
        .retain(|listener| listener.transport == Transport::Tcp);
    bench.agent = Agent::new(config);
    bench.agent.invite(bench.now, outgoing("sip:bob@192.0.2.1"));
    assert_eq!(bench.sent()[0].transport, Transport::Tcp);
}

#[test]
fn a_name_is_asked_for_and_its_addresses_are_tried_in_turn() {
    let mut bench = Bench::new();
    let dialog = bench
        .agent
        .invite(bench.now, outgoing("sip:bob@bob.test:5070"));
    assert_eq!(bench.texts().len(), 0);
    let question = bench.agent.poll_resolve().unwrap();
    assert_eq!(question.host, "bob.test");
    let addresses: [IpAddr; 2] = ["2001:db8::5".parse().unwrap(), "192.0.2.5".parse().unwrap()];
    bench.agent.resolved(bench.now, question.ticket, &addresses);
    let first = bench.sent().remove(0);
    assert_eq!(first.destination, "[2001:db8::5]:5070".parse().unwrap());
    bench.fail(first.ticket);
    let second = bench.sent().remove(0);
    assert_eq!(second.destination, "192.0.2.5:5070".parse().unwrap());
    let text = String::from_utf8(second.bytes).unwrap();
    assert_eq!(header(&text, "Contact"), Some("<sip:701@192.0.2.9:5060>"));
    bench.fail(second.ticket);
    assert_eq!(bench.advance(0), [Seen::Rejected(dialog, 503)]);
    bench.assert_empty();
}

#[test]
fn a_name_without_addresses_or_without_answer_is_503() {
    let mut bench = Bench::new();
    let dialog = bench.agent.invite(bench.now, outgoing("sip:bob@bob.test"));
    let question = bench.agent.poll_resolve().unwrap();
    bench.agent.resolved(bench.now, question.ticket, &[]);
    assert_eq!(bench.advance(0), [Seen::Rejected(dialog, 503)]);
    let dialog = bench.agent.invite(bench.now, outgoing("sip:bob@bob.test"));
    assert_eq!(bench.advance(32_000), [Seen::Rejected(dialog, 503)]);
    let late = bench.agent.poll_resolve().unwrap();
    bench
        .agent
        .resolved(bench.now, late.ticket, &["192.0.2.5".parse().unwrap()]);
    assert_eq!(bench.texts().len(), 0);
    bench.assert_empty();
}

#[test]
fn a_call_that_is_given_up_before_dns_answered_is_never_sent() {
    let mut bench = Bench::new();
    let dialog = bench.agent.invite(bench.now, outgoing("sip:bob@bob.test"));
    let question = bench.agent.poll_resolve().unwrap();
    bench.agent.cancel(bench.now, dialog);
    assert_eq!(bench.advance(0), [Seen::Forgotten(dialog)]);
    bench
        .agent
        .resolved(bench.now, question.ticket, &["192.0.2.5".parse().unwrap()]);
    assert_eq!(bench.texts().len(), 0);
    bench.assert_empty();
}

#[test]
fn an_ack_and_a_bye_to_a_name_wait_for_dns_and_the_ack_is_then_repeated() {
    let mut bench = Bench::new();
    let dialog = bench.agent.invite(bench.now, outgoing("sip:bob@192.0.2.1"));
    let sent = bench.text();
    let ok = response(&sent, "200 OK", "bob1", "Contact: <sip:bob@phone.test>\r\n");
    assert_eq!(bench.receive(&ok), Some(Seen::Answered(dialog)));
    bench.agent.ack(bench.now, dialog, None);
    assert_eq!(bench.receive(&ok), None);
    assert_eq!(bench.texts().len(), 0);
    let question = bench.agent.poll_resolve().unwrap();
    assert_eq!(question.host, "phone.test");
    bench
        .agent
        .resolved(bench.now, question.ticket, &["192.0.2.7".parse().unwrap()]);
    let ack = bench.sent().remove(0);
    assert_eq!(ack.destination, "192.0.2.7:5060".parse().unwrap());
    assert_eq!(bench.receive(&ok), None);
    assert_eq!(bench.sent()[0].bytes, ack.bytes);
    bench.agent.bye(bench.now, dialog, Reply::default());
    let question = bench.agent.poll_resolve().unwrap();
    bench
        .agent
        .resolved(bench.now, question.ticket, &["192.0.2.7".parse().unwrap()]);
    assert_eq!(
        bench.sent()[0].destination,
        "192.0.2.7:5060".parse().unwrap()
    );
    bench.assert_empty();
}

#[test]
fn the_peer_of_a_dialog_is_where_its_last_request_came_from() {
    let mut bench = Bench::new();
    let contact = "Contact: <sip:anna@192.0.2.1;transport=tcp>";
    let text = invite()
        .replace("/UDP", "/TCP")
        .replace("Contact: <sip:anna@192.0.2.1>", contact);
    let seen = bench.receive_from(Transport::Tcp, 88, PEER, &text);
    let Some(Seen::Invite(dialog)) = seen else {
        panic!("{seen:?}");
    };
    bench.agent.accept(bench.now, dialog, "701", sdp_reply());
    let tag = to_tag(&bench.text());
    bench.receive_from(Transport::Tcp, 88, PEER, &request("ACK", "a1", 10, &tag));
    bench.receive_from(
        Transport::Tcp,
        99,
        PEER,
        &request("OPTIONS", "o1", 11, &tag),
    );
    bench.texts();
    bench.agent.bye(bench.now, dialog, Reply::default());
    assert_eq!(bench.sent()[0].flow, Some(Flow(99)));
}
