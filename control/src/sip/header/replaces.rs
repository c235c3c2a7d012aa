//! Replaces (RFC 3891).

use super::parameter::split_parameters;
use crate::sip::token::is_space;

/// Replaces (RFC 3891 §6.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Replaces<'a> {
    /// The Call-ID of the dialog to be replaced.
    pub call_id: &'a str,
    /// Our tag in it: we are the UA that holds it.
    pub to_tag: &'a str,
    /// The peer's tag in it.
    pub from_tag: &'a str,
    /// Only while early.
    pub early_only: bool,
}

impl<'a> Replaces<'a> {
    /// `None` when it is not a Replaces value: each tag must be there, once (RFC 3891 §6.1).
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (call_id, parameters) = split_parameters(text);
        let once = |name| {
            let value = parameters.find(name).filter(|value| !value.is_empty());
            value.filter(|_| parameters.count(name) == 1)
        };
        let is_call_id = !call_id.is_empty() && !call_id.bytes().any(is_space);
        if !is_call_id || !parameters.is_well_formed() {
            return None;
        }
        Some(Self {
            call_id,
            to_tag: once("to-tag")?,
            from_tag: once("from-tag")?,
            early_only: parameters.find("early-only").is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tags_and_the_flag_are_read() {
        let replaces = Replaces::parse("k7@pbx ; From-Tag=f1;early-only;to-tag=t1");
        let expected = Replaces {
            call_id: "k7@pbx",
            to_tag: "t1",
            from_tag: "f1",
            early_only: true,
        };
        assert_eq!(replaces, Some(expected));
    }

    #[test]
    fn a_missing_or_doubled_tag_is_refused() {
        for wrong in [
            "",
            "a",
            "a;to-tag=1",
            "a;from-tag=1",
            "a;to-tag=;from-tag=1",
            "a;to-tag=1;from-tag=2;to-tag=3",
            ";to-tag=1;from-tag=2",
            "a b;to-tag=1;from-tag=2",
            "a;to-tag=1;from-tag=2;",
        ] {
            assert_eq!(Replaces::parse(wrong), None, "{wrong:?}");
        }
    }
}
