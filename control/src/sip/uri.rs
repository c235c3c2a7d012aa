//! SIP and SIPS URIs (RFC 3261 §19.1), tel URIs (RFC 3966), hosts including IPv6 references (RFC 5118).

use std::fmt;
use std::net::IpAddr;

/// A URI as slices over its text; escapes are kept as written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Uri<'a> {
    /// The whole text, without angle brackets.
    pub text: &'a str,
    /// Its scheme.
    pub scheme: Scheme,
    /// Before the `@`, without a password; for `tel` the number. Escaped as written.
    pub user: Option<&'a str>,
    /// After the `@`. An empty name for `tel` and unknown schemes.
    pub host: Host<'a>,
    /// The port, if one is written.
    pub port: Option<u16>,
    /// `;name=value` parameters, as written, without the first semicolon.
    pub parameters: &'a str,
    /// `?name=value&…` headers, as written, without the question mark.
    pub headers: &'a str,
}

/// The schemes this server knows. Others in a Request-URI: 416.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme {
    /// `sip`
    Sip,
    /// `sips`
    Sips,
    /// `tel`
    Tel,
    /// Anything else that has the syntax of a URI.
    Other,
}

/// The host of a URI or a Via.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Host<'a> {
    /// A literal address; IPv6 was written in brackets.
    Address(IpAddr),
    /// A name, compared without case.
    Name(&'a str),
}

impl<'a> Uri<'a> {
    /// # Errors
    /// [`UriError`] when the text is not a URI of its scheme's syntax.
    pub fn parse(_text: &'a str) -> Result<Self, UriError> {
        unimplemented!()
    }

    /// The value of a parameter, `Some("")` for one without value. Names are compared without case.
    #[must_use]
    pub fn parameter(&self, _name: &str) -> Option<&'a str> {
        unimplemented!()
    }

    /// The user part with its escapes resolved (RFC 3261 §19.1.2).
    #[must_use]
    pub fn user_unescaped(&self) -> Option<std::borrow::Cow<'a, str>> {
        unimplemented!()
    }

    /// RFC 3261 §19.1.4.
    #[must_use]
    pub fn is_equivalent(&self, _other: &Uri<'_>) -> bool {
        unimplemented!()
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        unimplemented!()
    }
}

/// Why a text is not a URI.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a URI")]
pub struct UriError;
