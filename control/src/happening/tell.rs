//! What happened, read off how the states of calls change: so that nothing that changes them can
//! forget to say so. Only what no state shows is said where it happens.

use std::sync::Arc;

use shared::{StreamId, StreamStats};

use super::news::Left;
use super::{AdoptedState, CallNumber, Dialect, End, Fact, Happening, RecallEnd, Side, Whom, Why};
use crate::call::end::Farewell;
use crate::call::{Adopted, Call, CallKey, Exchange, Leg, Refusal, State, Turn};
use crate::lamp;
use crate::park::{Orbit, Parked};
use crate::sip::agent::DialogKey;
use crate::store::record::{CallRecord, StateRecord};

impl Exchange {
    /// A call has another state.
    pub(crate) fn tell_moved(&mut self, key: CallKey, before: State) {
        let Some(after) = self.state(key) else { return };
        match (before, after) {
            (State::Parked(before), State::Parked(after)) if after.recalls > before.recalls => {
                let (attempt, whom) = self.tell_recall(key, &before);
                let how = RecallEnd::NotCalled;
                self.happened(key, Fact::RecallEnded { attempt, whom, how });
            }
            (State::Parked(before), State::Parked(after)) if after.orbit != before.orbit => {
                let from = self.orbits.number(before.orbit).into();
                self.happened(key, Fact::Moved { from });
            }
            (State::Parked(before), State::Recalling(_, recall)) => {
                let called = self.tell_recall(key, &before);
                self.news.called.insert(recall, called);
            }
            (State::Parked(_), State::Retrieving(_, retriever)) => self.tell_claim(key, retriever),
            (State::Recalling(_, recall), State::Retrieving(_, retriever)) => {
                self.tell_recalled(
                    key,
                    recall,
                    match recall == retriever {
                        true => RecallEnd::Answered,
                        false => RecallEnd::RetrievedElsewhere,
                    },
                );
                self.tell_claim(key, retriever);
            }
            (State::Recalling(_, recall), State::Parked(_)) => {
                self.tell_recalled(key, recall, self.news.recall_end(recall));
            }
            (State::Retrieving(_, retriever), State::Parked(_)) => {
                let why = self.news.why(retriever);
                self.tell_failed(key, retriever, why);
            }
            (State::Retrieving(_, retriever), State::Bridged(_)) => {
                let (by, way) = (self.name_of(retriever), self.news.way(retriever));
                self.happened(key, Fact::Retrieved { by, way });
                self.news.called.remove(&retriever);
            }
            (
                State::Bridged(_),
                State::Parked(Parked {
                    since, deadline, ..
                }),
            ) => {
                self.happened(key, Fact::ParkedAgain { since, deadline });
            }
            _ => {}
        }
    }

    /// A call waits from here on.
    pub(crate) fn tell_parked(&mut self, key: CallKey, parked: &Parked, dialect: Dialect) {
        let call = &self.calls[&key];
        let fact = Fact::Parked {
            dialect,
            parkee: self.name_of(call.first),
            parker: call.parker.clone(),
            deadline: parked.deadline,
        };
        self.happened(key, fact);
    }

    /// A call is about to leave the table.
    pub(crate) fn tell_ended(&mut self, key: CallKey, end: lamp::End) {
        let Some(call) = self.calls.get(&key) else {
            return;
        };
        let (state, first) = (call.state, call.first);
        let farewell = self.news.farewell.filter(|(of, _)| *of == key);
        let why = match farewell {
            Some((_, farewell)) => farewell.refusal().into(),
            None => self.news.why(first),
        };
        self.news.last = None;
        match state {
            State::Parking(parking) => {
                let (dialect, by) = (parking.dialect, self.name_of(first));
                return self.happened(key, Fact::ParkRefused { dialect, by, why });
            }
            State::Asking(_) => {
                let by = self.name_of(first);
                return self.happened(key, Fact::RetrieveRefused { by, why });
            }
            State::Fetching(_) | State::Joining { .. } => return,
            State::Retrieving(_, retriever) => {
                let why = farewell.map_or(Refusal::ParkeeGone, |(_, f)| f.refusal());
                self.tell_failed(key, retriever, why.into());
            }
            State::Recalling(_, recall) => self.tell_recalled(key, recall, RecallEnd::CallOver),
            State::Parked(_) | State::Bridged(_) | State::Adopting(_) => {}
        }
        self.news.last = Some((key, first, matches!(state, State::Bridged(_))));
        let (how, by) = match (farewell, self.news.gone) {
            (Some((_, farewell)), _) => (farewell.into(), Side::Server),
            (None, Some((dialog, how))) if end == lamp::End::HungUp => match dialog == first {
                true => (how, Side::Parkee),
                false => (how, Side::Retriever),
            },
            (None, _) => (end.into(), Side::Server),
        };
        self.happened(key, Fact::Ended { how, by });
    }

