//! A SIP message as slices over its datagram (RFC 3261 §7). Nothing is allocated for header fields that nobody asks for.
//!
//! Absent on purpose: what a message means; whether it is right for its method is `agent`'s check.

use std::fmt;

use super::header::{Address, CSeq, Header, Via};
use super::method::Method;
use super::status::Status;

/// A parsed message. Copies nothing from the datagram.
pub struct Message<'a> {
    start: Start<'a>,
    _private: (),
}

/// The start line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start<'a> {
    /// RFC 3261 §7.1.
    Request {
        /// The method.
        method: Method,
        /// The method's token as written.
        token: &'a str,
        /// The Request-URI as written.
        uri: &'a str,
    },
    /// RFC 3261 §7.2.
    Response {
        /// The status code.
        status: Status,
        /// The reason phrase as written.
        reason: &'a str,
    },
}

impl<'a> Message<'a> {
    /// Parses the head strictly enough to be safe and leniently enough to answer. The body is what
    /// Content-Length says, or the rest of the datagram where it is absent (RFC 3261 §18.3).
    ///
    /// # Errors
    /// [`Malformed`], which says what to answer, where anything can be answered.
    pub fn parse(_bytes: &'a [u8]) -> Result<Self, Malformed> {
        unimplemented!()
    }

    /// The start line.
    #[must_use]
    pub fn start(&self) -> Start<'a> {
        self.start
    }

    /// The method of a request.
    #[must_use]
    pub fn method(&self) -> Option<Method> {
        unimplemented!()
    }

    /// The status of a response.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        unimplemented!()
    }

    /// The Request-URI of a request, as written.
    #[must_use]
    pub fn request_uri(&self) -> Option<&'a str> {
        unimplemented!()
    }

    /// The body, empty when there is none.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        unimplemented!()
    }

    /// The first value of a header field, unfolded only if it was not folded (a folded value keeps its line breaks).
    #[must_use]
    pub fn header(&self, _header: Header) -> Option<&'a str> {
        unimplemented!()
    }

    /// All values of a header field in order; comma-separated lists (RFC 3261 §7.3.1) are taken apart for
    /// those fields whose grammar allows a list.
    pub fn values(&self, _header: Header) -> impl Iterator<Item = &'a str> + '_ {
        std::iter::empty()
    }

    /// Every field as written, known or not: name and raw value.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, &'a str)> + '_ {
        std::iter::empty()
    }

    /// # Errors
    /// [`Malformed`] when the header is absent, doubled or wrong.
    pub fn top_via(&self) -> Result<Via<'a>, Malformed> {
        unimplemented!()
    }

    /// # Errors
    /// [`Malformed`] when the header is absent, doubled or wrong.
    pub fn from(&self) -> Result<Address<'a>, Malformed> {
        unimplemented!()
    }

    /// # Errors
    /// [`Malformed`] when the header is absent, doubled or wrong.
    pub fn to(&self) -> Result<Address<'a>, Malformed> {
        unimplemented!()
    }

    /// # Errors
    /// [`Malformed`] when the header is absent, doubled or wrong.
    pub fn call_id(&self) -> Result<&'a str, Malformed> {
        unimplemented!()
    }

    /// # Errors
    /// [`Malformed`] when the header is absent, doubled or wrong.
    pub fn cseq(&self) -> Result<CSeq, Malformed> {
        unimplemented!()
    }

    /// The first Contact's address.
    ///
    /// # Errors
    /// [`Malformed`] when the header is absent or wrong.
    pub fn contact(&self) -> Result<Address<'a>, Malformed> {
        unimplemented!()
    }

    /// The tag of To.
    #[must_use]
    pub fn to_tag(&self) -> Option<&'a str> {
        unimplemented!()
    }

    /// The tag of From.
    #[must_use]
    pub fn from_tag(&self) -> Option<&'a str> {
        unimplemented!()
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
