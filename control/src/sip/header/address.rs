//! `name-addr` and `addr-spec` (RFC 3261 §20.10, §25.1).

use super::parameter::Parameters;
use crate::sip::token::{quoted_end, split_at, trim};
use crate::sip::uri::Uri;

/// A name-addr or addr-spec with header parameters: From, To, Contact, Route, Refer-To … (RFC
/// 3261 §20.10).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Address<'a> {
    /// The whole value as written.
    pub text: &'a str,
    /// The display name, without quotes, escapes as written.
    pub display: Option<&'a str>,
    /// The URI as written, without brackets.
    pub uri: &'a str,
    /// Header parameters as written, without the first semicolon.
    pub parameters: &'a str,
    tag: Option<&'a str>,
    /// Whether there is more than one tag.
    pub(crate) has_tags: bool,
}

impl<'a> Address<'a> {
    /// `None` when it is not an address. The URI is one that [`Uri::parse`] takes. A display name
    /// without quotes may hold more than the grammar's tokens, since many phones send such names;
    /// it cannot hold quotes or brackets.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let text = trim(text);
        let (display, rest) = split_display(text)?;
        let (uri, parameters) = match rest.strip_prefix('<') {
            Some(rest) => split_at(rest, b'>')?,
            None => split_bare(rest)?,
        };
        let parameters = match trim(parameters) {
            "" => "",
            parameters => trim(parameters.strip_prefix(';')?),
        };
        let is_dangling = parameters.is_empty() && text.ends_with(';');
        let (mut tag, mut tags) = (None, 0);
        Parameters(parameters).read(|name, value| {
            if name.eq_ignore_ascii_case("tag") {
                let value = value.unwrap_or("");
                tag.get_or_insert(value);
                tags += 1;
            }
        })?;
        if is_dangling || Uri::parse(uri).is_err() {
            return None;
        }
        Some(Self {
            text,
            display,
            uri,
            parameters,
            tag,
            has_tags: tags > 1,
        })
    }

    /// A header parameter, `Some("")` without value.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        Parameters(self.parameters).find(name)
    }

    /// The tag parameter.
    #[must_use]
    pub const fn tag(&self) -> Option<&'a str> {
        self.tag
    }
}

/// The display name, and what follows it.
fn split_display(text: &str) -> Option<(Option<&str>, &str)> {
    if text.starts_with('"') {
        let end = quoted_end(text.as_bytes())?;
        let rest = trim(&text[end + 1..]);
        return rest.starts_with('<').then(|| (Some(&text[1..end]), rest));
    }
    let Some(at) = memchr::memchr(b'<', text.as_bytes()) else {
        return Some((None, text));
    };
    let name = trim(&text[..at]);
    if name.contains(['"', '>', ';']) {
        return None;
    }
    Some(((!name.is_empty()).then_some(name), &text[at..]))
}

/// A URI without brackets ends where the header's parameters begin. With a comma or a question
/// mark it would have to be in brackets (RFC 3261 §20).
fn split_bare(text: &str) -> Option<(&str, &str)> {
    let end = text.find(';').unwrap_or(text.len());
    let (uri, parameters) = text.split_at(end);
    let uri = trim(uri);
    (!uri.contains([',', '?'])).then_some((uri, parameters))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_name_may_hold_anything() {
        let address =
            Address::parse("\"O\\\"Neil <sip:no@no>, \u{17d}\"<sip:o@a.test>;tag=1").unwrap();
        assert_eq!(address.display, Some("O\\\"Neil <sip:no@no>, \u{17d}"));
        assert_eq!(address.uri, "sip:o@a.test");
        assert_eq!(address.tag(), Some("1"));
    }

    #[test]
    fn parameters_in_brackets_are_the_uris() {
        let address = Address::parse("<sip:o@a.test;lr;tag=no>").unwrap();
        assert_eq!(address.display, None);
        assert_eq!(address.uri, "sip:o@a.test;lr;tag=no");
        assert_eq!(address.tag(), None);
    }

    #[test]
    fn parameters_without_brackets_are_the_headers() {
        let address = Address::parse(" sip:o@a.test ;\r\n tag=7 ").unwrap();
        assert_eq!(address.uri, "sip:o@a.test");
        assert_eq!(address.tag(), Some("7"));
    }

    #[test]
    fn a_name_without_quotes_is_taken_as_it_is() {
        let address = Address::parse("Zo\u{eb} (Front desk)\r\n\t<tel:+4930123>").unwrap();
        assert_eq!(address.display, Some("Zo\u{eb} (Front desk)"));
        assert_eq!(address.uri, "tel:+4930123");
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        for wrong in [
            "",
            "*",
            "<>",
            "sip:",
            "\"open <sip:o@a.test>",
            "\"name\" sip:o@a.test",
            "<sip:o@a.test",
            "<sip:o@a.test>x",
            "<sip:o@a.test>;;tag=1",
            "<sip:o@a.test>;",
            "< sip:o@a.test >",
            "<sip:o @a.test>",
            "sip:o@a.test?Subject=x",
            "<sip:o@a.test>;tag=\"1",
            "a\"b <sip:o@a.test>",
        ] {
            assert_eq!(Address::parse(wrong), None, "{wrong:?}");
        }
    }
}
