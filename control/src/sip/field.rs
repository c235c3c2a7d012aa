//! Header fields as a table over the head, and the body they announce (RFC 3261 §7.3, §18.3).

use smallvec::SmallVec;

use super::head::{self, ContentLength};
use super::header::Header;
use super::limits::{BODY_BYTES_MAX, HEADERS_MAX};
use super::message::Malformed;
use super::status::Status;

/// One header field: its name and its value as written.
pub(super) struct Field<'a> {
    pub(super) header: Option<Header>,
    pub(super) name: &'a str,
    pub(super) value: &'a str,
}

/// So many fields need no allocation.
pub(super) type Fields<'a> = SmallVec<[Field<'a>; 32]>;

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

pub(super) fn parse_fields<'a>(
    lines: impl Iterator<Item = &'a str>,
) -> Result<Fields<'a>, Malformed> {
    let mut fields = Fields::new();
    for line in lines {
        if fields.len() == HEADERS_MAX {
            return Err(Malformed::bad("too many header fields"));
        }
        let field = Field::parse(line).ok_or(Malformed::bad("a line is not a header field"))?;
        fields.push(field);
    }
    Ok(fields)
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
