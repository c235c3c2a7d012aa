//! The parser's verdict on every torture message, and what must be true of each whatever the
//! verdict.

#[path = "torture/table.rs"]
mod table;

use std::collections::BTreeSet;
use std::path::Path;

use control::sip::frame::{Frame, Framer};
use control::sip::header::Header;
use control::sip::message::Message;
use control::sip::method::Method;
use control::sip::status::Status;
use control::sip::write::Writer;
use table::{Answer, Parse, SOURCE, TABLE, Torture};

/// Every finding at once: one run shows all that is wrong.
fn each(wrong: impl Fn(&Torture) -> Option<String>) {
    let findings: Vec<String> = TABLE
        .iter()
        .filter_map(|torture| Some(format!("{}: {}", torture.name, wrong(torture)?)))
        .collect();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

fn named(name: &str) -> Message<'static> {
    let torture = TABLE.iter().find(|torture| torture.name == name);
    match torture.map(|torture| Message::parse(torture.bytes)) {
        Some(Ok(message)) => message,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn the_table_names_every_file_and_every_file_is_in_the_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| Some(name.strip_suffix(".sip")?.to_owned()))
        .collect();
    let named: BTreeSet<String> = TABLE
        .iter()
        .map(|torture| torture.name.to_owned())
        .collect();
    assert_eq!(files, named);
    assert_eq!(named.len(), TABLE.len(), "no name stands twice");
}

#[test]
fn the_parser_gives_the_verdict_of_the_table() {
    each(|torture| {
        let verdict = match Message::parse(torture.bytes) {
            Ok(_) => Parse::Valid,
            Err(wrong) => Parse::Malformed(wrong.status.code(), wrong.what),
        };
        (verdict != torture.parse).then(|| format!("{verdict:?}, not {:?}", torture.parse))
    });
}

#[test]
fn what_is_refused_with_an_answer_can_be_answered() {
    each(|torture| {
        let (Parse::Malformed(code, _), Answer::Status(answer)) = (torture.parse, torture.answer)
        else {
            return None;
        };
        if code != answer {
            return Some(format!("{code} becomes {answer}"));
        }
        let Some(message) = Message::parse_lenient(torture.bytes) else {
            return Some("cannot be answered".to_owned());
        };
        let status = Status::new(code).unwrap();
        let source = SOURCE.parse().unwrap();
        let answer = Writer::reply(&message, source, status, Some("t")).finish(None);
        // The copied headers may be as wrong as they were, but they stay where they are.
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let is_whole = answer.starts_with(&format!("SIP/2.0 {code} "))
            && answer.contains("\r\nVia: ")
            && answer.contains("\r\nCSeq: ")
            && answer.contains("\r\nCall-ID: ") == message.header(Header::CallId).is_some()
            && answer.ends_with("\r\nContent-Length: 0\r\n\r\n");
        (!is_whole).then_some(answer)
    });
}

#[test]
fn what_is_met_with_silence_has_a_reason_for_it() {
    each(|torture| {
        let answerable = Message::parse(torture.bytes)
            .ok()
            .or_else(|| Message::parse_lenient(torture.bytes));
        let is_silent = answerable
            .is_none_or(|message| message.method().is_none_or(|method| method == Method::Ack));
        (is_silent != (torture.answer == Answer::Silence))
            .then(|| format!("silent: {is_silent}, {:?}", torture.answer))
    });
}

#[test]
fn the_answer_to_a_valid_request_is_valid() {
    each(|torture| {
        let request = Message::parse(torture.bytes).ok()?;
        request.method()?;
        let source = SOURCE.parse().unwrap();
        let bytes = Writer::reply(&request, source, Status::OK, Some("t9")).finish(None);
        let response = match Message::parse(&bytes) {
            Ok(response) => response,
            Err(wrong) => return Some(wrong.to_string()),
        };
        let vias = |message: &Message<'_>| message.values(Header::Via).count();
        let is_same = response.call_id() == request.call_id()
            && response.cseq() == request.cseq()
            && response.from_tag() == request.from_tag()
            && response.to_tag() == request.to_tag().or(Some("t9"))
            && response.top_via().unwrap().branch == request.top_via().unwrap().branch
            && vias(&response) == vias(&request);
        (!is_same).then(|| String::from_utf8_lossy(&bytes).into_owned())
    });
}

#[test]
fn a_stream_gives_each_framed_message_back() {
    each(|torture| {
        let message = Message::parse(torture.bytes).ok()?;
        message.header(Header::ContentLength)?;
        let mut framer = Framer::default();
        framer.push(torture.bytes);
        let mut frames = std::iter::from_fn(|| framer.next_frame());
        let framed = frames.find_map(|frame| match frame {
            Frame::Message(bytes) => Some(bytes),
            Frame::KeepAlive => None,
            Frame::Broken(_) => Some(Vec::new()),
        });
        let framed = framed.unwrap_or_default();
        let is_same = Message::parse(&framed)
            .is_ok_and(|again| again.start() == message.start() && again.body() == message.body());
        (!is_same).then(|| "framed otherwise".to_owned())
    });
}

#[test]
fn white_space_hides_nothing() {
    let message = named("valid_white_space");
    assert_eq!(message.from_tag(), Some("9c1a"));
    assert_eq!(
        message.from().unwrap().display,
        Some(r#"Ann \\\"the first\\\"\\"#)
    );
    assert_eq!(message.cseq().unwrap().number, 31);
    assert_eq!(message.max_forwards(), Ok(69));
    assert_eq!(message.values(Header::Via).count(), 3);
    assert_eq!(
        message.contact().unwrap().parameter("newparameter"),
        Some("newvalue")
    );
    assert!(message.body().starts_with(b"v=0\r\n"));
}

#[test]
fn octets_behind_the_body_are_cut() {
    assert_eq!(named("valid_octets_behind_body").body(), b"abc");
}

#[test]
fn an_escape_names_no_host() {
    use control::sip::uri::{Host, Uri};
    let uri = named("valid_escaped_user").request_uri().unwrap();
    let uri = Uri::parse(uri).unwrap();
    assert_eq!(uri.user_unescaped().unwrap(), "sips:ann@far.test");
    assert_eq!(uri.host, Host::Name("pbx.test"));
}

#[test]
fn a_method_with_a_percent_sign_is_not_unescaped() {
    assert_eq!(
        named("valid_percent_in_method").method(),
        Some(Method::Other)
    );
}
