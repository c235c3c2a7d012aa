//! Texts to the parker (RFC 3428), where the operator wants that: in which orbit its call waits,
//! which a blind transfer tells it in no other way; what became of it, and who has it.
//!
//! Absent on purpose: a second attempt. Who did not get it sees its lamp, or its phone rings.

use shared::Time;

use super::sight::{Departure, End};
use crate::call::{CallKey, Exchange};
use crate::config::NotifyParker;
use crate::park::Orbit;
use crate::sip::agent::Outgoing;
use crate::sip::method::Method;
use crate::sip::write::Body;

impl Exchange {
    /// Tells the parker where its call waits from now on.
    pub(crate) fn tell_orbit(&mut self, now: Time, key: CallKey) {
        let call = &self.calls[&key];
        let Some(parker) = call.parker.clone() else {
            return;
        };
        let leg = &self.legs[&call.first];
        let (orbit, parkee) = (leg.orbit, leg.identity.name_to_be_shown());
        let text = format!("Your call with {parkee} waits in orbit {orbit}.");
        self.send_text(now, orbit, &parker, text);
    }

    /// Tells the parker, unless it is the parker that has the call now.
    pub(super) fn tell_parker(&mut self, now: Time, departure: &Departure) {
        let Some(parker) = departure.parker.as_deref() else {
            return;
        };
        let is_parker = departure.by.to_be_shown().1 == parker;
        if is_parker || departure.end == End::Recalled {
            return;
        }
        self.send_text(now, departure.orbit, parker, text(departure));
    }

    /// From the orbit, so that whoever calls back retrieves.
    fn send_text(&mut self, now: Time, orbit: Orbit, parker: &str, text: String) {
        if self.rules.park.notify_parker != NotifyParker::Message {
            return;
        }
        tracing::debug!(%orbit, parker, "parker told: {text}");
        let user = orbit.user();
        let outgoing = Outgoing {
            target: parker.to_owned(),
            from: format!("\"Orbit {orbit}\" <sip:{user}@{}>", self.rules.host),
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
    let (orbit, parkee) = (departure.orbit, departure.parkee.name_to_be_shown());
    let by = departure.by.name_to_be_shown();
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
