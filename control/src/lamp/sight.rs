//! What is to be seen of an orbit: the call that waits there, or how the last one ended.
//!
//! Absent on purpose: who sees it, and in which words (`watch`, `document`, `callpark`).

use std::fmt;

use shared::Time;

use crate::call::end::Farewell;
use crate::call::identity::Identity;
use crate::call::{Adopted, CallKey, Exchange, State};
use crate::happening::Whom;
use crate::park::{Orbit, ParkToken, Parked};
use crate::sip::agent::{DialogKey, DialogName};

/// A call that waits, as long as it does: its place in the documents.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Shown {
    /// Never reused: a call that is parked again is another.
    pub(super) id: u64,
    pub(super) call: CallKey,
    pub(super) status: Status,
}

/// How a call waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Status {
    Parked,
    /// Somebody is being connected.
    Retrieving,
    /// Somebody is called who may want it.
    Recalling,
}

/// Why a call waits no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// Somebody has dialled it.
    Retrieved,
    /// Its parker was called, and has answered.
    Recalled,
    /// The fallback was called, and has answered.
    Fallback,
    /// The parkee has hung up, or is not there any more.
    HungUp,
    /// Nobody came, and nobody is left to be called.
    TimedOut,
    /// Another call has taken its place.
    Replaced,
    /// Its media failed.
    Failed,
    /// The server ends.
    Stopping,
}

/// The end of a waiting call, and who brought it about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Departure {
    pub(super) orbit: Orbit,
    pub(super) end: End,
    /// Who has it now; empty where nobody has.
    pub(super) by: Identity,
    pub(super) parkee: Identity,
    pub(super) parker: Option<Box<str>>,
}

/// A waiting call, with everything that somebody may be shown.
pub(super) struct Sight<'a> {
    pub(super) orbit: Orbit,
    pub(super) shown: Shown,
    pub(super) since: Time,
    pub(super) parkee: &'a Identity,
    pub(super) parker: Option<&'a str>,
    pub(super) token: ParkToken,
    pub(super) dialog: Option<DialogName<'a>>,
}

impl Status {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Parked => "parked",
            Self::Retrieving => "retrieving",
            Self::Recalling => "recalling",
        }
    }
}

impl End {
    /// The `event` of the dialog's last state (RFC 4235 §4.1.2).
    pub(super) const fn event(self) -> &'static str {
        match self {
            Self::Retrieved | Self::Recalled | Self::Fallback | Self::Replaced => "replaced",
            Self::HungUp => "remote-bye",
            Self::TimedOut | Self::Stopping => "local-bye",
            Self::Failed => "error",
        }
    }

    pub(crate) const fn of(farewell: Farewell) -> Self {
        match farewell {
            Farewell::NotRetrieved => Self::TimedOut,
            Farewell::Operator => Self::HungUp,
            Farewell::Replaced | Farewell::Parked => Self::Replaced,
            Farewell::BadAnswer | Farewell::MediaTimeout | Farewell::MediaLost => Self::Failed,
            Farewell::Stopping => Self::Stopping,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Retrieved => "retrieved",
            Self::Recalled => "recalled",
            Self::Fallback => "fallback",
            Self::HungUp => "hung-up",
            Self::TimedOut => "timed-out",
            Self::Replaced => "replaced",
            Self::Failed => "failed",
            Self::Stopping => "stopping",
        })
    }
}

/// The call in its orbit, if a state has one there.
pub(super) fn waiting(state: State) -> Option<(Parked, Status)> {
    match state {
        State::Parked(parked) | State::Adopting(Adopted::Parked(parked)) => {
            Some((parked, Status::Parked))
        }
        State::Retrieving(parked, _) => Some((parked, Status::Retrieving)),
        State::Recalling(parked, _) => Some((parked, Status::Recalling)),
        State::Parking(_)
        | State::Fetching(_)
        | State::Asking(_)
        | State::Bridged(_)
        | State::Joining { .. }
        | State::Adopting(Adopted::Bridged(_)) => None,
    }
}

impl Exchange {
    /// A call has another state: its lamps are looked at when all that the input causes is done.
    pub(crate) fn call_moved(&mut self, key: CallKey, before: State) {
        let after = self.state(key);
        let was = waiting(before).map(|(parked, _)| parked.orbit);
        let is = after.and_then(waiting).map(|(parked, _)| parked.orbit);
        self.lamps.touched.extend(was);
        self.lamps.touched.extend(is);
        if let (State::Retrieving(parked, _), Some(State::Bridged(bridge))) = (before, after) {
            let end = self.end_by(bridge.second);
            self.departs(key, parked.orbit, end, Some(bridge.second));
        }
    }

    /// A call is about to leave the table.
    pub(crate) fn call_ends(&mut self, key: CallKey, end: End) {
        let parked = self.state(key).and_then(waiting);
        if let Some((parked, _)) = parked {
            self.lamps.touched.push(parked.orbit);
            self.departs(key, parked.orbit, end, None);
        }
    }

    fn departs(&mut self, key: CallKey, orbit: Orbit, end: End, by: Option<DialogKey>) {
        let call = &self.calls[&key];
        let leaving = self.lamps.leaving.as_ref();
        let identity = |dialog: DialogKey| match self.legs.get(&dialog) {
            Some(leg) => Some(leg.identity.clone()),
            None => Some(leaving.filter(|(left, _)| *left == dialog)?.1.clone()),
        };
        let departure = Departure {
            orbit,
            end,
            by: by.and_then(identity).unwrap_or_default(),
            parkee: identity(call.first).unwrap_or_default(),
            parker: call.parker.clone(),
        };
        let target = Some(departure.by.to_be_shown().1.to_owned());
        let target = target.filter(|_| !departure.by.is_empty());
        self.controls.departed(key, departure.end, target);
        self.lamps.departures.push(departure);
    }

    /// Whether who has a call now came for it, or was called.
    fn end_by(&self, second: DialogKey) -> End {
        match self.news.whom(second) {
            Some(Whom::Parker) => End::Recalled,
            Some(Whom::Fallback) => End::Fallback,
            Some(Whom::Chosen) | None => End::Retrieved,
        }
    }

    /// The call that waits in an orbit, if one does.
    pub(super) fn waiting_in(&self, orbit: Orbit) -> Option<(CallKey, Parked, Status)> {
        let key = self.orbits.occupant(orbit)?;
        let (parked, status) = waiting(self.state(key)?)?;
        Some((key, parked, status))
    }

    pub(super) fn sight(&self, orbit: Orbit) -> Option<Sight<'_>> {
        let shown = *self.lamps.shown.get(&orbit)?;
        let (key, parked, _) = self.waiting_in(orbit)?;
        let call = &self.calls[&key];
        Some(Sight {
            orbit,
            shown,
            since: parked.since,
            parkee: &self.legs[&call.first].identity,
            parker: call.parker.as_deref(),
            token: parked.token,
            dialog: self.agent.name(call.first),
        })
    }
}
