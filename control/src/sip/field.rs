//! Header fields as a table over the head, and the body they announce (RFC 3261 §7.3, §18.3).

use super::head::{self, ContentLength};
use super::header::Header;
use super::limits::{BODY_BYTES_MAX, HEADERS_MAX};
use super::message::Malformed;
use super::status::Status;

/// One header field: its name and its value as written.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) header: Option<Header>,
    pub(super) name: &'a str,
    pub(super) value: &'a str,
}

/// A message's fields in order; the first 32 need no allocation. Not a `SmallVec`: that is
/// invariant over its items, and a `&'a Message<'a>`, which events carry, could then never end.
pub(super) struct Fields<'a> {
    first: [Field<'a>; 32],
    first_len: usize,
    rest: Vec<Field<'a>>,
}

impl<'a> Fields<'a> {
    pub(super) const fn new() -> Self {
        const NONE: Field<'static> = Field {
            header: None,
            name: "",
            value: "",
        };
        Self {
            first: [NONE; 32],
            first_len: 0,
            rest: Vec::new(),
        }
    }

    /// Takes in all lines, which must be fields.
    pub(super) fn read(&mut self, lines: impl Iterator<Item = &'a str>) -> Result<(), Malformed> {
        for line in lines {
            if self.len() == HEADERS_MAX {
                return Err(Malformed::bad("too many header fields"));
            }
            let field = Field::parse(line).ok_or(Malformed::bad("a line is not a header field"))?;
            self.push(field);
        }
        Ok(())
    }

    pub(super) fn push(&mut self, field: Field<'a>) {
        match self.first.get_mut(self.first_len) {
            Some(place) => {
                *place = field;
                self.first_len += 1;
            }
            None => self.rest.push(field),
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.first_len + self.rest.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Field<'a>> {
        self.first[..self.first_len].iter().chain(&self.rest)
    }
}

impl<'a> FromIterator<Field<'a>> for Fields<'a> {
    fn from_iter<I: IntoIterator<Item = Field<'a>>>(iter: I) -> Self {
        let mut fields = Self::new();
        iter.into_iter().for_each(|field| fields.push(field));
        fields
    }
}

impl<'a> Field<'a> {
    pub(super) fn parse(line: &'a str) -> Option<Self> {
        let (name, value) = head::field(line)?;
        let header = Header::parse(name);
        Some(Self {
            header,
            name,
            value,
        })
    }
}

/// The body that Content-Length cuts out of what follows the head (RFC 3261 §18.3).
pub(super) fn cut_body<'a>(fields: &Fields<'_>, rest: &'a [u8]) -> Result<&'a [u8], Malformed> {
    let length = fields
        .iter()
        .filter(|field| field.header == Some(Header::ContentLength))
        .fold(ContentLength::Absent, |length, field| {
            length.and(field.value)
        });
    let length = match length {
        ContentLength::Absent => rest.len(),
        ContentLength::Bytes(length) => length,
        ContentLength::Wrong => return Err(Malformed::bad("Content-Length is not one number")),
    };
    if length > BODY_BYTES_MAX {
        return Err(Malformed::new(Status::BODY_TOO_LARGE, "body too large"));
    }
    rest.get(..length)
        .ok_or(Malformed::bad("body shorter than Content-Length"))
}
