//! A text to the parker when its call waits no more (RFC 3428), where the operator wants that: what
//! became of it, and who has it.
//!
//! Absent on purpose: a second attempt. Who did not get it sees its lamp, or its phone rings.

use shared::Time;

use super::sight::{Departure, End};
use crate::call::Exchange;
use crate::call::identity::Identity;
use crate::config::NotifyParker;
use crate::sip::agent::Outgoing;
use crate::sip::method::Method;
use crate::sip::write::Body;

impl Exchange {
    /// Tells the parker, unless it is the parker that has the call now.
    pub(super) fn tell_parker(&mut self, now: Time, departure: &Departure) {
        if self.rules.park.notify_parker != NotifyParker::Message {
            return;
        }
        let Some(parker) = departure.parker.as_deref() else {
            return;
        };
        let is_parker = departure.by.to_be_shown().1 == parker;
        if is_parker || departure.end == End::Recalled {
            return;
        }
        let (number, text) = (departure.orbit, text(departure));
        tracing::debug!(orbit = %number, parker, "parker told: {text}");
        let orbit = departure.orbit.user();
        let outgoing = Outgoing {
            target: parker.to_owned(),
            from: format!("\"Orbit {number}\" <sip:{orbit}@{}>", self.rules.host),
            to: format!("<{parker}>"),
            routes: Vec::new(),
            headers: Vec::new(),
            body: Some(Body {
                content_type: "text/plain;charset=UTF-8",
                bytes: text.into_bytes(),
            }),
        };
        self.agent.request(now, Method::Message, outgoing);
    }
}

/// One sentence.
fn text(departure: &Departure) -> String {
    let (orbit, parkee) = (departure.orbit, name(&departure.parkee));
    let by = name(&departure.by);
    match departure.end {
        End::Retrieved => format!("{by} has retrieved your call with {parkee} from orbit {orbit}."),
        End::Recalled | End::Fallback => {
            format!("{by} has answered your call with {parkee} in orbit {orbit}.")
        }
        End::HungUp => format!("{parkee} has hung up in orbit {orbit}."),
        End::TimedOut => {
            format!(
                "Nobody has retrieved your call with {parkee} from orbit {orbit}: it has ended."
            )
        }
        End::Replaced => format!("Your call with {parkee} in orbit {orbit} was replaced."),
        End::Failed => format!("Your call with {parkee} in orbit {orbit} has failed."),
        End::Stopping => {
            format!("The server is stopping: your call with {parkee} in orbit {orbit} has ended.")
        }
    }
}

/// The name that somebody goes by, or else the URI.
fn name(who: &Identity) -> String {
    let (display, uri) = who.to_be_shown();
    display
        .filter(|display| !display.is_empty())
        .unwrap_or_else(|| uri.to_owned())
}
