//! The head of a message as lines: where it ends, its fields, and the one field that framing needs.
//! Shared by `message` (datagrams) and `frame` (streams), so that both cut alike.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::header::Header;
use super::token::{is_blank, is_token_byte, number, trim};

/// The four bytes that end a head.
const END: &[u8] = b"\r\n\r\n";

/// Looks for it; built once, since that takes longer than a search.
static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(END));

/// How many bytes the head has, its blank line included. `None` while there is no blank line.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    FINDER.find(bytes).map(|at| at + END.len())
}

/// Logical lines: physical ones with their continuations (RFC 3261 §7.3.1), without the last line
/// break. Ends before the blank line. A line break is CRLF or LF here; `is_clean` is the strict
/// one.
pub(super) struct Lines<'a> {
    head: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    pub(super) const fn new(head: &'a [u8]) -> Self {
        Self { head, at: 0 }
    }

    /// The lines of a head that is text as a whole.
    pub(super) fn of_text(head: &'a str) -> impl Iterator<Item = &'a str> {
        let mut lines = Self::new(head.as_bytes());
        std::iter::from_fn(move || lines.cut().map(|line| &head[line]))
    }

    /// Where the next line stands.
    fn cut(&mut self) -> Option<Range<usize>> {
        let mut next = self.at;
        loop {
            match memchr::memchr(b'\n', &self.head[next..]) {
                Some(at) => next += at + 1,
                None => next = self.head.len(),
            }
            if !matches!(self.head.get(next), Some(b' ' | b'\t')) {
                break;
            }
        }
        let line = &self.head[self.at..next];
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return None;
        }
        let start = std::mem::replace(&mut self.at, next);
        Some(start..start + line.len())
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.cut().map(|line| &self.head[line])
    }
}

/// Whether every line break of a head is a CRLF and no other control character but the tab
/// occurs. A lone CR or LF is a line break to some and not to others: what stands behind it would
/// be seen by one and not by the next, so it is refused.
///
/// Without a branch in the loop, so that it looks at many bytes at once.
pub(super) fn is_clean(head: &[u8]) -> bool {
    let (Some(first), Some(last)) = (head.first(), head.last()) else {
        return true;
    };
    let is_control = |byte: u8| {
        let is_break = (byte == b'\r') | (byte == b'\n') | (byte == b'\t');
        ((byte < b' ') & !is_break) | (byte == 0x7f)
    };
    let wrong = head
        .iter()
        .zip(&head[1..])
        .fold(is_control(*first), |wrong, (&one, &next)| {
            wrong | is_control(next) | ((one == b'\r') != (next == b'\n'))
        });
    !wrong && *first != b'\n' && *last != b'\r'
}

/// Takes a field line apart: name, and value without white space around it. `None` when it is not
/// a field.
pub(super) fn field(line: &str) -> Option<(&str, &str)> {
    let bytes = line.as_bytes();
    let end = bytes.iter().position(|byte| !is_token_byte(*byte))?;
    let blanks = bytes[end..].iter().position(|byte| !is_blank(*byte))?;
    let is_field = end > 0 && bytes[end + blanks] == b':';
    is_field.then(|| (&line[..end], trim(&line[end + blanks + 1..])))
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
