//! The head of a message as lines: where it ends, its fields, and the one field that framing needs.
//! Shared by `message` (datagrams) and `frame` (streams), so that both cut alike.

use super::header::Header;
use super::token::{is_token, number, trim};

/// The four bytes that end a head.
const END: &[u8] = b"\r\n\r\n";

/// How many bytes the head has, its blank line included. `None` while there is no blank line.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, END).map(|at| at + END.len())
}

/// Logical lines: physical ones with their continuations (RFC 3261 §7.3.1), without the last line
/// break. Ends before the blank line. A line break is CRLF or LF here; `is_clean` is the strict
/// one.
pub(super) struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Lines<'a> {
    pub(super) const fn new(head: &'a [u8]) -> Self {
        Self { rest: head }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let mut end = 0;
        loop {
            match memchr::memchr(b'\n', &self.rest[end..]) {
                Some(at) => end += at + 1,
                None => end = self.rest.len(),
            }
            if !matches!(self.rest.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        let (line, rest) = self.rest.split_at(end);
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return None;
        }
        self.rest = rest;
        Some(line)
    }
}

/// Whether every line break of a head is a CRLF and no other control character but the tab
/// occurs. A lone CR or LF is a line break to some and not to others: what stands behind it would
/// be seen by one and not by the next, so it is refused.
pub(super) fn is_clean(head: &[u8]) -> bool {
    let mut previous = 0;
    for &byte in head {
        let is_right = match byte {
            b'\n' => previous == b'\r',
            _ if previous == b'\r' => false,
            b'\r' | b'\t' => true,
            _ => byte >= b' ' && byte != 0x7f,
        };
        if !is_right {
            return false;
        }
        previous = byte;
    }
    previous != b'\r'
}

/// Takes a field line apart: name, and value without white space around it. `None` when it is not
/// a field.
pub(super) fn field(line: &str) -> Option<(&str, &str)> {
    let colon = memchr::memchr(b':', line.as_bytes())?;
    let name = line[..colon].trim_end_matches([' ', '\t']);
    is_token(name).then(|| (name, trim(&line[colon + 1..])))
}

/// What the Content-Length fields of a message say (RFC 3261 §20.14).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ContentLength {
    Absent,
    Bytes(usize),
    /// Not a number, or two that differ: where the message ends is anybody's guess.
    Wrong,
}

impl ContentLength {
    /// Takes one more field into account.
    pub(super) fn and(self, value: &str) -> Self {
        let bytes = number(trim(value))
            .filter(|n| *n <= u64::from(u32::MAX))
            .and_then(|n| usize::try_from(n).ok());
        match (self, bytes) {
            (Self::Absent, Some(bytes)) => Self::Bytes(bytes),
            (Self::Bytes(earlier), Some(bytes)) if earlier == bytes => self,
            _ => Self::Wrong,
        }
    }

    /// Reads it from a head that nobody has parsed yet.
    pub(super) fn of(head: &[u8]) -> Self {
        Lines::new(head)
            .skip(1)
            .filter(|line| matches!(line.first(), Some(b'c' | b'C' | b'l' | b'L')))
            .filter_map(|line| str::from_utf8(line).ok())
            .filter_map(field)
            .filter(|(name, _)| Header::parse(name) == Some(Header::ContentLength))
            .fold(Self::Absent, |length, (_, value)| length.and(value))
    }
}

/// Skips the CRLFs that may stand before a start line (RFC 3261 §7.5).
pub(super) fn skip_breaks(mut bytes: &[u8]) -> &[u8] {
    while let Some(rest) = bytes.strip_prefix(b"\r\n") {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continuations_belong_to_their_line() {
        let lines: Vec<&[u8]> = Lines::new(b"a\r\nb: 1\r\n\t2\r\n 3\r\nc: 4\r\n\r\nno").collect();
        assert_eq!(lines, [&b"a"[..], b"b: 1\r\n\t2\r\n 3", b"c: 4"]);
    }

    #[test]
    fn the_last_line_may_lack_its_break() {
        let lines: Vec<&[u8]> = Lines::new(b"a\r\nb: 1\r\n c").collect();
        assert_eq!(lines, [&b"a"[..], b"b: 1\r\n c"]);
    }

    #[test]
    fn only_crlf_is_a_clean_line_break() {
        assert!(is_clean(b"a\r\n\tb\r\n\r\n"));
        for wrong in [
            &b"a\nb"[..],
            b"a\rb",
            b"a\r",
            b"a\r\r\n",
            b"a\0b",
            b"\x7f",
            b"\x1b[2J",
        ] {
            assert!(!is_clean(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn content_length_must_be_one_number() {
        let of = |text: &str| ContentLength::of(format!("X y\r\n{text}\r\n\r\n").as_bytes());
        assert_eq!(of("l: 12"), ContentLength::Bytes(12));
        assert_eq!(of("CONTENT-length :\r\n 12"), ContentLength::Bytes(12));
        assert_eq!(
            of("Content-Length: 3\r\nl: 03"),
            ContentLength::Bytes(3),
            "twice the same is one"
        );
        assert_eq!(of("Content-Type: 3"), ContentLength::Absent);
        for wrong in ["l: 1\r\nl: 2", "l: -1", "l:", "l: 5000000000", "l: 1, 1"] {
            assert_eq!(of(wrong), ContentLength::Wrong, "{wrong}");
        }
    }

    #[test]
    fn a_field_needs_a_name_of_token_characters() {
        assert_eq!(field("To : x"), Some(("To", "x")));
        assert_eq!(field("To:"), Some(("To", "")));
        for wrong in ["To", ": x", "T o: x", "T\u{f6}: x", " To: x"] {
            assert_eq!(field(wrong), None, "{wrong:?}");
        }
    }
}
