//! Who a peer is, as the other side of its call is told (RFC 3325, connected identity as in RFC
//! 5876).

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

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
            .values(Header::PAssertedIdentity)
            .find_map(Address::parse);
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

    /// Somebody of whom nothing is known but where it was called.
    pub(crate) fn of_uri(uri: &str) -> Self {
        let name = Name(None, uri).to_string();
        Self {
            name: if name.len() <= IDENTITY_BYTES_MAX {
                name.into()
            } else {
                Box::default()
            },
            private: false,
        }
    }

    /// What a response says, or a request that names its sender anew. `None` where it says nothing:
    /// without P-Asserted-Identity, a response speaks of us, and From is as it was.
    pub(crate) fn said_by(message: &Message<'_>, remote: Option<&str>) -> Option<Self> {
        let is_asserted = message
            .values(Header::PAssertedIdentity)
            .any(|value| Address::parse(value).is_some());
        let is_renamed = || {
            let before = remote.and_then(Address::parse)?;
            Some(message.from().ok()?.uri != before.uri)
        };
        let is_request = message.method().is_some();
        (is_asserted || (is_request && is_renamed() == Some(true))).then(|| Self::of(message))
    }

    /// The display name, with its escapes, of who does not mind being named.
    pub(crate) fn display(&self) -> Option<&str> {
        let display = Address::parse(&self.name)?.display?;
        (!self.private && !display.is_empty()).then_some(display)
    }

    /// As From of a request to the other side (RFC 4916 §4.4.2, RFC 3323 §4.1).
    pub(crate) fn from(&self) -> Option<&str> {
        match (self.private, &*self.name) {
            (true, _) => Some(ANONYMOUS),
            (false, "") => None,
            (false, name) => Some(name),
        }
    }

    /// Whether there is nobody to name.
    pub(crate) fn is_empty(&self) -> bool {
        self.name.is_empty()
    }

    /// Display name and URI for whoever watches: that it is somebody, where it does not want to be
    /// known (RFC 3323 §4.1).
    pub(crate) fn to_be_shown(&self) -> (Option<String>, &str) {
        let address = Address::parse(&self.name).filter(|_| !self.private);
        let Some(address) = address else {
            return (
                Some("Anonymous".to_owned()),
                "sip:anonymous@anonymous.invalid",
            );
        };
        (address.display.map(unescape), address.uri)
    }

    /// The name that it goes by for whoever watches, or else the URI.
    pub(crate) fn name_to_be_shown(&self) -> String {
        let (display, uri) = self.to_be_shown();
        display
            .filter(|display| !display.is_empty())
            .unwrap_or_else(|| uri.to_owned())
    }

    /// As it is kept: a name-addr or nothing, and whether it is private.
    pub(crate) fn parts(&self) -> (&str, bool) {
        (&self.name, self.private)
    }

    /// As it was kept.
    pub(crate) fn from_parts(name: &str, private: bool) -> Self {
        Self {
            name: name.into(),
            private,
        }
    }

    /// The name-addr; empty when there is none to tell.
    pub(crate) fn name(&self) -> &str {
        &self.name
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

/// In From of who would not be named (RFC 3323 §4.1.1.3).
const ANONYMOUS: &str = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";

/// Enough of what a peer was told to see whether there is something new to tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Told(u64);

impl Told {
    pub(crate) fn of(headers: &[(Header, String)]) -> Self {
        let mut hasher = DefaultHasher::new();
        for (header, value) in headers {
            if matches!(header, Header::PAssertedIdentity | Header::Privacy) {
                value.hash(&mut hasher);
            }
        }
        Self(hasher.finish())
    }
}

/// What a display name says whose escapes are as it came with (RFC 3261 §25.1 `quoted-pair`).
fn unescape(display: &str) -> String {
    let mut text = String::with_capacity(display.len());
    let mut characters = display.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.extend(characters.next()),
            _ => text.push(character),
        }
    }
    text
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

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(fields: &str) -> Vec<(Header, String)> {
        let text = format!(
            "INVITE sip:park@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\n\
             From: Ann <sip:ann@example.com>;tag=1\r\nTo: <sip:park@127.0.0.1>\r\nCall-ID: 1\r\n\
             CSeq: 1 INVITE\r\n{fields}Content-Length: 0\r\n\r\n"
        );
        Identity::of(&Message::parse(text.as_bytes()).unwrap()).headers()
    }

    fn name(fields: &str) -> String {
        identity(fields).remove(0).1
    }

    #[test]
    fn a_peer_is_named_by_from() {
        assert_eq!(name(""), "\"Ann\" <sip:ann@example.com>");
    }

    #[test]
    fn what_the_proxy_asserts_is_better_than_from() {
        let asserted =
            "P-Asserted-Identity: \"Ann \\\"A\\\" B\" <sip:+331@example.com>, <tel:+331>\r\n";
        assert_eq!(name(asserted), "\"Ann \\\"A\\\" B\" <sip:+331@example.com>");
        assert_eq!(name("P-Asserted-Identity: <tel:+331>\r\n"), "<tel:+331>");
    }

    #[test]
    fn a_wish_for_privacy_goes_along() {
        let private = identity("Privacy: id\r\n");
        assert_eq!(private[1], (Header::Privacy, "id".to_owned()));
        assert_eq!(identity("Privacy: none\r\n").len(), 1);
    }

    #[test]
    fn a_name_that_is_too_long_is_left_out() {
        let long = "x".repeat(300);
        let named = format!("P-Asserted-Identity: \"{long}\" <sip:a@example.com>\r\n");
        assert_eq!(name(&named), "<sip:a@example.com>");
        let uri = format!("P-Asserted-Identity: <sip:{long}@example.com>\r\n");
        assert_eq!(identity(&uri), []);
    }
}
