//! Messages that are taken, those that are refused with their answer, and what is left of them.

use super::*;
use crate::sip::limits::{BODY_BYTES_MAX, URI_BYTES_MAX};

const HEAD: &str = "Via: SIP/2.0/UDP phone.test;branch=z9hG4bKm1\r\n\
    From: Ann <sip:ann@phone.test>;tag=f1\r\n\
    To: <sip:park@pbx.test>\r\n\
    Call-ID: c1@phone.test\r\n\
    CSeq: 7 INVITE\r\n";

fn request(head: &str, body: &str) -> String {
    format!("INVITE sip:park@pbx.test SIP/2.0\r\n{head}\r\n{body}")
}

fn refused(text: &str) -> Malformed {
    match Message::parse(text.as_bytes()) {
        Ok(_) => panic!("taken: {text}"),
        Err(malformed) => malformed,
    }
}

/// The request of `HEAD` with one line replaced.
fn with(line: &str, other: &str) -> String {
    assert!(HEAD.contains(line), "{line}");
    request(&HEAD.replace(line, other), "")
}

#[test]
fn a_request_gives_its_parts() {
    let text = request(HEAD, "v=0\r\n");
    let message = Message::parse(text.as_bytes()).unwrap();
    assert_eq!(message.method(), Some(Method::Invite));
    assert_eq!(message.status(), None);
    assert_eq!(message.request_uri(), Some("sip:park@pbx.test"));
    assert_eq!(message.top_via().unwrap().branch, Some("z9hG4bKm1"));
    assert_eq!(message.from().unwrap().display, Some("Ann"));
    assert_eq!(message.from_tag(), Some("f1"));
    assert_eq!(message.to().unwrap().uri, "sip:park@pbx.test");
    assert_eq!(message.to_tag(), None);
    assert_eq!(message.call_id(), Ok("c1@phone.test"));
    assert_eq!(message.cseq().unwrap().number, 7);
    assert_eq!(message.max_forwards(), Ok(70));
    assert_eq!(message.body(), b"v=0\r\n");
    assert_eq!(message.fields().count(), 5);
}

#[test]
fn a_response_gives_its_parts() {
    let text = format!("sip/2.0 486 Not \u{201e}now\u{201c}\r\n{HEAD}l: 0\r\n\r\nrest");
    let message = Message::parse(text.as_bytes()).unwrap();
    assert_eq!(message.status(), Some(Status::BUSY_HERE));
    assert_eq!(message.method(), None);
    let reason = "Not \u{201e}now\u{201c}";
    let status = Status::BUSY_HERE;
    assert_eq!(message.start(), Start::Response { status, reason });
    assert_eq!(message.body(), b"");
}

#[test]
fn a_reason_phrase_may_be_empty_or_absent() {
    for line in ["SIP/2.0 180 ", "SIP/2.0 180"] {
        let text = format!("{line}\r\n{HEAD}\r\n");
        let message = Message::parse(text.as_bytes()).unwrap();
        assert_eq!(message.status(), Some(Status::RINGING), "{line:?}");
    }
}

#[test]
fn breaks_before_the_start_line_are_skipped() {
    let text = format!("\r\n\r\n\r\n{}", request(HEAD, ""));
    assert!(Message::parse(text.as_bytes()).is_ok());
}

#[test]
fn a_lone_line_feed_or_carriage_return_is_refused() {
    for text in [
        request(HEAD, "").replace("\r\n", "\n"),
        with("CSeq: 7", "X: a\nCSeq: 7"),
        with("CSeq: 7", "X: a\rCSeq: 7"),
        with("Ann", "A\0nn"),
    ] {
        assert_eq!(refused(&text).status, Status::BAD_REQUEST, "{text:?}");
    }
}

#[test]
fn the_head_must_be_utf8_and_the_body_need_not() {
    let mut bytes = request(HEAD, "").into_bytes();
    bytes.push(0xff);
    assert_eq!(Message::parse(&bytes).unwrap().body(), [0xff]);
    let at = request(HEAD, "").find("Ann").unwrap();
    bytes[at] = 0xff;
    let malformed = Message::parse(&bytes).unwrap_err();
    assert_eq!(malformed.what, "header is not UTF-8");
}

