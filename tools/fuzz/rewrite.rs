//! A message written anew from its parts: what the parser found must be enough to say the same
//! again.

use control::sip::header::{Header, unfold};
use control::sip::message::{Message, Start};

/// The message with every field on one line under its own name and the right Content-Length.
#[must_use]
pub fn rewrite(message: &Message<'_>) -> Vec<u8> {
    let mut text = match message.start() {
        Start::Request { token, uri, .. } => format!("{token} {uri} SIP/2.0\r\n"),
        Start::Response { status, reason } => format!("SIP/2.0 {status} {reason}\r\n"),
    };
    for (name, value) in message.fields() {
        if Header::parse(name) != Some(Header::ContentLength) {
            text += &format!("{name}: {}\r\n", unfold(value));
        }
    }
    text += &format!("Content-Length: {}\r\n\r\n", message.body().len());
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(message.body());
    bytes
}
