//! What is written, and what must never be.

use super::*;

const SOURCE: &str = "192.0.2.9:41000";

fn request(via: &str, to: &str) -> String {
    format!(
        "INVITE sip:park@pbx.test SIP/2.0\r\nVia: {via}\r\nVia: SIP/2.0/TCP far.test;branch=2\r\n\
         f: Ann <sip:ann@phone.test>;tag=f1\r\nTo: {to}\r\nCall-ID: c1\r\nCSeq: 007 INVITE\r\n\
         Timestamp: 54.1\r\nContact: <sip:ann@192.0.2.9>\r\n\r\n"
    )
}

fn reply(request: &str, source: &str, status: Status, tag: Option<&str>) -> String {
    let message = Message::parse(request.as_bytes()).unwrap();
    let writer = Writer::reply(&message, source.parse().unwrap(), status, tag);
    String::from_utf8(writer.finish(None)).unwrap()
}

/// The top Via of the answer to a request with this one.
fn noted(via: &str, source: &str) -> String {
    let answer = reply(
        &request(via, "<sip:park@pbx.test>"),
        source,
        Status::OK,
        None,
    );
    let line = answer.lines().nth(1).unwrap();
    line.strip_prefix("Via: ").unwrap().to_owned()
}

#[test]
fn a_request_is_written_in_the_order_of_the_calls() {
    let mut writer = Writer::request(Method::Bye, "sip:ann@[2001:db8::1]");
    writer
        .header(Header::CSeq, "9 BYE")
        .extension("X-Orbit", 700);
    let body = Body {
        content_type: "text/plain",
        bytes: b"\r\nbye\0".to_vec(),
    };
    let expected = b"BYE sip:ann@[2001:db8::1] SIP/2.0\r\nCSeq: 9 BYE\r\nX-Orbit: 700\r\n\
        Content-Type: text/plain\r\nContent-Length: 6\r\n\r\n\r\nbye\0";
    assert_eq!(writer.finish(Some(&body)), expected);
}

