//! A SIP message as slices over its datagram (RFC 3261 §7). Nothing is allocated for header
//! fields that nobody asks for.
//!
//! Absent on purpose: what a message means; whether it is right for its method is `agent`'s
//! check.

use std::fmt;

use super::field::{Field, Fields, cut_body};
use super::head::{self, Lines};
use super::header::{Address, CSeq, Header, Via};
use super::limits::{
    CALL_ID_BYTES_MAX, HEAD_BYTES_MAX, HEADERS_MAX, MESSAGE_BYTES_MAX, TAG_BYTES_MAX,
};
use super::method::Method;
pub use super::start::Start;
use super::status::Status;
use super::token::{is_space, split_outside};
use super::transport::{Packet, Transport};

/// A parsed message. Copies nothing from the datagram.
pub struct Message<'a> {
    start: Start<'a>,
    fields: Fields<'a>,
    body: &'a [u8],
}

impl<'a> Message<'a> {
    /// Parses the head strictly enough to be safe and leniently enough to answer. The body is
    /// what Content-Length says, or the rest of the datagram where it is absent (RFC 3261 §18.3).
    ///
    /// What it gives has one Call-ID, From, To and CSeq and a top Via, all well-formed, and its
    /// Request-URI is one that [`super::uri::Uri::parse`] takes.
    ///
    /// # Errors
    /// [`Malformed`], which says what to answer, where anything can be answered: see
    /// [`Self::parse_lenient`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let bytes = head::skip_breaks(bytes);
        let end = head::length(bytes);
        let head_bytes_min = end.unwrap_or(bytes.len() + 1);
        if bytes.len() > MESSAGE_BYTES_MAX || head_bytes_min > HEAD_BYTES_MAX {
            return Err(Malformed::new(
                Status::MESSAGE_TOO_LARGE,
                "message too large",
            ));
        }
        let end = end.ok_or(Malformed::bad("no end of the header"))?;
        let (head, rest) = bytes.split_at(end);
        if !head::is_clean(head) {
            return Err(Malformed::bad("control character in the header"));
        }
        let head = str::from_utf8(head).map_err(|_| Malformed::bad("header is not UTF-8"))?;
        let mut lines = Lines::of_text(head);
        let mut message = Self {
            start: Start::parse(lines.next().unwrap_or(""))?,
            fields: Fields::new(),
            body: &[],
        };
        message.fields.read(lines)?;
        message.body = cut_body(&message.fields, rest)?;
        message.check()?;
        Ok(message)
    }

    /// [`Self::parse`] of what a transport delivered: on a stream Content-Length must be there
    /// (RFC 3261 §18.3).
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_packet(packet: &Packet<'a>) -> Result<Self, Malformed> {
        let message = Self::parse(packet.bytes)?;
        let is_framed = message.header(Header::ContentLength).is_some();
        if packet.transport == Transport::Tcp && !is_framed {
            return Err(Malformed::bad("no Content-Length on a stream"));
        }
        Ok(message)
    }

    /// What can be had of a request that [`Self::parse`] refused, so that it can be answered: the
    /// start line cut roughly, the lines that are header fields, no body. `None` unless it is a
    /// request with a top Via that says where the answer goes and a CSeq: by these two its sender
    /// knows the answer as one (RFC 3261 §17.1.3). The accessors may fail on it.
    #[must_use]
    pub fn parse_lenient(bytes: &'a [u8]) -> Option<Self> {
        let bytes = head::skip_breaks(bytes);
        let end = head::length(bytes).unwrap_or(bytes.len());
        // A line without its break was cut off: what is left of it could mislead.
        let end = memchr::memrchr(b'\n', &bytes[..end.min(HEAD_BYTES_MAX)])? + 1;
        let mut lines = Lines::new(&bytes[..end]);
        let start = Start::parse_lenient(str::from_utf8(lines.next()?).ok()?)?;
        let fields = lines
            .filter_map(|line| str::from_utf8(line).ok())
            .filter_map(Field::parse)
            .take(HEADERS_MAX)
            .collect();
        let body = &[];
        let message = Self {
            start,
            fields,
            body,
        };
        let has_cseq = message
            .header(Header::CSeq)
            .is_some_and(|value| !value.is_empty());
        (message.top_via().is_ok() && has_cseq).then_some(message)
    }

    /// The start line.
    #[must_use]
    pub fn start(&self) -> Start<'a> {
        self.start
    }

    /// The method of a request.
    #[must_use]
    pub fn method(&self) -> Option<Method> {
        match self.start {
            Start::Request { method, .. } => Some(method),
            Start::Response { .. } => None,
        }
    }

    /// The status of a response.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        match self.start {
            Start::Request { .. } => None,
            Start::Response { status, .. } => Some(status),
        }
    }

    /// The Request-URI of a request, as written.
    #[must_use]
    pub fn request_uri(&self) -> Option<&'a str> {
        match self.start {
            Start::Request { uri, .. } => Some(uri),
            Start::Response { .. } => None,
        }
    }

    /// The body, empty when there is none.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The value of the first field of that name, as written: a folded one keeps its line breaks
    /// ([`super::header::unfold`]), a list is not taken apart ([`Self::values`]).
    #[must_use]
    pub fn header(&self, header: Header) -> Option<&'a str> {
        self.raw(header).next()
    }

    /// All values of a header field in order; comma-separated lists (RFC 3261 §7.3.1) are taken
    /// apart for those fields whose grammar allows a list. Empty members of a list are left out.
    pub fn values(&self, header: Header) -> impl Iterator<Item = &'a str> + '_ {
        let (ones, lists) = match header.is_list() {
            true => (None, Some(self.raw(header))),
            false => (Some(self.raw(header)), None),
        };
        let members = lists
            .into_iter()
            .flatten()
            .flat_map(|list| split_outside(list, b','))
            .filter(|member| !member.is_empty());
        ones.into_iter().flatten().chain(members)
    }

    /// Every field as written, known or not: name and raw value.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, &'a str)> + '_ {
        self.fields.iter().map(|field| (field.name, field.value))
    }

    /// The Via of whoever sent the message to us.
    ///
    /// # Errors
    /// [`Malformed`] when the header is absent or wrong.
    pub fn top_via(&self) -> Result<Via<'a>, Malformed> {
        let value = self.values(Header::Via).next();
        let via = Via::parse(value.ok_or(Malformed::bad("no Via header"))?);
        let via = via.ok_or(Malformed::bad("Via is not a Via"))?;
        let length = via.branch.map_or(0, str::len);
        if length > TAG_BYTES_MAX || via.has_branches {
            return Err(Malformed::bad("branch too long or doubled"));
        }
        Ok(via)
    }

    /// Who the request says it is from.
    ///
    /// # Errors
    /// [`Malformed`] when the header is absent, doubled or wrong.
    pub fn from(&self) -> Result<Address<'a>, Malformed> {
        let value = self.only(Header::From, "no From header", "more than one From header")?;
        tagged(value, "From is not an address", "From has a wrong tag")
    }

    /// Who the request was made for.
    ///
    /// # Errors
    /// [`Malformed`] when the header is absent, doubled or wrong.
    pub fn to(&self) -> Result<Address<'a>, Malformed> {
        let value = self.only(Header::To, "no To header", "more than one To header")?;
        tagged(value, "To is not an address", "To has a wrong tag")
    }

    /// The Call-ID.
    ///
    /// # Errors
    /// [`Malformed`] when the header is absent, doubled or wrong.
    pub fn call_id(&self) -> Result<&'a str, Malformed> {
        let doubled = "more than one Call-ID header";
        let value = self.only(Header::CallId, "no Call-ID header", doubled)?;
        let is_word =
            !value.is_empty() && !value.bytes().any(|byte| is_space(byte) || byte == b',');
        match is_word && value.len() <= CALL_ID_BYTES_MAX {
            true => Ok(value),
            false => Err(Malformed::bad("Call-ID is not a Call-ID or too long")),
        }
    }

    /// The CSeq.
    ///
    /// # Errors
    /// [`Malformed`] when the header is absent, doubled or wrong, or names another method than
    /// the request.
    pub fn cseq(&self) -> Result<CSeq, Malformed> {
        let value = self.only(Header::CSeq, "no CSeq header", "more than one CSeq header")?;
        let wrong = Malformed::bad("CSeq is not a number below 2^31 and a method");
        let (number, cseq_token) = CSeq::split(value).ok_or(wrong)?;
        match self.start {
            Start::Request { token, .. } if token != cseq_token => {
                Err(Malformed::bad("CSeq names another method"))
            }
            _ => Ok(CSeq {
                number,
                method: Method::parse(cseq_token),
            }),
        }
    }

    /// The first Contact's address.
    ///
    /// # Errors
    /// [`Malformed`] when the header is absent or wrong.
    pub fn contact(&self) -> Result<Address<'a>, Malformed> {
        let value = self.values(Header::Contact).next();
        Address::parse(value.ok_or(Malformed::bad("no Contact header"))?)
            .ok_or(Malformed::bad("Contact is not an address"))
    }

    /// How many more hops the request may take: 70 when it does not say (RFC 3261 §16.6 step 3),
    /// at most 255.
    ///
    /// # Errors
    /// [`Malformed`] when the header is doubled or no number.
    pub fn max_forwards(&self) -> Result<u8, Malformed> {
        if self.header(Header::MaxForwards).is_none() {
            return Ok(70);
        }
        let doubled = "more than one Max-Forwards header";
        let value = self.only(Header::MaxForwards, "", doubled)?;
        digits(value)
            .map(|hops| u8::try_from(hops).unwrap_or(u8::MAX))
            .ok_or(Malformed::bad("Max-Forwards is not a number"))
    }

    /// The seconds that Expires, Min-SE, Session-Expires or Retry-After begin with; more than 32
    /// bits count as the most that 32 bits hold (RFC 3261 §20.19). `None` when absent or no
    /// number.
    #[must_use]
    pub fn delta_seconds(&self, header: Header) -> Option<u32> {
        let value = self.header(header)?;
        let end = value
            .bytes()
            .position(|byte| is_space(byte) || matches!(byte, b';' | b'('));
        let seconds = digits(&value[..end.unwrap_or(value.len())])?;
        Some(u32::try_from(seconds).unwrap_or(u32::MAX))
    }

    /// The tag of To.
    #[must_use]
    pub fn to_tag(&self) -> Option<&'a str> {
        self.to().ok()?.tag()
    }

    /// The tag of From.
    #[must_use]
    pub fn from_tag(&self) -> Option<&'a str> {
        self.from().ok()?.tag()
    }

    /// The values of the fields of that name as written.
    fn raw(&self, header: Header) -> impl Iterator<Item = &'a str> + '_ {
        self.fields
            .iter()
            .filter(move |field| field.header == Some(header))
            .map(|field| field.value)
    }

    /// The value of a field that must be there once.
    fn only(
        &self,
        header: Header,
        absent: &'static str,
        doubled: &'static str,
    ) -> Result<&'a str, Malformed> {
        let mut values = self.raw(header);
        let value = values.next().ok_or_else(|| Malformed::bad(absent))?;
        match values.next() {
            Some(_) => Err(Malformed::bad(doubled)),
            None => Ok(value),
        }
    }

    /// What every message must have (RFC 3261 §8.1.1, §8.1.3).
    fn check(&self) -> Result<(), Malformed> {
        self.top_via()?;
        self.from()?;
        self.to()?;
        self.call_id()?;
        self.cseq()?;
        self.max_forwards()?;
        Ok(())
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("start", &self.start)
            .finish_non_exhaustive()
    }
}

/// Why a datagram is not a message, or a header not what its grammar says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{what}")]
pub struct Malformed {
    /// The status that answers it, if it can be answered (400, 413, 414, 505, 513 …).
    pub status: Status,
    /// What is wrong, for the reason phrase and the log: `no CSeq header`.
    pub what: &'static str,
}

impl Malformed {
    pub(super) const fn new(status: Status, what: &'static str) -> Self {
        Self { status, what }
    }

    pub(super) const fn bad(what: &'static str) -> Self {
        Self::new(Status::BAD_REQUEST, what)
    }
}

/// An address whose tag, if it has one, can be kept.
fn tagged<'a>(
    value: &'a str,
    no_address: &'static str,
    wrong_tag: &'static str,
) -> Result<Address<'a>, Malformed> {
    let address = Address::parse(value).ok_or_else(|| Malformed::bad(no_address))?;
    let length = address.tag().map_or(1, str::len);
    match (1..=TAG_BYTES_MAX).contains(&length) && !address.has_tags {
        true => Ok(address),
        false => Err(Malformed::bad(wrong_tag)),
    }
}

/// A decimal number however long: what exceeds 64 bits counts as the most they hold.
fn digits(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
