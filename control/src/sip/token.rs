//! The letters of the grammar (RFC 3261 §25.1): tokens, white space with its line folds, quoted
//! strings.
//!
//! Absent on purpose: header fields. Every parser of a value is built from these few.

use std::borrow::Cow;

/// Linear white space inside a field value. CR and LF count, because a value that was folded keeps
/// its line breaks (RFC 3261 §7.3.1: a fold means one space).
pub(super) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// A blank inside a line.
pub(super) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The text without white space at its ends.
pub(super) fn trim(text: &str) -> &str {
    let text = trim_start(text);
    let end = text.bytes().rposition(|byte| !is_space(byte));
    &text[..end.map_or(0, |at| at + 1)]
}

/// The text without white space in front.
pub(super) fn trim_start(text: &str) -> &str {
    let start = text.bytes().position(|byte| !is_space(byte));
    &text[start.unwrap_or(text.len())..]
}

/// A character of `token`.
pub(super) const fn is_token_byte(byte: u8) -> bool {
    TOKEN[byte as usize]
}

/// For each byte whether it is a character of `token`: they are asked for more often than all else.
static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut letter = 0_u8;
    while letter < 128 {
        table[letter as usize] = letter.is_ascii_alphanumeric()
            || matches!(
                letter,
                b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~'
            );
        letter += 1;
    }
    table
};

/// One or more characters of `token`.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// What stands before and behind the first such byte, which must be ASCII.
pub(super) fn split_at(text: &str, separator: u8) -> Option<(&str, &str)> {
    debug_assert!(separator.is_ascii(), "part of a character");
    let at = memchr::memchr(separator, text.as_bytes())?;
    Some((&text[..at], &text[at + 1..]))
}

/// A number of decimal digits alone: no sign, no space. Leading zeros are allowed, so
/// the length is not; `None` also beyond 64 bits.
pub(super) fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Where a quoted string that begins at `bytes[0]` ends: the index of its closing quote.
pub(super) fn quoted_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Where `separator` first stands outside quoted strings and angle brackets. An unclosed quote or
/// bracket hides the rest.
pub(super) fn find_outside(text: &str, separator: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            _ if byte == separator => return Some(at),
            b'"' => at += quoted_end(&bytes[at..])?,
            b'<' => at += memchr::memchr(b'>', &bytes[at..])?,
            _ => {}
        }
        at += 1;
    }
    None
}

/// The parts of `text` between separators that stand outside quotes and angle brackets, trimmed.
/// Empty parts are kept.
pub(super) fn split_outside(text: &str, separator: u8) -> impl Iterator<Item = &str> + Clone {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let now = rest?;
        let Some(at) = find_outside(now, separator) else {
            rest = None;
            return Some(trim(now));
        };
        rest = Some(&now[at + 1..]);
        Some(trim(&now[..at]))
    })
}

/// A value with each line fold replaced by one space (RFC 3261 §7.3.1). Borrowed where there is
/// none.
#[must_use]
pub fn unfold(value: &str) -> Cow<'_, str> {
    if !value.contains(['\r', '\n']) {
        return Cow::Borrowed(value);
    }
    let mut whole = String::with_capacity(value.len());
    for line in value.split(['\r', '\n']) {
        let line = line.trim_matches([' ', '\t']);
        if !line.is_empty() {
            if !whole.is_empty() {
                whole.push(' ');
            }
            whole.push_str(line);
        }
    }
    Cow::Owned(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_in_quotes_and_brackets_do_not_split() {
        let text = r#""a, \", b" <sip:x,y@z>;q=1, c ,, "d"#;
        let parts: Vec<&str> = split_outside(text, b',').collect();
        assert_eq!(
            parts,
            [r#""a, \", b" <sip:x,y@z>;q=1"#, "c", "", "\"d"],
            "an unclosed quote takes the rest"
        );
    }

    #[test]
    fn a_backslash_at_the_end_closes_nothing() {
        assert_eq!(quoted_end(br#""abc\"#), None);
        assert_eq!(quoted_end(br#""abc\""#), None);
        assert_eq!(quoted_end(br#""abc\\""#), Some(6));
    }

    #[test]
    fn numbers_have_digits_only() {
        assert_eq!(number("007"), Some(7));
        for wrong in ["", "+7", "-7", " 7", "7a", "99999999999999999999"] {
            assert_eq!(number(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_fold_is_one_space() {
        assert_eq!(unfold("one\r\n \t two\r\n three"), "one two three");
        assert!(matches!(unfold("a  b"), Cow::Borrowed("a  b")));
    }
}
