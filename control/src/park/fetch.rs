//! Taking over a call at its parker's request (RFC 5359 §2.15): we call the parkee with a Replaces
//! that names its dialog with the parker, and when it answers it waits in its orbit. Until then the
//! call is the parker's, and whatever fails leaves it there. A phone that takes too long is asked
//! to forget about it; one whose answer has crossed that has left its parker, and is parked.
//!
//! Absent on purpose: who asks for it and in which words (`refer`, `lync`).

use shared::Time;

use super::limits::{FETCH_TIMEOUT, FETCHES_MAX, LATE_TIMEOUT, WITHDRAW_TIMEOUT};
use super::permit::Parker;
use super::refer::Referral;
use super::{Orbit, ParkToken};
use crate::call::end::with;
use crate::call::limits::{EXPIRES_MARGIN, OPEN_TIMEOUT};
use crate::call::offer::description;
use crate::call::open::NewLeg;
use crate::call::refusal::reason;
use crate::call::{Call, CallKey, Exchange, Refusal, State, Turn, Wish};
use crate::happening::Dialect;
use crate::lamp::End;
use crate::sip::agent::{DialogKey, Outgoing};
use crate::sip::header::{Header, Replaces};
use crate::sip::status::Status;

/// A call that is being taken over.
#[derive(Debug)]
pub(crate) struct Fetch {
    /// `None` once it was told.
    asker: Option<Asker>,
    pub(super) dialect: Dialect,
    pub(super) wanted: Wanted,
    /// Why the phone was asked to forget about it.
    withdrawn: Option<Refusal>,
}

/// Who has asked, and waits to be told.
#[derive(Debug)]
pub(super) enum Asker {
    /// By REFER.
    Refer(Referral),
    /// By an INVITE with a `park-request`.
    Lync,
}

/// The parkee, and its dialog with the parker.
#[derive(Debug)]
pub(super) struct Wanted {
    /// The parkee's URI, without header fields.
    pub(super) target: Box<str>,
    pub(super) call_id: Box<str>,
    pub(super) to_tag: Box<str>,
    pub(super) from_tag: Box<str>,
    /// Who has asked, as the parkee is told (RFC 3892).
    pub(super) referred_by: Option<Box<str>>,
    /// Who is called back should nobody retrieve it.
    pub(super) parker: Option<Box<str>>,
    /// Host and port that the parker knows us by.
    pub(super) host: Box<str>,
}

/// How a request to take over a call ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    Parked(Orbit, ParkToken),
    Failed(Refusal),
}

impl Fetch {
    pub(super) fn new(asker: Asker, wanted: Wanted) -> Self {
        Self {
            dialect: asker.dialect(),
            asker: Some(asker),
            wanted,
            withdrawn: None,
        }
    }
}

impl Wanted {
    /// As a Replaces names it that the parkee gets.
    pub(super) fn replaces(&self) -> Replaces<'_> {
        Replaces {
            call_id: &self.call_id,
            to_tag: &self.to_tag,
            from_tag: &self.from_tag,
            early_only: false,
        }
    }
}

impl Exchange {
    /// Begins to take over a call, for an orbit or for any. Its key, and the orbit.
    pub(super) fn fetch(
        &mut self,
        now: Time,
        orbit: Option<Orbit>,
        parker: &Parker,
        fetch: Fetch,
    ) -> Result<(CallKey, Orbit), Refusal> {
        let replaces = fetch.wanted.replaces();
        if { self.fetches.values() }.any(|other| other.wanted.replaces() == replaces) {
            return Err(Refusal::DoublePark);
        }
        if self.fetches.len() >= FETCHES_MAX {
            return Err(Refusal::TooManyFetches);
        }
        let key = self.new_call_key();
        let orbit = self.take_orbit(orbit, key, parker)?;
        let dialog = self.agent.reserve();
        let leg = NewLeg::alone(dialog, key, orbit, Wish::PARKED);
        let (host, target) = (fetch.wanted.host.clone(), &fetch.wanted.target);
        if let Err(refusal) = self.open_outgoing(&leg, host, target) {
            self.orbits.free(orbit);
            return Err(refusal);
        }
        let parker = fetch.wanted.parker.clone();
        let call = Call::new(dialog, State::Fetching(orbit), parker);
        self.enter_call(now + OPEN_TIMEOUT, key, call);
        self.fetches.insert(key, Box::new(fetch));
        Ok((key, orbit))
    }

    /// Gives an orbit to a call: the one that is named, or any that its parker may park in.
    pub(super) fn take_orbit(
        &mut self,
        orbit: Option<Orbit>,
        key: CallKey,
        parker: &Parker,
    ) -> Result<Orbit, Refusal> {
        match orbit {
            Some(orbit) if self.orbits.take(orbit, key) => Ok(orbit),
            Some(_) => Err(Refusal::OrbitTaken),
            None => {
                let taken = self.orbits.take_any(&mut self.random, key, Some(parker));
                taken.ok_or(Refusal::NoOrbit)
            }
        }
    }

