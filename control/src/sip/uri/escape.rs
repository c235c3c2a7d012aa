//! Percent-escapes (RFC 3261 §19.1.2, RFC 3986 §2.1).

use std::borrow::Cow;

/// One letter of an escaped text, as far as equivalence goes: an escaped reserved character is
/// not the same as the bare one, every other escape is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Letter {
    Plain(u8),
    Reserved(u8),
}

/// Whether every percent sign has its two hexadecimal digits.
pub(super) fn is_well_formed(text: &str) -> bool {
    let mut rest = text.as_bytes();
    while let Some(at) = memchr::memchr(b'%', rest) {
        rest = &rest[at + 1..];
        if !matches!(rest, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()) {
            return false;
        }
    }
    true
}

/// The text without escapes. What would not be UTF-8 stays as written.
pub(super) fn resolve(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = letters(text)
        .map(|letter| match letter {
            Letter::Plain(byte) | Letter::Reserved(byte) => byte,
        })
        .collect();
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The text letter by letter. A percent sign without digits stands for itself.
pub(super) fn letters(text: &str) -> impl Iterator<Item = Letter> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let (&first, tail) = rest.split_first()?;
        let escaped = match (first, tail) {
            (b'%', [a, b, ..]) => hex(*a).zip(hex(*b)).map(|(a, b)| a << 4 | b),
            _ => None,
        };
        let Some(byte) = escaped else {
            rest = tail;
            return Some(Letter::Plain(first));
        };
        rest = &tail[2..];
        Some(match is_reserved(byte) {
            true => Letter::Reserved(byte),
            false => Letter::Plain(byte),
        })
    })
}

/// `reserved` of RFC 3261 §25.1.
const fn is_reserved(byte: u8) -> bool {
    matches!(
        byte,
        b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b','
    )
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_resolved_once() {
        assert_eq!(resolve("a%2540b%40c"), "a%40b@c");
        assert!(matches!(resolve("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn what_is_not_utf8_stays_as_written() {
        assert_eq!(resolve("a%ffb"), "a%ffb");
        assert_eq!(resolve("gr%C3%bc%C3%9Fe"), "gr\u{fc}\u{df}e");
    }

    #[test]
    fn a_percent_sign_needs_two_digits() {
        assert!(is_well_formed("%00%fF"));
        for wrong in ["%", "%4", "%4g", "a%%40", "%\u{e9}1"] {
            assert!(!is_well_formed(wrong), "{wrong}");
        }
    }
}
