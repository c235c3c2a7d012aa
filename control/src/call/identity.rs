//! Who a peer is, as the other side of its call is told (RFC 3325, connected identity as in RFC 5876).

use std::fmt;

use super::limits::IDENTITY_BYTES_MAX;
use crate::sip::header::{Address, Header};
use crate::sip::message::Message;

/// A peer's name and URI, from a network that is trusted to say so.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Identity {
    /// A name-addr; empty when there is none to tell.
    name: Box<str>,
    /// Whether the peer asked that its name stay inside the trusted network.
    private: bool,
}

impl Identity {
    /// P-Asserted-Identity where the proxy has put it, or else From.
    pub(crate) fn of(request: &Message<'_>) -> Self {
        let asserted = request
            .header(Header::PAssertedIdentity)
            .and_then(Address::parse);
        let Some(address) = asserted.or_else(|| request.from().ok()) else {
            return Self::default();
        };
        let name = match address.display {
            Some(display) if !display.is_empty() => Name(Some(display), address.uri).to_string(),
            _ => Name(None, address.uri).to_string(),
        };
        let name = if name.len() <= IDENTITY_BYTES_MAX {
            name
        } else {
            Name(None, address.uri).to_string()
        };
        let is_private = |value: &str| {
            value
                .split(';')
                .any(|v| !v.trim().eq_ignore_ascii_case("none"))
        };
        Self {
            name: if name.len() <= IDENTITY_BYTES_MAX {
                name.into()
            } else {
                Box::default()
            },
            private: request.header(Header::Privacy).is_some_and(is_private),
        }
    }

    /// As header fields of a message to the other side.
    pub(crate) fn headers(&self) -> Vec<(Header, String)> {
        let mut headers = Vec::new();
        if !self.name.is_empty() {
            headers.push((Header::PAssertedIdentity, self.name.to_string()));
            if self.private {
                headers.push((Header::Privacy, "id".to_owned()));
            }
        }
        headers
    }
}

/// A name-addr; the display name still has the escapes it came with.
struct Name<'a>(Option<&'a str>, &'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(display, uri) = self;
        match display {
            Some(display) => write!(f, "\"{display}\" <{uri}>"),
            None => write!(f, "<{uri}>"),
        }
    }
}