    /// The stream is open: calls the parkee.
    pub(crate) fn fetch_opened(&mut self, now: Time, key: CallKey) {
        let dialog = self.calls[&key].first;
        let outgoing = self.fetch_invite(&self.fetches[&key].wanted, dialog);
        let local = self.local_offer(&self.legs[&dialog]);
        let leg = self.legs.get_mut(&dialog).expect("a call has legs");
        leg.turn = Turn::Calling(leg.wish);
        let body = Some(description(leg.session.offer(&local)));
        self.agent
            .invite_as(now, dialog, Outgoing { body, ..outgoing });
        leg.call_id = self.agent.call_id(dialog);
        self.set_deadline(key, Some(now + FETCH_TIMEOUT));
        let (orbit, call_id) = self.log_fields(dialog);
        tracing::info!(call_id, orbit, dialog = dialog.0, "taking over");
    }

    fn fetch_invite(&self, wanted: &Wanted, dialog: DialogKey) -> Outgoing {
        let target = wanted.target.to_string();
        let Wanted {
            call_id,
            to_tag,
            from_tag,
            ..
        } = wanted;
        let expires = FETCH_TIMEOUT + EXPIRES_MARGIN;
        let mut headers = vec![
            (
                Header::Replaces,
                format!("{call_id};to-tag={to_tag};from-tag={from_tag}"),
            ),
            // A phone that does not know it would ring instead of changing over.
            (Header::Require, "replaces".to_owned()),
            (Header::Expires, expires.as_secs().to_string()),
        ];
        if let Some(referred_by) = &wanted.referred_by {
            headers.push((Header::ReferredBy, referred_by.to_string()));
        }
        Outgoing {
            from: self.orbit_identity(&self.legs[&dialog]),
            to: format!("<{target}>"),
            target,
            routes: Vec::new(),
            headers,
            body: None,
        }
    }

    /// The parkee has let us take the parker's place: it is parked, and its time begins.
    pub(crate) fn fetch_answered(&mut self, now: Time, key: CallKey, orbit: Orbit) {
        let token = ParkToken::new(&mut self.random);
        self.begin_waiting(now, key, orbit, token, self.fetches[&key].dialect);
        self.tell_asker(now, key, Outcome::Parked(orbit, token));
        self.fetches.remove(&key);
    }

    /// The phone takes too long: for its stream, for its answer, for the end of that.
    pub(super) fn fetch_overdue(&mut self, now: Time, key: CallKey) {
        let first = self.calls[&key].first;
        if matches!(self.legs[&first].turn, Turn::Opening(_)) {
            return self.fail_arrival(now, first, Refusal::NoMedia);
        }
        let fetch = &self.fetches[&key];
        match (fetch.withdrawn, &fetch.asker) {
            (None, _) => self.withdraw_fetch(now, key, Refusal::ParkTimeout),
            (Some(refusal), Some(_)) => {
                self.tell_asker(now, key, Outcome::Failed(refusal));
                self.set_deadline(key, Some(now + LATE_TIMEOUT));
            }
            (Some(refusal), None) => self.fail_arrival(now, first, refusal),
        }
    }

    /// Nobody wants the call any more. Whether its phone has changed over meanwhile its answer
    /// tells.
    pub(super) fn withdraw_fetch(&mut self, now: Time, key: CallKey, refusal: Refusal) {
        let first = self.calls[&key].first;
        if !matches!(self.legs[&first].turn, Turn::Calling(_)) {
            return self.fail_arrival(now, first, refusal);
        }
        let fetch = self.fetches.get_mut(&key).expect("the caller looked");
        if fetch.withdrawn.is_some() {
            return;
        }
        fetch.withdrawn = Some(refusal);
        let why = reason(refusal.status().code(), refusal.text());
        self.agent.withdraw(now, first, &with(Some(why)));
        self.set_deadline(key, Some(now + WITHDRAW_TIMEOUT));
    }

    /// The parkee refuses, is gone, or cannot be reached.
    pub(crate) fn fetch_rejected(&mut self, now: Time, key: CallKey, status: Status) {
        let dialog = self.calls[&key].first;
        let (orbit, call_id) = self.log_fields(dialog);
        tracing::info!(call_id, orbit, dialog = dialog.0, %status, "not taken over");
        let withdrawn = self.fetches[&key].withdrawn;
        self.fetch_failed(now, key, withdrawn.unwrap_or(Refusal::NotReplaced(status)));
        self.drop_leg(dialog);
        self.forget_call(key, End::Failed);
    }

    /// Whatever ends a call that is being taken over: who has asked is told, once.
    pub(crate) fn fetch_failed(&mut self, now: Time, key: CallKey, refusal: Refusal) {
        self.tell_asker(now, key, Outcome::Failed(refusal));
        self.fetches.remove(&key);
    }

    fn tell_asker(&mut self, now: Time, key: CallKey, outcome: Outcome) {
        let asker = { self.fetches.get_mut(&key) }.and_then(|fetch| fetch.asker.take());
        let Some(asker) = asker else {
            return;
        };
        if let Outcome::Failed(refusal) = outcome {
            self.tell_not_fetched(key, refusal);
        }
        match asker {
            Asker::Refer(referral) => self.tell_referrer(now, &referral, outcome),
            Asker::Lync => self.tell_requester(now, key, outcome),
        }
    }
}