#[test]
fn content_length_is_always_written() {
    let bytes = Writer::response(Status::OK, "OK").finish(None);
    assert_eq!(bytes, b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n");
}

#[test]
fn no_value_breaks_a_line() {
    let evil = "x\r\nVia: evil\n\nBody\r\0\x7f\x1b[0m";
    let mut writer = Writer::response(Status::OK, evil);
    writer.header(Header::Subject, evil).extension(evil, evil);
    let bytes = writer.finish(None);
    let text = str::from_utf8(&bytes).unwrap();
    assert_eq!(text.split("\r\n").count(), 6, "{text:?}");
    assert!(!text.replace("\r\n", "").contains(|c: char| c.is_control()));
}

#[test]
fn no_uri_breaks_the_start_line() {
    let bytes = Writer::request(Method::Options, "sip:a b\r\nTo: c").finish(None);
    let text = str::from_utf8(&bytes).unwrap();
    assert!(
        text.starts_with("OPTIONS sip:a%20b%0D%0ATo:%20c SIP/2.0\r\n"),
        "{text:?}"
    );
}

#[test]
fn a_reply_copies_what_it_must_and_nothing_else() {
    let request = request(
        "SIP/2.0/UDP 192.0.2.9:41000;branch=z9",
        "<sip:park@pbx.test>",
    );
    let expected = "SIP/2.0 486 Busy Here\r\nVia: SIP/2.0/UDP 192.0.2.9:41000;branch=z9\r\n\
        Via: SIP/2.0/TCP far.test;branch=2\r\nFrom: Ann <sip:ann@phone.test>;tag=f1\r\n\
        To: <sip:park@pbx.test>;tag=t9\r\nCall-ID: c1\r\nCSeq: 007 INVITE\r\n\
        Content-Length: 0\r\n\r\n";
    assert_eq!(
        reply(&request, SOURCE, Status::BUSY_HERE, Some("t9")),
        expected
    );
}

#[test]
fn a_100_carries_the_timestamp() {
    let request = request("SIP/2.0/UDP a.test", "<sip:park@pbx.test>");
    let answer = reply(&request, SOURCE, Status::TRYING, None);
    assert!(answer.contains("\r\nTimestamp: 54.1\r\n"), "{answer}");
    assert!(
        answer.contains("\r\nTo: <sip:park@pbx.test>\r\n"),
        "{answer}"
    );
}

#[test]
fn a_tag_that_is_there_is_kept() {
    let request = request("SIP/2.0/UDP a.test", "<sip:park@pbx.test>;Tag=old");
    let answer = reply(&request, SOURCE, Status::OK, Some("new"));
    assert!(
        answer.contains("\r\nTo: <sip:park@pbx.test>;Tag=old\r\n"),
        "{answer}"
    );
}

#[test]
fn received_is_noted_where_the_sent_by_is_not_the_source() {
    assert_eq!(
        noted("SIP/2.0/UDP phone.test;branch=z9", SOURCE),
        "SIP/2.0/UDP phone.test;branch=z9;received=192.0.2.9"
    );
    assert_eq!(
        noted(
            "SIP/2.0/UDP 10.1.1.1:5062;received=10.9.9.9 ; branch = z9",
            SOURCE
        ),
        "SIP/2.0/UDP 10.1.1.1:5062;branch = z9;received=192.0.2.9"
    );
    assert_eq!(
        noted("SIP/2.0/UDP 192.0.2.9", SOURCE),
        "SIP/2.0/UDP 192.0.2.9"
    );
}

#[test]
fn rport_gets_the_port_and_brings_received() {
    assert_eq!(
        noted("SIP/2.0/UDP 192.0.2.9;rport;branch=z9", SOURCE),
        "SIP/2.0/UDP 192.0.2.9;rport=41000;branch=z9;received=192.0.2.9"
    );
    assert_eq!(
        noted("SIP/2.0/UDP 192.0.2.9;rport=1;branch=z9", SOURCE),
        "SIP/2.0/UDP 192.0.2.9;rport=41000;branch=z9;received=192.0.2.9"
    );
}

#[test]
fn an_ipv6_source_is_noted_without_brackets() {
    assert_eq!(
        noted(
            "SIP/2.0/UDP [2001:db8::1]:5060;rport",
            "[2001:db8::2]:41000"
        ),
        "SIP/2.0/UDP [2001:db8::1]:5060;rport=41000;received=2001:db8::2"
    );
    assert_eq!(
        noted("SIP/2.0/UDP [2001:DB8:0::2]", "[2001:db8::2]:41000"),
        "SIP/2.0/UDP [2001:DB8:0::2]"
    );
}

#[test]
fn a_mapped_ipv4_source_is_that_ipv4_address() {
    let via = "SIP/2.0/UDP 192.0.2.9;branch=z9";
    assert_eq!(noted(via, "[::ffff:192.0.2.9]:41000"), via);
}

#[test]
fn a_list_of_vias_keeps_its_order() {
    let via = "SIP/2.0/UDP a.test;branch=0, SIP/2.0/UDP b.test;branch=1";
    let answer = reply(&request(via, "sip:park@pbx.test"), SOURCE, Status::OK, None);
    let message = Message::parse(answer.as_bytes()).unwrap();
    let branches: Vec<_> = message
        .values(Header::Via)
        .filter_map(|via| Via::parse(via)?.branch)
        .collect();
    assert_eq!(branches, ["0", "1", "2"]);
}

#[test]
fn a_folded_value_becomes_one_line() {
    let via = "SIP/2.0/UDP\r\n\t 192.0.2.9\r\n ;branch=z9";
    assert_eq!(noted(via, SOURCE), "SIP/2.0/UDP 192.0.2.9;branch=z9");
}

#[test]
fn a_refused_request_gets_its_answer() {
    let bad = request("SIP/2.0/UDP a.test;branch=z9", "\"open <sip:park@pbx.test>")
        .replacen("SIP/2.0", "SIP/7.0", 1);
    let message = Message::parse_lenient(bad.as_bytes()).unwrap();
    let source = SOURCE.parse().unwrap();
    let writer = Writer::reply(&message, source, Status::VERSION_NOT_SUPPORTED, Some("t"));
    let answer = String::from_utf8(writer.finish(None)).unwrap();
    assert!(answer.starts_with("SIP/2.0 505 Version Not Supported\r\n"));
    assert!(
        answer.contains("\r\nTo: \"open <sip:park@pbx.test>;tag=t\r\n"),
        "{answer}"
    );
}
