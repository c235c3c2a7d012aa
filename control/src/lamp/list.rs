//! The state of several orbits in one NOTIFY (RFC 4662 §5): a list that names them, and a document
//! for each that has something to say, as parts of one body (RFC 2387).

use std::fmt::Write as _;

use super::document::{self, orbit_uri, uri};
use super::xml::Text;
use crate::park::Orbit;
use crate::sip::write::Body;

pub(super) const CONTENT_TYPE: &str = "multipart/related;type=\"application/rlmi+xml\";\
    start=\"<list@orbit>\";boundary=\"orbit-list-part\"";

/// A list in the making.
pub(super) struct List<'a> {
    host: &'a str,
    names: String,
    parts: Vec<u8>,
}

impl<'a> List<'a> {
    /// `is_full`: every orbit of the range is named.
    pub(super) fn new(user: &str, host: &'a str, version: u64, is_full: bool) -> Self {
        let mut names = String::with_capacity(1_024);
        let uri = uri(user, host);
        let _ = write!(
            names,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n\
             <list xmlns=\"urn:ietf:params:xml:ns:rlmi\" uri=\"{}\" version=\"{version}\" \
             fullState=\"{is_full}\">\r\n",
            Text(&uri)
        );
        Self {
            host,
            names,
            parts: Vec::new(),
        }
    }

    /// Names an orbit whose state is told later.
    pub(super) fn name(&mut self, orbit: Orbit) {
        let uri = orbit_uri(orbit, self.host);
        let _ = write!(self.names, "<resource uri=\"{}\"/>\r\n", Text(&uri));
    }

    /// Names an orbit and tells its state.
    pub(super) fn tell(&mut self, orbit: Orbit, document: &[u8]) {
        let uri = orbit_uri(orbit, self.host);
        let user = orbit.user();
        let _ = write!(
            self.names,
            "<resource uri=\"{}\"><instance id=\"1\" state=\"active\" cid=\"{user}@orbit\"/>\
             </resource>\r\n",
            Text(&uri),
        );
        part(&mut self.parts, &user, document::CONTENT_TYPE, document);
    }

    pub(super) fn len(&self) -> usize {
        self.names.len() + self.parts.len()
    }

    pub(super) fn into_body(mut self) -> Body {
        self.names.push_str("</list>\r\n");
        let mut bytes = Vec::with_capacity(self.names.len() + self.parts.len() + 256);
        part(
            &mut bytes,
            "list",
            "application/rlmi+xml",
            self.names.as_bytes(),
        );
        bytes.extend_from_slice(&self.parts);
        bytes.extend_from_slice(b"--orbit-list-part--\r\n");
        Body {
            content_type: CONTENT_TYPE,
            bytes,
        }
    }
}

fn part(bytes: &mut Vec<u8>, id: &str, content_type: &str, content: &[u8]) {
    let head = format!(
        "--orbit-list-part\r\nContent-Transfer-Encoding: binary\r\n\
         Content-ID: <{id}@orbit>\r\nContent-Type: {content_type};charset=\"UTF-8\"\r\n\r\n"
    );
    bytes.extend_from_slice(head.as_bytes());
    bytes.extend_from_slice(content);
    bytes.extend_from_slice(b"\r\n");
}