#[test]
fn folded_and_compact_fields_are_read() {
    let text = "OPTIONS sip:pbx.test SIP/2.0\r\n\
        v:\r\n SIP/2.0/TCP phone.test\r\n  ;branch=z9hG4bKq\r\n\
        f: \"A\r\n\tB\" <sip:ann@phone.test>\r\n ;tag=x\r\n\
        t : sip:pbx.test\r\n\
        I: 1\r\n\
        cseq: 1\r\n OPTIONS\r\n\r\n";
    let message = Message::parse(text.as_bytes()).unwrap();
    assert_eq!(message.top_via().unwrap().branch, Some("z9hG4bKq"));
    assert_eq!(message.from_tag(), Some("x"));
    assert_eq!(message.call_id(), Ok("1"));
    assert_eq!(message.cseq().unwrap().method, Method::Options);
}

#[test]
fn lists_are_taken_apart_and_others_are_not() {
    let more = "Route: <sip:a.test;x=1,2>;y=\",\", <sip:b.test>\r\n\
        Supported: a,, b ,\r\n\
        Route: <sip:c.test>\r\n\
        Subject: no, list\r\n";
    let text = request(&format!("{HEAD}{more}"), "");
    let message = Message::parse(text.as_bytes()).unwrap();
    let routes: Vec<&str> = message.values(Header::Route).collect();
    let expected = ["<sip:a.test;x=1,2>;y=\",\"", "<sip:b.test>", "<sip:c.test>"];
    assert_eq!(routes, expected);
    let supported: Vec<&str> = message.values(Header::Supported).collect();
    assert_eq!(supported, ["a", "b"]);
    let subject: Vec<&str> = message.values(Header::Subject).collect();
    assert_eq!(subject, ["no, list"]);
    assert_eq!(message.header(Header::Supported), Some("a,, b ,"));
}

#[test]
fn content_length_cuts_the_body() {
    let body = |length: &str, body: &str| {
        let text = request(&format!("{HEAD}{length}"), body);
        Message::parse(text.as_bytes())
            .map(|message| message.body().to_vec())
            .map_err(|malformed| malformed.status)
    };
    assert_eq!(body("l: 2\r\n", "abc"), Ok(b"ab".to_vec()));
    assert_eq!(body("l: 2\r\nl: 2\r\n", "abc"), Ok(b"ab".to_vec()));
    assert_eq!(body("", "abc"), Ok(b"abc".to_vec()));
    for wrong in [
        "l: 4",
        "l: -1",
        "l: 1\r\nl: 2",
        "l: 99999999999999999999",
        "l:",
    ] {
        let status = body(&format!("{wrong}\r\n"), "abc");
        assert_eq!(status, Err(Status::BAD_REQUEST), "{wrong}");
    }
    let announced = format!("l: {}\r\n", BODY_BYTES_MAX + 1);
    assert_eq!(body(&announced, "abc"), Err(Status::BODY_TOO_LARGE));
    let long = "x".repeat(BODY_BYTES_MAX + 1);
    assert_eq!(body("", &long), Err(Status::BODY_TOO_LARGE));
}

#[test]
fn what_every_message_must_have_is_asked_for() {
    for (line, what) in [
        (
            "Via: SIP/2.0/UDP phone.test;branch=z9hG4bKm1\r\n",
            "no Via header",
        ),
        (
            "From: Ann <sip:ann@phone.test>;tag=f1\r\n",
            "no From header",
        ),
        ("To: <sip:park@pbx.test>\r\n", "no To header"),
        ("Call-ID: c1@phone.test\r\n", "no Call-ID header"),
        ("CSeq: 7 INVITE\r\n", "no CSeq header"),
    ] {
        let malformed = refused(&with(line, ""));
        assert_eq!(malformed, Malformed::bad(what));
    }
}

