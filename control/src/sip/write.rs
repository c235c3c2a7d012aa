//! Writing SIP messages (RFC 3261 §7). One pass into one buffer; a value can never break a line.

use std::fmt::{self, Write as _};
use std::net::{IpAddr, SocketAddr};

use super::header::{Address, Header, Parameters, Via};
use super::message::Message;
use super::method::Method;
use super::status::Status;
use super::token::is_token_byte;
use super::uri::Host;

/// A message in the making: start line, then header fields in the order of the calls, then the
/// body.
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
    /// Begins a request. White space and control characters in the URI are escaped.
    ///
    /// # Panics
    /// For [`Method::Other`], which has no name to write.
    #[must_use]
    pub fn request(method: Method, uri: &str) -> Self {
        assert!(
            method != Method::Other,
            "a request needs a method with a name"
        );
        let mut writer = Self::empty();
        writer.bytes.extend_from_slice(method.name().as_bytes());
        writer.bytes.push(b' ');
        for byte in uri.bytes() {
            match byte {
                0..=b' ' | 0x7f => writer.bytes.extend_from_slice(&escape(byte)),
                _ => writer.bytes.push(byte),
            }
        }
        writer.bytes.extend_from_slice(b" SIP/2.0\r\n");
        writer
    }

    /// Begins a response, without copying anything from a request.
    #[must_use]
    pub fn response(status: Status, reason: &str) -> Self {
        let mut writer = Self::empty();
        writer.put(format_args!("SIP/2.0 {status} "));
        writer.put(reason);
        writer.end_line();
        writer
    }

    /// Begins a response to `request`: Via (all, in order), From, To, Call-ID, CSeq are copied
    /// (RFC 3261 §8.2.6), Timestamp too into a 100; `received` and `rport` are the source to note
    /// in the top Via (§18.2.1, RFC 3581); `to_tag` is added to To where it has none. A folded
    /// value becomes one line. The request may come from [`Message::parse_lenient`].
    #[must_use]
    pub fn reply(
        request: &Message<'_>,
        source: SocketAddr,
        status: Status,
        to_tag: Option<&str>,
    ) -> Self {
        let mut writer = Self::response(status, status.reason());
        writer.copy_vias(request, source);
        for header in [Header::From, Header::To, Header::CallId, Header::CSeq] {
            let Some(value) = request.header(header) else {
                continue;
            };
            match to_tag.filter(|_| header == Header::To && !has_tag(value)) {
                Some(tag) => writer.header(header, format_args!("{value};tag={tag}")),
                None => writer.header(header, value),
            };
        }
        if status == Status::TRYING
            && let Some(timestamp) = request.header(Header::Timestamp)
        {
            writer.header(Header::Timestamp, timestamp);
        }
        writer
    }

    /// Appends a header field. Line breaks and other control characters in the value become spaces.
    pub fn header(&mut self, header: Header, value: impl fmt::Display) -> &mut Self {
        self.bytes.extend_from_slice(header.name().as_bytes());
        self.bytes.extend_from_slice(b": ");
        self.put(value);
        self.end_line();
        self
    }

    /// Appends a header field this project has no name for. What cannot stand in a name becomes a
    /// hyphen.
    pub fn extension(&mut self, name: &str, value: impl fmt::Display) -> &mut Self {
        let name = name.bytes().map(|byte| match is_token_byte(byte) {
            true => byte,
            false => b'-',
        });
        self.bytes.extend(name);
        self.bytes.extend_from_slice(b": ");
        self.put(value);
        self.end_line();
        self
    }

    /// Ends the head with Content-Type and Content-Length, appends the body, gives the bytes.
    #[must_use]
    pub fn finish(mut self, body: Option<&Body>) -> Vec<u8> {
        let length = body.map_or(0, |body| body.bytes.len());
        if let Some(body) = body {
            self.header(Header::ContentType, body.content_type);
        }
        self.header(Header::ContentLength, length);
        self.bytes.extend_from_slice(b"\r\n");
        if let Some(body) = body {
            self.bytes.extend_from_slice(&body.bytes);
        }
        self.bytes
    }

    fn empty() -> Self {
        Self {
            bytes: Vec::with_capacity(1024),
        }
    }

    /// All Vias, one a line; in the top one `received` is noted where the sent-by is not the
    /// source or the sender asked for `rport` (RFC 3581 §4), and `rport` gets the port. The
    /// peer's own words for these two do not count.
    fn copy_vias(&mut self, request: &Message<'_>, source: SocketAddr) {
        let mut vias = request.values(Header::Via);
        let Some(top) = vias.next() else {
            return;
        };
        match Via::parse(top) {
            Some(via) => self.header(Header::Via, Noted { via, source }),
            None => self.header(Header::Via, top),
        };
        for via in vias {
            self.header(Header::Via, via);
        }
    }

    /// Writes into the line.
    fn put(&mut self, value: impl fmt::Display) {
        let mut line = Line {
            bytes: &mut self.bytes,
            is_after_break: false,
        };
        // A `Display` that fails has written what it could; writing here cannot fail.
        let _ = write!(line, "{value}");
    }

    fn end_line(&mut self) {
        self.bytes.extend_from_slice(b"\r\n");
    }
}

/// The one place where text enters a line: no control character but the tab gets through, and a
/// fold becomes one space.
struct Line<'a> {
    bytes: &'a mut Vec<u8>,
    is_after_break: bool,
}

impl fmt::Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            match byte {
                b'\r' | b'\n' if self.is_after_break => {}
                b'\r' | b'\n' => {
                    self.bytes.push(b' ');
                    self.is_after_break = true;
                }
                b' ' | b'\t' if self.is_after_break => {}
                b'\t' => self.bytes.push(b'\t'),
                0..b' ' | 0x7f => self.bytes.push(b' '),
                _ => {
                    self.is_after_break = false;
                    self.bytes.push(byte);
                }
            }
        }
        Ok(())
    }
}

/// The top Via with the source noted in it.
struct Noted<'a> {
    via: Via<'a>,
    source: SocketAddr,
}

impl fmt::Display for Noted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = self.source.ip().to_canonical();
        let is_source = match self.via.host {
            Host::Address(address) => IpAddr::to_canonical(&address) == source,
            Host::Name(_) => false,
        };
        f.write_str(self.via.front())?;
        for parameter in Parameters(self.via.parameters).raw() {
            let name = parameter.split(['=', ' ', '\t', '\r']).next().unwrap_or("");
            if name.eq_ignore_ascii_case("rport") {
                write!(f, ";rport={}", self.source.port())?;
            } else if !name.eq_ignore_ascii_case("received") {
                write!(f, ";{parameter}")?;
            }
        }
        if !is_source || self.via.rport.is_some() {
            write!(f, ";received={source}")?;
        }
        Ok(())
    }
}

/// Whether a To has a tag, be it well-formed or not.
fn has_tag(value: &str) -> bool {
    match Address::parse(value) {
        Some(address) => address.tag().is_some(),
        None => value.to_ascii_lowercase().contains(";tag="),
    }
}

/// A byte as percent sign and two digits.
fn escape(byte: u8) -> [u8; 3] {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    [
        b'%',
        DIGITS[usize::from(byte >> 4)],
        DIGITS[usize::from(byte & 15)],
    ]
}

#[cfg(test)]
mod tests;
