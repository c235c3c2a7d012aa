//! Bodies of type `application/ms-call-park+xml` (MS-SIPAPP §2.2): what a parker asks, and what it
//! is told. Read with a limit on everything; written in the namespace that was asked in.
//!
//! Absent on purpose: which call is meant, which Refer-To says; calls (`lync`).

use std::fmt::Write as _;

use roxmltree::{Document, ParsingOptions};

use crate::lamp::Text;

/// The Content-Type.
pub const CONTENT_TYPE: &str = "application/ms-call-park+xml";

/// Longest body that is read, in bytes.
pub const BODY_BYTES_MAX: usize = 4_096;
/// Most elements, texts and comments in it.
pub const NODES_MAX: u32 = 64;
/// Longest request-id, in bytes; it is said again in every message.
pub const REQUEST_ID_BYTES_MAX: usize = 128;

/// The one version there is.
const VERSION: &str = "1.0";

/// A `park-request`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParkRequest {
    request_id: Box<str>,
    /// The namespace it was written in.
    namespace: Option<Box<str>>,
}

/// Why a body is no request to park.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParkRequestError {
    /// It cannot be read, or is too long.
    #[error("The body is no XML that is read here")]
    Xml,
    /// It is about something else.
    #[error("The body has no park-request")]
    NoRequest,
    /// A version that did not exist when this was written.
    #[error("The version of the park-request is not 1.0")]
    Version,
    /// Nothing that an answer could name.
    #[error("The park-request has no request-id, or one that is too long")]
    RequestId,
}

impl ParkRequest {
    /// Reads a body: a `park-request`, alone or within another element.
    ///
    /// # Errors
    /// [`ParkRequestError`]
    pub fn parse(body: &[u8]) -> Result<Self, ParkRequestError> {
        if body.len() > BODY_BYTES_MAX {
            return Err(ParkRequestError::Xml);
        }
        let text = str::from_utf8(body).map_err(|_| ParkRequestError::Xml)?;
        let options = ParsingOptions {
            allow_dtd: false,
            nodes_limit: NODES_MAX,
            ..ParsingOptions::default()
        };
        let document = Document::parse_with_options(text.trim_start_matches('\u{feff}'), options)
            .map_err(|_| ParkRequestError::Xml)?;
        let request = document
            .descendants()
            .find(|node| node.is_element() && node.tag_name().name() == "park-request")
            .ok_or(ParkRequestError::NoRequest)?;
        if request.attribute("version") != Some(VERSION) {
            return Err(ParkRequestError::Version);
        }
        let request_id = request.attribute("request-id").unwrap_or_default();
        if !(1..=REQUEST_ID_BYTES_MAX).contains(&request_id.len()) {
            return Err(ParkRequestError::RequestId);
        }
        Ok(Self {
            request_id: request_id.into(),
            namespace: request.tag_name().namespace().map(Into::into),
        })
    }

    /// By which the parker knows its request again.
    #[must_use]
    pub const fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The `park-response`: the orbit, and what names the parked call for safe retrieval.
    #[must_use]
    pub fn response(&self, orbit: &str, parked_call: &str) -> Vec<u8> {
        let mut text = self.open("park-response");
        let (orbit, parked_call) = (Text(orbit), Text(parked_call));
        let _ = write!(
            text,
            "><orbit>{orbit}</orbit><ms-parked-call>{parked_call}</ms-parked-call></park-response>"
        );
        text.into_bytes()
    }

    /// The `unpark-notification`: what became of the call, and who has it now.
    #[must_use]
    pub fn notification(&self, reason: &str, target: Option<&str>) -> Vec<u8> {
        let mut text = self.open("unpark-notification");
        let _ = write!(text, " reason=\"{}\"", Text(reason));
        if let Some(target) = target {
            let _ = write!(text, " target=\"{}\"", Text(target));
        }
        text.push_str("/>");
        text.into_bytes()
    }

    fn open(&self, element: &str) -> String {
        let id = Text(&self.request_id);
        let mut text = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<{element}");
        if let Some(namespace) = &self.namespace {
            let _ = write!(text, " xmlns=\"{}\"", Text(namespace));
        }
        let _ = write!(text, " version=\"{VERSION}\" request-id=\"{id}\"");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ParkRequest, ParkRequestError> {
        ParkRequest::parse(text.as_bytes())
    }

    #[test]
    fn a_request_is_read_alone_and_within_another_element() {
        for text in [
            "<park-request version=\"1.0\" request-id=\"7\"/>",
            "\u{feff}<?xml version=\"1.0\"?>\r\n<park-request request-id='7' version='1.0'>\
             </park-request>",
            "<p:call-park xmlns:p=\"urn:x\"><p:park-request version=\"1.0\" request-id=\"7\"/>\
             </p:call-park>",
        ] {
            assert_eq!(parse(text).unwrap().request_id(), "7", "{text}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused_by_name() {
        let long = "7".repeat(REQUEST_ID_BYTES_MAX + 1);
        let deep = "<a>".repeat(100) + &"</a>".repeat(100);
        for (text, error) in [
            ("", ParkRequestError::Xml),
            ("park", ParkRequestError::Xml),
            ("<park-request", ParkRequestError::Xml),
            (&*deep, ParkRequestError::Xml),
            (
                "<!DOCTYPE x [<!ENTITY a \"b\">]>\
                 <park-request version=\"1.0\" request-id=\"&a;\"/>",
                ParkRequestError::Xml,
            ),
            (
                "<park-response version=\"1.0\"/>",
                ParkRequestError::NoRequest,
            ),
            (
                "<park-request request-id=\"7\"/>",
                ParkRequestError::Version,
            ),
            (
                "<park-request version=\"2.0\" request-id=\"7\"/>",
                ParkRequestError::Version,
            ),
            (
                "<park-request version=\"1.0\"/>",
                ParkRequestError::RequestId,
            ),
            (
                &*format!("<park-request version=\"1.0\" request-id=\"{long}\"/>"),
                ParkRequestError::RequestId,
            ),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
        let padded = format!(
            "{}<park-request version=\"1.0\"/>",
            " ".repeat(BODY_BYTES_MAX)
        );
        assert_eq!(parse(&padded), Err(ParkRequestError::Xml));
    }

    #[test]
    fn an_answer_says_the_request_again_and_cannot_be_broken_by_it() {
        let request =
            "<park-request xmlns=\"urn:a&amp;b\" version=\"1.0\" request-id=\"&quot;&lt;7\"/>";
        let request = parse(request).unwrap();
        let response = String::from_utf8(request.response("#701", "a&b")).unwrap();
        let document = Document::parse(&response).unwrap();
        let root = document.root_element();
        assert_eq!(root.attribute("request-id"), Some("\"<7"));
        assert_eq!(root.tag_name().namespace(), Some("urn:a&b"));
        let child = |name: &str| {
            let found = root.children().find(|node| node.tag_name().name() == name);
            found.unwrap().text().unwrap().to_owned()
        };
        assert_eq!(child("orbit"), "#701");
        assert_eq!(child("ms-parked-call"), "a&b");
        let notice = request.notification("hang-up", Some("sip:a@b;x=\"<"));
        let document = String::from_utf8(notice).unwrap();
        let document = Document::parse(&document).unwrap();
        let root = document.root_element();
        assert_eq!(root.tag_name().name(), "unpark-notification");
        assert_eq!(root.attribute("target"), Some("sip:a@b;x=\"<"));
    }
}
