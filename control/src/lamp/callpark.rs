//! `application/x-broadworks-callpark-info+xml`: who is parked, in the words that phones made for
//! BroadWorks understand. An orbit without a call has an empty element.

use std::fmt::Write as _;

use super::sight::Sight;
use super::xml::Text;
use crate::sip::write::Body;

pub(super) const CONTENT_TYPE: &str = "application/x-broadworks-callpark-info+xml";

/// The event package of the same name.
pub(super) const EVENT: &str = "x-broadworks-callpark-info";

pub(super) fn body(sight: Option<&Sight<'_>>) -> Body {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n\
         <x-broadworks-callpark-info xmlns=\"{NAMESPACE}\">\r\n<callpark>"
    );
    if let Some(sight) = sight {
        let (display, uri) = sight.parkee.to_be_shown();
        text.push_str("<parked><identity");
        if let Some(display) = display {
            let _ = write!(text, " display=\"{}\"", Text(&display));
        }
        let _ = write!(text, ">{}</identity></parked>", Text(uri));
    }
    text.push_str("</callpark>\r\n</x-broadworks-callpark-info>\r\n");
    Body {
        content_type: CONTENT_TYPE,
        bytes: text.into_bytes(),
    }
}

const NAMESPACE: &str = "http://schema.broadsoft.com/callpark";
