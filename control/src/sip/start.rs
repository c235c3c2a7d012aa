//! Start lines (RFC 3261 §7.1, §7.2).

use super::limits::URI_BYTES_MAX;
use super::message::Malformed;
use super::method::Method;
use super::status::Status;
use super::token::{is_token, number, split_at};
use super::uri::Uri;

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

impl<'a> Start<'a> {
    pub(super) fn parse(line: &'a str) -> Result<Self, Malformed> {
        let wrong = Malformed::bad("start line is not that of a request or response");
        let (first, rest) = split_at(line, b' ').ok_or(wrong)?;
        let (second, third) = match split_at(rest, b' ') {
            Some((second, third)) => (second, Some(third)),
            None => (rest, None),
        };
        if is_version(first) {
            check_version(first)?;
            return Self::parse_response(second, third.unwrap_or("")).ok_or(wrong);
        }
        let version = third.ok_or(wrong)?;
        if !is_token(first) || !is_version(version) {
            return Err(wrong);
        }
        check_version(version)?;
        if second.len() > URI_BYTES_MAX {
            return Err(Malformed::new(Status::URI_TOO_LONG, "Request-URI too long"));
        }
        if Uri::parse(second).is_err() {
            return Err(Malformed::bad("Request-URI is not a URI"));
        }
        Ok(Self::Request {
            method: Method::parse(first),
            token: first,
            uri: second,
        })
    }

    fn parse_response(code: &str, reason: &'a str) -> Option<Self> {
        if code.len() != 3 {
            return None;
        }
        let status = Status::new(u16::try_from(number(code)?).ok()?)?;
        Some(Self::Response { status, reason })
    }

    /// A request line whose first word is a method and whose last is some version of SIP,
    /// whatever stands between.
    pub(super) fn parse_lenient(line: &'a str) -> Option<Self> {
        let (token, rest) = line.split_once([' ', '\t'])?;
        let rest = rest.trim();
        let at = rest.rfind([' ', '\t'])?;
        let (uri, version) = (rest[..at].trim(), &rest[at + 1..]);
        (is_token(token) && is_version(version)).then(|| Self::Request {
            method: Method::parse(token),
            token,
            uri,
        })
    }
}

/// Whether a word is a version of SIP, be it one we speak or not.
fn is_version(word: &str) -> bool {
    if word == OURS {
        return true;
    }
    let Some((name, version)) = split_at(word, b'/') else {
        return false;
    };
    let Some((major, minor)) = split_at(version, b'.') else {
        return false;
    };
    let are_digits = [major, minor]
        .iter()
        .all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    name.eq_ignore_ascii_case("SIP") && are_digits
}

const OURS: &str = "SIP/2.0";

/// RFC 3261 §7.1: the version is compared without case; ours is 2.0.
fn check_version(word: &str) -> Result<(), Malformed> {
    match word.eq_ignore_ascii_case(OURS) {
        true => Ok(()),
        false => Err(Malformed::new(
            Status::VERSION_NOT_SUPPORTED,
            "only SIP/2.0 is spoken here",
        )),
    }
}
