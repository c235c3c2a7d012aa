//! Digits by INFO, as phones send them that have no telephone-event: `application/dtmf-relay` and
//! `application/dtmf` (legacy usage, RFC 6086 §2).
//!
//! Absent on purpose: what the digits are for (`pin`).

use shared::Time;

use super::pin::By;
use crate::call::Exchange;
use crate::sip::agent::{DialogKey, Reply, RequestKey};
use crate::sip::header::Header;
use crate::sip::message::Message;
use crate::sip::method::Method;
use crate::sip::status::Status;

/// The bodies that are read.
const RELAY: &str = "application/dtmf-relay";
const PLAIN: &str = "application/dtmf";

/// What an INFO says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    /// A key, by its number in RFC 4733 §3.2.
    Key(u8),
    /// Something else that is no mistake: no body at all, or a flash of the hook.
    Nothing,
    /// A body of another type.
    OtherType,
    /// A body of a known type that says nothing.
    Malformed,
}

impl Exchange {
    /// A request that is none of a call's own.
    pub(crate) fn requested(
        &mut self,
        now: Time,
        key: RequestKey,
        dialog: Option<DialogKey>,
        request: &Message<'_>,
    ) {
        let mut reply = Reply::default();
        let told = match (request.method(), dialog) {
            (Some(Method::Info), Some(_)) => told(request),
            (Some(Method::Info), None) => {
                let status = Status::CALL_DOES_NOT_EXIST;
                return self.agent.respond(now, key, status, reply);
            }
            _ => return (self.agent).respond(now, key, Status::METHOD_NOT_ALLOWED, reply),
        };
        let status = match told {
            Told::Key(_) | Told::Nothing => Status::OK,
            Told::Malformed => Status::BAD_REQUEST,
            Told::OtherType => {
                let known = format!("{RELAY}, {PLAIN}");
                reply.headers.push((Header::Accept, known));
                Status::UNSUPPORTED_MEDIA_TYPE
            }
        };
        self.agent.respond(now, key, status, reply);
        if let (Told::Key(code), Some(dialog)) = (told, dialog) {
            self.key_pressed(now, dialog, code, By::Info);
        }
    }
}

fn told(request: &Message<'_>) -> Told {
    if request.body().is_empty() {
        return Told::Nothing;
    }
    let kind = request.header(Header::ContentType).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let Ok(body) = std::str::from_utf8(request.body()) else {
        return Told::Malformed;
    };
    let signal = if kind.eq_ignore_ascii_case(RELAY) {
        let mut lines = body.lines().filter_map(|line| line.split_once('='));
        let signal = lines.find(|(name, _)| name.trim().eq_ignore_ascii_case("signal"));
        signal.map(|(_, value)| value.trim())
    } else if kind.eq_ignore_ascii_case(PLAIN) {
        Some(body.trim())
    } else {
        return Told::OtherType;
    };
    signal.map_or(Told::Malformed, key)
}

/// A key by its sign, or by its number, which some phones write.
fn key(signal: &str) -> Told {
    match signal {
        "*" | "10" => Told::Key(10),
        "#" | "11" => Told::Key(11),
        "!" | "16" | "12" | "13" | "14" | "15" => Told::Nothing,
        _ => match signal.as_bytes() {
            [digit @ b'0'..=b'9'] => Told::Key(digit - b'0'),
            [b'A'..=b'D' | b'a'..=b'd'] => Told::Nothing,
            _ => Told::Malformed,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_by(kind: &str, body: &str) -> Told {
        let length = body.len();
        let text = format!(
            "INFO sip:701@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: \
             <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: c\r\nCSeq: 2 INFO\r\n\
             Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        told(&Message::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn a_key_is_read_from_either_body() {
        for (kind, body, code) in [
            (RELAY, "Signal=5\r\nDuration=160\r\n", 5),
            ("Application/DTMF-Relay", "signal= # \r\n", 11),
            (RELAY, "Duration=160\nSignal=10\n", 10),
            (PLAIN, "0", 0),
            ("application/dtmf;charset=utf-8", "*\r\n", 10),
        ] {
            assert_eq!(told_by(kind, body), Told::Key(code), "{body}");
        }
    }

    #[test]
    fn what_is_no_key_is_told_from_what_is_wrong() {
        assert_eq!(told_by(RELAY, ""), Told::Nothing);
        assert_eq!(told_by(RELAY, "Signal=!\r\n"), Told::Nothing);
        assert_eq!(told_by(PLAIN, "A"), Told::Nothing);
        assert_eq!(told_by("text/plain", "5"), Told::OtherType);
        for body in ["Signal=\r\n", "Sign=5", "Signal=55", "\u{661}", "-1"] {
            assert_eq!(told_by(RELAY, body), Told::Malformed, "{body}");
        }
    }
}
