//! `application/dialog-info+xml` (RFC 4235 §4): a call that waits is a confirmed dialog of its
//! orbit, from when it is parked until it waits no more, also while somebody is called back or
//! connected; then it is terminated, with the reason. An orbit without a call has no dialog.
//!
//! What RFC 4235 has no words for is said in elements of our own, which others skip.

use std::fmt::Write as _;

use shared::Time;

use super::sight::{Departure, Sight};
use super::xml::Text;
use crate::call::identity::Identity;
use crate::park::Orbit;
use crate::sip::write::Body;

pub(super) const CONTENT_TYPE: &str = "application/dialog-info+xml";

/// One document in the making.
pub(super) struct Document<'a> {
    text: String,
    /// The host of the URIs of our orbits, as the watcher knows it.
    host: &'a str,
    /// Whether the watcher may know what lets it take the call: tags and token.
    sees_dialogs: bool,
}

/// What a document says about all dialogs that it does not name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Extent {
    /// There are none.
    Full,
    /// They are as they were.
    Partial,
}

impl<'a> Document<'a> {
    pub(super) fn new(
        user: &str,
        host: &'a str,
        version: u64,
        extent: Extent,
        sees_dialogs: bool,
    ) -> Self {
        let mut text = String::with_capacity(1_024);
        let state = match extent {
            Extent::Full => "full",
            Extent::Partial => "partial",
        };
        let _ = write!(
            text,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n\
             <dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" xmlns:park=\"{PARK}\" \
             version=\"{version}\" state=\"{state}\" entity=\"{}\">\r\n",
            Text(&uri(user, host))
        );
        Self {
            text,
            host,
            sees_dialogs,
        }
    }

    /// A call that waits.
    pub(super) fn waiting(&mut self, now: Time, sight: &Sight<'_>) {
        let text = &mut self.text;
        let _ = write!(text, "<dialog id=\"{}\"", sight.shown.id);
        if let Some(dialog) = sight.dialog.filter(|_| self.sees_dialogs) {
            let _ = write!(
                text,
                " call-id=\"{}\" local-tag=\"{}\" remote-tag=\"{}\"",
                Text(dialog.call_id),
                Text(dialog.local_tag),
                Text(dialog.remote_tag)
            );
        }
        let _ = write!(
            text,
            " direction=\"recipient\">\r\n<state>confirmed</state>\r\n<duration>{}</duration>\r\n",
            now.since(sight.since).as_secs()
        );
        if let Some(parker) = sight.parker {
            let _ = write!(text, "<referred-by>{}</referred-by>\r\n", Text(parker));
        }
        let orbit = uri(&sight.orbit.user(), self.host);
        let orbit = Text(&orbit);
        // RFC 4235 §4.1.6.1: a side that does not render its media has put the other on hold.
        let _ = write!(
            text,
            "<local>\r\n<identity display=\"Orbit {}\">{orbit}</identity>\r\n\
             <target uri=\"{orbit}\"><param pname=\"+sip.rendering\" pval=\"no\"/></target>\r\n\
             </local>\r\n<remote>\r\n",
            sight.orbit
        );
        identity(text, sight.parkee);
        let _ = write!(
            text,
            "</remote>\r\n<park:call status=\"{}\"",
            sight.shown.status.name()
        );
        if self.sees_dialogs {
            let _ = write!(text, " token=\"{}\"", sight.token);
        }
        text.push_str("/>\r\n</dialog>\r\n");
    }

    /// A call that waits no more; why, where that is still known.
    pub(super) fn gone(&mut self, id: u64, departure: Option<&Departure>) {
        let text = &mut self.text;
        let _ = write!(
            text,
            "<dialog id=\"{id}\" direction=\"recipient\">\r\n<state"
        );
        if let Some(departure) = departure {
            let _ = write!(text, " event=\"{}\"", departure.end.event());
        }
        text.push_str(">terminated</state>\r\n");
        if let Some(departure) = departure {
            let _ = write!(text, "<park:end reason=\"{}\">", departure.end);
            if !departure.by.is_empty() {
                text.push_str("\r\n");
                identity(text, &departure.by);
            }
            text.push_str("</park:end>\r\n");
        }
        text.push_str("</dialog>\r\n");
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.text.push_str("</dialog-info>\r\n");
        self.text.into_bytes()
    }

    pub(super) fn into_body(self) -> Body {
        Body {
            content_type: CONTENT_TYPE,
            bytes: self.finish(),
        }
    }
}

/// The URI of an orbit, a range or the park address.
pub(super) fn uri(user: &str, host: &str) -> String {
    format!("sip:{user}@{host}")
}

/// The URI of an orbit.
pub(super) fn orbit_uri(orbit: Orbit, host: &str) -> String {
    uri(&orbit.user(), host)
}

/// Who it is, or that it does not want to be known (RFC 3323 §4.1).
fn identity(text: &mut String, who: &Identity) {
    let (display, uri) = who.to_be_shown();
    text.push_str("<identity");
    if let Some(display) = display {
        let _ = write!(text, " display=\"{}\"", Text(&display));
    }
    let _ = write!(text, ">{}</identity>\r\n", Text(uri));
}

/// The namespace of our own elements.
const PARK: &str = "urn:orbit:park";
