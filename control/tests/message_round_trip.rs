//! What is written can be read again, whatever the values; what is read never panics, whatever
//! the bytes.

use control::sip::frame::{Frame, Framer};
use control::sip::header::{Address, Header, Via, unfold};
use control::sip::message::Message;
use control::sip::method::Method;
use control::sip::status::Status;
use control::sip::uri::Uri;
use control::sip::write::{Body, Writer};
use proptest::collection::vec;
use proptest::prelude::*;

const TOKEN: &str = "[a-zA-Z0-9.!%*_+`'~-]{1,24}";
const NAME: &str = "[a-z][a-z0-9]{0,9}(\\.[a-z][a-z0-9]{0,9}){0,2}";

/// A URI of any shape that the grammar has.
fn uri() -> impl Strategy<Value = String> {
    let user = proptest::option::of("[a-zA-Z0-9_.!~*'()&=+$,;?/#-]{0,12}(%[0-9A-F]{2})?");
    let host = prop_oneof![
        NAME.prop_map(String::from),
        any::<[u8; 4]>().prop_map(|octets| std::net::Ipv4Addr::from(octets).to_string()),
        any::<u128>().prop_map(|bits| format!("[{}]", std::net::Ipv6Addr::from(bits))),
    ];
    let port = proptest::option::of(any::<u16>());
    let parameter = "([a-z]{3,8})(=[a-zA-Z0-9]{1,8})?";
    (user, host, port, proptest::option::of(parameter)).prop_map(|(user, host, port, parameter)| {
        let user = user.map(|user| format!("{user}@")).unwrap_or_default();
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let parameter = parameter.map(|text| format!(";{text}")).unwrap_or_default();
        format!("sip:{user}{host}{port}{parameter}")
    })
}

/// A whole request with a body, as bytes.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let body = vec(any::<u8>(), 0..200);
    (uri(), TOKEN, TOKEN, NAME, 0_u32..1 << 31, ".{0,40}", body).prop_map(
        |(uri, tag, branch, host, number, subject, bytes)| {
            let mut writer = Writer::request(Method::Invite, &uri);
            writer
                .header(
                    Header::Via,
                    format_args!("SIP/2.0/UDP {host};branch={branch}"),
                )
                .header(Header::From, format_args!("<{uri}>;tag={tag}"))
                .header(Header::To, format_args!("<{uri}>"))
                .header(Header::CallId, format_args!("{branch}@{host}"))
                .header(Header::CSeq, format_args!("{number} INVITE"))
                .header(Header::Subject, subject);
            let content_type = "application/octet-stream";
            writer.finish(Some(&Body {
                content_type,
                bytes,
            }))
        },
    )
}

proptest! {
    #[test]
    fn a_request_that_was_written_is_read_again(
        uri in uri(), tag in TOKEN, branch in TOKEN, number in 0_u32..1 << 31,
        display in "[^\"\\\\]{0,30}",
        subject in ".{0,60}", bytes in vec(any::<u8>(), 0..300),
    ) {
        // Any text at all may be tried: what the writer makes of it must stay in its line.
        let mut writer = Writer::request(Method::Options, &uri);
        writer
            .header(Header::Via, format_args!("SIP/2.0/TCP a.test;branch={branch}"))
            .header(Header::From, format_args!("\"{display}\" <{uri}>;tag={tag}"))
            .header(Header::To, format_args!("<{uri}>"))
            .header(Header::CallId, &branch)
            .header(Header::CSeq, format_args!("{number} OPTIONS"))
            .header(Header::Subject, &subject);
        let content_type = "text/plain";
        let written = writer.finish(Some(&Body { content_type, bytes: bytes.clone() }));
        let message = Message::parse(&written).unwrap();
        prop_assert_eq!(message.method(), Some(Method::Options));
        prop_assert_eq!(message.request_uri(), Some(&uri[..]));
        prop_assert_eq!(message.from_tag(), Some(&tag[..]));
        prop_assert_eq!(message.to_tag(), None);
        prop_assert_eq!(message.top_via().unwrap().branch, Some(&branch[..]));
        prop_assert_eq!(message.call_id(), Ok(&branch[..]));
        prop_assert_eq!(message.cseq().unwrap().number, number);
        prop_assert_eq!(message.body(), &bytes[..]);
        prop_assert_eq!(message.fields().count(), 8);
    }

    #[test]
    fn an_answer_goes_back_along_the_request(bytes in request(), port in 1_u16.., tag in TOKEN) {
        let request = Message::parse(&bytes).unwrap();
        let source = ([192, 0, 2, 9], port).into();
        let answer = Writer::reply(&request, source, Status::RINGING, Some(&tag)).finish(None);
        let response = Message::parse(&answer).unwrap();
        prop_assert_eq!(response.status(), Some(Status::RINGING));
        prop_assert_eq!(response.to_tag(), Some(&tag[..]));
        prop_assert_eq!(response.from_tag(), request.from_tag());
        prop_assert_eq!(response.call_id(), request.call_id());
        prop_assert_eq!(response.cseq(), request.cseq());
        prop_assert_eq!(response.top_via().unwrap().branch, request.top_via().unwrap().branch);
    }

    #[test]
    fn a_stream_gives_its_messages_however_it_is_cut(
        messages in vec(request(), 1..5), sizes in vec(1_usize..400, 1..30),
    ) {
        let stream = messages.concat();
        let mut framer = Framer::default();
        let mut rest = &stream[..];
        let mut out = Vec::new();
        for size in sizes.iter().cycle() {
            let (piece, behind) = rest.split_at((*size).min(rest.len()));
            framer.push(piece);
            out.extend(std::iter::from_fn(|| framer.next_frame()));
            rest = behind;
            if rest.is_empty() {
                break;
            }
        }
        let messages: Vec<Frame> = messages.into_iter().map(Frame::Message).collect();
        prop_assert_eq!(out, messages);
    }

    #[test]
    fn a_uri_is_equivalent_to_itself_whatever_the_case_of_its_scheme(uri in uri()) {
        let parsed = Uri::parse(&uri).unwrap();
        prop_assert!(parsed.is_equivalent(&parsed));
        let upper = uri.replacen("sip:", "SIP:", 1);
        prop_assert!(parsed.is_equivalent(&Uri::parse(&upper).unwrap()));
    }

    #[test]
    fn any_bytes_are_taken_or_refused(bytes in vec(any::<u8>(), 0..600)) {
        let _ = Message::parse(&bytes);
        let _ = Message::parse_lenient(&bytes);
        let mut framer = Framer::default();
        framer.push(&bytes);
        prop_assert!(std::iter::from_fn(|| framer.next_frame()).count() <= bytes.len());
    }

    #[test]
    fn any_text_is_a_value_or_none(text in "(?s).{0,80}") {
        if let Some(address) = Address::parse(&text) {
            prop_assert!(text.contains(address.uri));
        }
        if let Some(via) = Via::parse(&text) {
            prop_assert!(text.contains(via.text));
        }
        prop_assert!(!unfold(&text).contains(['\r', '\n']));
    }

    #[test]
    fn a_damaged_request_is_taken_or_refused(
        bytes in request(), damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = bytes;
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let whole = Message::parse(&bytes).is_ok();
        let part = Message::parse_lenient(&bytes).is_some();
        prop_assert!(part || !whole, "what parses does so leniently");
    }
}
