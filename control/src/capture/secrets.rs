//! What of a message is not written down: credentials, keys of media, park tokens (who knows one
//! can retrieve its call), and the bodies of INFO, which may be the keys of a PIN. They are
//! overwritten with `x`, so that all lengths stay true.
//!
//! It looks at bytes, not at messages: what no parser would take is captured, too, and must not
//! tell more for being wrong.

use crate::sip::message::Message;

/// The Call-ID of a message; of one that no parser takes, that of the first line that says one.
#[must_use]
pub fn call_id(message: &[u8]) -> Option<&str> {
    if let Ok(message) = Message::parse(message) {
        return message.call_id().ok();
    }
    let message = &message[breaks(message)..];
    for line in Lines::new(message) {
        if line.is_empty() {
            return None;
        }
        if let Some((name, value)) = field(&message[line])
            && (is(name, "call-id") || is(name, "i"))
        {
            return str::from_utf8(value).ok().map(str::trim);
        }
    }
    None
}

/// Overwrites what is secret in a message.
pub fn withhold(message: &mut [u8]) {
    let start = breaks(message);
    let message = &mut message[start..];
    let is_info = message.starts_with(b"INFO ");
    let (mut in_body, mut in_secret) = (false, false);
    let lines: Vec<_> = Lines::new(message).collect();
    for line in lines {
        // What is taken for a head may be one within a body (message/sipfrag), and the other way
        // round: each line is looked at in both ways.
        let text = &message[line.clone()];
        let continues = matches!(text, [b' ' | b'\t', ..]);
        let hidden = match field(text) {
            _ if in_body && is_info => Some(0),
            _ if continues && in_secret => Some(0),
            Some((name, _)) if SECRET_FIELDS.iter().any(|secret| is(name, secret)) => {
                Some(name.len() + 1)
            }
            _ => SECRET_LINES
                .iter()
                .find(|start| begins(text, start))
                .map(|start| start.len()),
        };
        in_secret = hidden.is_some();
        in_body |= line.is_empty();
        if let Some(from) = hidden {
            let from = line.start + from.min(line.len());
            overwrite(&mut message[from..line.end]);
        }
    }
    withhold_tokens(message);
}

/// Bytes of line breaks before a message (RFC 3261 §7.5).
fn breaks(message: &[u8]) -> usize {
    let is_break = |byte: &&u8| matches!(byte, b'\r' | b'\n');
    message.iter().take_while(is_break).count()
}

/// What follows the name of a park token, wherever it stands.
fn withhold_tokens(message: &mut [u8]) {
    let mut at = 0;
    while let Some(found) = position(&message[at..], TOKEN) {
        let start = at + found + TOKEN.len();
        let is_value = |byte: &u8| byte.is_ascii_alphanumeric() || b"=%-_.\"".contains(byte);
        let value = message[start..].iter().take_while(|byte| is_value(byte));
        let end = start + value.count();
        overwrite(&mut message[start..end]);
        at = end;
    }
}

fn position(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let windows = bytes.windows(needle.len());
    { windows }.position(|window| window.eq_ignore_ascii_case(needle))
}

/// All but blanks and `=`, so that it still looks like what it was.
fn overwrite(bytes: &mut [u8]) {
    for byte in bytes {
        if !matches!(*byte, b' ' | b'\t' | b'=') {
            *byte = b'x';
        }
    }
}

/// Name and value of a field, if a line looks like one.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    Some((&line[..colon], &line[colon + 1..]))
}

fn is(name: &[u8], wanted: &str) -> bool {
    name.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes())
}

fn begins(line: &[u8], start: &str) -> bool {
    let beginning = line.get(..start.len());
    beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(start.as_bytes()))
}

/// Places of lines without their breaks; CR, LF and CRLF are all taken for one.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }
}

impl Iterator for Lines<'_> {
    type Item = std::ops::Range<usize>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let is_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let length = rest.iter().position(is_break).unwrap_or(rest.len());
        let line = self.at..self.at + length;
        self.at = match rest[length..] {
            [b'\r', b'\n', ..] => line.end + 2,
            _ => line.end + 1,
        };
        Some(line)
    }
}

/// Fields whose values are withheld.
const SECRET_FIELDS: [&str; 2] = ["authorization", "proxy-authorization"];

