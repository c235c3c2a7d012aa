//! Header parameters (RFC 3261 §7.3.1, §25.1 `generic-param`).

use crate::sip::token::{
    find_outside, is_space, is_token_byte, quoted_end, split_outside, trim, trim_start,
};

/// The `;name=value` parameters of a header value, as written, without the first semicolon.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parameters<'a>(pub &'a str);

impl<'a> Parameters<'a> {
    /// The value of the first parameter of that name (without case): without its quotes, escapes
    /// as written; `Some("")` where it has none.
    #[must_use]
    pub fn find(self, name: &str) -> Option<&'a str> {
        self.iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.unwrap_or(""))
    }

    /// How often a name occurs (without case).
    #[must_use]
    pub fn count(self, name: &str) -> usize {
        self.iter()
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .count()
    }

    /// Names, and values without quotes.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        self.raw().map(|raw| match find_outside(raw, b'=') {
            Some(at) => (trim(&raw[..at]), Some(unquote(trim(&raw[at + 1..])))),
            None => (raw, None),
        })
    }

    /// Each parameter as written, without the semicolons and white space around it.
    pub(crate) fn raw(self) -> impl Iterator<Item = &'a str> {
        let text = trim(self.0);
        split_outside(text, b';').filter(move |_| !text.is_empty())
    }

    /// Whether each is a name, or a name with a value that cannot be taken for something else.
    /// Values that are no tokens (`=` of base64, `/`, `:`) are let through: proxies put them into
    /// routes.
    #[must_use]
    pub fn is_well_formed(self) -> bool {
        self.read(|_, _| ()).is_some()
    }

    /// Gives each name and value as [`Self::iter`] does, in one pass. `None` once one is not
    /// well-formed ([`Self::is_well_formed`]): what was given till then means nothing.
    pub(crate) fn read(self, mut take: impl FnMut(&'a str, Option<&'a str>)) -> Option<()> {
        let mut rest = trim(self.0);
        if rest.is_empty() {
            return Some(());
        }
        loop {
            let (name, behind) = split_name(rest)?;
            let behind = match behind.strip_prefix('=') {
                None => {
                    take(name, None);
                    behind
                }
                Some(behind) => {
                    let (value, behind) = split_value(trim_start(behind))?;
                    take(name, Some(value));
                    behind
                }
            };
            if behind.is_empty() {
                return Some(());
            }
            rest = trim_start(behind.strip_prefix(';')?);
        }
    }
}

/// The name at the beginning of a parameter, and what follows it and white space.
fn split_name(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let end = bytes.iter().position(|byte| !is_token_byte(*byte));
    let (name, rest) = text.split_at(end.unwrap_or(bytes.len()));
    (!name.is_empty()).then(|| (name, trim_start(rest)))
}

/// The value at the beginning of a text, without its quotes, and what follows it and white space.
fn split_value(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    if bytes.first() == Some(&b'"') {
        let end = quoted_end(bytes)?;
        return Some((&text[1..end], trim_start(&text[end + 1..])));
    }
    let end = bytes.iter().position(|byte| ends_value(*byte));
    let (value, rest) = text.split_at(end.unwrap_or(bytes.len()));
    Some((value, trim_start(rest)))
}

/// What cannot stand in a value without quotes.
const fn ends_value(byte: u8) -> bool {
    is_space(byte) || matches!(byte, b';' | b'"' | b'<' | b'>' | b',')
}

/// Takes a value with parameters apart: `application/sdp;charset=utf-8`, `SIP;cause=200;text="x"`.
#[must_use]
pub fn split_parameters(text: &str) -> (&str, Parameters<'_>) {
    match find_outside(text, b';') {
        Some(at) => (trim(&text[..at]), Parameters(trim(&text[at + 1..]))),
        None => (trim(text), Parameters("")),
    }
}

fn unquote(value: &str) -> &str {
    value
        .strip_prefix('"')
        .and_then(|inner| inner.strip_suffix('"'))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_found_without_case_and_without_quotes() {
        let parameters = Parameters("Tag = a1 ;lr;\r\n text=\"x;y=\\\"z\"");
        assert_eq!(parameters.find("tag"), Some("a1"));
        assert_eq!(parameters.find("LR"), Some(""));
        assert_eq!(parameters.find("text"), Some("x;y=\\\"z"));
        assert_eq!(parameters.find("y"), None);
        assert!(parameters.is_well_formed());
    }

    #[test]
    fn no_parameters_are_well_formed() {
        assert!(Parameters("").is_well_formed());
        assert_eq!(Parameters(" ").iter().count(), 0);
    }

    #[test]
    fn what_proxies_put_into_routes_is_let_through() {
        assert!(Parameters("lr;vsf=AAAAAHR+Zw==;did=4f.1;a=[2001:db8::1]:5060").is_well_formed());
    }

    #[test]
    fn empty_and_broken_parameters_are_not_well_formed() {
        for wrong in [
            "a;;b", "a;", ";a", "=1", "a b", "a=b c", "a=\"b", "a=\"b\"c", "a=<b",
        ] {
            assert!(!Parameters(wrong).is_well_formed(), "{wrong:?}");
        }
    }

    #[test]
    fn a_value_is_split_from_its_parameters() {
        let (value, parameters) = split_parameters("application/sdp ; charset=\"utf-8\"");
        assert_eq!(value, "application/sdp");
        assert_eq!(parameters.find("charset"), Some("utf-8"));
        assert_eq!(split_parameters(" x "), ("x", Parameters("")));
    }
}