#[test]
fn what_there_may_be_once_is_refused_twice() {
    for (line, what) in [
        (
            "From: <sip:ann@phone.test>;tag=f1",
            "more than one From header",
        ),
        ("t: <sip:park@pbx.test>", "more than one To header"),
        ("i: c1@phone.test", "more than one Call-ID header"),
        ("CSeq: 7 INVITE", "more than one CSeq header"),
        (
            "Max-Forwards: 70\r\nMax-Forwards: 70",
            "more than one Max-Forwards header",
        ),
    ] {
        let malformed = refused(&request(&format!("{HEAD}{line}\r\n"), ""));
        assert_eq!(malformed, Malformed::bad(what));
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (line, other, what) in [
        ("SIP/2.0/UDP phone", "SIP/2.0 phone", "Via is not a Via"),
        (
            "branch=z9hG4bKm1",
            "branch=a;branch=b",
            "branch too long or doubled",
        ),
        ("Ann <", "\"Ann <", "From is not an address"),
        ("tag=f1", "tag=f1;tag=f2", "From has a wrong tag"),
        ("tag=f1", "tag=", "From has a wrong tag"),
        ("<sip:park@pbx.test>", "<sip:park@>", "To is not an address"),
        (
            "c1@phone.test",
            "c1 phone",
            "Call-ID is not a Call-ID or too long",
        ),
        (
            "7 INVITE",
            "7",
            "CSeq is not a number below 2^31 and a method",
        ),
        (
            "7 INVITE",
            "2147483648 INVITE",
            "CSeq is not a number below 2^31 and a method",
        ),
        ("7 INVITE", "7 ACK", "CSeq names another method"),
        (
            "CSeq:",
            "Max-Forwards: many\r\nCSeq:",
            "Max-Forwards is not a number",
        ),
        ("CSeq:", "nonsense\r\nCSeq:", "a line is not a header field"),
        (
            "CSeq:",
            "no sense: x\r\nCSeq:",
            "a line is not a header field",
        ),
    ] {
        assert_eq!(refused(&with(line, other)), Malformed::bad(what));
    }
}

#[test]
fn an_unknown_method_is_compared_letter_by_letter() {
    let text =
        |one: &str, two: &str| with("7 INVITE", &format!("7 {two}")).replacen("INVITE", one, 1);
    assert!(Message::parse(text("FROBNICATE", "FROBNICATE").as_bytes()).is_ok());
    assert_eq!(
        refused(&text("FROBNICATE", "UNBNICATE")).what,
        "CSeq names another method"
    );
}

#[test]
fn start_lines_are_strict() {
    for (line, status) in [
        ("INVITE sip:park@pbx.test", 400),
        ("INVITE  sip:park@pbx.test SIP/2.0", 400),
        ("INVITE sip:park@pbx.test SIP/2.0 ", 400),
        ("INVITE sip:park @pbx.test SIP/2.0", 400),
        ("INVITE <sip:park@pbx.test> SIP/2.0", 400),
        ("INVITE pbx.test SIP/2.0", 400),
        ("IN[VITE sip:park@pbx.test SIP/2.0", 400),
        ("INVITE sip:park@pbx.test HTTP/1.1", 400),
        ("INVITE sip:park@pbx.test SIP/2", 400),
        ("INVITE sip:park@pbx.test SIP/2.1", 505),
        ("INVITE sip:park@pbx.test SIP/02.0", 505),
        ("SIP/3.0 200 OK", 505),
        ("SIP/2.0 99 Low", 400),
        ("SIP/2.0 700 High", 400),
        ("SIP/2.0 0200 OK", 400),
        ("SIP/2.0 4294967496 OK", 400),
        ("SIP/2.0", 400),
    ] {
        let malformed = refused(&format!("{line}\r\n{HEAD}\r\n"));
        assert_eq!(malformed.status.code(), status, "{line:?}");
    }
}

#[test]
fn limits_have_their_own_answers() {
    let long = |bytes| "x".repeat(bytes);
    let uri = request(HEAD, "").replacen("park", &long(URI_BYTES_MAX), 1);
    assert_eq!(refused(&uri).status, Status::URI_TOO_LONG);
    let head = request(&format!("{HEAD}X: {}\r\n", long(HEAD_BYTES_MAX)), "");
    assert_eq!(refused(&head).status, Status::MESSAGE_TOO_LARGE);
    let endless = long(HEAD_BYTES_MAX);
    assert_eq!(refused(&endless).status, Status::MESSAGE_TOO_LARGE);
    let many = request(&format!("{HEAD}{}", "X: y\r\n".repeat(HEADERS_MAX)), "");
    assert_eq!(refused(&many).what, "too many header fields");
    let call_id = with("c1@", &long(CALL_ID_BYTES_MAX));
    assert_eq!(refused(&call_id).status, Status::BAD_REQUEST);
    let tag = with("tag=f1", &format!("tag={}", long(TAG_BYTES_MAX + 1)));
    assert_eq!(refused(&tag).what, "From has a wrong tag");
}

#[test]
fn numbers_beyond_their_range_count_as_the_most() {
    let more = "Max-Forwards: 300\r\nExpires: 99999999999999999999999\r\n\
        Retry-After: 18 (in a meeting)\r\nSession-Expires: 1800;refresher=uac\r\nMin-SE: soon\r\n";
    let text = request(&format!("{HEAD}{more}"), "");
    let message = Message::parse(text.as_bytes()).unwrap();
    assert_eq!(message.max_forwards(), Ok(255));
    assert_eq!(message.delta_seconds(Header::Expires), Some(u32::MAX));
    assert_eq!(message.delta_seconds(Header::RetryAfter), Some(18));
    assert_eq!(message.delta_seconds(Header::SessionExpires), Some(1800));
    assert_eq!(message.delta_seconds(Header::MinSe), None);
    assert_eq!(message.delta_seconds(Header::Date), None);
}

#[test]
fn a_refused_request_can_still_be_answered() {
    for (text, uri) in [
        (
            request(HEAD, "").replacen("SIP/2.0", "SIP/9.1", 1),
            "sip:park@pbx.test",
        ),
        (with("CSeq:", "nonsense\r\nCSeq:"), "sip:park@pbx.test"),
        (with("7 INVITE", "7 ACK"), "sip:park@pbx.test"),
        (
            request(HEAD, "").replacen("park@", "<p> k@ ", 1),
            "sip:<p> k@ pbx.test",
        ),
        (request(HEAD, "").replace("\r\n", "\n"), "sip:park@pbx.test"),
        (request(&format!("{HEAD}l: 9\r\n"), ""), "sip:park@pbx.test"),
        (
            request(HEAD, "").trim_end().to_owned() + "\r\nTo: <sip:cut",
            "sip:park@pbx.test",
        ),
    ] {
        assert!(Message::parse(text.as_bytes()).is_err(), "{text}");
        let message = Message::parse_lenient(text.as_bytes()).unwrap();
        assert_eq!(message.method(), Some(Method::Invite));
        assert_eq!(message.request_uri(), Some(uri));
        assert_eq!(message.call_id(), Ok("c1@phone.test"));
        assert_eq!(message.header(Header::To), Some("<sip:park@pbx.test>"));
        assert_eq!(message.body(), b"");
    }
}

#[test]
fn a_line_that_is_not_utf8_does_not_keep_the_rest_from_an_answer() {
    let mut bytes = with("CSeq:", "X: y\r\nCSeq:").into_bytes();
    let at = bytes.iter().position(|byte| *byte == b'y').unwrap();
    bytes[at] = 0xfe;
    let message = Message::parse_lenient(&bytes).unwrap();
    assert_eq!(message.cseq().unwrap().number, 7);
}

#[test]
fn what_cannot_be_answered_is_none() {
    for text in [
        String::new(),
        "\r\n\r\n".to_owned(),
        "\0\0\0\0".to_owned(),
        request(HEAD, "").replacen("SIP/2.0", "HTTP/1.1", 1),
        format!("SIP/2.0 99 x\r\n{HEAD}\r\n"),
        with("SIP/2.0/UDP phone.test", "SIP/2.0/UDP"),
        with("CSeq: 7 INVITE\r\n", ""),
        with("CSeq: 7 INVITE", "CSeq:"),
    ] {
        assert!(
            Message::parse_lenient(text.as_bytes()).is_none(),
            "{text:?}"
        );
    }
}

#[test]
fn on_a_stream_content_length_is_needed() {
    use crate::sip::transport::Flow;
    let text = request(HEAD, "");
    let packet = |transport| Packet {
        transport,
        flow: Flow(1),
        local: "127.0.0.1:5060".parse().unwrap(),
        source: "127.0.0.1:5070".parse().unwrap(),
        bytes: text.as_bytes(),
    };
    assert!(Message::parse_packet(&packet(Transport::Udp)).is_ok());
    let malformed = Message::parse_packet(&packet(Transport::Tcp)).unwrap_err();
    assert_eq!(malformed.what, "no Content-Length on a stream");
}