    /// A call of an earlier process was taken up.
    pub(crate) fn tell_adopted(&mut self, key: CallKey, record: &CallRecord) {
        let call = &self.calls[&key];
        let since_unix_ms = match &record.state {
            StateRecord::Parked(parked) => parked.since_unix_ms,
            StateRecord::Bridged { since_unix_ms, .. } => *since_unix_ms,
        };
        let state = match call.state {
            State::Adopting(Adopted::Parked(parked)) => AdoptedState::Parked {
                since_unix_ms,
                since: parked.since,
                deadline: parked.deadline,
                recalls: parked.recalls,
            },
            _ => AdoptedState::Bridged { since_unix_ms },
        };
        let fact = Fact::Adopted {
            state,
            parkee: record.first.identity.clone(),
            parker: record.parker.clone(),
        };
        self.happened(key, fact);
    }

    /// A call of an earlier process was not taken up.
    pub(crate) fn tell_not_adopted(&mut self, key: CallKey, record: &CallRecord) {
        let orbit = match &record.state {
            StateRecord::Parked(parked) => &parked.orbit,
            StateRecord::Bridged { .. } => &record.first.contact,
        };
        self.news.queue.push_back(Happening {
            at: self.now,
            call: Some(CallNumber(key.0)),
            call_id: (*record.first.dialog.dialog.call_id).into(),
            orbit: Some(orbit.clone()),
            range: self.range_of(self.orbits.find(orbit)),
            fact: Fact::NotAdopted,
        });
    }

    /// Somebody is refused before there is a call, or without one.
    pub(crate) fn tell_refused(&mut self, call_id: &str, orbit: Option<Orbit>, fact: Fact) {
        self.tell_fact(None, call_id.into(), orbit, fact);
    }

    /// No more calls are taken.
    pub(crate) fn tell_drain(&mut self) {
        self.tell_refused("", None, Fact::DrainBegun);
    }

    /// The configuration is another one.
    pub(crate) fn tell_configured(&mut self) {
        self.tell_refused("", None, Fact::Configured);
    }

    /// A leg is about to leave: what is said of it later is noted.
    pub(crate) fn note_left(&mut self, dialog: DialogKey, leg: &Leg) {
        let (first, is_bridge) = match (self.calls.get(&leg.call), self.news.last) {
            (Some(call), _) => (
                Some(call.first).filter(|_| is_told(call)),
                matches!(call.state, State::Bridged(_)),
            ),
            (None, Some((key, first, is_bridge))) if key == leg.call => (Some(first), is_bridge),
            (None, _) => (None, false),
        };
        let side = match first {
            Some(first) if first == dialog => Some(Side::Parkee),
            Some(_) if is_bridge => Some(Side::Retriever),
            _ => None,
        };
        if let Some(side) = side {
            let closing = (leg.call, side, Arc::clone(&leg.call_id), leg.orbit);
            self.news.closing.insert(leg.stream, closing);
        }
        let called = self.news.called.remove(&dialog);
        self.news.left.push(Left {
            dialog,
            call_id: Arc::clone(&leg.call_id),
            orbit: leg.orbit,
            name: leg.identity.name().into(),
            is_uncalled: matches!(leg.turn, Turn::Opening(_)),
            called,
        });
    }

    /// The stream of a leg that is gone is closed.
    pub(crate) fn tell_closed(&mut self, stream: StreamId, stats: StreamStats) {
        let Some((key, side, call_id, orbit)) = self.news.closing.remove(&stream) else {
            return;
        };
        let fact = Fact::MediaEnded { side, stats };
        self.tell_fact(Some(key), call_id, Some(orbit), fact);
    }

