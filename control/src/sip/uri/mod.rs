//! SIP and SIPS URIs (RFC 3261 §19.1), tel URIs (RFC 3966), hosts including IPv6 references (RFC
//! 5118).
//!
//! Absent on purpose: where a URI leads (`agent` decides that), what its user part means.

mod equivalence;
mod escape;
mod host;

use std::borrow::Cow;
use std::fmt;

pub use host::Host;

use super::header::Parameters;
use super::limits::{URI_BYTES_MAX, URI_PARTS_MAX};
use super::token::split_at;

/// A URI as slices over its text; escapes are kept as written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Uri<'a> {
    /// The whole text, without angle brackets.
    pub text: &'a str,
    /// Its scheme.
    pub scheme: Scheme,
    /// Before the `@`, without a password; for `tel` the number. Escaped as written.
    pub user: Option<&'a str>,
    /// The password, which nobody should write. Escaped as written.
    pub password: Option<&'a str>,
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

impl<'a> Uri<'a> {
    /// The user part may hold characters that should be escaped (`#` of feature codes), and may
    /// be empty (callers who hide); what could be read in two ways is refused.
    ///
    /// # Errors
    /// [`UriError`] when the text is not a URI of its scheme's syntax.
    pub fn parse(text: &'a str) -> Result<Self, UriError> {
        let (scheme, rest) = split_at(text, b':').ok_or(UriError)?;
        let scheme = Scheme::parse(scheme).ok_or(UriError)?;
        // Without a way out, so that it looks at many bytes at once.
        let is_wrong = |wrong, byte| wrong | is_never_in_a_uri(byte);
        if rest.is_empty() || text.len() > URI_BYTES_MAX || text.bytes().fold(false, is_wrong) {
            return Err(UriError);
        }
        let opaque = Self {
            text,
            scheme,
            user: None,
            password: None,
            host: Host::Name(""),
            port: None,
            parameters: "",
            headers: "",
        };
        match scheme {
            Scheme::Sip | Scheme::Sips => parse_sip(opaque, rest).ok_or(UriError),
            Scheme::Tel => parse_tel(opaque, rest).ok_or(UriError),
            Scheme::Other => Ok(opaque),
        }
    }

    /// The value of a parameter, `Some("")` for one without value. Names are compared without case.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        Parameters(self.parameters).find(name)
    }

    /// The user part with its escapes resolved (RFC 3261 §19.1.2). What would not be UTF-8 stays
    /// as written.
    #[must_use]
    pub fn user_unescaped(&self) -> Option<Cow<'a, str>> {
        self.user.map(escape::resolve)
    }

    /// The value of the first URI header of that name (without case), escapes resolved:
    /// `Replaces` in a Refer-To. It is the peer's text: it may hold anything, line breaks too.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<Cow<'a, str>> {
        self.headers
            .split('&')
            .map(|header| header.split_once('=').unwrap_or((header, "")))
            .find(|(found, _)| escape::resolve(found).eq_ignore_ascii_case(name))
            .map(|(_, value)| escape::resolve(value))
    }

    /// RFC 3261 §19.1.4. `tel` URIs by RFC 3966 §4, without regard to visual separators; unknown
    /// schemes letter by letter.
    #[must_use]
    pub fn is_equivalent(&self, other: &Uri<'_>) -> bool {
        equivalence::is_equivalent(self, other)
    }
}

impl fmt::Display for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl Scheme {
    /// `None` when it is not the name of a scheme.
    fn parse(name: &str) -> Option<Self> {
        let known = [("sip", Self::Sip), ("sips", Self::Sips), ("tel", Self::Tel)];
        let found = known
            .into_iter()
            .find(|(text, _)| name.eq_ignore_ascii_case(text));
        if let Some((_, scheme)) = found {
            return Some(scheme);
        }
        let is_scheme = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        is_scheme.then_some(Self::Other)
    }
}

/// Why a text is not a URI.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a URI")]
pub struct UriError;

/// Characters that end a URI wherever it stands. All else above 0x7f may come from phones that do
/// not escape.
const fn is_never_in_a_uri(byte: u8) -> bool {
    byte <= b' ' || matches!(byte, b'"' | b'<' | b'>' | b'\\' | 0x7f)
}

/// `[user[:password]@]host[:port][;parameters][?headers]`. The first `@` ends the user part,
/// which may hold `;` and `?`; a second `@` can only stand in the headers, since no host and no
/// parameter has one.
fn parse_sip<'a>(opaque: Uri<'a>, rest: &'a str) -> Option<Uri<'a>> {
    let (userinfo, rest) = match split_at(rest, b'@') {
        Some((userinfo, rest)) => (Some(userinfo), rest),
        None => (None, rest),
    };
    let (user, password) = match userinfo.map(|text| split_at(text, b':').ok_or(text)) {
        Some(Ok((user, password))) => (Some(user), Some(password)),
        Some(Err(user)) => (Some(user), None),
        None => (None, None),
    };
    let (rest, headers) = match split_at(rest, b'?') {
        Some((rest, headers)) => (rest, Some(headers)),
        None => (rest, None),
    };
    let (hostport, parameters) = match split_at(rest, b';') {
        Some((hostport, parameters)) => (hostport, Some(parameters)),
        None => (rest, None),
    };
    let (host, port) = Host::parse_with_port(hostport)?;
    let is_escaped = escape::is_well_formed(opaque.text);
    let is_right =
        is_escaped && parameters.is_none_or(are_parameters) && headers.is_none_or(are_headers);
    is_right.then_some(Uri {
        user,
        password,
        host,
        port,
        parameters: parameters.unwrap_or(""),
        headers: headers.unwrap_or(""),
        ..opaque
    })
}

/// `number[;parameters]` (RFC 3966 §3): digits and visual separators, a plus in front of a global
/// number.
fn parse_tel<'a>(opaque: Uri<'a>, rest: &'a str) -> Option<Uri<'a>> {
    let (number, parameters) = match rest.split_once(';') {
        Some((number, parameters)) => (number, Some(parameters)),
        None => (rest, None),
    };
    let digits = number.strip_prefix('+').unwrap_or(number);
    let is_global = digits.len() < number.len();
    let is_digit = |b: u8| b.is_ascii_digit() || (!is_global && is_local_digit(b));
    let is_number = digits.bytes().any(is_digit)
        && digits
            .bytes()
            .all(|b| is_digit(b) || equivalence::is_visual_separator(b));
    let is_right =
        is_number && escape::is_well_formed(rest) && parameters.is_none_or(are_parameters);
    is_right.then_some(Uri {
        user: Some(number),
        parameters: parameters.unwrap_or(""),
        ..opaque
    })
}

/// What a local number may hold besides decimal digits.
const fn is_local_digit(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || matches!(byte, b'*' | b'#')
}

/// Well-formed parameters, none of them twice with two values (RFC 3261 §19.1.1): which one
/// counts would be anybody's guess.
fn are_parameters(text: &str) -> bool {
    let parameters = Parameters(text);
    let is_right = !text.is_empty() && !text.contains(['@', ',']) && parameters.is_well_formed();
    is_right
        && parameters.iter().count() <= URI_PARTS_MAX
        && parameters
            .iter()
            .all(|(name, value)| parameters.find(name) == Some(value.unwrap_or("")))
}

fn are_headers(text: &str) -> bool {
    text.split('&').count() <= URI_PARTS_MAX
        && text
            .split('&')
            .all(|header| !header.is_empty() && !header.starts_with('='))
}

#[cfg(test)]
mod tests;
