//! CSeq (RFC 3261 §20.16).

use std::fmt;

use crate::sip::method::Method;
use crate::sip::token::{is_space, is_token, number, trim};

/// CSeq (RFC 3261 §20.16).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CSeq {
    /// Below 2^31.
    pub number: u32,
    /// The method.
    pub method: Method,
}

impl CSeq {
    /// `None` when it is not a CSeq value: no number, 2^31 and above (§8.1.1.5), no method.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (number, token) = Self::split(text)?;
        let method = Method::parse(token);
        Some(Self { number, method })
    }

    /// The number, and the method's token as written.
    pub(crate) fn split(text: &str) -> Option<(u32, &str)> {
        let text = trim(text);
        let end = text.bytes().position(is_space)?;
        let (digits, token) = (&text[..end], trim(&text[end..]));
        let number = number(digits).filter(|n| *n < 1 << 31)?;
        is_token(token).then_some((u32::try_from(number).ok()?, token))
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_and_method_may_be_far_apart() {
        let expected = CSeq {
            number: 9,
            method: Method::Invite,
        };
        assert_eq!(CSeq::parse("0009\r\n  \t INVITE "), Some(expected));
    }

    #[test]
    fn the_number_ends_below_two_to_the_thirty_first() {
        assert_eq!(
            CSeq::parse("2147483647 BYE").map(|c| c.number),
            Some(2_147_483_647)
        );
        assert_eq!(CSeq::parse("2147483648 BYE"), None);
        assert_eq!(CSeq::parse("36893488147419103232 BYE"), None);
    }

    #[test]
    fn without_number_or_method_it_is_none() {
        for wrong in ["", "1", "BYE", "1BYE", "-1 BYE", "1 BYE now", "1 B\"YE"] {
            assert_eq!(CSeq::parse(wrong), None, "{wrong:?}");
        }
    }
}