    /// Says something of a call that is there.
    pub(crate) fn happened(&mut self, key: CallKey, fact: Fact) {
        let first = self.calls.get(&key).map(|call| call.first);
        let living = first.and_then(|first| self.legs.get(&first));
        let left = first.and_then(|first| self.news.left(first));
        let (call_id, orbit) = match (living, left) {
            (Some(leg), _) => (Arc::clone(&leg.call_id), Some(leg.orbit)),
            (None, Some(left)) => (Arc::clone(&left.call_id), Some(left.orbit)),
            (None, None) => ("".into(), None),
        };
        self.tell_fact(Some(key), call_id, orbit, fact);
    }

    fn tell_fact(
        &mut self,
        key: Option<CallKey>,
        call_id: Arc<str>,
        orbit: Option<Orbit>,
        fact: Fact,
    ) {
        self.news.queue.push_back(Happening {
            at: self.now,
            call: key.map(|key| CallNumber(key.0)),
            call_id,
            orbit: orbit.map(|orbit| self.orbits.number(orbit).into()),
            range: self.range_of(orbit),
            fact,
        });
    }

    /// Begins to tell of a recall; which attempt it is, and who is called.
    fn tell_recall(&mut self, key: CallKey, before: &Parked) -> (u8, Whom) {
        let attempt = before.recalls + 1;
        let (attempt, whom) = match self.calls[&key].chosen {
            Some(_) => (0, Whom::Chosen),
            None if self.is_parker_next(key, before) => (attempt, Whom::Parker),
            None => (attempt, Whom::Fallback),
        };
        let chosen = self.calls[&key].chosen.as_deref();
        let target = chosen.or_else(|| self.to_call(key, before));
        let target = target.unwrap_or_default().into();
        self.happened(
            key,
            Fact::RecallBegun {
                attempt,
                whom,
                target,
            },
        );
        (attempt, whom)
    }

    fn tell_recalled(&mut self, key: CallKey, recall: DialogKey, how: RecallEnd) {
        if let Some((attempt, whom)) = self.news.attempt(recall) {
            self.happened(key, Fact::RecallEnded { attempt, whom, how });
        }
    }

    fn tell_claim(&mut self, key: CallKey, retriever: DialogKey) {
        let (by, way) = (self.name_of(retriever), self.news.way(retriever));
        self.happened(key, Fact::Claimed { by, way });
    }

    fn tell_failed(&mut self, key: CallKey, retriever: DialogKey, why: Why) {
        let (by, way) = (self.name_of(retriever), self.news.way(retriever));
        self.happened(key, Fact::RetrieveFailed { by, way, why });
    }

    fn range_of(&self, orbit: Option<Orbit>) -> Option<Box<str>> {
        self.orbits.range_name(orbit?).map(Into::into)
    }

    fn name_of(&self, dialog: DialogKey) -> Box<str> {
        let living = self.legs.get(&dialog).map(|leg| leg.identity.name());
        let left = || self.news.left(dialog).map(|left| &*left.name);
        living.or_else(left).unwrap_or_default().into()
    }
}

/// Whether a call was said to be parked.
const fn is_told(call: &Call) -> bool {
    match call.state {
        State::Parked(_)
        | State::Retrieving(..)
        | State::Recalling(..)
        | State::Bridged(_)
        | State::Adopting(_) => true,
        State::Parking(_) | State::Fetching(_) | State::Asking(_) | State::Joining { .. } => false,
    }
}

impl From<Farewell> for End {
    fn from(farewell: Farewell) -> Self {
        match farewell {
            Farewell::NotRetrieved => Self::NotRetrieved,
            Farewell::Replaced => Self::Replaced,
            Farewell::Parked => Self::ParkedAnew,
            Farewell::BadAnswer => Self::BadAnswer,
            Farewell::Operator => Self::Operator,
            Farewell::MediaTimeout => Self::MediaTimeout,
            Farewell::MediaLost => Self::MediaLost,
            Farewell::Stopping => Self::Stopping,
        }
    }
}

impl From<lamp::End> for End {
    fn from(end: lamp::End) -> Self {
        match end {
            lamp::End::TimedOut => Self::NotRetrieved,
            lamp::End::Replaced => Self::Replaced,
            lamp::End::Stopping => Self::Stopping,
            lamp::End::Failed => Self::MediaLost,
            // Whoever was retrieved goes on: its call does not end so.
            lamp::End::HungUp
            | lamp::End::Retrieved
            | lamp::End::Recalled
            | lamp::End::Fallback => Self::HungUp,
        }
    }
}
