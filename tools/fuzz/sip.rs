//! The targets of SIP: messages, URIs, header values, streams.

use control::sip::frame::{Frame, Framer};
use control::sip::header::{
    Address, CSeq, Header, Parameters, Replaces, Via, split_parameters, unfold,
};
use control::sip::limits::{BODY_BYTES_MAX, HEAD_BYTES_MAX, HEADERS_MAX};
use control::sip::message::Message;
use control::sip::status::Status;
use control::sip::uri::{Host, Uri};
use control::sip::write::Writer;

use crate::rewrite;

/// One datagram. What parses has everything a message must have, lies within the datagram, can be
/// answered, and says the same when it is written anew; what does not parse can at most be
/// answered.
///
/// # Panics
/// When that is not so.
pub fn sip_message(bytes: &[u8]) {
    let lenient = Message::parse_lenient(bytes);
    if let Some(request) = &lenient {
        check_answer(request);
    }
    let Ok(message) = Message::parse(bytes) else {
        return;
    };
    check_parts(&message, bytes);
    let again = rewrite(&message);
    match Message::parse(&again) {
        Ok(again) => check_same(&message, &again),
        // Names and values written in full may exceed a limit that compact ones kept.
        Err(wrong) => assert_eq!(wrong.status, Status::MESSAGE_TOO_LARGE, "{wrong}"),
    }
    if message.method().is_some() {
        check_answer(&message);
        let lenient = lenient.expect("a request that parses also does so leniently");
        assert_eq!(lenient.start(), message.start());
        assert!(lenient.fields().eq(message.fields()));
    }
}

/// Two URIs on two lines. What parses has its parts within the text, and equivalence is one.
///
/// # Panics
/// When that is not so.
pub fn sip_uri(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (one, two) = text.split_once('\n').unwrap_or((&text, ""));
    let uris = [Uri::parse(one), Uri::parse(two)];
    for uri in uris.iter().flatten() {
        check_uri(uri);
    }
    if let [Ok(one), Ok(two)] = uris {
        assert_eq!(
            one.is_equivalent(&two),
            two.is_equivalent(&one),
            "{one} {two}"
        );
    }
}

/// One value of any header field, for every parser of values.
///
/// # Panics
/// When a value is not what its type promises.
pub fn sip_headers(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(address) = Address::parse(&text) {
        assert_eq!(Address::parse(address.text), Some(address));
        check_uri(&Uri::parse(address.uri).expect("the URI of an address is one"));
        assert!(Parameters(address.parameters).is_well_formed());
        assert!(
            address
                .tag()
                .is_none_or(|tag| address.parameters.contains(tag))
        );
    }
    if let Some(via) = Via::parse(&text) {
        assert_eq!(Via::parse(via.text), Some(via));
        assert_eq!(Host::parse(&via.host.to_string()), Some(via.host));
        assert!(
            via.branch
                .is_none_or(|branch| via.parameters.contains(branch))
        );
    }
    if let Some(cseq) = CSeq::parse(&text) {
        assert!(cseq.number < 1 << 31);
    }
    if let Some(replaces) = Replaces::parse(&text) {
        assert!(!replaces.call_id.is_empty() && !replaces.to_tag.is_empty());
        assert!(!replaces.from_tag.is_empty());
    }
    let (value, parameters) = split_parameters(&text);
    assert!(value.len() + parameters.0.len() <= text.len());
    assert!(parameters.iter().count() <= text.len() + 1);
    let line = unfold(&text);
    assert!(!line.contains(['\r', '\n']));
    assert_eq!(unfold(&line), line, "unfolded once is unfolded");
    check_line(&text);
}

/// A stream; the first byte says into how large pieces it is cut. However it is cut, the same
/// messages come out, no message is larger than the limits, and no more waits than one message
/// and one piece.
///
/// # Panics
/// When that is not so.
pub fn sip_frame(bytes: &[u8]) {
    let Some((&size, stream)) = bytes.split_first() else {
        return;
    };
    let size = usize::from(size) + 1;
    let pieces = messages_of(stream, size);
    assert_eq!(pieces, messages_of(stream, stream.len().max(1)));
    assert_eq!(pieces, messages_of(stream, 7));
    let mut rest = stream;
    for message in pieces.iter().flatten() {
        assert!(message.len() <= HEAD_BYTES_MAX + BODY_BYTES_MAX);
        let at = rest
            .windows(message.len())
            .position(|window| window == &message[..])
            .expect("a message is a piece of the stream, behind the one before it");
        let skipped = &rest[..at];
        assert!(skipped.iter().all(|byte| matches!(byte, b'\r' | b'\n')));
        rest = &rest[at + message.len()..];
    }
}