/// Lines of SDP that hold keys (RFC 4568, RFC 4567, RFC 8866 §5.12, RFC 8839 §5.4).
const SECRET_LINES: [&str; 4] = ["a=crypto:", "a=key-mgmt:", "k=", "a=ice-pwd:"];

/// The name of a URI parameter of ours.
const TOKEN: &[u8] = b"park-token";

#[cfg(test)]
mod tests {
    use super::*;

    fn withheld(message: &str) -> String {
        let mut bytes = message.as_bytes().to_vec();
        withhold(&mut bytes);
        assert_eq!(bytes.len(), message.len());
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn credentials_are_overwritten_however_they_are_written() {
        let message = "INVITE sip:701@a SIP/2.0\r\nAuthorization: Digest a=\"s3cret\",\r\n \
                       response=\"s3cret\"\r\n\
                       Proxy-AUTHORIZATION : s3cret\r\nTo: <sip:s@a>\r\n\r\n";
        let withheld = withheld(message);
        assert!(!withheld.contains("s3cret"), "{withheld}");
        assert!(!withheld.contains("Digest"), "{withheld}");
        assert!(
            withheld.contains("\r\nAuthorization: xxxxxx "),
            "{withheld}"
        );
        assert!(
            withheld.ends_with("\r\nTo: <sip:s@a>\r\n\r\n"),
            "{withheld}"
        );
    }

    #[test]
    fn other_breaks_of_lines_hide_nothing_from_it() {
        for message in [
            "X a SIP/2.0\nAuthorization: s3cret\nTo: b\n\n",
            "X a SIP/2.0\rAuthorization: s3cret\rTo: b\r\r",
            "Authorization: s3cret",
        ] {
            let withheld = withheld(message);
            assert!(!withheld.contains("s3cret"), "{withheld:?}");
        }
    }

    #[test]
    fn keys_of_media_are_overwritten_and_the_rest_of_sdp_is_not() {
        let message = "INVITE sip:a SIP/2.0\r\nContent-Length: 9\r\n\r\nv=0\r\nk=clear:s3cret\r\n\
                       a=crypto:1 AES inline:s3cret\r\nm=audio 4000 RTP/SAVP 0\r\n";
        let withheld = withheld(message);
        assert!(!withheld.contains("s3cret"), "{withheld}");
        assert!(withheld.contains("a=crypto:x xxx"), "{withheld}");
        assert!(withheld.contains("m=audio 4000 RTP/SAVP 0"), "{withheld}");
    }

    #[test]
    fn the_body_of_info_is_overwritten() {
        let message = "INFO sip:a SIP/2.0\r\nCSeq: 1 INFO\r\n\r\nSignal=5\r\nDuration=160\r\n";
        let withheld = withheld(message);
        assert!(
            withheld.ends_with("\r\n\r\nxxxxxx=x\r\nxxxxxxxx=xxx\r\n"),
            "{withheld}"
        );
        assert!(withheld.contains("CSeq: 1 INFO"), "{withheld}");
    }

    #[test]
    fn park_tokens_are_overwritten_wherever_they_stand() {
        let message = "REFER sip:a SIP/2.0\r\nRefer-To: <sip:701@b;park-token=0123456789abcdef>\r\n\
                       Contact: <sip:c;Park-Token%3D0123456789abcdef;lr>\r\n\r\n";
        let withheld = withheld(message);
        assert!(!withheld.contains("0123"), "{withheld}");
        assert!(
            withheld.contains(";park-token=xxxxxxxxxxxxxxxx>"),
            "{withheld}"
        );
        assert!(withheld.contains(";lr>"), "{withheld}");
    }

    #[test]
    fn a_message_tells_its_dialog_in_either_form() {
        let of = |text: &str| call_id(text.as_bytes()).map(str::to_owned);
        assert_eq!(
            of("BYE sip:a SIP/2.0\r\nCall-ID:  x@y \r\n\r\n"),
            Some("x@y".to_owned())
        );
        assert_eq!(of("SIP/2.0 200 OK\r\ni: z\r\n\r\n"), Some("z".to_owned()));
        assert_eq!(of("BYE sip:a SIP/2.0\r\n\r\nCall-ID: body\r\n"), None);
    }
}
