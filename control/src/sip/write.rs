//! Writing SIP messages (RFC 3261 §7). One pass into one buffer; a value can never break a line.

use std::fmt;

use super::header::Header;
use super::message::Message;
use super::method::Method;
use super::status::Status;

/// A message in the making: start line, then header fields in the order of the calls, then the body.
#[derive(Clone, Debug)]
pub struct Writer {
    bytes: Vec<u8>,
}

/// A message body and what it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Body {
    /// The Content-Type, such as `application/sdp`.
    pub content_type: &'static str,
    /// The body itself.
    pub bytes: Vec<u8>,
}

impl Writer {
    /// Begins a request.
    #[must_use]
    pub fn request(_method: Method, _uri: &str) -> Self {
        unimplemented!()
    }

    /// Begins a response, without copying anything from a request.
    #[must_use]
    pub fn response(_status: Status, _reason: &str) -> Self {
        unimplemented!()
    }

    /// Begins a response to `request`: Via (all, in order), From, To, Call-ID, CSeq are copied
    /// (RFC 3261 §8.2.6); `received` and `rport` are the source to note in the top Via (§18.2.1, RFC 3581); `to_tag` is added to
    /// To where it has none.
    #[must_use]
    pub fn reply(
        _request: &Message<'_>,
        _source: std::net::SocketAddr,
        _status: Status,
        _to_tag: Option<&str>,
    ) -> Self {
        unimplemented!()
    }

    /// Appends a header field. Line breaks and other control characters in the value become spaces.
    pub fn header(&mut self, _header: Header, _value: impl fmt::Display) -> &mut Self {
        unimplemented!()
    }

    /// Appends a header field this project has no name for.
    pub fn extension(&mut self, _name: &str, _value: impl fmt::Display) -> &mut Self {
        unimplemented!()
    }

    /// Ends the head with Content-Type and Content-Length, appends the body, gives the bytes.
    #[must_use]
    pub fn finish(self, _body: Option<&Body>) -> Vec<u8> {
        unimplemented!()
    }
}