/// The messages of a stream in pieces of a size; `None` at the end when the stream broke.
fn messages_of(stream: &[u8], size: usize) -> Vec<Option<Vec<u8>>> {
    let mut framer = Framer::default();
    let mut out = Vec::new();
    for piece in stream.chunks(size) {
        framer.push(piece);
        while let Some(frame) = framer.next_frame() {
            assert_ne!(out.last(), Some(&None), "nothing follows a break");
            match frame {
                Frame::Message(message) => out.push(Some(message)),
                Frame::KeepAlive => {}
                Frame::Broken(head) => {
                    assert!(head.len() <= HEAD_BYTES_MAX + 1);
                    out.push(None);
                }
            }
        }
        assert!(framer.waiting() < HEAD_BYTES_MAX + BODY_BYTES_MAX);
    }
    out
}

/// What [`Message::parse`] promises.
fn check_parts(message: &Message<'_>, bytes: &[u8]) {
    let range = bytes.as_ptr_range();
    let is_within = |part: &[u8]| {
        let part = part.as_ptr_range();
        part.start >= range.start && part.end <= range.end
    };
    assert!(is_within(message.body()));
    assert!(message.body().len() <= BODY_BYTES_MAX);
    assert!(message.fields().count() <= HEADERS_MAX);
    for (name, value) in message.fields() {
        assert!(is_within(name.as_bytes()) && is_within(value.as_bytes()));
        for value in Header::parse(name)
            .into_iter()
            .flat_map(|known| message.values(known))
        {
            assert!(is_within(value.as_bytes()));
        }
    }
    assert!(message.from().is_ok() && message.to().is_ok() && message.call_id().is_ok());
    assert!(message.cseq().is_ok() && message.top_via().is_ok());
    assert!(message.max_forwards().is_ok());
    if let Some(uri) = message.request_uri() {
        check_uri(&Uri::parse(uri).expect("a Request-URI is a URI"));
    }
    let _ = message.contact();
    let _ = message.delta_seconds(Header::Expires);
}

/// Two messages that must say the same.
fn check_same(one: &Message<'_>, two: &Message<'_>) {
    assert_eq!(one.start(), two.start());
    assert_eq!(one.body(), two.body());
    let fields = |message: &Message<'_>| -> Vec<(String, String)> {
        message
            .fields()
            .filter(|(name, _)| Header::parse(name) != Some(Header::ContentLength))
            .map(|(name, value)| (name.to_owned(), unfold(value).into_owned()))
            .collect()
    };
    assert_eq!(fields(one), fields(two));
}

/// An answer to whatever it is has the shape of an answer, and parses where the request did.
fn check_answer(request: &Message<'_>) {
    for source in ["192.0.2.9:5070", "[2001:db8::9]:5070"] {
        let Ok(source) = source.parse() else {
            continue;
        };
        let answer = Writer::reply(request, source, Status::OK, Some("t9")).finish(None);
        let text = str::from_utf8(&answer).expect("an answer's head is UTF-8");
        let (head, rest) = text.split_once("\r\n\r\n").expect("an answer has an end");
        assert_eq!(
            rest, "",
            "an answer without body has nothing behind its head"
        );
        assert!(head.starts_with("SIP/2.0 200 OK\r\nVia: "));
        let lone = head.replace("\r\n", "");
        assert!(
            !lone.contains(|c: char| c.is_ascii_control() && c != '\t'),
            "{lone:?}"
        );
        let vias = request.values(Header::Via).count();
        let copied = [Header::From, Header::To, Header::CallId, Header::CSeq];
        let is_there = |header: &&Header| request.header(**header).is_some();
        let present = copied.iter().filter(is_there).count();
        assert_eq!(
            head.matches("\r\n").count(),
            vias + 1 + present,
            "no line more than there must be"
        );
        if Message::parse(&rewrite(request)).is_err() {
            continue;
        }
        match Message::parse(&answer) {
            Ok(response) => {
                assert_eq!(response.call_id(), request.call_id());
                assert_eq!(response.to_tag(), request.to_tag().or(Some("t9")));
            }
            // Lists of Vias become lines.
            Err(wrong) => {
                assert!(
                    vias + 5 > HEADERS_MAX || answer.len() > HEAD_BYTES_MAX,
                    "{wrong}"
                );
            }
        }
    }
}

/// What [`Uri::parse`] promises.
fn check_uri(uri: &Uri<'_>) {
    assert_eq!(Uri::parse(uri.text), Ok(*uri));
    assert!(uri.is_equivalent(uri), "{uri}");
    assert!(
        !uri.text
            .contains(|c: char| c.is_ascii_whitespace() || c.is_ascii_control())
    );
    if uri.host != Host::Name("") {
        assert_eq!(Host::parse(&uri.host.to_string()), Some(uri.host));
    }
    let _ = uri.user_unescaped();
    let _ = uri.header("Replaces");
    let _ = uri.parameter("transport");
}

/// Whatever is put into a line stays in it.
fn check_line(text: &str) {
    let mut writer = Writer::response(Status::OK, text);
    writer.header(Header::Subject, text).extension(text, text);
    let bytes = writer.finish(None);
    let text = str::from_utf8(&bytes).expect("what is written is UTF-8");
    assert_eq!(text.matches("\r\n").count(), 5);
    assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']));
}
