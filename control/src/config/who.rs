//! Patterns of parties: `ann@example.com`, `*@example.com`, `example.com`, `+331*`, `2*`.
//!
//! Absent on purpose: what a party may do (`policy`).

use std::fmt;
use std::str::FromStr;

use super::limits::URI_BYTES_MAX;

/// Parties by user and host of their URI. Hosts are compared without regard to case.
#[derive(Clone, PartialEq, Eq)]
pub struct Who {
    user: Part,
    host: Part,
}

#[derive(Clone, PartialEq, Eq)]
enum Part {
    Any,
    Exactly(String),
    /// Whatever begins so.
    From(String),
    /// Whatever ends so.
    To(String),
}

impl Who {
    /// Whether this is one of them. The URI of a telephone (`tel:`) has no host.
    #[must_use]
    pub fn matches(&self, user: &str, host: &str) -> bool {
        self.user.matches(user) && self.host.matches(&host.to_ascii_lowercase())
    }
}

impl FromStr for Who {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let plain = |c: char| c.is_ascii_graphic() && !"<>\"?;,".contains(c);
        if text.is_empty() || text.len() > URI_BYTES_MAX || !text.chars().all(plain) {
            return Err(());
        }
        let (user, host) = match text.split_once('@') {
            Some((user, host)) => (user, host),
            None if text == "*" || text.starts_with(['+', '*', '#']) => (text, "*"),
            None if text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains('.') => {
                (text, "*")
            }
            None => ("*", text),
        };
        let host = Part::parse(&host.to_ascii_lowercase())?;
        if matches!(host, Part::From(_)) {
            return Err(());
        }
        let user = match (user, Part::parse(user)) {
            // A feature code is a user of its own, not a pattern.
            (code, Err(())) if code.starts_with('*') && !code[1..].contains('*') => {
                Part::Exactly(code.to_owned())
            }
            (_, Ok(Part::To(end))) => Part::Exactly(format!("*{end}")),
            (_, part) => part?,
        };
        Ok(Self { user, host })
    }
}

impl Part {
    fn parse(text: &str) -> Result<Self, ()> {
        let stars = text.bytes().filter(|b| *b == b'*').count();
        match (text, stars) {
            ("" | "**", _) => Err(()),
            ("*", _) => Ok(Self::Any),
            (_, 0) => Ok(Self::Exactly(text.to_owned())),
            (_, 1) if text.ends_with('*') => Ok(Self::From(text[..text.len() - 1].to_owned())),
            (_, 1) if text.starts_with('*') => Ok(Self::To(text[1..].to_owned())),
            _ => Err(()),
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(whole) => text == whole,
            Self::From(start) => text.starts_with(start.as_str()),
            Self::To(end) => text.ends_with(end.as_str()),
        }
    }
}

impl fmt::Debug for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}@{:?}", self.user, self.host)
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => write!(f, "*"),
            Self::Exactly(whole) => write!(f, "{whole}"),
            Self::From(start) => write!(f, "{start}*"),
            Self::To(end) => write!(f, "*{end}"),
        }
    }
}

/// What a pattern looks like.
pub(super) const WHO_RULE: &str =
    "write users such as \"ann@example.com\", \"*@example.com\", \"*.example.com\" or \"+331*\"";

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, user: &str, host: &str) -> bool {
        pattern.parse::<Who>().unwrap().matches(user, host)
    }

    #[test]
    fn a_pattern_is_a_user_a_host_or_a_number() {
        let cases = [
            ("ann@example.com", "ann", "EXAMPLE.com", true),
            ("ann@example.com", "Ann", "example.com", false),
            ("*@example.com", "bob", "example.com", true),
            ("*@example.com", "bob", "paris.example.com", false),
            ("example.com", "bob", "example.com", true),
            ("*@*.example.com", "bob", "paris.example.com", true),
            ("*@*.example.com", "bob", "badexample.com", false),
            ("+331*", "+33140000000", "10.0.0.1", true),
            ("+331*", "+34140000000", "10.0.0.1", false),
            ("2*", "2001", "", true),
            ("2001", "2001", "example.com", true),
            ("10.0.0.1", "2001", "10.0.0.1", true),
            ("*", "anybody", "anywhere", true),
            ("sales*@example.com", "sales-2", "example.com", true),
        ];
        for (pattern, user, host, is_one) in cases {
            assert_eq!(
                matches(pattern, user, host),
                is_one,
                "{pattern} {user} {host}"
            );
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "",
            "a b@c",
            "@example.com",
            "a@",
            "a*b@c",
            "<sip:a@b>",
            "**@b",
            "a@b*",
        ] {
            assert!(text.parse::<Who>().is_err(), "{text}");
        }
    }
}
