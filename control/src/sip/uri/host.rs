//! Hosts and ports (RFC 3261 §25.1 `hostport`; IPv6 references as RFC 5118 wants them).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::sip::token::{number, trim};

/// The host of a URI or a Via.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Host<'a> {
    /// A literal address; IPv6 was written in brackets.
    Address(IpAddr),
    /// A name, compared without case.
    Name(&'a str),
}

impl<'a> Host<'a> {
    /// A host alone: a name, an IPv4 address, or an IPv6 address in brackets. `None` when it is
    /// none of them.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('[') {
            let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
            return Some(Self::Address(address.into()));
        }
        // A name does not end in a digit as a rule: what does not is not looked at as an address.
        let address = text.ends_with(|last: char| last.is_ascii_digit());
        match address.then(|| text.parse::<Ipv4Addr>()) {
            Some(Ok(address)) => Some(Self::Address(address.into())),
            _ => is_name(text).then_some(Self::Name(text)),
        }
    }

    /// A host, and a port if one is written. White space may stand around the colon, as in a Via.
    #[must_use]
    pub fn parse_with_port(text: &'a str) -> Option<(Self, Option<u16>)> {
        let end = match text.strip_prefix('[') {
            Some(_) => text.find(']')? + 1,
            None => memchr::memchr(b':', text.as_bytes()).unwrap_or(text.len()),
        };
        let (host, rest) = text.split_at(end);
        let host = Self::parse(trim(host))?;
        let rest = trim(rest);
        if rest.is_empty() {
            return Some((host, None));
        }
        let port = number(trim(rest.strip_prefix(':')?))?;
        Some((host, Some(u16::try_from(port).ok()?)))
    }

    /// Whether both are the same host: addresses by value, names without case.
    #[must_use]
    pub fn is_same(&self, other: &Host<'_>) -> bool {
        match (self, other) {
            (Self::Address(one), Host::Address(two)) => one == two,
            (Self::Name(one), Host::Name(two)) => one.eq_ignore_ascii_case(two),
            _ => false,
        }
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Longest name (RFC 1035 §2.3.4, in its written form, with a final dot).
const NAME_BYTES_MAX: usize = 254;

/// A domain name. Underscores are let through, since containers have them; a last label of digits
/// alone is not, since that would be a broken IPv4 address.
fn is_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text).as_bytes();
    let is_label = |label: &[u8]| {
        label.first().is_some_and(|first| *first != b'-')
            && label.last() != Some(&b'-')
            && label
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let last = name.rsplit(|byte| *byte == b'.').next().unwrap_or(name);
    text.len() <= NAME_BYTES_MAX
        && name.split(|byte| *byte == b'.').all(is_label)
        && !last.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_written_as_they_were_read() {
        for text in [
            "a-1.test",
            "192.0.2.1",
            "[2001:db8::1]",
            "[::ffff:192.0.2.1]",
            "pbx_2",
        ] {
            assert_eq!(Host::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_port_follows_a_reference_only_behind_its_bracket() {
        let (host, port) = Host::parse_with_port("[2001:db8::5060]:5062").unwrap();
        assert_eq!(host.to_string(), "[2001:db8::5060]");
        assert_eq!(port, Some(5062));
        assert_eq!(Host::parse_with_port("[::1] : 7").unwrap().1, Some(7));
    }

    #[test]
    fn what_is_not_a_host_is_refused() {
        for wrong in [
            "",
            ".",
            "a..b",
            "-.1",
            "-a.b",
            "a-.b",
            "192.0.2.256",
            "192.0.2.010",
            "1.2.3",
            "2001:db8::1",
            "[::1",
            "::1]",
            "[]",
            "[192.0.2.1]",
            "[2001:db8:::192.0.2.1]",
            "[fe80::1%eth0]",
            "a b",
            "a@b",
            "[::1]x",
            "\u{fc}.test",
        ] {
            assert_eq!(Host::parse_with_port(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn what_is_not_a_port_is_refused() {
        for wrong in [
            "a:",
            "a:-1",
            "a:65536",
            "a:5060:5060",
            "[::1]:",
            "a:+5",
            "a:5 0",
        ] {
            assert_eq!(Host::parse_with_port(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn names_are_the_same_without_case_and_addresses_by_value() {
        let same = |one, two| {
            Host::parse(one)
                .unwrap()
                .is_same(&Host::parse(two).unwrap())
        };
        assert!(same("PBX.test", "pbx.TEST"));
        assert!(same("[2001:DB8:0::1]", "[2001:db8::1]"));
        assert!(!same("[::ffff:192.0.2.1]", "192.0.2.1"));
    }
}
