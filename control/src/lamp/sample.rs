//! The document of one call that waits, always the same: to measure what writing it costs.
//!
//! Absent on purpose: everything that decides what is told to whom.

use shared::Time;

use super::document::{Document, Extent};
use super::sight::{Shown, Sight, Status};
use crate::call::CallKey;
use crate::call::identity::Identity;
use crate::park::{Orbit, ParkToken};

/// A call that waits, and somebody who watches its orbit.
#[derive(Debug)]
pub struct Sample {
    parkee: Identity,
    orbit: Orbit,
    token: ParkToken,
}

impl Default for Sample {
    fn default() -> Self {
        let parkee = "\"Anna Meier\" <sip:anna.meier@pbx.example.com>";
        Self {
            parkee: Identity::from_parts(parkee, false),
            orbit: Orbit::parse("701").expect("it is one"),
            token: ParkToken::parse("0123456789abcdef").expect("it is one"),
        }
    }
}

impl Sample {
    /// The body of a NOTIFY: `application/dialog-info+xml` of one orbit (RFC 4235 §4).
    #[must_use]
    pub fn body(&self, version: u64) -> Vec<u8> {
        let user = self.orbit.user();
        let mut document = Document::new(&user, "10.0.0.5:5060", version, Extent::Full, false);
        let shown = Shown {
            id: 1,
            call: CallKey(1),
            status: Status::Parked,
        };
        document.waiting(
            Time::ZERO,
            &Sight {
                orbit: self.orbit,
                shown,
                since: Time::ZERO,
                parkee: &self.parkee,
                parker: Some("sip:desk@pbx.example.com"),
                token: self.token,
                dialog: None,
            },
        );
        document.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_a_watcher_gets() {
        let body = String::from_utf8(Sample::default().body(7)).unwrap();
        let document = roxmltree::Document::parse(&body).unwrap();
        assert_eq!(document.root_element().attribute("version"), Some("7"));
        for part in [
            "Anna Meier",
            "<state>confirmed</state>",
            "status=\"parked\"",
        ] {
            assert!(body.contains(part), "{body}");
        }
    }
}
