//! `application/pidf+xml` (RFC 3863) with what RFC 4480 and RFC 4479 add: an orbit is somebody who
//! can be reached, and who is on the phone while a call waits there. So softphones show it among
//! their buddies that know of presence and of nothing else.
//!
//! An orbit that is taken stays `open`, as phones expect of whoever is only busy: `closed` is who
//! cannot be called, and a taken orbit can.
//!
//! Absent on purpose: what became of a call. Presence has no past.

use std::fmt::Write as _;

use super::document::{orbit_uri, uri};
use super::sight::{Sight, Status};
use super::xml::Text;
use crate::park::Orbit;
use crate::sip::write::Body;

pub(super) const CONTENT_TYPE: &str = "application/pidf+xml";

/// The event package (RFC 3856).
pub(super) const EVENT: &str = "presence";

/// What is told to a watcher of `user` at `host`, which name this orbit.
pub(super) fn body(user: &str, host: &str, orbit: Orbit, sight: Option<&Sight<'_>>) -> Body {
    let note = sight.map(note);
    let mut text = String::with_capacity(768);
    // Some phones look for the prefix `rpid:` and not for its namespace.
    let _ = write!(
        text,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n\
         <presence xmlns=\"urn:ietf:params:xml:ns:pidf\" \
         xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" \
         xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" entity=\"{}\">\r\n\
         <tuple id=\"orbit\">\r\n<status><basic>open</basic></status>\r\n\
         <contact>{}</contact>\r\n",
        Text(&uri(user, host)),
        Text(&orbit_uri(orbit, host))
    );
    // The note is said twice: some phones show that of the tuple, some that of the person.
    if let Some(note) = &note {
        let _ = write!(text, "<note>{}</note>\r\n", Text(note));
    }
    text.push_str("</tuple>\r\n");
    if let Some(note) = &note {
        let _ = write!(
            text,
            "<dm:person id=\"call\">\r\n\
             <rpid:activities><rpid:on-the-phone/></rpid:activities>\r\n\
             <dm:note>{}</dm:note>\r\n</dm:person>\r\n",
            Text(note)
        );
    }
    text.push_str("</presence>\r\n");
    Body {
        content_type: CONTENT_TYPE,
        bytes: text.into_bytes(),
    }
}

/// Who waits and how, as far as everybody may know that.
fn note(sight: &Sight<'_>) -> String {
    let status = match sight.shown.status {
        Status::Parked => "Parked",
        Status::Retrieving => "Being retrieved",
        Status::Recalling => "Recall",
    };
    format!("{status}: {}", sight.parkee.name_to_be_shown())
}

#[cfg(test)]
mod tests {
    use roxmltree::Document;
    use shared::Time;

    use super::*;
    use crate::call::CallKey;
    use crate::call::identity::Identity;
    use crate::lamp::sight::Shown;
    use crate::park::ParkToken;

    fn told(parkee: Option<&Identity>) -> String {
        let orbit = Orbit::parse("701").unwrap();
        let sight = parkee.map(|parkee| Sight {
            orbit,
            shown: Shown {
                id: 1,
                call: CallKey(1),
                status: Status::Parked,
            },
            since: Time::ZERO,
            parkee,
            parker: Some("sip:desk@example.com"),
            token: ParkToken::parse("0123456789abcdef").unwrap(),
            dialog: None,
        });
        let body = body("701", "10.0.0.5", orbit, sight.as_ref());
        assert_eq!(body.content_type, "application/pidf+xml");
        String::from_utf8(body.bytes).unwrap()
    }

    /// What softphones search a document for: some parse it, some do not.
    #[test]
    fn a_taken_orbit_is_on_the_phone_and_a_free_one_is_not() {
        let parkee = Identity::from_parts("\"A < B\" <sip:ab@example.com>", false);
        let taken = told(Some(&parkee));
        let document = Document::parse(&taken).unwrap();
        let entity = document.root_element().attribute("entity");
        assert_eq!(entity, Some("sip:701@10.0.0.5"));
        for part in [
            "<basic>open</basic>",
            "<rpid:on-the-phone/>",
            "<note>Parked: A &lt; B</note>",
            "<dm:note>Parked: A &lt; B</dm:note>",
        ] {
            assert!(taken.contains(part), "{part}: {taken}");
        }
        let free = told(None);
        Document::parse(&free).unwrap();
        assert!(free.contains("<basic>open</basic>"), "{free}");
        for part in ["rpid:on-the-phone", "note", "person"] {
            assert!(!free.contains(part), "{part}: {free}");
        }
    }

    /// No tags, no token, no parker: whatever a watcher may be told, presence has no place for it.
    #[test]
    fn who_is_anonymous_stays_so_and_nothing_tells_how_to_take_the_call() {
        let parkee = Identity::from_parts("\"Anna\" <sip:anna@example.com>", true);
        let taken = told(Some(&parkee));
        assert!(taken.contains("<note>Parked: Anonymous</note>"), "{taken}");
        for part in ["anna", "Anna", "desk", "0123456789abcdef"] {
            assert!(!taken.contains(part), "{part}: {taken}");
        }
    }
}
